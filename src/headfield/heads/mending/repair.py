# SPDX-License-Identifier: BSD-3-Clause
"""Repair of meshes with tetrahedra that are repeated, far too small or flat, and with coincident nodes.

All of it is done by letting nodes become other nodes, or moving them a little, while no tetrahedron changes
its orientation (`stars.Patch`). So the mesh fills the same space as before, without holes and cracks.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ...core.arguments import within
from ...core.device import cpu
from ...core.messages import plural, point
from ...errors import MeshError
from .. import checks, tetrahedra
from ..formats.raw import FullMesh, RawMesh
from . import merging
from .stars import ROUNDED, Patch

__all__ = ["FLATTEST", "SHORTEST", "SPECK", "repaired"]

# Edges shorter than this share of the mean edge of a median tetrahedron are collapsed.
SHORTEST = 1e-3
# Tetrahedra whose smallest height is less than this share of their longest edge are flat.
FLATTEST = 1e-3
# Parts that hang apart from the largest and have less than this share of the volume are left out: no current
# reaches them. What is larger is no speck, so TetMesh refuses it.
SPECK = 1e-3
_HEIGHT = 10.0  # A flat tetrahedron gets this times the limit: its corner moves by 1 % of the edge.

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]


def repaired(mesh: RawMesh, min_edge_mm: float | None, min_height: float) -> RawMesh | None:
    """Return the arrays of a repaired mesh, None if it needs no repair; see `TetMesh.repaired`.

    Arrays that `TetMesh` refuses are taken, if they are coordinates and node indices at all. Notes say what
    was done.
    """
    raw = _filled(mesh)
    within(min_height, "min_height", MeshError, 0.0, 0.1)
    notes: list[str] = []
    kept = _without_copies(raw, notes)
    nodes_mm = raw.nodes_mm.copy()
    tets = _oriented(nodes_mm, raw.tets, kept)
    if min_edge_mm is None:
        min_edge_mm = SHORTEST * float(np.median(tetrahedra.mean_edges(nodes_mm, tets[kept])))
    within(min_edge_mm, "min_edge_mm", MeshError, 0.0, 1e9)
    goes_to, note = merging.joined(raw, tets[kept], merging.tolerances(nodes_mm, tets[kept], min_edge_mm))
    if note:
        notes.append(note)
        tets = goes_to[tets].astype(np.int32)
    _leave_out_specks(raw, tets, kept, notes)
    work = _Work(raw, nodes_mm, tets, kept, goes_to)
    work.collapse(min_edge_mm, min_height, notes)
    work.flatten(min_height, notes)
    if work.worked:
        work.say_what_is_left(min_edge_mm, min_height, notes)
    return work.result(notes) if notes else None


def _filled(mesh: RawMesh) -> FullMesh:
    """Return the arrays as `TetMesh` would have them; raise where they are no mesh at all."""
    nodes, tets = checks.as_coordinates(mesh.nodes_mm), checks.as_int(mesh.tets, "tets", 4)
    if not len(tets):
        raise MeshError("the mesh has no tetrahedra")
    triangles = checks.as_int(() if mesh.triangles is None else mesh.triangles, "triangles", 3)
    checks.check_range(tets, len(nodes), "tetrahedra")
    checks.check_range(triangles, len(nodes), "triangles")
    ids = mesh.element_ids
    numbering = np.arange(len(nodes)) if mesh.node_ids is None else mesh.node_ids
    return FullMesh(
        nodes,
        tets,
        checks.as_labels(mesh.tags, "tags", len(tets), np.int32),
        triangles,
        checks.as_labels(mesh.triangle_tags, "triangle_tags", len(triangles), np.int32),
        checks.as_labels(numbering, "node_ids", len(nodes), np.int64),
        None if ids is None else checks.as_labels(ids, "element_ids", len(tets), np.int64),
        element_data=checks.as_fields(mesh.element_data, len(tets), "element_data"),
        node_data=checks.as_fields(mesh.node_data, len(nodes), "node_data"),
        triangle_data=checks.as_fields(mesh.triangle_data, len(triangles), "triangle_data"),
        notes=mesh.notes,
    )


def _without_copies(raw: FullMesh, notes: list[str]) -> Mask:
    """Return the mask of tetrahedra of four nodes that no earlier one of the same tissue has."""
    ordered = np.sort(raw.tets, axis=1)
    broken = (ordered[:, 1:] == ordered[:, :-1]).any(axis=1)
    key = checks.node_keys(len(raw.nodes_mm))[ordered].sum(axis=1)
    by_key = np.lexsort((key,))
    same = np.flatnonzero(key[by_key][1:] == key[by_key][:-1])
    suspects = np.unique(by_key[np.concatenate([same, same + 1])])
    rows = np.column_stack([ordered[suspects], raw.tags[suspects]])
    _, first, inverse = np.unique(rows, axis=0, return_index=True, return_inverse=True)
    copies = np.zeros(len(ordered), bool)
    copies[suspects] = first[inverse.ravel()] != np.arange(len(suspects))
    for mask, what in ((broken, "that named a node twice"), (copies & ~broken, "that repeated another")):
        if mask.any():
            notes.append(f"{_counted(raw, mask)} {what} left out")
    if (broken | copies).all():
        raise MeshError("no tetrahedron of the mesh has four different nodes")
    return ~(broken | copies)


def _leave_out_specks(raw: FullMesh, tets: NDArray[np.int32], kept: Mask, notes: list[str]) -> None:
    """Leave out parts that hang apart from the largest, if they are small."""
    chosen = np.flatnonzero(kept)
    part = cpu.node_parts(tets[chosen], len(raw.nodes_mm))[tets[chosen, 0]]
    volumes = np.bincount(part, weights=np.abs(tetrahedra.volumes(raw.nodes_mm, raw.tets[chosen])))
    apart = np.zeros(len(kept), bool)
    apart[chosen] = (volumes < SPECK * volumes.sum())[part] & (part != volumes.argmax())
    if apart.any():
        kept &= ~apart
        count = plural(len(np.unique(part[apart[chosen]])), "part that hangs", "parts that hang")
        notes.append(f"{_counted(raw, apart)} left out, in {count} apart from the largest")


def _counted(raw: FullMesh, mask: Mask) -> str:
    """Return in words how many tetrahedra there are, by tissue, and where the first is."""
    tags, counts = np.unique(raw.tags[mask], return_counts=True)
    by_tag = ", ".join(f"{c:,} of tag {t}" for t, c in zip(tags.tolist(), counts.tolist(), strict=True))
    at = point(raw.nodes_mm[raw.tets[int(mask.argmax())]].mean(axis=0))
    return f"{plural(int(mask.sum()), 'tetrahedron', 'tetrahedra')} ({by_tag}; the first at {at})"


def _oriented(nodes_mm: Floats, tets: NDArray[np.int32], kept: Mask) -> NDArray[np.int32]:
    """Return tetrahedra positively oriented; what has no volume is turned as its neighbours want it."""
    value = tetrahedra.flatness(nodes_mm, tets)
    tets = tets.copy()
    turned = value < -ROUNDED
    tets[turned] = tets[turned][:, [0, 1, 3, 2]]
    unknown = kept & (np.abs(value) <= ROUNDED)
    if unknown.any():
        _turn_like_neighbours(tets, kept, unknown)
    return tets


def _turn_like_neighbours(tets: NDArray[np.int32], kept: Mask, unknown: Mask) -> None:
    """Turn tetrahedra so that they run along a face in the opposite sense as the tetrahedron beyond it."""
    near = np.flatnonzero(kept & (np.isin(tets, tets[unknown]).sum(axis=1) >= 3))
    faces = tets[near][:, tetrahedra.FACES].reshape(-1, 3)
    a, b, c = faces.T
    odd = (a > b) ^ (b > c) ^ (a > c)
    _, face, times = np.unique(np.sort(faces, axis=1), axis=0, return_inverse=True, return_counts=True)
    order = np.argsort(face, kind="stable")
    order = order[times[face[order]] == 2]
    pairs = np.concatenate([order.reshape(-1, 2), order.reshape(-1, 2)[:, ::-1]])
    of, parity = near[pairs // 4], odd[pairs]
    turned, known = np.zeros(len(tets), bool), ~unknown
    while True:
        reached = known[of[:, 0]] & ~known[of[:, 1]]
        if not reached.any():
            break
        new, first = np.unique(of[reached, 1], return_index=True)
        same = parity[reached, 0] == parity[reached, 1]
        turned[new] = (same ^ turned[of[reached, 0]])[first]
        known[new] = True
    tets[turned] = tets[turned][:, [0, 1, 3, 2]]


class _Work:
    """A mesh under repair: where its nodes are, what they have become, and which tetrahedra are left."""

    def __init__(
        self, raw: FullMesh, nodes_mm: Floats, tets: NDArray[np.int32], kept: Mask, goes_to: NDArray[np.intp]
    ) -> None:
        self.raw, self.nodes_mm, self.tets, self.kept, self.goes_to = raw, nodes_mm, tets, kept, goes_to
        self.worked = False  # whether there was anything to be collapsed or moved

    def collapse(self, min_edge_mm: float, min_height: float, notes: list[str]) -> None:
        """Collapse edges below a length."""
        patch = self._patch(self._with_short_edges(min_edge_mm))
        if patch is None:
            return
        count, more = 0, 1
        while more:
            pairs, lengths = patch.edges(patch.alive)
            under = lengths < min_edge_mm
            more = patch.collapse(pairs[under], lengths[under], min_height, short=True)
            count += more
        self._take(patch, count, f"shorter than {min_edge_mm:.2g} mm", notes)

    def flatten(self, min_height: float, notes: list[str]) -> None:
        """Move corners of flat tetrahedra or, if that does not do, collapse an edge within a tissue."""
        patch = self._patch(self._flat(min_height))
        if patch is None:
            return
        before, moved, count = self.nodes_mm.copy(), [np.zeros(0, np.intp)], 0
        while True:
            bad = patch.flatness() < min_height
            new = patch.nudge(np.flatnonzero(bad), min_height, _HEIGHT * min_height)
            moved.append(new)
            more = 0 if len(new) else patch.collapse(*patch.edges(bad), min_height, short=False)
            count += more
            if not len(new) and not more:
                break
        moved_nodes = np.unique(np.concatenate(moved))
        if len(moved_nodes):
            far = np.linalg.norm(self.nodes_mm[moved_nodes] - before[moved_nodes], axis=1).max()
            notes.append(
                f"{plural(len(moved_nodes), 'node was', 'nodes were')} moved by {far:.2g} mm or less, as "
                f"tetrahedra were flatter than {min_height:g}; the first at {point(before[moved_nodes[0]])}"
            )
        self._take(patch, count, "of flat tetrahedra", notes)

    def say_what_is_left(self, min_edge_mm: float, min_height: float, notes: list[str]) -> None:
        """Note what could not be repaired, as it would have turned what is around inside out."""
        for bad, what in (
            (self._with_short_edges(min_edge_mm), f"edges shorter than {min_edge_mm:.2g} mm"),
            (self._flat(min_height), f"heights below {min_height:g} of an edge"),
        ):
            if bad.any():
                notes.append(f"{_counted(self.raw, bad)} could not be repaired: {what}")

    def _with_short_edges(self, min_edge_mm: float) -> Mask:
        shortest = np.empty(len(self.tets))
        for piece, _, corners in tetrahedra.chunks(self.nodes_mm, self.tets):
            shortest[piece] = tetrahedra.squared_edges(corners).min(axis=0)
        return self.kept & (shortest < min_edge_mm**2)

    def _flat(self, min_height: float) -> Mask:
        return self.kept & (tetrahedra.flatness(self.nodes_mm, self.tets) < min_height)

    def _patch(self, bad: Mask) -> Patch | None:
        """Return what is around bad tetrahedra, None if there are none."""
        if not bad.any():
            return None
        self.worked = True
        chosen = np.flatnonzero(self.kept)
        skin, _ = cpu.boundary_faces(self.tets[chosen], len(self.nodes_mm))
        patch = Patch(
            self.nodes_mm, self.tets[chosen], self.raw.tags[chosen], skin, np.unique(self.tets[bad])
        )
        patch.number = chosen[patch.number]
        return patch

    def _take(self, patch: Patch, count: int, what: str, notes: list[str]) -> None:
        """Take over what has become of a patch, and note how many edges were collapsed."""
        gone = np.zeros(len(self.tets), bool)
        gone[patch.number[~patch.alive]] = True
        self.tets[patch.number] = patch.tets
        self.kept &= ~gone
        goes_to = patch.goes_to
        while (goes_to[goes_to] != goes_to).any():
            goes_to = goes_to[goes_to]
        self.goes_to = goes_to[self.goes_to]
        if count:
            volume = np.abs(tetrahedra.volumes(self.raw.nodes_mm, self.raw.tets[gone])).sum()
            edges = plural(count, "edge", "edges")
            tets = f"{_counted(self.raw, gone)} of {volume:.2g} mm³ in all"
            notes.append(f"{edges} {what} collapsed, and with them {tets}")

    def result(self, notes: list[str]) -> RawMesh:
        """Return the arrays of what is left."""
        made = merging.rebuilt(self.raw, self.nodes_mm, self.tets, self.kept, self.goes_to, [])
        return replace(made, notes=[*self.raw.notes, *(f"repair: {note}" for note in notes)])
