# SPDX-License-Identifier: BSD-3-Clause
"""Meshes of every other format, read by meshio."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import FileFormatError, MeshError
from ...io.meshio import check_content, check_known, contained, read_content
from ...io.regular import ending_of
from ..findings import Finding
from .meshio_sets import know_exodus, names_of_tags, sets_as_tags
from .raw import RawMesh
from .set_names import tag_of

__all__ = ["read_meshio"]

# Names under which the formats that meshio reads keep the tissue of an element, the clearest first.
_TAG_NAMES = (
    *("tags", "tag", "tissue", "gmsh:physical", "medit:ref", "netgen:index", "avsucd:material", "ugrid:ref"),
    *("cell_tags", "material", "MaterialID", "attribute", "tetgen:ref", "nastran:ref"),
)
# The same in other spellings, which is said: nothing but the tissue of an element is called so. Names such as
# "labels" or "region" are only offered: they may be of an atlas or of parts of the mesh.
_ALSO_TAGS = frozenset(
    f"{what}{number}"
    for what in ("tissue", "material")
    for number in ("", "s", "id", "ids", "type", "label", "tag")
) | {"tissuetypes", "tissuelabels", "tissuetags"}
# Formats whose reader in meshio never returns from some truncated files, or takes memory for as many nodes as
# the largest id says (.f3grid).
_UNSAFE = (".dat", ".tec", ".ele", ".node", ".mdpa", ".bdf", ".fem", ".nas", ".f3grid")
_SURFACES = (".ply", ".stl", ".obj", ".off", ".svg", ".wkt")
# Names of data of cells and points that meshio adds itself.
_LABELS = tuple(name for name in _TAG_NAMES if ":" in name)
_VOLUME_CELLS = ("tetra", "hexahedron", "wedge", "pyramid")


def _check_readable(path: str | os.PathLike[str]) -> None:
    check_known(path)
    ending = ending_of(path)
    if ending in _SURFACES:
        raise FileFormatError(f"{os.fspath(path)}: {ending} files hold surfaces, where tetrahedra are needed")
    if ending in _UNSAFE:
        raise FileFormatError(
            f"{os.fspath(path)}: {ending} files can't be read safely; "
            "convert it with: meshio convert IN OUT.vtu"
        )


def read_meshio(path: str | os.PathLike[str]) -> RawMesh:
    """Read the tetrahedra, the triangles and the fields on them of a file by meshio.

    Returns
    -------
    RawMesh
        Its note says which fields were left out, as they are not made of real numbers.

    Raises
    ------
    FileFormatError
        No format is known by the ending of the name, or meshio is not installed.
    MeshError
        The file is damaged, holds volume elements other than 4-node tetrahedra, unpacks to far more than a
        mesh does, or names data outside of its folder. The message does not name the file.
    """
    _check_readable(path)
    with contained("read"):
        check_content(path)
        know_exodus(path)
        content = read_content(path)
        cells = [(block.type, np.asarray(block.data)) for block in content.cells]
        _check_cells(cells)
        return _raw(path, content, cells)


def _check_cells(cells: list[tuple[str, NDArray[Any]]]) -> None:
    """Raise MeshError for volume elements that are not tetrahedra: without them the head would have holes."""
    for kind, nodes in cells:
        if kind != "tetra" and kind.startswith(_VOLUME_CELLS) and len(nodes):
            raise MeshError(f"{len(nodes):,} {kind} cells; only 4-node tetrahedra can be used")


def _raw(path: str | os.PathLike[str], content: Any, cells: list[tuple[str, NDArray[Any]]]) -> RawMesh:
    """Take the arrays of a mesh out of what meshio has read, whose cells come in blocks of one kind."""
    tets = [i for i, (kind, _) in enumerate(cells) if kind == "tetra"]
    tag_name, tags, findings = _tags(content.cell_data, len(cells), tets)
    names = names_of_tags(content)
    tags = tags or _tags_of_sets(content.cell_sets, [len(nodes) for _, nodes in cells])
    of_sets = None if tags else sets_as_tags(path, content, [len(nodes) for _, nodes in cells], tets)
    if of_sets is not None:
        tags, names, findings = of_sets.blocks, of_sets.names, [of_sets.finding]
    triangles = [i for i, (kind, _) in enumerate(cells) if kind == "triangle"]
    on_nodes = {name: [values] for name, values in content.point_data.items() if name not in _LABELS}
    on_cells = {
        name: blocks
        for name, blocks in content.cell_data.items()
        if name != tag_name and (name not in _LABELS or not tags)
    }
    strange = [*_take_strange(on_nodes), *_take_strange(on_cells)]
    notes = [f"left out, as they are not real numbers: {', '.join(map(repr, strange))}"] if strange else []
    element_data, triangle_data = _without_absent(_joined(on_cells, tets), _joined(on_cells, triangles))
    return RawMesh(
        np.asarray(content.points),
        np.concatenate([cells[i][1] for i in tets]) if tets else np.zeros((0, 4), np.int32),
        np.concatenate([tags[i] for i in tets]) if tags and tets else None,
        np.concatenate([cells[i][1] for i in triangles]) if triangles else None,
        np.concatenate([tags[i] for i in triangles]) if tags and triangles else None,
        element_data=element_data,
        node_data=_joined(on_nodes, [0]),
        triangle_data=triangle_data,
        tag_names=names if tags else {},
        notes=notes,
        findings=findings,
    )


def _tags(
    cell_data: Mapping[str, list[Any]], n_blocks: int, tets: list[int]
) -> tuple[str | None, list[NDArray[Any]], list[Finding]]:
    """Return name and blocks of the tissue tags, whole numbers that are not all 0, and what is said of it."""
    also = [name for name in cell_data if re.sub(r"[\W_]", "", name).lower() in _ALSO_TAGS]
    for name in dict.fromkeys((*_TAG_NAMES, *also)):
        blocks = [np.asarray(block) for block in cell_data.get(name, ())]
        blocks = [block[:, 0] if block.ndim == 2 and block.shape[1] == 1 else block for block in blocks]
        if len(blocks) != n_blocks or not blocks:
            continue
        if all(block.ndim == 1 and block.dtype.kind in "iuf" for block in blocks):
            whole = [block.astype(np.int64) for block in blocks]
            if all((w == b).all() for w, b in zip(whole, blocks, strict=True)) and any(
                whole[i].any() for i in tets
            ):
                text = f"the cell data {name!r} is taken as tissue tags"
                said = [] if name in _TAG_NAMES else [Finding("field_as_tags", "warning", text)]
                return name, whole, said
    return None, [], []


def _tags_of_sets(sets: Mapping[str, list[Any]], sizes: list[int]) -> list[NDArray[Any]]:
    """Return blocks of tags from sets of cells with names of `set_name`; none if there are no such sets."""
    known = {name: tag for name in sets if (tag := tag_of(name)) is not None}
    tags = [np.zeros(size, np.int32) for size in sizes]
    for name, tag in known.items():
        for block, members in zip(tags, sets[name], strict=True):
            block[np.asarray(members, np.intp)] = tag
    return tags if known else []


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
    """Join the blocks of one kind of cells to (m,) or (m, c); the components of a tensor become a row."""
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
    """Leave out a field on triangles if all its values are NaN, and on tetrahedra if only those are.

    meshio wants every field on every block of cells, so a writer fills up with NaN.
    """
    triangles = {name: values for name, values in triangles.items() if not _all_nan(values)}
    elements = {n: values for n, values in elements.items() if n not in triangles or not _all_nan(values)}
    return elements, triangles


def _all_nan(values: NDArray[Any]) -> bool:
    return values.dtype.kind == "f" and bool(np.isnan(values).all())
