# SPDX-License-Identifier: BSD-3-Clause
"""The only importer of the native modules; the one place that knows devices, threads and free memory."""

from __future__ import annotations

from typing import Any

from . import _cpu as cpu
from .errors import DeviceError

__all__ = ["cpu", "free_memory", "select", "use_threads"]


def select(device: str) -> tuple[str, Any]:
    """Name and native module of a device: "auto", "cpu" or "cuda"."""
    if device in ("auto", "cpu"):
        return "cpu", cpu
    if device == "cuda":
        raise DeviceError("device='cuda': this build of headfield has no CUDA module; use device='cpu'")
    raise DeviceError(f"device must be 'auto', 'cpu' or 'cuda', not {device!r}")


def use_threads(threads: int | None) -> int:
    """Run the native loops that this thread calls with so many threads; None leaves it as it is."""
    if threads is not None:
        if isinstance(threads, bool) or not isinstance(threads, int) or threads < 1:
            raise DeviceError(f"threads must be a whole number of at least 1, not {threads!r}")
        cpu.set_threads(threads)
    return int(cpu.max_threads())


def free_memory() -> float:
    """Bytes that can be had without swapping; infinity where the system doesn't say."""
    try:
        with open("/proc/meminfo", encoding="ascii") as lines:
            for line in lines:
                if line.startswith("MemAvailable:"):
                    return float(line.split()[1]) * 1024.0
    except (OSError, ValueError, IndexError):
        pass
    return float("inf")
