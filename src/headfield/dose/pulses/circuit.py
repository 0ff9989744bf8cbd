# SPDX-License-Identifier: BSD-3-Clause
"""A capacitor that is discharged through a coil: the closed forms of current, dI/dt and voltages.

C is charged to V0; L is the coil, R the resistance of the whole circuit. With α = R/2L, ω0 = 1/√(LC),
ω = √(ω0² − α²) and φ = atan(α/ω):

    i = V0/(ωL) e^{−αt} sin ωt        dI/dt = (V0/L)(ω0/ω) e^{−αt} cos(ωt + φ)
    vC = V0 (ω0/ω) e^{−αt} cos(ωt − φ)

A monophasic pulse is that until vC = 0, at (π/2 + φ)/ω; then a diode carries current beside the capacitor:
L di/dt = vC − Ri, C dvC/dt = −i − vC/Rd. With a diode and Rd in series with the coil, i decays as
e^{−(R + Rd)t/L} instead.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...core.arguments import finite_number, not_negative, positive, within
from ...errors import ArgumentError, DoseError
from ..didt import MOST_DIDT
from .exponentials import Exponentials
from .extremes import zeros

__all__ = ["MOST_PERIODS", "Circuit", "checked_diode", "checked_period", "discharge", "freewheel"]

Complexes = NDArray[np.complex128]

MOST_PERIODS = 1000  #: of the oscillation, in one pulse
_SHORTEST_S, _LONGEST_S = 1e-6, 0.1  # periods of any circuit that could be meant
_RANGES = {"inductance_h": (1e-9, 1.0), "capacitance_f": (1e-9, 1.0), "voltage_v": (1e-6, 1e6)}
_DIODE_OHM = (1e-9, 1e9)
_TIME_CONSTANTS = 20.0  # after which 2e-9 of the current is left, and no energy that a float64 knows of
_EQUAL = 4e-11  # of α²: nearer to each other, two rates lose more digits than it takes to part them


@dataclass(frozen=True)
class Circuit:
    """What a stimulator and a coil are made of.

    Parameters
    ----------
    resistance_ohm : float
        R of the whole circuit: coil, cable, thyristor, capacitor; Ω.
    inductance_h : float
        L of coil and cable, H.
    capacitance_f : float
        C, F.
    voltage_v : float
        V0 to which C is charged at this output, V.
    diode_ohm : float, optional
        Rd in the path of the diode of a monophasic pulse, Ω.
    diode : {"", "shunt", "series"}
        Where that is.

    Raises
    ------
    DoseError
        A value that is not finite or not positive (R may be 0); a circuit that does not ring, or rings with
        a period that no stimulator has. The message says which values would do.

    Examples
    --------
    >>> circuit = Circuit(20e-3, 10e-6, 200e-6, 1600)
    >>> round(circuit.damping_per_s, 6), round(circuit.omega_per_s, 3), round(1e6 * circuit.period_s, 4)
    (1000.0, 22338.308, 281.274)
    >>> Circuit(0.5, 10e-6, 200e-6, 1600)
    Traceback (most recent call last):
    ...
    headfield.errors.DoseError: resistance_ohm = 0.5 is overdamped; with these L and C it must be \
