# SPDX-License-Identifier: BSD-3-Clause
"""From the nodes and elements of a Gmsh file, in its own numbering, to arrays that count from 0."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...core.messages import plural
from ...errors import MeshError
from .gmsh_bytes import GmshFile
from .gmsh_groups import group_findings, several_groups
from .gmsh_numbering import Numbering
from .gmsh_views import View, element_fields, node_fields
from .raw import RawMesh

TRIANGLE, TET = 2, 4
# Volume elements other than 4-node tetrahedra: to leave them out would tear holes into the head.
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

    @property
    def grouped(self) -> bool:
        """Whether any of them belongs to a physical group."""
        return any(piece.any() for piece in self.physical)

    def tags(self) -> NDArray[Any]:
        """Return the physical tag of each element, or the elementary one if there are no physical groups."""
        return _frozen(_joined(self.physical if self.grouped else self.elementary))


class GmshContent:
    """What a parser has found: nodes, triangles and tetrahedra, fields on them, and what else is there."""

    def __init__(self, file: GmshFile) -> None:
        self.file = file
        self.node_ids: NDArray[Any] | None = None
        self.nodes_mm: NDArray[np.float64] | None = None
        self.kinds: dict[int, Elements] = {TRIANGLE: Elements(), TET: Elements()}
        self.other_ids: list[NDArray[Any]] = []
        self.groups: dict[int, dict[int, int]] = {}
        self.in_several_groups = 0
        self.names: dict[int, str] = {}
        self.is_part = False
        self.refused: Counter[int] = Counter()
        self.has_elements = False
        self.views: list[View] = []

    def add(self, kind: int, ids: NDArray[Any], physical: Any, elementary: Any, nodes: NDArray[Any]) -> None:
        """Take elements of one Gmsh type; of points and lines only the ids, which rows of fields may have."""
        if kind in _REFUSED:
            self.refused[kind] += len(ids)
        elif kind in self.kinds and len(ids):
            self.kinds[kind].add(ids, physical, elementary, nodes)
        else:
            self.other_ids.append(ids)

    def mesh(self) -> RawMesh:
        """Return the mesh, renumbered from 0.

        Raises
        ------
        MeshError
            A section is absent; there are no tetrahedra, or other volume elements too; an id is unknown or
            comes twice.
        """
        if self.node_ids is None or self.nodes_mm is None:
            raise MeshError("no section $Nodes")
        if not self.has_elements:
            raise MeshError("no section $Elements")
        for kind, count in self.refused.items():
            raise MeshError(f"{count:,} {_REFUSED[kind]}; only 4-node tetrahedra can be used")
        tets, triangles = self.kinds[TET], self.kinds[TRIANGLE]
        if not tets.ids:
            raise MeshError("the mesh has no tetrahedra")
        numbering = Numbering(self.node_ids, "node")
        ids = _joined(tets.ids, np.int64)
        groups = [ids, _joined(triangles.ids, np.int64), _joined(self.other_ids, np.int64)]
        on_tets, on_triangles, _ = element_fields(self.views, groups, self.file)
        findings = [] if tets.grouped else group_findings(tets.tags(), self.names, on_tets)
        if self.in_several_groups:
            findings.append(several_groups(self.in_several_groups))
        return RawMesh(
            self.nodes_mm,
            _index(numbering, tets, 4, "tetrahedron"),
            tets.tags(),
            _index(numbering, triangles, 3, "triangle"),
            triangles.tags(),
            node_ids=_frozen(self.node_ids.astype(np.int64)),
            element_ids=_frozen(ids),
            element_data=on_tets,
            node_data=node_fields(self.views, numbering, self.file),
            triangle_data=on_triangles,
            tag_names=self.names if tets.grouped else {},
            notes=self.file.notes,
            findings=findings,
            is_part=self.is_part,
        )


def _index(numbering: Numbering, elements: Elements, width: int, what: str) -> NDArray[np.int32]:
    """Return node indices (k, width), int32; raise MeshError for ids that the file doesn't define."""
    pieces = [numbering.places(piece) for piece in elements.nodes]
    for i, piece in enumerate(pieces):
        if piece.size and (piece.min() < 0 or piece.max() >= numbering.count):
            bad = (piece < 0) | (piece >= numbering.count)
            rows = bad.any(axis=1)
            row = int(rows.argmax())
            place = bad[row].argmax()
            # Added as an array, which takes back what wrapped around in the subtraction.
            original = elements.nodes[i][row]
            if numbering.contiguous:
                original = piece[row] + piece.dtype.type(numbering.low)
            raise MeshError(
                f"{plural(int(rows.sum()), 'element uses', 'elements use')} nodes that the file doesn't "
                f"define; the first is the {what} with id {elements.ids[i][row]}, node {original[place]}"
            )
    return _frozen(_joined(pieces, np.int32, width))


def _joined(pieces: list[NDArray[Any]], dtype: Any = None, width: int | None = None) -> NDArray[Any]:
    if not pieces:
        return np.zeros((0,) if width is None else (0, width), dtype)
    if len(pieces) == 1:
        return np.ascontiguousarray(pieces[0], dtype)
    return np.concatenate(pieces, dtype=dtype)


def _frozen(array: NDArray[Any]) -> NDArray[Any]:
    array.flags.writeable = False
    return array
