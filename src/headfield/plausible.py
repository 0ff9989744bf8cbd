# SPDX-License-Identifier: BSD-3-Clause
"""Poses that can be solved but can't be meant: a coil inside the head, or one that faces away from it."""

from __future__ import annotations

import warnings

import numpy as np
from numpy.typing import NDArray

from .coil import Coil
from .mesh import TetMesh

__all__ = ["HeadVolume"]

_VOXEL_MM = 4.0
_EDGES_PER_VOXEL = 1.5  # so that each voxel inside the head holds a node
_MOST_SOURCES = 500  # of a coil that are looked at
_FACING_AWAY = -0.2  # cosine between +z and the direction to the middle of the head


class HeadVolume:
    """Voxels that lie well inside of a head: they and their six neighbours hold nodes.

    Examples
    --------
    >>> import headfield as hf
    >>> volume = HeadVolume(hf.sphere_mesh(radii_mm=[80], tags=[3], edge_mm=10))
    >>> volume.holds(np.array([[0, 0, 0], [0, 0, 79.0], [0, 200, 0]])).tolist()
    [True, False, False]
    """

    def __init__(self, mesh: TetMesh) -> None:
        low, high = mesh.nodes_mm.min(axis=0), mesh.nodes_mm.max(axis=0)
        edge_mm = 2.0 * (np.prod(high - low) / mesh.n_tets) ** (1 / 3)  # of 6 tetrahedra in a cube, about
        self._step = max(_VOXEL_MM, _EDGES_PER_VOXEL * float(edge_mm))
        self._low = low - self._step
        self._middle = 0.5 * (low + high)
        filled = np.zeros(np.ceil((high - self._low) / self._step).astype(int) + 2, bool)
        filled[tuple(((mesh.nodes_mm - self._low) / self._step).astype(np.int32).T)] = True
        self._inside = filled.copy()
        for axis in range(3):
            self._inside &= np.roll(filled, 1, axis) & np.roll(filled, -1, axis)

    def holds(self, points_mm: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Whether points (…, 3), mm, lie well inside of the head, (…,)."""
        index = np.floor((points_mm - self._low) / self._step)
        within = ((index >= 0) & (index < self._inside.shape)).all(axis=-1)
        index = np.where(within[..., None], index, 0).astype(np.int32)
        return np.asarray(within & self._inside[tuple(np.moveaxis(index, -1, 0))])

    def warn_of(self, coil: Coil, poses: NDArray[np.float64]) -> None:
        """Warn of poses (k, 4, 4) that put the coil's wire into the head, or turn its back to it."""
        dipoles, segments, _ = coil.sources()
        sources = np.concatenate([dipoles.positions_mm, segments.points_mm])
        sources = sources[:: max(1, len(sources) // _MOST_SOURCES)]
        placed = (sources @ pose[:3, :3].T + pose[:3, 3] for pose in poses)
        inside = np.array([self.holds(points).any() for points in placed])
        _warn(inside, "put the wire of the coil inside the head")
        to_middle = self._middle - poses[:, :3, 3]
        cosine = np.einsum("kd,kd->k", to_middle, poses[:, :3, 2])
        away = cosine < _FACING_AWAY * np.linalg.norm(to_middle, axis=1)
        _warn(away, "turn the back of the coil to the head: +z points into the head")


def _warn(bad: NDArray[np.bool_], what: str) -> None:
    if bad.any():
        count = int(bad.sum())
        warnings.warn(f"{count} of {len(bad)} poses, first pose {int(bad.argmax())}, {what}", stacklevel=5)
