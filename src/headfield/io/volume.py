# SPDX-License-Identifier: BSD-3-Clause
"""Volumes of one number per voxel, NIfTI or FreeSurfer: labels of tissues or of an atlas, or an MRI."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import HeadfieldError
from .freesurfer import read_mgh
from .nifti import check_affine, given_image, read_nifti

__all__ = ["FREESURFER_ENDINGS", "NIFTI_ENDINGS", "Volume", "is_volume", "read_volume", "read_voxels"]

#: What `read_volume` takes: a file, or the affine (4, 4), voxels to mm, and the numbers.
Volume: TypeAlias = str | os.PathLike[str] | tuple[ArrayLike, ArrayLike]

NIFTI_ENDINGS = (".nii", ".nii.gz")
FREESURFER_ENDINGS = (".mgz", ".mgh")


def is_volume(path: str | os.PathLike[str]) -> bool:
    """Tell whether a file is an image by its name.

    Examples
    --------
    >>> is_volume("labels.NII.gz"), is_volume("aseg.mgz"), is_volume("head.msh")
    (True, True, False)
    """
    return os.fspath(path).lower().endswith(NIFTI_ENDINGS + FREESURFER_ENDINGS)


def read_voxels(
    path: str | os.PathLike[str], check_shape: Callable[[tuple[int, ...]], object] | None = None
) -> tuple[NDArray[np.float64], NDArray[Any]]:
    """Read the affine and the numbers of an image, by FreeSurfer's reader if its name ends so, else as NIfTI.

    Parameters, results and errors are those of `headfield.io.nifti.read_nifti`.
    """
    if os.fspath(path).lower().endswith(FREESURFER_ENDINGS):
        return read_mgh(path)
    return read_nifti(path, check_shape)


def read_volume(
    image: Volume, what: str, error: type[HeadfieldError]
) -> tuple[NDArray[np.float64], NDArray[Any], str]:
    """Read an image of one number per voxel.

    Parameters
    ----------
    image : path, or (affine, data)
    what : str
        What messages call the image, such as "label image".
    error : type
        Of what is raised for an image that is something else.

    Returns
    -------
    affine : ndarray (4, 4) float64
        From voxel indices to mm, RAS.
    data : ndarray (nx, ny, nz)
    name : str
        Of the image, for messages.

    Raises
    ------
    HeadfieldError
        Of the type `error`: neither of the two, or another shape.
    FileFormatError, OSError
        The file is damaged or can't be read.

    Examples
    --------
    >>> from headfield.errors import RegionError
    >>> read_volume((np.eye(4), np.zeros((2, 3, 4, 1), int)), "label image", RegionError)[1].shape
    (2, 3, 4)
    """
    if isinstance(image, (str, os.PathLike)):
        name = os.fspath(image)
        affine, data = read_voxels(image, lambda shape: _check_shape(shape, name, what, error))
    else:
        if not isinstance(image, tuple) or len(image) != 2:
            raise error(f"the {what} must be a path or (affine, data)")
        name = f"the {what}"
        affine, data = given_image(*image, name, "whole numbers", error)
    check_affine(affine, error)
    return affine, data.reshape(_check_shape(data.shape, name, what, error)), name


def _check_shape(
    shape: tuple[int, ...], name: str, what: str, error: type[HeadfieldError]
) -> tuple[int, ...]:
    """Return the shape without ones at its end; raise `error` unless it is that of a volume."""
    given = shape
    while len(shape) > 3 and shape[-1] == 1:
        shape = shape[:-1]
    if len(shape) != 3 or not min(shape):
        raise error(f"{name}: its shape is {given}, a {what} is (nx, ny, nz)")
    return shape
