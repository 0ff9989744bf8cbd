# SPDX-License-Identifier: BSD-3-Clause
"""Location of points in a mesh: the tetrahedron that each lies in, and its barycentric weights there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..core.arguments import vectors
from ..errors import RegionError
from ..geometry.surface import Surface
from ..geometry.triangles import ramp
from .mesh import TetMesh
from .selection import tets_of
from .tetrahedra import chunks, determinants
from .tissue_words import Tissues

__all__ = ["Cubes", "Located", "barycentric", "locate"]

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]

_ROUNDING = 1e-10  # a barycentric weight this far below 0 still counts as inside
_SLACK_MM = 1e-9  # of the box around a tetrahedron
_MOST_CUBES = 200  # along an axis
_MOST_PAIRS = 400_000  # taken at a time: some ten MB
_SAMPLES = 10_000  # tetrahedra that the size of the cubes is taken from


class Located(NamedTuple):
    """The tetrahedron of each point, and where in it."""

    element: NDArray[np.int32]  #: (p,)
    barycentric: Floats  #: (p, 4) weights of its nodes, 0 or more, adding up to 1
    distance_mm: Floats  #: (p,) from the point to the tetrahedron, 0 if it is inside


def locate(mesh: TetMesh, points_mm: ArrayLike, tags: Tissues | None = None) -> Located:
    """Find the tetrahedron that each point lies in, or else the one that is nearest.

    Parameters
    ----------
    mesh : TetMesh
    points_mm : array_like (p, 3)
    tags : int, str, or sequence of them, optional
        Only tetrahedra of these tissues.

    Returns
    -------
    Located
        A point on a face, edge or node that several tetrahedra share is in the one of the lowest number. A
        point outside of all has the weights of the point of the mesh that is nearest to it.

    Raises
    ------
    RegionError
        Points that are not (p, 3) finite numbers; tags that no tetrahedron has.

    Examples
    --------
    >>> mesh = TetMesh([[0, 0, 0], [4, 0, 0], [0, 4, 0], [0, 0, 4], [4, 4, 4]], [[0, 1, 2, 3], [1, 2, 3, 4]])
    >>> element, barycentric, distance_mm = locate(mesh, [[1, 1, 1], [2, 2, 2], [1, 1, -3]])
    >>> element.tolist(), barycentric[0].tolist(), distance_mm.tolist()
    ([0, 1, 0], [0.25, 0.25, 0.25, 0.25], [0.0, 0.0, 3.0])
    """
    points = vectors(points_mm, "points_mm", RegionError)
    chosen = tets_of(mesh, tags)
    found, weights = _holding(mesh.nodes_mm, mesh.tets[chosen], points)
    element = chosen[found].astype(np.int32)
    distance = np.zeros(len(points))
    outside = np.flatnonzero(found < 0)
    if len(outside):
        faces = mesh.boundary() if tags is None else mesh.surface(tags)
        closest = Surface(mesh.nodes_mm, faces).closest(points[outside])
        element[outside] = mesh.surface_tets(tags)[closest.face]
        distance[outside] = closest.distance_mm
        same = mesh.tets[element[outside]][:, :, None] == faces[closest.face][:, None]
        weights[outside] = (same * closest.weights[:, None]).sum(axis=2)
    return Located(element, weights, distance)


def _holding(nodes_mm: Floats, tets: NDArray[np.int32], points: Floats) -> tuple[Ints, Floats]:
    """Return the first tetrahedron (p,) that each point is in, or -1, and the weights (p, 4) of its nodes."""
    found, weights = np.full(len(points), -1), np.zeros((len(points), 4))
    if not len(points):
        return found, weights
    sample = nodes_mm[tets[:: len(tets) // _SAMPLES + 1]]
    cubes = Cubes(points, float(np.ptp(sample, axis=1).mean()))
    for piece, _, corners in chunks(nodes_mm, tets):
        for tet, point in cubes.near(corners):
            missing = np.flatnonzero(found[point] < 0)
            tet, point = tet[missing], point[missing]
            at = barycentric(corners[:, :, tet], cubes.points[:, point])
            # Backwards: of several values that are written to one place the last one stays.
            inside = np.flatnonzero(at.min(axis=0) >= -_ROUNDING)[::-1]
            found[point[inside]] = tet[inside] + piece.start
            weights[point[inside]] = at[:, inside].T
    weights = np.maximum(weights, 0.0)
    weights /= np.where(found >= 0, weights.sum(axis=1), 1.0)[:, None]
    place = np.empty_like(found)
    place[cubes.order] = np.arange(len(points))
    return found[place], weights[place]


def barycentric(corners: Floats, points: Floats) -> Floats:
    """Return the weights (4, c) of corners (3, 4, c) at points (3, c).

    The weight of a corner is the share of the volume that is left when the point takes its place.
    """
    weights = np.empty(corners.shape[1:])
    for i in range(4):
        moved = corners.copy()
        moved[:, i] = points
        weights[i] = determinants(moved)
    return np.asarray(weights / determinants(corners))


class Cubes:
    """Points sorted into cubes, so that the points in a row of cubes along z follow each other.

    Attributes
    ----------
    order : ndarray (p,)
        Indices of the points in the order of the cubes.
    points : ndarray (3, p)
        The points in that order.
    """

    def __init__(self, points: Floats, edge_mm: float) -> None:
        self._low, self._high = points.min(axis=0)[:, None], points.max(axis=0)[:, None]
        self._edge = max(edge_mm, float((self._high - self._low).max()) / _MOST_CUBES)
        self._shape = ((self._high - self._low) / self._edge).astype(np.intp) + 1  # (3, 1)
        x, y, z = self._cube(points.T)
        _, ny, nz = shape = tuple(self._shape[:, 0].tolist())
        cube = (x * ny + y) * nz + z
        self.order = np.argsort(cube, kind="stable")
        self.points = np.ascontiguousarray(points[self.order].T)
        count = np.bincount(cube, minlength=int(np.prod(shape)))
        self._start = np.concatenate([[0], np.cumsum(count)])
        self._below = np.zeros([n + 1 for n in shape], np.intp)  # points in all cubes below x, y and z
        self._below[1:, 1:, 1:] = count.reshape(shape).cumsum(axis=0).cumsum(axis=1).cumsum(axis=2)

    def near(self, corners: Floats) -> Iterator[tuple[Ints, Ints]]:
        """Yield pairs of a tetrahedron and a point in its box, in the order of the tetrahedra (3, 4, c)."""
        low, high = corners.min(axis=1) - _SLACK_MM, corners.max(axis=1) + _SLACK_MM
        tet, start, count = self._rows(low, high)
        cuts = np.searchsorted(np.cumsum(count), np.arange(_MOST_PAIRS, count.sum(), _MOST_PAIRS))
        for part in np.split(np.arange(len(tet)), cuts):
            t = np.repeat(tet[part], count[part])
            point = np.repeat(start[part], count[part]) + ramp(count[part])
            at = self.points[:, point]
            inside = np.flatnonzero(((at >= low[:, t]) & (at <= high[:, t])).all(axis=0))
            yield t[inside], point[inside]

    def _rows(self, low: Floats, high: Floats) -> tuple[Ints, Ints, Ints]:
        """Return the rows of cubes along z that boxes (3, c) touch: box, first point and count of each."""
        box = np.flatnonzero(((high >= self._low) & (low <= self._high)).all(axis=0))
        first, last = self._cube(low[:, box]), self._cube(high[:, box])
        some = np.flatnonzero(self._count(first, last + 1))
        box, first, last = box[some], first[:, some], last[:, some]
        nx, ny, _ = last - first + 1
        which, place = np.repeat(np.arange(len(box)), nx * ny), ramp(nx * ny)
        x, y = first[0, which] + place // ny[which], first[1, which] + place % ny[which]
        row = (x * self._shape[1] + y) * self._shape[2]
        start = self._start[row + first[2, which]]
        return box[which], start, self._start[row + last[2, which] + 1] - start

    def _count(self, first: Ints, stop: Ints) -> Ints:
        """Count the points in the cubes from `first` to below `stop`, (3, c), by inclusion and exclusion."""
        total: Any = 0
        for x, of_x in ((first[0], -1), (stop[0], 1)):
            for y, of_y in ((first[1], -1), (stop[1], 1)):
                total = total + of_x * of_y * (self._below[x, y, stop[2]] - self._below[x, y, first[2]])
        return np.asarray(total)

    def _cube(self, xyz: Floats) -> Ints:
        return np.clip(((xyz - self._low) / self._edge).astype(np.intp), 0, self._shape - 1)
