# SPDX-License-Identifier: BSD-3-Clause
"""What pulses lose to heat in a circuit, and how warm that makes a coil that gives none of it away."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from ..core.arguments import positive, within
from ..core.messages import doubt
from ..errors import DoseError
from .didt import checked_mso, doubt_share
from .pulses.pulse import Pulse

__all__ = ["COPPER_J_PER_KG_K", "Heating", "heating"]

COPPER_J_PER_KG_K = 385.0  #: specific heat of copper
_MOST_OHM = 1.0
_MOST_HZ, _LONGEST_S, _MASS_KG = 1e6, 1e9, (1e-6, 1e6)


@dataclass(frozen=True)
class Heating:
    """Energies and powers of pulses, and a rise of temperature.

    Attributes
    ----------
    energy_per_pulse_j : float
        What the whole circuit loses in a pulse, J.
    coil_energy_per_pulse_j : float
        The share of R∫i²dt that stays in the coil, J.
    rate_hz : float
        Pulses in a second, on average.
    mean_power_w : float
        `energy_per_pulse_j` times that, W.
    n_pulses : int or None
        How many there are; None for a rate without an end.
    energy_j : float or None
        What all lose in the whole circuit, J.
    rise_per_pulse_k, rise_k : float or None
        By how much a pulse, and all, warm the coil if no heat leaves it, K; None where its mass or the number
        of pulses is not given. Coils give heat away, so this is the most that it can be.
    formula, paper, unit, validated_on, does_not_say : str
    """

    energy_per_pulse_j: float
    coil_energy_per_pulse_j: float
    rate_hz: float
    mean_power_w: float
    n_pulses: int | None
    energy_j: float | None
    rise_per_pulse_k: float | None
    rise_k: float | None

    formula: ClassVar[str] = "ΔT = k R∫i²dt / (m c), adiabatic"
    paper: ClassVar[str] = "textbook: Joule heat of a winding"
    unit: ClassVar[str] = "J, W, K"
    validated_on: ClassVar[str] = "nothing: no coil was measured"
    does_not_say: ClassVar[str] = (
        "how hot the surface gets: that depends on cooling, and on the coil's own sensors"
    )


def heating(
    pulse: Pulse,
    rate: Any,
    *,
    mso: float = 100.0,
    duration_s: float | None = None,
    mass_kg: float | None = None,
    coil_share: float = 1.0,
    specific_heat: float = COPPER_J_PER_KG_K,
    resistance_ohm: float | None = None,
) -> Heating:
    """Return what pulses lose to heat, and the adiabatic rise of a coil's temperature.

    Parameters
    ----------
    pulse : Pulse
        At 100 % of the output.
    rate : float or protocol
        Pulses in a second, Hz; or anything with `n_pulses` and `duration_s`, as a `Protocol` is.
    mso : float
        % of the output; energies go with its square.
    duration_s : float, optional
        How long a rate is kept up, s.
    mass_kg : float, optional
        Of the winding, kg.
    coil_share : float
        The coil's share of the resistance, k, 0 to 1.
    specific_heat : float
        c of the winding, J/(kg K); by default that of copper.
    resistance_ohm : float, optional
        R of the whole circuit, Ω, for pulses that do not know theirs.

    Returns
    -------
    Heating

    Raises
    ------
    DoseError
        A value that is not possible; a pulse without a resistance; one of which only the shape is known.

    Warns
    -----
    PlausibilityWarning
        `mso` below 1: 60 % is 60, not 0.6. A resistance above 1 Ω.

    Examples
    --------
    >>> import headfield as hf
    >>> pulse = hf.dose.Pulse.biphasic(20e-3, 10e-6, 200e-6, 1600)
    >>> found = heating(pulse, 10, duration_s=4, mass_kg=0.5, coil_share=0.5)
    >>> round(found.mean_power_w, 1), found.n_pulses, round(found.rise_k, 2)
    (1101.4, 40, 11.44)
    """
    lost, resistive = _losses(pulse, resistance_ohm)
    percent = checked_mso(mso, "heating")
    doubt_share(percent, "mso")
    strength = (percent / 100.0) ** 2
    share = within(coil_share, "coil_share", DoseError, 0.0, 1.0)
    per_pulse, in_coil = strength * lost, strength * share * resistive
    rate_hz, count = _pulses(rate, duration_s)
    capacity = None
    if mass_kg is not None:
        heat = positive(specific_heat, "specific_heat", DoseError)
        mass = positive(mass_kg, "mass_kg", DoseError)
        capacity = heat * within(mass, "mass_kg", DoseError, *_MASS_KG)
    rise = None if capacity is None else in_coil / capacity
    return Heating(
        per_pulse,
        in_coil,
        rate_hz,
        mean_power_w=per_pulse * rate_hz,
        n_pulses=count,
        energy_j=None if count is None else count * per_pulse,
        rise_per_pulse_k=rise,
        rise_k=None if rise is None or count is None else count * rise,
    )


def _losses(pulse: Pulse, resistance_ohm: float | None) -> tuple[float, float]:
    """Return what a pulse loses in the whole circuit and in its R, J."""
    if not isinstance(pulse, Pulse):
        raise DoseError(f"pulse must be a Pulse, not {type(pulse).__name__}")
    if pulse.normalised:
        raise DoseError(f"{pulse!r} has a shape only; give didt_max, the dI/dt at 100 %, or use scaled(…)")
    if resistance_ohm is not None:
        ohm = positive(resistance_ohm, "resistance_ohm", DoseError)
        if ohm > _MOST_OHM:
            doubt(f"resistance_ohm = {ohm:g} Ω: circuits of stimulators have some 0.02 Ω, 20 mΩ")
        return ohm * pulse.current_squared_a2s, ohm * pulse.current_squared_a2s
    if pulse.circuit is None:
        raise DoseError(
            f"{pulse!r} does not know its resistance: give resistance_ohm, Ω of the whole circuit"
        )
    return pulse.loss_j, pulse.resistive_loss_j


def _pulses(rate: Any, duration_s: float | None) -> tuple[float, int | None]:
    """Return pulses in a second, and how many there are if that is known."""
    if hasattr(rate, "n_pulses") and hasattr(rate, "duration_s"):
        if duration_s is not None:
            raise DoseError("duration_s goes with a rate in Hz; a protocol has its own")
        count = positive(rate.n_pulses, "n_pulses of the protocol", DoseError)
        return count / positive(rate.duration_s, "duration_s of the protocol", DoseError), int(count)
    hertz = positive(rate, "rate (Hz)", DoseError)
    within(hertz, "rate (Hz)", DoseError, 0.0, _MOST_HZ)
    if duration_s is None:
        return hertz, None
    lasts = positive(duration_s, "duration_s", DoseError)
    return hertz, round(hertz * within(lasts, "duration_s", DoseError, 0.0, _LONGEST_S))
