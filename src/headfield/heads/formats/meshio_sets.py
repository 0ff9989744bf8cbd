# SPDX-License-Identifier: BSD-3-Clause
"""Tissues from the element sets and blocks of a file (Abaqus, Exodus) that meshio has read."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...core.messages import plural
from ...io.regular import ending_of
from ..findings import Finding
from ..names import meaning, tags_of_names, usable_names

__all__ = ["SetTags", "know_exodus", "names_of_tags", "read_exodus_names", "sets_as_tags"]

EXODUS = (".e", ".exo", ".ex2")
# In other formats blocks are cells of one shape that follow each other.
_BLOCKS_ARE_TISSUES = (*EXODUS, ".inp")
_LISTED = 8


class SetTags(NamedTuple):
    """Tags of the cells of each block, the names of the tags, and the finding that says so."""

    blocks: list[NDArray[np.int64]]
    names: dict[int, str]
    finding: Finding


def sets_as_tags(
    path: str | os.PathLike[str], content: Any, sizes: list[int], tets: list[int]
) -> SetTags | None:
    """Return the sets of tetrahedra of a mesh as tags, or its blocks; None if it has neither.

    Sets that overlap others, such as one of the whole head, are left out. If the names are all of different,
    known tissues, they have the tags of these, else 1, 2, … in the order of the file; 0 is what is in no set.

    Parameters
    ----------
    path : path
    content : meshio.Mesh
    sizes : list of int
        The number of cells in each block.
    tets : list of int
        Which blocks are of tetrahedra.
    """
    masks = _masks(content.cell_sets, sizes, tets)
    kept = _disjoint(masks)
    what = "element sets"
    if not kept and len(tets) > 1 and ending_of(path) in _BLOCKS_ARE_TISSUES:
        what, starts = "blocks", np.cumsum([0, *sizes])
        named = read_exodus_names(path) if ending_of(path) in EXODUS else []
        for place, i in enumerate(tets):
            mask = np.zeros(starts[-1], bool)
            mask[starts[i] : starts[i + 1]] = True
            own = named[i] if i < len(named) and named[i] else f"block {place + 1}"
            masks[own if own not in masks else f"{own} ({place + 1})"] = mask
        kept = list(masks)
    if not kept:
        return None
    known = tags_of_names(kept)
    tags = known or list(range(1, len(kept) + 1))
    values = np.zeros(sum(sizes), np.int64)
    for tag, name in zip(tags, kept, strict=True):
        values[masks[name]] = tag
    left_out = [name for name in masks if name not in kept]
    in_none = sum(sizes[i] for i in tets) - int(np.any([masks[name] for name in kept], axis=0).sum())
    finding = _finding(what, dict(zip(tags, kept, strict=True)), known is not None, left_out, in_none)
    names = usable_names(dict(zip(tags, kept, strict=True)))
    return SetTags(np.split(values, np.cumsum(sizes)[:-1]), names, finding)


def _masks(sets: Mapping[str, list[Any]], sizes: list[int], tets: list[int]) -> dict[str, NDArray[np.bool_]]:
    """Return the cells (all blocks joined) of each set that has tetrahedra, in the order of the file."""
    starts = np.cumsum([0, *sizes])
    of_tets = np.zeros(starts[-1], bool)
    for i in tets:
        of_tets[starts[i] : starts[i + 1]] = True
    masks = {}
    for name, blocks in (sets or {}).items():
        mask = np.zeros(starts[-1], bool)
        for i, block in enumerate(blocks[: len(sizes)]):
            cells = np.zeros(0, np.int64) if block is None else np.asarray(block).astype(np.int64).ravel()
            mask[starts[i] + cells[(cells >= 0) & (cells < sizes[i])]] = True
        mask &= of_tets
        if mask.any() and not str(name).startswith("gmsh:"):
            masks[str(name)] = mask
    return masks


def _disjoint(masks: Mapping[str, NDArray[np.bool_]]) -> list[str]:
    """Return the names of sets that don't overlap, in the order of the file.

    Tissues that are known by their names come first. Of the others either the small ones or the large ones
    do, whichever leaves fewer tetrahedra without a set (regions within tissues are small), then whichever
    leaves more sets (a set of all is large).
    """
    families = []
    for sign in (1, -1):
        order = sorted(masks, key=lambda name: (meaning(name) is None, sign * int(masks[name].sum())))
        kept: list[str] = []
        taken = np.zeros(0, bool)
        for name in order:
            if not len(kept) or not (taken & masks[name]).any():
                taken = masks[name] | taken if len(kept) else masks[name]
                kept.append(name)
        families.append((int(taken.sum()), len(kept), kept))
    best = max(families, key=lambda family: family[:2])[2]
    return [name for name in masks if name in best]


def _finding(what: str, names: Mapping[int, str], known: bool, left_out: list[str], in_none: int) -> Finding:
    listed = ", ".join(f"{tag} {name!r}" for tag, name in list(names.items())[:_LISTED])
    more = ", …" if len(names) > _LISTED else ""
    how = (
        "by their names"
        if known
        else "in the order of the file; say which tissues they are: tags={1: …} or --tags 1=…"
    )
    others = (
        f"; left out, as they overlap others: {', '.join(map(repr, left_out[:_LISTED]))}" if left_out else ""
    )
    rest = (
        f"; {plural(in_none, 'tetrahedron is', 'tetrahedra are')} in none of them (tag 0)" if in_none else ""
    )
    text = f"the {what} are taken as tissues, {listed}{more}, {how}{others}{rest}"
    return Finding("named_sets" if known else "sets_as_tags", "warning", text, len(names))


def know_exodus(path: str | os.PathLike[str]) -> None:
    """Let meshio take the 4-node tetrahedra of Cubit for what they are: it knows no shape "tetra4"."""
    if ending_of(path) in EXODUS:
        from meshio.exodus import _exodus  # type: ignore[import-untyped]

        _exodus.exodus_to_meshio_type.update(TETRA4="tetra", TET4="tetra")


def names_of_tags(content: Any) -> dict[int, str]:
    """Return the names that a file gives to its tags: groups of MED files, physical groups of Gmsh."""
    names = {}
    for name, value in (getattr(content, "field_data", None) or {}).items():
        pair = np.asarray(value)
        made_up = re.fullmatch(r"cd\d_\d+", str(name))  # by meshio, for .vol files without names
        if pair.shape == (2,) and pair.dtype.kind in "iu" and int(pair[1]) == 3 and not made_up:
            names[int(pair[0])] = str(name)
    for tag, several in (getattr(content, "cell_tags", None) or {}).items():
        names[int(tag)] = ", ".join(map(str, several))
    return usable_names(names)


def read_exodus_names(path: str | os.PathLike[str]) -> list[str]:
    """Return the names of the blocks of an Exodus file, "" for those without; to be called in `contained`."""
    import netCDF4  # type: ignore[import-not-found, unused-ignore]  # which meshio needed to read the file

    with netCDF4.Dataset(os.fspath(path)) as file:
        if "eb_names" not in file.variables:
            return []
        rows = file.variables["eb_names"]
        rows.set_auto_mask(False)
        return [b"".join(row).split(b"\0")[0].decode("utf-8", errors="replace").strip() for row in rows[:]]
