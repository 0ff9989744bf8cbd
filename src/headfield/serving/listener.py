# SPDX-License-Identifier: BSD-3-Clause
"""The end of a hub that someone listens at."""

from __future__ import annotations

import threading
from collections.abc import Callable

from ..core.arguments import not_negative
from ..errors import ArgumentError
from .frame import Frame

__all__ = ["Listener"]


class Listener:
    """Holds the newest frame of a hub until it is fetched; `Hub.listen` makes it.

    Close it, or use it in a `with` statement.
    """

    def __init__(self, woken: Callable[[], object] | None, forget: Callable[[Listener], object]) -> None:
        self._woken, self._forget = woken, forget
        self._changed = threading.Condition()
        self._frame: Frame | None = None
        self._closed = False

    def __enter__(self) -> Listener:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def closed(self) -> bool:
        """Whether no more frames will come: it was closed, or the hub."""
        return self._closed

    def get(self, timeout_s: float | None = None) -> Frame | None:
        """Wait for a frame that was not fetched yet, and return the newest.

        Parameters
        ----------
        timeout_s : float, optional
            How long to wait, s; 0 not at all. By default until there is one, or the hub is closed.

        Returns
        -------
        Frame or None
            None if there is nothing new in time, or no more to come.

        Raises
        ------
        ArgumentError
            A time below 0.
        """
        if timeout_s is not None:
            timeout_s = not_negative(timeout_s, "timeout_s", ArgumentError)
        with self._changed:
            self._changed.wait_for(lambda: self._frame is not None or self._closed, timeout_s)
            frame, self._frame = self._frame, None
            return frame

    def close(self) -> None:
        """Listen no longer."""
        self._forget(self)
        with self._changed:
            self._frame, self._closed, self._woken = None, True, None
            self._changed.notify_all()

    def offer(self, frame: Frame) -> bool:
        """Take a frame in place of the one before; False if the function to be told raised an error."""
        with self._changed:
            if not self._closed:
                self._frame = frame
            self._changed.notify_all()
        return self._tell()

    def end(self) -> None:
        """Say that there is no more to come; a frame that was not fetched stays."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._tell()

    def _tell(self) -> bool:
        woken = self._woken
        try:
            if woken is not None:
                woken()
        except Exception:  # such as that of a loop that is closed; it must not end the hub
            self._woken = None
            return False
        return True
