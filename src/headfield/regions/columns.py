# SPDX-License-Identifier: BSD-3-Clause
"""Columns of the cortex: points at several depths that correspond, along the gradient of depth.

Depth is the solution of Laplace's equation in gray matter, linear in tetrahedra. Its gradient is averaged to
the nodes by volume and linear between them, so that columns bend and don't break where tetrahedra meet. Each
step aims at a depth, and the last ones at that of the layer asked for, so that errors don't add up.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..core.arguments import whole
from ..core.locks import cached_property
from ..core.messages import plural
from ..errors import ArgumentError, RegionError
from ..heads.location import barycentric
from ..heads.mesh import TetMesh
from ..heads.selection import same_mesh
from ..heads.tetrahedra import FACES, shared_faces, volumes
from .region import Region

__all__ = ["Columns", "DepthField", "columns_through"]

Floats = NDArray[np.float64]

_STEP = 0.1  # of depth: midpoint steps of that keep to the radii of spheres within 0.04 degrees
_CORRECTIONS = 10  # steps at the end, at the depth asked for, of points that are off by more than
_EXACT = 1e-4
_LONGEST_MM = 1.0  # of a step: gradients all but vanish where banks of a sulcus have grown together
_MOST_HOPS = 50  # from a tetrahedron to the next one: steps are about as long as these
_ROUNDING = 1e-10  # a barycentric weight this far below 0 still counts as inside
_REACHED = 0.02  # of depth: a point that is off by more has missed its layer


class DepthField(NamedTuple):
    """Gray matter with the depth of its nodes."""

    mesh: TetMesh
    elements: NDArray[np.intp]  #: (c,) its tetrahedra
    nodes_mm: Floats  #: (g, 3) its nodes
    tets: NDArray[np.int32]  #: (c, 4) its tetrahedra as indices of these
    depth: Floats  #: (g,)


class Columns:
    """Points of p columns through the cortex at d depths; `Cortex.columns` makes them. Arrays are read-only.

    Attributes
    ----------
    region : Region
        All d · p points, depth after depth, each with the p points in the order of `start`: what
        `HeadModel.solve` takes as `roi`. `normals` point along the columns, away from white matter; `weights`
        are those of `start` at each depth, so that a column stands for the same area everywhere.
    start : Region
        The points that the columns go through.
    depths : ndarray (d,) float64
        As asked for.
    reached : ndarray (d, p) float64
        The depths of the points.

    Examples
    --------
    |E| at two depths of a sphere, solved at once; where it is largest, it falls inward:

    >>> import headfield as hf
    >>> head = hf.sphere_mesh(radii_mm=[70, 78, 90], tags=[1, 2, 5], edge_mm=10)
    >>> columns = hf.regions.Cortex(head).columns([0.2, 0.8])
    >>> model, coil = hf.HeadModel(head), hf.circular_coil()
    >>> pose = model.place(coil, [0, 0, 90], [0, 50, 90])
    >>> field = model.solve(coil, pose, 1e6, roi=columns.region, recovery="interface")
    >>> inner, outer = columns.split(field.magnitude)[0]
    >>> bool(outer.max() > inner[outer.argmax()]), int(columns.missed.sum())
    (True, 0)
    """

    def __init__(self, region: Region, start: Region, depths: Floats, reached: Floats) -> None:
        self.region, self.start = region, start
        self.depths, self.reached = depths, reached
        for array in (depths, reached):
            array.flags.writeable = False

    def __len__(self) -> int:
        return len(self.start)

    def __repr__(self) -> str:
        depths = ", ".join(f"{depth:g}" for depth in self.depths)
        return f"<Columns: {plural(len(self), 'point', 'points')} at depths {depths}>"

    @cached_property
    def points_mm(self) -> Floats:
        """The points, (d, p, 3), mm."""
        return self.region.centres_mm.reshape(len(self.depths), len(self), 3)

    @cached_property
    def missed(self) -> NDArray[np.bool_]:
        """Which columns (p,) end before one of their depths, by more than 0.02 of the cortex.

        Depth has no gradient to follow where banks of a sulcus touch without fluid between them.
        """
        return np.asarray((np.abs(self.reached - self.depths[:, None]) > _REACHED).any(axis=0))

    def split(self, values: Any) -> Any:
        """Give values of the points of `region` by depth: (…, d·p) as (…, d, p), (…, d·p, 3) as (…, d, p, 3).

        Parameters
        ----------
        values : ndarray
            Such as `Field.E` or `Field.magnitude` of a field that was solved there.

        Raises
        ------
        ArgumentError
            No axis of d·p values, last or last but one.
        """
        shape, d, p = tuple(np.shape(values)), len(self.depths), len(self)
        if shape[-2:] == (d * p, 3):
            return values.reshape(*shape[:-2], d, p, 3)
        if shape[-1:] == (d * p,):
            return values.reshape(*shape[:-1], d, p)
        sizes = f"(…, {d * p}) or (…, {d * p}, 3)"
        raise ArgumentError(f"values at {d} depths of {p} points must have the shape {sizes}, not {shape}")

    def layer(self, index: int) -> Region:
        """Return the region of the points at one of the depths, counted from 0.

        Raises
        ------
        ArgumentError
            There is no such depth.
        """
        i = whole(index, "index", ArgumentError, len(self.depths) - 1, 0)
        p, all_of = len(self), self.region
        assert all_of.barycentric is not None
        assert all_of.normals is not None
        part = slice(i * p, (i + 1) * p)
        return Region(
            all_of.mesh,
            all_of.elements[part],
            all_of.barycentric[part],
            weights=all_of.weights[part],
            normals=all_of.normals[part],
            faces=self.start.faces,
        )


class _At(NamedTuple):
    """Points in gray matter: where they are, how deep, and the gradient of depth there."""

    tet: NDArray[np.intp]  #: of gray matter
    barycentric: Floats
    point_mm: Floats
    depth: Floats
    gradient: Floats


class _Tracer:
    """Follows the gradient of depth through gray matter."""

    def __init__(self, gray: DepthField) -> None:
        self._gray, self._slope = gray, _slopes(gray)
        one, other = shared_faces(gray.tets[:, FACES].reshape(-1, 3))
        beyond = np.full(gray.tets.size, -1)
        beyond[one], beyond[other] = other // 4, one // 4
        self._beyond = beyond.reshape(-1, 4)

    def near(self, points_mm: Floats, tet: NDArray[np.intp]) -> _At:
        """Walk to points from tetrahedra close by; from beyond gray matter they are put back to its border.

        So they stay in their own bank of a sulcus, where the nearest place may be in the other.
        """
        tet, weights = tet.copy(), np.empty((len(tet), 4))
        walking = np.arange(len(tet))
        for hop in range(_MOST_HOPS):
            here = tet[walking]
            corners = np.moveaxis(self._gray.nodes_mm[self._gray.tets[here]], 0, 2).swapaxes(0, 1)
            w = barycentric(np.ascontiguousarray(corners), points_mm[walking].T).T
            weights[walking] = w
            beyond = self._beyond[here]
            side = np.where(beyond >= 0, w, np.inf).argmin(axis=1)[:, None]
            next_to = np.take_along_axis(beyond, side, axis=1)[:, 0]
            goes = (np.take_along_axis(w, side, axis=1)[:, 0] < -_ROUNDING) & (next_to >= 0)
            walking = walking[goes]
            if not len(walking) or hop + 1 == _MOST_HOPS:
                break
            tet[walking] = next_to[goes]
        weights = np.maximum(weights, 0.0)
        return self.of(tet, weights / weights.sum(axis=1, keepdims=True))

    def of(self, tet: NDArray[np.intp], weights: Floats) -> _At:
        """Look at points in tetrahedra of gray matter."""
        corner = self._gray.tets[tet]
        point = np.einsum("pi,pij->pj", weights, self._gray.nodes_mm[corner])
        depth = np.einsum("pi,pi->p", weights, self._gray.depth[corner])
        return _At(tet, weights, point, depth, np.einsum("pi,pij->pj", weights, self._slope[corner]))

    def follow(self, at: _At, start: float, end: float) -> _At:
        """Move points from about one depth to another by midpoint steps, and correct them there."""
        count = max(1, math.ceil(abs(end - start) / _STEP - 1e-9))
        for goal in np.linspace(start, end, count + 1)[1:]:
            half = self.near(at.point_mm + 0.5 * _towards(at, at.gradient, goal), at.tet)
            at = self.near(at.point_mm + _towards(at, half.gradient, goal), half.tet)
        for _ in range(_CORRECTIONS):
            off = np.flatnonzero(np.abs(at.depth - end) > _EXACT)
            if not len(off):
                break
            here = self.of(at.tet[off], at.barycentric[off])
            nearer = self.near(here.point_mm + _towards(here, here.gradient, end), here.tet)
            better = np.flatnonzero(np.abs(nearer.depth - end) < np.abs(here.depth - end))
            tet, weights = at.tet.copy(), at.barycentric.copy()
            tet[off[better]], weights[off[better]] = nearer.tet[better], nearer.barycentric[better]
            at = self.of(tet, weights)
        return at


def columns_through(gray: DepthField, depths: Floats, start: Region) -> Columns:
    """Make the columns of `Cortex.columns`; depths ascend."""
    if not same_mesh(start.mesh, gray.mesh):
        raise RegionError(f"start: the region is of another mesh, {start.mesh!r}, not of {gray.mesh!r}")
    if start.barycentric is None or not len(start):
        raise RegionError(f"start must be a region of points, such as a layer, not {start!r}")
    outside = ~np.isin(start.elements, gray.elements)
    if outside.any():
        raise RegionError(f"start: {outside.sum():,} of {len(start):,} points are not in gray matter")
    tracer = _Tracer(gray)
    first = tracer.of(np.searchsorted(gray.elements, start.elements), start.barycentric)
    middle = float(np.median(first.depth))
    found: dict[int, _At] = {}
    above = np.flatnonzero(depths >= middle).tolist()
    for way in (above, [i for i in reversed(range(len(depths))) if i not in above]):
        at, before = first, middle
        for i in way:
            at, before = tracer.follow(at, before, float(depths[i])), float(depths[i])
            found[i] = at
    return _assembled([found[i] for i in range(len(depths))], depths, start, gray.elements)


def _assembled(found: list[_At], depths: Floats, start: Region, elements: NDArray[np.intp]) -> Columns:
    slope = np.concatenate([at.gradient for at in found])
    length = np.linalg.norm(slope, axis=1, keepdims=True)
    normals = np.where(length > 0, slope / np.where(length > 0, length, 1.0), [0.0, 0.0, 1.0])
    p, faces = len(start), start.faces
    region = Region(
        start.mesh,
        elements[np.concatenate([at.tet for at in found])],
        np.concatenate([at.barycentric for at in found]),
        weights=np.tile(start.weights, len(found)),
        normals=normals,
        faces=None if faces is None else np.concatenate([faces + i * p for i in range(len(found))]),
    )
    return Columns(region, start, depths, np.stack([at.depth for at in found]))


def _towards(at: _At, gradient: Floats, goal: float) -> Floats:
    """Return the way (p, 3) along gradients (p, 3) to a depth, mm; not farther than the longest step."""
    square = np.einsum("pj,pj->p", gradient, gradient)
    way = ((goal - at.depth) / np.maximum(square, 1e-12))[:, None] * gradient
    length = np.linalg.norm(way, axis=1, keepdims=True)
    return np.asarray(way * np.minimum(1.0, _LONGEST_MM / np.maximum(length, 1e-12)))


def _slopes(gray: DepthField) -> Floats:
    """Return the gradients of depth at nodes (g, 3), 1/mm: means over the tetrahedra around, by volume."""
    corners = gray.nodes_mm[gray.tets]
    edges = corners[:, 1:] - corners[:, :1]
    rise = gray.depth[gray.tets[:, 1:]] - gray.depth[gray.tets[:, :1]]
    size = volumes(gray.nodes_mm, gray.tets)
    flux = size[:, None] * np.linalg.solve(edges, rise[:, :, None])[:, :, 0]
    node, count = gray.tets.ravel(), len(gray.nodes_mm)
    total = np.stack([np.bincount(node, np.repeat(part, 4), count) for part in flux.T], axis=1)
    return np.asarray(total / np.bincount(node, np.repeat(size, 4), count)[:, None])
