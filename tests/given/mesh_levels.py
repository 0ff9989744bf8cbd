# SPDX-License-Identifier: BSD-3-Clause
"""How near a mesh is to its level sets: volumes of tissues, distances of interfaces in voxels.

Independent of how headfield looks at level sets: values are linear along each axis between the centres of
voxels, and a distance is that to a point where the value is 0, so never less than the true one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from given.mesh_quality import Faces, faces_of
from headfield.heads.mesh import TetMesh
from headfield.heads.segmentation.level_sets import LevelSets

_SUB = 4  # points along each axis of a cell of voxels
_STEPS = 6  # of Newton's method towards a level set
_ZERO = 1e-4  # of a level's value
_HALF = 0.5  # voxel: how near most faces have to be
_CHUNK = 1 << 18

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Interface:
    """Distances in voxels between a mesh's surface of the tissues up to one and the level set around them."""

    faces: int
    near: float  # share of the faces whose centre is within half a voxel
    p99: float  # of the centres of faces
    most: float
    back_p99: float  # from the level set to the nearest node or face centre of the mesh's surface
    back_most: float


@dataclass(frozen=True)
class Nearness:
    """What `nearness` finds."""

    ratios: dict[int, float]  # by tag, volume in the mesh over that of the level sets
    near: float  # share of all faces on interfaces whose centre is within half a voxel
    interfaces: dict[int, Interface]  # around the tissues up to a tag


def nearness(mesh: TetMesh, levels: LevelSets) -> Nearness:
    """Compare a mesh, whose tags are those of the level sets, with them."""
    size = abs(float(np.linalg.det(levels.affine[:3, :3])))
    shares = partition(levels.values)
    volumes = {tag: size * float(share) for tag, share in zip(levels.tags, shares, strict=True)}
    order = np.argsort(levels.tags)
    level = order[np.searchsorted(levels.tags, mesh.tags, sorter=order)]
    made = np.bincount(level, mesh.volumes_mm3(), len(levels.tags))
    voxels = (mesh.nodes_mm - levels.affine[:3, 3]) @ np.linalg.inv(levels.affine[:3, :3]).T
    faces = faces_of(mesh.tets)
    found = {tag: interface(voxels, faces, level <= k, levels.values[k]) for k, tag in enumerate(levels.tags)}
    known = {tag: facts for tag, facts in found.items() if facts is not None}
    total = sum(facts.faces for facts in known.values())
    return Nearness(
        ratios={tag: float(made[k] / volumes[tag]) for k, tag in enumerate(levels.tags) if volumes[tag] > 0},
        near=float(sum(facts.near * facts.faces for facts in known.values()) / max(total, 1)),
        interfaces=known,
    )


