# SPDX-License-Identifier: BSD-3-Clause
"""Coil poses with what a navigation file says beside them: a name and dI/dt of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..core.arguments import finite_array, real_array
from ..core.messages import plural
from ..errors import PoseError
from .pose import check_poses

__all__ = ["LeftOut", "PoseList"]


@dataclass(frozen=True)
class LeftOut:
    """A marker of a file that is not among the poses.

    Attributes
    ----------
    index : int
        Its place in the file, from 0; of a SimNIBS session or a Brainsight export, in what `which` chose.
    name : str
        May be empty.
    reason : str
        Such as "not set", "no axes" or "16 of 16 entries are not finite".

    Examples
    --------
    >>> str(LeftOut(3, "M1", "not set")), str(LeftOut(3, "", "not set"))
    ('M1', 'number 3')
    """

    index: int
    name: str
    reason: str

    def __str__(self) -> str:
        """Return the name, or which one it is, for messages."""
        return self.name[:40] or f"number {self.index}"


@dataclass(frozen=True, eq=False)
class PoseList:
    """Poses with a name each and, if it is known, dI/dt.

    Parameters
    ----------
    poses : array_like (4, 4) or (k, 4, 4)
        Coil to head, mm, in headfield's coil frame (see `headfield.poses.pose`).
    names : sequence of str, optional
        One for each pose. An empty one becomes "pose i", i being its place in the file, from 0.
    didt : array_like (k,), optional
        Rate of change of the coil current, A/s.
    kind : str
        The kind of file that they were read from, e.g. "Localite TriggerMarkers, RAS".
    left_out : sequence of LeftOut
        What else the file holds.
    indices : sequence of k int, optional
        The place of each pose in the file, counted with those that were left out: [0, 2] if the second of
        three was. By default 0 to k − 1.
    coils : sequence of k str, optional
        The coil that the file names for each pose; none at all if it names none.
    seconds : array_like (k,), optional
        When each was recorded, s: since the recording began (Localite), or since the midnight before the
        first of them (Brainsight); nan for a pose of which the file does not say.

    Attributes
    ----------
    poses : ndarray (k, 4, 4) float64
    names : tuple of k str
    didt : ndarray (k,) float64 or None
    kind : str
    left_out : tuple of LeftOut
    indices : tuple of k int
    coils : tuple of k str, or ()
    seconds : ndarray (k,) float64 or None

    Raises
    ------
    PoseError
        A pose that `check_poses` refuses, names, indices or coils that are not one for each pose, dI/dt that
        is not one finite number for each pose, or seconds that are not one number for each.

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
    left_out: Sequence[LeftOut] = ()
    indices: Sequence[int] | None = None
    coils: Sequence[str] = ()
    seconds: NDArray[np.float64] | None = None

    def __post_init__(self) -> None:
        poses = check_poses(self.poses)
        if isinstance(self.names, str):
            raise PoseError(f"names = {self.names!r} is one text, where one for each pose is needed")
        names = tuple(self.names) or ("",) * len(poses)
        if len(names) != len(poses):
            raise PoseError(
                f"{plural(len(names), 'name', 'names')} for {plural(len(poses), 'pose', 'poses')}"
            )
        for index, name in enumerate(names):
            if not isinstance(name, str):
                raise PoseError(f"names[{index}] = {name!r} is not text")
        if self.didt is not None:
            didt = finite_array(self.didt, "didt", PoseError)
            if didt.shape != (len(poses),):
                raise PoseError(f"didt must have the shape ({len(poses)},), not {didt.shape}")
            object.__setattr__(self, "didt", didt)
        if self.seconds is not None:
            seconds = real_array(self.seconds, "seconds", PoseError)
            if seconds.shape != (len(poses),) or np.isinf(seconds).any():
                raise PoseError(f"seconds must be {len(poses)} numbers or nan, not of shape {seconds.shape}")
            object.__setattr__(self, "seconds", seconds)
        indices = tuple(range(len(poses)) if self.indices is None else self.indices)
        coils = tuple(self.coils)
        if len(indices) != len(poses) or len(coils) not in (0, len(poses)):
            raise PoseError(f"{len(indices)} indices and {len(coils)} coils for {len(poses)} poses")
        object.__setattr__(self, "poses", poses)
        object.__setattr__(self, "left_out", tuple(self.left_out))
        object.__setattr__(self, "indices", indices)
        object.__setattr__(self, "coils", coils)
        object.__setattr__(
            self, "names", tuple(name or f"pose {i}" for i, name in zip(indices, names, strict=True))
        )

    def __len__(self) -> int:
        """Number of poses."""
        return len(self.poses)

    def __repr__(self) -> str:
        from_file = f" ({self.kind})" if self.kind else ""
        with_didt = "" if self.didt is None else " with dI/dt"
        return f"<PoseList: {plural(len(self), 'pose', 'poses')}{with_didt}{from_file}>"
