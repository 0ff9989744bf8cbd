# SPDX-License-Identifier: BSD-3-Clause
"""Times as fractions, so that multiples and quotients of intervals are exact."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

__all__ = ["as_fraction", "multiples"]

_LARGEST_DENOMINATOR = (
    10**6
)  # of a second: 1/30 s and 0.02 s are fractions of that kind, as people write them
_EXACT = 2**53  # whole numbers below are exact as float64


def as_fraction(seconds: float) -> Fraction:
    """Return the fraction that was meant by a float: the simple one that rounds to it, where there is one.

    Examples
    --------
    >>> as_fraction(1 / 30), as_fraction(0.02), 3 * as_fraction(0.1) == as_fraction(0.3)
    (Fraction(1, 30), Fraction(1, 50), True)
    """
    simple = Fraction(seconds).limit_denominator(_LARGEST_DENOMINATOR)
    return simple if float(simple) == seconds else Fraction(seconds)


def multiples(intervals_s: Sequence[float], counts: Sequence[NDArray[np.int64]]) -> NDArray[np.float64]:
    """Return Σ count · interval, s, rounded once.

    Parameters
    ----------
    intervals_s : sequence of float
    counts : sequence of ndarray (n,)
        How many of each interval.

    Returns
    -------
    ndarray (n,)
        The floats nearest to the sums. Where intervals have no common unit, the sums are those of products
        that are rounded once each.

    Examples
    --------
    >>> multiples([0.1, 10.0], [np.array([3]), np.array([0])]).tolist(), 0.1 + 0.1 + 0.1
    ([0.3], 0.30000000000000004)
    """
    fractions = [as_fraction(interval) for interval in intervals_s]
    unit = math.lcm(*(one.denominator for one in fractions))
    ticks = [int(one * unit) for one in fractions]
    largest = sum(tick * int(count.max(initial=0)) for tick, count in zip(ticks, counts, strict=True))
    if max(largest, unit) < _EXACT:
        whole = sum(tick * count for tick, count in zip(ticks, counts, strict=True))
        return np.asarray(whole, dtype=np.float64) / unit
    return np.asarray(sum(one * count for one, count in zip(intervals_s, counts, strict=True)), np.float64)
