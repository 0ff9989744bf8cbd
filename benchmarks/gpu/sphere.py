# SPDX-License-Identifier: BSD-3-Clause
"""A small problem for the programs beside this file: a sphere of four tissues, a coil, poses around it."""

from __future__ import annotations

import numpy as np

import headfield as hf

GRAY = 2  # tag


class Sphere:
    """Mesh, coil, poses (count, 4, 4) and the numbers of the elements of gray matter."""

    def __init__(self, edge_mm: float, count: int = 64) -> None:
        self.mesh = hf.sphere_mesh(radii_mm=[72, 78, 84, 92], tags=[GRAY, 3, 4, 5], edge_mm=edge_mm)
        self.coil = hf.figure_of_eight(spacing_mm=8.0)
        self.gray = np.flatnonzero(self.mesh.tags == GRAY).astype(np.int32)
        pose = hf.place(self.mesh, [10, 20, 95], [10, 70, 95])
        self.poses = hf.ring(pose, angles_deg=np.arange(count) * 5.6)
