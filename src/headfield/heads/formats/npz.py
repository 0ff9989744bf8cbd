# SPDX-License-Identifier: BSD-3-Clause
"""Meshes as .npz: an archive of NumPy arrays with the names that `TetMesh` gives them."""

from __future__ import annotations

import lzma
import os
import tokenize
import zipfile
import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import MeshError
from ...io.atomic import replacing
from .raw import MeshArrays, RawMesh

__all__ = ["read_npz", "write_npz"]

_KEYS = ("nodes", "tets", "tags", "triangles", "triangle_tags", "node_ids", "element_ids")
_FIELDS = ("element_data", "node_data", "triangle_data")  # keys such as element_data/E
_DEFLATE = 1100  # Deflate shrinks at most 1032 times
_HEADER = 4096  # bytes that the header of a small array may shrink to nearly nothing


def read_npz(path: str | os.PathLike[str]) -> RawMesh:
    """Read the arrays of a mesh from a .npz: nodes and tets, and what else there is.

    Raises
    ------
    MeshError
        The file is damaged, or has no nodes or no tets. The message does not name the file.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            keys = [name.removesuffix(".npy") for name in archive.namelist() if name.endswith(".npy")]
            keys = [key for key in dict.fromkeys(keys) if key in _KEYS or key.split("/")[0] in _FIELDS]
            _check_total(archive, keys, os.path.getsize(path))
            arrays = {key: _read_npy(archive, key) for key in keys}
    except (zipfile.BadZipFile, zlib.error, lzma.LZMAError, ValueError, EOFError, MemoryError) as error:
        raise MeshError(f"damaged .npz: {error}") from error
    except (NotImplementedError, RuntimeError, SyntaxError, tokenize.TokenError, OSError) as error:
        raise MeshError(f"unreadable .npz: {error}") from error
    for key in ("nodes", "tets"):
        if key not in arrays:
            raise MeshError(f"no array {key!r}; a head has nodes, tets and tags")
    fields = {
        group: {key.removeprefix(f"{group}/"): arrays[key] for key in arrays if key.startswith(f"{group}/")}
        for group in _FIELDS
    }
    others = {key: arrays[key] for key in _KEYS[2:] if key in arrays}
    return RawMesh(arrays["nodes"], arrays["tets"], **others, **fields)  # type: ignore[arg-type]


def _check_total(archive: zipfile.ZipFile, keys: list[str], size: int) -> None:
    """Raise ValueError if the arrays can't all lie in the file: entries of an archive may share bytes."""
    compressed = sum(archive.getinfo(key + ".npy").compress_size for key in keys)
    if compressed > size:
        raise ValueError(f"its arrays take {compressed:,} bytes, the file has {size:,}")


def _read_npy(archive: zipfile.ZipFile, key: str) -> NDArray[Any]:
    """Read one array, after its size was compared with that of the archive: no memory is taken before."""
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
    if size > info.file_size or info.file_size > _DEFLATE * info.compress_size + _HEADER:
        raise ValueError(f"array {key!r} of shape {shape} does not fit the file")
    with archive.open(info) as stream:
        array: NDArray[Any] = np.lib.format.read_array(stream, allow_pickle=False)
        return array


def write_npz(path: str | os.PathLike[str], mesh: MeshArrays) -> None:
    """Write a mesh and its fields as .npz; the file appears whole or not at all.

    Ids are left out where they are 0, 1, 2, …, and triangles where there are none.
    """
    arrays: dict[str, Any] = {"nodes": mesh.nodes_mm, "tets": mesh.tets, "tags": mesh.tags}
    if len(mesh.triangles):
        arrays.update(triangles=mesh.triangles, triangle_tags=mesh.triangle_tags)
    if not np.array_equal(mesh.node_ids, np.arange(mesh.n_nodes)):
        arrays["node_ids"] = mesh.node_ids
    if mesh.element_ids is not None:
        arrays["element_ids"] = mesh.element_ids
    for group in _FIELDS:
        arrays.update({f"{group}/{name}": values for name, values in getattr(mesh, group).items()})
    with replacing(path) as temporary, open(temporary, "wb") as file:
        np.savez_compressed(file, **arrays)