def labels_of(values: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Return the first level that is positive at each voxel (nx, ny, nz), or k outside."""
    return (values <= 0).sum(axis=0).astype(np.uint8)


def partition(values: NDArray[np.float32]) -> Floats:
    """Return the volume of each tissue (k), in voxels, between the centres of the outermost voxels.

    A cell whose eight corners are in one tissue is in it as a whole; the others are looked at at 4³ points.
    """
    labels = labels_of(values)
    corners = [labels[cut] for cut in _corner_cuts(labels.ndim)]
    low, high = np.minimum.reduce(corners), np.maximum.reduce(corners)
    volume = np.bincount(low[low == high].ravel(), minlength=len(values) + 1).astype(float)
    at = np.argwhere(low != high)
    weights = _sub_weights()
    for start in range(0, len(at), _CHUNK):
        cell = at[start : start + _CHUNK]
        outside = np.zeros((len(cell), _SUB**3), np.uint8)
        for level in values:
            outside += _gather(level, cell) @ weights <= 0
        volume += np.bincount(outside.ravel(), minlength=len(volume)) / _SUB**3
    return volume[:-1]


def interface(
    voxels: Floats, faces: Faces, chosen: NDArray[np.bool_], values: NDArray[np.float32]
) -> Interface | None:
    """Measure the faces around chosen tetrahedra against a level set; None where one of the two is empty."""
    around = faces.around(chosen)
    crossings = zero_crossings(values)
    if not len(around) or not len(crossings):
        return None
    centres = voxels[around].mean(axis=1)
    distances = distances_to(values, crossings, centres)
    of_mesh = np.concatenate([voxels[np.unique(around)], centres])
    back = cKDTree(of_mesh).query(crossings[:: 1 + len(crossings) // 100_000])[0]
    return Interface(
        faces=len(around),
        near=float((distances <= _HALF).mean()),
        p99=float(np.percentile(distances, 99)),
        most=float(distances.max()),
        back_p99=float(np.percentile(back, 99)),
        back_most=float(back.max()),
    )


def zero_crossings(values: NDArray[np.float32]) -> Floats:
    """Return where a level set crosses the lines between neighbouring voxels: (c, 3), in voxels."""
    found = []
    for axis in range(3):
        beside = np.arange(3) == axis
        low = values[tuple(slice(None, -1) if one else slice(None) for one in beside)]
        high = values[tuple(slice(1, None) if one else slice(None) for one in beside)]
        at = np.argwhere((low > 0) != (high > 0))
        a, b = low[tuple(at.T)].astype(float), high[tuple(at.T)].astype(float)
        found.append(at + (a / (a - b))[:, None] * beside)
    return np.concatenate(found)


def distances_to(values: NDArray[np.float32], crossings: Floats, points: Floats) -> Floats:
    """Return how far each point (p, 3) is from a level set: to a crossing, or where Newton's method ends."""
    distance = cKDTree(crossings).query(points)[0]
    place = points.copy()
    for _ in range(_STEPS):
        value, slope = sample(values, place)
        steep = np.maximum((slope**2).sum(axis=1), 1e-6)
        step = -(value / steep)[:, None] * slope
        long = np.linalg.norm(step, axis=1)
        place += step * np.minimum(1.0, 0.5 / np.maximum(long, 1e-12))[:, None]
    there = np.abs(sample(values, place)[0]) < _ZERO
    moved = np.linalg.norm(place - points, axis=1)
    return np.where(there, np.minimum(distance, moved), distance)


def sample(values: NDArray[np.float32], points: Floats) -> tuple[Floats, Floats]:
    """Interpolate a level set at points (p, 3) in voxels: its value (p,) and its gradient (p, 3)."""
    cell = np.clip(np.floor(points).astype(np.int64), 0, np.array(values.shape) - 2)
    weights = _trilinear(points - cell)
    corners = _gather(values, cell)
    value = (corners * weights[0]).sum(axis=1)
    return value, np.stack([(corners * slope).sum(axis=1) for slope in weights[1:]], axis=1)


def _trilinear(at: Floats) -> list[Floats]:
    """Return the weights (p, 8) of a cell's corners at places (p, 3) in it, and their three derivatives."""
    bits = (np.arange(8)[:, None] >> np.arange(3)) & 1
    factor = np.where(bits, at[:, None], 1 - at[:, None])
    sign = np.where(bits, 1.0, -1.0)
    x, y, z = factor[..., 0], factor[..., 1], factor[..., 2]
    return [x * y * z, sign[:, 0] * y * z, sign[:, 1] * x * z, sign[:, 2] * x * y]


def _gather(values: NDArray[np.float32], cell: NDArray[np.int64]) -> NDArray[np.float32]:
    """Return the values (c, 8) at the corners of cells (c, 3): corner i has the bits of i as its place."""
    bits = (np.arange(8)[:, None] >> np.arange(3)) & 1
    strides = np.array([values.shape[1] * values.shape[2], values.shape[2], 1])
    return np.take(values.reshape(-1), (cell @ strides)[:, None] + bits @ strides)


def _corner_cuts(ndim: int) -> list[tuple[slice, ...]]:
    ends = (slice(0, -1), slice(1, None))
    return [tuple(ends[i >> axis & 1] for axis in range(ndim)) for i in range(1 << ndim)]


def _sub_weights() -> NDArray[np.float32]:
    """Return the weights (8, s³) of the corners of a cell at the middles of s³ cubes in it."""
    middles = (np.arange(_SUB) + 0.5) / _SUB
    points = np.stack(np.meshgrid(middles, middles, middles, indexing="ij"), axis=-1).reshape(-1, 3)
    return _trilinear(points)[0].T.astype(np.float32)
