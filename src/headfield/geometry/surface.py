# SPDX-License-Identifier: BSD-3-Clause
"""A triangle surface such as the skin: closest points, normals, signed distances, what is inside."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..core.arguments import plain_array, vectors
from ..core.device import cpu
from ..core.locks import cached_property
from ..core.messages import plural
from ..errors import MeshError, PoseError
from .crossings import Columns
from .tree import Boxes, reduced
from .triangles import area_vectors, area_vectors_at_nodes, check_faces, sums_at_nodes

__all__ = ["Closest", "Surface", "points_inside"]

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]


class Closest(NamedTuple):
    """Points of a surface that are closest to given points."""

    face: Ints  #: (p,) the triangle; the first one of several
    weights: Floats  #: (p, 3) barycentric weights in it
    distance_mm: Floats  #: (p,)
    point_mm: Floats  #: (p, 3)


class Surface:
    """A triangle surface. The search trees that make many questions about it quick are built when needed.

    Parameters
    ----------
    nodes_mm : array_like (n, 3)
        mm; nodes without a triangle may be among them.
    faces : array_like (f, 3) int
        Triangles as node indices, counted from 0, wound so that their normals point outward.

    Attributes
    ----------
    nodes_mm : ndarray (n, 3) float64
        The nodes that the triangles use.
    faces : ndarray (f, 3) intp
    triangles : ndarray (f, 3, 3) float64
        Corners, mm.

    Raises
    ------
    MeshError
        Shapes are wrong, there are no triangles, coordinates are not finite, or indices are not of nodes.

    Examples
    --------
    >>> floor = Surface([[0, 0, 0], [8, 0, 0], [0, 8, 0]], [[0, 1, 2]])
    >>> floor.signed_distance([[1, 2, 3], [1, 2, -3], [-4, -3, 0]])
    array([ 3., -3.,  5.])
    """

    def __init__(self, nodes_mm: ArrayLike, faces: ArrayLike) -> None:
        nodes = vectors(nodes_mm, "surface nodes", MeshError)
        indices = plain_array(faces, "surface faces", MeshError)
        if indices.dtype.kind not in "iu":
            raise MeshError(f"surface faces must be integers, not {indices.dtype}")
        check_faces(indices, len(nodes), "surface faces", MeshError, "nodes")
        used, corner = np.unique(indices, return_inverse=True)
        self.nodes_mm: Floats = nodes[used]
        self.faces: Ints = corner.reshape(-1, 3)
        self.triangles: Floats = self.nodes_mm[self.faces]

    def __repr__(self) -> str:
        faces = plural(len(self.faces), "triangle", "triangles")
        return f"<Surface of {faces}, {plural(len(self.nodes_mm), 'node', 'nodes')}>"

    @cached_property
    def is_wound_inward(self) -> bool:
        """Whether it is closed, so that its area vectors add up to zero, and its volume is negative."""
        corners = self.triangles - self.nodes_mm.mean(axis=0)
        areas = area_vectors(corners)
        closed = np.linalg.norm(areas.sum(axis=0)) <= 1e-9 * np.abs(areas).sum()
        return bool(closed and np.einsum("fi,fi->", corners[:, 0], areas) < 0)

    @cached_property
    def boxes(self) -> Boxes:
        """The tree of bounds of the triangles."""
        return Boxes.around(self.triangles)

    @cached_property
    def _tree(self) -> cpu.Triangles:
        """The tree that finds the triangle that is closest to a point."""
        return cpu.Triangles(np.ascontiguousarray(self.triangles))

    def __getstate__(self) -> dict[str, Any]:
        """Leave out what is native: a copy makes its own when it needs it."""
        return {name: value for name, value in self.__dict__.items() if name != "_tree"}

    def closest(self, points_mm: ArrayLike) -> Closest:
        """Return the points of the surface that are closest to given points.

        Parameters
        ----------
        points_mm : array_like (p, 3)

        Returns
        -------
        Closest

        Raises
        ------
        PoseError
            The points are not (p, 3) finite numbers.
        """
        points = np.ascontiguousarray(vectors(points_mm, "points_mm", PoseError))
        face, weights, distance = self._tree.closest(points)
        return Closest(face, weights, distance, np.einsum("pi,pij->pj", weights, self.triangles[face]))

    def normals(self, face: Ints, weights: Floats) -> Floats:
        """Return unit normals (p, 3) that turn continuously with the point.

        They are interpolated between the normals of the nodes, which are means by area of those around.

        Parameters
        ----------
        face : ndarray (p,) int
        weights : ndarray (p, 3)
            Barycentric, as of `closest`.

        Raises
        ------
        PoseError
            A point has no normal, because its triangles have no area or are folded back.
        """
        total, length = self._at_nodes
        nodes = self.faces[face]
        first, second, third = np.moveaxis(weights[..., None] * total[nodes] / length[nodes, None], 1, 0)
        normal = first + second + third
        length = _norm(normal)
        bad = np.flatnonzero(~(length > 1e-6))
        if len(bad):
            raise PoseError(f"the surface has no normal at triangle {face[bad[0]]}")
        return np.asarray(normal / length[:, None])

    def highest(self, directions: Floats) -> list[Floats]:
        """Return, per level, the largest height (boxes, k) in each box of `boxes` along directions (k, 3)."""
        height = self.nodes_mm @ directions.T
        a, b, c = self.faces[self.boxes.order].T
        return reduced(np.maximum(np.maximum(height[a], height[b]), height[c]), np.maximum)

    @cached_property
    def _at_nodes(self) -> tuple[Floats, Floats]:
        """Sums (n, 3) of the area vectors around nodes, and their lengths (n,), 1 where the sum is zero."""
        total = area_vectors_at_nodes(self.nodes_mm, self.faces)
        length = _norm(total)
        return total, np.where(length > 0, length, 1.0)

    def signed_distance(self, points_mm: ArrayLike) -> Floats:
        """Return the distance from the surface, negative behind it: inside, for a closed surface.

        The sign is that of the angle-weighted pseudonormal at the closest point, which is right at edges and
        corners too (Bærentzen & Aanæs, IEEE Trans. Vis. Comput. Graph. 11:243, 2005,
        doi:10.1109/TVCG.2005.49).

        Parameters
        ----------
        points_mm : array_like (p, 3)

        Returns
        -------
        ndarray (p,) float64, mm

        Raises
        ------
        PoseError
            The points are not (p, 3) finite numbers.
        """
        points = vectors(points_mm, "points_mm", PoseError)
        face, weights, distance, closest = self.closest(points)
        units, across, at_nodes = self._pseudonormals
        used = (weights > 0).sum(axis=1)
        normal = units[face]
        on_edge, on_node = np.flatnonzero(used == 2), np.flatnonzero(used == 1)
        normal[on_edge] += across[face[on_edge], (weights[on_edge].argmin(axis=1) + 1) % 3]
        normal[on_node] = at_nodes[self.faces[face[on_node], weights[on_node].argmax(axis=1)]]
        side = np.einsum("pj,pj->p", points - closest, normal)
        return np.where(side < 0, -distance, distance)

    @cached_property
    def _pseudonormals(self) -> tuple[Floats, Floats, Floats]:
        """Normals of triangles (f, 3), of those across edge i, i + 1 (f, 3, 3) or 0, and of nodes (n, 3)."""
        edge = self.triangles[:, [1, 2, 0]] - self.triangles
        unit = np.cross(edge[:, 0], edge[:, 1])
        length = np.linalg.norm(unit, axis=1)
        unit /= np.where(length > 0, length, 1.0)[:, None]
        ends = np.sort(np.stack([self.faces, self.faces[:, [1, 2, 0]]], axis=2).reshape(-1, 2), axis=1)
        _, which = np.unique(ends[:, 0] * len(self.nodes_mm) + ends[:, 1], return_inverse=True)
        per_side = np.repeat(unit, 3, axis=0)
        total = np.stack([np.bincount(which, v) for v in per_side.T], axis=1)
        across = (total[which] - per_side).reshape(-1, 3, 3)
        back = -edge[:, [2, 0, 1]]
        angle = np.arctan2(
            np.linalg.norm(np.cross(edge, back), axis=2), np.einsum("fij,fij->fi", edge, back)
        ).reshape(-1, 1)
        return unit, across, sums_at_nodes(self.faces, angle * per_side, len(self.nodes_mm))

    def inside(self, points_mm: ArrayLike) -> NDArray[np.bool_]:
        """Tell which points are inside a closed surface; see `points_inside`."""
        points = vectors(points_mm, "points_mm", PoseError)
        within = np.flatnonzero(((points >= self._bounds[0]) & (points <= self._bounds[1])).all(axis=1))
        inside = np.zeros(len(points), bool)
        inside[within] = self._columns.inside(points[within])
        return inside

    @cached_property
    def _bounds(self) -> tuple[Floats, Floats]:
        return self.nodes_mm.min(axis=0), self.nodes_mm.max(axis=0)

    @cached_property
    def _columns(self) -> Columns:
        return Columns(self.triangles)


def _norm(vectors: Floats) -> Floats:
    """Return lengths (p,) with the bits of `np.linalg.norm` of single vectors, which is a dot product."""
    return np.asarray(np.sqrt((vectors[:, None] @ vectors[:, :, None])[:, 0, 0]))


def points_inside(nodes_mm: ArrayLike, faces: ArrayLike, points_mm: ArrayLike) -> NDArray[np.bool_]:
    """Tell which points are inside a closed triangle surface.

    A point is inside if a ray from it along z crosses the surface an odd number of times. A ray through an
    edge or a corner counts as one that passes beside it, the same for all triangles there. A point nearer to
    the surface than rounding, about 1e-13 mm, may be on either side.

    Parameters
    ----------
    nodes_mm : array_like (n, 3)
        mm.
    faces : array_like (f, 3) int
        Triangles, of either winding; see `TetMesh.skin`.
    points_mm : array_like (p, 3)

    Returns
    -------
    ndarray (p,) bool

    Raises
    ------
    MeshError
        There are no triangles; or the surface is not closed, as a line crosses it an odd number of times.
    PoseError
        Points that are not (p, 3) finite numbers.

    Examples
    --------
    >>> nodes = [[0, 0, 0], [9, 0, 0], [0, 9, 0], [0, 0, 9]]
    >>> faces = [[0, 2, 1], [0, 1, 3], [1, 2, 3], [2, 0, 3]]
    >>> points_inside(nodes, faces, [[1, 1, 1], [4, 4, 4]])
    array([ True, False])
    """
    return Surface(nodes_mm, faces).inside(points_mm)
