# SPDX-License-Identifier: BSD-3-Clause
"""The only importer of the native modules; the one place that knows devices and threads."""

from __future__ import annotations

import importlib
import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import DeviceError
from . import _cpu as cpu
from .arguments import is_whole
from .memory import free_memory
from .messages import in_one_line

__all__ = [
    "Device",
    "NoGpu",
    "beside",
    "check_threads",
    "cpu",
    "find_gpu",
    "gpu",
    "is_on_gpu",
    "on_host",
    "select",
    "using_threads",
    "wanted",
]

_NO_DEVICE = 100  # cudaErrorNoDevice
_NO_FORK = "a forked process can't use a GPU; start it with spawn"
_default_threads = cpu.max_threads()
_forked = False


def _after_fork() -> None:
    # The OpenMP pool of the parent does not exist in a forked child; asking for it would wait for ever.
    global _forked
    _forked = True
    cpu.set_threads(1)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


class NoGpu(DeviceError):
    """There is no GPU, or something that is needed to use one is not installed; nothing has failed."""


class Device:
    """Where a model computes: its native module, and how arrays get there and back.

    Attributes
    ----------
    name : {"cpu", "cuda"}
    id : int or None
        Which of the GPUs.
    native : module
        `_cpu` or `_cuda`.
    xp : module
        NumPy or CuPy: what its arrays are made by. Work goes to CuPy's current stream.
    """

    def __init__(self, name: str, native: Any, xp: Any) -> None:
        self.name, self.native, self.xp = name, native, xp
        self.id = None if xp is np else int(xp.cuda.Device().id)

    def current(self) -> AbstractContextManager[Any]:
        """Make this GPU the current one if there are others; raise NoGpu in a forked process."""
        if self.id is None:
            return nullcontext()
        if _forked:
            raise NoGpu(_NO_FORK)
        return self.xp.cuda.Device(self.id)

    def put(self, array: Any) -> Any:
        """Return an array C-contiguous on this device; the array itself if it is that already.

        Raise DeviceError for an array on another GPU.
        """
        if self.id is not None and is_on_gpu(array) and array.device.id != self.id:
            raise DeviceError(f"an array lies on GPU {array.device.id}, and what it is for on GPU {self.id}")
        return self.xp.asarray(array, order="C")  # CuPy's ascontiguousarray takes no NumPy array

    def indices(self, array: Any, below: int, *, row_pointer: bool = False, own: bool = False) -> Any:
        """Return indices in 0…below − 1 on this device, checked here (ValueError), not in each native call.

        An array that others can still write to is copied, unless the caller says that nobody has it (`own`).
        """
        if self.xp is np and array.flags.writeable and not own:
            array = array.copy()
        return self.native.Indices(self.put(array), below, row_pointer)

    def failure(self, problem: Exception) -> DeviceError | None:
        """Return a DeviceError in place of an error of the driver or of CuPy; None for any other error."""
        if type(problem).__module__.partition(".")[0] not in ("cupy", "cupy_backends"):
            return None
        return DeviceError(f"the GPU failed: {in_one_line(problem)}")

    def get(self, array: Any) -> NDArray[Any]:
        """Return a NumPy array of what lies on this device."""
        return array if self.xp is np else self.xp.asnumpy(array)

    def compute(self, function: Any, *arrays: NDArray[Any]) -> NDArray[Any]:
        """Call a native function with NumPy arrays, and return its result as one."""
        return self.get(function(*(self.put(a) for a in arrays)))

    def wait(self) -> None:
        """Wait until the work that was given to this device is done."""
        if self.xp is not np:
            self.xp.cuda.get_current_stream().synchronize()

    def free_memory(self) -> float:
        """Return how many bytes can still be allocated on this device."""
        if self.xp is np:
            return free_memory()
        with self.current():
            free, _ = self.xp.cuda.Device().mem_info
            return float(free + self.xp.get_default_memory_pool().free_bytes())

    def release(self) -> None:
        """Return memory that nobody uses to the device, and pinned memory to the host."""
        if self.xp is not np:
            with self.current():
                self.xp.get_default_memory_pool().free_all_blocks()
                self.xp.get_default_pinned_memory_pool().free_all_blocks()


_CPU = Device("cpu", cpu, np)


def wanted(device: Any) -> tuple[str, str]:
    """Return which device is asked for, and by what; $HEADFIELD_DEVICE takes the place of "auto"."""
    name, source = device, "device"
    if isinstance(device, str) and device == "auto" and os.environ.get("HEADFIELD_DEVICE"):
        name, source = os.environ["HEADFIELD_DEVICE"], "HEADFIELD_DEVICE"
    if not isinstance(name, str) or name not in ("auto", "cpu", "cuda"):
        raise DeviceError(f"{source} must be 'auto', 'cpu' or 'cuda', not {name!r}")
    return name, f"{source}={name!r}"


