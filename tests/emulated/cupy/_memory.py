# SPDX-License-Identifier: BSD-3-Clause
"""Memory of the emulated device: host memory, counted, filled with 0xFF, refused above a limit."""

import ctypes
import weakref
from typing import Any

import numpy as np

TOTAL = 16 << 30
_live: dict[int, int] = {}  # id of what owns memory -> its bytes
_limit: list[int | None] = [None]
_libc = ctypes.CDLL(None)


class OutOfMemoryError(MemoryError):
    """The device has less memory left than asked for."""

    def __init__(self, size: int, total: int, limit: int = 0) -> None:
        text = f"Out of memory allocating {size:,} bytes (allocated so far: {total:,} bytes"
        super().__init__(f"{text}, limit set to: {limit:,} bytes)." if limit else f"{text}).")


def used_bytes() -> int:
    return sum(list(_live.values()))


def limit() -> int:
    return TOTAL if _limit[0] is None else _limit[0]


def set_limit(nbytes: int | None) -> None:
    """Bytes that may live at a time; None for as many as the device has."""
    _limit[0] = nbytes


def check_room(nbytes: int) -> None:
    if nbytes + used_bytes() > limit():
        raise OutOfMemoryError(nbytes, used_bytes(), _limit[0] or 0)


def count(owner: Any, nbytes: int) -> None:
    """Counts memory for as long as its owner lives."""
    if id(owner) not in _live:
        _live[id(owner)] = nbytes
        weakref.finalize(owner, _live.pop, id(owner)).atexit = False


def owner_of(a: np.ndarray) -> Any:
    root: Any = a
    while getattr(root, "base", None) is not None:
        root = root.base
    return root


class Memory:
    """Aligned as by cudaMalloc; of the exact size, so that a sanitizer sees what goes beyond."""

    def __init__(self, nbytes: int) -> None:
        check_room(nbytes)
        self.size = nbytes
        self.ptr = 0
        self.buffer: Any = None
        if not nbytes:
            return
        p = ctypes.c_void_p()
        if _libc.posix_memalign(ctypes.byref(p), ctypes.c_size_t(256), ctypes.c_size_t(nbytes)):
            raise OutOfMemoryError(nbytes, used_bytes())
        assert p.value is not None
        self.ptr = p.value
        ctypes.memset(self.ptr, 0xFF, nbytes)
        self.buffer = (ctypes.c_char * nbytes).from_address(self.ptr)
        count(self.buffer, nbytes)
        weakref.finalize(self.buffer, _libc.free, p).atexit = False


class UnownedMemory:
    """Somebody else's memory, who is kept alive."""

    def __init__(self, ptr: int, size: int, owner: Any, device_id: int = -1) -> None:
        self.ptr, self.size, self.owner = ptr, size, owner
        self.buffer = (ctypes.c_char * size).from_address(ptr) if size else None
        if self.buffer is not None:
            self.buffer.owner = owner


class MemoryPointer:
    """Where in a memory; what `alloc` returns and `ndarray.data` is."""

    def __init__(self, mem: Any, offset: int) -> None:
        self.mem = mem
        self.ptr = mem.ptr + offset
        self.device_id = 0

    def __int__(self) -> int:
        return self.ptr


def alloc(nbytes: int) -> MemoryPointer:
    return MemoryPointer(Memory(int(nbytes)), 0)


def array_on(
    mem: Any, offset: int, shape: Any, dtype: Any, strides: Any = None, order: str = "C"
) -> np.ndarray:
    if mem.buffer is None:
        return np.empty(shape, dtype, order)  # type: ignore[call-overload]
    return np.ndarray(shape, dtype, mem.buffer, offset, strides, order)  # type: ignore[call-overload]


class PinnedMemoryPointer(bytearray):
    """Page-locked host memory; `numpy.frombuffer` takes it."""

    def __init__(self, nbytes: int) -> None:
        super().__init__(b"\xff" * nbytes)
        self.mem = self

    @property
    def ptr(self) -> int:
        return np.frombuffer(self, np.uint8).ctypes.data if len(self) else 0

    def size(self) -> int:
        return len(self)


class MemoryPool:
    """The pool: frees at once, so it never holds what nobody uses."""

    def used_bytes(self) -> int:
        return used_bytes()

    total_bytes = used_bytes

    def free_bytes(self) -> int:
        return 0

    def n_free_blocks(self) -> int:
        return 0

    def free_all_blocks(self, stream: Any = None) -> None:
        pass

    def set_limit(self, size: int | None = None, fraction: float | None = None) -> None:
        set_limit(int(fraction * TOTAL) if fraction is not None else size or None)

    def get_limit(self) -> int:
        return _limit[0] or 0


class PinnedMemoryPool:
    def n_free_blocks(self) -> int:
        return 0

    def free_all_blocks(self) -> None:
        pass
