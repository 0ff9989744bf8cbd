# SPDX-License-Identifier: BSD-3-Clause
"""Where the voxels of the scan that was navigated on lie, for systems that count from its edges."""

from __future__ import annotations

import os
from typing import NamedTuple

import numpy as np

from ...errors import PoseError
from ...io.nifti import check_affine, read_grid
from ..pose import ORTHONORMAL_TOLERANCE, deviation

__all__ = ["Scan", "read_scan"]


class Scan(NamedTuple):
    """A NIfTI image with its axes reordered and flipped so that they go to the right, forward and up.

    Examples
    --------
    >>> Scan(np.eye(4), np.ones(3), np.array([256, 256, 192])).steps_mm
    array([1., 1., 1.])
    """

    to_world: np.ndarray  #: (4, 4), rigid: mm along these axes, from the middle of voxel 0 0 0, to RAS mm
    steps_mm: np.ndarray  #: (3,) size of a voxel
    shape: np.ndarray  #: (3,) number of voxels


def read_scan(path: str | os.PathLike[str]) -> Scan:
    """Read the grid of a NIfTI image.

    Raises
    ------
    PoseError
        Axes that are not at right angles.
    FileFormatError, OSError
        Not a NIfTI image, nibabel isn't installed, or the file can't be read.

    Examples
    --------
    >>> import tempfile, nibabel
    >>> path = tempfile.mkdtemp() + "/t1.nii"
    >>> nibabel.save(nibabel.Nifti1Image(np.zeros((4, 5, 6)), np.diag([-2.0, 1, 1, 1])), path)
    >>> scan = read_scan(path)
    >>> scan.to_world[0], scan.shape
    (array([ 1.,  0.,  0., -6.]), array([4, 5, 6]))
    """
    affine, sizes = read_grid(path)
    check_affine(affine, PoseError)
    from nibabel.orientations import (  # optional; read_grid says so where it is missing
        inv_ornt_aff,
        io_orientation,
    )

    order = io_orientation(affine)
    canonical = affine @ inv_ornt_aff(order, sizes[:3])
    steps = np.linalg.norm(canonical[:3, :3], axis=0)
    to_world = canonical.copy()
    to_world[:3, :3] /= steps
    off, _ = deviation(to_world[None, :3, :3])
    if not off[0] <= ORTHONORMAL_TOLERANCE:
        raise PoseError(f"{os.fspath(path)}: the axes of this image are not at right angles")
    shape = np.empty(3, dtype=np.int64)
    shape[order[:, 0].astype(int)] = sizes[:3]
    return Scan(to_world, steps, shape)
