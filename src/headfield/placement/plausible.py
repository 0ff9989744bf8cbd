# SPDX-License-Identifier: BSD-3-Clause
"""Poses that can be solved but can't be meant: a coil inside the head, far from it, or facing away."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..coils.coil import Coil
from ..core.messages import warn
from ..geometry.surface import Surface
from ..heads.mesh import TetMesh

__all__ = ["PlausiblePoses", "faces_away", "middle"]

_VOXEL_MM = 4.0
_EDGES_PER_VOXEL = 1.5  # so that each voxel inside the head holds a node
_MOST_SOURCES = 500  # of a coil that are looked at
_FAR_MM = 300.0  # from the box around the head
_FACING_AWAY = -0.2  # cosine between +z and the direction to the middle of the head


class PlausiblePoses:
    """What is looked at before poses in a head are solved, in about 0.1 ms a pose.

    A source of the coil counts as inside the head if it is within the scalp and its voxel, of 4 mm or more,
    and the six beside it hold nodes: one that is barely inside is not seen.

    Examples
    --------
    >>> import headfield as hf
    >>> check = PlausiblePoses(hf.sphere_mesh(radii_mm=[80], tags=[3], edge_mm=10))
    >>> check.inside(np.array([[0, 0, 0], [0, 0, 82.0], [0, 200, 0]])).tolist()
    [True, False, False]
    """

    def __init__(self, mesh: TetMesh) -> None:
        low, high = mesh.nodes_mm.min(axis=0), mesh.nodes_mm.max(axis=0)
        edge_mm = 2.0 * (np.prod(high - low) / mesh.n_tets) ** (1 / 3)  # of 6 tetrahedra in a cube, about
        self._step = max(_VOXEL_MM, _EDGES_PER_VOXEL * float(edge_mm))
        self._box = low, high
        self._low = low - self._step
        self._middle = middle(mesh.nodes_mm)
        filled = np.zeros(np.ceil((high - self._low) / self._step).astype(int) + 2, bool)
        filled[tuple(((mesh.nodes_mm - self._low) / self._step).astype(np.int32).T)] = True
        self._deep = filled.copy()
        for axis in range(3):
            self._deep &= np.roll(filled, 1, axis) & np.roll(filled, -1, axis)
        self._mesh = mesh
        self._scalp: Surface | None = None

    def inside(self, points_mm: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Whether points (p, 3), mm, lie inside of the head, (p,)."""
        index = np.floor((points_mm - self._low) / self._step)
        within = ((index >= 0) & (index < self._deep.shape)).all(axis=1)
        index = np.where(within[:, None], index, 0).astype(np.int32)
        found = within & self._deep[tuple(index.T)]
        if found.any():  # which it is not of a coil on the scalp
            if self._scalp is None:
                self._scalp = Surface(self._mesh.nodes_mm, self._mesh.skin())
            found[found] = self._scalp.inside(points_mm[found])
        return np.asarray(found)

    def warn_of(self, coil: Coil, poses: NDArray[np.float64]) -> None:
        """Warn of poses (k, 4, 4) that put the coil into the head, far from it, or turn its back to it."""
        points = coil.sources().points_mm
        points = points[:: max(1, len(points) // _MOST_SOURCES)]
        placed = (points @ pose[:3, :3].T + pose[:3, 3] for pose in poses)
        _warn(np.array([self.inside(p).any() for p in placed]), "put the wire of the coil inside the head")
        centres = poses[:, :3, 3]
        gap = np.linalg.norm(centres - np.clip(centres, *self._box), axis=1)
        _warn(gap > _FAR_MM, f"put the coil more than {_FAR_MM:g} mm from the head: are they in mm?")
        away = faces_away(poses, self._middle)
        _warn(away, "turn the back of the coil to the head: +z points into the head")


def middle(nodes_mm: NDArray[np.float64]) -> NDArray[np.float64]:
    """The middle (3,) of the box around the nodes of a head, mm."""
    return np.asarray(0.5 * (nodes_mm.min(axis=0) + nodes_mm.max(axis=0)))


def faces_away(poses: NDArray[np.float64], middle_mm: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Whether +z of poses (k, 4, 4) points away from the middle (3,) of the head, (k,).

    Examples
    --------
    >>> up = np.eye(4)
    >>> up[2, 3] = 90.0
    >>> faces_away(np.array([up, up @ np.diag([1, -1, -1, 1])]), np.zeros(3)).tolist()
    [True, False]
    """
    to_middle = middle_mm - poses[:, :3, 3]
    cosine = np.einsum("kd,kd->k", to_middle, poses[:, :3, 2])
    return np.asarray(cosine < _FACING_AWAY * np.linalg.norm(to_middle, axis=1))


def _warn(bad: NDArray[np.bool_], what: str) -> None:
    if bad.any():
        count = int(bad.sum())
        warn(f"{count} of {len(bad)} poses, first pose {int(bad.argmax())}, {what}")
