# SPDX-License-Identifier: BSD-3-Clause
"""A piece of a pulse in which a circuit is left to itself: a sum of exponentials, exact at any time."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...coils.records import Record, keep
from .extremes import grid, zeros

__all__ = ["Exponentials"]

Floats = NDArray[np.float64]
Complexes = NDArray[np.complex128]

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(8)  # in each step of a grid that sees every oscillation


@dataclass(frozen=True, eq=False)
class Exponentials(Record):
    """A current i(t) = Re Σ c e^{s(t − start)}, and all that follows from it in closed form.

    Parameters
    ----------
    start_s, end_s : float
    rates : ndarray (m,) complex
        s, 1/s; their real parts are not positive.
    weights : ndarray (m,) complex
        c, A.
    volts : ndarray (m,) complex, optional
        The same sum for the voltage of the capacitor, V.
    """

    start_s: float
    end_s: float
    rates: Complexes
    weights: Complexes
    volts: Complexes | None = None

    def __post_init__(self) -> None:
        for name in ("rates", "weights", "volts"):
            if getattr(self, name) is not None:
                keep(self, **{name: np.array(getattr(self, name), np.complex128)})

    def current(self, t: Floats) -> Floats:
        """Return i (n,) at times (n,), A."""
        return self._sum(self.weights, t)

    def didt(self, t: Floats) -> Floats:
        """Return dI/dt (n,) at times (n,), A/s."""
        return self._sum(self.weights * self.rates, t)

    def voltage(self, t: Floats) -> Floats | None:
        """Return the voltage of the capacitor (n,), V; None where it is not known."""
        return None if self.volts is None else self._sum(self.volts, t)

    def membrane(self, t: Floats, tau_s: float, before: float) -> Floats:
        """Return v (n,) of τ dv/dt = dI/dt − v, which is `before` at the start, A/s.

        Each exponential answers with (e^{su} − e^{−u/τ})/(1 + τs), whose limit for s = −1/τ is (u/τ)e^{−u/τ}.
        """
        u = np.asarray(t)[..., None] - self.start_s
        decay = np.exp(-u / tau_s)
        x = (self.rates + 1.0 / tau_s) * u
        near = np.abs(x) < 1.0  # the difference of two exponentials would lose digits
        small = np.where(near, x, 1.0)
        zero = small == 0.0
        ratio = np.where(zero, 1.0, np.expm1(small) / np.where(zero, 1.0, small))
        factor = np.where(near, 1.0, 1.0 + tau_s * self.rates)
        far = (np.exp(self.rates * u) - decay) / np.where(factor == 0.0, 1.0, factor)
        answers = np.where(near, u / tau_s * decay * ratio, far)
        return np.asarray(before * decay[..., 0] + (answers @ (self.weights * self.rates)).real)

    def didt_extremes_s(self) -> Floats:
        """Return when dI/dt may be largest or least: the ends, and where its slope is 0."""
        return self._with_ends(zeros(lambda t: self._sum(self.weights * self.rates**2, t), self._times()))

    def current_extremes_s(self) -> Floats:
        """Return when i may be largest or least."""
        return self._with_ends(zeros(self.didt, self._times()))

    def membrane_extremes_s(self, tau_s: float, before: float) -> Floats:
        """Return when v may be largest or least: where it equals dI/dt."""
        return self._with_ends(zeros(lambda t: self.didt(t) - self.membrane(t, tau_s, before), self._times()))

    def current_squared(self) -> float:
        """Return ∫ i² dt over the piece, A² s.

        By Gauss's quadrature, to rounding: of the closed form little is left where two rates are almost the
        same, since weights are then large and cancel.
        """
        times = self._times()
        half = 0.5 * np.diff(times)
        i = self.current(times[:-1, None] + half[:, None] * (1.0 + _NODES))
        return float(((i * i) @ _WEIGHTS) @ half)

    def shown_s(self) -> Floats:
        """Return times at which a picture shows the piece."""
        return self._times()

    def scaled(self, factor: float) -> Exponentials:
        """Return the piece with all of it that many times as large."""
        volts = None if self.volts is None else factor * self.volts
        return dataclasses.replace(self, weights=factor * self.weights, volts=volts)

    def _sum(self, weights: Complexes, t: Floats) -> Floats:
        grown = np.exp((np.asarray(t)[..., None] - self.start_s) * self.rates)
        return np.asarray((grown @ weights).real)

    def _times(self) -> Floats:
        length = self.end_s - self.start_s
        times = self.start_s + grid(length, float(np.abs(self.rates.imag).max()) * length / (2.0 * np.pi))
        times[-1] = self.end_s
        return times

    def _with_ends(self, times_s: Floats) -> Floats:
        return np.concatenate([[self.start_s], times_s, [self.end_s]])
