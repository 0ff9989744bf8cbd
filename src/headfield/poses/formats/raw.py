# SPDX-License-Identifier: BSD-3-Clause
"""What the readers of pose files share: their record, shapes, printed digits, turned axes, dI/dt."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ...errors import PoseError
from ..pose import ORTHONORMAL_TOLERANCE, deviation, nearest_rotation
from ..pose_list import LeftOut

__all__ = [
    "LPS_TO_RAS",
    "NoPoses",
    "RawPoses",
    "didt_of_all",
    "settle_rounding",
    "stack_of",
    "turn_axes",
]

# From left, posterior, superior to right, anterior, superior; its own inverse.
LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])
# Fewer printed decimals say too little of a direction: two are an angle of up to 0.5 degrees.
MIN_DECIMALS = 3


class NoPoses(PoseError):
    """A file that was understood and holds none of the poses, or of the placements, that are looked for."""


class RawPoses(NamedTuple):
    """What a reader finds in a file, before the poses are checked."""

    poses: np.ndarray  #: (k, 4, 4) coil to head, mm
    names: list[str]  #: one for each pose, or none at all
    didt: np.ndarray | None  #: (k,) A/s
    kind: str  #: of the file
    notes: Sequence[str] = ()  #: what to warn of
    what: str = "poses"  #: what the file calls them
    left_out: Sequence[LeftOut] = ()  #: what else it holds
    indices: Sequence[int] | None = None  #: the place of each pose in the file, if something was left out
    coils: Sequence[str] = ()  #: the coil of each pose, or none at all
    seconds: np.ndarray | None = None  #: (k,) when each was recorded, nan where that is not known


def stack_of(array: np.ndarray, name: str) -> np.ndarray:
    """Return poses that lie along the first axis of an array, or along its last, along the first.

    Parameters
    ----------
    array : ndarray (4, 4), (k, 4, 4) or (4, 4, k)
        Of four poses in four rows and columns, the last rows tell which axis is theirs: if all are 0 0 0 1
        along one axis, they can't be along the other.
    name : str
        For the message.

    Returns
    -------
    ndarray (k, 4, 4)

    Raises
    ------
    PoseError
        Another shape.

    Examples
    --------
    >>> stack_of(np.zeros((4, 4, 7)), "matsimnibs").shape
    (7, 4, 4)
    """
    if array.ndim == 2:
        array = array[None]
    if array.ndim != 3 or not array.size or array.shape[1] != 4 or 4 not in (array.shape[0], array.shape[2]):
        raise PoseError(f"{name} has the shape {array.shape}, not (4, 4), (k, 4, 4) or (4, 4, k)")
    last = np.moveaxis(array, 2, 0)
    if array.shape != (4, 4, 4):
        return array if array.shape[2] == 4 else last
    return last if _good_ends(last) > _good_ends(array) else array


def _good_ends(poses: np.ndarray) -> int:
    """Count the poses whose last row is 0 0 0 1; none count if one ends otherwise and isn't lost (NaN, 0)."""
    ends = poses[:, 3]
    good = np.abs(ends - [0, 0, 0, 1]).max(axis=1) <= 1e-6
    lost = np.isnan(ends).all(axis=1) | (ends == 0).all(axis=1)
    return int(good.sum()) if (good | lost).all() else 0


def settle_rounding(poses: np.ndarray, printed: Sequence[int]) -> np.ndarray:
    """Replace axes that are off by no more than their printed decimals explain by the nearest rotation.

    A rounding of at most u in each component moves an entry of RᵀR by at most 2√3 u + 3 u². The axes may have
    been off before they were printed, by as much as `check_poses` lets pass: one of the 101 samples of a
    Brainsight file, off by 2.0e-3 with 3 decimals, was off by 3e-4 at least. Axes that are off by more than
    both together, left-handed, or printed with fewer than three decimals are left as they are;
    `check_poses` refuses them.

    Parameters
    ----------
    poses : ndarray (k, 4, 4) float64
        Not checked.
    printed : sequence of k int
        Decimals of the axes of each pose in the file.

    Returns
    -------
    ndarray (k, 4, 4) float64

    Examples
    --------
    >>> pose = np.eye(4)
    >>> pose[:2, :2] = [[0.707, -0.707], [0.707, 0.707]]
    >>> print(settle_rounding(pose[None], [3])[0, :2, :2])
    [[ 0.70710678 -0.70710678]
     [ 0.70710678  0.70710678]]
    """
    rotations = poses[:, :3, :3]
    digits = np.asarray(printed)
    unit = np.where(digits < MIN_DECIMALS, 0.0, 0.5 * 10.0 ** -digits.astype(float).clip(0, 300))
    off, determinant = deviation(rotations)
    rounding = 2 * np.sqrt(3) * unit + 3 * unit**2
    beyond = (off > ORTHONORMAL_TOLERANCE) & (unit > 0)
    settled = ((off <= rounding) | beyond & (off <= rounding + ORTHONORMAL_TOLERANCE)) & (determinant > 0)
    result = poses.copy()
    if settled.any():
        turned = np.broadcast_to(np.eye(4), (int(settled.sum()), 4, 4)).copy()
        turned[:, :3, :3] = rotations[settled]
        result[settled, :3, :3] = nearest_rotation(turned)[:, :3, :3]
    return result


def turn_axes(poses: np.ndarray, axes: np.ndarray) -> np.ndarray:
    """Replace the rotation of each pose by `rotation @ axes`.

    Examples
    --------
    >>> print(turn_axes(np.eye(4)[None], np.diag([-1, 1, -1]))[0, :3, :3].diagonal())
    [-1.  1. -1.]
    """
    result = np.array(poses, dtype=np.float64)
    with np.errstate(invalid="ignore", over="ignore"):  # inf · 0 is NaN, which is refused with the pose
        result[:, :3, :3] = result[:, :3, :3] @ axes
    return result


def didt_of_all(values: Sequence[float | None], notes: list[str]) -> np.ndarray | None:
    """Return dI/dt of each pose, A/s, or None where some poses lack it, with a note if only some do.

    Examples
    --------
    >>> notes = []
    >>> didt_of_all([1e6, 2e6], notes), didt_of_all([1e6, None], notes), notes
    (array([1000000., 2000000.]), None, ['dI/dt of 1 of 2 poses is missing: none is read'])
    """
    known = np.array([np.nan if value is None else value for value in values], dtype=np.float64)
    missing = int((~np.isfinite(known)).sum())
    if missing == 0:
        return known
    if missing < len(known):
        notes.append(f"dI/dt of {missing} of {len(known)} poses is missing: none is read")
    return None