below 2√(L/C) = 0.4472
    """

    resistance_ohm: float
    inductance_h: float
    capacitance_f: float
    voltage_v: float
    diode_ohm: float | None = None
    diode: str = ""

    def __post_init__(self) -> None:
        keep = {"resistance_ohm": not_negative(self.resistance_ohm, "resistance_ohm", DoseError)}
        for name, (least, most) in _RANGES.items():
            given = positive(getattr(self, name), name, DoseError)
            keep[name] = within(given, name, DoseError, least, most)
        for name, value in keep.items():
            object.__setattr__(self, name, value)
        values = f"inductance_h = {self.inductance_h:g} and capacitance_f = {self.capacitance_f:g}"
        most = 2.0 * math.sqrt(self.inductance_h / self.capacitance_f)
        if not self.resistance_ohm < most * (1.0 - 1e-12):
            raise DoseError(
                f"resistance_ohm = {self.resistance_ohm:g} is overdamped; with these L and C it must be "
                f"below 2√(L/C) = {most:.4g}"
            )
        checked_period(self.period_s, f"{values}, in henry and farad, ring with a period of")
        if not self.voltage_v / self.inductance_h <= MOST_DIDT:
            raise DoseError(
                f"voltage_v = {self.voltage_v:g} over inductance_h = {self.inductance_h:g} is a dI/dt of "
                f"{self.voltage_v / self.inductance_h:.3g} A/s; possible is up to {MOST_DIDT:g}"
            )

    @property
    def damping_per_s(self) -> float:
        """α = R/2L, 1/s."""
        return 0.5 * self.resistance_ohm / self.inductance_h

    @property
    def omega_per_s(self) -> float:
        """ω of the damped oscillation, rad/s."""
        share = 0.5 * self.resistance_ohm * math.sqrt(self.capacitance_f / self.inductance_h)
        natural = 1.0 / (math.sqrt(self.inductance_h) * math.sqrt(self.capacitance_f))
        return natural * math.sqrt((1.0 - share) * (1.0 + share))

    @property
    def period_s(self) -> float:
        """T = 2π/ω, s."""
        return 2.0 * math.pi / self.omega_per_s if self.omega_per_s else math.inf

    @property
    def phase(self) -> float:
        """φ = atan(α/ω), rad."""
        return math.atan(self.damping_per_s / self.omega_per_s)

    @property
    def stored_energy_j(self) -> float:
        """½CV0², J."""
        return 0.5 * self.capacitance_f * self.voltage_v**2

    def energy_j(self, current_a: float, voltage_v: float) -> float:
        """Return what is in C and L at a current and a voltage of the capacitor, J."""
        return 0.5 * (self.capacitance_f * voltage_v**2 + self.inductance_h * current_a**2)


def checked_period(period_s: float, what: str) -> float:
    """Return a period that a stimulator could have, s; raise DoseError, with `what` before it, for others."""
    if not _SHORTEST_S <= period_s <= _LONGEST_S:
        raise DoseError(f"{what} {period_s:.3g} s; possible are {_SHORTEST_S:g} to {_LONGEST_S:g} s")
    return period_s


def discharge(circuit: Circuit, end_s: float) -> Exponentials:
    """Return the piece in which the capacitor is discharged through the coil, from 0 to an end."""
    rate = complex(-circuit.damping_per_s, circuit.omega_per_s)
    weight = -1j * circuit.voltage_v / (circuit.omega_per_s * circuit.inductance_h)
    return _piece(circuit, 0.0, end_s, [rate], [weight])


def freewheel(circuit: Circuit, duration_s: float | None, thyristor: bool) -> list[Exponentials]:
    """Return the pieces of a monophasic pulse: until the capacitor is empty, and with the diode from then on.

    Parameters
    ----------
    circuit : Circuit
        With `diode_ohm` and `diode`.
    duration_s : float or None
        Where it ends; None is 20 time constants of the slower decay after the diode began.
    thyristor : bool
        Whether the pulse ends where the current is 0 for the first time.
    """
    turn_s = (0.5 * math.pi + circuit.phase) / circuit.omega_per_s
    first = discharge(circuit, turn_s)
    current = float(first.current(np.array([turn_s]))[0])
    rates, weights, decay = (
        _series(circuit, current) if circuit.diode == "series" else _shunt(circuit, current)
    )
    end_s = turn_s + _TIME_CONSTANTS / decay
    if duration_s is not None:
        end_s = finite_number(duration_s, "duration_s", DoseError)
        if not end_s > turn_s:
            raise DoseError(
                f"duration_s = {end_s:g} ends before the diode conducts; it must be more than {turn_s:.4g}"
            )
    turns = abs(complex(rates[0]).imag) * (end_s - turn_s) / (2.0 * math.pi)
    if turns > MOST_PERIODS:
        raise DoseError(
            f"diode_ohm = {circuit.diode_ohm:g} lets the circuit ring for {turns:.3g} periods; give less, or "
            f"a duration_s with {MOST_PERIODS} or fewer"
        )
    second = _piece(circuit, turn_s, end_s, rates, weights)
    if circuit.diode == "series":  # the capacitor is empty, and stays so
        second = Exponentials(turn_s, end_s, second.rates, second.weights, np.zeros(len(rates), complex))
    stops = zeros(second.current, second.shown_s())
    if thyristor and len(stops):
        second = Exponentials(turn_s, float(stops[0]), second.rates, second.weights, second.volts)
    return [first, second]


def checked_diode(diode_ohm: Any, diode: str, resistance_ohm: float) -> float:
    """Return Rd, Ω; raise unless current can decay through it."""
    if diode not in ("shunt", "series"):
        raise ArgumentError(f"diode must be 'shunt' or 'series', not {diode!r}")
    if diode == "shunt":
        return within(positive(diode_ohm, "diode_ohm", DoseError), "diode_ohm", DoseError, *_DIODE_OHM)
    found = not_negative(diode_ohm, "diode_ohm", DoseError)
    within(found, "diode_ohm", DoseError, 0.0, _DIODE_OHM[1])
    if found + resistance_ohm == 0.0:
        raise DoseError(
            "diode_ohm and resistance_ohm are both 0: the current would flow for ever; one must be more"
        )
    return found


def _piece(circuit: Circuit, start_s: float, end_s: float, rates: Any, weights: Any) -> Exponentials:
    """Return a piece whose capacitor has the voltage of coil and resistance together, L di/dt + R i."""
    s, c = np.array(rates, complex), np.array(weights, complex)
    return Exponentials(start_s, end_s, s, c, (circuit.inductance_h * s + circuit.resistance_ohm) * c)


def _series(circuit: Circuit, current: float) -> tuple[Any, Any, float]:
    """Return rates, weights and the slowest decay (1/s) of a current through coil, R and Rd alone."""
    rate = (circuit.resistance_ohm + (circuit.diode_ohm or 0.0)) / circuit.inductance_h
    return [-rate], [current], rate


def _shunt(circuit: Circuit, current: float) -> tuple[Any, Any, float]:
    """Return rates, weights and the slowest decay (1/s) of a current where Rd is beside the capacitor.

    The rates are the eigenvalues of [[−R/L, 1/L], [−1/C, −1/(Rd C)]], real or complex.
    """
    coil = circuit.resistance_ohm / circuit.inductance_h
    capacitor = 1.0 / ((circuit.diode_ohm or 0.0) * circuit.capacitance_f)
    middle, product = 0.5 * (coil + capacitor), 1.0 / (circuit.inductance_h * circuit.capacitance_f)
    squared = 0.25 * (coil - capacitor) ** 2 - product
    if abs(squared) < _EQUAL * middle**2:
        squared = _EQUAL * middle**2
    root = complex(squared) ** 0.5
    fast = -middle - root
    slow = (coil * capacitor + product) / fast if squared > 0.0 else -middle + root  # without cancellation
    weight = current * (-coil - fast) / (slow - fast)
    return [slow, fast], [weight, current - weight], -max(slow.real, fast.real)
