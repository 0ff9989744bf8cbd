# SPDX-License-Identifier: BSD-3-Clause
"""Hold a protocol against published tables of how long a train may be."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from ...core.arguments import finite_array, positive
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
_NO_NUMBERS = ("about", "longest_tested")
_BURSTS = "it has bursts: the tables are of trains of single pulses at even intervals"
_NO_INTENSITY = "no intensity in % of resting motor threshold is known: give percent_rmt"


def check_limits(
    protocol: Protocol, percent_rmt: float | None = None, tables: PublishedTables | None = None
) -> LimitsReport:
    """Say what published tables of single trains say of a protocol: inside, outside, or not covered.

    Rossi 2009, table 4, has the longest train by frequency and intensity; Chen 1997 cuts that by 25 %, and
    says which pauses between trains were safe. Only cells of exactly the protocol's frequency and intensity
    count: nothing is interpolated. A cell with the longest train that was tested says nothing of longer
    ones, and is not cut. The answer blocks nothing.

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
        An intensity of 0 or less.
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
        from_memory=any(row["from_memory"] for row in rows.values()),
    )


def _verdict(checks: list[LimitCheck], quantity: str) -> str:
    """Return what trains and pauses together say: a pause that is known as safe covers no train."""
    trains = [check.verdict for check in checks if check.quantity == quantity]
    if OUTSIDE in trains or any(check.verdict == OUTSIDE for check in checks if check.quantity == "pause"):
        return OUTSIDE
    return INSIDE if trains and all(verdict == INSIDE for verdict in trains) else NOT_COVERED


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
    """Return what is said of the pauses between trains."""
    pause, trains = protocol.inter_train_interval_s, protocol.level("train")
    if pause is None or trains is None:
        return []
    checks = []
    for kind, verdict in (("pause_unsafe", OUTSIDE), ("pause_safe", INSIDE)):
        for name, row in _of_kind(rows, kind):
            if kind == "pause_unsafe":
                applies = percent > row["above_percent_rmt"] and pause <= row["pause_s"]
            else:
                alike = _same(protocol.levels[0].frequency_hz, row["frequency_hz"])
                alike = alike and _same(percent, row["percent_rmt"]) and trains.count <= row["trains"]
                applies = alike and protocol.train_duration_s <= row["train_s"] and pause >= row["pause_s"]
            if applies:
                words = f"pauses of {pause:g} s; {row['about']}"
                facts = (row["source"], row["from_memory"])
                checks.append(
                    LimitCheck(name, verdict, "pause", pause, float(row["pause_s"]), False, words, *facts)
                )
    return checks


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
    needed, kind = _NEEDED, entry.get("kind")
    where = f"{entry.get('file', 'train_limits')}: {name}"
    if kind not in needed:
        raise DoseError(f"{where}: kind must be one of {', '.join(needed)}, not {kind!r}")
    missing = [key for key in needed[kind] if key not in entry]
    if missing:
        raise DoseError(f"{where}: {', '.join(missing)} is missing")
    try:
        numbers = {
            key: finite_array(entry[key], key, DoseError) for key in needed[kind] if key not in _NO_NUMBERS
        }
    except HeadfieldError as problem:
        raise DoseError(f"{where}: {problem}") from None
    if any((number <= 0).any() for number in numbers.values()):
        raise DoseError(f"{where}: numbers must be more than 0")
    if kind == "longest_train":
        counts = {np.size(entry[key]) for key in needed[kind][1:]}
        if len(counts) > 1 or numbers["percent_rmt"].ndim != 1:
            raise DoseError(
                f"{where}: percent_rmt, longest_train_s and longest_tested must be lists of as many"
            )
    return entry
