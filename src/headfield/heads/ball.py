# SPDX-License-Identifier: BSD-3-Clause
"""A ball as a regular lattice of tetrahedra whose shells can be bent onto any star-shaped surfaces.

The ball is 20 tetrahedra, one from each face of an icosahedron to the centre, each cut ``f`` times. Its
lattice points lie on concentric shells 0 (the centre) to ``f`` (the surface), shell ``j`` with ``10 j**2 +
2`` points and ``20 j**2`` triangles that are faces of the mesh. So whatever radius each shell is given, a
surface put on a shell is followed exactly.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from ..core.device import cpu
from ..errors import MeshError
from .quality import cross, min_dihedral_cosines

__all__ = ["EDGE_PER_RADIUS", "FLATNESS", "MAX_TETS", "ball", "tet_count"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]

MAX_TETS = 200_000_000
# Edge of the equilateral triangle that tiles the sphere 20 j**2 times, in units of radius / j.
EDGE_PER_RADIUS = float(np.sqrt(4 * np.pi / 20 * 4 / np.sqrt(3)))
# Circumradius of the largest triangle on shell j, in units of radius / j (measured: at most 0.7331).
FLATNESS = 0.734
# Opposite corners (as positions in `combinations(range(4), 2)`) and the ring of the other four around them.
_DIAGONALS = (((0, 5), (1, 2, 4, 3)), ((1, 4), (0, 2, 5, 3)), ((2, 3), (0, 1, 5, 4)))


def tet_count(shells: float) -> float:
    """Return the number of tetrahedra of a ball with that many shells, as a float that can't overflow."""
    return 20.0 * shells * shells * shells


