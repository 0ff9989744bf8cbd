# SPDX-License-Identifier: BSD-3-Clause
"""Maps of coordinates between a head and MNI space, from deformation volumes.

A volume (nx, ny, nz, 3) has at each voxel the coordinates, in mm, of the same anatomical point in the other
space. So the frame that the voxels lie in is the one that the map starts from.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..core.arguments import finite_array
from ..core.messages import warn
from ..errors import ArgumentError, FileFormatError
from ..io.nifti import read_grid, read_nifti, trilinear

__all__ = ["Warp", "find_warps", "read_warp"]

_SUBJECT_IMAGES = ("T1.nii.gz", "T1.nii", "T1fs_conform.nii.gz")
_NAMES = ("Conform2MNI_nonl", "MNI2Conform_nonl")
_SAME_GRID_MM = 0.01
_PIECE = 1 << 16
_MIN_STRETCH = 0.3  # of an axis along itself: a head tilted by 60° and shrunk to 0.6 has it
_SAMPLES = 16  # along each axis


class Warp(NamedTuple):
    """A map of coordinates given at the voxels of a grid.

    Attributes
    ----------
    affine : ndarray (4, 4) float64
        From voxel indices to mm in the space that the map starts from.
    coordinates : ndarray (nx, ny, nz, 3)
        mm in the other space; NaN where the map says nothing.
    source : str
        Where it is from, for messages.

    Examples
    --------
    >>> voxels = np.moveaxis(np.indices((3, 3, 3)), 0, -1)
    >>> Warp(np.eye(4), voxels + [5.0, 0, 0], "shift").apply([0.5, 1.0, 1.5]).tolist()
    [5.5, 1.0, 1.5]
    """

    affine: NDArray[np.float64]
    coordinates: NDArray[Any]
    source: str

    def apply(self, points_mm: ArrayLike) -> NDArray[np.float64]:
        """Map points by trilinear interpolation.

        Parameters
        ----------
        points_mm : array_like (3,) or (p, 3)

        Returns
        -------
        ndarray float64, the shape of `points_mm`, mm

        Raises
        ------
        ArgumentError
            The shape is wrong, values are not finite, or points lie where the volume maps nothing. The
            message says how many.
        """
        points = finite_array(points_mm, "points_mm", ArgumentError)
        if points.shape[-1:] != (3,) or points.ndim > 2:
            raise ArgumentError(f"points_mm must have the shape (3,) or (p, 3), not {points.shape}")
        flat = points.reshape(-1, 3)
        mapped = np.empty_like(flat)
        for start in range(0, len(flat), _PIECE):
            part = slice(start, start + _PIECE)
            index, weight, inside = trilinear(self.affine, self.coordinates.shape, flat[part])
            values = self.coordinates[index]
            values[weight == 0] = 0  # NaN times 0 would be NaN
            mapped[part] = np.einsum("cp,cpd->pd", weight, values)
            mapped[part][~inside] = np.nan
        bad = np.flatnonzero(~np.isfinite(mapped).all(axis=1))
        if len(bad):
            first = np.array2string(flat[bad[0]], precision=4, separator=", ")
            raise ArgumentError(
                f"{len(bad)} of {len(flat)} points lie outside of what {self.source} maps, first {first} mm"
            )
        return mapped.reshape(points.shape)


def read_warp(path: str | os.PathLike[str]) -> Warp:
    """Read a deformation volume.

    Parameters
    ----------
    path : path
        NIfTI (nx, ny, nz, 3): coordinates in mm, not displacements. Voxels with NaN count as empty, and those
        with (0, 0, 0) if there are several.

    Returns
    -------
    Warp

    Raises
    ------
    FileFormatError
        The file is damaged, has another shape or an empty middle; or its values do not grow with the
        coordinates of their voxels, because they are displacements or mirrored.
    OSError
        The file can't be read.

    Examples
    --------
    >>> import tempfile, nibabel
    >>> voxels = np.moveaxis(np.indices((6, 6, 6)), 0, -1)
    >>> image = nibabel.Nifti1Image((voxels + [5.0, 0, 0]).astype(np.float32), np.eye(4))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     nibabel.save(image, folder + "/shift.nii")
    ...     read_warp(folder + "/shift.nii").apply([[1.0, 2, 3]]).tolist()
    [[6.0, 2.0, 3.0]]
    """
    name = os.fspath(path)
    affine, data = read_nifti(path, lambda shape: _check_shape(shape, name))
    data = data.reshape(_check_shape(data.shape, name))
    empty = ~data.any(axis=3)
    if empty.sum() > 1:  # a map that can be inverted has (0, 0, 0) at most once
        data[empty] = np.nan
    _check_map(affine, data, name)
    return Warp(affine, data, name)


def _check_shape(shape: tuple[int, ...], name: str) -> tuple[int, ...]:
    """Return the shape without a single time; raise FileFormatError unless it is that of a deformation."""
    if len(shape) == 5 and shape[3] == 1:
        shape = (*shape[:3], shape[4])
    if len(shape) != 4 or shape[3] != 3 or min(shape[:3]) < 2:
        raise FileFormatError(f"{name}: its shape is {shape}, a deformation is (nx, ny, nz, 3)")
    return shape


def _check_map(affine: NDArray[np.float64], data: NDArray[Any], name: str) -> None:
    """Raise FileFormatError unless the values map coordinates between two heads.

    An affine map that is fitted in the middle of the volume tells: it keeps the direction of each axis.
    """
    axes = [
        np.unique(np.linspace(n / 4, 3 * n / 4, _SAMPLES).astype(int).clip(0, n - 1)) for n in data.shape[:3]
    ]
    voxels = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)
    values = data[tuple(voxels.T)].astype(np.float64)
    known = np.isfinite(values).all(axis=1)
    if known.sum() < 8 or 2 * known.sum() < len(known):
        raise FileFormatError(f"{name}: {1 - known.mean():.0%} of the middle of the volume is empty")
    points = voxels[known] @ affine[:3, :3].T + affine[:3, 3]
    linear = np.linalg.lstsq(points - points.mean(0), values[known] - values[known].mean(0), rcond=None)[0].T
    along = linear.diagonal()
    if not (along.min() > _MIN_STRETCH and along.max() < 1 / _MIN_STRETCH and np.linalg.det(linear) > 0):
        raise FileFormatError(
            f"{name}: not a map of coordinates in mm: along x, y, z its values change by "
            f"{', '.join(f'{x:.3g}' for x in along)} mm per mm; are they displacements, or mirrored?"
        )


def find_warps(folder: str | os.PathLike[str]) -> tuple[Path | None, Path | None]:
    """Find the two deformation volumes of a subject folder, and which way each maps.

    The voxels of a map that starts from the subject are those of the subject's T1 image, so where one of the
    volumes has the grid (shape and affine) of that image, it maps to MNI and the other one from there. Where
    the grids don't tell (there is no T1 image, or both or neither of the volumes match), the names do:
    Conform2MNI maps coordinates from the subject to MNI, MNI2Conform back.

    Parameters
    ----------
    folder : path
        The m2m folder, with toMNI in it.

    Returns
    -------
    to_mni, to_subject : Path or None
        None where there is no such volume.

    Raises
    ------
    FileFormatError
        A damaged file.
    OSError
        A file can't be read.

    Warns
    -----
    UserWarning
        The grids did not tell, so the names had to.

    Examples
    --------
    >>> import tempfile, nibabel
    >>> with tempfile.TemporaryDirectory() as name:
    ...     folder = Path(name)
    ...     (folder / "toMNI").mkdir()
    ...     for file, shape in (("T1", (6, 6, 6)), ("toMNI/MNI2Conform_nonl", (6, 6, 6, 3))):
    ...         nibabel.save(nibabel.Nifti1Image(np.ones(shape), np.eye(4)), folder / f"{file}.nii.gz")
    ...     to_mni, to_subject = find_warps(folder)
    >>> to_mni.name, to_subject
    ('MNI2Conform_nonl.nii.gz', None)
    """
    folder = Path(folder)
    found = [_first(folder / "toMNI", (name + ".nii.gz", name + ".nii")) for name in _NAMES]
    beside = f"../{folder.resolve().name.removeprefix('m2m_')}_T1fs_conform.nii.gz"  # as SimNIBS 3 has it
    image = _first(folder, (*_SUBJECT_IMAGES, beside))
    there = [path for path in found if path is not None]
    if not there:
        return None, None
    of_subject = [] if image is None else [_same_grid(path, image) for path in there]
    if sum(of_subject) == 1:
        at = of_subject.index(True)
        return there[at], there[1 - at] if len(there) == 2 else None
    if of_subject == [False] and found[0] is None:  # name and grid agree
        return None, found[1]
    why = "there is no T1.nii.gz"
    if image is not None:
        why = f"{'both have' if all(of_subject) else 'none has'} the voxels of {image.name}"
        if len(there) == 1:
            why = f"its voxels are not those of {image.name}"
    warn(
        f"{' and '.join(str(path) for path in there)}: which way they map is taken from the names, as {why}",
    )
    return found[0], found[1]


def _first(folder: Path, names: tuple[str, ...]) -> Path | None:
    return next((folder / name for name in names if (folder / name).is_file()), None)


def _same_grid(path: Path, image: Path) -> bool:
    """Tell whether two volumes have the same shape and their corners are at the same places."""
    affine, shape = read_grid(path)
    other, other_shape = read_grid(image)
    if shape[:3] != other_shape[:3] or len(other_shape) < 3:
        return False
    corners = np.stack(np.meshgrid(*[(0, n - 1) for n in shape[:3]], [1], indexing="ij"), -1).reshape(-1, 4)
    return bool(np.abs(corners @ (affine - other).T).max() < _SAME_GRID_MM)
