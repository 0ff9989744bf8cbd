# SPDX-License-Identifier: BSD-3-Clause
"""Command lines of helps and pages, as a reader would paste them."""

import re
import shlex

FENCE = re.compile(r"^ *```\w*\n(.*?)^ *```", re.MULTILINE | re.DOTALL)


def command_lines(text):
    """Yield the words behind `headfield` of each command that stands indented or in a fenced block.

    A word that is set off by more than a blank is a line of a table that some command prints.
    """
    fenced = FENCE.sub(lambda block: "\n" + re.sub(r"^", "    ", block[1], flags=re.MULTILINE), text)
    for line in re.sub(r"\\\n", " ", fenced).splitlines():
        found = re.match(r"\s{2,}(?:\$ )?headfield(?= )(?!  )(.*)", line)
        if found:
            yield shlex.split(found[1], comments=True)
