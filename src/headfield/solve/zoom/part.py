# SPDX-License-Identifier: BSD-3-Clause
"""A part of a head around a region, as it is in the head or refined."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...core.device import cpu
from ...core.locks import cached_property
from ...heads.curved import interface_midpoints, moved_nodes
from ...heads.mesh import TetMesh
from ...heads.refinement import Edges, refined
from ...heads.tetrahedra import barycentres

__all__ = ["Part", "cut"]

_VOXELS = 12  # of the margin: how fine the grid is on which distances are measured
_BORDER = 2  # voxels around it
_MOST_VOXELS = 2e7
_LAYERS = 2


@dataclass(frozen=True, eq=False)
class Part:
    """Some tetrahedra of a head, and how its nodes hang together with those of the head.

    Attributes
    ----------
    nodes_mm : ndarray (n, 3) float64
        Those of the head first.
    tets : ndarray (m, 4) int32
    origin : ndarray (m,) int32, ascending
        The tetrahedron of the head that each lies in.
    head_nodes : ndarray (n0,) int32, ascending
        The node of the head that each of the first n0 nodes is.
    ends : ndarray (n − n0, 2) int32
        The nodes that each of the others lies in the middle of, or near it on a smooth surface.
    rim : ndarray (n,) bool
        Nodes at which the potential is that of the head.
    core : ndarray (m,) bool
        Tetrahedra of the region.
    """

    nodes_mm: NDArray[np.float64]
    tets: NDArray[np.int32]
    origin: NDArray[np.int32]
    head_nodes: NDArray[np.int32]
    ends: NDArray[np.int32]
    rim: NDArray[np.bool_]
    core: NDArray[np.bool_]

    @cached_property
    def touching(self) -> NDArray[np.bool_]:
        """Tetrahedra (m,) that share a node with the region."""
        return _beside(self.tets, self.core, len(self.nodes_mm))

    def halved(self, edges: Edges, marked: NDArray[np.bool_], tags: NDArray[np.int32] | None = None) -> Part:
        """Return it with marked edges halved, and those that have to be with them.

        A node in the middle of two on the rim is on the rim: the potential of the head is linear there. With
        `tags` (m,) given, other new nodes on interfaces between tissues lie on a smooth surface.
        """
        fine = refined(self.nodes_mm, self.tets, edges, marked)
        rim = np.concatenate([self.rim, self.rim[fine.ends].all(axis=1)])
        nodes_mm = fine.nodes_mm
        if tags is not None:
            moves_mm = np.zeros_like(nodes_mm)
            smooth_mm = interface_midpoints(self.nodes_mm, self.tets, tags, fine.ends)
            moves_mm[len(self.nodes_mm) :] = smooth_mm - nodes_mm[len(self.nodes_mm) :]
            moves_mm[rim] = 0.0
            nodes_mm = moved_nodes(nodes_mm, fine.tets, moves_mm)
        return Part(
            nodes_mm,
            fine.tets,
            self.origin[fine.parent],
            self.head_nodes,
            np.concatenate([self.ends, fine.ends]),
            rim,
            self.core[fine.parent],
        )


def cut(mesh: TetMesh, region: NDArray[np.int32], margin_mm: float) -> Part:
    """Cut the tetrahedra out of a head that lie within a margin of those of a region.

    Parameters
    ----------
    mesh : TetMesh
    region : ndarray (p,) int32
        Tetrahedra, ascending, each once.
    margin_mm : float
        The two layers of tetrahedra around the region are always a part of it, so that no node of those that
        touch it is on the rim.
    """
    layers = np.zeros(mesh.n_tets, bool)
    layers[region] = True
    for _ in range(_LAYERS):
        layers = _beside(mesh.tets, layers, mesh.n_nodes)
    chosen = layers | _within(mesh, region, margin_mm)
    outside = np.zeros(mesh.n_nodes, bool)
    outside[mesh.tets[~chosen]] = True
    origin = np.flatnonzero(chosen).astype(np.int32)
    used = np.zeros(mesh.n_nodes, bool)
    used[mesh.tets[origin]] = True
    number = np.cumsum(used, dtype=np.int32) - np.int32(1)
    head_nodes = np.flatnonzero(used).astype(np.int32)
    return Part(
        mesh.nodes_mm[head_nodes],
        number[mesh.tets[origin]],
        origin,
        head_nodes,
        np.empty((0, 2), np.int32),
        outside[head_nodes],
        np.isin(origin, region, assume_unique=True),
    )


def _beside(tets: NDArray[np.int32], some: NDArray[np.bool_], n_nodes: int) -> NDArray[np.bool_]:
    """Return which tetrahedra (m,) share a node with some of them."""
    near = np.zeros(n_nodes, bool)
    near[tets[some]] = True
    return _with_nodes(tets, near)


def _with_nodes(tets: NDArray[np.int32], chosen: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return which tetrahedra (m,) have one of the chosen nodes (n,)."""
    corners = chosen[tets]
    some: NDArray[np.bool_] = corners[:, 0] | corners[:, 1] | corners[:, 2] | corners[:, 3]
    return some


def _within(mesh: TetMesh, region: NDArray[np.int32], margin_mm: float) -> NDArray[np.bool_]:
    """Return which tetrahedra (m,) have their barycentre within a margin of the nodes of a region.

    Distances are those between voxels, within one of them: coarser ones where the region is as large as a
    head and the margin small.
    """
    points = mesh.nodes_mm[mesh.tets[region]].reshape(-1, 3)
    size = np.prod(np.ptp(points, axis=0) + 2.0 * margin_mm)
    spacing = max(margin_mm / _VOXELS, float(np.cbrt(size / _MOST_VOXELS)))
    low = points.min(axis=0) - margin_mm - _BORDER * spacing
    high = points.max(axis=0) + margin_mm + _BORDER * spacing
    inside = _with_nodes(mesh.tets, ((mesh.nodes_mm > low) & (mesh.nodes_mm < high)).all(axis=1))
    some = np.flatnonzero(inside)
    at = ((barycentres(mesh.nodes_mm, mesh.tets[some]) - low) / spacing).astype(int)
    shape = np.ceil((high - low) / spacing).astype(int)
    mask = np.zeros(tuple(shape), np.uint8)
    mask[tuple(((points - low) / spacing).astype(int).T)] = 1
    away = cpu.distance(mask, [spacing] * 3)
    at = np.clip(at, 0, shape - 1)  # one that sticks out of the grid is farther than the margin there, too
    inside[some] = away[tuple(at.T)] <= margin_mm
    return inside
