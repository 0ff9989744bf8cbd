# SPDX-License-Identifier: BSD-3-Clause
"""Reads casings of coils from surface files: .stl, .ply, .obj, through meshio."""

from __future__ import annotations

import os

from ...core.messages import warn
from ...errors import CoilError, FileFormatError
from ...io.polygons import POLYGON_ENDINGS, read_triangles
from ...io.regular import ending_of
from ..casing import Casing

__all__ = ["CASING_ENDINGS", "read_casing"]

CASING_ENDINGS = POLYGON_ENDINGS
_EXTENT_MM = (20.0, 1000.0)  # a coil in metres or micrometres lies far outside


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
    points, faces = read_triangles(path, CoilError)
    try:
        casing = Casing(points, faces)  # type: ignore[arg-type]
    except CoilError as error:
        raise CoilError(f"{name}: {error}") from None
    _warn_of_frame(name, casing)
    return casing


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
