# SPDX-License-Identifier: BSD-3-Clause
"""Meshes as .npz: an archive of NumPy arrays with the names that `TetMesh` gives them."""

from __future__ import annotations

import os
import re
import tokenize
import zipfile
import zlib
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ...errors import MeshError
from ...io.atomic import replacing
from ...io.npz import read_arrays
from ..names import usable_names
from .raw import MeshArrays, RawMesh

__all__ = ["read_npz", "write_npz"]

_KEYS = ("nodes", "tets", "tags", "triangles", "triangle_tags", "node_ids", "element_ids")
_FIELDS = ("element_data", "node_data", "triangle_data")  # keys such as element_data/E
_NAMES = "tag_names"  # keys such as tag_names/5, each a text
_IS_PART = "is_part"


def read_npz(path: str | os.PathLike[str]) -> RawMesh:
    """Read the arrays of a mesh from a .npz: nodes and tets, and what else there is.

    Without `tags`, other arrays of a number per tetrahedron are fields: they may be the tissues.

    Raises
    ------
    MeshError
        The file is damaged, has no nodes or no tets, or would unpack to more than 64 times its size (and more
        than 64 MiB). The message does not name the file.
    """
    arrays = _read(path, _is_known)
    for key in ("nodes", "tets"):
        if key not in arrays:
            raise MeshError(f"no array {key!r}; a head has nodes, tets and tags")
    fields = {
        group: {key.removeprefix(f"{group}/"): arrays[key] for key in arrays if key.startswith(f"{group}/")}
        for group in _FIELDS
    }
    others = {key: arrays[key] for key in _KEYS[2:] if key in arrays}
    if "tags" not in arrays:  # they may have another name
        strange = _read(path, lambda key: not _is_known(key))
        count = len(arrays["tets"]) if arrays["tets"].ndim else 0
        fits = {
            key: value
            for key, value in strange.items()
            if value.shape in ((count,), (count, 1)) and value.dtype.kind in "iuf"
        }
        fields["element_data"] = fits | fields["element_data"]
    return RawMesh(
        arrays["nodes"],
        arrays["tets"],
        **others,
        **fields,  # type: ignore[arg-type]
        tag_names=_names(arrays),
        is_part=bool(np.any(arrays.get(_IS_PART, False))),
    )


def _read(path: str | os.PathLike[str], wanted: Callable[[str], bool]) -> dict[str, Any]:
    try:
        return read_arrays(path, wanted)
    except (zipfile.BadZipFile, zlib.error, ValueError, EOFError, MemoryError) as error:
        raise MeshError(f"damaged .npz: {error}") from error
    except (NotImplementedError, RuntimeError, SyntaxError, tokenize.TokenError, OSError) as error:
        raise MeshError(f"unreadable .npz: {error}") from error


def _is_known(key: str) -> bool:
    return key in (*_KEYS, _IS_PART) or key.split("/")[0] in (*_FIELDS, _NAMES)


def _names(arrays: Mapping[str, Any]) -> dict[int, str]:
    names = {}
    for key, value in arrays.items():
        group, _, tag = key.partition("/")
        if (
            group == _NAMES
            and re.fullmatch(r"-?\d{1,9}", tag)
            and value.dtype.kind == "U"
            and value.ndim == 0
        ):
            names[int(tag)] = str(value)
    return usable_names(names)


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
    arrays.update({f"{_NAMES}/{tag}": np.array(name) for tag, name in mesh.tag_names.items()})
    if mesh.is_part:
        arrays[_IS_PART] = np.array(True)
    for group in _FIELDS:
        arrays.update({f"{group}/{name}": values for name, values in getattr(mesh, group).items()})
    with replacing(path) as temporary, open(temporary, "wb") as file:
        np.savez_compressed(file, **arrays)
