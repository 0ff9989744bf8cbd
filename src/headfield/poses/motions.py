# SPDX-License-Identifier: BSD-3-Clause
"""Small and large motions of coils in their own frames, and what a gradient at the moved pose says of them.

A motion has six numbers: mm along the coil's own x, y and z, then a rotation vector, rad, about these axes
through the coil's origin. It takes the pose P to P [[exp(ω×), δ], [0, 1]].
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .pose import nearest_rotation

__all__ = ["along_motions", "motions_between", "moved", "right_jacobians", "rotations"]

Floats = NDArray[np.float64]

_SMALL = 1e-3  # rad: below, the first terms of the series are exact to rounding


def moved(poses: Floats, motions: Floats) -> Floats:
    """Move poses (k, 4, 4), or one (4, 4), by motions (k, 6); axes stay orthonormal however often it is done.

    Examples
    --------
    >>> turned = moved(np.eye(4)[None], np.array([[0, 0, 5.0, 0, 0, np.pi / 2]]))
    >>> turned[0].round(12) + 0.0
    array([[ 0., -1.,  0.,  0.],
           [ 1.,  0.,  0.,  0.],
           [ 0.,  0.,  1.,  5.],
           [ 0.,  0.,  0.,  1.]])
    """
    step = np.tile(np.eye(4), (len(motions), 1, 1))
    step[:, :3, :3], step[:, :3, 3] = rotations(motions[:, 3:]), motions[:, :3]
    return nearest_rotation(poses @ step)


def motions_between(poses: Floats, others: Floats) -> Floats:
    """Return the motions (k, 6) that take poses (k, 4, 4) to others; turns of less than half a turn.

    Examples
    --------
    >>> motion = np.array([[1.0, 2.0, 3.0, 0.1, -0.2, 0.3]])
    >>> motions_between(np.eye(4)[None], moved(np.eye(4)[None], motion)).round(12).tolist() == motion.tolist()
    True
    """
    back = np.swapaxes(poses[:, :3, :3], 1, 2)
    turn = back @ others[:, :3, :3]
    double = np.stack([turn[:, i, j] - turn[:, j, i] for i, j in ((2, 1), (0, 2), (1, 0))], axis=1)
    sine, cosine = 0.5 * np.linalg.norm(double, axis=1), 0.5 * (np.trace(turn, axis1=1, axis2=2) - 1.0)
    stretch = np.where(sine > 0.0, np.arctan2(sine, cosine) / np.where(sine > 0.0, sine, 1.0), 1.0)
    along = (back @ (others[:, :3, 3] - poses[:, :3, 3])[..., None])[..., 0]
    return np.concatenate([along, 0.5 * stretch[:, None] * double], axis=1)


def rotations(vectors: Floats) -> Floats:
    """Return exp(ω×) (k, 3, 3) of rotation vectors (k, 3), rad: the formula of Rodrigues.

    Examples
    --------
    >>> rotations(np.array([[0.0, 0.0, np.pi]]))[0].round(12).diagonal()
    array([-1., -1.,  1.])
    """
    cross, (a, b, _) = _crosses(vectors), _coefficients(vectors)
    return np.asarray(np.eye(3) + a * cross + b * (cross @ cross))


def right_jacobians(vectors: Floats) -> Floats:
    """Return J (k, 3, 3) with exp((ω + dω)×) = exp(ω×) exp((J dω)×) for small dω.

    Chirikjian, Stochastic Models, Information Theory, and Lie Groups, vol. 2 (2012), §10.1.

    Examples
    --------
    >>> right_jacobians(np.zeros((1, 3)))[0].diagonal()
    array([1., 1., 1.])
    """
    cross, (_, b, c) = _crosses(vectors), _coefficients(vectors)
    return np.asarray(np.eye(3) - b * cross + c * (cross @ cross))


def along_motions(gradients: Floats, motions: Floats) -> Floats:
    """Return gradients with respect to motions (k, 6), of gradients (k, 6) in the frames of the moved poses.

    Examples
    --------
    >>> along_motions(np.array([[1.0, 0, 0, 0, 0, 0]]), np.array([[0, 0, 0, 0, 0, np.pi / 2]]))[0].round(12)
    array([0., 1., 0., 0., 0., 0.])
    """
    turn, jacobian = rotations(motions[:, 3:]), right_jacobians(motions[:, 3:])
    result = np.empty_like(gradients)
    result[:, :3] = np.einsum("kij,kj->ki", turn, gradients[:, :3])
    result[:, 3:] = np.einsum("kji,kj->ki", jacobian, gradients[:, 3:])
    return result


def _crosses(vectors: Floats) -> Floats:
    """Return the matrices (k, 3, 3) of the cross product with vectors (k, 3)."""
    x, y, z = vectors.T
    zero = np.zeros_like(x)
    rows = [[zero, -z, y], [z, zero, -x], [-y, x, zero]]
    return np.moveaxis(np.array(rows), 2, 0)


def _coefficients(vectors: Floats) -> tuple[Floats, Floats, Floats]:
    """Return sin t / t, (1 − cos t) / t² and (t − sin t) / t³ (k, 1, 1) of lengths t."""
    t = np.linalg.norm(vectors, axis=1)[:, None, None]
    s = np.where(t < _SMALL, 1.0, t)
    a = np.where(t < _SMALL, 1.0 - t**2 / 6.0, np.sin(s) / s)
    b = np.where(t < _SMALL, 0.5 - t**2 / 24.0, 2.0 * (np.sin(0.5 * s) / s) ** 2)
    c = np.where(t < _SMALL, 1.0 / 6.0 - t**2 / 120.0, (s - np.sin(s)) / s**3)
    return a, b, c
