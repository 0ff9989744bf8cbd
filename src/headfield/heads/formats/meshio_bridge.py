# SPDX-License-Identifier: BSD-3-Clause
"""Meshes of every other format, through meshio: its exits, prints and errors become a MeshError."""

from __future__ import annotations

import contextlib
import io
import math
import os
import tempfile
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...core.messages import warn
from ...errors import FileFormatError, MeshError
from ...io.regular import ending_of
from ..mesh import TetMesh

__all__ = ["contained", "needed_meshio", "read_meshio", "write_meshio"]

# Under what name the formats that meshio reads keep the tissue of an element, the more telling first.
_TAG_NAMES = (
    *("tags", "tag", "tissue", "gmsh:physical", "medit:ref", "netgen:index", "avsucd:material", "ugrid:ref"),
    *("cell_tags", "material", "MaterialID", "attribute"),
)
# Formats whose reader in meshio loops for ever on some truncated files.
_ENDLESS = (".dat", ".tec", ".ele", ".node", ".mdpa", ".bdf", ".fem", ".nas")
# Formats that keep fields as they are (found by writing and reading them back).
_KEEP_FIELDS = (".vtu", ".vtk", ".xdmf", ".xmf", ".med")
_SURFACES = (".ply", ".stl", ".obj", ".off", ".svg", ".wkt")
# What meshio itself adds to the data of cells and points.
_LABELS = tuple(name for name in _TAG_NAMES if ":" in name)
_VOLUME_CELLS = ("tetra", "hexahedron", "wedge", "pyramid")


def needed_meshio(path: str | os.PathLike[str]) -> Any:
    """Import meshio for a file of a format that only it knows.

    It is imported here and not with this module, because .msh and .npz do without it: so headfield works
    where there is nothing but NumPy, and `import headfield` is spared a quarter of its time.

    Raises
    ------
    FileFormatError
        meshio is not installed.
    """
    try:
        import meshio  # type: ignore[import-untyped]
    except ImportError as problem:
        raise FileFormatError(
            f"{os.fspath(path)}: this format needs meshio (pip install meshio): {problem}"
        ) from None
    return meshio


@contextlib.contextmanager
def contained(path: str | os.PathLike[str], doing: str) -> Iterator[None]:
    said = io.StringIO()
    try:
        with (
            contextlib.redirect_stdout(said),
            contextlib.redirect_stderr(said),
            warnings.catch_warnings(),
            np.errstate(all="ignore"),
        ):
            warnings.simplefilter("ignore")
            yield
    except (Exception, SystemExit) as error:
        if doing == "write" and isinstance(error, OSError):
            raise
        reason = " ".join(f"{error or ''} {said.getvalue()}".split())[:300] or type(error).__name__
        raise MeshError(f"{os.fspath(path)}: meshio could not {doing} it: {reason}") from error


def _check_known(path: str | os.PathLike[str]) -> None:
    needed_meshio(path)
    from meshio._helpers import extension_to_filetypes  # type: ignore[import-untyped]

    name = os.path.basename(os.fspath(path)).lower()
    if not any(name.endswith(extension) for extension in extension_to_filetypes):
        raise FileFormatError(f"{os.fspath(path)}: no mesh format is known by this file name ending")


def _check_readable(path: str | os.PathLike[str]) -> None:
    _check_known(path)
    ending = ending_of(path)
    if ending in _SURFACES:
        raise FileFormatError(f"{os.fspath(path)}: {ending} files hold surfaces, where tetrahedra are needed")
    if ending in _ENDLESS:
        raise FileFormatError(
            f"{os.fspath(path)}: {ending} files can't be read safely; "
            "convert it with: meshio convert IN OUT.vtu"
        )


