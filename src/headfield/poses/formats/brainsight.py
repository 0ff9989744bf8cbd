# SPDX-License-Identifier: BSD-3-Clause
r"""Brainsight (Rogue Research): exported targets and samples, tab-separated text (.txt).

::

    # Version: 7
    # Coordinate system: NIfTI:Scanner
    # Target Name<tab>Loc. X<tab>Loc. Y<tab>Loc. Z<tab>m0n0<tab>m0n1<tab>m0n2<tab>m1n0<tab>…<tab>m2n2
    M1<tab>-44.198<tab>75.810<tab>65.742<tab>0.712<tab>0.013<tab>0.702<tab>0.321<tab>…<tab>0.624
    # Sample Name<tab>Session Name<tab>…

**m0n0 m0n1 m0n2** are the components of the first axis, not the first row of a matrix: m0, m1, m2 are the
x, y and z axis of the tool in head coordinates. That was worked out from the sample files:

- Their 108 targets and samples lie on the scalp or outside of it. With the triples as axes, m2 points outward
  for each (its cosine with the direction from the middle of the landmarks is 0.84 to 1.00). With the triples
  as rows, the third column points outward for some and inward for others (down to -0.72).
- Brainsight prints the angle between the axes of a sample and its target ("Angular Error") and the turn about
  it ("Twist Error"). Computed from m2 and m1 as axes, both agree with what is printed to 0.014 degrees
  (median of 100 samples, printed with 3 decimals); with the triples as rows they are off by 9 and 45 degrees.

So the rotation's columns are m0, m1, m2. z is outward, m1 the prolongation of the handle: headfield's axes
follow by diag(-1, 1, -1) from the right.

Positions are mm in the coordinate system that the header names. NIfTI:Scanner and NIfTI:Aligned (also as
NIfTI:Q:…, NIfTI:S:…) are world coordinates of the image, as the head mesh is; any other is refused, since it
is shifted or scaled against the head (Brainsight, World, MNI, Talairach).

Rows whose columns are (null), nan or zero have no pose: the camera did not see the tool. Nor have targets
that are points, whose axes are (null) or empty, or that stand in a section without columns for them, as TAP's
make_brainsight_files.m writes it. They are left out, with a warning.

A spreadsheet that opened the file may have saved it with commas or semicolons in place of tabs, cells in
quotes, decimal commas, empty cells at the ends of lines, in UTF-16 or Windows's code page: that is read as
well, also as .csv.

Numbers are printed with 3 or 4 decimals, so the axes are orthonormal to 1e-3 only: as far as the rounding of
the printed digits explains that, the axes are made orthonormal, see `settle_rounding`.
"""

from __future__ import annotations

import csv
import math
import os
import re
from datetime import datetime
from typing import NamedTuple

import numpy as np

from ...errors import PoseError
from ...io.atomic import replacing
from ...io.text import decimals, number, with_point
from ..pose_list import PoseList
from .markers import NO_AXES, Markers
from .raw import RawPoses, settle_rounding, turn_axes

__all__ = ["AXES", "check_coordinates", "is_brainsight", "read_brainsight", "write_brainsight"]

AXES = np.diag([-1.0, 1.0, -1.0])  # its own inverse
_HEADER = re.compile(r"\"?#\s*(Version|Coordinate system):")
_COLUMNS = re.compile(r"\"?# *(?:Target|Sample) Name\"?\s*([\t,;])", re.M)
_COORDINATES = re.compile(r"NIfTI:(?:[QS]:)?(?:Scanner|Aligned)")
_PLACE = ["Loc. X", "Loc. Y", "Loc. Z"]
_TURN = [f"m{axis}n{component}" for axis in range(3) for component in range(3)]
_SECTIONS = {"Target Name": "targets", "Sample Name": "samples"}
_NULL = "(null)"
_DAY = 86_400  # seconds
_NO_POSE = f"no pose ({_NULL})"


class _Line(NamedTuple):
    """A line of the file."""

    number: int
    cells: list[str]

    @property
    def is_comment(self) -> bool:
        return self.cells[0].startswith("#")


class _Row(NamedTuple):
    """A target or a sample."""

    kind: str  # "targets" or "samples"
    where: str  # "line 8"
    name: str
    values: dict[str, str]  # by the name of their column

    def numbers(self, columns: list[str]) -> list[float]:
        """Return the numbers in these columns."""
        return [number(self.values[key], f"{self.where}, {key}") for key in columns]


