# SPDX-License-Identifier: BSD-3-Clause
"""Reader of Gmsh files: 2.2 and 4.1, text and binary, of either byte order.

A 2.2 binary file is usually one block per element type, but may carry one header per element; both are read
without a loop over elements. Sections other than nodes, elements and fields on them are stepped over.
"""

from __future__ import annotations

import os
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .gmsh_41 import SECTIONS_41
from .gmsh_bytes import NODES_PER_ELEMENT, BinaryStream, GmshFile, Stream, TextStream, whole
from .gmsh_content import GmshContent
from .gmsh_groups import PART_MARK, read_names
from .gmsh_views import read_view
from .raw import RawMesh

__all__ = ["read_gmsh"]


def read_gmsh(path: str | os.PathLike[str]) -> RawMesh:
    """Read the tetrahedra and triangles of a Gmsh file.

    Parameters
    ----------
    path : path
        A file that begins with `$MeshFormat` (a `$Comments` section may precede it), version 2.x or 4.1.

    Returns
    -------
    RawMesh
        Tags are the physical groups, or the elementary entities if the file has none, which is a finding;
        `tag_names` are the names of the groups. `node_ids` and
        `element_ids` are those of the file. Points and lines are left out. Fields are in `element_data`,
        `triangle_data` and `node_data`; steps of a view are `NAME_0000`, `NAME_0001`, …, by their number.
        `notes` say which field was left out, and which views of one name have the same step.

    Raises
    ------
    MeshError
        The file is damaged, of another version, or holds volume elements other than 4-node tetrahedra. The
        message does not name the file.
    """
    file = GmshFile(path)
    content = GmshContent(file)
    version, order = _header(file)
    while not file.at_end():
        section = _section(file)
        if version == 2 and section == "Nodes":
            _nodes_22(file, content, order)
        elif version == 2 and section == "Elements":
            _elements_22(file, content, order)
        elif version == 4 and section in SECTIONS_41:
            stream: Stream = BinaryStream(file, order) if order else TextStream(file, section)
            SECTIONS_41[section](stream, content, file)
            if isinstance(stream, TextStream) and stream.next != len(stream.values):
                file.fail(f"section ${section} has more numbers than its counts say")
        elif section == "PhysicalNames":
            content.names.update(read_names(file))
        elif section == "Comments":
            end = file.find_end(section)
            content.is_part |= PART_MARK.encode() in file.data[file.pos : end]
            file.pos = end
        elif section in ("NodeData", "ElementData"):
            content.views.append(read_view(file, section, order))
        elif section == "ParametricNodes":
            file.fail("nodes with parametric coordinates; save it with the option Mesh.SaveParametric = 0")
        else:
            if section == "ElementNodeData":
                file.notes.append("a field in $ElementNodeData is left out")
            file.pos = file.find_end(section)
        file.close(section)
    return content.mesh()


def _section(file: GmshFile) -> str:
    line = file.line("a section")
    if not line.startswith("$") or not line[1:].isalnum() or line.startswith("$End"):
        file.fail(f"expected the start of a section, found {line[:40]!r}")
    return line[1:]


def _header(file: GmshFile) -> tuple[int, str]:
    """Return the major version and the byte order, "" for text."""
    section = None if file.at_end() else _section(file)
    while section != "MeshFormat":
        if section != "Comments":
            file.fail("not a Gmsh mesh: no $MeshFormat at its start")
        file.pos = file.find_end(section)
        file.close(section)
        section = None if file.at_end() else _section(file)
    words = file.line("version, file type and data size").split()
    if len(words) != 3 or words[1] not in ("0", "1"):
        file.fail(f"expected version, file type and data size, found {' '.join(words)[:40]!r}")
    if words[0] not in ("2", "2.0", "2.1", "2.2", "4.1"):
        file.fail(
            f"Gmsh format {words[0][:10]}, where 2.2 or 4.1 is needed; "
            "convert it with: gmsh -save -format msh2 FILE"
        )
    order = ""
    if words[1] == "1":
        if words[2] != "8":
            file.fail(f"data size {words[2][:10]}, where 8 is needed")
        one = file.array(np.uint8, 4, "the byte order").tobytes()
        orders = {b"\1\0\0\0": "<", b"\0\0\0\1": ">"}
        if one not in orders:
            file.fail("the byte order mark is not 1")
        order = orders[one]
    file.close("MeshFormat")
    return int(words[0][0]), order


