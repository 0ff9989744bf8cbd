# SPDX-License-Identifier: BSD-3-Clause
"""Cut a head by planes: |E| at the pixels of a grid, and the borders of the tissues as lines."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..geometry.raster import rasterise
from ..heads.mesh import TetMesh

__all__ = [
    "ENDS",
    "MARGIN_MM",
    "RIM_MM",
    "Extent",
    "Slice",
    "borders",
    "boxes",
    "cut_faces",
    "cut_tets",
    "slice_heads",
    "tets_of_pixels",
    "title_of",
]

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]
Extent = tuple[float, float, float, float]

_NAMES = ("sagittal, x", "coronal, y", "axial, z")

#: Room around a head in a slice.
RIM_MM = 4.0
#: Names of the sides of each slice, by axis: left, right, bottom, top.
ENDS = (("P", "A", "I", "S"), ("L", "R", "I", "S"), ("L", "R", "P", "A"))
#: Room around a slice for those names.
MARGIN_MM = 6.0


class Slice(NamedTuple):
    """A plane across one of the axes; the other two, in order, run to the right and upward."""

    axis: int  #: 0 sagittal, 1 coronal, 2 axial
    at_mm: float
    extent: Extent  #: mm: left, right, bottom, top
    magnitude: NDArray[np.float32]  #: (h, w) |E|, V/m, from the bottom upward; nan where there is none
    inside: NDArray[np.bool_]  #: (h, w) in the head
    borders: Floats  #: (s, 2, 2) lines between tissues, mm

    @property
    def title(self) -> str:
        """What the slice is, e.g. "axial, z = 52 mm"."""
        return title_of(self.axis, self.at_mm)


def title_of(axis: int, at_mm: float) -> str:
    """Return what a plane is called.

    Examples
    --------
    >>> title_of(2, 52.0)
    'axial, z = 52 mm'
    """
    return f"{_NAMES[axis]} = {round(at_mm)} mm".replace("-", "−")


def boxes(extents: Sequence[Extent]) -> list[Extent]:
    """Return the extent of each slice's panel, mm: all are as high as the highest, so that one scale fits."""
    half = max(top - bottom for _, _, bottom, top in extents) / 2 + MARGIN_MM
    shown = []
    for left, right, bottom, top in extents:
        middle = (bottom + top) / 2
        shown.append((left - MARGIN_MM, right + MARGIN_MM, middle - half, middle + half))
    return shown


def slice_heads(
    mesh: TetMesh, magnitude: NDArray[np.float32], head: TetMesh, axis: int, at_mm: float, pixel_mm: float
) -> Slice:
    """Cut a field, and the head around it, by a plane.

    Parameters
    ----------
    mesh : TetMesh
    magnitude : ndarray (m,)
        |E| in the tetrahedra of `mesh`, V/m; NaN where none is to be shown.
    head : TetMesh
        Whose tissues are shown: `mesh`, or the head that it is a part of.
    axis : int
        Which coordinate is constant.
    at_mm : float
        Its value.
    pixel_mm : float
        Width of a pixel. Each has the value of the tetrahedron around its centre.

    Returns
    -------
    Slice

    Examples
    --------
    >>> from headfield.heads.phantom import sphere_mesh
    >>> ball = sphere_mesh([50], tags=[2], edge_mm=20)
    >>> cut = slice_heads(ball, np.ones(ball.n_tets), ball, 2, 0.0, 2.0)
    >>> cut.magnitude.shape, round(float(cut.inside.mean()), 1)
    ((54, 54), 0.7)
    """
    kept = [d for d in range(3) if d != axis]
    low = head.nodes_mm[:, kept].min(axis=0) - RIM_MM
    counts = np.ceil((head.nodes_mm[:, kept].max(axis=0) + RIM_MM - low) / pixel_mm).astype(int)
    high = low + counts * pixel_mm
    tet = tets_of_pixels(mesh, axis, at_mm, low, pixel_mm, counts)
    inside = tet >= 0
    if head is not mesh:
        inside = tets_of_pixels(head, axis, at_mm, low, pixel_mm, counts) >= 0
    values = np.where(tet >= 0, magnitude[tet], np.nan).astype(np.float32)
    extent = (float(low[0]), float(high[0]), float(low[1]), float(high[1]))
    return Slice(axis, at_mm, extent, values, inside, borders(head, axis, at_mm))


def tets_of_pixels(
    mesh: TetMesh, axis: int, at_mm: float, low: Floats, pixel_mm: float, counts: NDArray[np.intp]
) -> NDArray[np.intp]:
    """Return the tetrahedron (h, w) around the centre of each pixel, -1 outside of the mesh."""
    triangles, owner = cut_tets(mesh.nodes_mm, mesh.tets, axis, at_mm)
    corners = np.zeros((len(triangles), 3, 3))
    corners[:, :, :2] = (triangles - low) / pixel_mm - 0.5
    face, _ = rasterise(corners, int(counts[0]), int(counts[1]))
    if not len(owner):
        return face
    return np.where(face >= 0, owner[face], -1)


