# SPDX-License-Identifier: BSD-3-Clause
"""How much memory a solve leaves behind, by what the system counts for the process."""

from __future__ import annotations

import gc

import numpy as np

import headfield as hf

__all__ = ["bytes_per_solve"]


def bytes_per_solve(count: int) -> float:
    """Bytes by which the process has grown per solve, over the second half of `count` solves."""
    model = hf.HeadModel(hf.sphere_mesh(radii_mm=[78, 86, 92], tags=[2, 4, 5], edge_mm=22), threads=1)
    coil = hf.figure_of_eight(spacing_mm=12)
    pose = model.place(coil, [0, 0, 95], [0, 50, 95])
    grown = []
    for angle in np.linspace(0, 90, count):
        model.solve(coil, hf.ring(pose, [angle, angle + 3]), elements=model.mesh.tags == 2).magnitude.max()
        gc.collect()
        grown.append(_resident())
    half = count // 2
    return max(0.0, float(grown[-1] - grown[half])) / (count - 1 - half)


def _resident() -> int:
    with open("/proc/self/smaps_rollup", encoding="ascii") as file:
        for line in file:
            if line.startswith("Private_Dirty:"):
                return int(line.split()[1]) * 1024
    raise OSError("/proc/self/smaps_rollup does not say")