def _nodes_22(file: GmshFile, content: GmshContent, order: str) -> None:
    if content.node_ids is not None:
        file.fail("a second section $Nodes")
    (count,) = file.numbers("the number of nodes", 1)
    if order:
        rows = file.array([("id", order + "i4"), ("x", order + "f8", 3)], count, "nodes")
        content.node_ids, content.nodes_mm = rows["id"].astype(np.int32), rows["x"].astype(np.float64)
    else:
        words = file.words("Nodes")
        if len(words) != 4 * count:
            file.fail(f"$Nodes announces {count:,} nodes and has {len(words):,} numbers, not 4 per node")
        table = words.reshape(count, 4)
        content.node_ids, content.nodes_mm = whole(table[:, 0], file, "node ids"), table[:, 1:].copy()


def _elements_22(file: GmshFile, content: GmshContent, order: str) -> None:
    if content.has_elements:
        file.fail("a second section $Elements")
    content.has_elements = True
    (count,) = file.numbers("the number of elements", 1)
    if order:
        _blocks_22(file, content, order, count)
    else:
        numbers = whole(file.words("Elements"), file, "elements")
        _, used = _rows(file, content, numbers, count, kind_column=1)
        if used != len(numbers):
            file.fail(
                f"$Elements announces {count:,} elements, but holds {len(numbers) - used:,} numbers more"
            )


def _blocks_22(file: GmshFile, content: GmshContent, order: str, count: int) -> None:
    """Parse the blocks `type count ntags`, rows `id tags… nodes…`, of a binary file."""
    done, start = 0, file.pos
    numbers: NDArray[np.int32] | None = None
    while done < count:
        kind, block, n_tags = (int(v) for v in file.array(order + "i4", 3, "an element header"))
        if block == 1:
            if numbers is None:  # one aligned copy for all that follows
                numbers = np.frombuffer(file.data, order + "i4", (file.size - start) // 4, start).astype(
                    np.int32
                )
            at = (file.pos - start) // 4 - 3
            singles, used = _rows(file, content, numbers[at:], count - done, kind_column=0)
            file.pos += 4 * (used - 3)
            done += singles
            continue
        width = 1 + n_tags + _nodes_per_element(file, kind, n_tags)
        if not 0 < block <= count - done:
            file.fail(f"a block of {block:,} elements where {count - done:,} are left")
        rows = file.array(order + "i4", block * width, "elements").reshape(block, width)
        _add(content, kind, n_tags, rows)
        done += block


def _rows(
    file: GmshFile, content: GmshContent, numbers: NDArray[Any], count: int, kind_column: int
) -> tuple[int, int]:
    """Parse up to `count` elements with a header each; return how many, and how many numbers they took.

    Text rows are `id type ntags tags… nodes…` (kind_column 1), binary ones `type 1 ntags id tags… nodes…`
    (kind_column 0). Neighbours of the same layout are taken together: the run is found by comparing headers
    in windows that grow, so there is no loop over elements.
    """
    binary = kind_column == 0
    done = at = 0
    while done < count:
        if at + 3 > len(numbers):
            file.fail(f"$Elements ends after {done:,} elements")
        head = numbers[at : at + 3]
        kind, n_tags = int(head[kind_column]), int(head[2])
        if binary and head[1] != 1:
            break
        width = 3 + binary + n_tags + _nodes_per_element(file, kind, n_tags)
        fit = min(count - done, (len(numbers) - at) // width)
        if fit == 0:
            file.fail(f"$Elements ends within element number {done + 1:,}")
        columns = slice(kind_column, 3, None if binary else 1)
        run, window = 1, 16
        while run < fit:
            stop = min(fit, run + window)
            rows = numbers[at + run * width : at + stop * width].reshape(stop - run, width)
            same = (rows[:, columns] == head[columns]).all(axis=1)
            if not same.all():
                run += int(same.argmin())
                break
            run, window = stop, 4 * window
        table = numbers[at : at + run * width].reshape(run, width)
        _add(content, kind, n_tags, table[:, 3:] if binary else np.delete(table, (1, 2), axis=1))
        done += run
        at += run * width
    return done, at


def _nodes_per_element(file: GmshFile, kind: int, n_tags: int) -> int:
    if kind not in NODES_PER_ELEMENT:
        file.fail(f"unknown element type {kind}")
    if not 0 <= n_tags <= 1000:
        file.fail(f"an element with {n_tags} tags")
    return NODES_PER_ELEMENT[kind]


def _add(content: GmshContent, kind: int, n_tags: int, rows: NDArray[Any]) -> None:
    """Take rows `id tags… nodes…`: the first tag is the physical group, the second the elementary entity."""
    native = rows.dtype.newbyteorder("=")
    physical = rows[:, 1].astype(native) if n_tags > 0 else 0
    elementary = rows[:, 2].astype(native) if n_tags > 1 else 0
    nodes = rows[:, 1 + n_tags :].astype(native)
    content.add(kind, rows[:, 0].astype(native), physical, elementary, nodes)
