# SPDX-License-Identifier: BSD-3-Clause
"""Images of labels or of maps of tissues as they are given, and what can't be one."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...core.messages import plural, point
from ...errors import MeshError
from ...io.nifti import check_affine, given_image
from ...io.volume import Volume, read_voxels

__all__ = ["GivenImage", "checked", "given", "label_counts", "labels_of", "maps_of"]

_THINNEST = 4  # voxels along an axis: a slab of fewer is no head
_FINEST_MM, _COARSEST_MM = 0.05, 10.0  # micrometres and metres are told by it, and what is too coarse
_MOST_LABELS = 256  # MIDA has 116 labels, FreeSurfer's atlases fewer than 200
_HIGHEST_LABEL = 1 << 20  # FreeSurfer's go up to 14175
_ROUNDING = 0.02  # by which shares of a voxel may leave 0 to 1
_SCALED = 1e-3  # by which a label may leave a whole number: files that scale their numbers store float32


@dataclass(frozen=True)
class GivenImage:
    """Name for messages, affine (4, 4) and numbers, (nx, ny, nz) or (nx, ny, nz, k), of a file or caller."""

    name: str
    affine: NDArray[np.float64]
    data: NDArray[Any]

    @property
    def has_maps(self) -> bool:
        """Whether there are several numbers in each voxel."""
        return self.data.ndim == 4


def given(image: Volume) -> GivenImage:
    """Read an image, or take it as it is given, and check all that does not depend on its numbers.

    Parameters
    ----------
    image : path, or (affine, data)
        .nii, .nii.gz, .mgz or .mgh; or the affine (4, 4), voxels to mm RAS, and the numbers, (nx, ny, nz) or
        (nx, ny, nz, k).

    Raises
    ------
    MeshError
        It is no volume; an affine that is missing or singular, or whose voxels are far from those of heads.
    FileFormatError, OSError
        The file is damaged, of another kind, or can't be read.

    Examples
    --------
    >>> given((np.eye(4), np.ones((9, 9, 1))))
    Traceback (most recent call last):
    ...
    headfield.errors.MeshError: the label image: its shape is (9, 9, 1): a head needs a volume, not slices
    """
    if isinstance(image, (str, os.PathLike)):
        name = os.fspath(image)
        affine, data = read_voxels(name)
    else:
        name = "the label image"
        if not isinstance(image, tuple) or len(image) != 2 or image[0] is None:
            raise MeshError(
                "missing affine: an image is a path or (affine, data), since its voxels alone don't say how "
                "large they are and which way they lie"
            )
        affine, data = given_image(*image, name, "numbers", MeshError)
    return checked(name, affine, data)


def checked(name: str, affine: NDArray[np.float64], data: NDArray[Any]) -> GivenImage:
    """Do what `given` does with what was read."""
    check_affine(affine, MeshError)
    _check_voxels(affine, name)
    while data.ndim > 3 and data.shape[-1] == 1:
        data = data[..., 0]
    if data.ndim not in (3, 4) or 0 in data.shape:
        raise MeshError(f"{name}: its shape is {data.shape}: a label image is (nx, ny, nz)")
    if min(data.shape[:3]) < _THINNEST:
        raise MeshError(f"{name}: its shape is {data.shape}: a head needs a volume, not slices")
    return GivenImage(name, affine, data)


def _check_voxels(affine: NDArray[np.float64], name: str) -> None:
    voxel_mm = np.linalg.norm(affine[:3, :3], axis=0)
    if not (np.isfinite(affine).all() and voxel_mm.min() >= _FINEST_MM and voxel_mm.max() <= _COARSEST_MM):
        sizes = " × ".join(f"{length:.3g}" for length in voxel_mm)
        raise MeshError(
            f"{name}: its voxels are {sizes} mm; those of heads are {_FINEST_MM:g} to {_COARSEST_MM:g} mm: "
            "is its affine in another unit than mm?"
        )
    if np.abs(affine[3] - [0, 0, 0, 1]).max() > 1e-6:
        raise MeshError(f"{name}: the last row of its affine is {affine[3].tolist()}, not [0, 0, 0, 1]")


def labels_of(image: GivenImage) -> NDArray[np.int32]:
    """Return the labels (nx, ny, nz) of an image.

    Raises
    ------
    MeshError
        Maps; NaN, fractions or negative numbers, with the place of the first; more numbers than tissues.

    Examples
    --------
    >>> image = np.zeros((4, 4, 4))
    >>> image[1, 2, 3] = 0.25
    >>> labels_of(given((np.eye(4), image)))
    Traceback (most recent call last):
    ...
    headfield.errors.MeshError: the label image: 1 voxel is not a whole number, first 0.25 at (1, 2, 3) mm: \
