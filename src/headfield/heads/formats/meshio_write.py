# SPDX-License-Identifier: BSD-3-Clause
"""Meshes of every other format, written by meshio."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...core.messages import warn
from ...errors import MeshError
from ...io.meshio import check_known, contained, needed_meshio
from ...io.regular import ending_of
from .raw import MeshArrays

__all__ = ["write_meshio"]

# Formats that keep fields as they are (found by writing and reading them back).
_KEEP_FIELDS = (".vtu", ".vtk", ".xdmf", ".xmf", ".med")


def write_meshio(path: str | os.PathLike[str], mesh: MeshArrays) -> None:
    """Write a mesh by meshio, tissue tags as cell data `tags`, its fields where the format has them.

    Parameters
    ----------
    path : path
        Its ending tells the format. Appears whole or not at all; some formats keep their arrays in a file
        beside it, which is put in place first.
    mesh : TetMesh

    Raises
    ------
    FileFormatError
        No format is known by the ending of the name, or meshio is not installed.
    MeshError
        meshio could not write this mesh in this format, or a field is called `tags`. The message does not
        name the file.

    Warns
    -----
    UserWarning
        The format does not keep some fields.
    """
    check_known(path)
    meshio = needed_meshio(path)
    cells: list[tuple[str, NDArray[Any]]] = [("tetra", mesh.tets)]
    cell_data = {"tags": [mesh.tags]}
    if len(mesh.triangles):
        cells.append(("triangle", mesh.triangles))
        cell_data["tags"].append(mesh.triangle_tags)
    fields, node_data = _fields_for(path, mesh)
    cell_data.update(fields)
    target = Path(path).resolve()
    # Under its final name, in a folder of its own: files that come in pairs refer to each other by name.
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".headfield-") as folder:
        with contained("write"):
            content = meshio.Mesh(mesh.nodes_mm, cells, point_data=node_data, cell_data=cell_data)
            meshio.write(Path(folder) / target.name, content)
        written = sorted(Path(folder).iterdir(), key=lambda file: file.name == target.name)
        for file in written:
            os.replace(file, target.parent / file.name)


def _fields_for(
    path: str | os.PathLike[str], mesh: MeshArrays
) -> tuple[dict[str, list[NDArray[Any]]], dict[str, NDArray[Any]]]:
    """Return the fields per block of cells, and per node, that this format keeps; warn of the others."""
    ending = ending_of(path)
    cell_data: dict[str, list[NDArray[Any]]] = {}
    for name in dict.fromkeys([*mesh.element_data, *mesh.triangle_data]):
        if name == "tags":
            raise MeshError("a field can't be called 'tags', which is the tissue; rename it")
        there = (mesh.element_data if name in mesh.element_data else mesh.triangle_data)[name]
        groups = [(mesh.element_data, mesh.n_tets), (mesh.triangle_data, len(mesh.triangles))]
        cell_data[name] = [
            data[name] if name in data else np.full((count, *there.shape[1:]), np.nan)
            for data, count in groups
            if count
        ]
    node_data = dict(mesh.node_data)
    shapes = {name: values.shape[1:] for name, values in node_data.items()}
    shapes.update({name: blocks[0].shape[1:] for name, blocks in cell_data.items()})
    # meshio makes vectors of three out of those of two in a .vtk.
    lost = [n for n in shapes if ending not in _KEEP_FIELDS or (ending == ".vtk" and shapes[n] == (2,))]
    if lost:
        warn(
            f"{os.fspath(path)}: the fields {', '.join(map(repr, lost))} are not written, as {ending} files "
            "don't keep them",
        )
    for name in lost:
        cell_data.pop(name, None)
        node_data.pop(name, None)
    return cell_data, node_data
