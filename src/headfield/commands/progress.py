# SPDX-License-Identifier: BSD-3-Clause
"""Show progress on stderr: on a terminal one line that is rewritten, in a log a line every ten seconds."""

from __future__ import annotations

import contextlib
import sys
import threading
import time
from types import TracebackType

from ..core.messages import plural

__all__ = ["Progress", "Stages", "tell"]

_LOG_SECONDS = 10.0
_TICK_SECONDS = 1.0


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
        text = f"headfield: {count:,} of {plural(self._total, 'pose', 'poses')}"
        if count > self._first[1] and not finished:
            left = (self._total - count) * (now - self._first[0]) / (count - self._first[1])
            text += f", {left:.0f} s left"
        self._open = self._terminal and not finished
        if self._terminal:
            text = f"\r{text:50}"  # blanks over what a longer line left
        tell(text, end="" if self._open else "\n")


class Stages:
    """Tell which stage of a work is going on; on a terminal, also for how long.

    Attributes
    ----------
    seconds : dict of str to float
        How long each stage took that has ended.

    Examples
    --------
    >>> with Stages(quiet=True) as stages:
    ...     stages.begin("reading")
    ...     stages.begin("writing")
    >>> list(stages.seconds)
    ['reading', 'writing']
    """

    def __init__(self, quiet: bool = False) -> None:
        self.seconds: dict[str, float] = {}
        self._quiet, self._terminal = quiet, sys.stderr.isatty()
        self._now, self._since = "", 0.0
        self._over = threading.Event()
        self._clock = threading.Thread(target=self._tick, daemon=True)

    def __enter__(self) -> Stages:
        """Begin, without a stage yet."""
        if self._terminal and not self._quiet:
            self._clock.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the stage that is going on."""
        self._over.set()
        if self._clock.is_alive():
            self._clock.join()
        self._end()

    def begin(self, stage: str) -> None:
        """Begin a stage, which ends the one before."""
        self._end()
        self._now, self._since = stage, time.perf_counter()
        if not self._quiet and not self._terminal:
            tell(f"headfield: {stage}")

    def _end(self) -> None:
        if not self._now:
            return
        took = time.perf_counter() - self._since
        self.seconds[self._now] = self.seconds.get(self._now, 0.0) + took
        if self._terminal and not self._quiet:
            tell(f"{f'headfield: {self._now}, {took:.1f} s':60}")
        self._now = ""

    def _tick(self) -> None:
        """Rewrite the line each second; the cursor stays at its beginning, so that warnings write over it."""
        while not self._over.wait(_TICK_SECONDS):
            if stage := self._now:
                took = time.perf_counter() - self._since
                tell(f"{f'headfield: {stage}, {took:.0f} s':60}", end="\r")
