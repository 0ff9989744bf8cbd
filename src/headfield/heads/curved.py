# SPDX-License-Identifier: BSD-3-Clause
"""Smooth interfaces: where the middles of edges of tissue interfaces lie on a surface through the nodes.

Facets tilt against the surface that they stand for, and charge builds up on them accordingly. Refinement that
halves them where they are keeps the tilt; new nodes on a smooth surface halve it each time.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .tetrahedra import FACES, shared_faces, volumes

__all__ = ["interface_midpoints", "moved_nodes"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Tets = NDArray[np.int32]

_SHARPEST = np.cos(np.radians(60.0))  # between the normals of two facets of a smooth surface
_FARTHEST = 0.2  # of the edge, that its middle moves
_LEAST = 0.3  # of its volume, that is left of a tetrahedron
_HALVINGS = 8  # of a movement, before it is given up
_CORNERS = ((0, 1, 2), (1, 2, 0), (2, 0, 1))  # of a facet, each with the next two


class _Facets(NamedTuple):
    """Faces between two tissues, their corners in the order that points their normals to the higher tag."""

    corners: Ints  # (f, 3)
    sheet: Ints  # (f,), number of the pair of tags
    normals: Floats  # (f, 3)


def interface_midpoints(
    nodes_mm: Floats, tets: Tets, tags: NDArray[np.integer], edges: NDArray[np.integer]
) -> Floats:
    """Return the middles of edges, those of tissue interfaces on a smooth surface through the nodes.

    The surface is made of point-normal triangles (Vlachos, Peters, Boyd and Mitchell 2001, doi
    10.1145/364338.364387): along an edge from a to b with normals nₐ and n_b at its ends it is a cubic,
    whose middle is (a + b)/2 + [((b−a)·n_b) n_b − ((b−a)·nₐ) nₐ]/8. Normals at nodes are the means of those
    of the facets there that part the same two tissues, weighted by their angles.

    The middle stays where it is on edges where other than two facets or more than two tissues meet, where
    the facets are at more than 60°, and where this is so for another edge of the same interface at one of
    the ends. It moves by at most a fifth of the edge. The surface of the head, and what bounds a part that
    was cut out of one, is no interface.

    Parameters
    ----------
    nodes_mm : ndarray, float64 (n, 3)
        mm.
    tets : ndarray, int32 (m, 4)
        Indices of nodes, positively oriented.
    tags : ndarray, integer (m,)
        Tissue of each tetrahedron.
    edges : ndarray, integer (e, 2)
        Indices of nodes at the ends, in any order; edges of the mesh or not.

    Returns
    -------
    ndarray, float64 (e, 3)
        mm. To put nodes there can turn tetrahedra inside out: see `moved_nodes`.

    Examples
    --------
    Of two balls, the inner one of 50 mm: the middle of an edge between two nodes on its surface.

    >>> import numpy as np
    >>> from headfield.heads.phantom import sphere_mesh
    >>> mesh = sphere_mesh([50, 60], tags=[2, 5], edge_mm=10)
    >>> on = np.abs(np.linalg.norm(mesh.nodes_mm, axis=1) - 50) < 1e-9
    >>> tet = mesh.tets[on[mesh.tets].sum(axis=1) == 3][0]
    >>> edge = tet[on[tet]][None, :2]
    >>> straight = mesh.nodes_mm[edge].mean(axis=1)
    >>> smooth = interface_midpoints(mesh.nodes_mm, mesh.tets, mesh.tags, edge)
    >>> np.linalg.norm([straight[0], smooth[0]], axis=1).round(2).tolist()
    [49.71, 49.99]
    """
    middles = np.asarray(nodes_mm[edges].mean(axis=1))
    facets = _facets(nodes_mm, tets, tags, edges)
    if not len(facets.corners):
        return middles
    keys, moves = _moves(nodes_mm, facets)
    wanted = _edge_keys(np.asarray(edges, np.int64), len(nodes_mm))
    at = np.minimum(np.searchsorted(keys, wanted), max(len(keys) - 1, 0))
    found = keys[at] == wanted if len(keys) else np.zeros(len(edges), bool)
    middles[found] += moves[at[found]]
    return middles


def moved_nodes(nodes_mm: Floats, tets: Tets, moves_mm: Floats) -> Floats:
    """Return nodes moved as far as asked, or less where a tetrahedron would lose more than 0.7 of its volume.

    Movements of the corners of such a tetrahedron are halved until it, and all around it, keep enough; after
    eight rounds they are given up. So the mesh stays valid, whatever is asked, if it was before.

    Parameters
    ----------
    nodes_mm : ndarray, float64 (n, 3)
        mm, before.
    tets : ndarray, int32 (m, 4)
        Indices of nodes, of positive volume.
    moves_mm : ndarray, float64 (n, 3)
        mm; zero where a node has to stay.

    Returns
    -------
    ndarray, float64 (n, 3)
        mm.

    Examples
    --------
    >>> import numpy as np
    >>> nodes, moves = np.array([[0.0, 0, 0], [2, 0, 0], [0, 2, 0], [0, 0, 3]]), np.zeros((4, 3))
    >>> moves[3] = 0, 0, -4
    >>> moved_nodes(nodes, np.array([[0, 1, 2, 3]], np.int32), moves)[3].tolist()
    [0.0, 0.0, 1.0]
    """
    share = np.ones(len(nodes_mm))
    near = tets[np.asarray(moves_mm.any(axis=1))[tets].any(axis=1)]
    least = _LEAST * volumes(nodes_mm, near)
    halvings = 0
    while True:
        moved = nodes_mm + share[:, None] * moves_mm
        spoilt = (volumes(moved, near) < least) & (share[near] > 0).any(axis=1)
        if not spoilt.any():
            return np.asarray(moved)
        corners = np.unique(near[spoilt])
        share[corners] *= 0.5 if halvings < _HALVINGS else 0.0
        halvings += 1


def _facets(nodes_mm: Floats, tets: Tets, tags: NDArray[np.integer], edges: NDArray[np.integer]) -> _Facets:
    """Return the faces between two tissues that have an end of an edge; of the same two, the same sheet."""
    mixed, ends = _nodes_of_several(len(nodes_mm), tets, tags), np.zeros(len(nodes_mm), bool)
    ends[edges] = True
    ends &= mixed
    near = np.flatnonzero(ends[tets].any(axis=1))
    faces = tets[near][:, FACES].reshape(-1, 3).astype(np.int64)
    owner = np.repeat(np.asarray(tags, np.int64)[near], 4)
    # Few faces are left to be sorted: those of which each corner is of two tissues, and one is asked for.
    some = mixed[faces].all(axis=1) & ends[faces].any(axis=1)
    faces, owner = faces[some], owner[some]
    first, second = shared_faces(faces)
    parts = owner[first] != owner[second]
    first, second = first[parts], second[parts]
    inner = np.where(owner[first] < owner[second], first, second)
    outer = first + second - inner
    pairs = np.stack([owner[inner], owner[outer]], axis=1)
    sheet = np.unique(pairs, axis=0, return_inverse=True)[1].reshape(-1)
    x = nodes_mm[faces[inner]]
    normals = np.cross(x[:, 1] - x[:, 0], x[:, 2] - x[:, 0])
    return _Facets(faces[inner], sheet, _unit(normals))


def _nodes_of_several(n_nodes: int, tets: Tets, tags: NDArray[np.integer]) -> NDArray[np.bool_]:
    """Return which nodes (n,) have tetrahedra of more than one tissue around them."""
    limits, each = np.iinfo(np.int64), np.repeat(np.asarray(tags, np.int64), 4)
    lowest, highest = np.full(n_nodes, limits.max), np.full(n_nodes, limits.min)
    np.minimum.at(lowest, tets.reshape(-1), each)
    np.maximum.at(highest, tets.reshape(-1), each)
    return np.asarray(lowest < highest)


def _moves(nodes_mm: Floats, facets: _Facets) -> tuple[Ints, Floats]:
    """Return keys of the edges in smooth parts of interfaces, ascending, and how far their middles move."""
    n, sheets = len(nodes_mm), int(facets.sheet.max()) + 1
    # A node has one normal on each sheet that passes through it.
    keys, at = np.unique(facets.corners * sheets + facets.sheet[:, None], return_inverse=True)
    at = at.reshape(-1, 3)
    normals = _node_normals(nodes_mm, facets, at, len(keys))
    sides = np.stack([facets.corners[:, [i, j]] for i, j, _ in _CORNERS], axis=1).reshape(-1, 2)
    edges = _edge_keys(sides, n)
    smooth = _smooth_edges(edges, facets)
    ends = np.stack([at[:, [i, j]] for i, j, _ in _CORNERS], axis=1).reshape(-1, 2)
    creased = np.zeros(len(keys), bool)
    creased[ends[~smooth]] = True
    kept, first = np.unique(np.where(smooth, edges, -1), return_index=True)
    kept, first = kept[kept >= 0], first[kept >= 0]
    a, b = ends[first].T
    flat = ~(creased[a] | creased[b])
    kept, a, b, (start, end) = kept[flat], a[flat], b[flat], sides[first[flat]].T
    along = nodes_mm[end] - nodes_mm[start]
    moves = (_along(along, normals[b]) - _along(along, normals[a])) / 8
    lengths, farthest = np.linalg.norm(moves, axis=1), _FARTHEST * np.linalg.norm(along, axis=1)
    return kept, moves * np.minimum(1, farthest / np.maximum(lengths, np.finfo(float).tiny))[:, None]


def _smooth_edges(edges: Ints, facets: _Facets) -> NDArray[np.bool_]:
    """Return which edges of facets (3f,), three each, join two facets of one sheet, smoothly, and no more."""
    order = np.argsort(edges, kind="stable")
    _, start, which, count = np.unique(
        edges[order], return_index=True, return_inverse=True, return_counts=True
    )
    one, other = order[start] // 3, order[start + count - 1] // 3
    cosines = np.einsum("ed,ed->e", facets.normals[one], facets.normals[other])
    smooth = (count == 2) & (facets.sheet[one] == facets.sheet[other]) & (cosines > _SHARPEST)
    found = np.empty(len(edges), bool)
    found[order] = smooth[which.reshape(-1)]
    return found


def _node_normals(nodes_mm: Floats, facets: _Facets, at: Ints, count: int) -> Floats:
    """Return unit normals (count, 3), the means of facets whose corners are at[f, 3], weighted by angles."""
    x = nodes_mm[facets.corners]
    total = np.zeros((count, 3))
    for i, j, k in _CORNERS:
        cosines = np.einsum("fd,fd->f", _unit(x[:, j] - x[:, i]), _unit(x[:, k] - x[:, i]))
        weighted = np.arccos(np.clip(cosines, -1, 1))[:, None] * facets.normals
        for axis in range(3):
            total[:, axis] += np.bincount(at[:, i], weighted[:, axis], minlength=count)
    return _unit(total)


def _along(vectors: Floats, normals: Floats) -> Floats:
    """Return the parts of vectors along unit normals, both (e, 3)."""
    return np.asarray(np.einsum("ed,ed->e", vectors, normals)[:, None] * normals)


def _edge_keys(edges: Ints, n_nodes: int) -> Ints:
    """Return one number for each edge (e, 2), whatever the order of its ends."""
    return np.asarray(edges.min(axis=1) * n_nodes + edges.max(axis=1))


def _unit(vectors: Floats) -> Floats:
    """Return the vectors (f, 3) at length 1; those of no length as they are."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.where(lengths > 0, lengths, 1))
