# SPDX-License-Identifier: BSD-3-Clause
"""Options for Gmsh beside a .msh, which it reads when it opens the file: what is shown, in which colours."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..io.atomic import replacing

__all__ = ["options_of", "write_options"]

_FIRST_LINE = "// made by headfield"
_PERCENT = 99.9  # where the colours of |E| end
_SHOWN = "magnE"
_HIDDEN = ("SurfaceEdges", "VolumeEdges", "SurfaceFaces")  # of the mesh, over which fields are seen
_COLOURS = 20  # Gmsh's number of magma, which is perceptually uniform


def write_options(path: str | os.PathLike[str], data: Mapping[str, NDArray[Any]]) -> None:
    """Write the options for the views of a .msh as NAME.msh.opt; `data` are those of `options_of`.

    Options that somebody else saved under this name, as Gmsh's own menu does, stay as they are. Those of an
    earlier file of headfield are removed where there is no field to show.
    """
    target = Path(f"{os.fspath(path)}.opt")
    if os.path.lexists(target) and not _is_ours(target):
        return
    if data:
        with replacing(target) as temporary:
            temporary.write_text(options_of(data), encoding="ascii")
    else:
        target.unlink(missing_ok=True)


def _is_ours(path: Path) -> bool:
    """Whether options are those of headfield, by their first line; nothing but a plain file is."""
    if path.is_symlink() or not path.is_file():
        return False
    with open(path, "rb") as file:
        return file.readline(80).rstrip() == _FIRST_LINE.encode()


def options_of(data: Mapping[str, NDArray[Any]]) -> str:
    """Return options for Gmsh: |E| is shown, or the first field, from 0 to its 99.9th percentile.

    Parameters
    ----------
    data : mapping of str to ndarray, (k, m) or (k, m, 3)
        Fields in the order of the views in the file.

    Returns
    -------
    str
        Lines of Gmsh's own language.

    Examples
    --------
    >>> text = options_of({"E": np.ones((1, 2, 3)), "magnE": np.array([[1.0, 2.0]])})
    >>> [line for line in text.splitlines() if "Visible" in line]
    ['View[0].Visible = 0;', 'View[1].Visible = 1;']
    """
    names = list(data)
    shown = names.index(_SHOWN) if _SHOWN in names else 0
    lines = [_FIRST_LINE, *(f"Mesh.{kind} = 0;" for kind in _HIDDEN)]
    for i, values in enumerate(data.values()):
        lines += [f"View[{i}].Visible = {int(i == shown)};", f"View[{i}].ColormapNumber = {_COLOURS};"]
        known = values[np.isfinite(values)] if values.ndim == 2 else np.empty(0)
        if known.size:
            low, top = (float(x) for x in np.percentile(known, [0.0, _PERCENT]))
            lines += [
                f"View[{i}].RangeType = 2;",  # custom
                f"View[{i}].CustomMin = {min(low, 0.0):.6g};",
                f"View[{i}].CustomMax = {top if top > low else low + 1.0:.6g};",
                f"View[{i}].SaturateValues = 1;",
            ]
        elif values.ndim == 3:
            lines += [f"View[{i}].VectorType = 4;", f"View[{i}].CenterGlyphs = 1;"]  # arrows in space
    return "\n".join(lines) + "\n"
