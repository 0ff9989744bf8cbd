# SPDX-License-Identifier: BSD-3-Clause
"""Mesh files of every kind, told apart by their content where it tells, else by the ending of the name."""

from __future__ import annotations

import os
from dataclasses import replace

from ..core.messages import doubt, warn
from ..errors import FileFormatError, MeshError
from ..io.regular import check_regular, ending_of
from ..io.volume import is_volume
from .checks import FlawError
from .choose_tags import TagChoice, chosen_tags
from .findings import HeadReport
from .formats.gmsh_read import read_gmsh
from .formats.meshio_bridge import read_meshio
from .formats.npz import read_npz
from .formats.raw import RawMesh
from .mending.repair import FLATTEST, repaired
from .mesh import TetMesh

__all__ = ["read_mesh"]

_WAY_OUT = "; read_mesh(path, repair=True) or --repair may mend that"


def read_mesh(
    path: str | os.PathLike[str],
    *,
    tags: TagChoice | None = None,
    repair: bool = False,
    check: bool = True,
) -> TetMesh:
    """Read a tetrahedral mesh.

    Parameters
    ----------
    path : path
        Gmsh .msh (2.2 or 4.1, text or binary), .npz with `nodes` (mm), `tets`, `tags`, or any format that
        meshio reads. Coordinates are taken as mm.
    tags : str, mapping of int to int, or both as a pair, optional
        What the tissues are, if the file has them in another field, "labels", or under other numbers,
        {1: 5, 2: 3}: what is 1 in the file is scalp, what is 2 is CSF. Numbers that are not mentioned stay.
    repair : bool
        Mend first what would be refused or is hard to solve, as `TetMesh.repaired` does; a warning says what.
    check : bool
        Look for what makes no sense in a head (`TetMesh.check`), and warn of it or raise. False: read it all
        the same; `check` of the mesh gives the report.

    Returns
    -------
    TetMesh
        Checked and repaired. The fields of result files are in `element_data`, `node_data`, `triangle_data`.

    Raises
    ------
    MeshError
        The file is damaged, or no field can be computed on the mesh; the message says what, how often, where.
        The check has found an error. Or there is no such field or number as `tags` says.
    FileFormatError
        The file is of no known kind, or no regular file.
    OSError
        The file can't be opened.

    Warns
    -----
    UserWarning
        The check has found something, one warning for each. Or fields were left out, as they are not one
        value per element or node. Or a repair has changed something.
    PlausibilityWarning
        The check has found something that is possible, but hardly meant.

    Examples
    --------
    >>> import tempfile
    >>> import headfield as hf
    >>> tet = hf.TetMesh([[0, 0, 0], [90, 0, 0], [0, 90, 0], [0, 0, 90]], [[0, 1, 2, 3]], tags=[5])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     hf.write_mesh(folder + "/tet.msh", tet)
    ...     hf.read_mesh(folder + "/tet.msh")
    TetMesh(4 nodes, 1 tetrahedron, tags [5])

    Tissues that are counted from the scalp inward:

    >>> ball = hf.sphere_mesh([70, 80, 90], tags=[3, 2, 1], edge_mm=20)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     hf.write_mesh(folder + "/ball.npz", ball)
    ...     hf.read_mesh(folder + "/ball.npz", tags={1: 5, 2: 3, 3: 2})
    TetMesh(923 nodes, 4,320 tetrahedra, tags [2, 3, 5])
    """
    name = os.fspath(path)
    check_regular(path, MeshError)
    if is_volume(path):
        raise FileFormatError(
            f"{name}: an image, and no head yet: mesh it first, headfield mesh {name} -o head.msh, "
            "or hf.head_from_labels(path)"
        )
    try:
        raw = chosen_tags(_read(path), tags)
        if repair:
            raw = _mended(raw)
        mesh = TetMesh(**raw.arguments())
    except MeshError as error:
        way_out = _WAY_OUT if isinstance(error, FlawError) and not repair else ""
        raise MeshError(f"{name}: {error}{way_out}") from error.__cause__
    for note in raw.notes:
        warn(f"{name}: {note}")
    mesh.is_part, mesh.from_file = raw.is_part, tuple(raw.findings)
    if check:
        _tell(name, mesh.check())
    return mesh


def _mended(raw: RawMesh) -> RawMesh:
    mended = repaired(raw, None, FLATTEST)
    if mended is None:
        return raw
    return replace(mended, tag_names=raw.tag_names, findings=raw.findings, is_part=raw.is_part)


def _tell(name: str, report: HeadReport) -> None:
    """Raise for the errors of a report, and warn of all else."""
    for finding in report.errors:
        raise MeshError(f"{name}: {finding.message} (read_mesh(path, check=False) reads it all the same)")
    for finding in report:
        say = doubt if finding.severity == "doubt" else warn
        say(f"{name}: {finding.message}")


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
