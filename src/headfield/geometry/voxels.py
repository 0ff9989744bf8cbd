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
        tet = np.repeat(some, count)
        rank = ramp(count) + np.repeat(skipped, count)
        _, ny, nz = boxes[tet].T
        voxel = low[tet] + np.stack([rank // (ny * nz), rank // nz % ny, rank % nz], axis=1)
        lowest = _weights(nodes, tets[tet], voxel).min(axis=1)
        flat = np.ravel_multi_index(tuple(voxel.T), shape)
        # Backwards: of several values that are written to one place the last one stays.
        hit = np.flatnonzero((lowest >= -_ROUNDING) & (found[flat] < 0))[::-1]
        found[flat[hit]] = tet[hit]
    return found.reshape(shape)


def weights_at_voxels(nodes: Floats, tets: NDArray[np.integer], voxel: NDArray[np.integer]) -> Floats:
    """Compute the weights (p, 4) of the nodes of tetrahedra (p, 4) at the centres of voxels (p, 3) in them.

    Examples
    --------
    >>> nodes = np.array([[0, 0, 0], [2, 0, 0], [0, 2, 0], [0, 0, 2.0]])
    >>> weights_at_voxels(nodes, np.array([[0, 1, 2, 3]]), np.array([[1, 0, 0]])).tolist()
    [[0.5, 0.5, 0.0, 0.0]]
    """
    weights = np.maximum(_weights(nodes, tets, voxel), 0.0)
    return np.asarray(weights / weights.sum(axis=1, keepdims=True))


def _weights(nodes: Floats, tets: NDArray[np.integer], points: NDArray[np.integer]) -> Floats:
    """Return barycentric weights (p, 4) of points, one for each tetrahedron."""
    a, b, c, d = np.moveaxis(nodes[tets], 1, 0)
    at, ab, ac, ad = points - a, b - a, c - a, d - a
    normals = np.cross(ac, ad), np.cross(ad, ab), np.cross(ab, ac)
    volume = np.einsum("pd,pd->p", ab, normals[0])
    rest = np.stack([np.einsum("pd,pd->p", at, normal) for normal in normals], axis=1) / volume[:, None]
    return np.concatenate([1.0 - rest.sum(axis=1, keepdims=True), rest], axis=1)
