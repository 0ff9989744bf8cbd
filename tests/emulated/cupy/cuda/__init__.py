# SPDX-License-Identifier: BSD-3-Clause
"""Streams, events and the one device. Work is done at once, so nothing here waits."""

import itertools
import threading
import time
from typing import Any

from cupy import _memory
from cupy._memory import MemoryPointer, MemoryPool, OutOfMemoryError, PinnedMemoryPool, UnownedMemory, alloc
from cupy._memory import PinnedMemoryPointer as _PinnedMemoryPointer
from cupy._memory import set_limit as _set_limit  # bytes that the device has, or None; for tests

from . import memory, runtime

__all__ = [
    "Device",
    "Event",
    "ExternalStream",
    "MemoryPointer",
    "MemoryPool",
    "OutOfMemoryError",
    "PinnedMemoryPool",
    "Stream",
    "UnownedMemory",
    "_set_limit",
    "alloc",
    "alloc_pinned_memory",
    "get_current_stream",
    "get_elapsed_time",
    "memory",
    "runtime",
]

_made = itertools.count(1)
_local = threading.local()


def is_available() -> bool:
    return True


def alloc_pinned_memory(nbytes: int) -> _PinnedMemoryPointer:
    return _PinnedMemoryPointer(int(nbytes))


def _stack() -> list["_BaseStream"]:
    if not hasattr(_local, "streams"):
        _local.streams = [Stream.null]
    return _local.streams


def get_current_stream(device_id: int | None = None) -> "_BaseStream":
    return _stack()[-1]


class _BaseStream:
    ptr: int
    device_id = 0

    def __enter__(self) -> Any:
        _stack().append(self)
        return self

    def __exit__(self, *args: Any) -> None:
        _stack().pop()

    def __eq__(self, other: Any) -> bool:
        return isinstance(other, _BaseStream) and self.ptr == other.ptr

    def __hash__(self) -> int:
        return hash(self.ptr)

    def use(self) -> Any:
        _stack()[-1] = self
        return self

    @property
    def done(self) -> bool:
        return True

    def synchronize(self) -> None:
        pass

    def record(self, event: "Event | None" = None) -> "Event":
        event = Event() if event is None else event
        event.record(self)
        return event

    def wait_event(self, event: "Event") -> None:
        if not isinstance(event, Event):
            raise TypeError("event has to be a cupy.cuda.Event")


class Stream(_BaseStream):
    """The emulated runtime takes any pointer for a stream; its lowest bit says that it is non-blocking."""

    null: "Stream"
    ptds: "Stream"

    def __init__(
        self, null: bool = False, non_blocking: bool = False, ptds: bool = False, priority: int | None = None
    ) -> None:
        self.null_stream = null
        if null:
            self.ptr = 0
        elif ptds:
            self.ptr = 2
        else:
            self.ptr = 1000 + 2 * next(_made) + non_blocking


Stream.null = Stream(null=True)
Stream.ptds = Stream(ptds=True)


class ExternalStream(_BaseStream):
    def __init__(self, ptr: int, device_id: int = -1) -> None:
        self.ptr = int(ptr)


class Event:
    def __init__(self, block: bool = False, disable_timing: bool = False, interprocess: bool = False) -> None:
        self.timed = not disable_timing
        self.time: float | None = None
        self.ptr = id(self)

    def record(self, stream: _BaseStream | None = None) -> None:
        self.time = time.perf_counter()

    def synchronize(self) -> None:
        pass

    @property
    def done(self) -> bool:
        return True


def get_elapsed_time(start_event: Event, end_event: Event) -> float:
    """Milliseconds between two events."""
    if not (start_event.timed and end_event.timed) or start_event.time is None or end_event.time is None:
        raise runtime.CUDARuntimeError(400)
    return 1e3 * (end_event.time - start_event.time)


class Device:
    def __init__(self, device: "int | Device | None" = None) -> None:
        self.id = 0 if device is None else int(device)
        if self.id < 0:
            raise ValueError(f"Device ID {self.id} is negative")
        self.compute_capability = "90"
        self.attributes: dict[str, int] = {}

    @property
    def mem_info(self) -> tuple[int, int]:
        total = _memory.limit()
        return max(total - _memory.used_bytes(), 0), total

    @property
    def pci_bus_id(self) -> str:
        return "0000:00:00.0"

    def use(self) -> "Device":
        if self.id:
            raise runtime.CUDARuntimeError(101)
        return self

    def synchronize(self) -> None:
        self.use()

    def __enter__(self) -> "Device":
        return self.use()

    def __exit__(self, *args: Any) -> None:
        pass

    def __int__(self) -> int:
        return self.id

    def __eq__(self, other: Any) -> bool:
        return isinstance(other, Device) and self.id == other.id

    def __hash__(self) -> int:
        return hash(self.id)

    def __repr__(self) -> str:
        return f"<CUDA Device {self.id}>"
