# SPDX-License-Identifier: BSD-3-Clause
"""The value of a target at given poses, as those of a session that was recorded."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..coils.coil import Coil
from ..core.messages import warn
from ..measures.target import Target, Targets
from ..poses.pose import check_poses
from ..solve.drives.coil import check_coil
from ..solve.drives.rates import checked_didt
from ..solve.model import HeadModel
from .design import DESIGN_POSES, farthest
from .outputs import Outputs, region_of
from .reciprocity import ReciprocalField
from .sums import as_asked, sums_at

__all__ = ["evaluate"]

Floats = NDArray[np.float64]

_SOLVED = 32  # poses that are solved as they are, where as many are solved to find what |E| is made of
_BEYOND_MM = 30.0  # farther from the target than the nearest pose: fields from there are weak
_CHECKED, _COARSE = 3, 5e-3  # poses that are solved beside the largest value, and what is worth a warning
_ARM_MM = 40.0  # by which a turn of a coil counts as a way: it makes another field


def evaluate(
    model: HeadModel,
    coil: Coil,
    poses: ArrayLike,
    target: Target | Targets,
    didt: ArrayLike = 1e6,
    *,
    tol: float = 1e-5,
) -> Floats:
    """Compute what a target gets from a coil at any number of poses, without solving for each.

    By reciprocity: one adjoint solve for a component, three for `of_mean`; for |E| up to 16 of the poses are
    solved, and as many adjoints; then a sum over the sources of the coil for each pose. A hundred thousand
    pulses of a session take seconds.

    Parameters
    ----------
    model : HeadModel
    coil : Coil
    poses : array_like (4, 4) or (k, 4, 4)
        Coil to head, mm.
    target : Target, Targets or Region
        See `Target`; of a region, the mean of |E| there.
    didt : array_like
        See `HeadModel.solve`.
    tol : float
        Of the adjoint solves.

    Returns
    -------
    ndarray (k,) float64, V/m

    Raises
    ------
    RegionError, CoilError, PoseError, ArgumentError, ConvergenceError, DeviceError

    Warns
    -----
    UserWarning
        Values are known to be off by more than 0.1 % (a component) or 0.5 % (|E|) of the largest.

    Notes
    -----
    A component is that of a full solve to 1e-4 of the largest (∂A/∂t summed over the sources). |E| of a
    region of a centimetre and a coil of the usual size is within 1e-3; four poses are solved in full to see,
    and there is a warning above 5e-3. Up to 32 poses are solved as they are if the target is of |E|.

    Examples
    --------
    >>> import headfield as hf
    >>> head = hf.phantom_head(edge_mm=8)
    >>> model, coil = hf.HeadModel(head), hf.figure_of_eight()
    >>> knob = hf.regions.sphere(head, [-40, -8, 50], 15, 2)
    >>> pose = model.place(coil, [-46, -8, 70], [-46, 42, 70])
    >>> turned = hf.ring(pose, range(0, 360, 5))
    >>> values = hf.evaluate(model, coil, turned, hf.Target(knob, [0, 1, 0]), didt=50e6)
    >>> values.shape, int(np.abs(values).argmax()) * 5 % 180
    ((72,), 0)
    """
    targets = Targets.of(target)
    region = region_of(model.mesh, targets)
    where = check_poses(poses)
    rates = checked_didt(didt, len(where), check_coil(coil)).reshape(len(where), -1)
    by_magnitude = any(one.functionals() is None for _, one in targets.parts)
    if by_magnitude and len(where) <= _SOLVED:
        return targets.values(model.solve(coil, where, as_asked(rates), roi=region).E)
    model.doubt_poses(coil, where)
    some = _spread(where, region.centres_mm.mean(axis=0))
    fields = model.solve(coil, where[some], as_asked(rates[some]), roi=region).E if by_magnitude else None
    outputs = Outputs.spanned(targets, region, fields)
    field = ReciprocalField(model, region, outputs.weights, tol=tol)
    values = outputs.values(sums_at(model, field, coil, where, rates))
    if by_magnitude:

        def solved(at: NDArray[np.intp]) -> Floats:
            return targets.values(model.solve(coil, where[at], as_asked(rates[at]), roi=region).E)

        _check(values, where, solved)
    return values


def _check(values: Floats, poses: Floats, solved: Callable[[NDArray[np.intp]], Floats]) -> None:
    """Solve a few poses in full, the best and some others; warn where what was found differs."""
    at = np.unique([int(values.argmax()), *np.linspace(0, len(poses) - 1, _CHECKED + 2)[1:-1].astype(int)])
    error = np.abs(values[at] - solved(at)).max() / max(np.abs(values).max(), 1e-300)
    if error > _COARSE:
        warn(
            f"values of |E| are off by {100 * error:.2g} % of the largest at some of {len(at)} poses that "
            "were solved in full: the region is large, or the poses differ much"
        )


def _spread(poses: Floats, target_mm: Floats) -> NDArray[np.intp]:
    """Choose up to 16 poses near a target that differ most, in place and angle."""
    away = np.linalg.norm(poses[:, :3, 3] - target_mm, axis=1)
    near = np.flatnonzero(away <= away.min() + _BEYOND_MM)
    marks = np.concatenate([poses[near, :3, 3], _ARM_MM * poses[near, :3, 1]], axis=1)
    return near[np.unique(farthest(marks, int(away[near].argmin()), DESIGN_POSES))]
