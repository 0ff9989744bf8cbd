# SPDX-License-Identifier: BSD-3-Clause
"""Find layers of the cortex between white matter and what covers gray matter in the mesh.

How deep they lie is told by Laplace's equation, whose solution runs from 0 on the inner to 1 on the outer
surface of the cortex without crossing folds (Jones, Buchbinder & Aharon, Hum. Brain Mapp. 11:12, 2000, doi
10.1002/1097-0193(200009)11:1<12::AID-HBM20>3.0.CO;2-K). A level of it is a triangle or a quadrilateral in
each tetrahedron that it cuts (Doi & Koide, IEICE Trans. E74:214, 1991).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..core.arguments import finite_array, finite_number
from ..core.device import cpu, select
from ..core.multigrid import hierarchy_of
from ..errors import ConvergenceError, RegionError
from ..heads.checks import find_faces
from ..heads.mesh import TetMesh
from ..heads.selection import tets_of
from ..heads.tissue_words import Tissues
from .columns import Columns, DepthField, columns_through
from .region import Region, surface_region

__all__ = ["Cortex", "cortical_layer", "mid_layer"]

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]

_TOLERANCE, _MAX_ITERATIONS = 1e-8, 500
_OFF_NODE = 1e-4  # of an edge, from its ends: no triangle shrinks to nothing where a node lies on the level

# Faces opposite to each node of a positive tetrahedron, normals outward.
_OPPOSITE = ((1, 2, 3), (0, 3, 2), (0, 1, 3), (0, 2, 1))
# All ways to have two of its nodes below the level and two above, in orders that keep it positive.
_HALVES = ((0, 1, 2, 3), (0, 2, 3, 1), (0, 3, 1, 2), (2, 3, 0, 1), (3, 1, 0, 2), (1, 2, 0, 3))


class Cortex:
    """Gray matter with its depth by Laplace's equation: 0 at white matter, 1 at its other faces.

    The equation is solved once, for any number of layers and columns.

    Parameters
    ----------
    mesh : TetMesh
    gray, white : int or array_like of int
        Tags of gray and of white matter. A cut through the cortex counts as its outer surface: use the whole
        head, not a crop.

    Raises
    ------
    RegionError
        Tags that no tetrahedron has, or that are given as both gray and white; gray matter that does not
        touch white matter, or touches nothing else.
    ConvergenceError
        Laplace's equation could not be solved.

    Examples
    --------
    >>> from headfield import regions, sphere_mesh
    >>> cortex = regions.Cortex(sphere_mesh(radii_mm=[70, 78, 90], tags=[1, 2, 3], edge_mm=6))
    >>> shells = [cortex.layer(depth) for depth in (0.15, 0.5, 0.94)]
    >>> [round(float(np.linalg.norm(one.centres_mm, axis=1).mean()), 1) for one in shells]
    [71.1, 73.8, 77.5]
    """

    def __init__(self, mesh: TetMesh, gray: Tissues = 2, white: Tissues = 1) -> None:
        self.mesh = mesh
        self._elements = chosen = tets_of(mesh, gray)
        if np.isin(chosen, tets_of(mesh, white)).any():
            raise RegionError(f"gray = {gray!r} and white = {white!r} have tags in common")
        inner, outer = _borders(mesh, gray, white)
        used = np.zeros(mesh.n_nodes, bool)
        used[mesh.tets[chosen]] = True
        number = np.cumsum(used, dtype=np.int32) - np.int32(1)
        self._nodes_mm, self._tets = mesh.nodes_mm[used], number[mesh.tets[chosen]]
        self._depth = _harmonic(self._nodes_mm, self._tets, inner[used], outer[used])

    def layer(self, depth: float = 0.5) -> Region:
        """Make the layer at a depth; see `cortical_layer`."""
        level = _checked_depth(depth, "depth")
        owner, ends, faces = _cut(self._tets, self._depth, level)
        low, high = self._depth[ends].T
        share = np.clip((level - low) / (high - low), _OFF_NODE, 1 - _OFF_NODE)[:, None]
        barycentric = np.where(self._tets[owner] == ends[:, :1], 1 - share, 0.0)
        barycentric += np.where(self._tets[owner] == ends[:, 1:], share, 0.0)
        a, b = np.moveaxis(self._nodes_mm[ends], 1, 0)
        nodes_mm = (1 - share) * a + share * b
        return surface_region(self.mesh, self._elements[owner], barycentric, nodes_mm, faces)

    def columns(self, depths: ArrayLike, start: float | Region = 0.5) -> Columns:
        """Follow the gradient of depth from the points of a layer to other depths: points that correspond.

        Parameters
        ----------
        depths : array_like (d,)
            Each above 0 and below 1, ascending.
        start : float or Region
            The depth of the layer whose points the columns go through; or points in gray matter, such as a
            part of a layer.

        Returns
        -------
        Columns

        Raises
        ------
        RegionError
            Depths that are not so; a region of another mesh, of whole tetrahedra, without points, or with
            points outside of gray matter.

        Examples
        --------
        Columns of a sphere run along its radii:

        >>> from headfield import regions, sphere_mesh
        >>> cortex = regions.Cortex(sphere_mesh(radii_mm=[70, 78, 90], tags=[1, 2, 3], edge_mm=6))
        >>> columns = cortex.columns([0.15, 0.94])
        >>> inner, outer = columns.points_mm
        >>> r = [np.linalg.norm(points, axis=1) for points in (inner, outer)]
        >>> angle = np.arccos((inner * outer).sum(axis=1) / (r[0] * r[1]))
        >>> bool(np.degrees(angle.max()) < 0.1), [round(float(np.median(one)), 1) for one in r]
        (True, [71.1, 77.5])
        """
        asked = finite_array(depths, "depths", RegionError)
        if asked.ndim != 1 or not len(asked) or (np.diff(asked) <= 0).any():
            raise RegionError("depths must be one or several numbers, ascending")
        levels = [_checked_depth(depth, f"depths[{i}]") for i, depth in enumerate(asked.tolist())]
        from_layer = start if isinstance(start, Region) else self.layer(_checked_depth(start, "start"))
        field = DepthField(self.mesh, self._elements, self._nodes_mm, self._tets, self._depth)
        return columns_through(field, np.array(levels), from_layer)


def cortical_layer(mesh: TetMesh, depth: float = 0.5, gray: Tissues = 2, white: Tissues = 1) -> Region:
    """Make a layer of the cortex at a share of the way from white matter to what covers gray matter.

    Laplace's equation is solved in gray matter, with 0 on its faces to white matter and 1 on all its other
    faces; the layer is where the solution is `depth`, see `headfield.regions.cortex`. Its nodes lie on edges
    of the mesh. The layer is closed, except where white matter touches a third tissue: it ends there. It also
    runs through nuclei between white matter and a ventricle; gray matter with only one kind of border has no
    layers. A cut through the cortex counts as its outer surface: use the whole head, not a crop. Layers at
    several depths are made by one `Cortex`, with one solution.

    Parameters
    ----------
    mesh : TetMesh
    depth : float
        Above 0, at white matter, and below 1, at the outer surface. The share is that of the solution, not of
        the thickness in mm: where the cortex bends, levels lie closer together on one of its sides.
    gray, white : int or array_like of int
        Tags of gray and of white matter.

    Returns
    -------
    Region
        The nodes of the surface as points; `weights` are their shares of its area, mm², `normals` point away
        from white matter, and `faces` has the triangles.

    Raises
    ------
    RegionError
        A depth that is not between 0 and 1. Tags that no tetrahedron has, or that are given as both gray and
        white; gray matter that does not touch white matter, or touches nothing else.
    ConvergenceError
        Laplace's equation could not be solved.

    Examples
    --------
    >>> from headfield import regions, sphere_mesh
    >>> ball = sphere_mesh(radii_mm=[70, 78, 90], tags=[1, 2, 3], edge_mm=6)
    >>> layer = regions.cortical_layer(ball, 0.35)  # exactly at 1 / (0.65 / 70 + 0.35 / 78) = 72.6 mm
    >>> radius = np.linalg.norm(layer.centres_mm, axis=1)
    >>> print(layer.unit, np.average(radius, weights=layer.weights).round(1))
    mm² 72.6
    """
    return Cortex(mesh, gray, white).layer(depth)


def mid_layer(mesh: TetMesh, gray: Tissues = 2, white: Tissues = 1) -> Region:
    """Make the mid-layer of the cortex: the layer at a depth of 1/2.

    Parameters, result and errors are those of `cortical_layer`.

    Examples
    --------
    >>> from headfield import regions, sphere_mesh
    >>> ball = sphere_mesh(radii_mm=[70, 78, 90], tags=[1, 2, 3], edge_mm=6)
    >>> layer = regions.mid_layer(ball)  # exactly at 2 · 70 · 78 / (70 + 78) = 73.8 mm
    >>> radius = np.linalg.norm(layer.centres_mm, axis=1)
    >>> print(layer.unit, np.average(radius, weights=layer.weights).round(1))
    mm² 73.8
    """
    return cortical_layer(mesh, 0.5, gray, white)


def _checked_depth(value: float, name: str) -> float:
    depth = finite_number(value, name, RegionError)
    if not 0 < depth < 1:
        raise RegionError(
            f"{name} must lie between 0, at white matter, and 1, at the outer surface, not {depth:g}"
        )
    return depth


def _borders(mesh: TetMesh, gray: Tissues, white: Tissues) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Tell which nodes (n,) lie on faces from gray to white matter, and which only on other gray faces."""
    faces = mesh.surface(gray)
    to_white = find_faces(faces, mesh.surface(white), mesh.n_nodes) >= 0
    inner, outer = np.zeros(mesh.n_nodes, bool), np.zeros(mesh.n_nodes, bool)
    inner[faces[to_white]] = True
    outer[faces[~to_white]] = True
    outer &= ~inner
    if not inner.any():
        raise RegionError(f"gray matter, tags {gray!r}, touches no white matter, tags {white!r}")
    if not outer.any():
        raise RegionError(f"gray matter, tags {gray!r}, touches nothing but white matter, tags {white!r}")
    return inner, outer


