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

Numbers are printed with 3 or 4 decimals, so the axes are orthonormal to 1e-3 only: as far as the rounding of
the printed digits explains that, the axes are made orthonormal, see `settle_rounding`.
"""

from __future__ import annotations

import os
import re

import numpy as np

from ...errors import PoseError
from ...io.atomic import replacing
from ...io.text import decimals, number
from ..pose_list import PoseList
from .raw import RawPoses, settle_rounding, turn_axes

__all__ = ["check_coordinates", "is_brainsight", "read_brainsight", "write_brainsight"]

_AXES = np.diag([-1.0, 1.0, -1.0])  # its own inverse
_HEADER = re.compile(r"#\s*(Version|Coordinate system):")
_COORDINATES = re.compile(r"NIfTI:(?:[QS]:)?(?:Scanner|Aligned)")
_PLACE = ["Loc. X", "Loc. Y", "Loc. Z"]
_TURN = [f"m{axis}n{component}" for axis in range(3) for component in range(3)]
_Row = tuple[str, str, dict[str, str]]  # "targets" or "samples", "line 8", and the columns
_SECTIONS = {"Target Name": "targets", "Sample Name": "samples"}
_NULL = "(null)"


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
        if line.strip() and not line.startswith("#"):
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
    lines = text.split("\n")
    system = check_coordinates(_stated(lines, "Coordinate system") or "")
    units = _stated(lines, "Units")
    if units is not None and "millimet" not in units.lower():
        raise PoseError(f"units are {units[:60]!r}, not millimetres")
    rows = [row for row in _rows(lines) if which in ("all", row[0])]
    wanted = "targets or samples" if which == "all" else which
    if not rows:
        raise PoseError(f"no poses in this file: it has no {wanted}")
    there = [row for row in rows if _NULL not in (row[2][key] for key in _PLACE + _TURN)]
    if not there:
        raise PoseError(f"no poses in this file: its {len(rows)} {wanted} are all {_NULL}")
    poses = np.broadcast_to(np.eye(4), (len(there), 4, 4)).copy()
    for pose, (_, where, row) in zip(poses, there, strict=True):
        pose[:3, 3] = [number(row[key], f"{where}, {key}") for key in _PLACE]
        pose[:3, :3] = np.reshape([number(row[key], f"{where}, {key}") for key in _TURN], (3, 3)).T
    printed = [decimals([row[key] for key in _TURN]) for _, _, row in there]
    kinds = " and ".join(kind for kind in ("targets", "samples") if any(kind == row[0] for row in there))
    names = [row["Name"] for _, _, row in there]
    settled = settle_rounding(turn_axes(poses, _AXES), printed)
    return RawPoses(settled, names, None, f"Brainsight {kinds}, {system}", _notes(rows, there))


def _stated(lines: list[str], key: str) -> str | None:
    """Return what the header says of `key`, whose case differs between versions."""
    for line in lines:
        if not line.startswith("#"):
            if line.strip():
                return None
        elif line[1:].strip().lower().startswith(key.lower() + ":"):
            return line.partition(":")[2].strip()
    return None


def _rows(lines: list[str]) -> list[_Row]:
    """Return the rows of the sections that hold poses."""
    rows, kind, columns = [], "", list[str]()
    for index, line in enumerate(lines, 1):
        words = [word.strip() for word in line.split("\t")]
        if line.startswith("#") and not (kind and _is_row(words, columns)):
            if not words[0].endswith("Name"):  # a comment
                continue
            columns = [words[0][1:].strip(), *words[1:]]
            kind = _SECTIONS.get(columns[0], "")
            missing = [key for key in _PLACE + _TURN if key not in columns]
            if kind and missing:
                raise PoseError(f"line {index}: the {kind} have no column {missing[0]}")
        elif kind and line.strip():
            if len(words) < len(columns):
                raise PoseError(f"line {index}: {len(words)} columns where {len(columns)} are needed")
            row = dict(zip(columns, words, strict=False))
            rows.append((kind, f"line {index}", row | {"Name": words[0]}))
    return rows


def _is_row(words: list[str], columns: list[str]) -> bool:
    """Tell whether a line that begins with # is a row all the same: of a target whose name begins so."""
    return len(words) == len(columns) and not any(word in columns[1:] for word in words)


def _notes(rows: list[_Row], there: list[_Row]) -> list[str]:
    notes = []
    if len(there) < len(rows):
        notes.append(f"{len(rows) - len(there)} of {len(rows)} rows have no pose ({_NULL}): left out")
    offsets = [row.get("Offset", _NULL) for _, _, row in there]
    moved = [text for text in offsets if text not in ("", _NULL) and number(text, "Offset") != 0]
    if moved:
        notes.append(
            f"{len(moved)} samples were recorded with an offset along the coil's axis (the first of "
            f"{moved[0]} mm): their position may not be the coil's centre"
        )
    return notes


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
    for name, pose in zip(poses.names, turn_axes(poses.poses, _AXES), strict=True):
        if name.startswith("#"):
            raise PoseError(f"name {name[:40]!r}: a line that begins with # is a comment to Brainsight")
        values = [*pose[:3, 3], *pose[:3, :3].T.ravel()]
        lines.append("\t".join([name, *(f"{value + 0.0:.9f}" for value in values)]))
    with replacing(path) as temporary:
        temporary.write_text("\n".join(lines) + "\n", encoding="utf-8", newline="\n")
