# SPDX-License-Identifier: BSD-3-Clause
"""Find out how much memory is free; keep the memory of results that nobody uses for the next result.

The system hands out memory page by page and clears each; for a gigabyte of E that takes as long as computing
it, and in a virtual machine several times as long. A loop that solves, looks and solves again gets the same
pages back.
"""

from __future__ import annotations

import contextlib
import math
import os
import sys
import weakref
from collections import deque
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

__all__ = ["Reserve", "free_memory"]

_LEAST = 1 << 22  # bytes: less than that the C library keeps by itself
_MOST_SPARE = 4.0  # times what is asked for: more would be held for little
_SHARE = 0.25  # of the free memory: more is given back to the system


class _Lease:
    """The base of the arrays made of a piece of memory, which it gives back when the last of them is gone."""

    def __init__(self, memory: NDArray[np.uint8], reserve: Reserve) -> None:
        self.__array_interface__ = memory.__array_interface__
        self._memory, self._reserve = memory, weakref.ref(reserve)

    def __del__(self) -> None:
        reserve = self._reserve()
        if reserve is not None:
            reserve.give_back(self._memory)


class Reserve:
    """At most one piece of memory that a result of the same model has left behind.

    Examples
    --------
    >>> reserve = Reserve()
    >>> first = reserve.empty((3, 1 << 20), np.float32)
    >>> address = first.ctypes.data
    >>> part = first[1:]
    >>> del first
    >>> second = reserve.empty((3, 1 << 20), np.float32)  # a part of the first is still in use
    >>> del part
    >>> third = reserve.empty((3, 1 << 20), np.float32)
    >>> second.ctypes.data == address, third.ctypes.data == address
    (False, True)
    """

    def __init__(self) -> None:
        # Taken and put by single steps that no other thread comes between: solves may run in several, and a
        # lock could be held where the last array goes.
        self._spare: deque[NDArray[np.uint8]] = deque(maxlen=1)

    def empty(self, shape: tuple[int, ...], dtype: DTypeLike) -> NDArray[Any]:
        """Return an array whose values are not set, as `numpy.empty` does."""
        size = math.prod(shape) * np.dtype(dtype).itemsize
        if size < _LEAST:
            return np.empty(shape, dtype)
        memory = None
        with contextlib.suppress(IndexError):
            memory = self._spare.pop()
        if memory is None or not size <= memory.nbytes <= _MOST_SPARE * size:
            memory = None  # back to the system before more is taken
            memory = np.empty(size, np.uint8)
        return np.asarray(_Lease(memory, self))[:size].view(dtype).reshape(shape)

    def give_back(self, memory: NDArray[np.uint8]) -> None:
        """Keep what a result leaves behind, the larger of two pieces, if there is plenty."""
        if self.spare_bytes < memory.nbytes <= _SHARE * free_memory():
            self._spare.append(memory)

    @property
    def spare_bytes(self) -> int:
        """How many bytes are kept; they go back to the system before a larger piece is taken."""
        return sum(memory.nbytes for memory in self._spare.copy())


def free_memory() -> float:
    """Return how many bytes this process can still have without swapping; inf if the system doesn't say.

    All but the smallest solves ask, some of which take a few milliseconds: hence the plain reads.
    """
    limits = [_available()]
    for limit, used in _CONTROL_GROUPS:  # of version 2, and of version 1
        most, now = _first_number(limit), _first_number(used)
        if most is not None and now is not None:
            limits.append(most - now)
    if sys.platform == "linux":
        import resource

        soft, _ = resource.getrlimit(resource.RLIMIT_AS)
        if soft != resource.RLIM_INFINITY and (pages := _first_number("/proc/self/statm")) is not None:
            limits.append(soft - pages * resource.getpagesize())
    return max(0.0, min(limits))


_CONTROL_GROUPS = [
    pair
    for pair in (
        ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"),
        ("/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory/memory.usage_in_bytes"),
    )
    if os.path.exists(pair[0])
]


def _available() -> float:
    content = _content("/proc/meminfo")
    try:
        return float(content[content.index(b"MemAvailable:") :].split(maxsplit=2)[1]) * 1024.0
    except (ValueError, IndexError):
        return float("inf")


def _first_number(path: str) -> float | None:
    try:
        return float(_content(path).split(maxsplit=1)[0])
    except (ValueError, IndexError):
        return None


def _content(path: str) -> bytes:
    """Return the first 4 KB of a file of the system, nothing if it can't be read."""
    try:
        file = os.open(path, os.O_RDONLY)
    except OSError:
        return b""
    try:
        return os.read(file, 4096)
    except OSError:
        return b""
    finally:
        os.close(file)
