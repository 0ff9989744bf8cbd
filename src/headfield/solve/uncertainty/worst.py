# SPDX-License-Identifier: BSD-3-Clause
"""The least and the largest value of a function over a box."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["Extreme", "Extremes", "corners", "extremes"]

Floats = NDArray[np.float64]

_RANDOM, _MOST_CORNERS = 512, 10
_LEAST_STEP = 1e-4  # of the width of a range
_MOST_ROUNDS = 200


class Extreme(NamedTuple):
    """A value, and the conductivities (T,) that have it, S/m."""

    value: float
    sigma: Floats


class Extremes(NamedTuple):
    """The least and the largest value that were found."""

    least: Extreme
    most: Extreme


def corners(low: Floats, high: Floats) -> Floats:
    """Return the corners (2^T, T) of a box; none of a box of more than ten sides.

    Examples
    --------
    >>> corners(np.array([1.0, 5.0]), np.array([2.0, 6.0])).tolist()
    [[1.0, 5.0], [1.0, 6.0], [2.0, 5.0], [2.0, 6.0]]
    """
    if len(low) > _MOST_CORNERS:
        return np.empty((0, len(low)))
    return np.array(list(itertools.product(*zip(low, high, strict=True))))


def extremes(function: Callable[[Floats], Floats], low: Floats, high: Floats, starts: int) -> Extremes:
    """Return where a function (s, T) -> (s,) is least and largest in a box, from the best of some starts.

    Examples
    --------
    >>> found = extremes(lambda x: ((x - 0.3) ** 2).sum(axis=1), np.zeros(2), np.ones(2), 2)
    >>> round(found.least.value, 6), found.most.sigma.tolist()
    (0.0, [1.0, 1.0])
    """
    rng = np.random.default_rng(0)
    first = np.concatenate([corners(low, high), rng.uniform(low, high, (_RANDOM, len(low)))])
    values = function(first)
    order = np.argsort(values)
    down = _improved(function, first[order[:starts]], low, high)
    up = _improved(lambda x: -function(x), first[order[-starts:]], low, high)
    return Extremes(down, Extreme(-up.value, up.sigma))


def _improved(function: Callable[[Floats], Floats], x: Floats, low: Floats, high: Floats) -> Extreme:
    """Return the least value found from starts (k, T): steps along one axis, halved where none is better."""
    values, (k, t) = function(x), x.shape
    step = np.full(k, 0.25)
    ways = np.concatenate([np.eye(t), -np.eye(t)]) * (high - low)
    for _ in range(_MOST_ROUNDS):
        if step.max() < _LEAST_STEP:
            break
        tried = np.clip(x[:, None] + step[:, None, None] * ways, low, high)
        found = function(tried.reshape(-1, t)).reshape(k, 2 * t)
        best = found.argmin(axis=1)
        better = found[np.arange(k), best] < values
        x = np.where(better[:, None], tried[np.arange(k), best], x)
        values = np.where(better, found[np.arange(k), best], values)
        step = np.where(better, step, 0.5 * step)
    i = int(values.argmin())
    return Extreme(float(values[i]), x[i])
