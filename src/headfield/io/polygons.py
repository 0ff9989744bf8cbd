# SPDX-License-Identifier: BSD-3-Clause
"""Reads triangle surfaces from .stl, .ply and .obj, through meshio."""

from __future__ import annotations

import os
import re

import numpy as np
from numpy.typing import NDArray

from ..errors import HeadfieldError, MeshError
from .meshio import contained, read_content
from .regular import check_regular, ending_of

__all__ = ["POLYGON_ENDINGS", "read_triangles"]

POLYGON_ENDINGS = (".stl", ".ply", ".obj")
_HEADER = 65_536  # bytes that are looked at first
_STL_HEADER, _STL_TRIANGLE = 84, 50  # bytes
_PLY_ROW = 4  # bytes, at least: a number and what is between it and the next


def read_triangles(
    path: str | os.PathLike[str], error: type[HeadfieldError]
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Read nodes (n, 3) and triangles (f, 3) of a file with one of `POLYGON_ENDINGS`.

    Quadrilaterals are cut in two. A .stl names no nodes: equal corners become one, in an order of their own.

    Raises
    ------
    HeadfieldError
        Of the type `error`: a damaged file, no triangles, or other polygons.
    FileFormatError
        Not a regular file, or meshio is not installed.
    OSError
        The file can't be opened.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "plate.obj"
    ...     _ = path.write_text("v -50 0 0\\nv 50 0 0\\nv 50 80 0\\nv -50 80 0\\nf 1 2 3 4\\n")
    ...     read_triangles(path, MeshError)[1].tolist()
    [[0, 1, 2], [0, 2, 3]]
    """
    name = os.fspath(path)
    check_regular(path, error)
    _check_counts(name, ending_of(name), error)
    try:
        with contained("read"):
            content = read_content(name)
            cells = [(block.type, np.asarray(block.data)) for block in content.cells]
            points = np.asarray(content.points, np.float64).reshape(-1, 3)
        return points, _triangles(cells)
    except MeshError as problem:
        raise error(f"{name}: {problem}") from None


def _triangles(cells: list[tuple[str, NDArray[np.int64]]]) -> NDArray[np.int64]:
    faces = [np.zeros((0, 3), np.int64)]
    for kind, corners in cells:
        if corners.ndim != 2:
            raise MeshError(f"damaged: faces of shape {corners.shape}")
        if kind == "triangle" and corners.shape[1] == 3:
            faces.append(corners)
        elif kind == "quad" and corners.shape[1] == 4:
            faces.append(corners[:, [0, 1, 2, 0, 2, 3]].reshape(-1, 3))
        elif kind not in ("vertex", "line"):
            raise MeshError(f"{len(corners)} faces of {corners.shape[1]} corners; only 3 or 4 can be used")
    if not sum(map(len, faces)):
        raise MeshError("no triangles")
    return np.concatenate(faces)


def _check_counts(name: str, ending: str, error: type[HeadfieldError]) -> None:
    """Raise an error for a header whose counts the file can't hold: meshio would not survive it."""
    with open(name, "rb") as file:
        start = file.read(_HEADER)
        size = os.fstat(file.fileno()).st_size
    if ending == ".stl":
        binary = not start.lstrip().startswith(b"solid") or b"\0" in start
        if binary and size < _STL_HEADER:
            raise error(f"{name}: {size} bytes are too few for a .stl file")
        count = int.from_bytes(start[80:_STL_HEADER], "little")
        needed = _STL_HEADER + _STL_TRIANGLE * count
        if binary and needed != size:
            raise error(f"{name}: {count:,} triangles take {needed:,} bytes, the file has {size:,}")
    if ending == ".ply":
        lines = [line.strip() for line in start.split(b"\n")]
        if b"end_header" not in lines:  # meshio would look for it for ever
            raise error(f"{name}: no line end_header in its first {_HEADER:,} bytes")
        head = b"\n".join(lines[: lines.index(b"end_header")]).decode("latin-1")
        for what, count in re.findall(r"element\s+(\S+)\s+(\d+)", head):
            if int(count[:20]) * _PLY_ROW > size:
                raise error(f"{name}: {count[:20]} of element {what} do not fit its {size:,} bytes")
