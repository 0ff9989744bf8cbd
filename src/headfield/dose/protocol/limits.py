# SPDX-License-Identifier: BSD-3-Clause
"""Hold a protocol against published tables of how long a train may be."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from ...core.arguments import positive, truth, within
from ...core.messages import nearest_name
from ...errors import ArgumentError, DoseError, HeadfieldError
from ...io.published import PublishedTables, section_of
from .limits_report import INSIDE, NOT_COVERED, OUTSIDE, LimitCheck, LimitsReport
from .protocol import Protocol

__all__ = ["check_limits"]

_EQUAL = 1e-9  # relative: rounding of a frequency that is one over an interval
_NEEDED = {  # what a row of each kind has
    "longest_train": ("frequency_hz", "percent_rmt", "longest_train_s", "longest_tested"),
    "cut": ("share",),
    "pause_safe": ("frequency_hz", "percent_rmt", "train_s", "trains", "pause_s", "about"),
    "pause_unsafe": ("above_percent_rmt", "pause_s", "about"),
}
_COLUMNS = ("percent_rmt", "longest_train_s", "longest_tested")  # lists in a row of longest trains
_LEAST_PERCENT = 5.0  # less is a factor that was taken for percent
_BURSTS = "it has bursts: the tables are of trains of single pulses at even intervals"
_NO_INTENSITY = "no intensity in % of resting motor threshold is known: give percent_rmt"


def check_limits(
    protocol: Protocol, percent_rmt: float | None = None, tables: PublishedTables | None = None
) -> LimitsReport:
    """Say what published tables of single trains say of a protocol: inside, outside, or not covered.

    Rossi 2009, table 4, has the longest train by frequency and intensity; Chen 1997 cuts that by 25 %, and
    says which pauses between trains were safe. Only cells of exactly the protocol's frequency and intensity
    count: nothing is interpolated. A cell with the longest train that was tested says nothing of longer
    ones, and is not cut. Pauses shorter than any that were found safe are not covered: the tables are of
    single trains. The answer blocks nothing.

    Parameters
    ----------
    protocol : Protocol
    percent_rmt : float, optional
        Intensity, % of resting motor threshold; the protocol's own if not given.
    tables : PublishedTables, optional
        With rows of one's own in the section `train_limits`, from `hf.read_tables`.

    Returns
    -------
    LimitsReport

    Raises
    ------
    ArgumentError
        An intensity below 5 %: 120 is 1.2 times the threshold.
    DoseError
        A damaged row of the tables.

    Notes
    -----
    Paper: Rossi 2009, written down from memory and not compared with the paper; Chen 1997, abstract. Unit:
    seconds of a train. Validated on: single trains over the motor cortex of healthy people. It does not say
    anything of bursts, of pulses in a session or of sessions a day, and it is no limit of this software.

    Examples
    --------
    >>> import headfield as hf
    >>> mine = hf.dose.Protocol("mine", [("pulse", 30, 0.1), ("train", 10, 30)])
    >>> found = hf.dose.check_limits(mine, 120)
    >>> found.verdict, found.checks[0].value_s, found.checks[0].limit_s, found.from_memory
    ('inside', 3.0, 4.2, True)
    >>> hf.dose.check_limits(hf.dose.protocols["itbs"], 120).verdict
    'not covered'
    """
    if not isinstance(protocol, Protocol):
        raise ArgumentError(f"check_limits takes a Protocol, not {protocol!r}")
    percent = protocol.percent_rmt
    if percent_rmt is not None:
        percent = positive(percent_rmt, "percent_rmt", ArgumentError)
    if percent is not None and percent < _LEAST_PERCENT:
        raise ArgumentError(f"percent_rmt = {percent:g} is of the threshold, in percent: 120 is 1.2 times")
    entries = section_of(tables, "train_limits")
    rows = {name: _checked(name, entry) for name, entry in entries.items()}
    frequency, train = protocol.levels[0].frequency_hz, protocol.train_duration_s
    checks: list[LimitCheck] = []
    why = _BURSTS if protocol.has_bursts else _NO_INTENSITY if percent is None else ""
    if percent is not None and not why:
        checks = [*_trains(rows, frequency, train, percent), *_pauses(rows, protocol, percent)]
        if not any(check.quantity == "train" for check in checks):
            why = _neighbour(rows, frequency, percent)
    is_cut = any(check.quantity == "train, cut" for check in checks)
    return LimitsReport(
        _verdict(checks, "train"),
        _verdict(checks, "train, cut" if is_cut else "train"),
        protocol.name,
        frequency_hz=frequency,
        train_duration_s=train,
        percent_rmt=percent,
        checks=tuple(checks),
        why=why,
        from_memory=_is_from_memory(checks, rows),
    )


def _is_from_memory(checks: list[LimitCheck], rows: Mapping[str, Mapping[str, Any]]) -> bool:
    """Tell whether a row that was used is from memory, or where none was whether any is."""
    return any(one.from_memory for one in checks) if checks else any(r["from_memory"] for r in rows.values())


def _verdict(checks: list[LimitCheck], quantity: str) -> str:
    """Return what trains and pauses together say: a pause that is known as safe covers no train."""
    trains = [check.verdict for check in checks if check.quantity == quantity]
    pauses = [check.verdict for check in checks if check.quantity == "pause"]
    if OUTSIDE in (*trains, *pauses):
        return OUTSIDE
    inside = bool(trains) and all(verdict == INSIDE for verdict in trains)
    return INSIDE if inside and NOT_COVERED not in pauses else NOT_COVERED


def _of_kind(rows: Mapping[str, Mapping[str, Any]], kind: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    return ((name, row) for name, row in rows.items() if row["kind"] == kind)


def _same(a: float, b: float) -> bool:
    return abs(a - b) <= _EQUAL * abs(b)


def _trains(
    rows: Mapping[str, Mapping[str, Any]], frequency: float, train_s: float, percent: float
) -> list[LimitCheck]:
    """Return what cells of this frequency and intensity say of a train, as they are and once they are cut."""
    checks = []
    for name, row in _of_kind(rows, "longest_train"):
        columns = [i for i, column in enumerate(row["percent_rmt"]) if _same(percent, column)]
        if not _same(frequency, row["frequency_hz"]) or not columns:
            continue
        limit, tested = float(row["longest_train_s"][columns[0]]), bool(row["longest_tested"][columns[0]])
        cell = f"{row['frequency_hz']:g} Hz, {percent:g} % rMT"
        checks.append(_train(name, row, train_s, limit, tested=tested, cell=cell))
        for cut, by in [] if tested else _of_kind(rows, "cut"):
            where = f"{cell}, {name} times {by['share']:g}"
            after = _train(cut, by, train_s, by["share"] * limit, tested=False, cell=where)
            memory = row["from_memory"] or by["from_memory"]
            checks.append(replace(after, quantity="train, cut", from_memory=memory))
    return checks


def _train(
    name: str, row: Mapping[str, Any], train_s: float, limit_s: float, *, tested: bool, cell: str
) -> LimitCheck:
    within = train_s <= limit_s * (1.0 + _EQUAL)
    verdict = INSIDE if within else NOT_COVERED if tested else OUTSIDE
    most = "the longest tested is" if tested else "at most"
    words = f"a train of {train_s:g} s, {most} {limit_s:.4g} s at {cell}"
    return LimitCheck(
        name, verdict, "train", train_s, limit_s, tested, words, row["source"], row["from_memory"]
    )


def _pauses(rows: Mapping[str, Mapping[str, Any]], protocol: Protocol, percent: float) -> list[LimitCheck]:
    """Return what is said of the shortest pause between trains, whatever their level is called."""
    levels = [one for one in protocol.levels if one.name not in ("pulse", "burst")]
    found = {one.name: protocol.pauses_s.get(one.name, 0.0) for one in levels}
    if not any(found.values()):  # without a pause it is one train
        return []
    pause = min(one for one in found.values() if one > 0.0)
    trains = math.prod(one.count for one in levels if found[one.name] > 0.0)
    checks = []
    for kind, verdict in (("pause_unsafe", OUTSIDE), ("pause_safe", INSIDE)):
        for name, row in _of_kind(rows, kind):
            if kind == "pause_unsafe":
                applies = percent > row["above_percent_rmt"] and pause <= row["pause_s"]
            else:
                alike = _same(protocol.levels[0].frequency_hz, row["frequency_hz"])
                alike = alike and _same(percent, row["percent_rmt"]) and trains <= row["trains"]
                applies = alike and protocol.train_duration_s <= row["train_s"] and pause >= row["pause_s"]
            if applies:
                words = f"pauses of {pause:g} s; {row['about']}"
                facts = (row["source"], row["from_memory"])
                checks.append(
                    LimitCheck(name, verdict, "pause", pause, float(row["pause_s"]), False, words, *facts)
                )
    return checks or _too_soon(rows, pause)


def _too_soon(rows: Mapping[str, Mapping[str, Any]], pause: float) -> list[LimitCheck]:
    """Return that tables of single trains don't cover trains that follow sooner than any that were tested."""
    tested = sorted(_of_kind(rows, "pause_safe"), key=lambda one: float(one[1]["pause_s"]))
    if not tested or pause >= tested[0][1]["pause_s"]:
        return []
    name, row = tested[0]
    shortest = float(row["pause_s"])
    words = f"pauses of {pause:g} s; the shortest that were found safe are {shortest:g} s, of other trains"
    facts = (row["source"], row["from_memory"])
    return [LimitCheck(name, NOT_COVERED, "pause", pause, shortest, False, words, *facts)]


