# SPDX-License-Identifier: BSD-3-Clause
"""Triangles: areas, normals at nodes, checks of indices; distances and crossings, row by row."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import HeadfieldError

__all__ = [
    "area_vectors",
    "area_vectors_at_nodes",
    "areas",
    "check_faces",
    "heights",
    "pair_distances",
    "point_distances",
    "ramp",
    "subdivided",
    "sums_at_nodes",
]

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]

_SLACK = 1e-9  # relative; a pair is dropped only if it is farther apart than the bound by more


def check_faces(
    faces: NDArray[Any], count: int, name: str, error: type[HeadfieldError], points: str = "points"
) -> None:
    """Raise `error` unless `faces` are triangles (f, 3), f ≥ 1, of whole numbers in 0 … count − 1.

    Parameters
    ----------
    faces : ndarray of real numbers
    count : int
        Number of points that the triangles may refer to.
    name : str
        What the message calls the triangles.
    error : type of HeadfieldError
    points : str
        What the message calls the points.

    Examples
    --------
    >>> from headfield.errors import MeshError
    >>> check_faces(np.array([[0, 1, 3]]), 3, "faces", MeshError)
    Traceback (most recent call last):
    ...
    headfield.errors.MeshError: faces must be indices of its 3 points
    """
    if faces.ndim != 2 or faces.shape[1] != 3 or not len(faces):
        raise error(f"{name} must have the shape (f, 3), not {faces.shape}")
    if not ((faces >= 0) & (faces < count) & (faces == np.floor(faces))).all():
        raise error(f"{name} must be indices of its {count} {points}")


def area_vectors(triangles: Floats) -> Floats:
    """Return twice the area of triangles (f, 3, 3) times their unit normals, (f, 3).

    Examples
    --------
    >>> area_vectors(np.array([[[0.0, 0, 0], [2, 0, 0], [0, 3, 0]]])).tolist()
    [[0.0, 0.0, 6.0]]
    """
    return np.asarray(np.cross(triangles[:, 1] - triangles[:, 0], triangles[:, 2] - triangles[:, 0]))


def areas(triangles: Floats) -> Floats:
    """Return the areas (f,) of triangles (f, 3, 3).

    Examples
    --------
    >>> areas(np.array([[[0.0, 0, 0], [2, 0, 0], [0, 3, 0]]])).tolist()
    [3.0]
    """
    return np.asarray(np.linalg.norm(area_vectors(triangles), axis=1) / 2)


def sums_at_nodes(faces: NDArray[np.integer[Any]], values: Floats, n_nodes: int) -> Floats:
    """Add up, at each node, values of the corners of triangles that lie there.

    Parameters
    ----------
    faces : ndarray (f, 3) int
    values : ndarray (3 f, c)
        One row per corner, those of a triangle together.
    n_nodes : int

    Returns
    -------
    ndarray (n_nodes, c) float64
        0 at a node without a triangle. Corners are added in their order, so the bits are always the same.

    Examples
    --------
    >>> sums_at_nodes(np.array([[0, 1, 2], [0, 2, 3]]), np.ones((6, 1)), 5).ravel().tolist()
    [2.0, 1.0, 2.0, 1.0, 0.0]
    """
    corner = faces.ravel()
    return np.stack([np.bincount(corner, column, minlength=n_nodes) for column in values.T], axis=1)


def area_vectors_at_nodes(nodes_mm: Floats, faces: NDArray[np.integer[Any]]) -> Floats:
    """Return the sum (n, 3) of the area vectors of the triangles (f, 3) around each node (n, 3).

    Scaled to length 1 they are normals at the nodes: the means, by area, of the normals around them.

    Examples
    --------
    >>> nodes = np.array([[0.0, 0, 0], [2, 0, 0], [0, 3, 0], [9, 9, 9]])
    >>> area_vectors_at_nodes(nodes, np.array([[0, 1, 2]])).tolist()
    [[0.0, 0.0, 6.0], [0.0, 0.0, 6.0], [0.0, 0.0, 6.0], [0.0, 0.0, 0.0]]
    """
    return sums_at_nodes(faces, np.repeat(area_vectors(nodes_mm[faces]), 3, axis=0), len(nodes_mm))


def ramp(counts: Ints) -> Ints:
    """Return 0, 1, … up to below each of the counts, one after the other.

    With `np.repeat(items, counts)` that numbers the copies of each item.

    Examples
    --------
    >>> ramp(np.array([2, 0, 3])).tolist()
    [0, 1, 0, 1, 2]
    """
    return np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)


def point_distances(triangles: Floats, points: Floats) -> tuple[Floats, Floats]:
    """Return distances of points (p, 3) to triangles (p, 3, 3), and weights (p, 3) of the closest points.

    The closest point is the projection onto the plane if that falls inside, else it is the closest point of
    the three edges (Eberly, Distance Between Point and Triangle in 3D, 1999). The barycentric weights of
    corners that a point on an edge or corner does not need are exactly 0.
    """
    start, edge = triangles, triangles[:, [1, 2, 0]] - triangles  # edge i from corner i to i + 1
    to_point = points[:, None] - start
    with np.errstate(divide="ignore", invalid="ignore"):
        t = np.einsum("fij,fij->fi", to_point, edge) / np.einsum("fij,fij->fi", edge, edge)
    t = np.clip(np.nan_to_num(t), 0.0, 1.0)  # an edge of no length is its start
    to_edge = np.linalg.norm(start + t[..., None] * edge - points[:, None], axis=2)
    best = to_edge.argmin(axis=1)
    rows = np.arange(len(triangles))
    weights = np.zeros((len(triangles), 3))
    weights[rows, best] = 1.0 - t[rows, best]
    weights[rows, (best + 1) % 3] += t[rows, best]
    distance = to_edge[rows, best]

    normal = np.cross(edge[:, 0], edge[:, 1])
    twice_area = np.einsum("fj,fj->f", normal, normal)
    opposite = np.cross(edge, to_point)  # (f, 3, 3): weight of the corner opposite to edge i
    with np.errstate(divide="ignore", invalid="ignore"):
        inside = np.einsum("fij,fj->fi", opposite, normal) / twice_area[:, None]
        height = np.abs(np.einsum("fj,fj->f", to_point[:, 0], normal)) / np.sqrt(twice_area)
    within = (inside >= 0).all(axis=1)  # False for NaN: a triangle of no area is its edges
    weights[within] = np.roll(inside[within], -1, axis=1)  # edge 1 (corners 1, 2) is opposite to corner 0
    return np.where(within, height, distance), weights


def heights(triangles: Floats, corners: Floats) -> Floats:
    """Return signed distances (p, 3) of corners (p, 3, 3) from planes of triangles, 0 if one has no area."""
    normal = area_vectors(triangles)
    length = np.linalg.norm(normal, axis=1)
    normal /= np.where(length > 0, length, 1.0)[:, None]
    return np.asarray(np.einsum("pij,pj->pi", corners - triangles[:, :1], normal))


def pair_distances(first: Floats, second: Floats, bound: Floats) -> tuple[Floats, Floats]:
    """Return distances (p,) of triangles to triangles, and how deep they cross (p,): 0 if they do not.

    The depth is the shortest way along the normal of either that takes them apart.

    The closest points of two triangles that do not cross are a corner and a point of the other triangle, or
    lie on an edge of each. Pairs that the plane of one shows to be farther apart than `bound` (p,) get inf.
    """
    distance, depth = np.full(len(first), np.inf), np.zeros(len(first))
    of_second, of_first = heights(first, second), heights(second, first)
    limit = bound * (1 + _SLACK) + _SLACK
    near = np.flatnonzero((_gap(of_second) <= limit) & (_gap(of_first) <= limit))
    if len(near):
        first, second, of_first, of_second = (x[near] for x in (first, second, of_first, of_second))
        cross = _pierced(first, of_second, second) | _pierced(second, of_first, first)
        depth[near] = np.where(cross, np.minimum(_overlap(of_first), _overlap(of_second)), 0.0)
        distance[near] = np.where(cross, 0.0, _apart(first, second))
    return distance, depth


def _gap(height: Floats) -> Floats:
    """Return how far three corners at these heights stay from the plane, 0 if they are on both sides."""
    return np.maximum(np.maximum(height.min(axis=1), -height.max(axis=1)), 0.0)


def _apart(first: Floats, second: Floats) -> Floats:
    """Return distances (p,) of triangles that do not cross."""
    best = np.minimum.reduce(
        [point_distances(first, second[:, i])[0] for i in range(3)]
        + [point_distances(second, first[:, i])[0] for i in range(3)]
    )
    along, across = first[:, [1, 2, 0]] - first, second[:, [1, 2, 0]] - second
    for i in range(3):
        for j in range(3):
            between = _edge_distances(first[:, i], along[:, i], second[:, j], across[:, j])
            np.minimum(best, between, out=best)
    return best


def _edge_distances(a: Floats, along: Floats, b: Floats, across: Floats) -> Floats:
    """Return distances (p,) where the lines a + s along, b + t across come closest, s, t cut to [0, 1].

    That is the distance of the edges if both points lie inside them. Otherwise it is larger, and the closest
    point of one edge is an end, which is found elsewhere.
    """
    normal = np.cross(along, across)
    square = np.einsum("pj,pj->p", normal, normal)
    apart = b - a
    with np.errstate(divide="ignore", invalid="ignore"):
        s = np.einsum("pj,pj->p", np.cross(apart, across), normal) / square
        t = np.einsum("pj,pj->p", np.cross(apart, along), normal) / square
    s, t = (np.clip(np.nan_to_num(x), 0.0, 1.0)[:, None] for x in (s, t))
    return np.asarray(np.linalg.norm(apart + t * across - s * along, axis=1))


def _overlap(height: Floats) -> Floats:
    """Return how far three corners at these heights reach to that side of the plane where they reach less."""
    return np.maximum(np.minimum(height.max(axis=1), -height.min(axis=1)), 0.0)


def _pierced(triangles: Floats, height: Floats, corners: Floats) -> NDArray[np.bool_]:
    """Tell whether (p,) an edge of triangles `corners`, at these heights above `triangles`, pierces them."""
    pierced = np.zeros(len(triangles), bool)
    side = triangles[:, [1, 2, 0]] - triangles
    normal = np.cross(side[:, 0], side[:, 1])
    for i, j in ((0, 1), (1, 2), (2, 0)):
        row = np.flatnonzero(height[:, i] * height[:, j] < 0)
        share = height[row, i] / (height[row, i] - height[row, j])
        point = corners[row, i] + share[:, None] * (corners[row, j] - corners[row, i])
        area = np.einsum("pij,pj->pi", np.cross(side[row], point[:, None] - triangles[row]), normal[row])
        pierced[row] |= (area >= 0).all(axis=1)
    return pierced


def subdivided(triangles: Floats, longest_mm: float) -> Floats:
    """Halve triangles (f, 3, 3) across their longest edge until no edge is longer than `longest_mm`."""
    done = []
    while len(triangles):
        length = np.linalg.norm(triangles[:, [1, 2, 0]] - triangles, axis=2)
        long = length.max(axis=1) > longest_mm
        done.append(triangles[~long])
        first = (length[long].argmax(axis=1)[:, None] + [0, 1, 2]) % 3  # its longest edge first
        a, b, c = np.moveaxis(np.take_along_axis(triangles[long], first[..., None], axis=1), 1, 0)
        middle = 0.5 * (a + b)
        triangles = np.concatenate([np.stack([a, middle, c], axis=1), np.stack([middle, b, c], axis=1)])
    return np.concatenate(done)
