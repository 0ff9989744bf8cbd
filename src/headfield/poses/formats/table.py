# SPDX-License-Identifier: BSD-3-Clause
"""Poses in tables: plain numbers (.csv, .txt), and named columns (.csv).

Plain numbers: one pose per line, its 16 numbers row by row, or four lines of four numbers; commas, semicolons
or blanks between them, decimal commas only between semicolons; what follows a # is a comment. Four lines of
four may be as MATLAB prints them, below `M =` or `ans(:,:,2) =` and a common factor `1.0e+02 *`. For matrices
in brackets see `printed`. Axes are made orthonormal as far as the rounding of the printed digits explains
what they are off by, see `settle_rounding`.

Named columns: a header line that has `centre_x_mm`, and one pose per line::

    name,centre_x_mm,centre_y_mm,centre_z_mm,z_axis_x,z_axis_y,z_axis_z,y_axis_x,y_axis_y,y_axis_z
    M1,-44.0,-12.5,80.0,0.5,0.2,-0.8426149773176359,...

| column | |
|---|---|
| `centre_x_mm` … `centre_z_mm` | the coil's centre, mm |
| `z_axis_x` … `z_axis_z` | unit vector into the head |
| `y_axis_x` … `y_axis_z` | unit vector along the prolongation of the handle, orthogonal to it |
| `name` | optional |
| `distance_mm` | optional: the centre is on the scalp, and the casing lies this far outside, along -z |
| `didt_a_per_s` | optional: dI/dt, A/s |

The x axis is y × z, made a unit vector. Columns may come in any order, separated by commas, semicolons or
tabs; lines before the header that begin with # are skipped.
"""

from __future__ import annotations

import csv
import io
import os
import re

import numpy as np

from ...errors import PoseError
from ...io.atomic import replacing
from ...io.text import decimals, number, with_point
from ..pose import MAX_TRANSLATION_MM
from ..pose_list import PoseList
from .printed import in_brackets, read_printed
from .raw import RawPoses, didt_of_all, settle_rounding

__all__ = ["read_table", "write_table"]

_NAME = re.compile(r"\s*[A-Za-z]\w*(?:\(:,:,\d+\))?\s*=\s*")
_FACTOR = re.compile(r"\s*1\.0e([+-]?\d{1,2})\s*\*\s*")
_CENTRE = ["centre_x_mm", "centre_y_mm", "centre_z_mm"]
_AXES = ["z_axis_x", "z_axis_y", "z_axis_z", "y_axis_x", "y_axis_y", "y_axis_z"]
_DISTANCE, _DIDT = "distance_mm", "didt_a_per_s"
_KNOWN = {"name", *_CENTRE, *_AXES, _DISTANCE, _DIDT}


def read_table(text: str) -> RawPoses:
    """Read poses from the text of a table; see the module.

    Raises
    ------
    PoseError
        No poses, a wrong count of numbers, text where a number is needed (the message has the line), a column
        that is missing or comes twice.

    Examples
    --------
    >>> raw = read_table("1 0 0 5\\n0 1 0 6\\n0 0 1 7\\n0 0 0 1\\n")
    >>> raw.poses.shape, raw.kind
    ((1, 4, 4), 'table of numbers')
    >>> header = ",".join(_CENTRE + _AXES + [_DISTANCE])
    >>> read_table(header + "\\n5,6,90,0,0,-1,0,1,0,4\\n").poses[0, :3, 3]
    array([ 5.,  6., 94.])
    """
    lines = text.split("\n")
    for index, line in enumerate(lines):
        if line.strip() and not line.lstrip().startswith("#"):
            if _CENTRE[0] in line.lower():
                return _named("\n".join(lines[index:]), index)
            break
    if in_brackets(text):
        return RawPoses(read_printed(text), [], None, "printed matrices")
    return RawPoses(_numbers(lines), [], None, "table of numbers")


