# SPDX-License-Identifier: BSD-3-Clause
"""Refine poses by gradients: many starts together, the casing clear of the scalp."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..core.arguments import positive, whole
from ..errors import ArgumentError
from ..poses.pose import check_poses
from .clearance import Clearance
from .options import MOTIONS, RefineOptions
from .refinement import Refinement
from .run import Run

__all__ = ["refine"]

Floats = NDArray[np.float64]
Function = Callable[[Floats], tuple[Any, Any]]


def refine(
    objective: Function,
    starts: ArrayLike,
    *,
    clearance: Clearance | None = None,
    free: Sequence[str] = MOTIONS,
    radius_mm: float = 10.0,
    radius_deg: float = 20.0,
    tolerance: float = 1e-4,
    max_batches: int = 15,
) -> Refinement:
    """Move poses to where an objective is largest nearby, all starts together.

    Each step is one batch: the objective at a new pose of each start that is not done. A step maximises a
    quadratic model, learnt from the gradients of the steps before, within a region of trust and on the free
    side of the scalp; then the coil is landed: a casing that touched touches again, and none is too
    close. A step that makes things worse is taken back and the region made smaller.

    Parameters
    ----------
    objective : callable
        Takes poses (k, 4, 4) and returns values (k,) and gradients (k, 6), per mm along the coil's own x, y,
        z and per rad about them: an `Objective`, or a function.
    starts : array_like (4, 4) or (k, 4, 4)
        Coil to head, mm. Those whose casing is too close to the scalp are moved out along −z first.
    clearance : Clearance, optional
        The casing that has to stay clear of the scalp; by default that of the objective, if it has one.
    free : sequence of str
        Which motions are allowed, of "x", "y", "z", "about_x", "about_y", "about_z", all in the coil's own
        frame: ("x", "y", "about_z") slides and turns it. With a clearance it is moved along z as far as it
        must be, free or not.
    radius_mm, radius_deg : float
        The longest first step; later ones are up to three times as long. Their ratio also says how many
        degrees count as much as a mm: 10 mm and 20° are the same way for a point 29 mm from the axis.
    tolerance : float
        A start is done when no step is expected to add more than this share of its value.
    max_batches : int
        How often the objective is called at most, the starts included.

    Returns
    -------
    Refinement
        It never raises for what happened on the way: see its `status`.

    Raises
    ------
    ArgumentError, PoseError
        Bad options or starts. Errors of the objective at the starts are its own.

    Notes
    -----
    A quasi-Newton method in a region of trust (Nocedal & Wright, Numerical Optimization, 2006, §4, §6, §18),
    the motions being those of `HeadModel.gradient`.

    Examples
    --------
    >>> import headfield as hf
    >>> head = hf.phantom_head(edge_mm=8)
    >>> model, coil = hf.HeadModel(head), hf.figure_of_eight()
    >>> knob = hf.regions.sphere(head, [-40, -8, 50], 15, 2)
    >>> objective = hf.optimize.Objective(model, knob, coil, didt=50e6, clear_mm=2)
    >>> starts = [model.place(coil, [x, -8, 70], [x, 42, 70]) for x in (-30, -46)]
    >>> found = hf.optimize.refine(objective, starts, max_batches=3)
    >>> bool((found.values > found.history[0]).all()), found.batches
    (True, 3)
    """
    if not callable(objective):
        raise ArgumentError(f"objective must be a function of poses, not {type(objective).__name__}")
    clear = getattr(objective, "clearance", None) if clearance is None else clearance
    if clear is not None and not isinstance(clear, Clearance):
        raise ArgumentError(f"clearance must be a Clearance, not {type(clear).__name__}")
    options = RefineOptions(
        is_free=_is_free(free),
        radius_mm=positive(radius_mm, "radius_mm", ArgumentError),
        radius_rad=float(np.radians(positive(radius_deg, "radius_deg", ArgumentError))),
        tolerance=positive(tolerance, "tolerance", ArgumentError),
        max_batches=whole(max_batches, "max_batches", ArgumentError, 10_000),
    )
    return Run(objective, check_poses(starts), clear, options).result()


def _is_free(free: Sequence[str]) -> NDArray[np.bool_]:
    """Return which of the six motions are free."""
    names = [free] if isinstance(free, str) else list(free)
    unknown = [name for name in names if name not in MOTIONS]
    if unknown or not names:
        what = f"{unknown[0]!r} is none" if unknown else "none is given"
        raise ArgumentError(f"free must be some of {', '.join(MOTIONS)}: {what}")
    return np.array([name in names for name in MOTIONS])
