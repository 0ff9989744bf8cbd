# SPDX-License-Identifier: BSD-3-Clause
"""Tetrahedra to voxels: which tetrahedron the centre of each voxel of a grid lies in, and where in it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .triangles import ramp

__all__ = ["tets_at_voxels", "weights_at_voxels"]

Floats = NDArray[np.float64]

_ROUNDING = 1e-9  # a barycentric weight this far below 0 still counts as inside, so that no face is a gap
_CANDIDATES = 1 << 20  # voxels in boxes around tetrahedra that are looked at in one piece: some 100 MB


def tets_at_voxels(
    nodes: Floats, tets: NDArray[np.integer], shape: tuple[int, int, int]
) -> NDArray[np.int32]:
    """Find the tetrahedron that the centre of each voxel lies in.

    Every voxel in the box around a tetrahedron is tried by its barycentric weights there, so the time goes
    with the voxels and the tetrahedra, not with their product.

    Parameters
    ----------
    nodes : ndarray (n, 3) float64
        In voxels: the centre of voxel (i, j, k) is at these coordinates.
    tets : ndarray (m, 4) int
    shape : tuple of 3 int
        Of the grid.

    Returns
    -------
    ndarray, of that shape, int32
        The tetrahedron with the lowest number that holds the centre, -1 outside of all.

    Examples
    --------
    >>> nodes = np.array([[0, 0, 0], [2, 0, 0], [0, 2, 0], [0, 0, 2.0]])
    >>> tets_at_voxels(nodes, np.array([[0, 1, 2, 3]]), (3, 2, 1))[..., 0].tolist()
    [[0, 0], [0, 0], [0, -1]]
    """
    found = np.full(int(np.prod(shape)), -1, np.int32)
    corners = np.stack([nodes[tets].min(axis=1), nodes[tets].max(axis=1)])
    low = np.maximum(np.ceil(corners[0] - _ROUNDING), 0).astype(np.int64)
    high = np.minimum(np.floor(corners[1] + _ROUNDING), np.array(shape) - 1).astype(np.int64)
    boxes = np.maximum(high - low + 1, 0)
    end = np.cumsum(boxes.prod(axis=1))
    for start in range(0, int(end[-1]) if len(end) else 0, _CANDIDATES):
        stop = min(start + _CANDIDATES, int(end[-1]))
        first, last = np.searchsorted(end, [start, stop - 1], side="right")
        some = np.arange(first, last + 1)
        begin = end[some] - boxes[some].prod(axis=1)
        skipped, count = np.maximum(start - begin, 0), np.minimum(end[some], stop) - np.maximum(begin, start)
        which = np.repeat(np.arange(len(some)), count)
        rank = ramp(count) + skipped[which]
        ny, nz = boxes[some, 1][which], boxes[some, 2][which]
        voxel = [low[some, 0][which] + rank // (ny * nz)]
        voxel += [low[some, 1][which] + rank // nz % ny, low[some, 2][which] + rank % nz]
        lowest = _lowest_weight(_inverse(nodes, tets[some]), which, voxel)
        flat = (voxel[0] * shape[1] + voxel[1]) * shape[2] + voxel[2]
        # Backwards: of several values that are written to one place the last one stays.
        hit = np.flatnonzero((lowest >= -_ROUNDING) & (found[flat] < 0))[::-1]
        found[flat[hit]] = some[which[hit]]
    return found.reshape(shape)


def weights_at_voxels(nodes: Floats, tets: NDArray[np.integer], voxel: NDArray[np.integer]) -> Floats:
    """Compute the weights (p, 4) of the nodes of tetrahedra (p, 4) at the centres of voxels (p, 3) in them.

    Examples
    --------
    >>> nodes = np.array([[0, 0, 0], [2, 0, 0], [0, 2, 0], [0, 0, 2.0]])
    >>> weights_at_voxels(nodes, np.array([[0, 1, 2, 3]]), np.array([[1, 0, 0]])).tolist()
    [[0.5, 0.5, 0.0, 0.0]]
    """
    (gradients, constants), (x, y, z) = _inverse(nodes, tets), voxel.T
    g = gradients
    three = np.stack([g[i, 0] * x + g[i, 1] * y + g[i, 2] * z + constants[i] for i in range(3)], axis=1)
    weights = np.maximum(np.concatenate([1.0 - three.sum(axis=1, keepdims=True), three], axis=1), 0.0)
    return np.asarray(weights / weights.sum(axis=1, keepdims=True))


def _inverse(nodes: Floats, tets: NDArray[np.integer]) -> tuple[Floats, Floats]:
    """Return gradients (3, 3, t) and constants (3, t) of the weights of the last three nodes."""
    a, b, c, d = np.moveaxis(nodes[tets], 1, 0)
    ab, ac, ad = b - a, c - a, d - a
    normals = np.stack([np.cross(ac, ad), np.cross(ad, ab), np.cross(ab, ac)])
    gradients = normals / np.einsum("td,td->t", ab, normals[0])[:, None]
    return gradients.transpose(0, 2, 1), -np.einsum("itd,td->it", gradients, a)


def _lowest_weight(
    inverse: tuple[Floats, Floats], which: NDArray[np.integer], voxel: list[NDArray[np.int64]]
) -> Floats:
    """Return the lowest of the four weights (p,) of voxels (3, p) in the tetrahedra `which`."""
    gradients, constants = inverse
    first, lowest = np.ones(len(which)), np.full(len(which), np.inf)
    for i in range(3):
        weight = constants[i][which]
        for axis in range(3):
            weight += gradients[i, axis][which] * voxel[axis]
        first -= weight
        np.minimum(lowest, weight, out=lowest)
    return np.minimum(lowest, first)
