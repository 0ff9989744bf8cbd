# SPDX-License-Identifier: BSD-3-Clause
"""Nodes that lie at the same place, joined to one: what was meant to be one head becomes one."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...core.arguments import not_negative
from ...core.device import cpu
from ...core.messages import plural, point
from ...errors import MeshError
from .. import tetrahedra
from ..formats.raw import FullMesh, RawMesh

__all__ = ["coincident", "joined", "merged", "rebuilt", "tolerances"]

Floats = NDArray[np.float64]
Tets = NDArray[np.int32]

# Nodes closer than this share of the shortest edge at either are taken for one. A format that rounds
# coordinates to less would have ruined the tetrahedra themselves, and no gap that was meant is that thin.
COINCIDENCE = 0.01

_HASH = np.array([0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9], np.uint64)  # odd numbers


def tolerances(nodes_mm: Floats, tets: Tets, above_mm: float = 0.0) -> Floats:
    """Return how near to each node others are at the same place, (n,), mm.

    Edges no longer than `above_mm` don't count.
    """
    shortest = tetrahedra.shortest_edges(nodes_mm, tets, above_mm)
    return COINCIDENCE * np.where(np.isfinite(shortest), shortest, 0.0)


def coincident(nodes_mm: Floats, tolerance_mm: Floats | float) -> NDArray[np.intp]:
    """Return for each node the first of those at the same place, which most are themselves.

    Parameters
    ----------
    nodes_mm : ndarray, (n, 3), float64
    tolerance_mm : float or ndarray (n,) float64
        How far two nodes at the same place may be apart: the smaller of theirs, and no more than the median
        of all that are not 0. 0: not at all.

    Returns
    -------
    ndarray, (n,), intp

    Examples
    --------
    >>> coincident(np.array([[0.0, 0, 0], [1, 0, 0], [1, 1e-9, 0], [0, 0, 0]]), 1e-6).tolist()
    [0, 1, 1, 0]
    """
    tolerance = np.broadcast_to(np.asarray(tolerance_mm, np.float64), len(nodes_mm))
    most = float(np.median(tolerance[tolerance > 0.0])) if (tolerance > 0.0).any() else 0.0
    pairs = [np.zeros((0, 2), np.intp)]
    # Nodes within the tolerance lie in one cell of twice that size, of a grid or of one moved by half of it.
    shifts = product((0.0, 0.5), repeat=3) if most else [(0.0, 0.0, 0.0)]
    for shift in shifts:
        cell = np.floor(nodes_mm / (2 * most) + shift) if most else nodes_mm
        key = ((cell + 0.0).view(np.uint64) * _HASH).sum(axis=1)  # + 0.0 makes 0.0 of −0.0
        rest = np.arange(len(nodes_mm))
        while len(rest):
            order = rest[np.argsort(key[rest], kind="stable")]
            begins = np.concatenate([[True], key[order[1:]] != key[order[:-1]]])
            first = order[begins][np.cumsum(begins) - 1]
            allowed = np.minimum(np.minimum(tolerance[order], tolerance[first]), most)
            near = np.linalg.norm(nodes_mm[order] - nodes_mm[first], axis=1) <= allowed
            pairs.append(np.stack([order, first], axis=1)[near & ~begins])
            rest = order[~near]
    node, other = np.concatenate(pairs).astype(np.int32).T
    group = cpu.node_parts(np.stack([node, other, other, other], axis=1), len(nodes_mm))
    return _first_of(group)


def _first_of(group: NDArray[np.int32]) -> NDArray[np.intp]:
    """Return the first node of the group of each node."""
    _, first, inverse = np.unique(group, return_index=True, return_inverse=True)
    return first[inverse]


def joined(
    mesh: FullMesh, tets: Tets, tolerance_mm: Floats | float, *, strict: bool = False
) -> tuple[NDArray[np.intp], str]:
    """Return what nodes become if coincident ones are joined, and that in words.

    Parameters
    ----------
    mesh : FullMesh
    tets : ndarray, (m, 4), int32
        Those that count, with the numbers of the nodes of `mesh`.
    tolerance_mm : float or ndarray, (n,), float64
        See `coincident`.
    strict : bool
        Raise MeshError where both ends of an edge coincide. Otherwise they stay apart, with all others there.

    Returns
    -------
    goes_to : ndarray, (n,), intp
    note : str
        "" if there are none.

    Raises
    ------
    MeshError
        A face would belong to more than two tetrahedra.
    """
    first = coincident(mesh.nodes_mm, tolerance_mm)
    corners = np.sort(first[tets], axis=1)
    inside = np.unique(corners[:, 1:][corners[:, 1:] == corners[:, :-1]])
    if len(inside) and strict:
        raise MeshError(
            f"tolerance_mm = {tolerance_mm:g} would join both ends of edges, at "
            f"{plural(len(inside), 'place', 'places')}; give less, or see TetMesh.repaired"
        )
    apart = np.isin(first, inside)
    first[apart] = np.flatnonzero(apart)
    again = np.flatnonzero(first != np.arange(len(first)))
    if not len(again):
        return first, ""
    _check_overlap(mesh, first[tets], np.any(np.isin(first[tets], first[again]), axis=1))
    count = plural(len(again), "node was", "nodes were")
    at = point(mesh.nodes_mm[again[0]])
    apart_mm = np.linalg.norm(mesh.nodes_mm[again] - mesh.nodes_mm[first[again]], axis=1).max()
    how = f"up to {apart_mm:.2g} mm away" if apart_mm else "at the same place"
    differ = _fields_that_differ(mesh, again, first)
    return first, f"{count} joined with others {how}, the first at {at}{differ}"


def merged(mesh: FullMesh, tolerance_mm: float | None) -> RawMesh | None:
    """Return the arrays of a mesh with coincident nodes joined, None without any; see `TetMesh.merged`."""
    explicit = tolerance_mm is not None
    tolerance = (
        not_negative(tolerance_mm, "tolerance_mm", MeshError)
        if explicit
        else tolerances(mesh.nodes_mm, mesh.tets)
    )
    goes_to, note = joined(mesh, mesh.tets, tolerance, strict=explicit)
    if not note:
        return None
    kept = np.ones(len(mesh.tets), bool)
    return rebuilt(mesh, mesh.nodes_mm, goes_to[mesh.tets].astype(np.int32), kept, goes_to, [note])


def _check_overlap(mesh: FullMesh, tets: NDArray[np.intp], changed: NDArray[Any]) -> None:
    """Raise if a face of the tetrahedra that have changed belongs to more than two of them."""
    faces = np.sort(tets[changed][:, tetrahedra.FACES].reshape(-1, 3), axis=1)
    face, times = np.unique(faces, axis=0, return_counts=True)
    if (times > 2).any():
        count = plural(int((times > 2).sum()), "face belongs", "faces belong")
        raise MeshError(
            f"when coincident nodes are joined, {count} to more than two tetrahedra: parts of the mesh lie "
            f"in one another; the first is at {point(mesh.nodes_mm[face[times > 2][0]].mean(axis=0))}"
        )


def _fields_that_differ(mesh: FullMesh, again: NDArray[np.intp], first: NDArray[np.intp]) -> str:
    names = [
        repr(name)
        for name, values in mesh.node_data.items()
        if not np.array_equal(values[again], values[first[again]], equal_nan=True)
    ]
    return f"; the first of different values was kept of {', '.join(names)}" if names else ""


def rebuilt(
    mesh: FullMesh,
    nodes_mm: Floats,
    tets: Tets,
    kept: NDArray[np.bool_],
    goes_to: NDArray[np.intp],
    notes: list[str],
) -> RawMesh:
    """Return a mesh after some of its nodes have become others.

    Parameters
    ----------
    mesh : FullMesh
    nodes_mm : ndarray, (n, 3), float64
        Where the nodes are now.
    tets : ndarray, (m, 4), int32
        The tetrahedra now, with the numbers of the nodes of `mesh`.
    kept : ndarray, (m,), bool
        Which tetrahedra are left.
    goes_to : ndarray, (n,), intp
        What each node has become. Triangles follow; those that have lost a corner are left out.
    notes : list of str

    Returns
    -------
    RawMesh
        `element_ids` are those of `mesh` or, where it has none and tetrahedra are left out, indices in it.
    """
    chosen = np.flatnonzero(kept)
    used = np.zeros(len(nodes_mm), bool)
    used[tets[chosen]] = True
    new_index = np.cumsum(used, dtype=np.int32) - np.int32(1)
    triangles = goes_to[mesh.triangles]
    ordered = np.sort(triangles, axis=1)
    on = np.flatnonzero((ordered[:, 1:] != ordered[:, :-1]).all(axis=1) & used[triangles].all(axis=1))
    ids = mesh.element_ids
    if ids is None and len(chosen) < len(tets):
        ids = np.arange(len(tets))
    return RawMesh(
        nodes_mm[used],
        new_index[tets[chosen]],
        mesh.tags[chosen],
        new_index[triangles[on]],
        mesh.triangle_tags[on],
        mesh.node_ids[used],
        None if ids is None else ids[chosen],
        element_data={name: values[chosen] for name, values in mesh.element_data.items()},
        node_data={name: values[used] for name, values in mesh.node_data.items()},
        triangle_data={name: values[on] for name, values in mesh.triangle_data.items()},
        notes=notes,
    )