def _harmonic(
    nodes_mm: Floats, tets: NDArray[np.int32], inner: NDArray[np.bool_], outer: NDArray[np.bool_]
) -> Floats:
    """Solve Laplace's equation by linear elements, (n,), with 0 at inner and 1 at outer nodes."""
    fixed = inner | outer
    height = outer.astype(np.float64)
    if fixed.all():
        return height
    indptr, column, stiffness, _ = cpu.assemble(nodes_mm, tets, np.ones(len(tets)))
    row = np.repeat(np.arange(len(fixed)), np.diff(indptr))
    load = -np.bincount(row, stiffness * height[column], len(fixed))[~fixed]
    # The solver wants a node at zero: row 0, coupled to nothing, in front of the nodes that are free.
    number = np.cumsum(~fixed)
    kept = ~(fixed[row] | fixed[column])
    count = np.bincount(number[row[kept]], minlength=len(load) + 1)
    count[0] = 1
    free = (
        np.concatenate([[0], np.cumsum(count)]).astype(np.int32),
        np.concatenate([[0], number[column[kept]]]).astype(np.int32),
        np.concatenate([[1.0], stiffness[kept]]),
    )
    hierarchy = hierarchy_of(select("cpu"), free, np.arange(len(count)) == 0)
    solution = np.zeros((len(load) + 1, 1))
    right_hand_side = np.concatenate([[0.0], load])[:, None]
    (report,) = cpu.Solver(hierarchy, 1).solve(right_hand_side, solution, [_TOLERANCE], _MAX_ITERATIONS)
    if not report.converged:
        raise ConvergenceError(
            f"Laplace's equation in {len(tets):,} tetrahedra of gray matter: residual {report.residual:.2g} "
            f"after {report.iterations} iterations, {_TOLERANCE:g} is needed",
            report,
        )
    height[~fixed] = solution[1:, 0]
    return height


