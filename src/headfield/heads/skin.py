# SPDX-License-Identifier: BSD-3-Clause
"""The skin of a head as a surface that distances and coils are measured from."""

from __future__ import annotations

from ..core.messages import warn
from ..errors import MeshError
from ..geometry.surface import Surface
from .mesh import TetMesh

__all__ = ["skin"]


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
