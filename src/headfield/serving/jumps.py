# SPDX-License-Identifier: BSD-3-Clause
"""Poses that jump: a tracker that lost the coil, or took another thing for it."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

__all__ = ["Jumps", "turned_deg"]

_WITHIN_S = 0.1
_FAR_MM = 50.0
_TURNED_DEG = 45.0


class Jumps:
    """What is said of poses that lie more than 50 mm, or 45 degrees, from one of 0.1 s ago or less.

    Examples
    --------
    >>> jumps, there = Jumps(), np.eye(4)
    >>> there[0, 3] = 60.0
    >>> jumps.said_of(np.eye(4), 1.0), jumps.said_of(there, 1.02), jumps.said_of(np.eye(4), 1.5)
    ('', 'the pose jumped by 60 mm and 0 degrees within 0.02 s', '')
    """

    def __init__(self) -> None:
        self._last: NDArray[np.float64] | None = None
        self._at_s = -math.inf

    def said_of(self, pose: NDArray[np.float64], at_s: float) -> str:
        """Return what is to say of a pose (4, 4) that came at a time, s; one that is not finite is none."""
        if not np.isfinite(pose).all():
            return ""
        last, passed = self._last, at_s - self._at_s
        self._last, self._at_s = pose, at_s
        if last is None or passed > _WITHIN_S:
            return ""
        away = math.dist(pose[:3, 3].tolist(), last[:3, 3].tolist())
        turned = turned_deg(last, pose)
        if away <= _FAR_MM and turned <= _TURNED_DEG:
            return ""
        return f"the pose jumped by {away:.0f} mm and {turned:.0f} degrees within {passed:.2f} s"


def turned_deg(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    """Return the angle of the rotation between two poses (4, 4), degrees, from 0 to 180.

    Examples
    --------
    >>> turned_deg(np.eye(4), np.diag([-1.0, 1.0, -1.0, 1.0]))
    180.0
    """
    trace = float((one[:3, :3] * other[:3, :3]).sum())
    return math.degrees(math.acos(min(1.0, max(-1.0, (trace - 1.0) / 2.0))))
