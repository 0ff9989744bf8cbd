# SPDX-License-Identifier: BSD-3-Clause
"""Targets that an image gives: maps of weights, such as connectivity to a seed."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..core.arguments import not_negative
from ..errors import RegionError
from ..heads.mesh import TetMesh
from ..heads.selection import barycentres, check_mesh, tets_of
from ..heads.subject import Subject
from ..heads.tissues import GRAY_MATTER
from ..io.nifti import trilinear
from ..io.volume import Volume, read_volume
from ..measures.target import Target
from ..regions.region import Region, check_is_region
from ..solve.places import check_region

__all__ = ["target_of_map"]

Floats = NDArray[np.float64]

_PIECE = 200_000  # tetrahedra at a time


def target_of_map(
    head: TetMesh | Subject,
    image: Volume,
    *,
    tags: int | ArrayLike = GRAY_MATTER,
    threshold: float = 0.0,
    within: Region | None = None,
    mni: bool = False,
) -> Target:
    """Make a target of a map: the mean of |E| weighted by its values, as of a network or of connectivity.

    The target of a depression treatment by anticorrelation with the subgenual cingulate cortex is the
    negative of such a map (`-1 * data`): values that are negative count against a pose.

    Parameters
    ----------
    head : TetMesh or Subject
    image : path, or (affine, data)
        NIfTI or FreeSurfer volume; the affine takes voxels to mm. Interpolated trilinearly at the barycentres
        of tetrahedra.
    tags : int, str, or sequence of them
        Tissues; 2 is gray matter.
    threshold : float
        Values whose size is below count as 0.
    within : Region, optional
        Only there: the part of the brain that coils reach.
    mni : bool
        Whether the image is in MNI space, to which a Subject knows the way.

    Returns
    -------
    Target

    Raises
    ------
    RegionError
        No tetrahedron has a weight, an image that is none, or `mni` without a Subject.
    FileFormatError, OSError

    Examples
    --------
    >>> import headfield as hf
    >>> head = hf.phantom_head(edge_mm=8)
    >>> data = np.zeros((20, 20, 20)); data[4:7, 8:11, 15:18] = 1.0
    >>> affine = np.diag([10.0, 10.0, 10.0, 1.0]); affine[:3, 3] = -95.0
    >>> hf.target_of_map(head, (affine, data), threshold=0.5)
    <Target: mean |E| with weights in 30 tetrahedra>
    """
    mesh = head.mesh() if isinstance(head, Subject) else head
    check_mesh(mesh)
    if mni and not isinstance(head, Subject):
        raise RegionError("mni=True needs a Subject, which knows the way to MNI space")
    least = not_negative(threshold, "threshold", RegionError)
    affine, data, name = read_volume(image, "map", RegionError)
    chosen = tets_of(mesh, tags)
    if within is not None:
        check_is_region(within)
        check_region(mesh, within)
        chosen = np.intersect1d(chosen, within.elements)
    values = np.empty(len(chosen))
    for start in range(0, len(chosen), _PIECE):
        part = slice(start, start + _PIECE)
        centres = barycentres(mesh, chosen[part])
        if mni and isinstance(head, Subject):
            centres = head.subject_to_mni(centres)
        values[part] = _interpolated(affine, data, centres)
    kept = (np.abs(values) >= least) & (values != 0.0)
    if not kept.any():
        raise RegionError(
            f"{name}: no tetrahedron of {len(chosen):,} has a value of at least {least:g}; are map and "
            "head in one frame?"
        )
    return Target(Region(mesh, chosen[kept]), weights=values[kept])


def _interpolated(affine: Floats, data: NDArray[Any], points_mm: Floats) -> Floats:
    """Return values (p,) of an image at points (p, 3); 0 outside of it and where it is not a number."""
    index, weight, inside = trilinear(affine, data.shape, points_mm)
    values = (weight * np.nan_to_num(data[index].astype(np.float64))).sum(axis=0)
    return np.where(inside, values, 0.0)
