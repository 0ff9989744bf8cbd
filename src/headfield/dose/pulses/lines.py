# SPDX-License-Identifier: BSD-3-Clause
"""A piece of a pulse that was sampled: dI/dt is a line between two samples, and the rest follows exactly."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...coils.records import Record, keep

__all__ = ["Lines"]

Floats = NDArray[np.float64]

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(3)  # exact up to degree 5, and i² has degree 4
_MOST_SHOWN = 20_000


@dataclass(frozen=True, eq=False)
class Lines(Record):
    """A pulse whose dI/dt is `values` + `slopes` (t − `times_s`) from each sample to the next.

    Parameters
    ----------
    times_s : ndarray (n + 1,)
        Ascending, s.
    values : ndarray (n,)
        dI/dt just after each sample but the last, A/s.
    slopes : ndarray (n,)
        Its slope from there to the next, A/s²; 0 where it is the current that was sampled.
    first : float
        The current at the first sample, A.
    """

    times_s: Floats
    values: Floats
    slopes: Floats
    first: float = 0.0

    def __post_init__(self) -> None:
        keep(self, **{name: np.array(getattr(self, name)) for name in ("times_s", "values", "slopes")})

    @property
    def start_s(self) -> float:
        """The first sample."""
        return float(self.times_s[0])

    @property
    def end_s(self) -> float:
        """The last sample."""
        return float(self.times_s[-1])

    def current(self, t: Floats) -> Floats:
        """Return i (n,) at times (n,), A: the integral of dI/dt."""
        at, u = self._place(t)
        return np.asarray(self._currents()[at] + u * (self.values[at] + 0.5 * u * self.slopes[at]))

    def didt(self, t: Floats) -> Floats:
        """Return dI/dt (n,) at times (n,), A/s."""
        at, u = self._place(t)
        return np.asarray(self.values[at] + u * self.slopes[at])

    def voltage(self, t: Floats) -> None:
        """Return None: a recording of dI/dt does not say what the capacitor does."""

    def membrane(self, t: Floats, tau_s: float, before: float) -> Floats:
        """Return v (n,) of τ dv/dt = dI/dt − v, which is `before` at the start, A/s."""
        at, u = self._place(t)
        return self._answer(self._at_samples(tau_s, before)[at], self.values[at], self.slopes[at], u, tau_s)

    def didt_extremes_s(self) -> Floats:
        """Return when dI/dt may be largest or least: at a sample, from either side."""
        return np.concatenate([self.times_s, np.nextafter(self.times_s[1:], -np.inf)])

    def current_extremes_s(self) -> Floats:
        """Return when i may be largest or least: at a sample, or where dI/dt is 0 between two."""
        moving = self.slopes != 0.0
        return self._between(np.where(moving, -self.values / np.where(moving, self.slopes, 1.0), -1.0))

    def membrane_extremes_s(self, tau_s: float, before: float) -> Floats:
        """Return when v may be largest or least.

        dv/dt tends to the slope b of dI/dt as b + (v̇ − b)e^{−u/τ}: it is 0 once at most between two samples.
        """
        speed = (self.values - self._at_samples(tau_s, before)[:-1]) / tau_s
        turns = self.slopes * speed < 0.0
        share = np.where(turns, -speed / np.where(turns, self.slopes, 1.0), 0.0)
        return self._between(np.where(turns, tau_s * np.log1p(share), -1.0))

    def current_squared(self) -> float:
        """Return ∫ i² dt over the piece, A² s."""
        half = 0.5 * np.diff(self.times_s)
        u = half[:, None] * (1.0 + _NODES)
        i = self._currents()[:-1, None] + u * (self.values[:, None] + 0.5 * u * self.slopes[:, None])
        return float(((i * i) @ _WEIGHTS) @ half)

    def shown_s(self) -> Floats:
        """Return times at which a picture shows the piece."""
        return self.times_s[:: max(1, len(self.times_s) // _MOST_SHOWN)]

    def scaled(self, factor: float) -> Lines:
        """Return the piece with all of it that many times as large."""
        changed = {"values": factor * self.values, "slopes": factor * self.slopes}
        return dataclasses.replace(self, first=factor * self.first, **changed)

    def _currents(self) -> Floats:
        """Return the current at each sample (n + 1,), A."""
        steps = np.diff(self.times_s)
        gains = steps * (self.values + 0.5 * steps * self.slopes)
        return self.first + np.concatenate([[0.0], np.cumsum(gains)])

    def _at_samples(self, tau_s: float, before: float) -> Floats:
        """Return v at each sample (n + 1,), A/s: one after the other, each exact."""
        steps = np.diff(self.times_s)
        gained = self._answer(np.zeros(len(steps)), self.values, self.slopes, steps, tau_s)
        found = [before]
        for kept, gain in zip(np.exp(-steps / tau_s).tolist(), gained.tolist(), strict=True):
            found.append(found[-1] * kept + gain)
        return np.array(found)

    @staticmethod
    def _answer(before: Floats, values: Floats, slopes: Floats, u: Floats, tau_s: float) -> Floats:
        """Return v after u of a line: v e^{−u/τ} + a(1 − e^{−u/τ}) + b(u − τ(1 − e^{−u/τ}))."""
        gone = -np.expm1(-u / tau_s)
        return np.asarray(before * (1.0 - gone) + values * gone + slopes * (u - tau_s * gone))

    def _place(self, t: Floats) -> tuple[NDArray[np.intp], Floats]:
        """Return the line that each time is on, and how long after its start, s."""
        at = np.searchsorted(self.times_s, t, "right") - 1
        at = np.clip(at, 0, len(self.values) - 1)
        return at, np.asarray(t) - self.times_s[at]

    def _between(self, after_s: Floats) -> Floats:
        """Return all samples, and the times so long after samples that are before the next one."""
        inside = (after_s > 0.0) & (after_s < np.diff(self.times_s))
        return np.concatenate([self.times_s, self.times_s[:-1][inside] + after_s[inside]])
