# SPDX-License-Identifier: BSD-3-Clause
"""Halve marked edges of a mesh, and with them the tetrahedra, triangles and fields at them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ..core.device import cpu
from ..core.messages import plural
from ..errors import MeshError
from . import checks
from .formats.raw import FullMesh
from .tetrahedra import chunks, determinants

__all__ = ["Edges", "Refinement", "halved", "refined", "split_triangles"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]

_SIDES = np.array([[0, 1], [0, 2], [1, 2]])  # of a triangle


@dataclass(frozen=True, eq=False)
class Edges:
    """The edges of a mesh, each once.

    Attributes
    ----------
    ends : ndarray (e, 2) int32
        Nodes of each, the lower first; ascending.
    of : ndarray (m, 6) int32
        The edges of each tetrahedron, between its corners (0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3).

    Examples
    --------
    >>> edges = Edges.of_tets(np.array([[0, 1, 2, 3], [1, 3, 2, 4]], np.int32), 5)
    >>> edges.ends[-2:].tolist(), edges.of[1].tolist()
    ([[2, 4], [3, 4]], [4, 3, 5, 6, 8, 7])
    """

    ends: Ints
    of: Ints

    @classmethod
    def of_tets(cls, tets: Ints, n_nodes: int) -> Edges:
        """Find the edges of tetrahedra (m, 4) of nodes 0 … n_nodes − 1."""
        return cls(*cpu.mesh_edges(tets, n_nodes))

    def lengths_mm(self, nodes_mm: Floats) -> Floats:
        """Return the length of each edge between nodes (n, 3), (e,), mm."""
        return np.sqrt(_squares(nodes_mm, self.ends))


@dataclass(frozen=True, eq=False)
class Refinement:
    """A mesh some of whose edges were halved.

    Attributes
    ----------
    nodes_mm : ndarray (n + q, 3) float64
        Those of the mesh first, then the middles of the edges that were halved.
    tets : ndarray (m', 4) int32
        Positively oriented if those of the mesh are.
    parent : ndarray (m',) int32
        The tetrahedron of the mesh that each one lies in; ascending.
    ends : ndarray (q, 2) int32
        The nodes that each new one lies between, the lower first; ascending.
    """

    nodes_mm: Floats
    tets: Ints
    parent: Ints
    ends: Ints


def refined(
    nodes_mm: Floats,
    tets: Ints,
    edges: Edges,
    marked: NDArray[np.bool_],
    *,
    numbers: NDArray[np.int32] | None = None,
) -> Refinement:
    """Halve marked edges, and those that have to be with them so that tetrahedra keep good shapes.

    A face with an edge that is halved has its longest edge halved, too. Then a tetrahedron is cut at its
    longest edge that is halved, and its parts at theirs, into eight at most. Of edges of the same length the
    one of the lower nodes counts as the longer: one order for all edges, so that tetrahedra are cut alike at
    the faces that they share.

    Parameters
    ----------
    nodes_mm : ndarray (n, 3) float64
    tets : ndarray (m, 4) int32
    edges : Edges
        Of these tetrahedra.
    marked : ndarray (e,) bool
    numbers : ndarray (m,) int32, optional
        What a message calls the tetrahedra; their indices if not given.

    Returns
    -------
    Refinement

    Raises
    ------
    MeshError
        A part of a tetrahedron would be flat, as `TetMesh` says.

    Notes
    -----
    Longest-edge bisection: M. C. Rivara, Int. J. Numer. Meth. Eng. 20 (1984) 745.

    Examples
    --------
    >>> nodes = np.array([[0.0, 0, 0], [4, 0, 0], [0, 3, 0], [0, 0, 2]])
    >>> tets = np.array([[0, 1, 2, 3]], np.int32)
    >>> edges = Edges.of_tets(tets, 4)
    >>> marked = edges.lengths_mm(nodes) < 2.5
    >>> edges.ends[marked].tolist()
    [[0, 3]]
    >>> fine = refined(nodes, tets, edges, marked)
    >>> fine.ends.tolist(), len(fine.tets)
    ([[0, 3], [1, 2], [1, 3], [2, 3]], 6)
    """
    fine_tets, parent, of_edge = cpu.refine_edges(nodes_mm, tets, edges.ends, edges.of, marked)
    ends = edges.ends[of_edge]
    middles = 0.5 * (nodes_mm[ends[:, 0]] + nodes_mm[ends[:, 1]])
    fine = Refinement(np.concatenate([nodes_mm, middles]), fine_tets, parent, ends)
    _check_flat(fine, len(tets), numbers)
    return fine


def split_triangles(triangles: Ints, fine: Refinement) -> tuple[Ints, NDArray[np.intp]]:
    """Cut triangles as the faces of tetrahedra were cut.

    Parameters
    ----------
    triangles : ndarray (t, 3) int32
        Of nodes of the mesh before it was refined.
    fine : Refinement

    Returns
    -------
    triangles : ndarray (t', 3) int32
        Wound as they were.
    parent : ndarray (t',) intp
        The triangle that each is a part of; ascending.

    Examples
    --------
    >>> nodes = np.array([[0.0, 0, 0], [4, 0, 0], [0, 3, 0], [2, 0, 0]])
    >>> fine = Refinement(nodes, np.zeros((0, 4), np.int32), np.zeros(0, np.int32), np.array([[0, 1]]))
    >>> split_triangles(np.array([[0, 1, 2]], np.int32), fine)[0].tolist()
    [[0, 3, 2], [3, 1, 2]]
    """
    n_old, n_all = len(fine.nodes_mm) - len(fine.ends), len(fine.nodes_mm)
    keys = fine.ends[:, 0].astype(np.int64) * n_all + fine.ends[:, 1]
    squares = _squares(fine.nodes_mm, fine.ends)
    parts, parents = [], []
    rest, of = np.asarray(triangles, np.int32), np.arange(len(triangles))
    while len(rest) and len(keys):
        sides = np.sort(rest[:, _SIDES], axis=2).astype(np.int64)
        key = sides[:, :, 0] * n_all + sides[:, :, 1]
        edge = np.searchsorted(keys, key).clip(max=len(keys) - 1)
        length = np.where(keys[edge] == key, squares[edge], -1.0)
        # The longest; of several the one of the lowest nodes.
        longest = length.max(axis=1)
        chosen = np.where(length == longest[:, None], edge, len(keys)).argmin(axis=1)
        whole = longest < 0
        parts.append(rest[whole])
        parents.append(of[whole])
        rest, of, chosen, edge = rest[~whole], of[~whole], chosen[~whole], edge[~whole]
        row = np.arange(len(rest))
        middle = (n_old + edge[row, chosen]).astype(np.int32)
        one, other = rest.copy(), rest.copy()
        one[row, _SIDES[chosen, 1]] = middle
        other[row, _SIDES[chosen, 0]] = middle
        rest, of = np.concatenate([one, other]), np.concatenate([of, of])
    parent = np.concatenate([*parents, of])
    order = np.argsort(parent, kind="stable")
    return np.concatenate([*parts, rest])[order], parent[order]


def halved(
    mesh: FullMesh, edges: Edges, marked: NDArray[np.bool_], numbers: NDArray[np.int32]
) -> tuple[FullMesh, Ints]:
    """Do what `refined` does to all that a mesh holds.

    Parameters
    ----------
    mesh : FullMesh
    edges, marked, numbers
        See `refined`.

    Returns
    -------
    mesh : FullMesh
        Tags, ids and fields of tetrahedra and triangles are those of what they are parts of. Fields of nodes
        are linear along edges, and new nodes are numbered on from the highest of `node_ids`.
    parent : ndarray (m',) int32
        The tetrahedron that each one lies in.
    """
    fine = refined(mesh.nodes_mm, mesh.tets, edges, marked, numbers=numbers)
    triangles, of = split_triangles(mesh.triangles, fine)
    a, b = fine.ends.T
    q, largest = len(fine.ends), int(np.iinfo(np.int64).max)
    highest = min(int(mesh.node_ids.max()), largest - q)  # ids of a damaged file may leave no room
    raw = replace(
        mesh,
        nodes_mm=fine.nodes_mm,
        tets=fine.tets,
        tags=mesh.tags[fine.parent],
        triangles=triangles,
        triangle_tags=mesh.triangle_tags[of],
        node_ids=np.concatenate([mesh.node_ids, highest + 1 + np.arange(q)]),
        element_ids=None if mesh.element_ids is None else mesh.element_ids[fine.parent],
        element_data={name: values[fine.parent] for name, values in mesh.element_data.items()},
        node_data={
            name: np.concatenate([values, 0.5 * (values[a] + values[b])])
            for name, values in mesh.node_data.items()
        },
        triangle_data={name: values[of] for name, values in mesh.triangle_data.items()},
    )
    return raw, fine.parent


def _squares(nodes_mm: Floats, ends: Ints) -> Floats:
    """Return squares of lengths, with the bits of those that native code compares."""
    x, y, z = (nodes_mm[ends[:, 1]] - nodes_mm[ends[:, 0]]).T
    return np.asarray(x * x + y * y + z * z)


def _check_flat(fine: Refinement, m: int, numbers: NDArray[np.int32] | None) -> None:
    """Raise if a part of one of m tetrahedra is flat, as half of one may be that hardly was not."""
    cut = np.flatnonzero((np.bincount(fine.parent, minlength=m) > 1)[fine.parent])
    flat = np.zeros(len(cut), bool)
    for piece, _, corners in chunks(fine.nodes_mm, fine.tets[cut]):
        sides = corners[:, 1:] - corners[:, :1]
        longest = np.sqrt(np.einsum("dec,dec->ec", sides, sides).max(axis=0))
        flat[piece] = determinants(corners) <= checks.FLATNESS_LIMIT * longest**3
    if not flat.any():
        return
    parents = np.unique(fine.parent[cut[flat]])
    first = int(parents[0] if numbers is None else numbers[parents[0]])
    raise MeshError(
        f"{plural(len(parents), 'tetrahedron is', 'tetrahedra are')} too flat to be refined: parts would "
        f"have zero volume (6 V at most {checks.FLATNESS_LIMIT:g} of the longest edge cubed); the first is "
        f"tetrahedron {first}; TetMesh.repaired mends such meshes"
    )
