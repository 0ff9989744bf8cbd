# SPDX-License-Identifier: BSD-3-Clause
"""Poses that a search looks at closely: apart from each other, and in an order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..placement.sites import Sites

__all__ = ["TURNED_DEG", "Start", "apart", "settled", "turn_between"]

Floats = NDArray[np.float64]

#: So far turned, a coil at the same place is another one.
TURNED_DEG = 60.0

_TIE = 1e-3  # of the value: poses that are as good as the best


class Start(NamedTuple):
    """A place and an angle of the coil."""

    site: Sites  #: one
    angle_deg: float
    tilt: int


def turn_between(angles_deg: Any, from_deg: float) -> Any:
    """Return how far angles are from another one, 0 to 180°.

    Examples
    --------
    >>> turn_between([350.0, 190.0], 0.0).tolist()
    [10.0, 170.0]
    """
    return np.abs((np.asarray(angles_deg) - from_deg + 180.0) % 360.0 - 180.0)


def apart(poses: Floats, order: NDArray[np.intp], distance_mm: float) -> NDArray[np.intp]:
    """Leave out of an order of poses (r, 4, 4), the best first, what was refined to where a better one is."""
    kept: list[int] = []
    for i in order:
        shift = np.linalg.norm(poses[kept, :3, 3] - poses[i, :3, 3], axis=1)
        along = poses[kept, :3, 1] @ poses[i, :3, 1]
        if not ((shift < distance_mm) & (along > np.cos(np.radians(0.5 * TURNED_DEG)))).any():
            kept.append(int(i))
    return np.array(kept)


def settled(starts: Sequence[Start], values: Floats, order: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return an order of poses with the one first, of those as good as the best, that is turned least.

    A figure-8 makes nearly the same |E| turned around, and a handle to the front is in the way.
    """
    best = values[order[0]]
    ties = [i for i in order if values[i] >= best - _TIE * abs(best)]
    first = min(ties, key=lambda i: float(turn_between(starts[int(i)].angle_deg, 0.0)))
    return np.r_[first, order[order != first]]
