# SPDX-License-Identifier: BSD-3-Clause
"""Random label volumes, meshed: whether what comes out is a proper mesh near its level sets."""

from __future__ import annotations

import time
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import numpy as np
from given.label_volumes import level_sets, volume
from given.mesh_levels import nearness
from given.mesh_quality import mesh_quality

from headfield.heads.segmentation.lattice import mesh_level_sets

__all__ = ["of_seeds"]

EDGE_VOXELS = 1.5
LEAST_ANGLE = 10.0  # degrees
LEAST_NEAR = 0.95  # of the faces of interfaces, within half a voxel


def of_seeds(seeds: Iterable[int], workers: int) -> tuple[float, float, list[str]]:
    """Mesh the volumes of some seeds: the smallest dihedral angle, seconds, and what is wrong with which."""
    start = time.perf_counter()
    smallest, faults = 180.0, []
    with ProcessPoolExecutor(workers, get_context("spawn")) as pool:
        for seed, future in [(seed, pool.submit(of_seed, seed)) for seed in seeds]:
            try:
                angle, found = future.result()
            except Exception as error:  # the process may have crashed, and all that were to follow with it
                angle, found = 180.0, [f"{type(error).__name__}: {error}"]
            smallest = min(smallest, angle)
            faults += [f"seed {seed}: {fault}" for fault in found]
    return smallest, time.perf_counter() - start, faults


def of_seed(seed: int) -> tuple[float, list[str]]:
    """Mesh one volume: its smallest dihedral angle, and what is wrong."""
    labels, _, affine, kind = volume(seed)
    levels = level_sets(labels, affine)
    mesh = mesh_level_sets(levels, EDGE_VOXELS * abs(np.linalg.det(affine[:3, :3])) ** (1 / 3))
    quality = mesh_quality(mesh.nodes_mm, mesh.tets, mesh.tags)
    faults = quality.faults(LEAST_ANGLE)
    near = nearness(mesh, levels).near
    if near < LEAST_NEAR:
        faults.append(f"only {100 * near:.1f} % of faces within half a voxel")
    return quality.smallest_angle, [f"{kind}: {fault}" for fault in faults]