def _neighbour(rows: Mapping[str, Mapping[str, Any]], frequency: float, percent: float) -> str:
    """Say that there is no cell, and which would be the next stricter one."""
    cells = []
    for name, row in _of_kind(rows, "longest_train"):
        for column, limit, tested in zip(
            row["percent_rmt"], row["longest_train_s"], row["longest_tested"], strict=True
        ):
            above = row["frequency_hz"] >= frequency * (1.0 - _EQUAL)
            if above and column >= percent * (1.0 - _EQUAL):
                cells.append((row["frequency_hz"], column, limit, tested, name))
    what = f"there is no row for {frequency:.6g} Hz at {percent:g} % rMT"
    if not cells:
        return f"{what}, which is beyond the tables"
    hz, column, limit, tested, name = min(cells)
    more = "longest tested, " if tested else ""
    where = f"{more}{name}: {hz:g} Hz, {column:g} % rMT"
    return f"{what}; the next stricter one is {limit:g} s ({where}), which is not this one"


def _checked(name: str, entry: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a row of the tables, or raise DoseError if it is not one."""
    kind = entry.get("kind")
    where = f"{entry.get('file', 'train_limits')}: {name}"
    if not isinstance(kind, str) or kind not in _NEEDED:
        raise DoseError(
            f"{where}: kind must be one of {', '.join(_NEEDED)}, not {kind!r}{nearest_name(kind, _NEEDED)}"
        )
    missing = [key for key in _NEEDED[kind] if key not in entry]
    if missing:
        raise DoseError(f"{where}: {', '.join(missing)} is missing")
    try:
        _check_numbers(entry, kind)
    except HeadfieldError as problem:
        raise DoseError(f"{where}: {problem}") from None
    return entry


def _check_numbers(entry: Mapping[str, Any], kind: str) -> None:
    """Raise DoseError unless a row has numbers above 0 where its kind needs them, or columns of them."""
    if kind == "longest_train":
        _check_columns([entry[key] for key in _COLUMNS])
    for key in _NEEDED[kind]:
        if key != "about" and not (kind == "longest_train" and key in _COLUMNS):
            positive(entry[key], key, DoseError)
    if kind == "cut":
        within(entry["share"], "share", DoseError, 0.0, 1.0)


def _check_columns(columns: list[Any]) -> None:
    """Raise DoseError unless the lists of a row of longest trains are as long, each percent once."""
    if not all(isinstance(one, (list, tuple)) for one in columns) or len({*map(len, columns)}) > 1:
        raise DoseError(f"{', '.join(_COLUMNS)} must be lists of as many")
    for percent, longest, tested in zip(*columns, strict=True):
        positive(percent, "percent_rmt", DoseError)
        positive(longest, "longest_train_s", DoseError)
        truth(tested, "longest_tested", DoseError)
    percents = columns[0]
    twice = [one for one in percents if percents.count(one) > 1]
    if twice:
        raise DoseError(f"percent_rmt has {twice[0]:g} twice")
