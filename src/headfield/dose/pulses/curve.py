# SPDX-License-Identifier: BSD-3-Clause
"""What a pulse is at any time, its extremes, its energies, and what a membrane makes of it."""

from __future__ import annotations

import dataclasses
import os
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...coils.records import Record
from ...core.arguments import finite_array
from ...core.locks import cached_property
from ...errors import DoseError
from ...pictures.pulse_figure import PulseScene, draw_pulse, write_pulse
from ..didt import as_given, given_didt
from .circuit import Circuit
from .exponentials import Exponentials
from .lines import Lines
from .membrane import Depolarisation, checked_tau, extremes_of, membrane_at, membrane_of

__all__ = ["START_TAU_S", "Curve"]

Floats = NDArray[np.float64]

START_TAU_S = 200e-6  # s, from which Peterchev's procedure starts
_SHOWN = 1e-3  # of the largest |dI/dt|: pictures end where less is left
_AFTER = 0.25  # of the length, for the decay of the membrane


@dataclass(frozen=True, eq=False, repr=False)
class Curve(Record):
    """A current over time in pieces, each exact; see `Pulse`, which makes them."""

    pieces: tuple[Exponentials | Lines, ...]
    kind: str
    name: str = ""
    circuit: Circuit | None = None
    period_s: float | None = None
    damping_per_s: float | None = None
    normalised: bool = False

    @property
    def start_s(self) -> float:
        """When it starts, s: 0 for circuits, the first sample of a recording."""
        return self.pieces[0].start_s

    @property
    def end_s(self) -> float:
        """When it ends, s."""
        return self.pieces[-1].end_s

    @property
    def duration_s(self) -> float:
        """From its start to its end, s."""
        return self.end_s - self.start_s

    def current(self, t: ArrayLike) -> Any:
        """Return i at times t (any shape), A: of the shape of t; 0 before and after the pulse.

        Raises
        ------
        DoseError
            Times that are not finite.
        """
        return self._at("current", t)

    def didt(self, t: ArrayLike) -> Any:
        """Return dI/dt at times t (any shape), A/s; takes and raises what `current` does."""
        return self._at("didt", t)

    def voltage(self, t: ArrayLike) -> Any:
        """Return the voltage of the capacitor at times t (any shape) in the pulse, V; 0 elsewhere.

        Raises
        ------
        DoseError
            It is not known, as of a recording; or times that are not finite.
        """
        if self.circuit is None:
            raise DoseError(f"the voltage of {self!r} is not known: it was not made of R, L, C and V0")
        return self._at("voltage", t)

    def field(self, t: ArrayLike, E: ArrayLike) -> Floats:
        """Return E over time.

        Parameters
        ----------
        t : array_like (n,) or a number
            s.
        E : array_like (..., 3)
            The field while dI/dt is +`didt_peak`, V/m: of a solve with that dI/dt.

        Returns
        -------
        ndarray (n, ..., 3), or (..., 3) for a number t, V/m

        Raises
        ------
        DoseError
            Times or fields that are not finite, or not three components.
        """
        field = finite_array(E, "E", DoseError)
        if not field.ndim or field.shape[-1] != 3:
            raise DoseError(f"E must have the shape (..., 3), not {field.shape}")
        return np.multiply.outer(np.asarray(self.didt(t)) / self.didt_peak, field)

    @property
    def didt_max(self) -> float:
        """The largest dI/dt, A/s."""
        return self._didt_extremes[0]

    @property
    def didt_max_at_s(self) -> float:
        """When that is, s."""
        return self._didt_extremes[1]

    @property
    def didt_min(self) -> float:
        """The least dI/dt, A/s: the largest against the direction of the current's first rise."""
        return self._didt_extremes[2]

    @property
    def didt_min_at_s(self) -> float:
        """When that is, s."""
        return self._didt_extremes[3]

    @property
    def didt_peak(self) -> float:
        """The largest |dI/dt|, A/s: what a solve for the peak of the pulse is given."""
        return max(self.didt_max, -self.didt_min)

    @property
    def current_max(self) -> float:
        """The largest current, A."""
        return self._current_extremes[0]

    @property
    def current_max_at_s(self) -> float:
        """When that is, s."""
        return self._current_extremes[1]

    @property
    def current_min(self) -> float:
        """The least current, A."""
        return self._current_extremes[2]

    @property
    def current_min_at_s(self) -> float:
        """When that is, s."""
        return self._current_extremes[3]

    @property
    def current_squared_a2s(self) -> float:
        """∫ i² dt, A² s: times R it is what the resistance R loses to heat."""
        return sum(piece.current_squared() for piece in self.pieces)

    @property
    def lc_s2(self) -> float:
        """L·C = 1/(ω² + α²), s²; DoseError for a recording without a period."""
        if self.period_s is None or self.damping_per_s is None:
            raise DoseError(f"{self!r} has no period and no damping, of which L·C follows")
        return 1.0 / ((2.0 * np.pi / self.period_s) ** 2 + self.damping_per_s**2)

    @property
    def stored_energy_j(self) -> float:
        """½CV0², J; DoseError where the circuit is not known."""
        return self._known.stored_energy_j

    @property
    def loss_j(self) -> float:
        """What the whole circuit loses in a pulse, J: the stored energy less what C and L hold at the end.

        DoseError where the circuit is not known.
        """
        last, end = self.pieces[-1], np.array([self.end_s])
        voltage = last.voltage(end)
        left = self._known.energy_j(
            float(last.current(end)[0]), 0.0 if voltage is None else float(voltage[0])
        )
        return self._known.stored_energy_j - left

    @property
    def resistive_loss_j(self) -> float:
        """R∫i²dt, J: `loss_j` without what a diode's Rd takes; DoseError where the circuit is not known."""
        return self._known.resistance_ohm * self.current_squared_a2s

    def scaled(self, didt_max: float | str) -> Self:
        """Return the pulse with another largest |dI/dt|; energies and losses go with its square.

        Parameters
        ----------
        didt_max : float or str
            A/s, or text with a unit such as "120 A/µs".

        Raises
        ------
        ArgumentError, DoseError
            Not a dI/dt that is possible.

        Examples
        --------
        >>> import headfield as hf
        >>> pulse = hf.dose.Pulse.biphasic(20e-3, 10e-6, 200e-6, 1600)
        >>> round(pulse.scaled("80 A/µs").loss_j / pulse.loss_j, 12)
        0.25
        """
        factor = given_didt(didt_max, "didt_max") / self.didt_peak
        circuit = self.circuit
        if circuit is not None:
            circuit = dataclasses.replace(circuit, voltage_v=factor * circuit.voltage_v)
        return self._times(factor, circuit=circuit, normalised=False)

    def reversed(self) -> Self:
        """Return the pulse with the current, dI/dt and voltages the other way: the coil turned by 180°."""
        return self._times(-1.0)

    def membrane(self, t: ArrayLike, tau_s: float = START_TAU_S) -> Any:
        """Return v at times t (any shape), of τ dv/dt = e − v with e = dI/dt over `didt_peak`.

        It has no unit. In closed form, before, in and after the pulse. See `depolarisation`.

        Raises
        ------
        DoseError
            Times that are not finite; τ not between 0 and 1 s.
        """
        times = finite_array(t, "t", DoseError)
        v = membrane_at(self.pieces, times.ravel(), checked_tau(tau_s)) / self.didt_peak
        return as_given(v.reshape(times.shape))

    def depolarisation(self, tau_s: float = START_TAU_S) -> Depolarisation:
        """Return how far the pulse drives a membrane that is a low pass, either way, and when.

        Parameters
        ----------
        tau_s : float
            τ, s. 150e-6 to 200e-6 is customary; `headfield.dose.time_constant_s` has measured ones.

        Raises
        ------
        DoseError
            τ not between 0 and 1 s.

        Examples
        --------
        >>> import headfield as hf
        >>> found = hf.dose.Pulse.published("magpro_x100_mcf_b65").depolarisation(200e-6)
        >>> round(found.max, 6), round(1e6 * found.max_at_s, 2)
        (0.183768, 64.37)
        >>> round(found.min, 5), round(1e6 * found.min_at_s, 2)
        (-0.21761, 212.41)
        """
        tau = checked_tau(tau_s)
        most, most_at, least, least_at = membrane_of(self.pieces, tau)
        peak = self.didt_peak
        return Depolarisation(
            tau,
            most / peak,
            most_at,
            least / peak,
            least_at,
            didt_peak=peak,
            first_is_positive=self._rises_first,
        )

    def plot(self, tau_s: float = START_TAU_S) -> Any:
        """Draw current, dI/dt and the response of a membrane over time.

        Parameters
        ----------
        tau_s : float
            Of the membrane, s.

        Returns
        -------
        matplotlib.figure.Figure

        Raises
        ------
        MissingPackageError
            matplotlib is missing.
        DoseError
            τ not between 0 and 1 s.
        """
        return draw_pulse(self._scene(checked_tau(tau_s)))

    def write_picture(self, path: str | os.PathLike[str], tau_s: float = START_TAU_S) -> None:
        """Write what `plot` draws to .png, .pdf or .svg; or raise FileFormatError, OSError."""
        write_pulse(self._scene(checked_tau(tau_s)), path)

    @cached_property
    def _didt_extremes(self) -> tuple[float, float, float, float]:
        times = [piece.didt_extremes_s() for piece in self.pieces]
        return extremes_of([(t, piece.didt(t)) for t, piece in zip(times, self.pieces, strict=True)])

    @cached_property
    def _current_extremes(self) -> tuple[float, float, float, float]:
        times = [piece.current_extremes_s() for piece in self.pieces]
        return extremes_of([(t, piece.current(t)) for t, piece in zip(times, self.pieces, strict=True)])

    @property
    def _known(self) -> Circuit:
        if self.circuit is None:
            raise DoseError(
                f"energies of {self!r} are not known: it was not made of R, L, C and V0; R times "
                "current_squared_a2s is what a resistance R loses"
            )
        return self.circuit

    @property
    def _rises_first(self) -> bool:
        """Whether dI/dt is positive when it reaches half of its peak for the first time."""
        for piece in self.pieces:
            values = piece.didt(piece.shown_s())
            large = np.flatnonzero(np.abs(values) >= 0.5 * self.didt_peak)
            if len(large):
                return bool(values[large[0]] > 0.0)
        return self.didt_max_at_s < self.didt_min_at_s

    def _times(self, factor: float, **changes: Any) -> Self:
        return dataclasses.replace(
            self, pieces=tuple(piece.scaled(factor) for piece in self.pieces), **changes
        )

    def _at(self, name: str, t: ArrayLike) -> Any:
        times = finite_array(t, "t", DoseError)
        flat, values = times.ravel(), np.zeros(times.size)
        for piece in self.pieces:
            inside = (flat >= piece.start_s) & (flat <= piece.end_s)
            values[inside] = getattr(piece, name)(flat[inside])
        return as_given(values.reshape(times.shape))

    def _scene(self, tau_s: float) -> PulseScene:
        times = np.unique(np.concatenate([piece.shown_s() for piece in self.pieces]))
        large = np.flatnonzero(np.abs(self.didt(times)) > _SHOWN * self.didt_peak)
        start, end = float(times[max(large[0] - 1, 0)]), float(times[min(large[-1] + 1, len(times) - 1)])
        times = times[(times >= start) & (times <= end)]
        after = end + (end - start) * np.linspace(0.0, _AFTER, 100)
        before = [start - 0.02 * (end - start), np.nextafter(start, -np.inf)]  # dI/dt jumps at the start
        shown = np.concatenate([before, times, np.nextafter(after, np.inf)])
        return PulseScene(
            shown,
            self.didt(shown),
            self.current(shown),
            membrane=self.membrane(shown, tau_s),
            tau_s=tau_s,
            normalised=self.normalised,
            title=repr(self)[1:-1].removeprefix("Pulse: ").removeprefix("Pulse "),
        )

    def __repr__(self) -> str:
        name = f" {self.name!r}" if self.name else ""
        length = f"{1e6 * self.duration_s:.1f} µs"
        if self.normalised:
            return f"<Pulse{name}: {self.kind}, {length}, normalised>"
        rate = f"dI/dt {1e-6 * self.didt_max:.1f} to {1e-6 * self.didt_min:.1f} A/µs"
        most = max(self.current_max, -self.current_min)
        return f"<Pulse{name}: {self.kind}, {length}, {rate}, {1e-3 * most:.2f} kA>"
