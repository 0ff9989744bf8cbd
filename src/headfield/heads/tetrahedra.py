# SPDX-License-Identifier: BSD-3-Clause
"""Volumes, centres and edges of tetrahedra, from the arrays of a mesh, in pieces that stay in the cache."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "EDGES",
    "FACES",
    "barycentres",
    "chunks",
    "determinants",
    "flatness",
    "flatness_at",
    "mean_edges",
    "shared_faces",
    "shortest_edges",
    "squared_edges",
    "volumes",
]

Floats = NDArray[np.float64]
Tets = NDArray[np.int32]

# Tetrahedra per step of a vectorised loop: the working set stays in the cache.
CHUNK = 1 << 13
EDGES = np.array([[0, 0, 0, 1, 1, 2], [1, 2, 3, 2, 3, 3]])  # first and last corner of the six edges
FACES = np.array([[1, 2, 3], [0, 3, 2], [0, 1, 3], [0, 2, 1]])  # opposite each corner, normals outward


def chunks(nodes_mm: Floats, tets: Tets) -> Iterator[tuple[slice, NDArray[np.intp], Floats]]:
    """Yield pieces of tetrahedra (m, 4): the slice, its node indices (4, c), and coordinates (3, 4, c)."""
    xyz = np.ascontiguousarray(nodes_mm.T)
    for start in range(0, len(tets), CHUNK):
        piece = slice(start, min(start + CHUNK, len(tets)))
        index = tets[piece].T.astype(np.intp)
        # Indices are in range here; "clip" only spares NumPy its buffered copy.
        yield piece, index, xyz.take(index, axis=1, mode="clip")


def determinants(corners: Floats) -> Floats:
    """Return six times the volume, with its sign, (c,), of corners (3, 4, c): (x1−x0)·[(x2−x0)×(x3−x0)]."""
    (a0, b0, c0), (a1, b1, c1), (a2, b2, c2) = corners[:, 1:] - corners[:, :1]
    return a0 * (b1 * c2 - b2 * c1) + a1 * (b2 * c0 - b0 * c2) + a2 * (b0 * c1 - b1 * c0)


def volumes(nodes_mm: Floats, tets: Tets) -> Floats:
    """Return the volume of each tetrahedron (m, 4), (m,), mm³: positive if it is positively oriented.

    Examples
    --------
    >>> nodes = np.array([[0.0, 0, 0], [2, 0, 0], [0, 2, 0], [0, 0, 3]])
    >>> volumes(nodes, np.array([[0, 1, 2, 3], [0, 2, 1, 3]], np.int32)).tolist()
    [2.0, -2.0]
    """
    result = np.empty(len(tets))
    for piece, _, corners in chunks(nodes_mm, tets):
        result[piece] = determinants(corners) / 6.0
    return result


def barycentres(nodes_mm: Floats, tets: Tets) -> Floats:
    """Return the mean of the four corners of each tetrahedron (m, 4), (m, 3), mm.

    Examples
    --------
    >>> nodes = np.array([[0.0, 0, 0], [4, 0, 0], [0, 4, 0], [0, 0, 4]])
    >>> barycentres(nodes, np.array([[0, 1, 2, 3]], np.int32)).tolist()
    [[1.0, 1.0, 1.0]]
    """
    result = np.empty((len(tets), 3))
    for piece, _, corners in chunks(nodes_mm, tets):
        result[piece] = corners.mean(axis=1).T
    return result


def mean_edges(nodes_mm: Floats, tets: Tets) -> Floats:
    """Return the mean length of the six edges of each tetrahedron (m, 4), (m,), mm.

    Examples
    --------
    >>> nodes = np.array([[1.0, 1, 1], [1, -1, -1], [-1, -1, 1], [-1, 1, -1]])
    >>> mean_edges(nodes, np.array([[0, 1, 2, 3]], np.int32)).round(6).tolist()
    [2.828427]
    """
    result = np.empty(len(tets))
    for piece, _, corners in chunks(nodes_mm, tets):
        result[piece] = np.sqrt(squared_edges(corners)).mean(axis=0)
    return result


def shortest_edges(nodes_mm: Floats, tets: Tets, above_mm: float = 0.0) -> Floats:
    """Return the shortest edge longer than `above_mm` at each node, (n,), mm; infinite where there is none.

    Examples
    --------
    >>> nodes = np.array([[0.0, 0, 0], [4, 0, 0], [0, 3, 0], [0, 0, 2], [9, 9, 9]])
    >>> shortest_edges(nodes, np.array([[0, 1, 2, 3]], np.int32)).tolist()
    [2.0, 4.0, 3.0, 2.0, inf]
    """
    shortest = np.full(len(nodes_mm), np.inf)
    for _, index, corners in chunks(nodes_mm, tets):
        squares = squared_edges(corners)
        squares[squares <= above_mm**2] = np.inf
        for ends in EDGES:
            np.minimum.at(shortest, index[ends].ravel(), squares.ravel())
    return np.sqrt(shortest)


def squared_edges(corners: Floats) -> Floats:
    """Return the squared lengths of the edges, (6, c), in the order of `EDGES`, of corners (3, 4, c)."""
    edges = corners[:, EDGES[1]] - corners[:, EDGES[0]]
    return np.asarray(np.einsum("dec,dec->ec", edges, edges))


def flatness(nodes_mm: Floats, tets: Tets) -> Floats:
    """Return the smallest height over the longest edge of each tetrahedron (m, 4), (m,); see `flatness_at`.

    Examples
    --------
    >>> nodes = np.array([[1.0, 1, 1], [1, -1, -1], [-1, -1, 1], [-1, 1, -1]])
    >>> flatness(nodes, np.array([[0, 1, 2, 3], [1, 0, 2, 3]], np.int32)).round(3).tolist()
    [0.816, -0.816]
    """
    result = np.empty(len(tets))
    for piece, _, corners in chunks(nodes_mm, tets):
        result[piece] = flatness_at(corners)
    return result


def flatness_at(corners: Floats) -> Floats:
    """Return the smallest height over the longest edge of each of c tetrahedra, (c,), corners (3, 4, c).

    It has the sign of the volume. A regular tetrahedron has 0.816, one of no volume 0.

    Examples
    --------
    >>> regular = np.array([[1.0, 1, 1], [1, -1, -1], [-1, -1, 1], [-1, 1, -1]])
    >>> flatness_at(regular.T[..., None]).round(3), flatness_at(np.zeros((3, 4, 1)))
    (array([0.816]), array([0.]))
    """
    edges = corners[:, EDGES[1]] - corners[:, EDGES[0]]
    longest = np.einsum("dec,dec->ec", edges, edges).max(axis=0)
    doubled = [np.cross(edges[:, i], edges[:, j], axis=0) for i, j in ((0, 1), (0, 2), (1, 2), (3, 4))]
    largest = np.max([np.einsum("dc,dc->c", face, face) for face in doubled], axis=0)
    scale = np.sqrt(longest * largest)
    return determinants(corners) / np.where(scale > 0, scale, np.inf)


def shared_faces(faces: NDArray[np.integer]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the places (s,), twice, of faces (f, 3) of tetrahedra that two of these have, in any order.

    Examples
    --------
    >>> shared_faces(np.array([[4, 2, 7], [1, 2, 3], [7, 4, 2]]))
    (array([0]), array([2]))
    """
    ordered = np.sort(faces, axis=1)
    order = np.lexsort(ordered.T)
    same = np.flatnonzero((ordered[order[1:]] == ordered[order[:-1]]).all(axis=1))
    return order[same], order[same + 1]
