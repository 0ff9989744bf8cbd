# SPDX-License-Identifier: BSD-3-Clause
"""The lists of coil positions in a SimNIBS .mat file, and which of them are asked for.

A session has `poslist`, a cell array of lists, as variables of the file or as the fields of a struct; each
TMSLIST has `fnamecoil` and `pos`, an array of POSITION. A TMSLIST or a POSITION may also stand alone, as
variables of the file or as a struct. Lists of electrodes (TDCSLIST) are passed over. (SimNIBS's manual:
SESSION, TMSLIST, POSITION.)

What else a session says of a simulation is not read, and a warning says so: several coils, `anisotropy_type`
other than "scalar", values of `cond` other than SimNIBS's standard ones.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

import numpy as np

from ...core.arguments import is_whole
from ...core.messages import quoted
from ...errors import PoseError

__all__ = [
    "TmsList",
    "chosen_lists",
    "has_positions",
    "holder_of_poses",
    "refuse_choice",
    "tms_lists",
    "unread",
]

# S/m, of the tissues 1 to 10, as a new session has them (SimNIBS's manual: standard conductivities).
_STANDARD = (0.126, 0.275, 1.654, 0.010, 0.465, 0.5, 0.008, 0.025, 0.6, 0.16)
_KEYS = ("matsimnibs", "poslist", "pos", "centre")


class TmsList(NamedTuple):
    """One list of coil positions."""

    order: int  #: its place in the session, from 0
    coil: str  #: `fnamecoil`, empty if there is none
    fields: dict[str, Any]  #: of the list
    positions: list[dict[str, Any]]  #: each POSITION

    def matrix(self, number: int) -> np.ndarray | None:
        """Return `matsimnibs` of the position of this number; None if it is empty, as it is while unset."""
        value = self.positions[number].get("matsimnibs")
        return value if isinstance(value, np.ndarray) and value.size else None

    def where(self, number: int) -> str:
        """Return words for the position of this number."""
        name = self.positions[number].get("name")
        named = f" ({name[:40]})" if isinstance(name, str) and name else ""
        return f"TMSLIST {self.order}, position {number}{named}"


def holder_of_poses(variables: dict[str, Any]) -> dict[str, Any]:
    """Return the dict that has the positions: the variables of the file, or the one struct among them.

    Raises
    ------
    PoseError
        There is none, or more than one.

    Examples
    --------
    >>> holder_of_poses({"S": [{"poslist": (), "type": "SESSION"}], "other": 1.0})
    {'poslist': (), 'type': 'SESSION'}
    """
    if any(key in variables for key in _KEYS):
        return variables
    structs = _structs(variables)
    if len(structs) > 1:
        raise PoseError(f"coil positions in more than one variable: {', '.join(sorted(structs))[:80]}")
    if not structs:
        raise PoseError(
            "no poses in this file: no variable matsimnibs, poslist or pos, and no struct with one"
        )
    return next(iter(structs.values()))


def has_positions(variables: dict[str, Any]) -> bool:
    """Tell whether the variables of a file are, or hold, a session, a TMSLIST or a POSITION.

    Examples
    --------
    >>> has_positions({"a": 1.0}), has_positions({"S": [{"poslist": ()}]})
    (False, True)
    """
    return any(key in variables for key in _KEYS) or bool(_structs(variables))


def _structs(variables: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the structs among the variables that hold positions."""
    return {
        name: value[0]
        for name, value in variables.items()
        if isinstance(value, list) and len(value) == 1 and any(key in value[0] for key in _KEYS)
    }


