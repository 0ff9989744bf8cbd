# SPDX-License-Identifier: BSD-3-Clause
"""The only importer of the native modules; the one place that knows devices, threads and free memory."""

from __future__ import annotations

import functools
import importlib
import os
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import _cpu as cpu
from .errors import DeviceError

__all__ = [
    "Device",
    "beside",
    "check_threads",
    "cpu",
    "find_gpu",
    "free_memory",
    "is_on_gpu",
    "on_host",
    "select",
    "using_threads",
]

_default_threads = cpu.max_threads()
_forked = False


def _after_fork() -> None:
    # The OpenMP pool of the parent does not exist in a forked child; asking for it would wait for ever.
    global _forked
    _forked = True
    cpu.set_threads(1)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


class Device:
    """Where a model computes: its native module, and how arrays get there and back.

    Attributes
    ----------
    name : {"cpu", "cuda"}
    native : module
        `_cpu` or `_cuda`.
    xp : module
        NumPy or CuPy: what its arrays are made by. Work goes to CuPy's current stream.
    """

    def __init__(self, name: str, native: Any, xp: Any) -> None:
        self.name, self.native, self.xp = name, native, xp
        self._id = None if xp is np else xp.cuda.Device().id

    def current(self) -> AbstractContextManager[Any]:
        """Makes this GPU the current one, if others are there."""
        return nullcontext() if self._id is None else self.xp.cuda.Device(self._id)

    def put(self, array: Any) -> Any:
        """An array, C-contiguous on this device; itself if it is that already."""
        return self.xp.ascontiguousarray(array)

    def indices(self, array: Any, below: int, *, row_pointer: bool = False) -> Any:
        """Indices in 0…below − 1 on this device, checked here (ValueError) and not in each native call."""
        return self.native.Indices(self.put(array), below, row_pointer)

    def get(self, array: Any) -> NDArray[Any]:
        """A NumPy array of what lies on this device."""
        return array if self.xp is np else self.xp.asnumpy(array)

    def compute(self, function: Any, *arrays: NDArray[Any]) -> NDArray[Any]:
        """A native function of NumPy arrays, as a NumPy array."""
        return self.get(function(*(self.put(a) for a in arrays)))

    def wait(self) -> None:
        """Until the work that was given to this device is done."""
        if self.xp is not np:
            self.xp.cuda.get_current_stream().synchronize()

    def free_memory(self) -> float:
        """Bytes that can still be had on this device."""
        if self.xp is np:
            return free_memory()
        with self.current():
            free, _ = self.xp.cuda.Device().mem_info
            return float(free + self.xp.get_default_memory_pool().free_bytes())

    def release(self) -> None:
        """Give memory that nobody holds back to the device, and pinned memory to the host."""
        if self.xp is not np:
            with self.current():
                self.xp.get_default_memory_pool().free_all_blocks()
                self.xp.get_default_pinned_memory_pool().free_all_blocks()


_CPU = Device("cpu", cpu, np)


def select(device: str) -> Device:
    """The device "cpu" or "cuda"; "auto" is $HEADFIELD_DEVICE if set, else a usable GPU, else the CPU."""
    name = device
    if isinstance(device, str) and device == "auto":
        name = os.environ.get("HEADFIELD_DEVICE") or "auto"
    if not isinstance(name, str) or name not in ("auto", "cpu", "cuda"):
        source = "device" if name is device else "HEADFIELD_DEVICE"
        raise DeviceError(f"{source} must be 'auto', 'cpu' or 'cuda', not {name!r}")
    if name == "cpu":
        return _CPU
    found = "a forked process can't use a GPU; start it with spawn" if _forked else find_gpu()
    if not isinstance(found, str):
        return Device("cuda", *found)
    if name == "auto":
        return _CPU
    raise DeviceError(f"device='cuda': {found}")


@functools.cache
def find_gpu() -> tuple[Any, Any] | str:
    """The modules `_cuda` and `cupy` if there is a GPU for them, or what is missing, in one line."""
    try:
        native = importlib.import_module("headfield._cuda")
    except ModuleNotFoundError:
        return (
            "this build of headfield has no CUDA module; reinstall it where nvcc is found (HEADFIELD_CUDA=ON)"
        )
    except ImportError as problem:
        return f"the CUDA module can't be loaded: {problem}"
    try:
        import cupy
    except ImportError as problem:
        return f"CuPy is missing (pip install cupy-cuda12x or cupy-cuda13x): {problem}"
    try:
        if cupy.cuda.runtime.getDeviceCount() == 0:
            return "no NVIDIA GPU was found"
        some = [cupy.ones((1, 3))] * 4
        native.Sources(*some).nearest(some[0]).get()
    except Exception as problem:  # whatever CuPy and the driver raise: the caller is told
        return f"the GPU is not usable: {' '.join(str(problem).split())}"
    return native, cupy


def is_on_gpu(values: Any) -> bool:
    """Whether this is a CuPy array; CuPy is not imported for it."""
    return type(values).__module__.partition(".")[0] == "cupy"


def beside(values: Any, array: NDArray[Any]) -> Any:
    """A NumPy array where `values` lie: as a CuPy array if they are one."""
    if not is_on_gpu(values):
        return array
    import cupy

    return cupy.asarray(array)


def on_host(values: Any) -> Any:
    """A CuPy array as a NumPy array; anything else as it is."""
    return values.get() if is_on_gpu(values) else values


def check_threads(threads: int | None) -> int:
    """Threads to run with; None for all cores (or OMP_NUM_THREADS)."""
    if threads is None:
        return _default_threads
    most = max(64, 4 * (os.cpu_count() or 1))
    if isinstance(threads, bool) or not isinstance(threads, (int, np.integer)) or not 1 <= threads <= most:
        raise DeviceError(f"threads must be a whole number between 1 and {most}, not {threads!r}")
    return int(threads)


@contextmanager
def using_threads(threads: int) -> Iterator[int]:
    """Run the native loops inside with so many threads, one in a forked process; yields the number."""
    before, now = cpu.max_threads(), 1 if _forked else threads
    cpu.set_threads(now)
    try:
        yield now
    finally:
        cpu.set_threads(before)


def free_memory() -> float:
    """Bytes that this process can still have without swapping; infinity where the system doesn't say."""
    limits = [_available(), _left("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current")]
    cgroup1 = "/sys/fs/cgroup/memory/memory."
    limits.append(_left(cgroup1 + "limit_in_bytes", cgroup1 + "usage_in_bytes"))
    if sys.platform == "linux":
        import resource

        soft, _ = resource.getrlimit(resource.RLIMIT_AS)
        pages = _number("/proc/self/statm")
        if soft != resource.RLIM_INFINITY and pages is not None:
            limits.append(soft - pages * resource.getpagesize())
    return max(0.0, min(limits))


def _available() -> float:
    try:
        for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines():
            if line.startswith("MemAvailable:"):
                return float(line.split()[1]) * 1024.0
    except (OSError, ValueError, IndexError):
        pass
    return float("inf")


def _left(limit: str, used: str) -> float:
    """Limit less use, as two files of a control group say; infinity without them or without a limit."""
    most, now = _number(limit), _number(used)
    return float("inf") if most is None or now is None else most - now


def _number(path: str) -> float | None:
    try:
        return float(Path(path).read_text(encoding="ascii").split()[0])
    except (OSError, ValueError, IndexError):
        return None
