# SPDX-License-Identifier: BSD-3-Clause
"""What is to be large, as a function of poses with its gradient."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..coils.coil import Coil
from ..core.messages import nearest_name
from ..errors import ArgumentError
from ..measures.measure import as_measure
from ..poses.pose import check_poses
from ..solve.drives.coil import check_coil
from ..solve.model import HeadModel
from .clearance import Clearance

__all__ = ["Objective"]

Floats = NDArray[np.float64]

_OPTIONS = ("tol", "max_iterations", "batch", "primary_error")


class Objective:
    """A measure of E as a function of poses: call it with poses, and it returns values and gradients.

    Parameters
    ----------
    model : HeadModel
    measure : Region, Target, Targets or any measure
        Of a region, the mean of |E| there. A target that is to be small has a factor of
        −1: `-1 * hf.Target(region)`; of a ratio, take the inverse.
    coil : Coil
    didt : array_like
        A/s, see `HeadModel.solve`.
    clear_mm : float, optional
        How far the casing has to stay off the scalp, mm, 0 to 10; None if it may go anywhere.
    options
        Of `HeadModel.gradient`: `tol`, `max_iterations`, `batch`, `primary_error`.

    Attributes
    ----------
    clearance : Clearance or None
    batches, poses : int
        How often it was called, and with how many poses in all.

    Raises
    ------
    ArgumentError, RegionError, CoilError, PoseError

    Examples
    --------
    >>> import headfield as hf
    >>> head = hf.phantom_head(edge_mm=8)
    >>> model, coil = hf.HeadModel(head), hf.figure_of_eight()
    >>> knob = hf.regions.sphere(head, [-40, -8, 50], 15, 2)
    >>> objective = hf.optimize.Objective(model, knob, coil, didt=50e6, clear_mm=2)
    >>> pose = model.place(coil, [-46, -8, 70], [-46, 42, 70])
    >>> values, gradients = objective(pose)
    >>> values.shape, gradients.shape, bool(gradients[0, 2] > 0)  # closer to the head is more
    ((1,), (1, 6), True)
    """

    def __init__(
        self,
        model: HeadModel,
        measure: Any,
        coil: Coil,
        didt: ArrayLike = 1e6,
        *,
        clear_mm: float | None = None,
        **options: Any,
    ) -> None:
        if not isinstance(model, HeadModel):
            raise ArgumentError(f"model must be a HeadModel, not {type(model).__name__}")
        self.model, self.measure, self.coil = model, as_measure(measure), check_coil(coil)
        unknown = sorted(options.keys() - set(_OPTIONS))
        if unknown:
            raise ArgumentError(
                f"options are {', '.join(_OPTIONS)}, not {unknown[0]!r}{nearest_name(unknown[0], _OPTIONS)}"
            )
        if np.ndim(didt) == 1 and np.size(didt) > 1:
            raise ArgumentError(f"didt must be one for all poses, not {np.size(didt)}")
        self.didt, self.options = didt, options
        self.clearance = None if clear_mm is None else Clearance(model.scalp, coil, clear_mm)
        self.batches = self.poses = 0

    def __call__(self, poses: ArrayLike) -> tuple[Floats, Floats]:
        """Return values (k,) and gradients (k, 6), per mm and rad along and about the coil's own axes.

        Raises
        ------
        PoseError, MeasureError, ConvergenceError, DeviceError
            See `HeadModel.gradient`.
        """
        where = check_poses(poses)
        self.batches, self.poses = self.batches + 1, self.poses + len(where)
        found = self.model.gradient(self.measure, self.coil, where, self.didt, **self.options)
        return np.asarray(found.values), np.asarray(found.pose)

    def __repr__(self) -> str:
        clear = "" if self.clearance is None else f", {self.clearance.clear_mm:g} mm clear"
        return f"<Objective: {self.measure!r} of {self.coil.name!r}{clear}>"
