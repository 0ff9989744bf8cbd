# SPDX-License-Identifier: BSD-3-Clause
"""The skin of a head as a surface that distances and coils are measured from."""

from __future__ import annotations

import os

from ..core.messages import warn
from ..errors import FileFormatError, MeshError
from ..geometry.surface import Surface
from ..io.regular import ending_of
from .formats.meshio_write import SURFACE_FORMATS, write_surface
from .mesh import TetMesh

__all__ = ["skin", "write_skin"]


def skin(mesh: TetMesh | Surface) -> Surface:
    """Return the outermost surface of a head, for distances from it and for placing coils on it.

    Parameters
    ----------
    mesh : TetMesh or Surface
        A head, whose skin `TetMesh.skin` finds; or a surface that was made before, such as a scalp from
        another program.

    Returns
    -------
    Surface
        A surface that was given is returned as it is.

    Raises
    ------
    MeshError
        The mesh has only electrodes; the surface is closed and wound inward; or it is neither of the two.

    Warns
    -----
    UserWarning
        The mesh was cut out of a head by `TetMesh.crop`: its surface holds the cuts.

    Examples
    --------
    How far points are from the scalp, mm, negative inside:

    >>> import headfield as hf
    >>> scalp = hf.skin(hf.phantom_head(edge_mm=8))
    >>> scalp.signed_distance([[0, 0, 100], [0, 0, 80]]).round(1).tolist()
    [12.0, -8.0]
    >>> hf.skin(scalp) is scalp
    True
    """
    if isinstance(mesh, Surface):
        if mesh.is_wound_inward:
            raise MeshError("the surface is closed and its triangles are wound inward: reverse its faces")
        return mesh
    if not isinstance(mesh, TetMesh):
        raise MeshError(f"a skin is made of a TetMesh (see read_mesh), not of {type(mesh).__name__}")
    if mesh.is_part:
        warn(
            "the mesh is a part of a head, and its surface holds the cuts: place coils on the skin of the "
            "whole head, then solve the part",
        )
    return Surface(mesh.nodes_mm, mesh.skin())


def write_skin(path: str | os.PathLike[str], mesh: TetMesh | Surface) -> Surface:
    """Write the skin of a head as a triangle surface: closed, normals outward, mm.

    Parameters
    ----------
    path : path
        .stl, .ply, .obj or .off. The file appears whole or not at all. .stl holds float32 and each triangle
        for itself, the others float64 and nodes that triangles share.
    mesh : TetMesh or Surface
        See `skin`.

    Returns
    -------
    Surface
        What was written.

    Raises
    ------
    FileFormatError
        The ending is of no such format, or meshio is not installed.
    MeshError
        See `skin`.
    OSError
        The file can't be written.

    Examples
    --------
    >>> import tempfile
    >>> import headfield as hf
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     scalp = hf.write_skin(folder + "/skin.ply", hf.sphere_mesh([80, 90], tags=[2, 5], edge_mm=30))
    ...     len(scalp.faces), len(hf.read_casing(folder + "/skin.ply").faces)
    (320, 320)
    """
    if ending_of(path) not in SURFACE_FORMATS:
        raise FileFormatError(f"{os.fspath(path)}: a skin is written as {', '.join(SURFACE_FORMATS)}")
    surface = skin(mesh)
    try:
        write_surface(path, surface.nodes_mm, surface.faces)
    except MeshError as error:
        raise MeshError(f"{os.fspath(path)}: {error}") from error.__cause__
    return surface
