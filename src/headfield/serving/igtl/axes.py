# SPDX-License-Identifier: BSD-3-Clause
"""Coordinates of other programs: the axes of the head, and those of the coil."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...errors import ArgumentError
from ...poses.formats import brainsight, invesalius, localite, softaxic
from ...poses.formats.raw import LPS_TO_RAS, turn_axes

__all__ = ["COIL_AXES", "Axes"]

Floats = NDArray[np.float64]

# By which the axes of a coil as a program has them become headfield's, from the right.
COIL_AXES: dict[str, NDArray[np.float64]] = {
    "headfield": np.eye(3),
    "brainsight": np.asarray(brainsight.AXES, float),
    "invesalius": np.asarray(invesalius.AXES, float),
    "localite": np.asarray(localite.AXES, float),
    "softaxic": np.asarray(softaxic.AXES, float),
    "visor": np.eye(3),
}
_SPACES = {"RAS": np.eye(4), "LPS": LPS_TO_RAS}


class Axes:
    """What poses and points of another program are given in, mm.

    Parameters
    ----------
    space : {"RAS", "LPS"}
        Of the head: to the right, anterior and superior, or to the left, posterior and superior.
    coil : {"headfield", "brainsight", "invesalius", "localite", "softaxic", "visor"}
        Whose axes the coil has: those of headfield, or those of this program's files.

    Raises
    ------
    ArgumentError
        Another name.

    Examples
    --------
    >>> axes = Axes("LPS", "brainsight")
    >>> axes.pose(np.eye(4)).diagonal()
    array([ 1., -1., -1.,  1.])
    >>> axes.points([[40.0, -8.0, 50.0]])
    array([[-40.,   8.,  50.]])
    """

    def __init__(self, space: str = "RAS", coil: str = "headfield") -> None:
        if space not in _SPACES:
            raise ArgumentError(f"axes = {space!r} must be RAS or LPS")
        if coil not in COIL_AXES:
            raise ArgumentError(f"coil_axes = {coil!r} must be one of {', '.join(COIL_AXES)}")
        self.space, self.coil = space, coil
        self._space, self._coil = _SPACES[space], COIL_AXES[coil]

    def pose(self, theirs: Floats) -> Floats:
        """Return a pose (4, 4) of theirs, coil to head, in headfield's axes."""
        return np.asarray(turn_axes((self._space @ theirs)[None], self._coil)[0])

    def their_pose(self, pose: Floats) -> Floats:
        """Return a pose (4, 4) of headfield in their axes."""
        return self._space @ np.asarray(turn_axes(pose[None], self._coil.T)[0])

    def points(self, points_mm: ArrayLike) -> Floats:
        """Return points or vectors (n, 3) of the head in the other axes: either way, the same."""
        return np.asarray(points_mm, float) @ self._space[:3, :3]
