# SPDX-License-Identifier: BSD-3-Clause
"""The only importer of the native modules; the one place that knows devices, threads and free memory."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from . import _cpu as cpu
from .errors import DeviceError

__all__ = ["check_threads", "cpu", "free_memory", "select", "using_threads"]

_default_threads = cpu.max_threads()
_forked = False


def _after_fork() -> None:
    # The OpenMP pool of the parent does not exist in a forked child; asking for it would wait for ever.
    global _forked
    _forked = True
    cpu.set_threads(1)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


def select(device: str) -> tuple[str, Any]:
    """Name and native module of a device: "auto", "cpu" or "cuda"."""
    if not isinstance(device, str) or device not in ("auto", "cpu", "cuda"):
        raise DeviceError(f"device must be 'auto', 'cpu' or 'cuda', not {device!r}")
    if device == "cuda":
        raise DeviceError("device='cuda': this build of headfield has no CUDA module; use device='cpu'")
    return "cpu", cpu


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
