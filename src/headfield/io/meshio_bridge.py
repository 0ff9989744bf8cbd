# SPDX-License-Identifier: BSD-3-Clause
"""Meshes of every other format, through meshio: its exits, prints and errors become a MeshError."""

from __future__ import annotations

import contextlib
import io
import os
import tempfile
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import meshio  # type: ignore[import-untyped]
import numpy as np
from meshio._helpers import extension_to_filetypes  # type: ignore[import-untyped]
from numpy.typing import NDArray

from ..errors import FileFormatError, MeshError
from ..mesh import TetMesh

__all__ = ["read_meshio", "write_meshio"]

# Under what name the formats that meshio reads keep the tissue of an element, the more telling first.
_TAG_NAMES = (
    *("tags", "tag", "tissue", "gmsh:physical", "medit:ref", "netgen:index", "avsucd:material", "ugrid:ref"),
    *("cell_tags", "material", "MaterialID", "attribute"),
)
# Formats whose reader in meshio loops for ever on some truncated files.
_ENDLESS = (".dat", ".tec", ".ele", ".node", ".mdpa", ".bdf", ".fem", ".nas")
_SURFACES = (".ply", ".stl", ".obj", ".off", ".svg", ".wkt")
_VOLUME_CELLS = ("tetra", "hexahedron", "wedge", "pyramid")


@contextlib.contextmanager
def _contained(path: str | os.PathLike[str], doing: str) -> Iterator[None]:
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
    name = os.path.basename(os.fspath(path)).lower()
    if not any(name.endswith(extension) for extension in extension_to_filetypes):
        raise FileFormatError(f"{os.fspath(path)}: no mesh format is known by this file name ending")


def read_meshio(path: str | os.PathLike[str]) -> TetMesh:
    """Read the tetrahedra and triangles of a file by meshio.

    Raises
    ------
    FileFormatError
        No format is known by the ending of the name.
    MeshError
        The file is damaged, or holds volume elements other than 4-node tetrahedra.
    """
    _check_known(path)
    ending = os.path.splitext(os.fspath(path))[1].lower()
    if ending in _SURFACES:
        raise FileFormatError(f"{os.fspath(path)}: {ending} files hold surfaces, where tetrahedra are needed")
    if ending in _ENDLESS:
        raise FileFormatError(
            f"{os.fspath(path)}: {ending} files can't be read safely; "
            "convert it with: meshio convert IN OUT.vtu"
        )
    with _contained(path, "read"):
        content = meshio.read(path)
        cells = [(block.type, np.asarray(block.data)) for block in content.cells]
        tags = _tags(content.cell_data, len(cells))
        points = np.asarray(content.points)
    for kind, nodes in cells:
        if kind != "tetra" and kind.startswith(_VOLUME_CELLS) and len(nodes):
            raise MeshError(
                f"{os.fspath(path)}: {len(nodes):,} {kind} cells; only 4-node tetrahedra can be used"
            )
    parts = {kind: [i for i, cell in enumerate(cells) if cell[0] == kind] for kind in ("tetra", "triangle")}
    tets, triangles = ([cells[i][1] for i in parts[kind]] for kind in ("tetra", "triangle"))
    try:
        return TetMesh(
            points,
            np.concatenate(tets) if tets else np.zeros((0, 4), np.int32),
            np.concatenate([tags[i] for i in parts["tetra"]]) if tags and tets else None,
            np.concatenate(triangles) if triangles else None,
            np.concatenate([tags[i] for i in parts["triangle"]]) if tags and triangles else None,
        )
    except ValueError as error:
        raise MeshError(f"{os.fspath(path)}: {error}") from error


def _tags(cell_data: Mapping[str, list[Any]], n_blocks: int) -> list[NDArray[Any]] | None:
    """Return the tissue tags per block of cells: the first array of a known name that holds whole numbers."""
    for name in _TAG_NAMES:
        blocks = [np.asarray(block) for block in cell_data.get(name, ())]
        blocks = [block[:, 0] if block.ndim == 2 and block.shape[1] == 1 else block for block in blocks]
        if len(blocks) != n_blocks or not blocks:
            continue
        if all(block.ndim == 1 and block.dtype.kind in "iuf" for block in blocks):
            whole = [block.astype(np.int64) for block in blocks]
            if all((w == b).all() for w, b in zip(whole, blocks, strict=True)):
                return whole
    return None


def write_meshio(path: str | os.PathLike[str], mesh: TetMesh) -> None:
    """Write a mesh by meshio, tissue tags as cell data `tags`.

    Parameters
    ----------
    path : path
        Its ending tells the format. Appears whole or not at all; some formats keep their arrays in a file
        beside it, which is put in place first.
    mesh : TetMesh

    Raises
    ------
    FileFormatError
        No format is known by the ending of the name.
    MeshError
        meshio could not write this mesh in this format.
    """
    _check_known(path)
    cells: list[tuple[str, NDArray[Any]]] = [("tetra", mesh.tets)]
    tags = [mesh.tags]
    if len(mesh.triangles):
        cells.append(("triangle", mesh.triangles))
        tags.append(mesh.triangle_tags)
    target = Path(path).resolve()
    # Under its final name, in a folder of its own: files that come in pairs refer to each other by name.
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".headfield-") as folder:
        with _contained(path, "write"):
            meshio.write(
                Path(folder) / target.name, meshio.Mesh(mesh.nodes_mm, cells, cell_data={"tags": tags})
            )
        written = sorted(Path(folder).iterdir(), key=lambda file: file.name == target.name)
        for file in written:
            os.replace(file, target.parent / file.name)
