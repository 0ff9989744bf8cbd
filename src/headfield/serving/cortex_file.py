# SPDX-License-Identifier: BSD-3-Clause
"""The surface of the cortex that a navigator shows, as it numbers its vertices."""

from __future__ import annotations

import os

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..core.messages import plural, point, quoted
from ..errors import FileFormatError, RegionError
from ..heads.mesh import TetMesh
from ..io.gifti import read_surface
from ..io.polygons import POLYGON_ENDINGS, read_triangles
from ..io.regular import ending_of
from ..poses.pose import check_pose
from ..regions.makers import surface
from ..regions.region import Region

__all__ = ["check_cortex", "cortex_region", "moved", "read_cortex"]

Floats = NDArray[np.float64]


def read_cortex(path: str | os.PathLike[str]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Read vertices (n, 3), mm, and triangles (f, 3) of a surface: .stl, .ply, .obj, .gii.

    A .stl has corners of triangles and no vertices: equal corners become one vertex, numbered in the order
    in which the file names them first, as VTK does it. The others number their vertices themselves.

    Raises
    ------
    RegionError
        A damaged file, or one without triangles.
    FileFormatError
        Another ending, or a package that the format needs is missing.
    OSError
        The file can't be read.

    Examples
    --------
    >>> import tempfile
    >>> corners = "vertex 5 0 0 vertex 0 0 0 vertex 0 5 0"
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with open(folder + "/cortex.stl", "w") as file:
    ...         _ = file.write(f"solid a\\nfacet normal 0 0 1\\nouter loop\\n{corners}".replace(" v", "\\nv"))
    ...         _ = file.write("\\nendloop\\nendfacet\\nendsolid a\\n")
    ...     nodes, faces = read_cortex(folder + "/cortex.stl")
    >>> nodes[0].tolist(), faces.tolist()
    ([5.0, 0.0, 0.0], [[0, 1, 2]])
    """
    ending, name = ending_of(path), os.fspath(path)
    if ending == ".gii":
        nodes, triangles = read_surface(path)
        return nodes, triangles.astype(np.int64)
    if ending not in POLYGON_ENDINGS:
        known = ", ".join((*POLYGON_ENDINGS, ".gii"))
        raise FileFormatError(f"{name}: a cortex is read from {known}, not {ending or 'this'}")
    points, faces = read_triangles(path, RegionError)
    if not np.isfinite(points).all() or ((faces < 0) | (faces >= len(points))).any():
        raise RegionError(
            f"{name}: vertices that are not finite, or triangles of vertices that are not there"
        )
    if ending != ".stl":
        return points, faces
    used, first, number = np.unique(faces, return_index=True, return_inverse=True)
    order = np.argsort(first)
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    return points[used[order]], rank[number.reshape(faces.shape)]


def cortex_region(
    mesh: TetMesh, path: str | os.PathLike[str], to_head: ArrayLike | None = None, reach_mm: float = 2.0
) -> Region:
    """Make the region that an engine for InVesalius is built for: the vertices of its cortex, in their order.

    Parameters
    ----------
    mesh : TetMesh
    path : path
        The surface that InVesalius shows, see `read_cortex`.
    to_head : array_like (4, 4), optional
        See `InVesaliusConnection`.
    reach_mm : float
        See `headfield.regions.surface`.

    Raises
    ------
    RegionError
        A damaged file, or a surface that is not in this head.
    FileFormatError, PoseError, OSError

    Examples
    --------
    >>> import tempfile, headfield as hf
    >>> head = hf.phantom_head(edge_mm=8)
    >>> text = "v -40 -8 50\\nv -36 -8 50\\nv -40 -4 50\\nf 1 2 3\\n"
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with open(folder + "/cortex.obj", "w") as file:
    ...         _ = file.write(text)
    ...     cortex_region(head, folder + "/cortex.obj")
    <Region of 3 points, 8 mm²>
    """
    nodes, faces = read_cortex(path)
    move = np.eye(4) if to_head is None else check_pose(to_head)
    return surface(mesh, moved(move, nodes), faces, reach_mm=reach_mm)


def check_cortex(path: str | os.PathLike[str], region: Region, to_head: Floats, tolerance_mm: float) -> None:
    """Raise RegionError unless the vertices of a file are the points of the engine, in their order."""
    nodes, _ = read_cortex(path)
    points, name = region.centres_mm, quoted(os.path.basename(os.fspath(path)))
    again = "build the engine for cortex_region(mesh, cortex_model_path)"
    if len(nodes) != len(points):
        raise RegionError(
            f"{name} has {plural(len(nodes), 'vertex', 'vertices')}, the engine was built for "
            f"{len(points):,}: {again}"
        )
    away = np.linalg.norm(moved(to_head, nodes) - points, axis=1)
    off = away > tolerance_mm
    if off.any():
        worst = int(away.argmax())
        raise RegionError(
            f"{off.sum():,} of {len(nodes):,} vertices of {name} are more than {tolerance_mm:g} mm from "
            f"those that the engine was built for; vertex {worst} is {away[worst]:.4g} mm away, at "
            f"{point(nodes[worst])}: another head, another order of vertices, or another frame (to_head). "
            f"{again[0].upper()}{again[1:]}"
        )


def moved(move: Floats, points_mm: Floats) -> Floats:
    """Return points (p, 3) moved by a rigid matrix (4, 4).

    Examples
    --------
    >>> move = np.eye(4)
    >>> move[2, 3] = 5.0
    >>> moved(move, np.zeros((1, 3)))
    array([[0., 0., 5.]])
    """
    return np.asarray(points_mm @ move[:3, :3].T + move[:3, 3])