def _numbers(lines: list[str]) -> np.ndarray:
    rows: list[list[float]] = []
    printed: list[int] = []
    exponent = 0
    for index, line in enumerate(lines, 1):
        plain = line.partition("#")[0]
        factor = _FACTOR.fullmatch(plain)
        if factor or _NAME.fullmatch(plain):
            exponent = int(factor[1]) if factor else 0
            continue
        words = _words(plain)
        if not words:
            continue
        try:
            row = [float(word) * 10.0**exponent for word in words]
        except ValueError as error:
            raise PoseError(f"line {index}: {error}") from None
        if len(row) not in (4, 16) or len(row) != len(rows[0] if rows else row):
            expected = len(rows[0]) if rows else "16 or 4"
            raise PoseError(f"line {index}: {len(row)} numbers where {expected} are needed")
        rows.append(row)
        printed.append(decimals(words) - exponent)
    if not rows:
        raise PoseError("no poses in this file")
    if len(rows[0]) == 4 and len(rows) % 4:
        raise PoseError(f"{len(rows)} lines of four numbers, which is not a multiple of four lines")
    # A pose's digits are those of its lines; the last one, 0 0 0 1, may have none.
    each = np.array(printed).reshape(-1, 16 // len(rows[0])).max(axis=1)
    return settle_rounding(np.array(rows).reshape(-1, 4, 4), each.tolist())


def _words(line: str) -> list[str]:
    """Return the numbers of a line; a comma is a decimal one if semicolons stand between 4 or 16 cells."""
    cells = line.split(";")
    if len(cells) in (4, 16) and all(cell.count(",") <= 1 for cell in cells):
        return [with_point(cell).strip() for cell in cells]
    return line.replace(",", " ").replace(";", " ").split()


def _named(text: str, skipped: int) -> RawPoses:
    """Read a table with named columns from its header on; `skipped` lines come before it in the file."""
    columns, rows = _cells(text, skipped)
    for key in _CENTRE + _AXES:
        if key not in columns:
            raise PoseError(f"line {skipped + 1}: no column {key}")
    twice = [key for key in columns if key in _KNOWN and columns.count(key) > 1]
    if twice:
        raise PoseError(f"line {skipped + 1}: the column {twice[0]} comes twice")
    if not rows:
        raise PoseError("no poses in this file")
    poses = np.broadcast_to(np.eye(4), (len(rows), 4, 4)).copy()
    for pose, (where, row) in zip(poses, rows, strict=True):
        pose[:3, 2], pose[:3, 1] = np.reshape([number(row[key], f"{where}, {key}") for key in _AXES], (2, 3))
        pose[:3, 3] = [number(row[key], f"{where}, {key}") for key in _CENTRE]
        with np.errstate(over="ignore", invalid="ignore"):
            normal = np.cross(pose[:3, 1], pose[:3, 2])
            pose[:3, 0] = normal / (np.linalg.norm(normal) or 1.0)
    poses = settle_rounding(poses, [decimals([row[key] for key in _AXES]) for _, row in rows])
    if _DISTANCE in columns:
        distances = np.array([_distance(row, where) for where, row in rows])
        with np.errstate(over="ignore", invalid="ignore"):
            poses[:, :3, 3] -= distances[:, None] * poses[:, :3, 2]
    notes = list[str]()
    unused = [key for key in columns if key and key not in _KNOWN]
    if unused:
        notes.append(f"columns that are not used: {', '.join(key[:40] for key in unused[:8])}")
    given = [row.get(_DIDT, "").strip() for _, row in rows]
    values = [number(text, f"{rows[i][0]}, {_DIDT}") if text else None for i, text in enumerate(given)]
    names = [row.get("name", "").strip() for _, row in rows]
    return RawPoses(poses, names, didt_of_all(values, notes), "table with named columns", notes)


def _cells(text: str, skipped: int) -> tuple[list[str], list[tuple[str, dict[str, str]]]]:
    """Return the names of the columns, and the place ("line 3") and cells of each row that isn't blank."""
    header = text.partition("\n")[0]
    delimiter = max(",;\t", key=header.count)
    reader = csv.reader(io.StringIO(text), delimiter=delimiter, strict=True)
    columns, rows = list[str](), []
    try:
        for cells in reader:
            if not columns:
                columns = [cell.strip().lower() for cell in cells]
            elif any(cell.strip() for cell in cells):
                where = f"line {skipped + reader.line_num}"
                if len(cells) != len(columns):
                    raise PoseError(f"{where}: {len(cells)} columns where {len(columns)} are needed")
                if delimiter != ",":
                    cells = [
                        cell if key == "name" else with_point(cell)
                        for key, cell in zip(columns, cells, strict=True)
                    ]
                rows.append((where, dict(zip(columns, cells, strict=True))))
    except csv.Error as error:
        raise PoseError(f"line {skipped + reader.line_num}: {error}") from None
    return columns, rows


def _distance(row: dict[str, str], where: str) -> float:
    distance = number(row[_DISTANCE], f"{where}, {_DISTANCE}")
    if not 0 <= distance <= MAX_TRANSLATION_MM:
        raise PoseError(f"{where}: {_DISTANCE} = {distance:g} must be 0 or more, and at most 10 m")
    return distance


def write_table(path: str | os.PathLike[str], poses: PoseList) -> None:
    """Write a .csv file with named columns; the centre is the coil's, without a distance.

    Centres and dI/dt are read back exactly, the axes to their last digits (the x axis is y × z).

    Examples
    --------
    >>> import pathlib, tempfile
    >>> path = tempfile.mkdtemp() + "/poses.csv"
    >>> write_table(path, PoseList([[1, 0, 0, 5], [0, -1, 0, 6], [0, 0, -1, 90], [0, 0, 0, 1]], ["M1"]))
    >>> print(pathlib.Path(path).read_text().splitlines()[1])
    M1,5.0,6.0,90.0,0.0,0.0,-1.0,0.0,-1.0,0.0
    """
    columns = ["name", *_CENTRE, *_AXES] + ([] if poses.didt is None else [_DIDT])
    with replacing(path) as temporary, open(temporary, "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        for index, (name, pose) in enumerate(zip(poses.names, poses.poses, strict=True)):
            values = [*pose[:3, 3], *pose[:3, 2], *pose[:3, 1]]
            if poses.didt is not None:
                values.append(poses.didt[index])
            writer.writerow([name, *(repr(float(value) + 0.0) for value in values)])
