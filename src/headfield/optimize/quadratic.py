# SPDX-License-Identifier: BSD-3-Clause
"""The model of an objective around a pose: a quadratic function that is learnt, and its best step."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["best_steps", "learnt"]

Floats = NDArray[np.float64]

_SWEEPS, _SETTLED = 400, 1e-7
_DAMPED = 0.2  # of the curvature along a step is kept at least, which keeps the model concave (Powell 1978)


def best_steps(
    gradients: Floats, curvatures: Floats, excess: Floats, slopes: Floats, bounds: Floats
) -> Floats:
    """Find the steps s (k, n) with the largest g·s − ½ s·B s where c + a·s ≥ 0 and |s| ≤ bounds.

    The multipliers of the constraints are improved one after the other, which is Hildreth's method (Quart.
    Appl. Math. 14, 1957): slow for hard problems, but these are of six unknowns, and all poses go together.

    Parameters
    ----------
    gradients : ndarray (k, n)
    curvatures : ndarray (k, n, n)
        B, symmetric and positive-definite.
    excess : ndarray (k, c)
        0 or more, or inf for none.
    slopes : ndarray (k, c, n)
    bounds : ndarray (k, n)

    Examples
    --------
    >>> wall, bounds = -np.eye(2)[None, :1], np.ones((1, 2))
    >>> best_steps(np.ones((1, 2)), np.eye(2)[None], np.zeros((1, 1)), wall, bounds).round(6) + 0.0
    array([[0., 1.]])
    """
    k, n = gradients.shape
    real = np.isfinite(excess)
    length = np.where(real, np.linalg.norm(slopes, axis=2), 1.0)
    length = np.where(length > 0.0, length, 1.0)
    units = np.tile(np.concatenate([np.eye(n), -np.eye(n)]), (k, 1, 1))
    rows = np.concatenate([-np.where(real[..., None], slopes, 0.0) / length[..., None], units], axis=1)
    limits = np.concatenate([np.where(real, excess, 1.0) / length, bounds, bounds], axis=1)
    through = np.swapaxes(np.linalg.solve(curvatures, np.swapaxes(rows, 1, 2)), 1, 2)  # B⁻¹ of each row
    pivots = np.einsum("kcn,kcn->kc", rows, through)
    steps = np.linalg.solve(curvatures, gradients[..., None])[..., 0]
    multipliers, left = np.zeros(limits.shape), np.ones(k, bool)
    for _ in range(_SWEEPS):
        largest = np.zeros(k)
        for j in np.flatnonzero((pivots > 0.0).any(axis=0)):
            over = np.einsum("kn,kn->k", rows[:, j], steps) - limits[:, j]
            change = np.maximum(over / np.where(pivots[:, j] > 0.0, pivots[:, j], np.inf), -multipliers[:, j])
            change *= left  # a pose gets the same step whatever others take
            multipliers[:, j] += change
            steps -= change[:, None] * through[:, j]
            largest = np.maximum(largest, np.abs(change[:, None] * through[:, j]).max(axis=1))
        left &= largest >= _SETTLED
        if not left.any():
            break
    return np.clip(steps, -bounds, bounds)


def learnt(curvatures: Floats, steps: Floats, changes: Floats) -> Floats:
    """Return the models B (k, n, n) with what gradients have told: they changed by −`changes` along `steps`.

    The update of Broyden, Fletcher, Goldfarb and Shanno, damped as Powell has it where the objective is not
    concave. Steps of no length teach nothing.

    Examples
    --------
    >>> learnt(np.eye(2)[None], np.array([[1.0, 0.0]]), np.array([[3.0, 0.0]]))[0].diagonal()
    array([3., 1.])
    """
    along = np.einsum("kij,kj->ki", curvatures, steps)
    model = np.einsum("ki,ki->k", steps, along)
    told = np.einsum("ki,ki->k", steps, changes)
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.where(told >= _DAMPED * model, 1.0, (1.0 - _DAMPED) * model / (model - told))
    damped = share[:, None] * changes + (1.0 - share[:, None]) * along
    told = np.einsum("ki,ki->k", steps, damped)
    useful = (model > 1e-30) & (told > 1e-30) & np.isfinite(damped).all(axis=1)
    result = curvatures.copy()
    result[useful] += (
        damped[useful, :, None] * damped[useful, None] / told[useful, None, None]
        - along[useful, :, None] * along[useful, None] / model[useful, None, None]
    )
    return result
