# SPDX-License-Identifier: BSD-3-Clause
"""Show progress on stderr: on a terminal one line that is rewritten, in a log a line every ten seconds."""

from __future__ import annotations

import contextlib
import sys
import time

__all__ = ["Progress", "tell"]

_LOG_SECONDS = 10.0


def tell(text: str, end: str = "\n") -> None:
    """Write to stderr if possible: a closed terminal, or a full disk under a log, must not stop a solve."""
    with contextlib.suppress(OSError):
        print(text, end=end, file=sys.stderr, flush=True)


class Progress:
    """Tell how many of `total` poses are done.

    Examples
    --------
    >>> progress = Progress(500, quiet=True)
    >>> progress.done(32)
    """

    def __init__(self, total: int, quiet: bool = False) -> None:
        self._total, self._quiet = total, quiet
        self._terminal = sys.stderr.isatty()
        self._open = False  # whether the last line on the terminal still has no end
        self._first: tuple[float, int] | None = None
        self._last = 0.0

    def say(self, text: str, *, always: bool = False) -> None:
        """Print a text in a line of its own, `always` or unless it is to be quiet."""
        if always or not self._quiet:
            tell(("\n" if self._open else "") + f"headfield: {text}")
            self._open = False

    def done(self, count: int) -> None:
        """Print how many are done and how long the rest will take, unless the last line is too recent."""
        now = time.perf_counter()
        self._first = self._first or (now, count)
        finished = count >= self._total
        if self._quiet or not (self._terminal or finished or now - self._last >= _LOG_SECONDS):
            return
        self._last = now
        text = f"headfield: {count} of {self._total} poses"
        if count > self._first[1] and not finished:
            left = (self._total - count) * (now - self._first[0]) / (count - self._first[1])
            text += f", {left:.0f} s left"
        self._open = self._terminal and not finished
        if self._terminal:
            text = f"\r{text:50}"  # blanks over what a longer line left
        tell(text, end="" if self._open else "\n")
