# SPDX-License-Identifier: BSD-3-Clause
"""Names of physical groups in Gmsh files, and what is found where tetrahedra belong to none or several."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...core.messages import first_of
from ..findings import Finding
from ..label_fields import offered
from ..names import usable_names
from .gmsh_bytes import GmshFile

__all__ = ["PART_MARK", "group_findings", "names_section", "read_names", "several_groups"]

# In a section $Comments, which Gmsh steps over: a mesh that `TetMesh.crop` made.
PART_MARK = "headfield: a part of a head"

_NAME = re.compile(r'\s*(\d+)\s+(-?\d{1,10})\s+"?(.*?)"?\s*')
_VOLUME = 3
_LISTED = 8


def read_names(file: GmshFile) -> dict[int, str]:
    """Read a section $PhysicalNames: the names of groups of volumes, by number.

    A line that is something else is stepped over, with a note: no number depends on it.
    """
    end = file.find_end("PhysicalNames")
    text = file.data[file.pos : end].decode("utf-8", errors="replace")
    file.pos = end
    names, strange = {}, 0
    for line in text.splitlines()[1:]:  # the first one has their number
        match = _NAME.fullmatch(line)
        if match and int(match[1]) == _VOLUME:
            names[int(match[2])] = match[3]
        strange += not match and bool(line.strip()) and not line.strip().isdigit()
    if strange:
        file.notes.append(f"{strange} lines of $PhysicalNames are not understood")
    return usable_names(names)


def names_section(names: Mapping[int, str]) -> bytes:
    """Return the section $PhysicalNames of the names of tissues; nothing if there are none.

    Examples
    --------
    >>> print(names_section({2: "gray matter"}).decode(), end="")
    $PhysicalNames
    1
    3 2 "gray matter"
    $EndPhysicalNames
    """
    if not names:
        return b""
    rows = "".join(f'{_VOLUME} {tag} "{name}"\n' for tag, name in names.items())
    return f"$PhysicalNames\n{len(names)}\n{rows}$EndPhysicalNames\n".encode()


def group_findings(
    entities: NDArray[Any], names: Mapping[int, str], fields: Mapping[str, NDArray[Any]]
) -> list[Finding]:
    """Return what is found where no tetrahedron belongs to a physical group.

    Parameters
    ----------
    entities : ndarray (m,) integer
        The number of the geometric entity of each tetrahedron.
    names : mapping of int to str
        The names of the groups that the file tells of.
    fields : mapping of str to ndarray
        The fields on the tetrahedra, which may be the tissues.
    """
    different = np.unique(entities).tolist()
    if different == [0]:
        return []  # which is told as a mesh without tissues
    numbers = first_of(different, _LISTED)
    if names:
        named = ", ".join(f"{tag} {name!r}" for tag, name in list(names.items())[:_LISTED])
        text = (
            f"no tetrahedron belongs to a physical group, though the file names some ({named}): the numbers "
            f"of its geometric entities ({numbers}) are not their numbers. Save it from Gmsh without the "
            "option Mesh.SaveAll, or say which tissue each is: "
            f"read_mesh(path, tags={{{different[0]}: …}}) or --tags {different[0]}=…"
        )
        return [Finding("entity_numbers", "error", text, len(different))]
    are = "number {} is taken as tissue tag" if len(different) == 1 else "numbers {} are taken as tissue tags"
    text = f"no physical groups: the entity {are.format(numbers)}"
    may_be = offered(fields)
    return [Finding("entity_numbers", "warning", f"{text}; {may_be}" if may_be else text, len(different))]


def several_groups(count: int) -> Finding:
    """Return the finding that volumes belong to several groups, of which one is taken."""
    text = (
        f"volumes that belong to several physical groups: {count}; that of the fewest volumes, or the first "
        "of these, is taken as the tissue of each"
    )
    return Finding("several_groups", "warning", text, count)
