# SPDX-License-Identifier: BSD-3-Clause
"""Paths of wires in text files: a point x y z per line, mm, a blank line between paths."""

from __future__ import annotations

import math
import os
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...errors import CoilError
from ...io.regular import check_regular

__all__ = ["read_wire"]

_HEADERS = (["x", "y", "z"], ["x_mm", "y_mm", "z_mm"])


def read_wire(path: str | os.PathLike[str]) -> list[NDArray[np.float64]]:
    """Read the paths of a wire from a text file, for `wire_coil`.

    One point per line, x y z in mm, separated by spaces, tabs or commas. A blank line ends a path. What
    follows a # is passed over, and so is a first line "x y z" (or "x_mm y_mm z_mm").

    Parameters
    ----------
    path : path

    Returns
    -------
    list of ndarray (p, 3) float64, mm

    Raises
    ------
    CoilError
        Not UTF-8, a line that is not three finite numbers (the message has it), a path of one point, or none.
    FileFormatError
        Not a regular file.
    OSError
        The file cannot be read.

    Examples
    --------
    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp()) / "loop.csv"
    >>> _ = file.write_text("x,y,z\\n30,0,-5\\n0,30,-5\\n-30,0,-5\\n0,-30,-5\\n30,0,-5\\n")
    >>> [p.shape for p in read_wire(file)]
    [(5, 3)]
    """
    check_regular(path, CoilError)
    try:
        text = Path(path).read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise CoilError(f"{path}: not a text file, byte {error.start} is not UTF-8") from None
    paths: list[list[list[float]]] = [[]]
    header = True
    for number, line in enumerate(text.replace("\r\n", "\n").replace("\r", "\n").split("\n"), 1):
        content = line.partition("#")[0].strip()
        if content:
            cells = [cell.strip() for cell in (content.split(",") if "," in content else content.split())]
            if not (header and [cell.lower() for cell in cells] in _HEADERS):
                paths[-1].append(_row(f"{os.fspath(path)}, line {number}", cells))
            header = False
        elif not line.strip():  # a line with only a comment ends no path
            _end_path(paths, f"{os.fspath(path)}, line {number}")
    _end_path(paths, f"{os.fspath(path)}, end")
    if len(paths) == 1:
        raise CoilError(f"{os.fspath(path)}: no points")
    return [np.array(rows) for rows in paths[:-1]]


def _row(where: str, cells: list[str]) -> list[float]:
    if len(cells) != 3:
        raise CoilError(f"{where}: {len(cells)} columns, a point has 3")
    values = []
    for cell in cells:
        try:
            value = float(cell)
        except ValueError:
            value = math.nan
        if "_" in cell or not math.isfinite(value):
            raise CoilError(f"{where}: {cell[:40]!r} is not a finite number")
        values.append(value)
    return values


def _end_path(paths: list[list[list[float]]], where: str) -> None:
    if len(paths[-1]) == 1:
        raise CoilError(f"{where}: the path that ends here has one point, a wire has two or more")
    if paths[-1]:
        paths.append([])
