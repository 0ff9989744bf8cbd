# SPDX-License-Identifier: BSD-3-Clause
"""Coil poses: 4x4 matrices from coil to head, mm; columns x, y, z axis and centre.

Coil frame: origin on the casing face that touches the head, +z into the head, +y the prolongation of the
handle (away from it), x = y × z.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..core.arguments import finite_array, real_array
from ..core.docs import fill_doc
from ..errors import PoseError

__all__ = [
    "check_pose",
    "check_poses",
    "faults",
    "nearest_rotation",
    "nearest_where_possible",
    "ring",
    "tilts",
    "turns",
]

# Largest entry of RᵀR − 1 that passes: poses exported as float32 (1e-7) and those printed with four decimals
# (1.7e-4) do. A scale of the axes that passes is off by half of this at most, and so is the field.
ORTHONORMAL_TOLERANCE = 5e-4
MAX_TRANSLATION_MM = 10_000.0
_UNIT = np.eye(3)
_FEW, _CLEAR = 16, 1e-4  # poses that are looked at one by one, and how far within the tolerance


@fill_doc
def check_poses(poses: ArrayLike) -> np.ndarray:
    """Raise an error unless all poses are rigid placements; it says which one is not, and by how much.

    A pose within the tolerance (RᵀR − 1 below 5e-4 in every entry) is returned as it is; its axes are not
    made orthonormal, see `nearest_rotation` for that.

    Parameters
    ----------
    %(poses)s

    Returns
    -------
    ndarray (k, 4, 4) float64, C order
        A copy.

    Raises
    ------
    PoseError
        Another shape, no poses, values that are not finite, a last row other than 0 0 0 1, axes that are not
        orthonormal (scaled, sheared), left-handed axes, or a centre more than 10 m from the origin. The
        message names the first such pose.

    Examples
    --------
    >>> check_poses(np.eye(4)).shape
    (1, 4, 4)
    >>> check_poses(np.diag([1, 1, -1, 1]))
    Traceback (most recent call last):
    ...
    headfield.errors.PoseError: pose 0 of 1: left-handed axes (determinant -1): one axis points the wrong way
    """
    matrices = _as_poses(poses)
    if len(matrices) <= _FEW and all(map(_is_rigid, matrices.reshape(-1, 16).tolist())):
        return matrices
    for fault in _faults(matrices):
        _refuse(*fault)
    return matrices


def faults(poses: NDArray[np.float64]) -> dict[int, str]:
    """Return what `check_poses` finds wrong with each of the poses (k, 4, 4), by their index.

    Examples
    --------
    >>> faults(np.stack([np.eye(4), np.diag([1.0, 1, -1, 1])]))
    {1: 'left-handed axes (determinant -1): one axis points the wrong way'}
    """
    return _by_index(_faults(poses))


def check_pose(pose: ArrayLike) -> np.ndarray:
    """Check one pose (4, 4) or (1, 4, 4) as `check_poses` does, and return it, (4, 4) float64.

    Examples
    --------
    >>> check_pose(np.eye(4)).shape
    (4, 4)
    """
    matrices = check_poses(pose)
    if len(matrices) != 1:
        raise PoseError(f"one pose is needed, not {len(matrices)}")
    return matrices[0]


@fill_doc
def nearest_rotation(poses: ArrayLike) -> np.ndarray:
    """Replace the axes of poses by the nearest right-handed orthonormal ones.

    The orthogonal polar factor of the axes, R = U Vᵀ of the singular value decomposition: the rotation
    nearest to them in the Frobenius norm, freed of their scale and shear (Higham, SIAM J. Sci. Stat. Comput.
    7:1160, 1986).

    Parameters
    ----------
    %(poses)s

    Returns
    -------
    ndarray (4, 4) or (k, 4, 4) float64
        The shape of `poses`.

    Raises
    ------
    PoseError
        Values that are not finite, a last row other than 0 0 0 1, left-handed axes (which of them points the
        wrong way can't be guessed), or axes that nearly lie in a plane.

    Examples
    --------
    >>> scaled = np.diag([1.01, 1.01, 1.01, 1.0])
    >>> nearest_rotation(scaled)
    array([[1., 0., 0., 0.],
           [0., 1., 0., 0.],
           [0., 0., 1., 0.],
           [0., 0., 0., 1.]])
    """
    matrices = _as_poses(poses)
    for fault in _entry_faults(matrices):
        _refuse(*fault)
    nearest, flat_or_left = _nearest(matrices)
    for fault in flat_or_left:
        _refuse(*fault)
    return nearest.reshape(np.shape(poses))


def nearest_where_possible(poses: NDArray[np.float64]) -> tuple[NDArray[np.float64], dict[int, str]]:
    """Do what `nearest_rotation` does to each of the poses (k, 4, 4) that has one.

    Returns
    -------
    ndarray (k, 4, 4) float64
        The others as they are.
    dict
        What is wrong with the others, by their index.

    Examples
    --------
    >>> nearest, wrong = nearest_where_possible(np.stack([2 * np.eye(4), np.diag([2.0, 2, 2, 1])]))
    >>> nearest[1].diagonal(), wrong
    (array([1., 1., 1., 1.]), {0: 'last row is not 0 0 0 1, off by 1: transposed?'})
    """
    wrong = _by_index(_entry_faults(poses))
    there = np.setdiff1d(np.arange(len(poses)), list(wrong)).astype(np.intp)
    nearest, flat_or_left = _nearest(poses[there])
    wrong |= {int(there[index]): text for index, text in _by_index(flat_or_left).items()}
    result = poses.copy()
    result[there] = nearest
    return result, dict(sorted(wrong.items()))


def ring(pose: ArrayLike, angles_deg: ArrayLike) -> np.ndarray:
    """Turn a pose about its own z axis.

    Parameters
    ----------
    pose : array_like (4, 4)
        Coil to head, mm.
    angles_deg : array_like (k,)
        Angles from x to y, degrees: clockwise as seen from outside the head, since z points into it.

    Returns
    -------
    ndarray (k, 4, 4) float64

    Raises
    ------
    PoseError
        Not one rigid placement, or angles that are not k ≥ 1 finite numbers.

    Examples
    --------
    >>> ring(np.eye(4), [0, 90])[1, :3, :3].round(12) + 0.0
    array([[ 0., -1.,  0.],
           [ 1.,  0.,  0.],
           [ 0.,  0.,  1.]])
    """
    matrix = check_pose(pose)
    angles = finite_array(angles_deg, "angles_deg", PoseError)
    if angles.ndim != 1 or not len(angles):
        raise PoseError(f"angles_deg must have the shape (k,), not {angles.shape}")
    return matrix @ turns(angles)


def turns(angles_deg: np.ndarray) -> np.ndarray:
    """Return the matrices (k, 4, 4) that turn about z, from x to y, by angles (k,) in degrees.

    Examples
    --------
    >>> turns(np.array([0.0]))[0].tolist() == np.eye(4).tolist()
    True
    """
    angles = np.radians(angles_deg)
    turn = np.zeros((len(angles), 4, 4))
    turn[:, 0, 0] = turn[:, 1, 1] = np.cos(angles)
    turn[:, 1, 0] = np.sin(angles)
    turn[:, 0, 1] = -turn[:, 1, 0]
    turn[:, 2, 2] = turn[:, 3, 3] = 1.0
    return turn


def tilts(angles_deg: np.ndarray) -> np.ndarray:
    """Return the matrices (k, 4, 4) that turn about x, then about the new y, by angles (k, 2) in degrees.

    Examples
    --------
    >>> tilts(np.array([[90.0, 0.0]]))[0, :3, 1].round(9)  # from y to z
    array([0., 0., 1.])
    """
    (c, d), (s, t) = np.cos(np.radians(angles_deg)).T, np.sin(np.radians(angles_deg)).T
    about_x, about_y = (np.tile(np.eye(4), (len(c), 1, 1)) for _ in range(2))
    about_x[:, 1, 1] = about_x[:, 2, 2] = c
    about_x[:, 2, 1], about_x[:, 1, 2] = s, -s
    about_y[:, 0, 0] = about_y[:, 2, 2] = d
    about_y[:, 0, 2], about_y[:, 2, 0] = t, -t
    return np.asarray(about_x @ about_y)


def _as_poses(poses: ArrayLike) -> np.ndarray:
    """Copy poses to (k, 4, 4) float64."""
    matrices = real_array(poses, "poses", PoseError)
    if matrices.shape[-2:] != (4, 4) or matrices.ndim not in (2, 3) or not matrices.size:
        raise PoseError(f"poses must have the shape (4, 4) or (k, 4, 4) with k ≥ 1, not {matrices.shape}")
    return matrices.reshape(-1, 4, 4)


def _is_rigid(m: list[float]) -> bool:
    """Say whether 16 entries are beyond doubt a rigid placement: not NaN, not on the edge of a tolerance.

    Loops that solve one pose at a time spend a millisecond or two in each solve, and calls of NumPy on arrays
    of 16 numbers would take a twentieth of that.
    """
    a, b, c, x, d, e, f, y, g, h, i, z = m[:12]
    return (
        m[12:] == [0.0, 0.0, 0.0, 1.0]
        and all(abs(at) <= MAX_TRANSLATION_MM for at in (x, y, z))
        and abs(a * a + d * d + g * g - 1.0) <= _CLEAR
        and abs(b * b + e * e + h * h - 1.0) <= _CLEAR
        and abs(c * c + f * f + i * i - 1.0) <= _CLEAR
        and abs(a * b + d * e + g * h) <= _CLEAR
        and abs(a * c + d * f + g * i) <= _CLEAR
        and abs(b * c + e * f + h * i) <= _CLEAR
        and a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g) > 0.5
    )


# What is wrong with poses: which have the fault, how large it is in each, and words for it.
_Fault = tuple[NDArray[np.bool_], NDArray[np.float64], str]


def _faults(matrices: NDArray[np.float64]) -> Iterator[_Fault]:
    """Yield what makes poses no rigid placements; a pose with one fault may seem to have the next as well."""
    yield from _entry_faults(matrices)
    far = np.abs(matrices[:, :3, 3]).max(axis=1)
    yield far > MAX_TRANSLATION_MM, far, "centre {:.4g} mm from the origin, more than 10 m: are these mm?"
    off, determinant = deviation(matrices[:, :3, :3])
    way_out = "see nearest_rotation, or headfield convert --nearest-rotation"
    message = f"axes not orthonormal, off by {{:.3g}} (at most 5e-4): scaled or sheared; {way_out}"
    yield ~(off <= ORTHONORMAL_TOLERANCE), off, message
    yield determinant < 0, determinant, "left-handed axes (determinant {:.3g}): one axis points the wrong way"


def _entry_faults(matrices: NDArray[np.float64]) -> Iterator[_Fault]:
    """Yield the poses that aren't finite, those of zeros, and those whose last row is not 0 0 0 1."""
    bad = (~np.isfinite(matrices)).sum(axis=(1, 2)).astype(np.float64)
    yield bad > 0, bad, "{:.0f} of 16 entries are not finite"
    zero = ~(matrices != 0).any(axis=(1, 2))
    yield zero, zero.astype(np.float64), "all entries are zero"
    off = np.abs(matrices[:, 3] - [0.0, 0.0, 0.0, 1.0]).max(axis=1, initial=0.0)
    yield ~(off <= 1e-6), off, "last row is not 0 0 0 1, off by {:.3g}: transposed?"


def _nearest(matrices: NDArray[np.float64]) -> tuple[NDArray[np.float64], list[_Fault]]:
    """Return finite poses with the nearest rotations, and which of these are none."""
    u, singular, vt = np.linalg.svd(matrices[:, :3, :3])
    with np.errstate(divide="ignore", invalid="ignore"):
        flatness = singular[:, 2] / singular[:, 0]
    nearest = matrices.copy()
    nearest[:, :3, :3] = u @ vt
    determinant = np.linalg.det(nearest[:, :3, :3])
    flat = "axes lie in a plane (singular values' ratio {:.3g}): no nearest rotation"
    left = "left-handed axes (determinant {:.3g}): one axis points the wrong way, turn it round first"
    return nearest, [(~(flatness > 1e-3), flatness, flat), (determinant < 0, determinant, left)]


def _by_index(found: Iterable[_Fault]) -> dict[int, str]:
    """Return the first fault of each pose that has one, in words, in the order of the poses."""
    words: dict[int, str] = {}
    for bad, amount, message in found:
        for index in np.flatnonzero(bad).tolist():
            words.setdefault(index, message.format(amount[index]))
    return dict(sorted(words.items()))


def _refuse(bad: np.ndarray, amount: np.ndarray, message: str) -> None:
    """Raise a PoseError if some poses are bad; it names the first and says how many there are."""
    if bad.any():
        index = np.flatnonzero(bad)
        more = f" ({len(index)} poses of this kind)" if len(index) > 1 else ""
        raise PoseError(f"pose {index[0]} of {len(bad)}: {message.format(amount[index[0]])}{more}")


def deviation(rotations: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the largest entry of |RᵀR − 1| for axes (k, 3, 3), 0 if orthonormal, and their determinants.

    Examples
    --------
    >>> deviation(np.diag([1.0, 1.0, -2.0])[None])
    (array([3.]), array([-2.]))
    """
    with np.errstate(over="ignore", invalid="ignore"):  # a huge entry becomes inf or NaN, which is refused
        off = np.abs(np.swapaxes(rotations, 1, 2) @ rotations - _UNIT).max(axis=(1, 2))
        return off, np.linalg.det(rotations)
