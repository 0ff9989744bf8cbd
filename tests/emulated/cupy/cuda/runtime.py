# SPDX-License-Identifier: BSD-3-Clause
"""The CUDA runtime as far as Python asks for it."""

import ctypes
from typing import Any

from cupy import _memory

is_hip = False
memcpyHostToDevice, memcpyDeviceToHost, memcpyDeviceToDevice, memcpyDefault = 1, 2, 3, 4
NAMES = {
    2: ("cudaErrorMemoryAllocation", "out of memory"),
    100: ("cudaErrorNoDevice", "no CUDA-capable device is detected"),
    101: ("cudaErrorInvalidDevice", "invalid device ordinal"),
    400: ("cudaErrorInvalidResourceHandle", "invalid resource handle"),
}


class CUDARuntimeError(RuntimeError):
    def __init__(self, status: int) -> None:
        self.status = status
        super().__init__("{}: {}".format(*NAMES.get(status, ("cudaErrorUnknown", "unknown error"))))

    def __reduce__(self) -> Any:
        return type(self), (self.status,)


def _check(device: int) -> None:
    if int(device) != 0:
        raise CUDARuntimeError(101)


def getDeviceCount() -> int:
    return 1


def getDevice() -> int:
    return 0


def setDevice(device: int) -> None:
    _check(device)


def getDeviceProperties(device: int) -> dict[str, Any]:
    _check(device)
    return {
        "name": b"emulated device",
        "totalGlobalMem": _memory.limit(),
        "major": 9,
        "minor": 0,
        "multiProcessorCount": 4,
        "warpSize": 32,
        "maxThreadsPerBlock": 1024,
        "l2CacheSize": 4 << 20,
        "sharedMemPerBlock": 48 << 10,
    }


def memGetInfo() -> tuple[int, int]:
    return max(_memory.limit() - _memory.used_bytes(), 0), _memory.limit()


def runtimeGetVersion() -> int:
    return 12080


def driverGetVersion() -> int:
    return 12080


def deviceSynchronize() -> None:
    pass


def streamSynchronize(stream: int) -> None:
    pass


def memcpy(dst: int, src: int, size: int, kind: int) -> None:
    ctypes.memmove(dst, src, size)


def memcpyAsync(dst: int, src: int, size: int, kind: int, stream: int) -> None:
    ctypes.memmove(dst, src, size)


def memset(ptr: int, value: int, size: int) -> None:
    ctypes.memset(ptr, value, size)


def memsetAsync(ptr: int, value: int, size: int, stream: int) -> None:
    ctypes.memset(ptr, value, size)
