# SPDX-License-Identifier: BSD-3-Clause
"""How far a mesh is from the level sets that it was made of: volumes, interfaces, angles."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import numpy as np
from numpy.typing import NDArray

from ...core.device import cpu
from ..image_report import ImageReport, Interfaces, TissueVolumes
from ..mesh import TetMesh
from ..quality import smallest_dihedrals_deg
from .level_sets import LevelSets

__all__ = ["FARTHEST", "image_volumes", "interface_distances", "interfaces_of", "report_of"]

Floats = NDArray[np.float64]

_CORNERS = tuple(product((0, 1), repeat=3))
_PIECE = 1 << 18  # faces at a time
_SURE = 0.35  # voxels: a distance by the slope below this is right to a few hundredths
FARTHEST = 2.0  # voxels: larger distances are given as this
_TRIED = np.linspace(0.0, FARTHEST, 41)  # distances at which a sign is looked for on both sides of a face


def report_of(mesh: TetMesh, levels: LevelSets, name: str, removed: str, grown: Sequence[str]) -> ImageReport:
    """Compare a mesh with the level sets that it was made of."""
    in_image = image_volumes(levels)
    in_mesh = np.bincount(mesh.tags, weights=mesh.volumes_mm3(), minlength=max(levels.tags) + 1)
    volumes = {
        tag: TissueVolumes(float(in_mesh[tag]), volume)
        for tag, volume in sorted(zip(levels.tags, in_image.tolist(), strict=True))
    }
    x, y, z = levels.voxel_mm.tolist()
    interfaces = _summed_up(interface_distances(mesh, levels))
    angle_deg = float(smallest_dihedrals_deg(mesh.nodes_mm, mesh.tets).min())
    return ImageReport(name, (x, y, z), volumes, interfaces, angle_deg, removed, tuple(grown))


def image_volumes(levels: LevelSets) -> Floats:
    """Return the volume (k,) of each tissue in mm³, where its level is positive and the one within is not.

    Levels are linear between centres of voxels.

    Examples
    --------
    >>> x = np.stack(np.meshgrid(*[np.arange(-12.0, 13)] * 3))
    >>> ball = np.clip(10 - np.linalg.norm(x, axis=0), -1, 1)[None].astype(np.float32)
    >>> round(float(image_volumes(LevelSets(ball, (5,), np.eye(4)))[0]) / (4 / 3 * np.pi * 10**3), 1)
    1.0
    """
    within = np.concatenate([cpu.volumes_above(level, [0.0]) for level in levels.values])
    return np.diff(within, prepend=0.0) * levels.voxel_mm3


def interfaces_of(mesh: TetMesh, tags: Sequence[int]) -> tuple[NDArray[np.int32], NDArray[np.intp]]:
    """Return the faces between tissues, or between one and outside, and the tissue on the inner side.

    Parameters
    ----------
    mesh : TetMesh
    tags : sequence of int
        From inside to outside.

    Returns
    -------
    faces : ndarray (f, 3) int32
        Faces around the first i + 1 tissues, where the face is not around the first i: each face once.
    level : ndarray (f,) int
        That i.
    """
    rank = np.full(max(tags) + 1, -1, np.int64)
    rank[list(tags)] = np.arange(len(tags))
    # All nodes of such a face touch two tissues, or one and outside: few tetrahedra have three of them.
    touched = np.zeros((len(tags), mesh.n_nodes), bool)
    for i, tag in enumerate(tags):
        touched[i, mesh.tets[mesh.tags == tag]] = True
    count = touched.sum(axis=0, dtype=np.int8)
    count[mesh.boundary()] += 1
    between = count > 1
    near = np.flatnonzero(between[mesh.tets].sum(axis=1) >= 3)
    near_tets, of_tet = mesh.tets[near], rank[mesh.tags[near]]
    faces, level = [], []
    for i in range(len(tags)):
        inner = np.flatnonzero(of_tet < i)
        inner = inner[touched[i][near_tets[inner]].sum(axis=1) >= 3]
        some = np.concatenate([inner, np.flatnonzero(of_tet == i)])
        outer, owner = cpu.boundary_faces(near_tets[some], mesh.n_nodes)
        here = (owner >= len(inner)) & between[outer].all(axis=1)
        faces.append(outer[here])
        level.append(np.full(len(faces[-1]), i, np.intp))
    return np.concatenate(faces), np.concatenate(level)


def interface_distances(mesh: TetMesh, levels: LevelSets) -> Floats:
    """Return how far (f,), in voxels, the middle of each face between tissues is from the zero of its level.

    Values between voxels are interpolated linearly. The distance is that by the slope, |φ| / |∇φ|; where that
    may be wrong, the distance along the normal of the face at which φ changes its sign, at most 2.
    """
    faces, level = interfaces_of(mesh, levels.tags)
    inverse = np.linalg.inv(levels.affine)
    nodes = mesh.nodes_mm @ inverse[:3, :3].T + inverse[:3, 3]
    distances = np.empty(len(faces))
    for begin in range(0, len(faces), _PIECE):
        some = slice(begin, begin + _PIECE)
        a, b, c = (nodes[faces[some, i]] for i in range(3))
        middle = (a + b + c) / 3
        value, slope = _sampled(levels.values, level[some], middle)
        found = np.minimum(np.abs(value) / np.maximum(np.linalg.norm(slope, axis=0), 1e-9), FARTHEST)
        unsure = np.flatnonzero(found > _SURE)
        normal = np.cross(b[unsure] - a[unsure], c[unsure] - a[unsure])
        normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-30)
        found[unsure] = _along(levels.values, level[some][unsure], middle[unsure], normal)
        distances[some] = found
    return distances


def _along(values: NDArray[np.float32], level: NDArray[np.intp], middle: Floats, normal: Floats) -> Floats:
    """Return the least distance (f,) along the normals, on either side, at which a level has another sign."""
    inside = _sampled(values, level, middle)[0] > 0
    found = np.full(len(level), FARTHEST)
    open_ = np.arange(len(level))
    for distance in _TRIED[1:]:
        for side in (-1, 1):
            there = _sampled(values, level[open_], middle[open_] + side * distance * normal[open_])[0] > 0
            crossed = there != inside[open_]
            found[open_[crossed]] = distance - _TRIED[1] / 2
            open_ = open_[~crossed]
    return found


def _sampled(values: NDArray[np.float32], level: NDArray[np.intp], points: Floats) -> tuple[Floats, Floats]:
    """Return levels (f,) at points (f, 3) in voxels by linear interpolation, and their slopes (3, f)."""
    top = np.array(values.shape[1:]) - 1
    at = np.clip(points, 0, top)
    base = np.minimum(at.astype(np.intp), top - 1)
    i, j, k = base.T
    u, v, w = (at - base).T
    corner = np.empty((2, 2, 2, len(level)))
    for a, b, c in _CORNERS:
        corner[a, b, c] = values[level, i + a, j + b, k + c]
    along_x, in_x = corner[1] - corner[0], corner[0] * (1 - u) + corner[1] * u
    slope_x = along_x[0] * (1 - v) + along_x[1] * v
    along_y, in_y = in_x[1] - in_x[0], in_x[0] * (1 - v) + in_x[1] * v
    value = in_y[0] * (1 - w) + in_y[1] * w
    slope = [slope_x[0] * (1 - w) + slope_x[1] * w, along_y[0] * (1 - w) + along_y[1] * w, in_y[1] - in_y[0]]
    return value, np.stack(slope)


def _summed_up(distances: Floats) -> Interfaces:
    median, p95, p99, largest = np.quantile(distances, [0.5, 0.95, 0.99, 1.0]).tolist()
    within = float(np.mean(distances <= 0.5))
    return Interfaces(len(distances), within, median, p95, p99, largest)
