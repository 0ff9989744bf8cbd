# SPDX-License-Identifier: BSD-3-Clause
"""Coil poses from files: NumPy arrays (.npy) and tables of numbers (.csv, .txt)."""

from __future__ import annotations

import os

import numpy as np
from numpy.typing import NDArray

from ..errors import FileFormatError, PoseError
from ..pose import check_poses
from .regular import check_regular

__all__ = ["read_poses"]

_TEXT = (".csv", ".txt")


def read_poses(path: str | os.PathLike[str]) -> NDArray[np.float64]:
    """Read coil poses, and check them as `check_poses` does.

    Parameters
    ----------
    path : path
        `.npy`: (4, 4) or (k, 4, 4). `.csv` or `.txt`: one pose a line, its 16 numbers row by row, or four
        lines of four numbers; commas, semicolons or blanks between them; what follows a # is a comment.

    Returns
    -------
    ndarray (k, 4, 4) float64
        Coil to head, mm.

    Raises
    ------
    PoseError
        A damaged file, no poses, or a pose that is no rigid placement.
    FileFormatError
        Another ending, or not a regular file.
    OSError
        The file can't be read.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     np.savetxt(folder + "/poses.csv", [np.eye(4).ravel()] * 3, delimiter=",")
    ...     read_poses(folder + "/poses.csv").shape
    (3, 4, 4)
    """
    ending = os.path.splitext(os.fspath(path))[1].lower()
    if ending != ".npy" and ending not in _TEXT:
        kind = ending or "this"
        raise FileFormatError(f"{os.fspath(path)}: poses are read from .npy, .csv or .txt, not {kind}")
    check_regular(path, PoseError)
    try:
        return check_poses(_read_npy(path) if ending == ".npy" else _read_text(path))
    except PoseError as error:
        raise PoseError(f"{os.fspath(path)}: {error}") from None


def _read_npy(path: str | os.PathLike[str]) -> NDArray[np.generic]:
    """Map the file, which holds its size against its header, and never unpickles."""
    if os.path.getsize(path) == 0:
        raise PoseError("the file is empty")
    try:
        return np.array(np.lib.format.open_memmap(path, mode="r"))
    except (ValueError, TypeError, KeyError, SyntaxError, EOFError, OverflowError, MemoryError) as error:
        raise PoseError(f"not a .npy array of numbers: {error}") from None


def _read_text(path: str | os.PathLike[str]) -> NDArray[np.float64]:
    rows: list[list[float]] = []
    try:
        with open(path, encoding="utf-8-sig") as lines:
            for number, line in enumerate(lines, 1):
                words = line.partition("#")[0].replace(",", " ").replace(";", " ").split()
                if not words:
                    continue
                row = [float(word) for word in words]
                if len(row) not in (4, 16) or len(row) != len(rows[0] if rows else row):
                    expected = len(rows[0]) if rows else "16 or 4"
                    raise PoseError(f"line {number}: {len(row)} numbers where {expected} are needed")
                rows.append(row)
    except UnicodeDecodeError as error:
        raise PoseError(f"not UTF-8 text, at byte {error.start}") from None
    except ValueError as error:
        if isinstance(error, PoseError):
            raise
        raise PoseError(f"line {number}: {error}") from None
    if not rows:
        raise PoseError("no poses in this file")
    if len(rows[0]) == 4 and len(rows) % 4:
        raise PoseError(f"{len(rows)} lines of four numbers, which is not a multiple of four lines")
    return np.array(rows).reshape(-1, 4, 4)
