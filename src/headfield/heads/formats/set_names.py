# SPDX-License-Identifier: BSD-3-Clause
"""Names of sets and blocks of elements that stand for tags, where a format has sets and no numbers."""

from __future__ import annotations

import re

__all__ = ["set_name", "tag_of"]


def set_name(tag: int) -> str:
    """Return the name of the set of all elements with a tag.

    Examples
    --------
    >>> set_name(2), set_name(-1)
    ('tag_2', 'tag_-1')
    """
    return f"tag_{tag}"


def tag_of(name: str) -> int | None:
    """Return the tag that a name of `set_name` stands for, in either case; None for other names.

    Examples
    --------
    >>> tag_of("tag_2"), tag_of("TAG_-1"), tag_of("skull")
    (2, -1, None)
    """
    found = re.fullmatch(r"tag_(-?\d{1,9})", name, re.ASCII | re.IGNORECASE)
    return int(found[1]) if found else None
