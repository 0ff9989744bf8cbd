# SPDX-License-Identifier: BSD-3-Clause
"""What readers and writers of mesh files exchange with the rest: plain arrays, no TetMesh."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ..findings import Finding

__all__ = ["FullMesh", "MeshArrays", "RawMesh"]

_NOT_ARGUMENTS = ("notes", "findings", "is_part")


@dataclass(frozen=True, eq=False)
class RawMesh:
    """What a reader finds in a mesh file, before it is checked; `TetMesh` says what the arrays are.

    Attributes
    ----------
    nodes_mm : ndarray, (n, 3)
    tets : ndarray, (m, 4)
    tags : ndarray, (m,), or None
    triangles : ndarray, (t, 3), or None
    triangle_tags : ndarray, (t,), or None
    node_ids : ndarray, (n,), or None
    element_ids : ndarray, (m,), or None
    tag_names : mapping of int to str
    element_data, node_data, triangle_data : dict of str to ndarray
    notes : sequence of str
        What to warn of, without the name of the file.
    findings : sequence of Finding
        What was found when tissues were looked for in the file.
    is_part : bool
        Whether the file says that it is a part of a head.

    Examples
    --------
    >>> raw = RawMesh(np.eye(4, 3), np.array([[0, 1, 2, 3]]), notes=["a field is left out"])
    >>> raw.arguments()["tets"], raw.arguments()["tags"], len(raw.arguments())
    (array([[0, 1, 2, 3]]), None, 11)
    """

    nodes_mm: NDArray[Any]
    tets: NDArray[Any]
    tags: NDArray[Any] | None = None
    triangles: NDArray[Any] | None = None
    triangle_tags: NDArray[Any] | None = None
    node_ids: NDArray[Any] | None = None
    element_ids: NDArray[Any] | None = None
    element_data: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    node_data: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    triangle_data: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    tag_names: Mapping[int, str] = field(default_factory=dict)
    notes: Sequence[str] = ()
    findings: Sequence[Finding] = ()
    is_part: bool = False

    def arguments(self) -> dict[str, Any]:
        """Return the keyword arguments that `TetMesh` is made with."""
        return {one.name: getattr(self, one.name) for one in fields(self) if one.name not in _NOT_ARGUMENTS}


class FullMesh(RawMesh):
    """A RawMesh that lacks nothing but, perhaps, the ids of its elements."""

    tags: NDArray[np.int32]
    triangles: NDArray[np.int32]
    triangle_tags: NDArray[np.int32]
    node_ids: NDArray[np.int64]

    @classmethod
    def of(cls, mesh: MeshArrays) -> FullMesh:
        """Return the arrays of a mesh."""
        names = [one.name for one in fields(cls) if one.name not in _NOT_ARGUMENTS]
        return cls(**{name: getattr(mesh, name) for name in names})


class MeshArrays(Protocol):
    """What writers, parts and summaries need of a mesh. A `TetMesh` is one.

    So they stand below `TetMesh`, which calls them, and need not import it.
    """

    @property
    def nodes_mm(self) -> NDArray[np.float64]: ...
    @property
    def tets(self) -> NDArray[np.int32]: ...
    @property
    def tags(self) -> NDArray[np.int32]: ...
    @property
    def triangles(self) -> NDArray[np.int32]: ...
    @property
    def triangle_tags(self) -> NDArray[np.int32]: ...
    @property
    def node_ids(self) -> NDArray[np.int64]: ...
    @property
    def element_ids(self) -> NDArray[np.int64] | None: ...
    @property
    def element_data(self) -> Mapping[str, NDArray[np.float64]]: ...
    @property
    def node_data(self) -> Mapping[str, NDArray[np.float64]]: ...
    @property
    def triangle_data(self) -> Mapping[str, NDArray[np.float64]]: ...
    @property
    def tag_names(self) -> Mapping[int, str]: ...
    @property
    def is_part(self) -> bool: ...
    @property
    def from_file(self) -> Sequence[Finding]: ...
    @property
    def n_nodes(self) -> int: ...
    @property
    def n_tets(self) -> int: ...
    def triangle_tets(self) -> NDArray[np.int32]: ...
