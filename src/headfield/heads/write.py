# SPDX-License-Identifier: BSD-3-Clause
"""Mesh files of every kind, written in the format that the ending of the name tells."""

from __future__ import annotations

import os

from ..errors import MeshError
from ..io.atomic import check_folder
from ..io.regular import ending_of
from .formats.gmsh_write import write_gmsh
from .formats.meshio_write import format_of, write_meshio
from .formats.npz import write_npz
from .formats.raw import MeshArrays

__all__ = ["check_mesh_target", "write_mesh"]

_OWN = (".msh", ".npz")


def write_mesh(path: str | os.PathLike[str], mesh: MeshArrays, *, binary: bool = True) -> None:
    """Write a mesh and its fields: .msh (Gmsh 2.2), .npz, or a format of meshio that keeps the tissues.

    Parameters
    ----------
    path : path
        Its ending tells the format. The file appears whole or not at all.
    mesh : TetMesh
    binary : bool
        False writes .msh as text; of no effect on other formats.

    Raises
    ------
    FileFormatError
        The ending is of no known format, or of one that does not keep the tissues; the message names those
        that do. Or meshio is needed and not installed.
    MeshError
        meshio could not write this mesh in this format.
    OSError
        The file can't be written.

    Warns
    -----
    UserWarning
        The format does not keep the fields of the mesh (.msh, .npz, .vtu, .vtk, .xdmf and .med do), names of
        its tissues (.msh and .npz do), or its triangles (.ele and .node don't).

    Examples
    --------
    >>> import tempfile
    >>> import headfield as hf
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     hf.write_mesh(folder + "/ball.npz", hf.sphere_mesh([80, 90], tags=[2, 5], edge_mm=30))
    ...     hf.read_mesh(folder + "/ball.npz")
    TetMesh(309 nodes, 1,280 tetrahedra, tags [2, 5])
    """
    if ending_of(path) == ".msh":
        write_gmsh(path, mesh, binary=binary)
    elif ending_of(path) == ".npz":
        write_npz(path, mesh)
    else:
        try:
            write_meshio(path, mesh)
        except MeshError as error:
            raise MeshError(f"{os.fspath(path)}: {error}") from error.__cause__


def check_mesh_target(path: str | os.PathLike[str]) -> None:
    """Raise what `write_mesh` would for the name of a file, before there is work on its content.

    Examples
    --------
    >>> check_mesh_target("/no/such/folder/head.msh")
    Traceback (most recent call last):
    ...
    FileNotFoundError: /no/such/folder/head.msh: there is no folder /no/such/folder
    """
    if ending_of(path) not in _OWN:
        format_of(path)
    check_folder(path)
