# SPDX-License-Identifier: BSD-3-Clause
"""Memory of a head: the peak of its set-up and of a batch, and what a model holds for each node."""

from __future__ import annotations

import ctypes
import functools
import gc
from pathlib import Path

import headfield as hf

from . import heads

STATUS = Path("/proc/self/status")


class Peak:
    """Peak resident memory of the process, interpreter and mesh included; a GPU's memory is not in it."""

    params = (heads.HEADS, heads.devices())
    param_names = ("head", "device")

    def setup(self, head: str, device: str) -> None:
        heads.mesh(head)

    def peakmem_head_model(self, head: str, device: str) -> None:
        hf.HeadModel(heads.mesh(head), device=device)

    def peakmem_batch(self, head: str, device: str) -> None:
        """The same and 32 poses, to E in gray matter."""
        model = hf.HeadModel(heads.mesh(head), device=device)
        model.solve(heads.coil(), heads.poses(head), elements=heads.gray(head), batch=heads.BATCH)


class PerNode:
    """Bytes for each node, of the device's memory: what a model holds, and the most its set-up had."""

    params = (heads.HEADS, heads.devices())
    param_names = ("head", "device")

    def track_held(self, head: str, device: str) -> float:
        return _bytes_per_node(head, device)[0]

    def track_peak(self, head: str, device: str) -> float:
        return _bytes_per_node(head, device)[1]


PerNode.track_held.unit = PerNode.track_peak.unit = "bytes/node"


@functools.lru_cache(maxsize=1)
def _bytes_per_node(head: str, device: str) -> tuple[float, float]:
    """What a model holds, and the most that its set-up had."""
    if device == "cpu" and not STATUS.exists():
        raise NotImplementedError("needs Linux")
    memory = resident if device == "cpu" else _pooled
    hf.HeadModel(heads.sphere(20.0), device=device)  # thread pool, module and a GPU's self check
    mesh = heads.mesh(head)
    before, _ = memory(anew=True)
    model = hf.HeadModel(mesh, device=device)
    held, peak = memory(anew=False)
    del model  # not before
    return (held - before) / mesh.n_nodes, (peak - before) / mesh.n_nodes


def resident(anew: bool) -> tuple[int, int]:
    """Resident bytes of this process, and their peak, which begins anew where that is asked for."""
    if anew:
        gc.collect()
        ctypes.CDLL(None).malloc_trim(0)  # free memory that is not given back would hide what is taken next
        Path("/proc/self/clear_refs").write_text("5")
    sizes = dict(line.split(":", 1) for line in STATUS.read_text().splitlines())
    return int(sizes["VmRSS"].split()[0]) * 1024, int(sizes["VmHWM"].split()[0]) * 1024


def _pooled(anew: bool) -> tuple[int, int]:
    """Bytes of CuPy's pool that are in use, and those it has: the peak, if it had none to spare before."""
    import cupy

    pool = cupy.get_default_memory_pool()
    if anew:
        pool.free_all_blocks()
    return pool.used_bytes(), pool.total_bytes()
