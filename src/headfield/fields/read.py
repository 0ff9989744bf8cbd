# SPDX-License-Identifier: BSD-3-Clause
"""Read result files: |E| of one pose at a time, on the mesh that the file holds."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core.arguments import is_whole
from ..errors import FileFormatError, HeadfieldError, PoseError
from ..heads.mesh import TetMesh
from ..heads.read import read_mesh
from ..io.regular import check_regular, ending_of
from ..poses.pose import check_poses
from .h5.reader import opened
from .stream import H5_ENDINGS
from .write import magnitude

__all__ = ["Result", "read_result"]


@dataclass(frozen=True, eq=False)
class Result:
    """What a result file holds.

    Attributes
    ----------
    path : str
    mesh : TetMesh
    n_poses : int
    poses : ndarray (k, 4, 4) float64 or None
        Coil to head, mm; None where the file has no poses, as .msh and .vtu.
    didt : ndarray (k, s) float64 or None
        A/s, for each stimulator; None where the file doesn't say.
    """

    path: str
    mesh: TetMesh
    n_poses: int
    poses: NDArray[np.float64] | None
    didt: NDArray[np.float64] | None
    _row: Callable[[int], NDArray[Any]]

    def magnitude(self, pose: int = 0) -> NDArray[np.float32]:
        """Read |E| of one pose.

        Parameters
        ----------
        pose : int
            Counted from 0.

        Returns
        -------
        ndarray (m,) float32
            V/m, for each tetrahedron; NaN where the field was not asked for.

        Raises
        ------
        PoseError
            The file has no such pose.
        HeadfieldError
            The pose did not converge.
        FileFormatError
            The file is damaged.
        """
        if not is_whole(pose) or not 0 <= pose < self.n_poses:
            raise PoseError(f"{self.path}: pose {pose!r}: the result has the poses 0 to {self.n_poses - 1}")
        values = np.asarray(self._row(int(pose)), np.float32)
        if not np.isfinite(values).any():
            raise HeadfieldError(f"{self.path}: pose {pose} has no E: it did not converge")
        return values


def read_result(path: str | os.PathLike[str]) -> Result:
    """Read what `Field.save` and `headfield solve` write: .h5, .msh or .vtu.

    From an .h5 only the mesh, the poses and dI/dt are read at once; |E| is read pose by pose. A .msh or .vtu
    from other programs will do if it has `magnE` or `E` on its tetrahedra.

    Parameters
    ----------
    path : path

    Returns
    -------
    Result

    Raises
    ------
    FileFormatError
        A file that is not a result or has no E, a damaged .h5, or h5py is missing.
    MeshError
        A damaged .msh or .vtu, or a mesh that no field can be computed on.
    PoseError
        The file has poses that are not rigid placements.
    OSError
        The file can't be read.

    Examples
    --------
    >>> import tempfile, headfield as hf
    >>> model = hf.HeadModel(hf.sphere_mesh(radii_mm=[80, 86, 92], tags=[2, 4, 5], edge_mm=20))
    >>> coil = hf.circular_coil()
    >>> field = model.solve(coil, model.place(coil, [0, 0, 92], [0, 50, 92]), didt=1e6)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     field.save(folder + "/out.msh")
    ...     back = read_result(folder + "/out.msh")
    ...     back.n_poses, back.poses, bool((back.magnitude() == field.magnitude[0]).all())
    (1, None, True)
    """
    check_regular(path, FileFormatError)
    if ending_of(path) in H5_ENDINGS:
        return _read_h5(os.fspath(path))
    mesh = read_mesh(path, check=False)  # it was checked when it was solved
    names = _steps(mesh)
    if not names:
        there = ", ".join(mesh.element_data) or "none"
        raise FileFormatError(f"{os.fspath(path)}: no E in it; fields on its tetrahedra: {there}")
    return Result(os.fspath(path), mesh, len(names), None, None, lambda i: _of_field(mesh, names[i]))


def _steps(mesh: TetMesh) -> list[str]:
    """Return the name of each pose's field: those of magnE, or else those of E."""
    for name, shape in (("magnE", ()), ("E", (3,))):
        fits = {n for n, values in mesh.element_data.items() if values.shape[1:] == shape}
        steps = [n for n in fits if re.fullmatch(rf"{name}_[0-9]{{4,9}}", n)]
        if name in fits or steps:
            return [name] if name in fits else sorted(steps, key=lambda n: int(n.rpartition("_")[2]))
    return []


def _of_field(mesh: TetMesh, name: str) -> NDArray[Any]:
    values: NDArray[Any] = mesh.element_data[name]
    return values if values.ndim == 1 else magnitude(values)


def _read_h5(path: str) -> Result:
    with opened(path) as file:
        mesh = file.mesh()
        index = file.index(mesh)
        file.check_facts()
        poses, didt = (file.array(name) if file.has(name) else None for name in ("poses", "didt"))
        count = file.n_rows
    if poses is not None:
        try:
            poses = check_poses(poses)
        except PoseError as error:
            raise PoseError(f"{path}: {error}") from None

    def row(i: int) -> NDArray[Any]:
        with opened(path) as file:
            values = file.row("elements/magnE", i)
        if index is None:
            return values
        everywhere = np.full(mesh.n_tets, np.nan, np.float32)
        everywhere[index] = values
        return everywhere

    return Result(path, mesh, count, poses, None if didt is None else didt.reshape(count, -1), row)
