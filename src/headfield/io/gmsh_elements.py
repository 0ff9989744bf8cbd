# SPDX-License-Identifier: BSD-3-Clause
"""From the nodes and elements of a Gmsh file, in its own numbering, to a TetMesh."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import MeshError
from ..mesh import TetMesh

TRIANGLE, TET = 2, 4
# Volume elements that are no 4-node tetrahedra: leaving them out would tear holes into the head.
_REFUSED = {
    5: "hexahedra",
    6: "prisms",
    7: "pyramids",
    11: "second-order tetrahedra (type 11)",
    **{kind: f"volume elements of type {kind}" for kind in (12, 13, 14, 17, 18, 19, 29, 30, 31, 92, 93)},
}


@dataclass
class Elements:
    """The elements of one type, in pieces: ids (k,), two tags (k,) each, and node ids (k, 3 or 4)."""

    ids: list[NDArray[Any]] = field(default_factory=list)
    physical: list[NDArray[Any]] = field(default_factory=list)
    elementary: list[NDArray[Any]] = field(default_factory=list)
    nodes: list[NDArray[Any]] = field(default_factory=list)

    def add(self, ids: NDArray[Any], physical: Any, elementary: Any, nodes: NDArray[Any]) -> None:
        """Append a piece; a tag may be one number for all of it."""
        self.ids.append(ids)
        self.physical.append(np.broadcast_to(physical, ids.shape))
        self.elementary.append(np.broadcast_to(elementary, ids.shape))
        self.nodes.append(nodes)

    def tags(self) -> NDArray[Any]:
        """Return the physical tag of each element, or the elementary one if there are no physical groups."""
        physical = _joined(self.physical)
        return _frozen(physical if physical.any() else _joined(self.elementary))


class GmshContent:
    """What a parser has found: node ids and coordinates, triangles and tetrahedra, and what else is there."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.node_ids: NDArray[Any] | None = None
        self.nodes_mm: NDArray[np.float64] | None = None
        self.kinds: dict[int, Elements] = {TRIANGLE: Elements(), TET: Elements()}
        self.groups: dict[int, dict[int, int]] = {}
        self.refused: Counter[int] = Counter()
        self.has_elements = False

    def add(self, kind: int, ids: NDArray[Any], physical: Any, elementary: Any, nodes: NDArray[Any]) -> None:
        """Take elements of one Gmsh type; points and lines are of no use here."""
        if kind in _REFUSED:
            self.refused[kind] += len(ids)
        elif kind in self.kinds and len(ids):
            self.kinds[kind].add(ids, physical, elementary, nodes)

    def mesh(self) -> TetMesh:
        """Return the mesh, renumbered from 0."""
        if self.node_ids is None or self.nodes_mm is None:
            raise MeshError(f"{self.name}: no section $Nodes")
        if not self.has_elements:
            raise MeshError(f"{self.name}: no section $Elements")
        for kind, count in self.refused.items():
            raise MeshError(f"{self.name}: {count:,} {_REFUSED[kind]}; only 4-node tetrahedra can be used")
        tets, triangles = self.kinds[TET], self.kinds[TRIANGLE]
        if not tets.ids:
            raise MeshError(f"{self.name}: the mesh has no tetrahedra")
        numbering = _Numbering(self.node_ids, self.name)
        ids = _joined(tets.ids, np.int64)
        try:
            return TetMesh(
                self.nodes_mm,
                numbering.index(tets, 4, "tetrahedron"),
                tets.tags(),
                numbering.index(triangles, 3, "triangle"),
                triangles.tags(),
                node_ids=_frozen(self.node_ids.astype(np.int64)),
                element_ids=_frozen(ids),
            )
        except MeshError as error:
            raise MeshError(f"{self.name}: {error}" if self.name not in str(error) else str(error)) from None


class _Numbering:
    """Turns the node ids of a file into indices from 0."""

    def __init__(self, ids: NDArray[Any], name: str) -> None:
        self.name = name
        self.count = len(ids)
        self.low = int(ids.min()) if self.count else 0
        self.contiguous = not self.count or (
            int(ids[-1]) - int(ids[0]) == self.count - 1 and bool((np.diff(ids) == 1).all())
        )
        if self.contiguous:
            return
        self.order = np.argsort(ids, kind="stable").astype(np.int32)
        self.sorted = ids[self.order]
        again = self.sorted[1:] == self.sorted[:-1]
        if again.any():
            first = self.sorted[again.argmax()]
            raise MeshError(f"{name}: {int(again.sum()):,} node ids come twice; the first is {first}")

        # Gaps are few as a rule, and then a table is faster than a search. Its ends catch what is outside.
        self.table: NDArray[np.int32] | None = None
        span = int(self.sorted[-1]) - self.low + 1
        if span <= 16 * self.count:
            self.table = np.full(span + 2, -1, np.int32)
            self.table[ids - self.low + 1] = np.arange(self.count, dtype=np.int32)

    def index(self, elements: Elements, width: int, what: str) -> NDArray[np.int32]:
        """Return indices (k, width), int32; refuse ids that the file doesn't define."""
        pieces = [self._piece(piece) for piece in elements.nodes]
        for i, piece in enumerate(pieces):
            if piece.size and (piece.min() < 0 or piece.max() >= self.count):
                bad = (piece < 0) | (piece >= self.count)
                rows = bad.any(axis=1)
                row = int(rows.argmax())
                place = bad[row].argmax()
                # Added as an array, which takes back what wrapped around in the subtraction.
                original = (
                    piece[row] + piece.dtype.type(self.low) if self.contiguous else elements.nodes[i][row]
                )
                raise MeshError(
                    f"{self.name}: {int(rows.sum()):,} elements use nodes that the file doesn't define; "
                    f"the first is the {what} with id {elements.ids[i][row]}, node {original[place]}"
                )
        return _frozen(_joined(pieces, np.int32, width))

    def _piece(self, ids: NDArray[Any]) -> NDArray[Any]:
        if self.contiguous:
            # In the ids' own integer type: a wild id stays wild, or wraps to another value out of range.
            ids -= ids.dtype.type(self.low)
            return ids
        if self.table is not None:
            return self.table.take(ids - ids.dtype.type(self.low) + ids.dtype.type(1), mode="clip")
        place = np.searchsorted(self.sorted, ids).clip(max=self.count - 1)
        return np.where(self.sorted[place] == ids, self.order[place], np.int32(-1))


def _joined(pieces: list[NDArray[Any]], dtype: Any = None, width: int | None = None) -> NDArray[Any]:
    if not pieces:
        return np.zeros((0,) if width is None else (0, width), dtype)
    if len(pieces) == 1:
        return np.ascontiguousarray(pieces[0], dtype)
    return np.concatenate(pieces, dtype=dtype)


def _frozen(array: NDArray[Any]) -> NDArray[Any]:
    array.flags.writeable = False
    return array
