# SPDX-License-Identifier: BSD-3-Clause
"""Numbers from publications that headfield takes for granted, each with its source, which users can replace.

They are all in one file, `published.json` beside this one: a section for each kind of them, in it entries by
their names. An entry says where it is from (`source`), and whether it was written down from memory and never
compared with that (`from_memory`): such a number is a starting point and no limit of anything.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Generic, TypeVar

from ..core.messages import first_of, in_one_line, nearest_name, quoted, warn
from ..errors import ArgumentError, FileFormatError, HeadfieldError
from .json_text import json_of
from .regular import check_regular
from .text import read_text

__all__ = [
    "FROM_MEMORY",
    "NamedEntries",
    "PublishedTables",
    "published",
    "read_tables",
    "section_of",
    "source_of",
]

Entry = Mapping[str, Any]
T = TypeVar("T")

#: What is said of numbers that nobody has compared with their source.
FROM_MEMORY = "from memory, not compared with the paper: replace it"

_MISTYPED = 0.9  # as much alike are names of which one is likely a slip of the other
_FILE = Path(__file__).with_name("published.json")


class PublishedTables(Mapping[str, Mapping[str, Entry]]):
    """Sections of published numbers by their names; in each the entries by theirs. They can't be changed.

    Parameters
    ----------
    sections : dict of str to dict of str to dict

    Examples
    --------
    >>> published()["targets"]["m1_hand"]["mni_mm"]
    [-37, -21, 58]
    """

    def __init__(self, sections: Mapping[str, Mapping[str, Entry]]) -> None:
        self._sections = {
            name: MappingProxyType({key: MappingProxyType(dict(entry)) for key, entry in entries.items()})
            for name, entries in sections.items()
        }

    def __getitem__(self, section: str) -> Mapping[str, Entry]:
        return self._sections[section]

    def __iter__(self) -> Iterator[str]:
        return iter(self._sections)

    def __len__(self) -> int:
        return len(self._sections)

    def __repr__(self) -> str:
        return f"<PublishedTables: {', '.join(f'{len(self[name])} {name}' for name in self)}>"


@lru_cache(maxsize=1)
def published() -> PublishedTables:
    """Return the numbers that come with headfield."""
    return PublishedTables(json_of(_FILE.read_text(encoding="utf-8"), FileFormatError))


def section_of(tables: PublishedTables | None, section: str) -> Mapping[str, Entry]:
    """Return the entries of a section by their names: of these tables, or of those that come with headfield.

    Raises
    ------
    ArgumentError
        Something else than tables.

    Examples
    --------
    >>> "m1_hand" in section_of(None, "targets")
    True
    """
    if tables is not None and not isinstance(tables, PublishedTables):
        raise ArgumentError(
            f"tables must be PublishedTables, as headfield.read_tables returns, not {tables!r:.60}"
        )
    return (published() if tables is None else tables)[section]


def source_of(entry: Entry) -> str:
    """Return where an entry is from, and whether that is from memory.

    Examples
    --------
    >>> source_of({"source": "Rossi 2009", "from_memory": True})
    'Rossi 2009; from memory, not compared with the paper: replace it'
    """
    return f"{entry['source']}{f'; {FROM_MEMORY}' if entry['from_memory'] else ''}"


class NamedEntries(Mapping[str, T], Generic[T]):
    """What is made of the entries of a section, by their names; case does not matter.

    Parameters
    ----------
    section : str
    make : callable
        Makes a thing of a name and its entry.
    error : type of HeadfieldError
        What a name that there is not raises, which is no KeyError.
    tables : PublishedTables, optional
        By default those that come with headfield.

    Examples
    --------
    >>> there = NamedEntries("targets", lambda name, entry: entry["mni_mm"], ArgumentError)
    >>> there["M1_hand"], there.get("nothing"), "m1_hand" in there
    ([-37, -21, 58], None, True)
    >>> there["m1_hnad"]
    Traceback (most recent call last):
    ...
    headfield.errors.ArgumentError: 'm1_hnad' is none of the targets, did you mean 'm1_hand'?
    """

    def __init__(
        self,
        section: str,
        make: Callable[[str, Entry], T],
        error: type[HeadfieldError],
        tables: PublishedTables | None = None,
    ) -> None:
        self._section, self._make, self._error, self._tables = section, make, error, tables
        section_of(tables, section)

    def __getitem__(self, name: str) -> T:
        key = self._key(name)
        if key is None:
            near = nearest_name(name, self) or f"; there: {', '.join(self)}"
            raise self._error(f"{quoted(str(name))} is none of the {self._section}{near}")
        return self._make(key, self._entries[key])

    def get(self, name: str, default: Any = None) -> Any:
        """Return what has a name, or another value where nothing has it."""
        return default if self._key(name) is None else self[name]

    def __contains__(self, name: object) -> bool:
        return self._key(name) is not None

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def __str__(self) -> str:
        """Return what all of them say of themselves, a line or more for each."""
        return "\n".join(str(one) for one in self.values())

    def __repr__(self) -> str:
        return f"<{self._section}: {first_of(list(self), 2)} ({len(self)})>"

    def _key(self, name: object) -> str | None:
        if not isinstance(name, str):
            return None
        return next((key for key in self if key.lower() == name.strip().lower()), None)

    @property
    def _entries(self) -> Mapping[str, Entry]:
        return section_of(self._tables, self._section)


def read_tables(path: str | os.PathLike[str]) -> PublishedTables:
    """Read numbers of one's own that replace published ones, or stand beside them.

    Parameters
    ----------
    path : path
        A JSON file of sections, as `published.json` of headfield has them, with the entries that are to be
        other. An entry replaces the one of its name as a whole, or is a new one. It has a text `source`, and
        may have `from_memory`, which is false where it is not given.

    Returns
    -------
    PublishedTables
        All sections; entries of the file have its path as `file`.

    Raises
    ------
    FileFormatError
        The file is damaged, has a section that there is not, or an entry without a source; the message says
        which. Or it is no regular file.
    OSError
        The file can't be read.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "mine.json"
    >>> text = '{"targets": {"mine": {"mni_mm": [-40, 40, 30], "space": "brain", "source": "our own scans"}}}'
    >>> _ = path.write_text(text)
    >>> tables = read_tables(path)
    >>> tables["targets"]["mine"]["mni_mm"], len(tables["targets"]) - len(published()["targets"])
    ([-40, 40, 30], 1)
    """
    check_regular(path, FileFormatError)
    try:
        given = json_of(read_text(path, FileFormatError), FileFormatError, once=True)
        changed = _checked(given, str(path))
    except FileFormatError as problem:
        raise FileFormatError(f"{path}: {in_one_line(problem)}") from None
    return PublishedTables(
        {name: {**entries, **changed.get(name, {})} for name, entries in published().items()}
    )


def _checked(given: Any, path: str) -> dict[str, dict[str, dict[str, Any]]]:
    """Return the sections of a user's file with `file` and `from_memory` in each entry, or raise."""
    if not isinstance(given, dict) or not all(isinstance(entries, dict) for entries in given.values()):
        raise FileFormatError("must hold an object of sections, each an object of entries by their names")
    changed: dict[str, dict[str, dict[str, Any]]] = {}
    for section, entries in given.items():
        if section not in published():
            near = nearest_name(section, published()) or f"; there: {', '.join(published())}"
            raise FileFormatError(f"there is no section {quoted(section)}{near}")
        for name, entry in entries.items():
            near = "" if name in published()[section] else nearest_name(name, published()[section], _MISTYPED)
            if near:
                warn(f"{quoted(name)} of {section} is a new entry, and replaces none{near}")
            if not isinstance(entry, dict) or not isinstance(entry.get("source"), str):
                raise FileFormatError(
                    f"{quoted(name)} of {section} has no text 'source' that says where it is from"
                )
            if not isinstance(entry.get("from_memory", False), bool):
                raise FileFormatError(f"'from_memory' of {quoted(name)} of {section} must be true or false")
        changed[section] = {
            name: {"from_memory": False, **entry, "file": path} for name, entry in entries.items()
        }
    return changed
