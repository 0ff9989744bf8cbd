# SPDX-License-Identifier: BSD-3-Clause
"""Signals that ask a run to end: after the batch that is being solved, or at once on the second one."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

__all__ = ["Stopped", "Stopping"]

_SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP", "SIGUSR1")  # a terminal, a scheduler or its limit of time


class Stopped(KeyboardInterrupt):
    """A signal ended a run.

    Attributes
    ----------
    number : int
        Of the signal; 128 + `number` is the exit code that shells know it by.
    report : object
        How far the run is, where it says so.
    """

    report: Any = None

    def __init__(self, number: int) -> None:
        super().__init__(f"stopped by {signal.Signals(number).name}")
        self.number = number


class Stopping:
    """Turn signals into `Stopped` while a run is on.

    Until `after_batches` the first signal raises `Stopped` where the program is. From then on it waits for
    `check`, and only a second one raises at once.

    Parameters
    ----------
    unit : str
        What is finished first, as the message calls it.

    Examples
    --------
    >>> with Stopping().listening() as stopping:
    ...     stopping.after_batches()
    ...     os.kill(os.getpid(), signal.SIGTERM)
    ...     try:
    ...         stopping.check()
    ...     except Stopped as stop:
    ...         print(stop, stop.number)
    stopped by SIGTERM 15
    """

    def __init__(self, unit: str = "batch") -> None:
        self._unit, self._waits = unit, False
        self._asked: int | None = None

    def after_batches(self) -> None:
        """From now on end between batches."""
        self._waits = True

    def check(self) -> None:
        """Raise `Stopped` if a signal has come."""
        if self._asked is not None:
            raise Stopped(self._asked)

    @contextmanager
    def listening(self) -> Iterator[Stopping]:
        """Handle the signals within this block; those that the caller ignores stay ignored.

        Only the main thread can: elsewhere signals keep the meaning that they have.
        """
        before: dict[int, Any] = {}
        try:
            if threading.current_thread() is threading.main_thread():
                for name in _SIGNALS:
                    number = getattr(signal, name, None)
                    if number is not None and signal.getsignal(number) not in (signal.SIG_IGN, None):
                        before[number] = signal.signal(number, self._handle)
            yield self
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if not self._waits or self._asked is not None:
            raise Stopped(number)
        self._asked = number
        # A handler may run in the middle of a print, so it writes past Python's buffers.
        name = signal.Signals(number).name
        text = f"\nheadfield: {name}: ends after this {self._unit}; once more ends it now\n"
        # Where SIGHUP comes from, there is nothing left to write to.
        with contextlib.suppress(OSError, ValueError):
            os.write(sys.stderr.fileno(), text.encode())
