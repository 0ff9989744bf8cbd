# SPDX-License-Identifier: BSD-3-Clause
"""Write results as NIfTI images: the field of the tetrahedron that the centre of each voxel lies in.

Volumes are written one after the other, so that any number of poses fits the memory.
"""

from __future__ import annotations

import gzip
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, Any, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..core.arguments import positive
from ..core.messages import warn
from ..errors import ArgumentError, HeadfieldError, MissingPackageError
from ..geometry.voxels import tets_at_voxels, weights_at_voxels
from ..heads.mesh import TetMesh
from ..io.atomic import replacing
from ..io.nifti import check_affine, read_grid
from .note import Note
from .result import Result

__all__ = ["DESCRIBED", "Grid", "grid_of", "write_image"]

#: What the description of an image that is written here begins with.
DESCRIBED = "headfield field: "

_LONGEST_AXIS = 32767  # of NIfTI-1
_MOST_VOXELS = 1 << 27  # 0.5 GB of float32, 512 along each side: a head at 0.5 mm takes 0.8 of it
_UNITS = {"magnE": "V/m", "E": "V/m", "v": "V", "local_error": "V/m"}
_COMMENT = 6  # the code of an extension of a NIfTI header that is text
_INSIDE = 0.99  # of the nodes: fewer in the grid than that are worth a warning

Like = str | os.PathLike[str] | tuple[ArrayLike, Sequence[int]]


@dataclass(frozen=True)
class Grid:
    """Voxels.

    Attributes
    ----------
    affine : ndarray (4, 4) float64
        From voxels to mm, RAS.
    shape : tuple of 3 int
    """

    affine: NDArray[np.float64]
    shape: tuple[int, int, int]


def grid_of(mesh: TetMesh, like: Like | None = None, spacing_mm: float | None = None) -> Grid:
    """Return the grid of an image, or one around a mesh.

    Parameters
    ----------
    mesh : TetMesh
    like : path of a NIfTI image, or (affine, shape), optional
    spacing_mm : float, optional
        Edge of the voxels, whose centres then lie at multiples of it, in the axes of the mesh.

    Raises
    ------
    ArgumentError
        Neither or both, more voxels than 2²⁷, or a grid that no node of the mesh lies in.
    FileFormatError, OSError
        `like` can't be read.

    Warns
    -----
    UserWarning
        A part of the mesh lies outside of the grid.

    Examples
    --------
    >>> mesh = TetMesh([[0, 0, 0], [4, 0, 0], [0, 4, 0], [0, 0, 4]], [[0, 1, 2, 3]])
    >>> grid_of(mesh, spacing_mm=2.0).shape
    (3, 3, 3)
    """
    if (like is None) == (spacing_mm is None):
        raise ArgumentError("an image needs a grid: give either like, an image, or spacing_mm")
    if like is None:
        step = positive(spacing_mm, "spacing_mm", ArgumentError)
        low, high = (side(mesh.nodes_mm / step) for side in (_floor, _ceil))
        grid = Grid(np.diag([step, step, step, 1.0]), _three(high - low + 1))
        grid.affine[:3, 3] = low * step
    elif isinstance(like, tuple):
        affine = np.array(like[0], np.float64)
        check_affine(affine, ArgumentError)
        grid = Grid(affine, _three(like[1]))
    else:
        affine, shape = read_grid(like)
        grid = Grid(affine, _three((*shape, 1, 1)[:3]))
    if int(np.prod(grid.shape, dtype=object)) > _MOST_VOXELS or max(grid.shape) > _LONGEST_AXIS:
        raise ArgumentError(f"a grid of {' x '.join(map(str, grid.shape))} voxels: at most 2**27 are written")
    voxels = _in_voxels(mesh, grid)
    inside = ((voxels > -0.5) & (voxels < np.array(grid.shape) - 0.5)).all(axis=1).mean()
    if not inside:
        raise ArgumentError("the head lies outside of the grid of the image: are they of the same subject?")
    if inside < _INSIDE:
        warn(f"{1 - inside:.0%} of the head's nodes lie outside of the grid of the image")
    return grid


def write_image(
    path: str | os.PathLike[str],
    result: Result,
    grid: Grid,
    quantity: str = "magnE",
    pose: int | None = None,
) -> str:
    """Write a quantity as a NIfTI image of float32.

    A voxel has the value of the tetrahedron that its centre lies in, which is that of the file; `v` is
    linear in it. It is 0 outside of the head, and where the result has no field. A pose that did not converge
    is not a number. The header's description says quantity and unit, an extension what `Note` says.

    Parameters
    ----------
    path : path
        `.nii.gz` is compressed. The file appears whole or not at all.
    result : Result
    grid : Grid
    quantity : {"magnE", "E", "v", "local_error"}
    pose : int, optional
        By default all.

    Returns
    -------
    str
        What was written, in words. The image is (nx, ny, nz) for a number of one pose, (nx, ny, nz, k) for k
        poses, and has another axis of 3 at its end for E.

    Raises
    ------
    MissingPackageError
        nibabel is missing.
    HeadfieldError
        The result has no such quantity, is one at points, or the pose did not converge.
    OSError
        The file can't be written.
    """
    nibabel = _needed_nibabel(path)
    if result.region is not None:
        raise ArgumentError("a field at points can't be written as an image")
    poses = list(result.chosen(pose))
    sample = _Sample(result, quantity, grid, poses)
    width = sample.width
    shape = (*grid.shape, *([len(poses)] if pose is None and result.n_poses > 1 else []))
    shape += () if width == 1 else (width,)
    header = _header(nibabel, grid, shape, quantity, result, poses)
    with replacing(path) as temporary, _file(temporary, os.fspath(path)) as file:
        header.write_to(file)
        for component in range(width):  # the last axis is the slowest in the file
            for i in poses:
                file.write(sample.volume(i, component).tobytes(order="F"))
    what = " x ".join(map(str, shape))
    return f"{quantity} in {what} voxels, 0 outside of the {int(sample.known.sum()):,} that have a field"


