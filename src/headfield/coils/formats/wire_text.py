# SPDX-License-Identifier: BSD-3-Clause
"""Paths of wires: text with a point x y z per line, mm, and a blank line between paths; or an array .npy."""

from __future__ import annotations

import math
import os
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from ...core.arguments import finite_array
from ...errors import CoilError
from ...io.npy import read_npy, shape_of_npy
from ...io.regular import check_regular, ending_of
from ...io.text import read_text

__all__ = ["holds_wire", "read_wire"]

_HEADERS = (["x", "y", "z"], ["x_mm", "y_mm", "z_mm"], ["x [mm]", "y [mm]", "z [mm]"])
_MOST_COMMENTS, _LONGEST = 100, 1000  # lines before the first point, and letters of one, that are looked at


def read_wire(path: str | os.PathLike[str]) -> list[NDArray[np.float64]]:
    """Read the paths of a wire from a file, for `wire_coil`; `read_coil` makes a coil of it at once.

    Text: one point per line, x y z in mm, separated by spaces, tabs, commas or semicolons; decimal commas
    only between semicolons. A blank line ends a path. What follows a # is passed over, and so is a first line
    "x y z" (or "x_mm y_mm z_mm", or "x [mm],y [mm],z [mm]"). It is UTF-8, or UTF-16 with a byte order mark;
    comments may be Latin-1.

    Parameters
    ----------
    path : path
        Text, whatever its ending, or .npy: an array (p, 3) of one path or (n, p, 3) of several, mm.

    Returns
    -------
    list of ndarray (p, 3) float64, mm

    Raises
    ------
    CoilError
        Not text, a line that is not three finite numbers (the message has it), a path of one point, or none;
        an array of another shape or not of finite numbers.
    FileFormatError
        Not a regular file.
    OSError
        The file cannot be read.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> file = pathlib.Path(tempfile.mkdtemp()) / "loop.csv"
    >>> _ = file.write_text("x,y,z\\n30,0,-5\\n0,30,-5\\n-30,0,-5\\n0,-30,-5\\n30,0,-5\\n")
    >>> [p.shape for p in read_wire(file)]
    [(5, 3)]
    """
    check_regular(path, CoilError)
    name = os.fspath(path)
    try:
        if ending_of(path) == ".npy":
            return _paths_of_array(read_npy(path, CoilError))
        text = read_text(path, CoilError, latin_1="comments")
    except CoilError as problem:
        raise CoilError(f"{name}: {problem}") from None
    paths: list[list[list[float]]] = [[]]
    header = True
    for number, line in enumerate(text.split("\n"), 1):
        content = line.partition("#")[0].strip()
        if content:
            cells = _cells(content)
            if not (header and _is_header(cells)):
                paths[-1].append(_row(f"{name}, line {number}", cells))
            header = False
        elif not line.strip():  # a line with only a comment ends no path
            _end_path(paths, f"{name}, line {number}")
    _end_path(paths, f"{name}, end")
    if len(paths) == 1:
        raise CoilError(f"{name}: no points")
    return [np.array(rows) for rows in paths[:-1]]


def holds_wire(path: str | os.PathLike[str]) -> bool:
    """Tell whether a file begins as the path of a wire does, and not as poses do.

    A .npy does if its shape is (p, 3) or (n, p, 3) and not (4, 4, 3), which is that of three poses; a text if
    its first line that is neither blank nor a comment is the header "x y z" or three numbers.

    Raises
    ------
    OSError
        The file can't be read.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> file = pathlib.Path(tempfile.mkdtemp()) / "path.txt"
    >>> _ = file.write_text("x y z\\n30 0 -5\\n0 30 -5\\n")
    >>> holds_wire(file)
    True
    """
    if ending_of(path) == ".npy":
        shape = shape_of_npy(path)
        return shape is not None and len(shape) in (2, 3) and shape[-1] == 3 and shape != (4, 4, 3)
    with open(path, "rb") as raw:
        encoding = "utf-16" if raw.read(2) in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    with open(path, encoding=encoding, errors="replace") as file:
        for line in islice(iter(lambda: file.readline(_LONGEST), ""), _MOST_COMMENTS):
            cells = _cells(line.partition("#")[0].strip())
            if cells:
                return _is_header(cells) or (len(cells) == 3 and all(map(_is_number, cells)))
    return False


def _cells(content: str) -> list[str]:
    if ";" in content:
        cells = content.replace(",", ".").split(";")
    else:
        cells = content.split(",") if "," in content else content.split()
    return [cell.strip() for cell in cells]


def _is_header(cells: list[str]) -> bool:
    return [cell.lower() for cell in cells] in _HEADERS


def _is_number(cell: str) -> bool:
    try:
        return math.isfinite(float(cell)) and "_" not in cell
    except ValueError:
        return False


def _paths_of_array(values: NDArray[np.generic]) -> list[NDArray[np.float64]]:
    array = finite_array(values, "the array", CoilError)
    if array.ndim not in (2, 3) or array.shape[-1] != 3 or array.shape[-2] < 2 or not len(array):
        raise CoilError(f"paths of a wire have the shape (p, 3) or (n, p, 3), not {array.shape}")
    return [array] if array.ndim == 2 else list(array)


def _row(where: str, cells: list[str]) -> list[float]:
    if len(cells) != 3:
        raise CoilError(f"{where}: {len(cells)} columns, a point has 3")
    values = []
    for cell in cells:
        if not _is_number(cell):
            raise CoilError(f"{where}: {cell[:40]!r} is not a finite number")
        values.append(float(cell))
    return values


def _end_path(paths: list[list[list[float]]], where: str) -> None:
    if len(paths[-1]) == 1:
        raise CoilError(f"{where}: the path that ends here has one point, a wire has two or more")
    if paths[-1]:
        paths.append([])
