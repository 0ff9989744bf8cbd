# SPDX-License-Identifier: BSD-3-Clause
"""Mesh files of every kind, told apart by their content where it says, else by the ending of the name."""

from __future__ import annotations

import lzma
import os
import tokenize
import zipfile
import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core.messages import warn
from ..errors import MeshError
from ..io.atomic import replacing
from ..io.regular import check_regular, ending_of
from .formats.gmsh_read import read_gmsh
from .formats.gmsh_write import write_gmsh
from .formats.meshio_bridge import read_meshio, write_meshio
from .mesh import TetMesh

__all__ = ["read_mesh", "write_mesh"]

_PLAUSIBLE_MM = (10.0, 2000.0)  # a head in metres or micrometres lies far outside
_NPZ_KEYS = ("nodes", "tets", "tags", "triangles", "triangle_tags", "node_ids", "element_ids")
_NPZ_FIELDS = ("element_data", "node_data", "triangle_data")  # keys such as element_data/E


def read_mesh(path: str | os.PathLike[str]) -> TetMesh:
    """Read a tetrahedral mesh.

    Parameters
    ----------
    path : path
        Gmsh .msh (2.2 or 4.1, text or binary), .npz with `nodes` (mm), `tets`, `tags`, or any format that
        meshio reads. Coordinates are taken as mm.

    Returns
    -------
    TetMesh
        Checked and repaired. The fields of result files are in `element_data`, `node_data`, `triangle_data`.

    Raises
    ------
    MeshError
        The file is damaged, or no field can be computed on the mesh; the message says what, how often, where.
    FileFormatError
        The file is of no known kind, or no regular file.
    OSError
        The file can't be opened.

    Warns
    -----
    UserWarning
        The mesh is less than 10 mm or more than 2000 mm across: are its coordinates mm? Or fields were left
        out, as they are not one value per element or node.

    Examples
    --------
    >>> import tempfile, headfield.heads.read as meshes
    >>> from headfield.heads.mesh import TetMesh
    >>> tet = TetMesh([[0, 0, 0], [90, 0, 0], [0, 90, 0], [0, 0, 90]], [[0, 1, 2, 3]], tags=[5])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     meshes.write_mesh(folder + "/tet.msh", tet)
    ...     meshes.read_mesh(folder + "/tet.msh")
    TetMesh(4 nodes, 1 tetrahedra, tags [5])
    """
    check_regular(path, MeshError)
    mesh = _read(path)
    extent = float(np.ptp(mesh.nodes_mm, axis=0).max())
    if not _PLAUSIBLE_MM[0] <= extent <= _PLAUSIBLE_MM[1]:
        warn(
            f"{os.fspath(path)}: the mesh is {extent:.3g} mm across; its coordinates are taken as mm, are "
            "these its units?",
        )
    return mesh


def _read(path: str | os.PathLike[str]) -> TetMesh:
    with open(path, "rb") as file:
        start = file.read(64)
    if not start:
        raise MeshError(f"{os.fspath(path)}: the file is empty")
    if start.lstrip().startswith((b"$MeshFormat", b"$Comments")) or ending_of(path) == ".msh":
        return read_gmsh(path)
    if ending_of(path) == ".npz":
        return _read_npz(path)
    return read_meshio(path)


