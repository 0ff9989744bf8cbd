# SPDX-License-Identifier: BSD-3-Clause
"""What a coil gets once it is landed on the scalp: no constraint is left to heed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import ArgumentError
from ..poses.pose import check_poses
from .clearance import Clearance, Contacts

__all__ = ["Landed", "reduced"]

Floats = NDArray[np.float64]

_FACING = 0.2  # of the way along z by which the distance shrinks at least, where a coil can be landed


class Landed:
    """An objective of coils that are landed first: moved along their z until the casing touches what it may.

    The casing is as far off the scalp as was asked for, never nearer, whatever the other five motions are, so
    that any optimiser without constraints will do. z itself changes nothing; its derivative is 0.

    Parameters
    ----------
    objective : callable
        Takes poses (k, 4, 4) and returns values (k,) and gradients (k, 6), as an `Objective` does.
    clearance : Clearance, optional
        By default that of the objective.

    Raises
    ------
    ArgumentError
        Not a function, or there is no clearance.

    Examples
    --------
    >>> import headfield as hf
    >>> head = hf.sphere_mesh(radii_mm=[80, 90], tags=[2, 5], edge_mm=12)
    >>> clearance = hf.optimize.Clearance(head, hf.figure_of_eight(), clear_mm=2)
    >>> def height(poses):
    ...     return poses[:, 2, 3], poses[:, 2, [0, 1, 2, 0, 1, 2]] * [1, 1, 1, 0, 0, 0]
    >>> over = np.diag([1.0, -1.0, -1.0, 1.0])  # z down
    >>> over[2, 3] = 120
    >>> values, gradients = hf.optimize.Landed(height, clearance)(over)
    >>> values.round(1), gradients[:, 2]
    (array([92.]), array([0.]))
    """

    def __init__(self, objective: Callable[[Floats], Any], clearance: Clearance | None = None) -> None:
        if not callable(objective):
            raise ArgumentError(f"objective must be a function of poses, not {type(objective).__name__}")
        clear = getattr(objective, "clearance", None) if clearance is None else clearance
        if not isinstance(clear, Clearance):
            raise ArgumentError("landing needs a Clearance: clearance=, or clear_mm= of an Objective")
        self._objective, self.clearance = objective, clear

    def __call__(self, poses: ArrayLike) -> tuple[Floats, Floats]:
        """Return values (k,) and gradients (k, 6) with respect to motions of the coils before they land."""
        before = check_poses(poses)
        where = self.clearance.landed(before)
        values, gradients = self._objective(where)
        at, _ = reduced(np.asarray(gradients, np.float64), self.clearance.contacts(where))
        way = np.einsum("kj,kj->k", where[:, :3, 3] - before[:, :3, 3], before[:, :3, 2])
        # A turn about the origin of the pose before moves that of the pose where the coil has landed.
        at[:, 3] -= way * at[:, 1]
        at[:, 4] += way * at[:, 0]
        return np.asarray(values, np.float64), at


def reduced(gradients: Floats, contacts: Contacts) -> tuple[Floats, NDArray[np.bool_]]:
    """Return gradients (k, 6) of what coils get that are landed after each motion.

    How far they then move along z follows from their other motions: −a / a_z of the slopes a of the distance.

    Returns
    -------
    ndarray (k, 6)
        With 0 along z; as they were where a coil can't be landed.
    ndarray (k,) bool
        Where it can: its z is not along the scalp.
    """
    slopes = contacts.slopes[:, 0]
    facing = slopes[:, 2] < -_FACING
    ratio = np.where(facing, gradients[:, 2] / np.where(facing, slopes[:, 2], -1.0), 0.0)
    result = gradients - ratio[:, None] * slopes
    result[facing, 2] = 0.0
    return result, facing