def select(device: str) -> Device:
    """Return the device; "auto" is $HEADFIELD_DEVICE if set, else a usable GPU, else the CPU."""
    name, asked = wanted(device)
    if name == "cpu":
        return _CPU
    try:
        return _tried(gpu())
    except DeviceError as problem:
        if name == "cuda":
            raise DeviceError(f"{asked}: {problem}") from problem.__cause__
    return _CPU


def find_gpu() -> tuple[Any, Any] | str:
    """Return `_cuda` and `cupy` if a kernel runs on the current GPU, else a line that says what is missing.

    Nothing is remembered: what is wrong may pass, and another GPU may be the current one next time.
    """
    try:
        device = _tried(gpu())
    except DeviceError as problem:
        return str(problem)
    return device.native, device.xp


def gpu() -> Device:
    """Return the current GPU, on which nothing has been run yet.

    Raises
    ------
    NoGpu
        There is none, or no module for it; the message says in one line what is missing.
    DeviceError
        Modules, driver or device fail.
    """
    if _forked:
        raise NoGpu(_NO_FORK)
    native = _module(
        "headfield.core._cuda",
        "this build of headfield has no CUDA module; reinstall it where nvcc is found (HEADFIELD_CUDA=ON)",
        "the CUDA module can't be loaded",
    )
    cupy = _module(
        "cupy", "CuPy is missing (pip install cupy-cuda12x or cupy-cuda13x)", "CuPy can't be loaded"
    )
    try:
        if not _driver_sees_a_gpu(cupy):
            raise NoGpu("no NVIDIA GPU was found")
        return Device("cuda", native, cupy)
    except NoGpu:
        raise
    except Exception as problem:  # whatever CuPy and the driver raise: the caller is told
        raise DeviceError(f"the GPU is not usable: {in_one_line(problem)}") from problem


def _module(name: str, missing: str, broken: str) -> Any:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as problem:
        if problem.name == name:
            raise NoGpu(missing) from None
        raise DeviceError(f"{broken}: {in_one_line(problem)}") from problem
    except Exception as problem:  # what the loading of shared libraries and their set-up raise
        raise DeviceError(f"{broken}: {in_one_line(problem)}") from problem


def _driver_sees_a_gpu(cupy: Any) -> bool:
    """Tell whether the driver sees a GPU; without a driver, counting fails as with one that is too old."""
    if cupy.cuda.runtime.driverGetVersion() == 0:
        return False
    try:
        return bool(cupy.cuda.runtime.getDeviceCount())
    except cupy.cuda.runtime.CUDARuntimeError as problem:
        if problem.status == _NO_DEVICE:
            return False
        raise


def _tried(device: Device) -> Device:
    """Return a GPU on which one kernel of CuPy and one of headfield have run."""
    try:
        some = [device.xp.ones((1, 3))] * 4
        device.get(device.native.Sources(*some).nearest(some[0]))
    except Exception as problem:  # likewise
        raise DeviceError(f"the GPU is not usable: {in_one_line(problem)}") from problem
    return device


def is_on_gpu(values: Any) -> bool:
    """Tell whether this is a CuPy array; CuPy is not imported for it."""
    return type(values).__module__.partition(".")[0] == "cupy"


def beside(values: Any, array: NDArray[Any]) -> Any:
    """Return a NumPy array where `values` lie: as a CuPy array if they are one."""
    if not is_on_gpu(values):
        return array
    import cupy

    return cupy.asarray(array)


def on_host(values: Any) -> Any:
    """Return a CuPy array as a NumPy array, and anything else as it is."""
    return values.get() if is_on_gpu(values) else values


def check_threads(threads: int | None) -> int:
    """Return the number of threads to run with; None for all cores (or OMP_NUM_THREADS)."""
    if threads is None:
        return _default_threads
    most = max(64, 4 * (os.cpu_count() or 1))
    if not is_whole(threads) or not 1 <= threads <= most:
        raise DeviceError(f"threads must be a whole number between 1 and {most}, not {threads!r}")
    return int(threads)


@contextmanager
def using_threads(threads: int) -> Iterator[int]:
    """Run the native loops inside with so many threads, with one in a forked process; yield the number."""
    before, now = cpu.max_threads(), 1 if _forked else threads
    cpu.set_threads(now)
    try:
        yield now
    finally:
        cpu.set_threads(before)