def write_mesh(path: str | os.PathLike[str], mesh: TetMesh, *, binary: bool = True) -> None:
    """Write a mesh and its fields: .msh (Gmsh 2.2), .npz, or any format that meshio writes.

    Parameters
    ----------
    path : path
        Its ending tells the format. Appears whole or not at all.
    mesh : TetMesh
    binary : bool
        False writes .msh as text; of no effect on other formats.

    Raises
    ------
    FileFormatError
        The ending is of no known format.
    MeshError
        meshio could not write this mesh in this format.

    Warns
    -----
    UserWarning
        The format does not keep the fields of the mesh; .msh, .npz, .vtu, .vtk, .xdmf and .med do.
    """
    if ending_of(path) == ".msh":
        write_gmsh(path, mesh, binary=binary)
    elif ending_of(path) == ".npz":
        arrays: dict[str, Any] = {"nodes": mesh.nodes_mm, "tets": mesh.tets, "tags": mesh.tags}
        if len(mesh.triangles):
            arrays.update(triangles=mesh.triangles, triangle_tags=mesh.triangle_tags)
        if not np.array_equal(mesh.node_ids, np.arange(mesh.n_nodes)):
            arrays["node_ids"] = mesh.node_ids
        if mesh.element_ids is not None:
            arrays["element_ids"] = mesh.element_ids
        for group in _NPZ_FIELDS:
            arrays.update({f"{group}/{name}": values for name, values in getattr(mesh, group).items()})
        with replacing(path) as temporary, open(temporary, "wb") as file:
            np.savez_compressed(file, **arrays)
    else:
        write_meshio(path, mesh)


def _read_npz(path: str | os.PathLike[str]) -> TetMesh:
    try:
        with zipfile.ZipFile(path) as archive:
            keys = [name.removesuffix(".npy") for name in archive.namelist() if name.endswith(".npy")]
            keys = [
                key for key in dict.fromkeys(keys) if key in _NPZ_KEYS or key.split("/")[0] in _NPZ_FIELDS
            ]
            _check_total(archive, keys, os.path.getsize(path))
            arrays = {key: _read_npy(archive, key) for key in keys}
    except (zipfile.BadZipFile, zlib.error, lzma.LZMAError, ValueError, EOFError, MemoryError) as error:
        raise MeshError(f"{os.fspath(path)}: damaged .npz: {error}") from error
    except (NotImplementedError, RuntimeError, SyntaxError, tokenize.TokenError, OSError) as error:
        raise MeshError(f"{os.fspath(path)}: unreadable .npz: {error}") from error
    for key in ("nodes", "tets"):
        if key not in arrays:
            raise MeshError(f"{os.fspath(path)}: no array {key!r}; a head has nodes, tets and tags")
    fields: dict[str, Any] = {
        group: {key.removeprefix(f"{group}/"): arrays[key] for key in arrays if key.startswith(f"{group}/")}
        for group in _NPZ_FIELDS
    }
    try:
        return TetMesh(
            arrays["nodes"],
            arrays["tets"],
            arrays.get("tags"),
            arrays.get("triangles"),
            arrays.get("triangle_tags"),
            arrays.get("node_ids"),
            arrays.get("element_ids"),
            **fields,
        )
    except MeshError as error:
        raise MeshError(f"{os.fspath(path)}: {error}") from None


def _check_total(archive: zipfile.ZipFile, keys: list[str], size: int) -> None:
    """Refuse an archive whose arrays can't all lie in the file: entries may share the same bytes."""
    compressed = sum(archive.getinfo(key + ".npy").compress_size for key in keys)
    if compressed > size:
        raise ValueError(f"its arrays take {compressed:,} bytes, the file has {size:,}")


def _read_npy(archive: zipfile.ZipFile, key: str) -> NDArray[Any]:
    """Read one array; its size is held against what the archive has before anything is allocated."""
    info = archive.getinfo(key + ".npy")
    with archive.open(info) as stream:
        version = np.lib.format.read_magic(stream)
        if version[0] not in (1, 2):
            raise ValueError(f"array {key!r} has .npy version {version}")
        header = (
            np.lib.format.read_array_header_1_0 if version[0] == 1 else np.lib.format.read_array_header_2_0
        )
        shape, _, dtype = header(stream)
    size = dtype.itemsize
    for length in shape:
        size *= int(length)
    # Deflate shrinks at most 1032 times.
    if size > info.file_size or info.file_size > 1100 * info.compress_size + 4096:
        raise ValueError(f"array {key!r} of shape {shape} does not fit the file")
    with archive.open(info) as stream:
        array: NDArray[Any] = np.lib.format.read_array(stream, allow_pickle=False)
        return array
