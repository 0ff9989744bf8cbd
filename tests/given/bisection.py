# SPDX-License-Identifier: BSD-3-Clause
"""Bisection of tetrahedra at marked edges in NumPy, mesh by mesh, and how good shapes are."""

import numpy as np

from headfield.heads.tetrahedra import EDGES

_PAIRS = EDGES.T  # (6, 2)
_FACES = np.array([[0, 1, 3], [0, 2, 4], [1, 2, 5], [3, 4, 5]])  # edges of each


def numbered_edges(tets, n_nodes):
    """Edges (e, 2), the lower node first, ascending, and those of each tetrahedron (m, 6)."""
    pairs = np.sort(tets[:, _PAIRS].reshape(-1, 2), axis=1).astype(np.int64)
    keys, of = np.unique(pairs[:, 0] * n_nodes + pairs[:, 1], return_inverse=True)
    return np.stack([keys // n_nodes, keys % n_nodes], axis=1), of.reshape(-1, 6)


def bisected(nodes, tets, marked, closure=True):
    """Nodes, tetrahedra, the parent of each, and edges halved; in no particular order within a parent."""
    ends, of = numbered_edges(tets, len(nodes))
    length = ((nodes[ends[:, 0]] - nodes[ends[:, 1]]) ** 2).sum(axis=1)
    rank = np.empty(len(ends), int)  # the longest has the highest; of several the first
    rank[np.lexsort((-np.arange(len(ends)), length))] = np.arange(len(ends))
    marked = marked.copy()
    while closure:
        faces = of[:, _FACES].reshape(-1, 3)
        faces = faces[marked[faces].any(axis=1)]
        longest = faces[np.arange(len(faces)), rank[faces].argmax(axis=1)]
        if marked[longest].all():
            break
        marked[longest] = True
    halved = np.flatnonzero(marked)
    nodes = np.concatenate([nodes, nodes[ends[halved]].mean(axis=1)])
    middle = {tuple(ends[e].tolist()): (rank[e], len(nodes) - len(halved) + k) for k, e in enumerate(halved)}
    parts = [(part, parent) for parent, tet in enumerate(tets.tolist()) for part in _parts(tet, middle)]
    return nodes, np.array([p for p, _ in parts], np.int32), np.array([p for _, p in parts]), halved


def _parts(tet, middle):
    """What a tetrahedron is cut into; `middle` has rank and new node of each edge that is halved."""
    here = [(middle.get(tuple(sorted((tet[a], tet[b]))), (-1, -1)), a, b) for a, b in _PAIRS.tolist()]
    (rank, node), a, b = max(here)
    if rank < 0:
        return [tet]
    one, other = tet.copy(), tet.copy()
    one[b], other[a] = node, node
    return _parts(one, middle) + _parts(other, middle)


def volumes(nodes, tets):
    corners = nodes[tets]
    return np.linalg.det(corners[:, 1:] - corners[:, :1]) / 6


def mean_ratios(nodes, tets):
    """12 (3 V)^(2/3) / Σ edges², (m,): 1 of a regular tetrahedron, 0 of a flat one."""
    corners = nodes[tets]
    edges = corners[:, EDGES[1]] - corners[:, EDGES[0]]
    volume = np.maximum(volumes(nodes, tets), 0.0)
    return 12 * (3 * volume) ** (2 / 3) / (edges**2).sum(axis=(1, 2))


def as_places(nodes, tets):
    """Tetrahedra as rows of coordinates, in an order that no numbering changes."""
    corners = nodes[tets]
    order = np.lexsort(corners.transpose(2, 0, 1)[::-1], axis=1)
    rows = np.take_along_axis(corners, order[..., None], axis=1).reshape(len(tets), 12)
    return rows[np.lexsort(rows.T)]
