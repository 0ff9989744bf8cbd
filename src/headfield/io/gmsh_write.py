# SPDX-License-Identifier: BSD-3-Clause
"""Writer of Gmsh 2.2 files: meshes, and fields on their elements and nodes."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from ..mesh import TetMesh
from .atomic import replacing

__all__ = ["write_gmsh"]

# Rows that are put together at a time, so that a field of millions of rows isn't copied as a whole.
_ROWS = 1 << 16


def write_gmsh(
    path: str | os.PathLike[str],
    mesh: TetMesh,
    element_data: Mapping[str, NDArray[Any]] | None = None,
    node_data: Mapping[str, NDArray[Any]] | None = None,
    binary: bool = True,
) -> None:
    """Write a mesh, and fields on it, as Gmsh 2.2.

    Nodes are numbered from 1; triangles come first, then tetrahedra, numbered from 1. Both tags of an element
    are its tissue, as SimNIBS has it. Fields are steps of one view each: pose k is step k. A triangle
    shows the value of the tetrahedron under it, so that a field on the cortex can be looked at. Where a field
    is NaN it has no row.

    Parameters
    ----------
    path : path
        Appears whole or not at all.
    mesh : TetMesh
    element_data : mapping of str to ndarray, (k, m) or (k, m, 3)
        Per tetrahedron, for k poses.
    node_data : mapping of str to ndarray, (k, n) or (k, n, 3)
        Per node, for k poses.
    binary : bool
        False writes text.
    """
    with replacing(path) as temporary, open(temporary, "wb") as file:
        file.write(f"$MeshFormat\n2.2 {int(binary)} 8\n".encode())
        if binary:
            file.write(np.array(1, "<i4").tobytes() + b"\n")
        file.write(b"$EndMeshFormat\n")
        _write_nodes(file, mesh, binary)
        _write_elements(file, mesh, binary)
        if element_data:
            owner = mesh.triangle_tets()
            lies = np.flatnonzero(owner >= 0)
            ids = np.concatenate([1 + lies, np.arange(mesh.n_tets) + 1 + len(owner)])
            for name, values in element_data.items():
                _write_field(file, "ElementData", name, values, ids, owner[lies], binary)
        ids = np.arange(1, mesh.n_nodes + 1)
        for name, values in (node_data or {}).items():
            _write_field(file, "NodeData", name, values, ids, np.zeros(0, int), binary)


def _write_rows(
    file: IO[bytes], ids: NDArray[Any], ints: list[NDArray[Any]], reals: NDArray[Any], binary: bool
) -> None:
    """Write rows `id ints… reals…`; `ints` and `reals` are (rows, columns)."""
    n_ints = 1 + sum(part.shape[1] for part in ints)
    row = np.dtype([("i", "<i4", (n_ints,)), ("x", "<f8", (reals.shape[1],))])
    for start in range(0, len(reals), _ROWS):
        stop = min(start + _ROWS, len(reals))
        rows = np.empty(stop - start, row)
        rows["i"][:, 0] = ids[start:stop]
        column = 1
        for part in ints:
            rows["i"][:, column : column + part.shape[1]] = part[start:stop]
            column += part.shape[1]
        rows["x"] = reals[start:stop]
        if binary:
            file.write(rows.tobytes())
        else:
            pairs = zip(rows["i"].tolist(), rows["x"].tolist(), strict=True)
            file.write("".join(" ".join(map(repr, i + x)) + "\n" for i, x in pairs).encode())


def _write_nodes(file: IO[bytes], mesh: TetMesh, binary: bool) -> None:
    file.write(f"$Nodes\n{mesh.n_nodes}\n".encode())
    _write_rows(file, np.arange(1, mesh.n_nodes + 1), [], mesh.nodes_mm, binary)
    file.write(b"$EndNodes\n")


def _write_elements(file: IO[bytes], mesh: TetMesh, binary: bool) -> None:
    file.write(f"$Elements\n{len(mesh.triangles) + mesh.n_tets}\n".encode())
    first = 1
    for kind, nodes, tags in ((2, mesh.triangles, mesh.triangle_tags), (4, mesh.tets, mesh.tags)):
        count = len(nodes)
        if count == 0:
            continue
        if binary:
            file.write(np.array([kind, count, 2], "<i4").tobytes())
        for start in range(0, count, _ROWS):
            piece = slice(start, min(start + _ROWS, count))
            tag = tags[piece, None]
            ints = [tag, tag, nodes[piece] + 1]
            if not binary:
                ints.insert(0, np.broadcast_to(np.array([kind, 2]), (len(tag), 2)))
            ids = np.arange(first + start, first + start + len(tag))
            _write_rows(file, ids, ints, np.zeros((len(tag), 0)), binary)
        first += count
    file.write(b"$EndElements\n")


def _write_field(
    file: IO[bytes],
    section: str,
    name: str,
    values: NDArray[Any],
    ids: NDArray[Any],
    first: NDArray[Any],
    binary: bool,
) -> None:
    """Write `values` of all poses: the rows `first`, for triangles, before all rows, with the ids of both."""
    columns = values[..., None] if values.ndim == 2 else values
    for step, table in enumerate(columns):
        known = ~np.isnan(table).any(axis=1)
        on, below = known[first], ids[len(first) :]
        n_rows, components = int(on.sum() + known.sum()), table.shape[1]
        text = f'${section}\n1\n"{name}"\n1\n{float(step)}\n4\n{step}\n{components}\n{n_rows}\n0\n'
        file.write(text.encode())
        _write_rows(file, ids[: len(first)][on], [], table[first[on]], binary)
        if known.all():
            _write_rows(file, below, [], table, binary)
        else:
            _write_rows(file, below[known], [], table[known], binary)
        file.write(f"$End{section}\n".encode())
