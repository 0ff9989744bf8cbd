# SPDX-License-Identifier: BSD-3-Clause
"""Write result files: fields on a mesh for Gmsh and SimNIBS (.msh) and ParaView (.vtu)."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..core.arguments import plain_array
from ..core.device import is_on_gpu
from ..errors import ArgumentError, FileFormatError
from ..heads.formats.gmsh_write import write_gmsh
from ..heads.mesh import TetMesh
from ..io.atomic import replacing
from ..io.meshio import needed_meshio
from ..io.regular import ending_of
from ..regions.region import Region
from .gmsh_options import write_options
from .note import Note, comment_of_msh, comment_of_vtu
from .vtu import write_vtu

__all__ = ["magnitude", "magnitudes", "write_point_results", "write_results"]


def write_results(
    path: str | os.PathLike[str],
    mesh: TetMesh,
    element_data: Mapping[str, ArrayLike],
    node_data: Mapping[str, ArrayLike] | None = None,
    note: Note | None = None,
) -> None:
    """Write fields of one or more poses on a mesh.

    Parameters
    ----------
    path : path
        `.msh`: Gmsh 2.2 binary, one view per name, pose k is time step k; beside it NAME.msh.opt, by which
        Gmsh shows |E| on one scale. `.vtu`: one array per name and
        pose, `E` for a single pose, `E_0000`, `E_0001`, … for several. The file appears whole or not at all.
    mesh : TetMesh
    element_data : mapping of str to array_like, (k, m) or (k, m, 3)
        Per tetrahedron, for k poses: (k, m) for a scalar such as `magnE`, (k, m, 3) for a vector such as `E`.
    node_data : mapping of str to array_like, (k, n) or (k, n, 3)
        Per node, such as the potential.
    note : Note, optional
        What the file is to say of itself.

    Raises
    ------
    FileFormatError
        Another ending.
    ArgumentError
        A shape doesn't fit the mesh, or a name holds a quote or a line end.
    OSError
        The file can't be written.

    Examples
    --------
    >>> import tempfile, meshio
    >>> from headfield.heads.mesh import TetMesh
    >>> tet = TetMesh([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]], [[0, 1, 2, 3]], tags=[5])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_results(folder + "/out.vtu", tet, {"E": [[[1.0, 2.0, 2.0]]], "magnE": [[3.0]]})
    ...     meshio.read(folder + "/out.vtu").cell_data["E"][0].tolist()
    [[1.0, 2.0, 2.0]]
    """
    elements = _checked(element_data, mesh.n_tets, "tetrahedra")
    nodes = _checked(node_data or {}, mesh.n_nodes, "nodes")
    ending = ending_of(path)
    if ending == ".msh":
        write_gmsh(path, mesh, elements, nodes, end=b"" if note is None else comment_of_msh(note))
        write_options(path, {**elements, **nodes})
    elif ending == ".vtu":
        write_vtu(path, mesh, _by_pose(elements), _by_pose(nodes), _comment(note))
    else:
        raise FileFormatError(
            f"{os.fspath(path)}: fields are written as .msh, .vtu or .h5, not {ending or 'this'}"
        )


def write_point_results(
    path: str | os.PathLike[str],
    region: Region,
    data: Mapping[str, ArrayLike],
    note: Note | None = None,
) -> None:
    """Write fields of one or more poses at points, with the triangles between them if there are some.

    A surface has its `normals` too, the `area` in mm² that each point stands for, and for each vector E its
    `E_normal`, E·n, positive out of the surface.

    Parameters
    ----------
    path : path
        `.vtu`, arrays named as by `write_results`. The file appears whole or not at all.
    region : Region
        A region of points.
    data : mapping of str to array_like, (k, p) or (k, p, 3)
    note : Note, optional
        What the file is to say of itself.

    Raises
    ------
    FileFormatError
        Another ending, or meshio is not installed.
    ArgumentError
        A shape doesn't fit the region, or a name holds a quote or a line end.
    OSError
        The file can't be written.

    Examples
    --------
    >>> import tempfile, meshio
    >>> from headfield import TetMesh, regions
    >>> tet = TetMesh([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]], [[0, 1, 2, 3]], tags=[5])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     here = regions.points(tet, [[0.25, 0.25, 0.25]])
    ...     write_point_results(folder + "/out.vtu", here, {"magnE": [[3.0]]})
    ...     meshio.read(folder + "/out.vtu").point_data["magnE"].tolist()
    [3.0]
    """
    if ending_of(path) != ".vtu":
        raise FileFormatError(f"{os.fspath(path)}: a field at points is written as .vtu")
    count = len(region)
    named = _on_surface(region, _by_pose(_checked(data, count, "points")))
    cells = ("vertex", np.arange(count)[:, None]) if region.faces is None else ("triangle", region.faces)
    meshio = needed_meshio(path)
    with replacing(path) as temporary:
        meshio.Mesh(region.centres_mm, [cells], point_data=named).write(temporary, file_format="vtu")
        declared, end, rest = temporary.read_bytes().partition(b"?>\n")
        temporary.write_bytes(declared + end + _comment(note).encode() + rest)


def _on_surface(region: Region, named: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """Add normals, areas, and the parts of vectors along the normals, where the points have such."""
    more: dict[str, NDArray[Any]] = {}
    if region.normals is not None:
        for name, values in named.items():
            if values.ndim == 2:
                what, number, pose = name.partition("_") if name[-4:].isdigit() else (name, "", "")
                more[f"{what}_normal{number}{pose}"] = np.einsum("pd,pd->p", values, region.normals)
        more["normals"] = region.normals
    if region.unit == "mm²":
        more["area"] = region.weights
    return named | {name: values for name, values in more.items() if name not in named}


def _comment(note: Note | None) -> str:
    return "" if note is None else comment_of_vtu(note)


def magnitude(e: NDArray[np.float32]) -> NDArray[np.float32]:
    """Compute |E| (m,) of one pose (m, 3). `Field.magnitude` would keep that of a whole batch beside E.

    Examples
    --------
    >>> magnitude(np.array([[1.0, 2.0, 2.0]]))
    array([3.])
    """
    return np.sqrt(np.einsum("md,md->m", e, e))


def magnitudes(E: Any) -> Any:
    """Compute |E| (k, m) of some poses (k, m, 3), where they lie: as a CuPy array if they are one.

    Examples
    --------
    >>> magnitudes(np.array([[[1.0, 2.0, 2.0]]]))
    array([[3.]])
    """
    if is_on_gpu(E):  # CuPy's einsum is a matrix product for every element
        x, y, z = (E[..., d] for d in range(3))
        return np.sqrt((x * x + y * y) + z * z)
    return np.sqrt(np.einsum("kmd,kmd->km", E, E))


def _checked(data: Mapping[str, ArrayLike], count: int, what: str) -> dict[str, NDArray[Any]]:
    arrays = {}
    for name, values in data.items():
        array = plain_array(values, f"field {name!r}", ArgumentError)
        if not name or not name.isprintable() or '"' in name or "/" in name:
            raise ArgumentError(f"a field can't be called {name!r}")
        if array.dtype.kind not in "fiu":
            raise ArgumentError(f"field {name!r} must be real numbers, not {array.dtype}")
        if array.ndim not in (2, 3) or array.shape[1] != count or array.shape[2:] not in ((), (3,)):
            raise ArgumentError(
                f"field {name!r} has shape {array.shape}, where (k, {count}) or (k, {count}, 3) fits "
                f"the {count:,} {what}"
            )
        arrays[name] = array
    return arrays


def _by_pose(data: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    named = {}
    for name, values in data.items():
        for pose, table in enumerate(values):
            named[name if len(values) == 1 else f"{name}_{pose:04d}"] = table
    return named
