# SPDX-License-Identifier: BSD-3-Clause
"""Coil poses: 4x4 matrices from coil to head, mm; columns x, y, z axis and centre.

Coil frame: origin on the casing face that touches the head, +z into the head, +y the prolongation of the
handle (away from it), x = y × z.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from ..core.arguments import finite_array, real_array
from ..core.docs import fill_doc
from ..errors import PoseError

__all__ = [
    "check_pose",
    "check_poses",
    "nearest_rotation",
    "ring",
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
    _check_entries(matrices)
    rotations = matrices[:, :3, :3]
    far = np.abs(matrices[:, :3, 3]).max(axis=1)
    _refuse(far > MAX_TRANSLATION_MM, far, "centre {:.4g} mm from the origin, more than 10 m: are these mm?")
    off, determinant = deviation(rotations)
    message = "axes not orthonormal, off by {:.3g} (at most 5e-4): scaled or sheared; see nearest_rotation"
    _refuse(~(off <= ORTHONORMAL_TOLERANCE), off, message)
    message = "left-handed axes (determinant {:.3g}): one axis points the wrong way"
    _refuse(determinant < 0, determinant, message)
    return matrices


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
    _check_entries(matrices)
    u, singular, vt = np.linalg.svd(matrices[:, :3, :3])
    with np.errstate(divide="ignore", invalid="ignore"):
        flatness = singular[:, 2] / singular[:, 0]
    message = "axes lie in a plane (singular values' ratio {:.3g}): no nearest rotation"
    _refuse(~(flatness > 1e-3), flatness, message)
    rotations = u @ vt
    determinant = np.linalg.det(rotations)
    message = "left-handed axes (determinant {:.3g}): one axis points the wrong way, turn it round first"
    _refuse(determinant < 0, determinant, message)
    matrices[:, :3, :3] = rotations
    return matrices.reshape(np.shape(poses))


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


def _check_entries(matrices: np.ndarray) -> None:
    """Raise a PoseError unless all entries are finite and the last row of each pose is 0 0 0 1."""
    finite = np.isfinite(matrices)
    if not finite.all():
        bad = (~finite).sum(axis=(1, 2))
        _refuse(bad > 0, bad, "{:.0f} of 16 entries are not finite")
    off = np.abs(matrices[:, 3] - [0.0, 0.0, 0.0, 1.0]).max(axis=1)
    _refuse(off > 1e-6, off, "last row is not 0 0 0 1, off by {:.3g}: transposed?")


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
