# SPDX-License-Identifier: BSD-3-Clause
"""Pieces of pulses that come as samples: lines between them, or the damped cosine that they are of.

Files of the field hold a fitted function beside the recording, e^{−αt} cos(ωt + φ) times a constant for one
period and 0 elsewhere, at steps of 0.1 µs. A line from the 0 before its start to its first value would put
the jump of dI/dt half a step off; so the function itself is found from its samples where they are one.
"""

from __future__ import annotations

import cmath
import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...core.arguments import finite_array
from ...errors import ArgumentError, DoseError
from ..didt import MOST_DIDT
from .exponentials import Exponentials
from .lines import Lines

__all__ = ["DampedCosine", "damped_cosine_of", "lines_of", "sampled"]

Floats = NDArray[np.float64]

_LEAST = 32  # samples of a function
_EXACT = 1e-9  # of the largest value: a computed function, and no recording, follows a formula so closely
_ROUNDS = 3
_MOST_SAMPLES = 1_000_000
_LEAST_STEP_S, _MOST_TIME_S = 1e-12, 1e3
_LONGEST_S = 0.1  # as long as the longest period of a circuit may be; times in µs or ms are longer


class DampedCosine(NamedTuple):
    """Re(c e^{s(t − start)}) from a start to an end, and 0 elsewhere."""

    start_s: float
    end_s: float
    rate: complex
    weight: complex

    def piece(self, scale: float) -> Exponentials:
        """Return the pulse of this dI/dt times a scale, A/s, whose current begins at 0."""
        weight = scale * self.weight / self.rate
        still = complex(-weight.real)  # the constant that makes the current 0 at the start
        return Exponentials(self.start_s, self.end_s, np.array([self.rate, 0j]), np.array([weight, still]))


def sampled(time_s: ArrayLike, values: ArrayLike, name: str) -> tuple[Floats, Floats]:
    """Check samples and their times, and return both as arrays (n,).

    Raises
    ------
    DoseError
        Not finite, other lengths than each other, times that do not ascend, all values 0; the message says
        which sample.
    """
    times = finite_array(time_s, "time_s", DoseError)
    given = finite_array(values, name, DoseError)
    if times.ndim != 1 or given.shape != times.shape or not 2 <= len(times) <= _MOST_SAMPLES:
        raise DoseError(
            f"time_s and {name} must be two arrays (n,) of 2 to {_MOST_SAMPLES:,} samples, not {times.shape} "
            f"and {given.shape}"
        )
    back = np.flatnonzero(np.diff(times) < _LEAST_STEP_S)
    if len(back):
        i = int(back[0])
        raise DoseError(
            f"time_s must ascend by {_LEAST_STEP_S:g} s or more: sample {i + 1} is at {times[i + 1]:g} s, "
            f"that before at {times[i]:g}"
        )
    if np.abs(times).max() > _MOST_TIME_S:
        raise DoseError(f"time_s reaches {np.abs(times).max():g}: it must be in seconds")
    if times[-1] - times[0] > _LONGEST_S:
        raise DoseError(
            f"time_s spans {times[-1] - times[0]:g} s, and no pulse lasts more than {_LONGEST_S:g} s: is it "
            "in seconds?"
        )
    if not given.any():
        raise DoseError(f"all {len(given)} values of {name} are 0: no pulse")
    return times, given


def lines_of(times_s: Floats, values: Floats, kind: str) -> Lines:
    """Return the pulse between samples of dI/dt (A/s), or of the current (A).

    Raises
    ------
    ArgumentError
        Another kind.
    DoseError
        A dI/dt above 1e12 A/s.
    """
    if kind not in ("didt", "current"):
        raise ArgumentError(f"kind must be 'didt' or 'current', not {kind!r}")
    with np.errstate(over="ignore"):
        rises = np.diff(values) / np.diff(times_s)
        most = float(np.abs(values if kind == "didt" else rises).max())
    if most > MOST_DIDT:
        raise DoseError(
            f"samples of {kind} make a dI/dt of {most:g} A/s, above {MOST_DIDT:g}; are they in A and s?"
        )
    if most == 0.0:
        raise DoseError("the current is the same in all samples: no pulse")
    if kind == "current":
        return Lines(times_s, rises, np.zeros(len(rises)), float(values[0]))
    return Lines(times_s, values[:-1], rises)


def damped_cosine_of(times_s: Floats, values: Floats) -> DampedCosine | None:
    """Return the damped cosine that samples at even steps were computed from; None if they were not.

    Parameters
    ----------
    times_s, values : ndarray (n,)
        0 before the function starts and after it ends. It is taken to start at the last of these zeros
        before it, and to end at its last sample that is not 0.

    Examples
    --------
    >>> t = np.arange(-100, 3000) * 1e-7
    >>> wave = np.where((t > 5e-8) & (t < 2.5e-4), np.exp(-900 * t) * np.cos(25000 * t + 0.05), 0.0)
    >>> found = damped_cosine_of(t, wave)
    >>> complex(round(found.rate.real, 4), round(found.rate.imag, 4)), round(abs(found.weight), 9)
    ((-900+25000j), 1.0)
    """
    there = np.flatnonzero(values)
    first, last = int(there[0]), int(there[-1])
    if last - first < _LEAST or not first:
        return None
    t, y = times_s[first : last + 1], values[first : last + 1]
    step = (t[-1] - t[0]) / (len(t) - 1)
    if np.abs(np.diff(t) - step).max() > 1e-3 * step:
        return None
    u = t - times_s[first - 1]
    found = _fitted(u, y, step)
    if found is None:
        return None
    rate, weight = found
    off = np.abs((weight * np.exp(rate * u)).real - y).max()
    if not off <= _EXACT * np.abs(y).max() or rate.imag <= 0.0 or rate.real > 0.0:
        return None
    return DampedCosine(float(times_s[first - 1]), float(t[-1]), rate, weight)


def _fitted(u: Floats, y: Floats, step: float) -> tuple[complex, complex] | None:
    """Return s and c of Re(c e^{su}) nearest to samples: Prony's recurrence, then Newton steps."""
    m = len(y) // 8  # samples far apart: of neighbours the recurrence would be ill-conditioned
    before, here, after = y[: -2 * m], y[m:-m], y[2 * m :]
    (p, q), *_ = np.linalg.lstsq(np.stack([here, -before], axis=1), after, rcond=None)
    if not (q > 0.0 and p * p < 4.0 * q):
        return None
    rate = cmath.log(complex(0.5 * p, math.sqrt(q - 0.25 * p * p))) / (m * step)
    weight = 0j
    for _ in range(_ROUNDS):
        grown = np.exp(rate * u)
        (a, b), *_ = np.linalg.lstsq(np.stack([grown.real, -grown.imag], axis=1), y, rcond=None)
        weight = complex(a, b)
        moved = weight * grown * u * abs(rate)  # by ds/|s|: of the same size as the other columns
        columns = np.stack([grown.real, -grown.imag, moved.real, -moved.imag], axis=1)
        change, *_ = np.linalg.lstsq(columns, y - (weight * grown).real, rcond=None)
        rate += abs(rate) * complex(change[2], change[3])
        weight += complex(change[0], change[1])
    return rate, weight
