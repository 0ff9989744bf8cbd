# SPDX-License-Identifier: BSD-3-Clause
"""Meshes of every other format, written by meshio."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...core.messages import warn
from ...errors import FileFormatError, MeshError
from ...io.meshio import check_known, contained, needed_meshio
from ...io.regular import ending_of
from .raw import MeshArrays
from .set_names import set_name

__all__ = ["SURFACE_FORMATS", "format_of", "write_meshio", "write_surface"]

SURFACE_FORMATS = (".stl", ".ply", ".obj", ".off")


class _Format(NamedTuple):
    """What a format keeps of a head; the tests write and read back each."""

    tags: str  # under which name meshio wants the tags of cells; "": as sets of cells
    triangles: bool = True
    fields: bool = False


_FORMATS = {
    **dict.fromkeys((".vtu", ".vtk", ".xdmf", ".xmf", ".med"), _Format("tags", fields=True)),
    **dict.fromkeys((".mesh", ".meshb"), _Format("medit:ref")),
    **dict.fromkeys((".vol", ".vol.gz"), _Format("netgen:index")),
    ".avs": _Format("avsucd:material"),
    ".inp": _Format(""),
    **dict.fromkeys((".ele", ".node"), _Format("tetgen:ref", triangles=False)),
}
_OTHERS = ".msh, .npz, .vtu, .vtk, .xdmf and .med keep all of a head, .mesh, .vol, .avs and .inp its tissues"


def format_of(path: str | os.PathLike[str]) -> tuple[str, _Format]:
    """Return the ending of a path, and what that format keeps; raise FileFormatError if it is too little."""
    check_known(path)
    name = os.fspath(path)
    for ending, kept in _FORMATS.items():
        if name.lower().endswith(ending):
            return ending, kept
    ending = ending_of(path)
    if ending in SURFACE_FORMATS:
        raise FileFormatError(
            f"{name}: {ending} files hold surfaces; write_skin or `headfield convert` write the skin"
        )
    raise FileFormatError(f"{name}: {ending} files, as meshio writes them, lose the tissues; {_OTHERS}")


def write_meshio(path: str | os.PathLike[str], mesh: MeshArrays) -> None:
    """Write a mesh by meshio with its tissue tags, and with triangles and fields where the format has them.

    Parameters
    ----------
    path : path
        Its ending tells the format. Appears whole or not at all; some formats keep their arrays in a file
        beside it, which is put in place first.
    mesh : TetMesh

    Raises
    ------
    FileFormatError
        No format is known by the ending of the name, it does not keep tissues, or meshio is not installed.
    MeshError
        meshio could not write this mesh in this format, or a field is called `tags`. The message does not
        name the file.

    Warns
    -----
    UserWarning
        The format does not keep some fields, names of tissues, or triangles.
    """
    ending, kept = format_of(path)
    cells: list[tuple[str, NDArray[Any]]] = [("tetra", mesh.tets)]
    tags = [mesh.tags]
    if len(mesh.triangles) and kept.triangles:
        cells.append(("triangle", mesh.triangles))
        tags.append(mesh.triangle_tags)
    elif len(mesh.triangles):
        warn(f"{os.fspath(path)}: surface triangles are not written, as {ending} files don't keep them")
    if mesh.tag_names:
        warn(f"{os.fspath(path)}: the names of tissues are not written, as {ending} files don't keep them")
    cell_data, node_data = _fields_for(path, mesh, ending)
    sets = {}
    if kept.tags:
        cell_data = {kept.tags: tags, **cell_data}
    else:
        different = np.unique(np.concatenate(tags)).tolist()
        sets = {set_name(tag): [np.flatnonzero(each == tag) for each in tags] for tag in different}
    _write(path, mesh.nodes_mm, cells, point_data=node_data, cell_data=cell_data, cell_sets=sets)


def write_surface(path: str | os.PathLike[str], nodes_mm: NDArray[np.float64], faces: NDArray[Any]) -> None:
    """Write triangles by meshio, in the format of SURFACE_FORMATS that the ending of the name tells.

    Raises
    ------
    FileFormatError
        meshio is not installed.
    MeshError
        meshio could not write it. The message does not name the file.
    """
    binary = {"binary": True} if ending_of(path) in (".stl", ".ply") else {}
    _write(path, nodes_mm, [("triangle", faces.astype(np.int32))], binary)


def _write(
    path: str | os.PathLike[str],
    nodes_mm: NDArray[np.float64],
    cells: list[tuple[str, NDArray[Any]]],
    options: dict[str, Any] | None = None,
    **data: Any,
) -> None:
    """Write what meshio makes a mesh of."""
    meshio = needed_meshio(path)
    target = Path(path).resolve()
    # Under its final name, in a folder of its own: files that come in pairs refer to each other by name.
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".headfield-") as folder:
        with contained("write"):
            content = meshio.Mesh(nodes_mm, cells, **data)
            meshio.write(Path(folder) / target.name, content, **(options or {}))
        written = sorted(Path(folder).iterdir(), key=lambda file: file.name == target.name)
        for file in written:
            os.replace(file, target.parent / file.name)


def _fields_for(
    path: str | os.PathLike[str], mesh: MeshArrays, ending: str
) -> tuple[dict[str, list[NDArray[Any]]], dict[str, NDArray[Any]]]:
    """Return the fields per block of cells, and per node, that this format keeps; warn of the others."""
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
    keeps = _FORMATS[ending].fields
    lost = [n for n in shapes if not keeps or (ending == ".vtk" and shapes[n] == (2,))]
    if lost:
        warn(
            f"{os.fspath(path)}: the fields {', '.join(map(repr, lost))} are not written, as {ending} files "
            "don't keep them",
        )
    for name in lost:
        cell_data.pop(name, None)
        node_data.pop(name, None)
    return cell_data, node_data
