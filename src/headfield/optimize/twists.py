# SPDX-License-Identifier: BSD-3-Clause
"""An objective as a function of motions from given poses, for frameworks that optimise plain numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import ArgumentError
from ..poses.motions import along_motions, moved
from ..poses.pose import check_poses

__all__ = ["OfMotions"]

Floats = NDArray[np.float64]


class OfMotions:
    """An objective as a function of motions (k, 6) from poses: mm along, then rad about the coil's axes.

    Parameters
    ----------
    objective : callable
        Takes poses (k, 4, 4) and returns values (k,) and gradients (k, 6) as `Objective` does.
    poses : array_like (4, 4) or (k, 4, 4)
        Where motions begin; one pose serves any number of motions.

    Examples
    --------
    Of the height of the coil's origin:

    >>> def height(poses):
    ...     return poses[:, 2, 3], poses[:, 2, [0, 1, 2, 0, 1, 2]] * [1, 1, 1, 0, 0, 0]
    >>> of_motions = OfMotions(height, np.eye(4))
    >>> of_motions(np.array([[0, 0, 5.0, 0.3, 0, 0]]))[1].round(12)
    array([[0., 0., 1., 0., 0., 0.]])
    """

    def __init__(self, objective: Callable[[Floats], tuple[Any, Any]], poses: ArrayLike) -> None:
        if not callable(objective):
            raise ArgumentError(f"objective must be a function of poses, not {type(objective).__name__}")
        self._objective, self.poses = objective, check_poses(poses)

    def ends(self, motions: ArrayLike) -> Floats:
        """Return the poses (k, 4, 4) that motions (k, 6) lead to."""
        return moved(*self._both(motions))

    def __call__(self, motions: ArrayLike) -> tuple[Floats, Floats]:
        """Return values (k,) and gradients (k, 6) with respect to motions (k, 6).

        Raises
        ------
        ArgumentError
            Another number of motions than of poses, or not six numbers each.
        """
        poses, given = self._both(motions)
        values, gradients = self._objective(moved(poses, given))
        return np.asarray(values, np.float64), along_motions(np.asarray(gradients, np.float64), given)

    def _both(self, motions: ArrayLike) -> tuple[Floats, Floats]:
        given = np.asarray(motions, np.float64)
        k = len(self.poses)
        if given.ndim != 2 or given.shape[1] != 6 or (k > 1 and len(given) != k):
            rows = "k" if k == 1 else str(k)
            raise ArgumentError(f"motions must have the shape ({rows}, 6), not {given.shape}")
        return np.broadcast_to(self.poses, (len(given), 4, 4)), given
