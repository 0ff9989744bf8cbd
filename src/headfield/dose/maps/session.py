# SPDX-License-Identifier: BSD-3-Clause
"""The pulses of a recorded session: those with a pose, and those whose pose was lost."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...coils.coil import Coil
from ...errors import ArgumentError
from ...poses.formats.markers import NO_AXES
from ...poses.pose import check_poses
from ...poses.pose_list import PoseList
from ...solve.drives.rates import checked_didt

__all__ = ["Session"]

Floats = NDArray[np.float64]

_DIDT = 1e6  # A/s, where neither the caller nor the file says
_NO_PULSE = ("another type", NO_AXES)  # what landmarks and points of a plan are left out for


@dataclass(frozen=True, eq=False)
class Session:
    """Pulses in the order of the file; pose and dI/dt of one whose pose was lost are nan.

    Attributes
    ----------
    numbers : ndarray (k,) int64
        Place of each in the file, from 0.
    names : tuple of k str
    poses : ndarray (k, 4, 4) float64
        Coil to head, mm.
    didt : ndarray (k, s) float64
        A/s, for each stimulator.
    seconds : ndarray (k,) float64 or None
        See `PoseList`.
    lost : dict of int to str
        Why a pulse has no pose, by its row.
    given : ndarray (k,) int64
        Which of the given poses each is; -1 of one whose pose was lost.
    """

    numbers: NDArray[np.int64]
    names: tuple[str, ...]
    poses: Floats
    didt: Floats
    seconds: Floats | None
    lost: dict[int, str]
    given: NDArray[np.int64]

    @classmethod
    def of(cls, poses: ArrayLike | PoseList, coil: Coil, didt: ArrayLike | None) -> Session:
        """Make the session of poses, or of what a navigation system recorded.

        Landmarks and points of a plan that a file left out are no pulses; markers of pulses without a pose
        are.

        Parameters
        ----------
        poses : array_like (4, 4) or (k, 4, 4), or PoseList
        coil : Coil
        didt : array_like, optional
            See `HeadModel.solve`; by default that of the PoseList, else 1e6 A/s.

        Raises
        ------
        PoseError, ArgumentError
            A pose that is not rigid, dI/dt of another shape; or the file has one dI/dt a pose and the coil
            several stimulators.

        Examples
        --------
        >>> from headfield import figure_of_eight
        >>> from headfield.poses.pose_list import LeftOut
        >>> listed = PoseList([np.eye(4)], ["M1"], [6e7], left_out=[LeftOut(0, "", "not set")], indices=[1])
        >>> session = Session.of(listed, figure_of_eight(), None)
        >>> session.names, session.didt.tolist(), session.lost
        (('pose 0', 'M1'), [[nan], [60000000.0]], {0: 'not set'})
        """
        listed = poses if isinstance(poses, PoseList) else PoseList(check_poses(poses))
        there = len(listed)
        rates = checked_didt(_given(listed, coil, didt), there, coil).reshape(there, -1)
        missing = [one for one in listed.left_out if not one.reason.startswith(_NO_PULSE)]
        number = np.array([*(listed.indices or ()), *(one.index for one in missing)], np.int64)
        order = np.argsort(number, kind="stable")
        count = len(number)
        names = [*listed.names, *(one.name or f"pose {one.index}" for one in missing)]
        return cls(
            number[order],
            tuple(names[i] for i in order),
            _with_nan(listed.poses, count)[order],
            _with_nan(rates, count)[order],
            None if listed.seconds is None else _with_nan(listed.seconds, count)[order],
            {row: missing[i - there].reason for row, i in enumerate(order.tolist()) if i >= there},
            np.where(order < there, order, -1),
        )

    def __len__(self) -> int:
        """Number of pulses."""
        return len(self.numbers)


def _given(listed: PoseList, coil: Coil, didt: ArrayLike | None) -> ArrayLike:
    if didt is not None:
        return didt
    if listed.didt is None:
        return _DIDT if coil.n_stimulators == 1 else [[_DIDT] * coil.n_stimulators]
    if coil.n_stimulators > 1:
        raise ArgumentError(
            f"the poses have one dI/dt each, but {coil!r} has {coil.n_stimulators} stimulators: give didt, "
            "one for each"
        )
    return listed.didt


def _with_nan(values: Floats, count: int) -> Floats:
    """Return values (j, …) with rows of nan behind them, `count` in all."""
    made = np.full((count, *values.shape[1:]), np.nan)
    made[: len(values)] = values
    return made
