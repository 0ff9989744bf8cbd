# SPDX-License-Identifier: BSD-3-Clause
"""Writer of Gmsh 2.2 files: meshes, and fields on their elements and nodes."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Collection, Mapping
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from ...io.atomic import replacing
from .gmsh_groups import PART_MARK, names_section
from .raw import MeshArrays

__all__ = ["write_gmsh"]

# Rows that are put together at a time, so that a field of millions of rows isn't copied as a whole.
_ROWS = 1 << 16


def write_gmsh(
    path: str | os.PathLike[str],
    mesh: MeshArrays,
    element_data: Mapping[str, NDArray[Any]] | None = None,
    node_data: Mapping[str, NDArray[Any]] | None = None,
    binary: bool = True,
    end: bytes = b"",
) -> None:
    """Write a mesh, and fields on it, as Gmsh 2.2.

    Nodes are numbered from 1; triangles come first, then tetrahedra, numbered from 1. Both tags of an element
    are its tissue, as SimNIBS has it. Fields are steps of one view each: pose k is step k. A triangle
    shows the value of the tetrahedron under it, so that a field on the cortex can be looked at. Where a field
    is NaN it has no row. Names of tissues are those of physical groups.

    Parameters
    ----------
    path : path
        Appears whole or not at all.
    mesh : TetMesh
    element_data : mapping of str to ndarray, (k, m) or (k, m, c)
        Per tetrahedron, for k poses. If neither this nor `node_data` is given, the fields of the mesh are
        written, those of its triangles too; `NAME_0000`, `NAME_0001`, … are then steps 0, 1, … of one view.
    node_data : mapping of str to ndarray, (k, n) or (k, n, c)
        Per node, for k poses.
    binary : bool
        False writes text.
    end : bytes
        Sections that the file is to end with.
    """
    with replacing(path) as temporary, open(temporary, "wb") as file:
        file.write(f"$MeshFormat\n2.2 {int(binary)} 8\n".encode())
        if binary:
            file.write(np.array(1, "<i4").tobytes() + b"\n")
        file.write(b"$EndMeshFormat\n" + names_section(mesh.tag_names))
        _write_nodes(file, mesh, binary)
        _write_elements(file, mesh, binary)
        if element_data is None and node_data is None:
            _write_own_fields(file, mesh, binary)
        else:
            _write_fields(file, mesh, element_data or {}, node_data or {}, binary)
        if mesh.is_part:
            file.write(f"$Comments\n{PART_MARK}\n$EndComments\n".encode())
        file.write(end)


def _write_fields(
    file: IO[bytes],
    mesh: MeshArrays,
    element_data: Mapping[str, NDArray[Any]],
    node_data: Mapping[str, NDArray[Any]],
    binary: bool,
) -> None:
    n_triangles = len(mesh.triangles)
    tet_ids = np.arange(mesh.n_tets) + 1 + n_triangles
    if element_data:
        owner = mesh.triangle_tets()
        lies = np.flatnonzero(owner >= 0)
        for name, poses in element_data.items():
            for step, table in enumerate(poses):
                parts = [(1 + lies, table[owner[lies]]), (tet_ids, table)]
                _write_view(file, "ElementData", name, step, parts, binary)
    for name, poses in node_data.items():
        for step, table in enumerate(poses):
            _write_view(file, "NodeData", name, step, [(np.arange(mesh.n_nodes) + 1, table)], binary)


def _write_own_fields(file: IO[bytes], mesh: MeshArrays, binary: bool) -> None:
    n_triangles = len(mesh.triangles)
    ids = {"triangle": np.arange(n_triangles) + 1, "tet": np.arange(mesh.n_tets) + 1 + n_triangles}
    names = dict.fromkeys([*mesh.element_data, *mesh.triangle_data])
    for key, (name, step) in _steps(names).items():
        of = {"triangle": mesh.triangle_data, "tet": mesh.element_data}
        parts = [(ids[kind], data[key]) for kind, data in of.items() if key in data]
        _write_view(file, "ElementData", name, step, parts, binary)
    for key, (name, step) in _steps(mesh.node_data).items():
        parts = [(np.arange(mesh.n_nodes) + 1, mesh.node_data[key])]
        _write_view(file, "NodeData", name, step, parts, binary)


def _steps(names: Collection[str]) -> dict[str, tuple[str, int]]:
    """Return view and step of each name: `E_0003` is step 3 of E if there are other steps, but no E.

    Examples
    --------
    >>> _steps(["E_0000", "E_0003", "v", "w", "w_0001", "w_0002"])["E_0003"]
    ('E', 3)
    """
    numbered: dict[str, tuple[str, int]] = {}
    for name in names:
        match = re.fullmatch(r"(.+)_([0-9]{4,9})", name)
        if match and f"{int(match[2]):04d}" == match[2]:
            numbered[name] = match[1], int(match[2])
    times = Counter(view for view, _ in numbered.values())
    several = {view for view, count in times.items() if count > 1 and view not in names}
    return {
        name: numbered[name] if name in numbered and numbered[name][0] in several else (name, 0)
        for name in names
    }


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


def _write_nodes(file: IO[bytes], mesh: MeshArrays, binary: bool) -> None:
    file.write(f"$Nodes\n{mesh.n_nodes}\n".encode())
    _write_rows(file, np.arange(1, mesh.n_nodes + 1), [], mesh.nodes_mm, binary)
    file.write(b"$EndNodes\n")


def _write_elements(file: IO[bytes], mesh: MeshArrays, binary: bool) -> None:
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


def _write_view(
    file: IO[bytes],
    section: str,
    name: str,
    step: int,
    parts: list[tuple[NDArray[Any], NDArray[Any]]],
    binary: bool,
) -> None:
    """Write one step of a view from parts of ids (r,) and values (r,) or (r, c); NaN has no row."""
    rows = []
    for ids, values in parts:
        table = values[:, None] if values.ndim == 1 else values
        known = ~np.isnan(table).all(axis=1)
        rows.append((ids, table) if known.all() else (ids[known], table[known]))
    n_rows, components = sum(len(ids) for ids, _ in rows), rows[0][1].shape[1]
    text = f'${section}\n1\n"{name}"\n1\n{float(step)}\n4\n{step}\n{components}\n{n_rows}\n0\n'
    file.write(text.encode())
    for ids, table in rows:
        _write_rows(file, ids, [], table, binary)
    file.write(f"$End{section}\n".encode())
