# SPDX-License-Identifier: BSD-3-Clause
"""The current of a stimulator in a coil over time, however it is known."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ...coils.parts import Waveform
from ...core.arguments import not_negative, positive, truth, whole
from ...errors import ArgumentError, DoseError
from ...io.published import PublishedTables
from ..didt import doubt_slow, given_didt
from ..published_entries import stimulator_entry
from .circuit import MOST_PERIODS, Circuit, checked_diode, checked_period, discharge, freewheel
from .curve import Curve
from .exponentials import Exponentials
from .recorded import damped_cosine_of, lines_of, sampled

__all__ = ["Pulse"]

_MOST_DAMPING = 100.0  # of ω: e^{−600} would be left after a period


@dataclass(frozen=True, eq=False, repr=False)
class Pulse(Curve):
    """A pulse: i(t), dI/dt(t), E(t), energies, and what a membrane makes of it.

    Made by `Pulse.biphasic`, `half_sine`, `polyphasic` and `monophasic` from a circuit, by `damped_cosine`
    from a period and a damping, by `published` from a table, by `from_samples` and `from_waveform` from
    recordings; `headfield.dose.read_pulse` reads files. What circuits do is in closed form and exact at any
    time; a recording is exact for lines between its samples. A pulse is 0 before its start and after its end,
    and does not change.

    Attributes
    ----------
    pieces : tuple of Exponentials or Lines
        One after the other in time.
    kind : str
        "biphasic", "half-sine", "polyphasic", "monophasic" or "recorded".
    name : str
    circuit : Circuit or None
        What it was made of, if that is known; then energies and losses are.
    period_s : float or None
        2π/ω of the damped oscillation, s: what guidance of the FDA (2011) takes for a pulse's width.
    damping_per_s : float or None
        α, 1/s.
    normalised : bool
        Whether only the shape is known: dI/dt of 1 then stands for the most that the stimulator has.

    Examples
    --------
    >>> import headfield as hf
    >>> pulse = hf.dose.Pulse.biphasic(20e-3, 10e-6, 200e-6, 1600)
    >>> pulse
    <Pulse: biphasic, 281.3 µs, dI/dt 160.0 to -139.6 A/µs, 6.68 kA>
    >>> round(pulse.stored_energy_j, 3), round(pulse.loss_j, 4)
    (256.0, 110.1426)
    >>> (1e-6 * pulse.didt([0.0, 136.632e-6, 300e-6])).round(4).tolist()
    [160.0, -139.5666, 0.0]
    >>> found = pulse.depolarisation(tau_s=200e-6)
    >>> round(found.max, 6), round(found.min, 6)
    (0.171734, -0.198556)
    """

    @classmethod
    def biphasic(
        cls, resistance_ohm: float, inductance_h: float, capacitance_f: float, voltage_v: float
    ) -> Pulse:
        """Make the pulse of a capacitor that is discharged through a coil for one period of the oscillation.

        Parameters
        ----------
        resistance_ohm : float
            R of the whole circuit, Ω.
        inductance_h : float
            L of coil and cable, H.
        capacitance_f : float
            C, F.
        voltage_v : float
            What C is charged to, V.

        Raises
        ------
        DoseError
            See `Circuit`: overdamped, not positive, not finite, or with a period that no stimulator has.
        """
        return cls._ringing(Circuit(resistance_ohm, inductance_h, capacitance_f, voltage_v), 1.0, "biphasic")

    @classmethod
    def half_sine(
        cls, resistance_ohm: float, inductance_h: float, capacitance_f: float, voltage_v: float
    ) -> Pulse:
        """Make the pulse that ends where its current is 0, after half a period.

        Takes and raises what `biphasic` does.

        Examples
        --------
        >>> round(Pulse.half_sine(20e-3, 10e-6, 200e-6, 1600).loss_j, 4)
        62.7657
        """
        return cls._ringing(Circuit(resistance_ohm, inductance_h, capacitance_f, voltage_v), 0.5, "half-sine")

    @classmethod
    def polyphasic(
        cls,
        resistance_ohm: float,
        inductance_h: float,
        capacitance_f: float,
        voltage_v: float,
        *,
        periods: int = 2,
    ) -> Pulse:
        """Make a pulse of several periods, 1 to 1000; takes and raises what `biphasic` does."""
        turns = whole(periods, "periods", DoseError, MOST_PERIODS)
        return cls._ringing(
            Circuit(resistance_ohm, inductance_h, capacitance_f, voltage_v), turns, "polyphasic"
        )

    @classmethod
    def monophasic(
        cls,
        resistance_ohm: float,
        inductance_h: float,
        capacitance_f: float,
        voltage_v: float,
        *,
        diode_ohm: float,
        diode: str = "shunt",
        duration_s: float | None = None,
        thyristor: bool = False,
    ) -> Pulse:
        """Make a pulse that a diode keeps from swinging back.

        Until the capacitor is empty it is that of `biphasic`. Then a diode conducts, as a resistor Rd beside
        the capacitor ("shunt"), or beside it so that coil, R and Rd are alone ("series"): both exact, whether
        the second circuit rings or not.

        Parameters
        ----------
        resistance_ohm, inductance_h, capacitance_f, voltage_v : float
            See `biphasic`.
        diode_ohm : float
            Rd, Ω; above 0 for a shunt.
        diode : {"shunt", "series"}
        duration_s : float, optional
            Where the pulse is cut, s; by default after 20 time constants of the decay, when nothing is left.
        thyristor : bool
            Whether the pulse ends where its current comes back to 0, as one in the line of the coil has it. A
            shunt with a large Rd rings on, and the formulas then give a current the other way, which by
            default is left in.

        Raises
        ------
        ArgumentError
            Another diode, or a thyristor that is not True or False.
        DoseError
            See `biphasic`; or a diode that is not possible, or an end before it conducts.

        Examples
        --------
        >>> pulse = Pulse.monophasic(20e-3, 10e-6, 200e-6, 1600, diode_ohm=0.15)
        >>> round(1e-6 * pulse.didt_min, 3), round(1e6 * pulse.didt_min_at_s, 3)
        (-70.523, 114.6)
        >>> round(pulse.current(500e-6), 3)
        4.745
        """
        circuit = Circuit(resistance_ohm, inductance_h, capacitance_f, voltage_v)
        ohm = checked_diode(diode_ohm, diode, circuit.resistance_ohm)
        truth(thyristor, "thyristor", ArgumentError)
        circuit = dataclasses.replace(circuit, diode_ohm=ohm, diode=diode)
        return cls._of_circuit(tuple(freewheel(circuit, duration_s, thyristor)), "monophasic", circuit)

    @classmethod
    def damped_cosine(
        cls,
        period_s: float,
        damping_per_s: float,
        didt_max: float | str,
        *,
        periods: float = 1.0,
        inductance_h: float | None = None,
        name: str = "",
    ) -> Pulse:
        """Make the pulse of a circuit of which only the period and the damping are known.

        Parameters
        ----------
        period_s : float
            2π/ω, s.
        damping_per_s : float
            α, 1/s.
        didt_max : float or str
            dI/dt at the start, A/s, or a text with a unit such as "160 A/µs".
        periods : float
            How many there are: 1 is biphasic, 0.5 a half-sine.
        inductance_h : float, optional
            L, H, if it is known: R, C, V0, and with them energies, follow.
        name : str

        Raises
        ------
        ArgumentError
            A text that is no dI/dt.
        DoseError
            A value that is not possible.

        Examples
        --------
        >>> pulse = Pulse.damped_cosine(302.5e-6, 811.8, "147.86 A/µs")
        >>> round(1e-3 * pulse.current_max, 3), f"{pulse.lc_s2:.5e}"
        (6.7, '2.31435e-09')
        """
        omega = 2.0 * np.pi / checked_period(positive(period_s, "period_s", DoseError), "period_s is")
        alpha = not_negative(damping_per_s, "damping_per_s", DoseError)
        if alpha > _MOST_DAMPING * omega:
            raise DoseError(
                f"damping_per_s = {alpha:g} leaves no oscillation; at most {_MOST_DAMPING * omega:.3g}"
            )
        turns = positive(periods, "periods", DoseError)
        if turns > MOST_PERIODS:
            raise DoseError(f"periods must be {MOST_PERIODS} or fewer, not {turns:g}")
        didt = given_didt(didt_max, "didt_max")
        known = inductance_h is not None
        coil = positive(inductance_h, "inductance_h", DoseError) if known else 1e-5
        circuit = Circuit(2.0 * alpha * coil, coil, 1.0 / (coil * (omega**2 + alpha**2)), didt * coil)
        kind = {1.0: "biphasic", 0.5: "half-sine"}.get(turns, "polyphasic")
        made = dataclasses.replace(cls._ringing(circuit, turns, kind), name=str(name))
        if known:
            return made
        shape = dataclasses.replace(discharge(circuit, made.end_s), volts=None)
        return dataclasses.replace(made, pieces=(shape,), circuit=None)

    @classmethod
    def published(cls, name: str, tables: PublishedTables | None = None) -> Pulse:
        """Make the biphasic pulse of a coil with its stimulator at 100 % from the table of them.

        Parameters
        ----------
        name : str
            An entry of "stimulators" that has a period and a damping: magpro_x100_mcf_b65,
            magpro_x100_cool_b65, magstim_rapid_d70, magstim_rapid_dcc, duomag_xt_70bf, powermag_pmd70.
        tables : PublishedTables, optional
            In place of the tables that come with headfield; see `headfield.read_tables`.

        Raises
        ------
        DoseError
            There is no such entry, or it says too little for a pulse; the message says what there is.

        Examples
        --------
        >>> Pulse.published("magpro_x100_mcf_b65")
        <Pulse 'MagPro X100, MCF-B65': biphasic, 302.5 µs, dI/dt 147.9 to -131.2 A/µs, 6.70 kA>
        """
        entry = stimulator_entry(name, tables)
        called = f"{entry['stimulator']}, {entry['coil']}"
        return cls.damped_cosine(
            1e-6 * entry["period_us"],
            entry["damping_per_s"],
            1e6 * entry["didt_max_a_per_us"],
            name=called,
        )

    @classmethod
    def from_samples(
        cls, time_s: ArrayLike, values: ArrayLike, kind: str = "didt", *, name: str = ""
    ) -> Pulse:
        """Make a pulse from samples.

        Parameters
        ----------
        time_s : array_like (n,)
            Ascending, s; the steps need not be even.
        values : array_like (n,)
            dI/dt in A/s, a line between two samples, of which the current is the exact integral, 0 at the
            first sample; or the current in A, which is a line between two samples.
        kind : {"didt", "current"}
            Which of the two.
        name : str

        Raises
        ------
        ArgumentError
            Another kind.
        DoseError
            Not finite, other shapes, times that do not ascend, all 0, or above 1e12 A/s.

        Warns
        -----
        PlausibilityWarning
            dI/dt below 1e4 A/s throughout, where A/µs, or shares of the largest, may have been meant.

        Examples
        --------
        >>> pulse = Pulse.from_samples([0, 50e-6, 100e-6], [0, 5e3, 0], "current")
        >>> pulse.didt([25e-6, 75e-6]).round(3).tolist(), round(pulse.current(75e-6), 6)
        ([100000000.0, -100000000.0], 2500.0)
        """
        made = cls((lines_of(*sampled(time_s, values, "values"), kind),), "recorded", str(name))
        if kind == "didt":
            doubt_slow(made.didt_peak, "didt")
        return made

    @classmethod
    def from_waveform(
        cls, waveform: Waveform, didt_max: float | str | None = None, *, use_fit: bool = True
    ) -> Pulse:
        """Make a pulse from the waveform of a coil file.

        Parameters
        ----------
        waveform : Waveform
            dI/dt as a share of the most that coil and stimulator reach.
        didt_max : float or str, optional
            That most, A/s or text with a unit; without it only the shape is known, and dI/dt is in shares.
        use_fit : bool
            The fitted function where there is one, or what was measured, noise and all. A fit that is a
            damped cosine, as those of the field are, becomes one in closed form.

        Raises
        ------
        ArgumentError
            A text that is no dI/dt; `use_fit` that is not True or False.
        DoseError
            Samples that `from_samples` refuses.
        """
        if not isinstance(waveform, Waveform):
            raise DoseError(f"waveform must be a Waveform of a stimulator, not {type(waveform).__name__}")
        truth(use_fit, "use_fit", ArgumentError)
        scale = 1.0 if didt_max is None else given_didt(didt_max, "didt_max")
        samples = waveform.signal if waveform.fit is None or not use_fit else waveform.fit
        times, values = sampled(waveform.time_s, samples, "waveform")
        facts: dict[str, Any] = {"name": waveform.name, "normalised": didt_max is None}
        found = None if samples is waveform.signal else damped_cosine_of(times, values)
        if found is None:
            return cls((lines_of(times, scale * values, "didt"),), "recorded", **facts)
        facts |= {"period_s": 2.0 * np.pi / found.rate.imag, "damping_per_s": -found.rate.real}
        return cls((found.piece(scale),), "recorded", **facts)

    @classmethod
    def _ringing(cls, circuit: Circuit, periods: float, kind: str) -> Pulse:
        return cls._of_circuit((discharge(circuit, periods * circuit.period_s),), kind, circuit)

    @classmethod
    def _of_circuit(cls, pieces: tuple[Exponentials, ...], kind: str, circuit: Circuit) -> Pulse:
        return cls(pieces, kind, "", circuit, circuit.period_s, circuit.damping_per_s)
