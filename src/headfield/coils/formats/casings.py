# SPDX-License-Identifier: BSD-3-Clause
"""Reads casings of coils from surface files: .stl, .ply, .obj, through meshio."""

from __future__ import annotations

import os
import re

import numpy as np
from numpy.typing import NDArray

from ...core.messages import warn
from ...errors import CoilError, FileFormatError, MeshError
from ...heads.formats.meshio_bridge import contained, needed_meshio
from ...io.regular import check_regular, ending_of
from ..casing import Casing

__all__ = ["CASING_ENDINGS", "read_casing"]

CASING_ENDINGS = (".stl", ".ply", ".obj")
_EXTENT_MM = (20.0, 1000.0)  # a coil in metres or micrometres lies far outside
_HEADER = 65_536  # bytes that are looked at first
_STL_HEADER, _STL_TRIANGLE = 84, 50  # bytes
_PLY_ROW = 4  # bytes, at least: a number and what is between it and the next


def read_casing(path: str | os.PathLike[str]) -> Casing:
    """Read the casing of a coil from a surface file.

    Parameters
    ----------
    path : path
        .stl, .ply or .obj, of triangles or quadrilaterals (cut in two). Coordinates are taken as mm in the
        coil frame: z = 0 is the face that touches the head, +z points into the head, +y is the prolongation
        of the handle. The files do not say; other frames have to be converted first.

    Returns
    -------
    Casing

    Raises
    ------
    FileFormatError
        Another ending, not a regular file, or meshio is not installed.
    CoilError
        A damaged file, no triangles, or other polygons.
    OSError
        The file can't be opened.

    Warns
    -----
    UserWarning
        Less than 20 mm or more than 1000 mm across (are these mm?), or wholly at z > 0, where the head is.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "plate.obj"
    ...     _ = path.write_text("v -50 0 0\\nv 50 0 0\\nv 50 80 0\\nv -50 80 0\\nf 1 2 3 4\\n")
    ...     read_casing(path).faces
    array([[0, 1, 2],
           [0, 2, 3]], dtype=int32)
    """
    name = os.fspath(path)
    ending = ending_of(name)
    if ending not in CASING_ENDINGS:
        raise FileFormatError(f"{name}: casings are read from {', '.join(CASING_ENDINGS)}, not {ending!r}")
    check_regular(path, CoilError)
    _check_counts(name, ending)
    meshio = needed_meshio(name)
    try:
        with contained(name, "read"):
            content = meshio.read(name)
            cells = [(block.type, np.asarray(block.data)) for block in content.cells]
            points = np.asarray(content.points, np.float64).reshape(-1, 3)
        casing = Casing(points, _triangles(cells))  # type: ignore[arg-type]
    except (MeshError, CoilError) as error:
        text = str(error)
        raise CoilError(text if text.startswith(name) else f"{name}: {text}") from None
    _warn_of_frame(name, casing)
    return casing


def _triangles(cells: list[tuple[str, NDArray[np.int64]]]) -> NDArray[np.int64]:
    faces = [np.zeros((0, 3), np.int64)]
    for kind, corners in cells:
        if corners.ndim != 2:
            raise CoilError(f"damaged: faces of shape {corners.shape}")
        if kind == "triangle" and corners.shape[1] == 3:
            faces.append(corners)
        elif kind == "quad" and corners.shape[1] == 4:
            faces.append(corners[:, [0, 1, 2, 0, 2, 3]].reshape(-1, 3))
        elif kind not in ("vertex", "line"):
            raise CoilError(f"{len(corners)} faces of {corners.shape[1]} corners; only 3 or 4 can be used")
    if not sum(map(len, faces)):
        raise CoilError("no triangles")
    return np.concatenate(faces)


def _check_counts(name: str, ending: str) -> None:
    """Raise CoilError for a header whose counts the file can't hold: meshio would not survive it."""
    with open(name, "rb") as file:
        start = file.read(_HEADER)
        size = os.fstat(file.fileno()).st_size
    if ending == ".stl":
        binary = not start.lstrip().startswith(b"solid") or b"\0" in start
        if binary and size < _STL_HEADER:
            raise CoilError(f"{name}: {size} bytes are too few for a .stl file")
        count = int.from_bytes(start[80:_STL_HEADER], "little")
        needed = _STL_HEADER + _STL_TRIANGLE * count
        if binary and needed != size:
            raise CoilError(f"{name}: {count:,} triangles take {needed:,} bytes, the file has {size:,}")
    if ending == ".ply":
        lines = [line.strip() for line in start.split(b"\n")]
        if b"end_header" not in lines:  # meshio would look for it for ever
            raise CoilError(f"{name}: no line end_header in its first {_HEADER:,} bytes")
        head = b"\n".join(lines[: lines.index(b"end_header")]).decode("latin-1")
        for what, count in re.findall(r"element\s+(\S+)\s+(\d+)", head):
            if int(count[:20]) * _PLY_ROW > size:
                raise CoilError(f"{name}: {count[:20]} of element {what} do not fit its {size:,} bytes")


def _warn_of_frame(name: str, casing: Casing) -> None:
    used = casing.points_mm[casing.faces]
    low, high = used.min(axis=(0, 1)), used.max(axis=(0, 1))
    extent = float((high - low).max())
    if not _EXTENT_MM[0] <= extent <= _EXTENT_MM[1]:
        warn(
            f"{name}: the casing is {extent:.3g} mm across; its coordinates are taken as mm, are these its "
            "units?",
        )
    if low[2] > 0:
        warn(
            f"{name}: the casing is at z = {low[2]:.3g} to {high[2]:.3g} mm; in the coil frame it ends at "
            "z = 0, and +z points into the head",
        )