def ball(shells: int, radius: Callable[[Floats, Ints], Floats]) -> tuple[Floats, Ints, Ints]:
    """Mesh a ball whose shell ``j`` lies at ``radius(direction, j)``.

    Parameters
    ----------
    shells : int
        Number of shells ``f``; the mesh has ``20 f**3`` tetrahedra.
    radius : callable
        ``radius(directions, shell)``: float64 (n, 3) unit vectors and int32 (n,) shell numbers to float64
        (n,) distances from the centre, increasing with the shell. Shell 0 is not asked for.

    Returns
    -------
    nodes : ndarray, float64 (n, 3)
        In Morton order, in the unit of `radius`.
    tets : ndarray, int32 (m, 4)
        Positively oriented, sorted by their first node in that order.
    slab : ndarray, int32 (m,)
        The outer shell of each tetrahedron, 1 to ``f``: tetrahedra between the shells ``j - 1`` and ``j``
        have ``j``.

    Raises
    ------
    MeshError
        There would be more than 200 million tetrahedra, or a tetrahedron is inverted.
    """
    if not 1 <= tet_count(shells) <= MAX_TETS:
        raise MeshError(f"the mesh would have {tet_count(shells):.3g} tetrahedra; the limit is {MAX_TETS:,}")
    corners, faces = _icosahedron()
    weights = _lattice(shells)
    node_of, first = _join_faces(faces, weights)
    shell = weights.sum(axis=1, dtype=np.int32)[first % len(weights)]
    nodes = _directions(corners, faces[first // len(weights)], weights[first % len(weights)], shell)
    outside = shell > 0
    nodes[outside] *= radius(nodes[outside], shell[outside])[:, None]

    order = cpu.morton_order(nodes)
    rank = np.empty(len(order), np.int32)
    rank[order] = np.arange(len(order), dtype=np.int32)
    nodes, shell, node_of = nodes[order], shell[order], rank[node_of]

    tets = _tetrahedra(nodes, node_of, np.linalg.det(corners[faces]) > 0, shells)
    tets = tets[np.argsort(tets.min(axis=1), kind="stable")]
    slab = shell[tets[:, 0]]
    for i in range(1, 4):
        np.maximum(slab, shell[tets[:, i]], out=slab)
    return nodes, tets, slab


def _tetrahedra(nodes: Floats, node_of: Ints, outward: NDArray[np.bool_], shells: int) -> Ints:
    """Cut the 20 parts into tetrahedra. Two nodes swap where a face's corners run clockwise from outside."""
    up, octahedra, down = _cells(shells)
    ways = _ways_to_split()
    per_face, inverted = shells**3, 0
    tets = np.empty((20 * per_face, 4), np.int32)
    for k, to_node in enumerate(node_of):
        turn = [0, 1, 2, 3] if outward[k] else [0, 1, 3, 2]
        part = tets[k * per_face : (k + 1) * per_face]
        split = _split(nodes, to_node[octahedra], ways[..., turn])
        np.concatenate([to_node[up[:, turn]], to_node[down[:, turn]], split], out=part)
        inverted += int(np.count_nonzero(_volumes(nodes, part) <= 0))
    if inverted:
        raise MeshError(
            f"{inverted:,} of {len(tets):,} tetrahedra are inverted: a layer is thinner than the triangles "
            "on its curved surfaces are deep; use shorter edges"
        )
    return tets


def _icosahedron() -> tuple[Floats, NDArray[np.int64]]:
    """Return the 12 unit corners (12, 3) and the 20 faces (20, 3), corner numbers ascending in each face."""
    g = (1 + np.sqrt(5)) / 2
    plane = np.array([[0, s, t * g] for s in (-1, 1) for t in (-1, 1)])
    corners = np.concatenate([plane, plane[:, [2, 0, 1]], plane[:, [1, 2, 0]]])
    near = np.abs(((corners[:, None] - corners) ** 2).sum(axis=2) - 4) < 0.1
    faces = [t for t in combinations(range(12), 3) if all(near[i, j] for i, j in combinations(t, 2))]
    return corners / np.sqrt(1 + g * g), np.array(faces)


def _lattice(f: int) -> NDArray[np.int64]:
    """Return the weights (p, 3) of one face's three corners at its lattice points, shell by shell.

    The weights of a point of shell j sum to j; the point's number is what `_number` says.
    """
    j = np.repeat(np.arange(f + 1), [(s + 1) * (s + 2) // 2 for s in range(f + 1)])
    row = np.concatenate([np.repeat(np.arange(s + 1), np.arange(1, s + 2)) for s in range(f + 1)])
    lengths = np.concatenate([np.arange(1, s + 2) for s in range(f + 1)])
    column = np.arange(len(j)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    return np.stack([j - row, row - column, column], axis=1)


def _number(w: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the number of the point with weights w (..., 3): points in shells and rows before, column."""
    row, j = w[..., 1] + w[..., 2], w.sum(axis=-1)
    return j * (j + 1) * (j + 2) // 6 + row * (row + 1) // 2 + w[..., 2]


def _join_faces(faces: NDArray[np.int64], weights: NDArray[np.int64]) -> tuple[Ints, NDArray[np.int64]]:
    """Number the lattice points of all faces so that those on common edges coincide.

    Integer keys make that exact: a point's key is the set of (corner, weight) with a weight above 0. Returns
    the node of each face's point (20, p), and for each node the place ``face * p + point`` where it occurs
    first.
    """
    base = weights.max() + 1
    digits = np.where(weights > 0, (faces[:, None] + 1) * base + weights, 0)
    digits.sort(axis=2)
    key = (digits[..., 2] * (13 * base) + digits[..., 1]) * (13 * base) + digits[..., 0]
    _, first, inverse = np.unique(key, return_index=True, return_inverse=True)
    return inverse.reshape(len(faces), -1).astype(np.int32), first


def _directions(corners: Floats, face: NDArray[np.int64], weights: NDArray[np.int64], shell: Ints) -> Floats:
    """Spread the lattice points over the unit sphere; the centre stays at 0.

    Points on an edge of the icosahedron are at equal angles (slerp). Points inside a face have the same
    weights sin(w θ / j), which agree along common edges.
    """
    theta = np.arccos(1 / np.sqrt(5))
    amount = np.sin(weights * (theta / np.maximum(shell, 1))[:, None])
    u = sum(amount[:, i, None] * corners[face[:, i]] for i in range(3))
    return np.asarray(u / np.maximum(np.sqrt((u * u).sum(axis=1)), 1e-9)[:, None])


def _cells(f: int) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Cut one of the 20 parts; return points of upright tets (a, 4), octahedra (b, 6), inverted tets (c, 4).

    With four weights (centre, three corners) of sum f: upright tets are p + e_i where p has the sum f - 1,
    octahedra p + e_i + e_j of the sum f - 2, inverted tets p + e_i + e_j + e_k of the sum f - 3.
    """
    cells = []
    for depth in (1, 2, 3):
        base = _lattice(f - depth) if f >= depth else np.empty((0, 3), np.int64)
        offsets = _offsets(depth)
        if depth != 2:
            offsets = offsets[_positive(offsets, np.arange(4))]
        cells.append(_number(base[:, None] + offsets))
    return cells[0], cells[1], cells[2]


def _offsets(depth: int) -> NDArray[np.int64]:
    """Return what `_cells` adds to p: sums of `depth` different unit weights, without the centre's weight."""
    unit = np.eye(4, dtype=np.int64)[:, 1:]
    return np.array([np.sum(unit[list(group)], axis=0) for group in combinations(range(4), depth)])


def _positive(offsets: NDArray[np.int64], tet: NDArray[np.int64]) -> NDArray[np.int64]:
    """Order a tetrahedron of lattice points so that it is positive in the coordinates "weights"."""
    edges = offsets[tet[1:]] - offsets[tet[0]]
    return tet if np.linalg.det(edges) > 0 else tet[[0, 1, 3, 2]]


def _ways_to_split() -> NDArray[np.int64]:
    """Return the three ways (3, 4, 4) to cut an octahedron around a diagonal into positive tetrahedra."""
    ways = [[[*ends, ring[i], ring[(i + 1) % 4]] for i in range(4)] for ends, ring in _DIAGONALS]
    return np.array([[_positive(_offsets(2), np.array(tet)) for tet in way] for way in ways])


def _split(nodes: Floats, octahedra: Ints, ways: NDArray[np.int64]) -> Ints:
    """Cut each octahedron (b, 6) in four around the diagonal that keeps the dihedral angles largest.

    The diagonal lies inside the octahedron, so the mesh stays conforming whatever the neighbours choose.
    """
    xyz = np.ascontiguousarray(np.moveaxis(nodes[octahedra], 0, 2))
    # In a regular lattice diagonals tie, and rounding must not decide: a later one has to be clearly better.
    badness = [
        np.max([min_dihedral_cosines(xyz[tet]) for tet in way], axis=0) + 1e-6 * k
        for k, way in enumerate(ways)
    ]
    chosen = ways[np.argmin(badness, axis=0)]
    return np.take_along_axis(octahedra, chosen.reshape(-1, 16), axis=1).reshape(-1, 4)


def _volumes(nodes: Floats, tets: Ints) -> Floats:
    a, b, c = (np.ascontiguousarray((nodes[tets[:, i]] - nodes[tets[:, 0]]).T) for i in (1, 2, 3))
    n = cross(b, c)
    return np.asarray((a[0] * n[0] + a[1] * n[1] + a[2] * n[2]) / 6)