def borders(head: TetMesh, axis: int, at_mm: float) -> Floats:
    """Return lines (s, 2, 2), mm, where the plane cuts faces between tissues or to the outside, each once."""
    faces = np.concatenate([head.surface(tag) for tag in np.unique(head.tags).tolist()])
    above = head.nodes_mm[:, axis] >= at_mm
    count = above[faces].sum(axis=1)
    faces = faces[(count > 0) & (count < 3)]
    _, first = np.unique(np.sort(faces, axis=1), axis=0, return_index=True)
    return cut_faces(head.nodes_mm, faces[np.sort(first)], axis, at_mm)


def cut_faces(nodes_mm: Floats, faces: Ints, axis: int, at_mm: float) -> Floats:
    """Cut triangles by a plane.

    Parameters
    ----------
    nodes_mm : ndarray (n, 3) float64
    faces : ndarray (f, 3) int
    axis, at_mm
        The plane: this coordinate has this value. A node on it counts as above.

    Returns
    -------
    ndarray (s, 2, 2) float64
        Ends of the lines, mm, in the other two coordinates.

    Examples
    --------
    >>> nodes = np.array([[0.0, 0, 0], [2, 0, 0], [0, 2, 0]])
    >>> cut_faces(nodes, np.array([[0, 1, 2]]), 0, 1.0).tolist()
    [[[0.0, 0.0], [1.0, 0.0]]]
    """
    faces, count = _sorted_by_side(nodes_mm, faces, axis, at_mm)
    parts = [
        _crossings(nodes_mm, faces[count == n], pairs, axis, at_mm)
        for n, pairs in ((1, [(0, 1), (0, 2)]), (2, [(0, 2), (1, 2)]))
    ]
    return np.concatenate(parts)


def cut_tets(nodes_mm: Floats, tets: Ints, axis: int, at_mm: float) -> tuple[Floats, NDArray[np.intp]]:
    """Cut tetrahedra by a plane into triangles; a quadrilateral becomes two.

    Parameters
    ----------
    nodes_mm : ndarray (n, 3) float64
    tets : ndarray (m, 4) int
    axis, at_mm
        The plane: this coordinate has this value. A node on it counts as above.

    Returns
    -------
    triangles : ndarray (t, 3, 2) float64
        Corners, mm, in the other two coordinates.
    owner : ndarray (t,)
        The tetrahedron of each.

    Examples
    --------
    >>> nodes = np.array([[0.0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]])
    >>> cut_tets(nodes, np.array([[0, 1, 2, 3]]), 2, 0.5)[0].tolist()
    [[[0.0, 0.0], [0.5, 0.0], [0.0, 0.5]]]
    """
    cut = np.flatnonzero(_is_cut(nodes_mm, tets, axis, at_mm))
    sides, count = _sorted_by_side(nodes_mm, tets[cut], axis, at_mm)
    triangles, owner = [], []
    for n, pairs in (
        (1, [(0, 1), (0, 2), (0, 3)]),
        (2, [(0, 2), (0, 3), (1, 3)]),
        (2, [(0, 2), (1, 3), (1, 2)]),
        (3, [(0, 3), (1, 3), (2, 3)]),
    ):
        triangles.append(_crossings(nodes_mm, sides[count == n], pairs, axis, at_mm))
        owner.append(cut[count == n])
    return np.concatenate(triangles), np.concatenate(owner)


def _is_cut(nodes_mm: Floats, cells: Ints, axis: int, at_mm: float) -> NDArray[np.bool_]:
    above = (nodes_mm[:, axis] >= at_mm)[cells]
    return np.asarray(above.any(axis=1) & ~above.all(axis=1))


def _sorted_by_side(nodes_mm: Floats, cells: Ints, axis: int, at_mm: float) -> tuple[Ints, NDArray[np.intp]]:
    """Sort the nodes of each cell so that those above the plane come first; return also how many they are."""
    above = (nodes_mm[:, axis] >= at_mm)[cells]
    order = np.argsort(~above, axis=1, kind="stable")
    return np.take_along_axis(cells, order, axis=1), above.sum(axis=1)


def _crossings(
    nodes_mm: Floats, cells: Ints, pairs: list[tuple[int, int]], axis: int, at_mm: float
) -> Floats:
    """Return where edges from a node above to one below cross the plane: (c, len(pairs), 2), mm."""
    kept = [d for d in range(3) if d != axis]
    a, b = (nodes_mm[cells[:, [pair[end] for pair in pairs]]] for end in (0, 1))
    up, down = a[..., axis] - at_mm, b[..., axis] - at_mm
    share = up / (up - down)
    return np.asarray(a[..., kept] + share[..., None] * (b - a)[..., kept])
