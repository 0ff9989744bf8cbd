# SPDX-License-Identifier: BSD-3-Clause
"""Where a function of time is largest and least: zeros of its slope, bracketed on a grid and then halved."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

__all__ = ["grid", "zeros"]

Floats = NDArray[np.float64]

_HALVINGS = 64  # a step of the grid, to the last bit of a float64
_PER_TURN = 64  # points of the grid in a period of the fastest oscillation
_LEAST_POINTS = 512
_SHORTEST = 1e-8  # of the length: what decays faster than that is over at the second point


def grid(length_s: float, turns: float) -> Floats:
    """Return times from 0 to a length that are dense enough to see each zero of a slope, seconds.

    They are even for what oscillates, and crowd at 0 for what decays in a small part of the length.

    Parameters
    ----------
    length_s : float
    turns : float
        How many periods of the fastest oscillation are in it.
    """
    even = np.linspace(0.0, 1.0, max(_LEAST_POINTS, int(_PER_TURN * turns)) + 1)
    early = np.geomspace(_SHORTEST, 0.5, _LEAST_POINTS)
    return length_s * np.union1d(even, early)


def zeros(function: Callable[[Floats], Floats], times_s: Floats) -> Floats:
    """Return where a continuous function changes its sign between neighbours of a grid, ascending.

    Parameters
    ----------
    function : callable
        Takes times (n,) and returns values (n,).
    times_s : ndarray (n,)
        Ascending.

    Examples
    --------
    >>> zeros(np.cos, np.linspace(0.0, 6.0, 9)).round(12).tolist()
    [1.570796326795, 4.712388980385]
    """
    sign = np.sign(function(times_s))
    at = np.flatnonzero(sign[:-1] * sign[1:] < 0)
    low, high, before = times_s[at], times_s[at + 1], sign[at]
    for _ in range(_HALVINGS if len(at) else 0):
        middle = 0.5 * (low + high)
        same = np.sign(function(middle)) == before
        low, high = np.where(same, middle, low), np.where(same, high, middle)
    return np.union1d(0.5 * (low + high), times_s[1:-1][sign[1:-1] == 0.0])