def _cut(tets: NDArray[np.int32], height: Floats, level: float) -> tuple[Ints, NDArray[np.int32], Ints]:
    """Cut tets (m, 4) where height (n,) is at a level; nodes of that surface lie on edges of the tetrahedra.

    Returns for each of its v nodes the first tetrahedron (v,) that has its edge, and the ends of the edge,
    the lower one first, (v, 2); and the triangles (f, 3), normals towards the higher side.
    """
    code = (height[tets] > level) @ (1 << np.arange(4))
    tet, ends = [], []
    for value, triangles in _TRIANGLES.items():
        cut = np.flatnonzero(code == value)
        for triangle in triangles:
            tet.append(cut)
            ends.append(tets[cut][:, triangle])
    owner = np.concatenate(tet)
    order = np.argsort(owner, kind="stable")
    sides = np.concatenate(ends)[order].reshape(-1, 2)
    key = sides[:, 0].astype(np.int64) * len(height) + sides[:, 1]
    _, first, node = np.unique(key, return_index=True, return_inverse=True)
    return np.repeat(owner[order], 3)[first], sides[first], node.reshape(-1, 3)


def _triangles() -> dict[int, list[list[tuple[int, int]]]]:
    """Return the triangles of each case as three edges (below, above).

    A case is the sum of 2^i over the nodes i of a tetrahedron that are above the level.
    """
    table = {}
    for node, face in enumerate(_OPPOSITE):
        table[15 - (1 << node)] = [[(node, other) for other in face]]
        table[1 << node] = [[(other, node) for other in reversed(face)]]
    for a, b, c, d in _HALVES:
        corners = [(a, c), (a, d), (b, d), (b, c)]
        table[(1 << c) | (1 << d)] = [corners[:3], [corners[0], *corners[2:]]]
    return table


_TRIANGLES = _triangles()
