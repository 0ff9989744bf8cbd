# SPDX-License-Identifier: BSD-3-Clause
"""Positions of EEG electrodes and landmarks on a head, from .csv files.

::

    Type,X,Y,Z,ElectrodeName
    Electrode,-65.3,-13.2,68.1,C3
    ReferenceElectrode,0.4,-9.1,98.0,Cz
    Fiducial,0.5,94.3,-28.1,Nz

The header line is optional. Between the coordinates and the name there may be three more coordinates, of a
point that tells the orientation of the electrode; they are not kept. Columns after the name are ignored.
"""

from __future__ import annotations

import csv
import math
import os
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core.arguments import real_array
from ..core.messages import nearest_name, plural, quoted, warn
from ..errors import ArgumentError, FileFormatError
from ..io.regular import check_regular

__all__ = ["EegPositions", "read_eeg_positions"]

_KINDS = {kind.lower(): kind for kind in ("Electrode", "ReferenceElectrode", "Fiducial")}
_PLAUSIBLE_MM = (10.0, 1000.0)  # of all positions; in metres or micrometres they lie far outside
_LISTED = 10  # names that a message has
_SAME_MM = 1e-3  # positions of one name that are no farther apart are one


@dataclass(frozen=True, eq=False, repr=False)
class EegPositions:
    """Named positions on a head.

    Attributes
    ----------
    names : tuple of str
    positions_mm : ndarray (n, 3) float64, read-only
        In the frame of the head, mm.
    kinds : tuple of str
        "Electrode", "ReferenceElectrode" or "Fiducial".
    source : str
        Where they are from, for messages.

    Examples
    --------
    >>> cap = EegPositions(("C3", "Nz"), np.array([[-60.0, 0, 60], [0, 95, 0]]), ("Electrode", "Fiducial"))
    >>> cap["C3"].tolist(), "Cz" in cap, len(cap)
    ([-60.0, 0.0, 60.0], False, 2)
    >>> cap["c3"]
    Traceback (most recent call last):
    ...
    headfield.errors.ArgumentError: no position named 'c3', did you mean 'C3'?
    """

    names: tuple[str, ...]
    positions_mm: NDArray[np.float64]
    kinds: tuple[str, ...]
    source: str = ""

    def __post_init__(self) -> None:
        positions = real_array(self.positions_mm, "positions_mm", ArgumentError)
        positions.flags.writeable = False
        object.__setattr__(self, "positions_mm", positions)

    def __reduce__(self) -> tuple[type[EegPositions], tuple[Any, ...]]:
        # By the constructor: it closes the array, which NumPy's pickles leave open.
        return type(self), (self.names, self.positions_mm, self.kinds, self.source)

    def __len__(self) -> int:
        return len(self.names)

    def __contains__(self, name: object) -> bool:
        return name in self.names

    def __getitem__(self, name: str) -> NDArray[np.float64]:
        """Return the position (3,) of that name, mm; ArgumentError if there is none or several differ."""
        where = [i for i, each in enumerate(self.names) if each == name]
        place = f"{self.source}: " if self.source else ""
        if not where:
            raise ArgumentError(f"{place}no position named {name!r}{self._hint(name)}")
        apart = float(np.ptp(self.positions_mm[where], axis=0).max())
        if apart > _SAME_MM:
            raise ArgumentError(
                f"{place}{len(where)} positions are named {name!r}, up to {apart:.3g} mm apart"
            )
        return self.positions_mm[where[0]].copy()

    def __repr__(self) -> str:
        return f"<EegPositions: {plural(len(self), 'position', 'positions')}>"

    def _hint(self, name: object) -> str:
        there = ", ".join(map(repr, self.names[:_LISTED]))
        return nearest_name(name, self.names) or f"; there are {there}{', …' if len(self) > _LISTED else ''}"


def read_eeg_positions(path: str | os.PathLike[str]) -> EegPositions:
    """Read positions of electrodes and landmarks from a .csv file.

    Parameters
    ----------
    path : path
        Lines `Electrode,x,y,z,name`, in mm; see `headfield.heads.eeg`.

    Returns
    -------
    EegPositions
        In the order of the file.

    Raises
    ------
    FileFormatError
        The file is not UTF-8 or not a regular file, or has no positions; a line has another kind, no name, or
        a coordinate that is not a finite number. The message has the line.
    OSError
        The file can't be read.

    Warns
    -----
    UserWarning
        Three positions or more span less than 10 mm or more than 1 m: are these mm?

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with open(folder + "/cap.csv", "w") as file:
    ...         _ = file.write("Electrode,-65.3,-13.2,68.1,C3\\nFiducial,0.5,94.3,-28.1,Nz\\n")
    ...     read_eeg_positions(folder + "/cap.csv")["Nz"].tolist()
    [0.5, 94.3, -28.1]
    """
    name = os.fspath(path)
    rows = _rows(name)
    if not rows:
        raise FileFormatError(f"{name}: no positions in this file")
    kinds, positions, names = zip(*rows, strict=True)
    array = np.array(positions)
    extent = float(np.ptp(array, axis=0).max())
    if len(rows) > 2 and not _PLAUSIBLE_MM[0] <= extent <= _PLAUSIBLE_MM[1]:
        warn(
            f"{name}: the positions span {extent:.3g} mm; they are taken as mm, are these their units?",
        )
    return EegPositions(names, array, kinds, name)


def _rows(name: str) -> list[tuple[str, list[float], str]]:
    check_regular(name, FileFormatError)
    rows: list[tuple[str, list[float], str]] = []
    number, begun = 1, False
    try:
        with open(name, encoding="utf-8-sig", newline="") as file:
            lines = csv.reader(file, strict=True, skipinitialspace=True)
            for fields in lines:
                number = lines.line_num
                cells = [cell.strip() for cell in fields]
                if any(cells) and (begun or not _is_header(cells)):
                    rows.append(_row(cells))
                begun = begun or any(cells)
    except UnicodeDecodeError as problem:
        raise FileFormatError(f"{name}: not a text file, byte {problem.start} is not UTF-8") from None
    except (csv.Error, ValueError) as problem:
        raise FileFormatError(f"{name}, line {number}: {problem}") from None
    return rows


def _is_header(cells: list[str]) -> bool:
    return cells[0].lower() not in _KINDS and all(_number(cell) is None for cell in cells)


def _row(cells: list[str]) -> tuple[str, list[float], str]:
    """Return kind, coordinates and name of a line; ValueError says what is wrong with it."""
    kind = _KINDS.get(cells[0].lower())
    if kind is None:
        raise ValueError(f"{quoted(cells[0])} is not one of {', '.join(_KINDS.values())}")
    position = []
    for cell in (cells[1:4] + [""] * 3)[:3]:
        number = _number(cell)
        if number is None:
            raise ValueError(f"the coordinate {quoted(cell)} is not a finite number")
        position.append(number)
    rest = cells[4:]
    if len(rest) > 2 and all(_number(cell) is not None for cell in rest[:3]):
        rest = rest[3:]
    if not rest or not rest[0]:
        raise ValueError(f"{kind} has no name after its coordinates")
    if not rest[0].isprintable():
        raise ValueError(f"{quoted(rest[0])} can't be a name")
    return kind, position, rest[0]


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) and "_" not in text else None