class _Sample:
    """Values of a quantity at the voxels of a grid.

    Attributes
    ----------
    known : ndarray of bool, of the shape of the grid
        Where there are some.
    width : int
        Numbers of a voxel.
    """

    def __init__(self, result: Result, quantity: str, grid: Grid, poses: list[int]) -> None:
        self._result, self._quantity = result, quantity
        mesh, voxels = result.mesh, _in_voxels(result.mesh, grid)
        inside = tets_at_voxels(voxels, mesh.tets, grid.shape)
        first = result.quantity(quantity, next(filter(result.has_field, poses), poses[0]))
        self.width = 1 if first.ndim == 1 else int(first.shape[1])
        self.known = inside >= 0
        if quantity != "v":
            there = np.isfinite(first.reshape(len(first), -1)).all(axis=1)
            row = np.full(mesh.n_tets, -1)
            row[slice(None) if result.elements is None else result.elements] = np.where(
                there, np.arange(len(first)), -1
            )
            inside = np.where(self.known, row[inside], -1)
            self.known = inside >= 0
        if not self.known.any():
            raise HeadfieldError("no centre of a voxel lies in a tetrahedron with a field: take a finer grid")
        self._row = inside[self.known]
        if quantity == "v":
            self._nodes = mesh.tets[self._row]
            self._weights = weights_at_voxels(voxels, self._nodes, np.argwhere(self.known))

    def volume(self, pose: int, component: int) -> NDArray[np.float32]:
        """Return a component of one pose."""
        made = np.zeros(self.known.shape, "<f4")
        if not self._result.has_field(pose):
            made[:] = np.nan
            return made
        values = self._result.quantity(self._quantity, pose)
        if values.ndim > 1:
            values = values[:, component]
        if self._quantity == "v":
            made[self.known] = (values[self._nodes] * self._weights).sum(axis=1)
        else:
            made[self.known] = values[self._row]
        return made


def _needed_nibabel(path: str | os.PathLike[str]) -> Any:
    try:
        import nibabel
    except ImportError:
        raise MissingPackageError(
            f"{os.fspath(path)}: NIfTI images need nibabel: pip install 'headfield[nifti]'"
        ) from None
    return nibabel


def _header(
    nibabel: Any,
    grid: Grid,
    shape: tuple[int, ...],
    quantity: str,
    result: Result,
    poses: list[int],
) -> Any:
    header = nibabel.Nifti1Header(endianness="<")
    header.set_data_dtype("<f4")
    header.set_data_shape(shape)
    header.set_sform(grid.affine, code="aligned")
    header.set_zooms((*np.linalg.norm(grid.affine[:3, :3], axis=0), *[1.0] * (len(shape) - 3)))
    header.set_xyzt_units("mm")
    header["descrip"] = f"{DESCRIBED}{quantity}, {_UNITS[quantity]}".encode()
    header["intent_name"] = quantity.encode()
    note = Note(result.provenance, [result.names[i] for i in poses] if result.names else ())
    header.extensions.append(nibabel.nifti1.Nifti1Extension(_COMMENT, note.text().encode()))
    return header


@contextmanager
def _file(temporary: os.PathLike[str], name: str) -> Iterator[IO[bytes]]:
    """Open a file to write, compressed if its name says so; the same content makes the same bytes."""
    with open(temporary, "wb") as plain:
        if name.lower().endswith(".gz"):
            with gzip.GzipFile("", "wb", 4, plain, mtime=0) as packed:
                yield cast(IO[bytes], packed)
        else:
            yield plain


def _in_voxels(mesh: TetMesh, grid: Grid) -> NDArray[np.float64]:
    return np.asarray((mesh.nodes_mm - grid.affine[:3, 3]) @ np.linalg.inv(grid.affine[:3, :3]).T)


def _floor(points: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.floor(points.min(axis=0))


def _ceil(points: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.ceil(points.max(axis=0))


def _three(shape: Any) -> tuple[int, int, int]:
    nx, ny, nz = (int(n) for n in shape)
    if min(nx, ny, nz) < 1:
        raise ArgumentError(f"a grid of {nx} x {ny} x {nz} voxels")
    return nx, ny, nz
