# SPDX-License-Identifier: BSD-3-Clause
"""Mesh files of every kind, told apart by their content where it tells, else by the ending of the name."""

from __future__ import annotations

import os

import numpy as np

from ..core.messages import warn
from ..errors import MeshError
from ..io.regular import check_regular, ending_of
from .checks import FlawError
from .formats.gmsh_read import read_gmsh
from .formats.meshio_bridge import read_meshio
from .formats.npz import read_npz
from .formats.raw import RawMesh
from .mesh import TetMesh
from .repair import FLATTEST, repaired

__all__ = ["read_mesh"]

_WAY_OUT = "; read_mesh(path, repair=True) or --repair may mend that"
_PLAUSIBLE_MM = (10.0, 2000.0)  # a head in metres or micrometres lies far outside


def read_mesh(path: str | os.PathLike[str], *, repair: bool = False) -> TetMesh:
    """Read a tetrahedral mesh.

    Parameters
    ----------
    path : path
        Gmsh .msh (2.2 or 4.1, text or binary), .npz with `nodes` (mm), `tets`, `tags`, or any format that
        meshio reads. Coordinates are taken as mm.
    repair : bool
        Mend first what would be refused or is hard to solve, as `TetMesh.repaired` does; a warning says what.

    Returns
    -------
    TetMesh
        Checked and repaired. The fields of result files are in `element_data`, `node_data`, `triangle_data`.

    Raises
    ------
    MeshError
        The file is damaged, or no field can be computed on the mesh; the message says what, how often, where.
    FileFormatError
        The file is of no known kind, or no regular file.
    OSError
        The file can't be opened.

    Warns
    -----
    UserWarning
        The mesh is less than 10 mm or more than 2000 mm across: are its coordinates mm? Or fields were left
        out, as they are not one value per element or node. Or a repair has changed something.

    Examples
    --------
    >>> import tempfile
    >>> import headfield as hf
    >>> tet = hf.TetMesh([[0, 0, 0], [90, 0, 0], [0, 90, 0], [0, 0, 90]], [[0, 1, 2, 3]], tags=[5])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     hf.write_mesh(folder + "/tet.msh", tet)
    ...     hf.read_mesh(folder + "/tet.msh")
    TetMesh(4 nodes, 1 tetrahedra, tags [5])
    """
    name = os.fspath(path)
    check_regular(path, MeshError)
    try:
        raw = _read(path)
        if repair:
            raw = repaired(raw, None, FLATTEST) or raw
        mesh = TetMesh(**raw.arguments())
    except MeshError as error:
        way_out = _WAY_OUT if isinstance(error, FlawError) and not repair else ""
        raise MeshError(f"{name}: {error}{way_out}") from error.__cause__
    for note in raw.notes:
        warn(f"{name}: {note}")
    extent = float(np.ptp(mesh.nodes_mm, axis=0).max())
    if not _PLAUSIBLE_MM[0] <= extent <= _PLAUSIBLE_MM[1]:
        warn(
            f"{name}: the mesh is {extent:.3g} mm across; its coordinates are taken as mm, are these its "
            "units?"
        )
    return mesh


def _read(path: str | os.PathLike[str]) -> RawMesh:
    """Read the arrays of a file; a MeshError does not name it yet, which is done in one place."""
    with open(path, "rb") as file:
        start = file.read(64)
    if not start:
        raise MeshError("the file is empty")
    if start.lstrip().startswith((b"$MeshFormat", b"$Comments")) or ending_of(path) == ".msh":
        return read_gmsh(path)
    if ending_of(path) == ".npz":
        return read_npz(path)
    return read_meshio(path)
