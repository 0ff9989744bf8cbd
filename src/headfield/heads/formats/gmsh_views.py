# SPDX-License-Identifier: BSD-3-Clause
"""Fields in Gmsh files: the sections $NodeData and $ElementData, and the nodes and elements of their rows."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...core.messages import plural
from ...errors import MeshError
from ..checks import MOST_COMPONENTS
from .gmsh_bytes import GmshFile, whole
from .gmsh_numbering import Numbering

__all__ = ["View", "element_fields", "node_fields", "read_view"]

# NaN takes the place of absent rows, so a small damaged file could ask for all the memory. A file whose
# fields would take more than this times its size raises MeshError.
_LARGEST_GROWTH = 64
_SMALL_BYTES = 1 << 28


@dataclass
class View:
    """One step of a field: its name and step, ids (r,) and values (r, c), as they lie in the file."""

    section: str
    name: str
    step: int
    ids: NDArray[Any]
    values: NDArray[Any]

    @property
    def what(self) -> str:
        """How a message calls it."""
        return f'${self.section} "{self.name}"'


def read_view(file: GmshFile, section: str, order: str) -> View:
    """Read a section of a field up to its end mark. Of a binary file nothing is copied yet.

    Parameters
    ----------
    file : GmshFile
        At the line after the section's name.
    section : str
        "NodeData" or "ElementData".
    order : str
        Byte order, "" for text.

    Raises
    ------
    MeshError
        The section is damaged, or does not have the rows that it announces.
    """
    names = [file.label("a name") for _ in range(_count(file, "string tags"))]
    for _ in range(_count(file, "real tags")):
        file.line("a real tag")
    tags = [file.numbers("an integer tag", 1)[0] for _ in range(_count(file, "integer tags"))]
    if len(tags) < 3:
        file.fail(f"${section} has {len(tags)} integer tags, where step, components and rows are needed")
    step, components, rows = tags[:3]
    name = names[0] if names and names[0] else section
    if not 1 <= components <= MOST_COMPONENTS:
        file.fail(f'${section} "{name}" has {components} components')
    if order:
        row = [("id", order + "i4"), ("x", order + "f8", (components,))]
        table = file.array(row, rows, f'${section} "{name}"')
        return View(section, name, step, table["id"], table["x"])
    words = file.words(section)
    if len(words) != rows * (1 + components):
        file.fail(
            f'${section} "{name}" announces {rows:,} rows of {1 + components} numbers '
            f"and has {len(words):,} numbers"
        )
    text_table = words.reshape(rows, 1 + components)
    return View(section, name, step, whole(text_table[:, 0], file, "ids"), text_table[:, 1:])


def _count(file: GmshFile, what: str) -> int:
    (count,) = file.numbers(f"the number of {what}", 1)
    if not 0 <= count <= 100:
        file.fail(f"{count} {what}")
    return count


def node_fields(views: list[View], numbering: Numbering, file: GmshFile) -> dict[str, NDArray[np.float64]]:
    """Return the fields on nodes, (n,) or (n, c), by name.

    Raises
    ------
    MeshError
        A row is of a node that the file doesn't have, or two rows are of one node.
    """
    views = [view for view in views if view.section == "NodeData"]
    _check_growth(views, numbering.count, file)
    places = _Places(numbering)
    return {name: places.table(view) for name, view in _named(views, file).items()}


def element_fields(
    views: list[View], ids: list[NDArray[Any]], file: GmshFile
) -> list[dict[str, NDArray[np.float64]]]:
    """Return the fields on elements, by name, for each of several groups of elements.

    A group has a field if the file has a row for one of its elements. The first group has it also if the
    field has no rows at all.

    Parameters
    ----------
    views : list of View
    ids : list of ndarray, (m_i,), integer
        What the file calls the elements of each group.

    Raises
    ------
    MeshError
        A row is of an element that the file doesn't have, or two rows are of one element; or element ids are
        not unique.
    """
    views = [view for view in views if view.section == "ElementData"]
    fields: list[dict[str, NDArray[np.float64]]] = [{} for _ in ids]
    if not views:
        return fields
    # In the order of the file, which is mostly the order of the rows too: triangles have the lowest ids.
    ordered = sorted(range(len(ids)), key=lambda group: ids[group][0] if len(ids[group]) else 0)
    starts = np.cumsum([0, *(len(ids[group]) for group in ordered)])
    all_ids = np.concatenate([ids[group] for group in ordered], dtype=np.int64)
    _check_growth(views, len(all_ids), file)
    places = _Places(Numbering(all_ids, "element"))
    for name, view in _named(views, file).items():
        table = places.table(view)
        for group, start, stop in zip(ordered, starts[:-1], starts[1:], strict=True):
            if places.any_in(start, stop) or (group == 0 and not len(view.ids)):
                fields[group][name] = table[start:stop]
    return fields


class _Places:
    """Where the rows of views belong; kept from view to view, because mostly their rows are the same."""

    def __init__(self, numbering: Numbering) -> None:
        self.numbering = numbering
        self.ids: NDArray[Any] | None = None
        self.places = np.zeros(0, np.int64)
        self.complete = False

    def table(self, view: View) -> NDArray[np.float64]:
        """Return the values in the order of the numbering, NaN where there is no row; read-only."""
        if self.ids is None or not np.array_equal(self.ids, view.ids):
            self._find(view)
        if self.complete:
            table = view.values.astype(np.float64)
        else:
            table = np.full((self.numbering.count, view.values.shape[1]), np.nan)
            table[self.places] = view.values
        if table.shape[1] == 1:
            table = table[:, 0]
        table.flags.writeable = False
        return table

    def any_in(self, start: int, stop: int) -> bool:
        """Tell whether the last view has a row for one of these places."""
        if self.complete:
            return stop > start
        return bool(((self.places >= start) & (self.places < stop)).any())

    def _find(self, view: View) -> None:
        count, what = self.numbering.count, view.what
        places = self.numbering.places(view.ids.astype(np.int64))
        unknown = (places < 0) | (places >= count)
        if unknown.any():
            raise MeshError(
                f"{what} has {plural(int(unknown.sum()), 'row', 'rows')} with an id that "
                f"the file doesn't define; the first is {view.ids[unknown.argmax()]}"
            )
        self.complete = len(places) == count and bool((places == np.arange(count)).all())
        if not self.complete:
            times = np.bincount(places, minlength=count)
            if len(places) and times.max() > 1:
                again = places[(times > 1)[places].argmax()]
                first = view.ids[(places == again).argmax()]
                raise MeshError(f"{what} has several rows with the id {first}")
        self.ids, self.places = view.ids, places


def _named(views: list[View], file: GmshFile) -> dict[str, View]:
    """Name each step `NAME_0000`, `NAME_0001`, …; the only step of a view keeps the name of the view."""
    steps: dict[str, list[int]] = {}
    for view in views:
        steps.setdefault(view.name, []).append(view.step)
    clear = {name: len(set(all_steps)) == len(all_steps) for name, all_steps in steps.items()}
    for name, distinct in clear.items():
        if not distinct:
            file.notes.append(f"several views {name!r} have the same step; their order in the file counts")
    named: dict[str, View] = {}
    seen: Counter[str] = Counter()
    for view in views:
        name, step = view.name, view.step if clear[view.name] else seen[view.name]
        seen[name] += 1
        key = name if len(steps[name]) == 1 else f"{name}_{step:04d}"
        if key in named:
            raise MeshError(f"two fields are called {key!r}")
        named[key] = view
    return named


def _check_growth(views: list[View], count: int, file: GmshFile) -> None:
    size = sum(8 * view.values.shape[1] * count for view in views)
    if size > max(_SMALL_BYTES, _LARGEST_GROWTH * file.size):
        raise MeshError(
            f"{len(views):,} fields, most rows of which are absent, would take "
            f"{size / 1e9:.1f} GB, {size / file.size:.0f} times the file"
        )
