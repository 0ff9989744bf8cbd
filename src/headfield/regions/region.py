# SPDX-License-Identifier: BSD-3-Clause
"""A region of a head: whole tetrahedra of a mesh, or points in some; `headfield.regions` makes them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..core.arguments import finite_array, plain_array
from ..core.locks import cached_property
from ..core.messages import plural, point
from ..errors import RegionError
from ..geometry.triangles import area_vectors, area_vectors_at_nodes, sums_at_nodes
from ..heads.mesh import TetMesh
from ..heads.selection import barycentres, check_mesh, same_mesh
from ..heads.tetrahedra import volumes

__all__ = ["Region", "check_is_region", "surface_region"]

Floats = NDArray[np.float64]

_UNITY = 1e-9  # how far sums of weights and lengths of normals may be off 1
# Length of the sum of area vectors around a node, relative to the sum of their lengths: below this the
# triangles fold back so far that the direction of the sum is rounding.
_NO_NORMAL = 1e-9


class Region:
    """Where a field is wanted: in whole tetrahedra, or at points in some of them. Arrays are read-only.

    The functions of `headfield.regions` make regions; here is what one consists of. Regions of whole
    tetrahedra of one mesh can be combined: `a & b` (in both), `a | b` (in one of them or both), `a - b` (in
    a, not in b), `~a` (all others). Of a region of points, such as a surface, `a & b` and `a - b` are the
    points that lie, or don't, in tetrahedra of b, or that b has too. The result may be empty. Regions can be
    pickled and copied; those of one mesh must be pickled together to be of one mesh afterwards.

    Parameters
    ----------
    mesh : TetMesh
    elements : array_like (p,) int
        Tetrahedra, ascending, each once; for points, the tetrahedron that each lies in, in any order.
    barycentric : array_like (p, 4), optional
        Barycentric weights of points in their tetrahedra: 0 or more, adding up to 1. None for whole
        tetrahedra.
    weights : array_like (p,), optional
        Only for points: how much each stands for, 0 or more; 1 if not given.
    normals : array_like (p, 3), optional
        Only for points: outward unit normals.
    faces : array_like (f, 3) int, optional
        Only for points: triangles of the surface that they are the nodes of.

    Attributes
    ----------
    mesh : TetMesh
    elements : ndarray (p,) int32
    barycentric : ndarray (p, 4) float64, or None
    normals : ndarray (p, 3) float64, or None
    faces : ndarray (f, 3) int32, or None

    Raises
    ------
    RegionError
        Indices outside of the mesh, weights below 0, normals of another length than 1, or shapes that don't
        fit; the message says which.

    Examples
    --------
    >>> from headfield import phantom_head, regions
    >>> head = phantom_head(edge_mm=8)
    >>> hand_knob = regions.sphere(head, [-40, -8, 50], radius_mm=15) & regions.tissue(head, 2)
    >>> hand_knob
    <Region of 122 tetrahedra, 3,033 mm³>
    >>> hand_knob.elements.shape, hand_knob.centres_mm.shape, hand_knob.unit
    ((122,), (122, 3), 'mm³')
    """

    def __init__(
        self,
        mesh: TetMesh,
        elements: ArrayLike,
        barycentric: ArrayLike | None = None,
        *,
        weights: ArrayLike | None = None,
        normals: ArrayLike | None = None,
        faces: ArrayLike | None = None,
    ) -> None:
        check_mesh(mesh)
        self.mesh = mesh
        self.elements: NDArray[np.int32] = _indices(elements, "elements", (), mesh.n_tets)
        self.barycentric: Floats | None = None
        self.normals: Floats | None = None
        self.faces: NDArray[np.int32] | None = None
        self._weights: Floats | None = None
        if barycentric is None:
            if weights is not None or normals is not None or faces is not None:
                raise RegionError("weights, normals and faces need points, which barycentric places")
            if (np.diff(self.elements) <= 0).any():
                raise RegionError("elements: whole tetrahedra must ascend, each once")
            return
        n = len(self.elements)
        self.barycentric = _frozen(_shaped(barycentric, "barycentric", (n, 4)))
        off = np.abs(self.barycentric.sum(axis=1) - 1)
        bad = (self.barycentric < 0).any(axis=1) | (off > _UNITY)
        if bad.any():
            points = plural(int(bad.sum()), "point has", "points have")
            raise RegionError(f"barycentric: {points} weights below 0 or not adding up to 1")
        self._weights = _frozen(np.ones(n) if weights is None else _shaped(weights, "weights", (n,)))
        if (self._weights < 0).any():
            raise RegionError(f"weights: {(self._weights < 0).sum():,} are below 0")
        if normals is not None:
            self.normals = _frozen(_shaped(normals, "normals", (n, 3)))
            if (np.abs(np.linalg.norm(self.normals, axis=1) - 1) > _UNITY).any():
                raise RegionError("normals must be of length 1")
        if faces is not None:
            self.faces = _indices(faces, "faces", (3,), n)

    def __reduce__(self) -> tuple[Callable[..., Region], tuple[Any, ...]]:
        # By the constructor: it closes the arrays, which NumPy's pickles leave open.
        made = partial(type(self), weights=self._weights, normals=self.normals, faces=self.faces)
        return made, (self.mesh, self.elements, self.barycentric)

    @property
    def is_volume(self) -> bool:
        """Whether it consists of whole tetrahedra."""
        return self.barycentric is None

    @property
    def unit(self) -> str:
        """Unit of the weights: "mm³" of whole tetrahedra, "mm²" of a surface, "points" of loose points."""
        if self.is_volume:
            return "mm³"
        return "points" if self.faces is None else "mm²"

    @cached_property
    def centres_mm(self) -> Floats:
        """The points, or the barycentres of whole tetrahedra: (p, 3), float64, mm."""
        if self.barycentric is None:
            return _frozen(barycentres(self.mesh, self.elements))
        corners = self.mesh.nodes_mm[self.mesh.tets[self.elements]]
        return _frozen(np.einsum("pi,pij->pj", self.barycentric, corners))

    @cached_property
    def weights(self) -> Floats:
        """How much each tetrahedron or point stands for, (p,), float64: volumes mm³, areas mm², or 1."""
        if self._weights is not None:
            return self._weights
        return _frozen(volumes(self.mesh.nodes_mm, self.mesh.tets[self.elements]))

    def __len__(self) -> int:
        return len(self.elements)

    def __repr__(self) -> str:
        kinds = ("tetrahedron", "tetrahedra") if self.is_volume else ("point", "points")
        what, total = plural(len(self), *kinds), float(self.weights.sum())
        if self.unit == "points":
            return f"<Region of {what}>"
        return f"<Region of {what}, {total:,.0f} {self.unit}>"

    def part(self, keep: NDArray[np.bool_]) -> Region:
        """The part of it that a mask (p,) of its tetrahedra or points says.

        Points keep what they stand for, and the triangles all of whose nodes are kept.

        Examples
        --------
        >>> mesh = TetMesh([[0, 0, 0], [6, 0, 0], [0, 6, 0], [0, 0, 6]], [[0, 1, 2, 3]])
        >>> points = Region(mesh, [0, 0], np.eye(4)[:2], weights=[1.0, 2.0])
        >>> points.part(np.array([False, True])).weights.tolist()
        [2.0]
        """
        if self.barycentric is None:
            return Region(self.mesh, self.elements[keep])
        faces = self.faces
        if faces is not None:
            number = np.cumsum(keep) - 1
            faces = number[faces[keep[faces].all(axis=1)]]
        return Region(
            self.mesh,
            self.elements[keep],
            self.barycentric[keep],
            weights=self.weights[keep],
            normals=None if self.normals is None else self.normals[keep],
            faces=faces,
        )

    def __and__(self, other: Region) -> Region:
        if isinstance(other, Region) and self.is_volume and not other.is_volume:
            return other & self
        return self._combined(other, np.intersect1d)

    def __or__(self, other: Region) -> Region:
        if isinstance(other, Region):
            self._check_volume()
        return self._combined(other, np.union1d)

    def __sub__(self, other: Region) -> Region:
        return self._combined(other, np.setdiff1d)

    def __invert__(self) -> Region:
        self._check_volume()
        others = np.ones(self.mesh.n_tets, bool)
        others[self.elements] = False
        return Region(self.mesh, np.flatnonzero(others))

    def _combined(self, other: Region, operation: Callable[..., NDArray[np.int32]]) -> Region:
        if not isinstance(other, Region):
            return NotImplemented
        if not same_mesh(other.mesh, self.mesh):
            raise RegionError(f"the regions are of different meshes, {self.mesh!r} and {other.mesh!r}")
        if not self.is_volume:
            there = self._lies_in(other)
            return self.part(there if operation is np.intersect1d else ~there)
        other._check_volume()
        return Region(self.mesh, operation(self.elements, other.elements))

    def _lies_in(self, other: Region) -> NDArray[np.bool_]:
        """Tell which points lie in tetrahedra of a region, or are points of it."""
        if other.barycentric is None or self.barycentric is None:
            return np.isin(self.elements, other.elements)
        rows = [np.column_stack([one.elements, np.asarray(one.barycentric)]) for one in (self, other)]
        _, number = np.unique(np.concatenate(rows), axis=0, return_inverse=True)
        number = number.reshape(-1)
        return np.isin(number[: len(self)], number[len(self) :])

    def _check_volume(self) -> None:
        if not self.is_volume:
            raise RegionError(f"only regions of whole tetrahedra can be combined so, not {self!r}")


def check_is_region(roi: Any) -> None:
    """Raise RegionError for what is no region."""
    if not isinstance(roi, Region):
        raise RegionError(f"roi must be a Region (see headfield.regions), not {type(roi).__name__}")


def surface_region(
    mesh: TetMesh, elements: ArrayLike, barycentric: ArrayLike, nodes_mm: Floats, faces: NDArray[Any]
) -> Region:
    """Make the region of the nodes of a triangle surface, with their share of its area and their normals.

    Parameters
    ----------
    mesh : TetMesh
    elements, barycentric
        Where the nodes are, see `Region`.
    nodes_mm : ndarray (p, 3) float64
        Nodes that areas and normals are computed from.
    faces : ndarray (f, 3) int
        Wound outward.

    Returns
    -------
    Region
        `weights`: a third of the area of each triangle around a node, mm²; `normals`: the mean of their
        normals, weighted by area.

    Raises
    ------
    RegionError
        Nodes without a normal: they have no triangle, or their triangles have no area or fold back.

    Examples
    --------
    >>> mesh = TetMesh([[0, 0, 0], [6, 0, 0], [0, 6, 0], [0, 0, 6]], [[0, 1, 2, 3]])
    >>> floor = surface_region(mesh, [0, 0, 0], np.eye(4)[:3], mesh.nodes_mm[:3], np.array([[0, 2, 1]]))
    >>> floor.weights.tolist(), floor.normals[0].tolist()
    ([6.0, 6.0, 6.0], [0.0, 0.0, -1.0])
    """
    n, size = len(nodes_mm), np.linalg.norm(area_vectors(nodes_mm[faces]), axis=1)
    sizes = sums_at_nodes(faces, np.repeat(size, 3)[:, None], n)[:, 0]
    total = area_vectors_at_nodes(nodes_mm, faces)
    length = np.linalg.norm(total, axis=1)
    bad = np.flatnonzero(~(length > _NO_NORMAL * sizes))
    if len(bad):
        raise RegionError(
            f"{len(bad):,} of {n:,} nodes of the surface have no normal: no triangle, or only such as have "
            f"no area or fold back; the first is node {bad[0]} at {point(nodes_mm[bad[0]])}"
        )
    return Region(
        mesh, elements, barycentric, weights=sizes / 6, normals=total / length[:, None], faces=faces
    )


def _indices(values: ArrayLike, name: str, row: tuple[int, ...], count: int) -> NDArray[np.int32]:
    """Check indices (p, *row) from 0 to `count` − 1; return them as int32, read-only."""
    array = plain_array(values, name, RegionError)
    if array.ndim == 1 and not len(array):
        array = np.zeros((0, *row), np.int32)
    if array.dtype.kind not in "iu" or array.ndim != 1 + len(row) or array.shape[1:] != row:
        shape = ", ".join(["n", *map(str, row)]) + ("" if row else ",")
        raise RegionError(f"{name} must be integers of shape ({shape}), not {array.dtype} of {array.shape}")
    bad = (array < 0) | (array >= count)
    if bad.any():
        raise RegionError(f"{name}: {bad.sum():,} are outside of 0…{count - 1}; the first is {array[bad][0]}")
    return _frozen(array.astype(np.int32))


def _shaped(values: ArrayLike, name: str, shape: tuple[int, ...]) -> Floats:
    array = finite_array(values, name, RegionError)
    if array.shape != shape:
        raise RegionError(f"{name} must have the shape {shape}, not {array.shape}")
    return array


def _frozen(array: NDArray[Any]) -> NDArray[Any]:
    array.flags.writeable = False
    return array