labels are whole; maps of tissues are given as (nx, ny, nz, k) with tissues=[...]
    """
    data, name = image.data, image.name
    if image.has_maps:
        raise MeshError(
            f"{name}: its shape is {data.shape}: a label image is (nx, ny, nz); for maps of tissues, tissues "
            f"must be a list of their {data.shape[3]} tags or names (--tissues TISSUE,...)"
        )
    if data.dtype.kind == "f":
        with np.errstate(invalid="ignore"):
            _refuse(image, ~np.isfinite(data), "NaN or infinite", "a label is a whole number")
            _refuse(
                image,
                _off_whole(data) > _SCALED,
                "not a whole number",
                "labels are whole; maps of tissues are given as (nx, ny, nz, k) with tissues=[...]",
            )
    _refuse(image, data < -_SCALED, "negative", "labels are 0 (outside) and more")
    highest = data.max().item()
    if highest > _HIGHEST_LABEL:
        raise MeshError(f"{name}: its highest label is {highest:.10g}: {_NO_LABELS}")
    labels = np.empty(data.shape, np.int32)
    np.rint(data, out=labels, casting="unsafe") if data.dtype.kind == "f" else np.copyto(
        labels, data, "unsafe"
    )
    return labels


def _off_whole(data: NDArray[Any]) -> NDArray[Any]:
    """Return how far each number is from a whole one, in the memory of one more image."""
    off = np.rint(data)
    off -= data
    return np.asarray(np.abs(off, out=off))


_NO_LABELS = "intensities, such as a T1, are no labels: segment the image first"


def _refuse(image: GivenImage, bad: NDArray[np.bool_], what: str, way_out: str) -> None:
    """Raise MeshError if any voxel is bad; the message has the first of them."""
    count = int(np.count_nonzero(bad))
    if not count:
        return
    first = np.unravel_index(int(np.argmax(bad)), bad.shape)
    place = point(image.affine[:3, :3] @ np.array(first[:3], float) + image.affine[:3, 3])
    said = f"{plural(count, 'voxel is', 'voxels are')} {what}, first {image.data[first]:g} at {place}"
    raise MeshError(f"{image.name}: {said}: {way_out}")


def label_counts(labels: NDArray[np.int32], name: str) -> dict[int, int]:
    """Return how many voxels each label has, ascending; raise MeshError for too many labels, or none but 0.

    Examples
    --------
    >>> label_counts(np.array([[[0, 3, 3, 7]]], np.int32), "image")
    {0: 1, 3: 2, 7: 1}
    """
    counts = np.bincount(labels.ravel())
    present = np.flatnonzero(counts)
    if len(present) > _MOST_LABELS:
        raise MeshError(
            f"{name}: {len(present):,} different labels, up to {present[-1]:,}; segmentations have at most "
            f"{_MOST_LABELS}: {_NO_LABELS}"
        )
    if not present.any():
        raise MeshError(f"{name}: no tissue: all of its {labels.size:,} voxels are 0")
    return dict(zip(present.tolist(), counts[present].tolist(), strict=True))


def maps_of(image: GivenImage) -> NDArray[np.float32]:
    """Return the maps (k, nx, ny, nz) of tissues; their sum is what of each voxel is in the head.

    Raises
    ------
    MeshError
        No maps; NaN; shares below 0 or above 1, or that add up to more than 1.

    Examples
    --------
    >>> maps_of(given((np.eye(4), np.full((4, 4, 4, 2), 0.25)))).shape
    (2, 4, 4, 4)
    """
    data, name = image.data, image.name
    if not image.has_maps:
        raise MeshError(
            f"{name}: tissues is a list, as for maps (nx, ny, nz, k), but it has the shape {data.shape}: for "
            "labels give a mapping of labels to tissues"
        )
    _refuse(image, ~np.isfinite(data), "NaN or infinite", "a share of a voxel lies between 0 and 1")
    if data.min() < -_ROUNDING or data.max() > 1 + _ROUNDING:
        raise MeshError(
            f"{name}: its numbers lie between {data.min():g} and {data.max():g}, and not between 0 and 1 as "
            "shares of voxels do: divide them by their maximum, such as 255 or 100"
        )
    maps = np.ascontiguousarray(np.moveaxis(np.clip(data, 0, 1), 3, 0), np.float32)
    most = float(maps.sum(axis=0).max())
    if most > 1 + _ROUNDING:
        raise MeshError(f"{name}: the shares of the tissues add up to {most:.3g} in a voxel: to more than 1")
    if not maps.any():
        raise MeshError(f"{name}: no tissue: all of its numbers are 0")
    return maps
