# SPDX-License-Identifier: BSD-3-Clause
"""Locks that a forked process finds open: the thread that held one does not exist there to open it."""

from __future__ import annotations

import functools
import os
import sys
import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from ..errors import HeadfieldError

__all__ = ["Lock", "cached_property"]

T = TypeVar("T")


class Lock:
    """A lock of one object.

    A thread that holds it and asks for it again, as a signal's handler may, would wait for ever: that is a
    HeadfieldError.

    Parameters
    ----------
    what : str
        What is done meanwhile, for the message.

    Examples
    --------
    >>> lock = Lock("a head is solved")
    >>> with lock.held() as left_behind:
    ...     print(left_behind)
    False
    """

    def __init__(self, what: str) -> None:
        self._what = what
        self._lock = threading.Lock()
        self._holder: int | None = None
        self._left_behind = False
        _locks.add(self)

    @contextmanager
    def held(self) -> Iterator[bool]:
        """Hold it; yield whether a thread that did so was left behind when this process forked.

        What the lock guards may then be half-changed.
        """
        me = threading.get_ident()
        if self._holder == me:
            raise HeadfieldError(f"{self._what}: a signal's handler must not ask for that again meanwhile")
        with self._lock:  # in one step of the interpreter: an interrupt finds it either open or in this block
            self._holder = me
            left_behind, self._left_behind = self._left_behind, False
            try:
                yield left_behind
            finally:
                self._holder = None

    def _renew(self) -> None:
        if self._holder == threading.get_ident():
            return  # the thread that forked goes on here, and opens it
        # A thread may have got the lock, and wait for the interpreter to say so: `locked()` does not know.
        self._left_behind = self._left_behind or self._holder is not None
        self._lock, self._holder = threading.Lock(), None


_locks: weakref.WeakSet[Lock] = weakref.WeakSet()


def _after_fork() -> None:
    for lock in list(_locks):
        lock._renew()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)

if sys.version_info >= (3, 12):
    from functools import cached_property
else:

    class cached_property(functools.cached_property[T]):
        """That of later Pythons: two threads may both compute a value, and none waits for a lock."""

        def __get__(self, instance: Any, owner: type[Any] | None = None) -> Any:
            if instance is None:
                return self
            assert self.attrname is not None
            kept = instance.__dict__
            if self.attrname not in kept:
                kept[self.attrname] = self.func(instance)
            return kept[self.attrname]
