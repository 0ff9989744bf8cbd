# SPDX-License-Identifier: BSD-3-Clause
"""The tissues of a file as its reader was told: another numbering, or a field that has them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core.arguments import is_whole
from ..errors import MeshError
from .formats.raw import RawMesh
from .label_fields import offered, possible_tissues
from .names import contradicted, taken_for
from .tissues import SURFACE_TAG

__all__ = ["TagChoice", "chosen_tags"]

TagChoice = str | Mapping[int, int] | tuple[str, Mapping[int, int]]

# What a reader found out about numbers that are then given by the caller.
_OF_NUMBERS = ("entity_numbers", "sets_as_tags", "named_sets", "field_as_tags")


def chosen_tags(raw: RawMesh, choice: TagChoice | None) -> RawMesh:
    """Return the mesh with the tags that were asked for.

    Parameters
    ----------
    raw : RawMesh
    choice : str, mapping of int to int, or both as a pair
        The name of a field on the tetrahedra, and what each of its numbers is in the table of tissues.
        Numbers that the mapping leaves out stay. None: the tags stay.

    Raises
    ------
    MeshError
        There is no such field, it isn't made of whole numbers, or a number in the mapping doesn't occur.

    Examples
    --------
    >>> raw = RawMesh(np.eye(4, 3), np.array([[0, 1, 2, 3]]), element_data={"labels": np.array([1.0])})
    >>> chosen_tags(raw, ("labels", {1: 5})).tags
    array([5])
    """
    if choice is None:
        return raw
    field, mapping = _parts(choice)
    if field is not None:
        raw = _from_field(raw, field)
    return raw if mapping is None else _renumbered(raw, mapping)


def _parts(choice: Any) -> tuple[str | None, Mapping[int, int] | None]:
    if isinstance(choice, str):
        return choice, None
    if isinstance(choice, Mapping):
        return None, choice
    if isinstance(choice, tuple) and len(choice) == 2:
        field, mapping = choice
        if isinstance(field, str) and isinstance(mapping, Mapping):
            return field, mapping
    raise MeshError(
        f"tags must be the name of a field, a mapping such as {{1: 5}}, or both, not {choice!r:.60}"
    )


def _from_field(raw: RawMesh, name: str) -> RawMesh:
    possible = possible_tissues(raw.element_data)
    there = ", ".join(map(repr, possible)) or "none"
    if name not in raw.element_data:
        pairs = "; new numbers are given as 1=5,2=3 (--tags) or {1: 5, 2: 3} (tags=)" if "=" in name else ""
        raise MeshError(
            f"no cell data {name!r} to take the tissues from; those that could be them: {there}{pairs}"
        )
    values = raw.element_data[name]
    if name not in possible and (values.ndim > 1 or np.any(values)):
        raise MeshError(
            f"the cell data {name!r} is not whole numbers of few values; those that could be them: {there}"
        )
    elements = {other: array for other, array in raw.element_data.items() if other != name}
    on_triangles = raw.triangle_data.get(name)
    triangles = {other: array for other, array in raw.triangle_data.items() if other != name}
    triangle_tags = raw.triangle_tags
    if on_triangles is not None and name in possible_tissues({name: on_triangles}):
        triangle_tags = _whole(on_triangles)
    return replace(
        raw,
        tags=_whole(values),
        triangle_tags=triangle_tags,
        element_data=elements,
        triangle_data=triangles,
        tag_names={},
        findings=_without_numbers(raw),
    )


def _whole(values: NDArray[Any]) -> NDArray[np.int64]:
    return values.reshape(len(values)).astype(np.int64)


def _renumbered(raw: RawMesh, mapping: Mapping[int, int]) -> RawMesh:
    for old, new in mapping.items():
        if not is_whole(old) or not is_whole(new):
            raise MeshError(f"tags: {old!r}: {new!r} is not a pair of tags, tags are whole numbers")
    tags = np.zeros(len(raw.tets), np.int32) if raw.tags is None else np.asarray(raw.tags)
    if tags.dtype.kind not in "iu":
        return raw  # which `TetMesh` refuses
    present = np.unique(tags).tolist()
    absent = sorted(set(mapping) - set(present))
    if absent:
        may_be = offered(raw.element_data) if present == [0] else ""
        more = f", so no tissues; {may_be}" if may_be else ""
        raise MeshError(f"tags: no tetrahedron has the tag {absent[0]}; there are {present[:20]}{more}")
    surfaces = {SURFACE_TAG + old: SURFACE_TAG + new for old, new in mapping.items()}
    triangle_tags = raw.triangle_tags
    if triangle_tags is not None and np.asarray(triangle_tags).dtype.kind in "iu":
        triangle_tags = _replaced(np.asarray(triangle_tags), surfaces)
    names: dict[int, str] = {}
    for tag, name in raw.tag_names.items():
        new = mapping.get(tag, tag)
        names[new] = f"{names[new]}, {name}" if new in names else name
    told = set(present) <= set(mapping)
    notes = [*raw.notes]
    for tag in contradicted(names, sorted(set(mapping.values()))):  # what is asked for goes before a name
        notes.append(f"tag {tag} is called {names.pop(tag)!r} in the file; as asked, it is {taken_for(tag)}")
    return replace(
        raw,
        tags=_replaced(tags, mapping),
        triangle_tags=triangle_tags,
        tag_names=names,
        notes=notes,
        findings=_without_numbers(raw) if told else raw.findings,
    )


def _replaced(values: NDArray[Any], mapping: Mapping[int, int]) -> NDArray[Any]:
    different, place = np.unique(values, return_inverse=True)
    return np.array([mapping.get(one, one) for one in different.tolist()], np.int64)[place.ravel()]


def _without_numbers(raw: RawMesh) -> tuple[Any, ...]:
    return tuple(one for one in raw.findings if one.name not in _OF_NUMBERS)
