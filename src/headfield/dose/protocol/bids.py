# SPDX-License-Identifier: BSD-3-Clause
"""Protocols as plain data, with the names that the proposal nibs-bids has for timing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ...core.arguments import finite_number
from ...core.messages import nearest_name, quoted
from ...errors import DoseError
from .level import LEVELS, Level
from .protocol import Protocol, timing_names

__all__ = ["protocol_of"]

_LONGEST_BURST_INTERVAL_S = 1.0  # groups of pulses that follow faster are bursts, where nothing is said
_OTHERS = (
    "name",
    "level_names",
    "intensity",
    "percent_rmt",
    "pulse_duration",
    "source",
    "about",
    "from_memory",
)
_PASSED = ("file",)  # what `read_tables` adds to entries


def protocol_of(given: Mapping[str, Any], name: str = "protocol") -> Protocol:
    """Make a protocol of a dictionary; see `read_protocol` for its keys.

    Parameters
    ----------
    given : mapping
    name : str
        Of the protocol, where the dictionary has none.

    Raises
    ------
    DoseError
        Unknown keys, a missing one, durations that are no whole number of intervals, and what `Protocol`
        refuses.

    Examples
    --------
    >>> protocol_of({"pulse_repetition_interval": 1, "pulse_train_duration": 600}).n_pulses
    600
    >>> protocol_of({"pulse_durration": 1})
    Traceback (most recent call last):
    ...
    headfield.errors.DoseError: a protocol has no 'pulse_durration', did you mean 'pulse_duration'?
    """
    timing = timing_names(len(LEVELS))
    known = (*_OTHERS, *_PASSED, *(key for pair in timing for key in pair))
    for key in given:
        if key not in known:
            near = nearest_name(key, known) or f"; it has {', '.join(known[:12])}, …"
            raise DoseError(f"a protocol has no {quoted(str(key))}{near}")
    there = [pair for pair in timing if any(given.get(key) is not None for key in pair)]
    for pair in timing[: max(1, timing.index(there[-1]) + 1) if there else 1]:
        for key in pair:
            if given.get(key) is None:
                raise DoseError(f"a protocol with {_there(given, timing)} needs {key!r} too")
    values = [[finite_number(given[key], key, DoseError) for key in pair] for pair in there]
    names = _names(given.get("level_names"), [interval for interval, _ in values])
    levels = tuple(
        Level.lasting(level, duration, interval)
        for level, (interval, duration) in zip(names, values, strict=True)
    )
    more = {
        key: given[key] for key in _OTHERS if key in given and key not in ("level_names", "pulse_duration")
    }
    return Protocol(
        **{"name": name, **more, "levels": levels, "pulse_duration_s": given.get("pulse_duration")}
    )


def _there(given: Mapping[str, Any], timing: Sequence[tuple[str, str]]) -> str:
    """Name the last timing that is given, for messages."""
    found = [key for pair in timing for key in pair if given.get(key) is not None]
    return repr(found[-1]) if found else "no timing"


def _names(given: Any, intervals_s: Sequence[float]) -> list[str]:
    """Return the names of levels: those given, or the usual ones for these intervals."""
    if given is not None:
        if not isinstance(given, (list, tuple)) or len(given) != len(intervals_s):
            raise DoseError(
                f"level_names must be {len(intervals_s)} names, as there are levels, not {given!r}"
            )
        return [str(name) for name in given]
    has_bursts = len(intervals_s) > 1 and intervals_s[1] <= _LONGEST_BURST_INTERVAL_S
    usual = ["pulse", *(["burst"] if has_bursts else []), "train", "session", "day", "week"]
    if len(intervals_s) > len(usual):
        raise DoseError(f"{len(intervals_s)} levels of a protocol need level_names, of {', '.join(LEVELS)}")
    return usual[: len(intervals_s)]
