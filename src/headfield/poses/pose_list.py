# SPDX-License-Identifier: BSD-3-Clause
"""Coil poses with what a navigation file says beside them: a name and dI/dt of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..core.arguments import finite_array
from ..errors import PoseError
from .pose import check_poses

__all__ = ["PoseList"]


@dataclass(frozen=True, eq=False)
class PoseList:
    """Poses with a name each and, if it is known, dI/dt.

    Parameters
    ----------
    poses : array_like (4, 4) or (k, 4, 4)
        Coil to head, mm, in headfield's coil frame (see `headfield.poses.pose`).
    names : sequence of str, optional
        One for each pose. An empty one becomes "pose i", i from 0.
    didt : array_like (k,), optional
        Rate of change of the coil current, A/s.
    kind : str
        The kind of file that they were read from, e.g. "Localite TriggerMarkers, RAS".

    Attributes
    ----------
    poses : ndarray (k, 4, 4) float64
    names : tuple of k str
    didt : ndarray (k,) float64 or None
    kind : str

    Raises
    ------
    PoseError
        A pose that `check_poses` refuses, names that are not one text for each pose, dI/dt that is not one
        finite number for each pose.

    Examples
    --------
    >>> poses = PoseList([np.eye(4), np.eye(4)], names=("M1", ""), didt=[1e6, 2e6])
    >>> len(poses), poses.names, poses.didt
    (2, ('M1', 'pose 1'), array([1000000., 2000000.]))
    """

    poses: NDArray[np.float64]
    names: Sequence[str] = ()
    didt: NDArray[np.float64] | None = None
    kind: str = ""

    def __post_init__(self) -> None:
        poses = check_poses(self.poses)
        if isinstance(self.names, str):
            raise PoseError(f"names = {self.names!r} is one text, where one for each pose is needed")
        names = tuple(self.names) or ("",) * len(poses)
        if len(names) != len(poses):
            raise PoseError(f"{len(names)} names for {len(poses)} poses")
        for index, name in enumerate(names):
            if not isinstance(name, str):
                raise PoseError(f"names[{index}] = {name!r} is not text")
        if self.didt is not None:
            didt = finite_array(self.didt, "didt", PoseError)
            if didt.shape != (len(poses),):
                raise PoseError(f"didt must have the shape ({len(poses)},), not {didt.shape}")
            object.__setattr__(self, "didt", didt)
        object.__setattr__(self, "poses", poses)
        object.__setattr__(self, "names", tuple(name or f"pose {i}" for i, name in enumerate(names)))

    def __len__(self) -> int:
        """Number of poses."""
        return len(self.poses)

    def __repr__(self) -> str:
        from_file = f" ({self.kind})" if self.kind else ""
        with_didt = "" if self.didt is None else " with dI/dt"
        many = "" if len(self) == 1 else "s"
        return f"<PoseList: {len(self)} pose{many}{with_didt}{from_file}>"
