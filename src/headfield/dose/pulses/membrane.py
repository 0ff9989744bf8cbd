# SPDX-License-Identifier: BSD-3-Clause
"""What a pulse does to a membrane that is a low pass of first order: τ dv/dt = e − v."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from ...core.arguments import positive
from ...core.messages import nearest_name
from ...errors import ArgumentError, DoseError
from .exponentials import Exponentials
from .lines import Lines

__all__ = ["PHASES", "Depolarisation", "checked_tau", "extremes_of", "membrane_at", "membrane_of"]

Floats = NDArray[np.float64]
Pieces = Sequence[Exponentials | Lines]

PHASES = ("either", "first", "second")
_TAU_S = (1e-9, 1.0)


@dataclass(frozen=True)
class Depolarisation:
    """The extremes of v, where τ dv/dt = e − v and e(t) is dI/dt, or E(t), over its largest size.

    A pulse of the field E at its largest |dI/dt| depolarises by r·E in one direction of the current and by
    that of the other extreme in the other; threshold ∝ 1/r. Research use: an estimate of how pulses of unlike
    shape compare, not a threshold.

    Attributes
    ----------
    tau_s : float
        τ, s.
    max, min : float
        The largest and the least v; none has a unit. The pulse starts at v = 0.
    max_at_s, min_at_s : float
        When that is, s.
    didt_peak : float
        The largest |dI/dt|, A/s; r times this is the response in A/s, which pulses of unlike size compare by.
    first_is_positive : bool
        Which way dI/dt goes when it reaches half of its peak for the first time.
    paper, validated_on, does_not_say : str
        Of the model.
    """

    tau_s: float
    max: float
    max_at_s: float
    min: float
    min_at_s: float
    didt_peak: float
    first_is_positive: bool

    unit: ClassVar[str] = "1: v over the largest |E|"
    paper: ClassVar[str] = "Peterchev 2013, doi 10.1016/j.clinph.2013.01.011"
    validated_on: ClassVar[str] = (
        "motor thresholds of the hand over pulses of unlike width, one τ for all subjects"
    )
    does_not_say: ClassVar[str] = (
        "which neurons fire, or what a train does; thresholds of other cortex are not known"
    )

    def of_phase(self, phase: str) -> float:
        """Return r for E in a direction.

        Parameters
        ----------
        phase : {"either", "first", "second"}
            "either": whichever direction of E depolarises most, which is right for what lies in all
            directions, as the cells of a fold. "first": what the first phase of the pulse depolarises.
            "second": what is depolarised by E the other way. A biphasic pulse depolarises most in its second
            half, and so what the reversed coil would in its first.

        Raises
        ------
        ArgumentError
            Another phase.
        DoseError
            The pulse depolarises nothing in that direction.
        """
        if phase not in PHASES:
            raise ArgumentError(
                f"phase must be one of {', '.join(PHASES)}, not {phase!r}{nearest_name(phase, PHASES)}"
            )
        first, second = (self.max, -self.min) if self.first_is_positive else (-self.min, self.max)
        r = {"either": max(first, second), "first": first, "second": second}[phase]
        if r <= 0.0:
            raise DoseError(f"this pulse depolarises nothing in the direction of its {phase} phase")
        return r


def checked_tau(tau_s: float) -> float:
    """Return a time constant, s, or raise DoseError."""
    tau = positive(tau_s, "tau_s", DoseError)
    if not _TAU_S[0] <= tau <= _TAU_S[1]:
        raise DoseError(
            f"tau_s = {tau:g} must lie between {_TAU_S[0]:g} and {_TAU_S[1]:g} s; 200e-6 is usual"
        )
    return tau


def membrane_of(pieces: Pieces, tau_s: float) -> tuple[float, float, float, float]:
    """Return the largest v, when, the least v, and when; of E = dI/dt, A/s and s.

    After the pulse v decays to 0, so its extremes are in the pulse or at its end.
    """
    before, found = 0.0, []
    for piece in pieces:
        times = piece.membrane_extremes_s(tau_s, before)
        values = piece.membrane(times, tau_s, before)
        found.append((times, values))
        before = float(piece.membrane(np.array([piece.end_s]), tau_s, before)[0])
    return extremes_of(found)


def membrane_at(pieces: Pieces, t: Floats, tau_s: float) -> Floats:
    """Return v (n,) at times (n,), A/s, before, in and after the pulse."""
    v, before = np.zeros(t.shape), 0.0
    for piece in pieces:
        later = t >= piece.start_s
        inside = later & (t <= piece.end_s)
        v[inside] = piece.membrane(t[inside], tau_s, before)
        before = float(piece.membrane(np.array([piece.end_s]), tau_s, before)[0])
        after = t > piece.end_s
        v[after] = before * np.exp(-(t[after] - piece.end_s) / tau_s)
    return v


def extremes_of(found: Sequence[tuple[Floats, Floats]]) -> tuple[float, float, float, float]:
    """Return the largest of values (n,) at times (n,) of several pieces, when, the least, and when."""
    times, values = (np.concatenate(parts) for parts in zip(*found, strict=True))
    high, low = int(values.argmax()), int(values.argmin())
    return float(values[high]), float(times[high]), float(values[low]), float(times[low])