def is_brainsight(text: str) -> bool:
    """Tell a Brainsight export from a table of numbers by its first comment lines.

    Examples
    --------
    >>> is_brainsight("# Version: 7\\n# Coordinate system: World\\n"), is_brainsight("# x\\n1 0 0 0\\n")
    (True, False)
    """
    for line in text[:4096].split("\n"):
        if _HEADER.match(line):
            return True
        if line.strip() and not line.startswith(("#", '"#')):
            return False
    return False


def check_coordinates(system: str) -> str:
    """Return the coordinate system, or raise an error that says how to export again if it isn't the image's.

    Examples
    --------
    >>> check_coordinates("NIfTI:Q:Aligned")
    'NIfTI:Q:Aligned'
    """
    if not _COORDINATES.fullmatch(system):
        raise PoseError(
            f"coordinate system {system[:40]!r} is not the head's: export again from Brainsight with "
            "NIfTI:Scanner or NIfTI:Aligned of the image that the head mesh was made from"
        )
    return system


def read_brainsight(text: str, which: str = "all") -> RawPoses:
    """Read the targets and samples in the text of a Brainsight .txt file; see the module.

    Parameters
    ----------
    text : str
    which : {"all", "targets", "samples"}
        Targets are planned, samples recorded. "all": both, targets first as in the file.

    Raises
    ------
    PoseError
        No coordinate system or one that isn't the image's; units other than mm; a row with too few columns,
        or with text where a number is needed (the message has the line); no poses of this kind.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> path = tempfile.mkdtemp() + "/targets.txt"
    >>> poses = PoseList([[1, 0, 0, 5], [0, -1, 0, 6], [0, 0, -1, 90], [0, 0, 0, 1]], ["M1"])
    >>> write_brainsight(path, poses, "NIfTI:Aligned")
    >>> raw = read_brainsight(pathlib.Path(path).read_text())
    >>> raw.names, raw.poses[0, :3, 3], raw.kind
    (['M1'], array([ 5.,  6., 90.]), 'Brainsight targets, NIfTI:Aligned')
    """
    lines, delimiter = _lines(text)
    system = check_coordinates(_stated(lines, "Coordinate system") or "")
    units = _stated(lines, "Units")
    if units is not None and "millimet" not in units.lower():
        raise PoseError(f"units are {units[:60]!r}, not millimetres")
    rows = [row for row in _rows(lines, delimiter) if which in ("all", row.kind)]
    wanted = "targets or samples" if which == "all" else which
    if not rows:
        raise PoseError(f"no poses in this file: it has no {wanted}")
    markers = Markers("rows")
    there = [row for row in rows if _add(markers, row)]
    if all(one.reason == _NO_POSE for one in markers.left_out) and not there:
        raise PoseError(f"no poses in this file: its {len(rows)} {wanted} are all {_NULL}")
    settled = settle_rounding(turn_axes(markers.poses(), AXES), markers.printed)
    kinds = " and ".join(kind for kind in ("targets", "samples") if any(kind == row.kind for row in there))
    raw = markers.raw(settled, f"Brainsight {kinds}, {system}", _offset_notes(there))
    if raw.seconds is None:
        return raw
    return raw._replace(seconds=raw.seconds - _DAY * (np.nanmin(raw.seconds) // _DAY))


def _lines(text: str) -> tuple[list[_Line], str]:
    """Split the lines that aren't blank into cells; returns them and what stands between the cells."""
    found = _COLUMNS.search(text)
    delimiter = found[1] if found else "\t"
    if delimiter == "\t" and not text.startswith('"') and not (found and found[0].startswith('"')):
        # Brainsight itself quotes nothing: a quote is part of a name then.
        split = ((number, line.split("\t")) for number, line in enumerate(text.split("\n"), 1))
    else:
        reader = csv.reader(text.split("\n"), delimiter=delimiter)
        split = ((reader.line_num, cells) for cells in reader)
    lines = []
    try:
        for number, cells in split:
            words = [cell.strip() for cell in cells]
            if any(words):
                lines.append(_Line(number, words))
    except csv.Error as error:
        raise PoseError(f"line {reader.line_num}: {error}") from None
    return lines, delimiter


def _stated(lines: list[_Line], key: str) -> str | None:
    """Return what the header says of `key`, whose case differs between versions."""
    for line in lines:
        if not line.is_comment:
            return None
        if line.cells[0][1:].strip().lower().startswith(key.lower() + ":"):
            return line.cells[0].partition(":")[2].strip()
    return None


def _rows(lines: list[_Line], delimiter: str) -> list[_Row]:
    """Return the rows of the sections that hold poses."""
    rows, kind, columns = [], "", list[str]()
    for at, words in lines:
        where = f"line {at}"
        if words[0].startswith("#") and not (kind and _is_row(words, columns)):
            if not words[0].endswith("Name"):  # a comment
                continue
            columns = _trimmed([words[0][1:].strip(), *words[1:]])
            kind = _SECTIONS.get(columns[0], "")
            missing = [key for key in _PLACE + _TURN if key not in columns]
            if kind and missing and missing != _TURN:  # a section of points has no axes at all
                raise PoseError(f"{where}: the {kind} have no column {missing[0]}")
        elif kind:
            needed = [index for index, key in enumerate(columns) if key in _PLACE + _TURN]
            # Decimal commas between commas would make more columns, and numbers of the wrong ones.
            if len(words) <= max(needed) or (delimiter == "," and any(words[len(columns) :])):
                raise PoseError(f"{where}: {len(words)} columns where {len(columns)} are needed")
            cells = {
                key: with_point(word) if key in (*_PLACE, *_TURN, "Offset") else word
                for key, word in zip(columns, words, strict=False)
            }
            rows.append(_Row(kind, where, words[0], cells))
    return rows


def _is_row(words: list[str], columns: list[str]) -> bool:
    """Tell whether a line that begins with # is a row all the same: of a target whose name begins so."""
    return len(_trimmed(words)) == len(columns) and not any(word in columns[1:] for word in words)


def _trimmed(words: list[str]) -> list[str]:
    """Return the cells without empty ones at the end."""
    count = max((index for index, word in enumerate(words, 1) if word), default=0)
    return words[:count]


def _add(markers: Markers, row: _Row) -> bool:
    """Add a target or sample; returns whether it has a pose."""
    if _NULL in (row.values[key] for key in _PLACE):
        return markers.leave_out(row.name, _NO_POSE)
    pose = np.eye(4)
    pose[:3, 3] = row.numbers(_PLACE)
    if any(row.values.get(key, "") in (_NULL, "") for key in _TURN):
        return markers.leave_out(row.name, NO_AXES)
    pose[:3, :3] = np.reshape(row.numbers(_TURN), (3, 3)).T
    printed = decimals([row.values[key] for key in _TURN])
    return markers.add(row.name, pose, printed=printed, seconds=_seconds(row.values))


def _seconds(values: dict[str, str]) -> float:
    """Return when a sample was recorded, s since the year 1; nan where its Date and Time do not say."""
    try:
        at = datetime.fromisoformat(f"{values.get('Date', '')}T{values.get('Time', '')}").replace(tzinfo=None)
    except ValueError:
        return math.nan
    return (at - datetime.min).total_seconds()


def _offset_notes(there: list[_Row]) -> list[str]:
    offsets = [row.values.get("Offset", "") for row in there]
    moved = [text for text in offsets if text not in ("", _NULL) and number(text, "Offset") != 0]
    if not moved:
        return []
    return [
        f"{len(moved)} samples were recorded with an offset along the coil's axis (the first of {moved[0]} "
        "mm): their position may not be the coil's centre"
    ]


def write_brainsight(
    path: str | os.PathLike[str], poses: PoseList, coordinates: str = "NIfTI:Scanner"
) -> None:
    """Write the poses as the targets of a Brainsight .txt file, with 9 decimals.

    Parameters
    ----------
    path : path
    poses : PoseList
    coordinates : str
        The coordinate system in which Brainsight shall read them: the one of the image's header that the
        head mesh follows, e.g. "NIfTI:Scanner" or "NIfTI:Aligned".

    Raises
    ------
    PoseError
        Another coordinate system, or a name that begins with #: Brainsight would read it as a comment.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> path = tempfile.mkdtemp() + "/targets.txt"
    >>> write_brainsight(path, PoseList(np.eye(4), ["M1"]))
    >>> print(pathlib.Path(path).read_text().splitlines()[1])
    # Coordinate system: NIfTI:Scanner
    """
    lines = [
        "# Version: 14",
        f"# Coordinate system: {check_coordinates(coordinates)}",
        "# Created by: headfield",
        "# Units: millimetres, degrees, milliseconds, and microvolts",
        "# Encoding: UTF-8",
        "# Notes: Each column is delimited by a tab. Each value within a column is delimited by a semicolon.",
        "\t".join(["# Target Name", *_PLACE, *_TURN]),
    ]
    for name, pose in zip(poses.names, turn_axes(poses.poses, AXES), strict=True):
        if name.startswith("#"):
            raise PoseError(f"name {name[:40]!r}: a line that begins with # is a comment to Brainsight")
        values = [*pose[:3, 3], *pose[:3, :3].T.ravel()]
        lines.append("\t".join([name, *(f"{value + 0.0:.9f}" for value in values)]))
    with replacing(path) as temporary:
        temporary.write_text("\n".join(lines) + "\n", encoding="utf-8", newline="\n")