def read_meshio(path: str | os.PathLike[str]) -> TetMesh:
    """Read the tetrahedra, the triangles and the fields on them of a file by meshio.

    Raises
    ------
    FileFormatError
        No format is known by the ending of the name, or meshio is not installed.
    MeshError
        The file is damaged, or holds volume elements other than 4-node tetrahedra.

    Warns
    -----
    UserWarning
        A field is left out, as it is not made of real numbers.
    """
    _check_readable(path)
    meshio = needed_meshio(path)
    with contained(path, "read"):
        content = meshio.read(path)
        cells = [(block.type, np.asarray(block.data)) for block in content.cells]
        tag_name, tags = _tags(content.cell_data, len(cells))
        points = np.asarray(content.points)
        parts = [[i for i, cell in enumerate(cells) if cell[0] == kind] for kind in ("tetra", "triangle")]
        on_nodes = {name: [values] for name, values in content.point_data.items() if name not in _LABELS}
        on_cells = {
            name: blocks
            for name, blocks in content.cell_data.items()
            if name != tag_name and name not in _LABELS
        }
        strange = [*_take_strange(on_nodes), *_take_strange(on_cells)]
        node_data = _joined(on_nodes, [0])
        element_data, triangle_data = _without_absent(*(_joined(on_cells, part) for part in parts))
    for kind, nodes in cells:
        if kind != "tetra" and kind.startswith(_VOLUME_CELLS) and len(nodes):
            raise MeshError(
                f"{os.fspath(path)}: {len(nodes):,} {kind} cells; only 4-node tetrahedra can be used"
            )
    if strange:
        warn(
            f"{os.fspath(path)}: left out, as they are not real numbers: {', '.join(map(repr, strange))}",
        )
    tets, triangles = ([cells[i][1] for i in part] for part in parts)
    try:
        return TetMesh(
            points,
            np.concatenate(tets) if tets else np.zeros((0, 4), np.int32),
            np.concatenate([tags[i] for i in parts[0]]) if tags and tets else None,
            np.concatenate(triangles) if triangles else None,
            np.concatenate([tags[i] for i in parts[1]]) if tags and triangles else None,
            element_data=element_data,
            node_data=node_data,
            triangle_data=triangle_data,
        )
    except ValueError as error:
        raise MeshError(f"{os.fspath(path)}: {error}") from error


def _tags(cell_data: Mapping[str, list[Any]], n_blocks: int) -> tuple[str | None, list[NDArray[Any]]]:
    """Return the tissue tags per block of cells: the first array of a known name that holds whole numbers."""
    for name in _TAG_NAMES:
        blocks = [np.asarray(block) for block in cell_data.get(name, ())]
        blocks = [block[:, 0] if block.ndim == 2 and block.shape[1] == 1 else block for block in blocks]
        if len(blocks) != n_blocks or not blocks:
            continue
        if all(block.ndim == 1 and block.dtype.kind in "iuf" for block in blocks):
            whole = [block.astype(np.int64) for block in blocks]
            if all((w == b).all() for w, b in zip(whole, blocks, strict=True)):
                return name, whole
    return None, []


def _take_strange(fields: dict[str, list[Any]]) -> list[str]:
    """Take out the fields that are not real numbers; return their names."""
    strange = [
        name
        for name, blocks in fields.items()
        if any(np.asarray(block).dtype.kind not in "fiub" for block in blocks)
    ]
    for name in strange:
        del fields[name]
    return strange


def _joined(fields: Mapping[str, list[Any]], part: list[int]) -> dict[str, NDArray[Any]]:
    """Join the blocks of one kind of cells, (m,) or (m, c): a tensor's components are a row."""
    joined = {}
    for name, blocks in fields.items():
        tables = [np.asarray(blocks[i]) for i in part]
        tables = [t.reshape(len(t), math.prod(t.shape[1:])) if t.ndim > 2 else t for t in tables]
        if tables:
            joined[name] = np.concatenate(tables)
    return joined


def _without_absent(
    elements: dict[str, NDArray[Any]], triangles: dict[str, NDArray[Any]]
) -> tuple[dict[str, NDArray[Any]], dict[str, NDArray[Any]]]:
    """Leave out fields of the triangles that are NaN all over, and of the tetrahedra where only they are."""
    triangles = {name: values for name, values in triangles.items() if not _all_nan(values)}
    elements = {n: values for n, values in elements.items() if n not in triangles or not _all_nan(values)}
    return elements, triangles


def _all_nan(values: NDArray[Any]) -> bool:
    return values.dtype.kind == "f" and bool(np.isnan(values).all())


def write_meshio(path: str | os.PathLike[str], mesh: TetMesh) -> None:
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
        meshio could not write this mesh in this format, or a field is called `tags`.

    Warns
    -----
    UserWarning
        The format does not keep some fields.
    """
    _check_known(path)
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
        with contained(path, "write"):
            content = meshio.Mesh(mesh.nodes_mm, cells, point_data=node_data, cell_data=cell_data)
            meshio.write(Path(folder) / target.name, content)
        written = sorted(Path(folder).iterdir(), key=lambda file: file.name == target.name)
        for file in written:
            os.replace(file, target.parent / file.name)


def _fields_for(
    path: str | os.PathLike[str], mesh: TetMesh
) -> tuple[dict[str, list[NDArray[Any]]], dict[str, NDArray[Any]]]:
    """Return the fields per block of cells, and per node, that this format keeps; warn of the others."""
    ending = ending_of(path)
    cell_data: dict[str, list[NDArray[Any]]] = {}
    for name in dict.fromkeys([*mesh.element_data, *mesh.triangle_data]):
        if name == "tags":
            raise MeshError(
                f"{os.fspath(path)}: a field can't be called 'tags', which is the tissue; rename it"
            )
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