def tms_lists(holder: dict[str, Any]) -> list[TmsList]:
    """Return the lists of coil positions, also empty ones.

    Examples
    --------
    >>> lists = tms_lists({"poslist": ([{"fnamecoil": "a.ccd", "pos": [{"name": "M1"}]}],)})
    >>> lists[0].coil, lists[0].where(0)
    ('a.ccd', 'TMSLIST 0, position 0 (M1)')
    """
    lists = holder.get("poslist", [holder])
    if isinstance(lists, tuple):  # a cell array of structs
        lists = [one for entry in lists if isinstance(entry, list) for one in entry]
    if not isinstance(lists, list):
        raise PoseError("poslist is neither a cell array nor a struct")
    found = []
    for index, one in enumerate(lists):
        if one.get("type") == "TDCSLIST":
            continue
        positions = one.get("pos", [one] if one is holder and "centre" in one else None)
        if isinstance(positions, tuple):
            positions = [item for entry in positions if isinstance(entry, list) for item in entry]
        coil = one.get("fnamecoil")
        found.append(
            TmsList(
                index,
                coil.strip() if isinstance(coil, str) else "",
                one,
                positions if isinstance(positions, list) else [],
            )
        )
    return found


def refuse_choice(which: str | int) -> None:
    """Raise a PoseError unless `which` is "all": a file of arrays has nothing to choose from."""
    if which != "all":
        raise PoseError(f"which = {which!r}: this file has no TMSLISTs to choose from")


def chosen_lists(lists: list[TmsList], which: str | int) -> list[TmsList]:
    """Return the lists that `which` names: "all", the index of one, or a coil, with or without its folder.

    Raises
    ------
    PoseError
        No list has this index or coil.

    Examples
    --------
    >>> lists = [TmsList(0, "coils/A.ccd", {}, []), TmsList(1, "B.ccd", {}, [])]
    >>> [one.coil for one in chosen_lists(lists, "A.ccd")], chosen_lists(lists, 1)[0].coil
    (['coils/A.ccd'], 'B.ccd')
    """
    if which == "all":
        return lists
    if is_whole(which):
        chosen = [one for one in lists if one.order == which]
    else:
        chosen = [one for one in lists if which in (one.coil, re.split(r"[/\\]", one.coil)[-1]) and one.coil]
    if not chosen:
        there = "; ".join(f"{one.order}: {one.coil or 'no coil'}" for one in lists)
        raise PoseError(f"which = {which!r} is neither the index nor the coil of a TMSLIST: {quoted(there)}")
    return chosen


def unread(lists: list[TmsList]) -> list[str]:
    """Return notes on what the lists say that isn't read: of which coil each is, and conductivities.

    Examples
    --------
    >>> unread([TmsList(0, "A.ccd", {"anisotropy_type": "vn"}, [{}])])[0][:55]
    'anisotropy_type (vn) and cond of this session are not r'
    """
    notes = []
    coils = list(dict.fromkeys(one.coil or "none" for one in lists if one.positions))
    if len(coils) > 1:
        count = sum(bool(one.positions) for one in lists)
        named = ", ".join(coil[-60:] for coil in coils)
        notes.append(
            f"{count} TMSLISTs with the coils {named}: all their poses are read as one list; which= "
            "(--which) chooses a coil, or a TMSLIST by its index from 0"
        )
    kinds = dict.fromkeys(one.fields.get("anisotropy_type") for one in lists)
    kinds_set = [kind for kind in kinds if isinstance(kind, str) and kind not in ("", "scalar")]
    if kinds_set or any(_has_own_conductivity(one) for one in lists):
        said = f" ({', '.join(kinds_set)})" if kinds_set else ""
        notes.append(
            f"anisotropy_type{said} and cond of this session are not read: say them by conductivity= "
            "(--tensors, --conductivity)"
        )
    return notes


def _has_own_conductivity(one: TmsList) -> bool:
    """Tell whether a list has a conductivity that isn't the standard one."""
    tissues = one.fields.get("cond")
    values = [entry.get("value") for entry in tissues] if isinstance(tissues, list) else []
    return any(
        isinstance(value, np.ndarray) and value.size == 1 and abs(float(value.ravel()[0]) - standard) > 1e-9
        for value, standard in zip(values, _STANDARD, strict=False)
    )
