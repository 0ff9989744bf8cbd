# SPDX-License-Identifier: BSD-3-Clause
"""Tissues of a head as nested level sets on a grid of voxels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["LevelSets"]


@dataclass(frozen=True)
class LevelSets:
    """Tissues from inside to outside: tissue i is where level i is positive and level i − 1 is not.

    Attributes
    ----------
    values : ndarray (k, nx, ny, nz) float32
        At the centres of voxels, between −1 and 1; ``values[i] <= values[i + 1]`` everywhere, and the last is
        negative on the outermost layer of voxels, so that the head is closed.
    tags : tuple of int
        The tag of each tissue (k), innermost first.
    affine : ndarray (4, 4) float64
        From voxel indices to mm, RAS.
    """

    values: NDArray[np.float32]
    tags: tuple[int, ...]
    affine: NDArray[np.float64]

    @property
    def voxel_mm(self) -> NDArray[np.float64]:
        """Edges (3,) of a voxel."""
        return np.asarray(np.linalg.norm(self.affine[:3, :3], axis=0))

    @property
    def voxel_mm3(self) -> float:
        """Volume of a voxel."""
        return abs(float(np.linalg.det(self.affine[:3, :3])))
