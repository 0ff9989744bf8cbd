# SPDX-License-Identifier: BSD-3-Clause
"""Entries of the tables of published numbers that pulses are made of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..core.arguments import positive
from ..core.messages import nearest_name, quoted, warn
from ..errors import DoseError
from ..io.published import FROM_MEMORY, PublishedTables, section_of

__all__ = ["entry_of", "stimulator_entry"]


def entry_of(section: str, name: str, tables: PublishedTables | None, *numbers: str) -> Mapping[str, Any]:
    """Return an entry of a section, whose numbers of these names are finite and above 0.

    Raises
    ------
    ArgumentError
        Something else than tables.
    DoseError
        There is no such entry; the message says which there are. Or it lacks one of the numbers.

    Warns
    -----
    UserWarning
        The entry was written down from memory.

    Examples
    --------
    >>> entry_of("strength_duration", "motor_pa", None, "tau_us")["tau_us"]
    230.9
    """
    entries = section_of(tables, section)
    if not isinstance(name, str) or name not in entries:
        near = nearest_name(name, entries) or f"; there are {', '.join(entries)}"
        raise DoseError(f"there is no {quoted(str(name))} in the table {section}{near}")
    entry = entries[name]
    for number in numbers:
        if number not in entry:
            raise DoseError(f"{name!r} of {section} has no {number}: it says only {', '.join(entry)}")
        positive(entry[number], f"{number} of {name!r} in {section}", DoseError)
    if entry.get("from_memory"):
        warn(f"{name!r} of {section} is {FROM_MEMORY}")
    return entry


def stimulator_entry(name: str, tables: PublishedTables | None) -> Mapping[str, Any]:
    """Return a stimulator with its coil of which the table has a whole pulse; raises what `entry_of` does."""
    entry = entry_of("stimulators", name, tables, "period_us", "damping_per_s", "didt_max_a_per_us")
    for text in ("stimulator", "coil"):
        if not isinstance(entry.get(text), str):
            raise DoseError(f"{name!r} of stimulators has no text {text!r} that names its {text}")
    return entry
