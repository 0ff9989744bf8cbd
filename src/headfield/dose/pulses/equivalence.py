# SPDX-License-Identifier: BSD-3-Clause
"""Which output of one stimulator does what an output of another did."""

from __future__ import annotations

from ...core.arguments import positive
from ...errors import DoseError
from ..didt import checked_mso, doubt_share
from .curve import START_TAU_S
from .pulse import Pulse

__all__ = ["equivalent_mso"]


def equivalent_mso(
    mso: float,
    pulse: Pulse,
    other: Pulse,
    *,
    field: float | None = None,
    other_field: float | None = None,
    tau_s: float = START_TAU_S,
    phase: str = "either",
) -> float:
    """Return which percentage of the output of a second stimulator depolarises as much as one of a first did.

    Both are held to the response of a membrane that is a low pass of first order (Peterchev 2013, doi
    10.1016/j.clinph.2013.01.011): r · dI/dt · |E| per A/s is to be the same. r of a biphasic pulse is larger
    in its second half, where the field is the other way: a monophasic and a biphasic pulse that are
    equivalent by "either" excite in opposite directions when both coils are held alike. Research use: an
    estimate. It was validated on motor thresholds over pulses of unlike width, and says nothing of
    after-effects, of trains, or of cortex other than M1. Stimulators for fast trains may not give 100 % at
    high rates.

    Parameters
    ----------
    mso : float
        Output of the first stimulator, % of its maximum: above 0, at most 100.
    pulse, other : Pulse
        Of the first and of the second, each with its coil at 100 %.
    field, other_field : float, optional
        |E| at the target per A/s of the first coil and of the second, V/m per A/s; both, or
        neither for the same coil at the same place.
    tau_s : float
        τ of the membrane, s.
    phase : {"either", "first", "second"}
        See `Depolarisation.of_phase`: by whichever direction of E depolarises most, or by that of the
        first or the second phase, for both pulses.

    Returns
    -------
    float
        % of the maximum of the second stimulator.

    Raises
    ------
    ArgumentError
        Another phase.
    DoseError
        It takes more than 100 %; the message says by how much. A pulse of which only the shape is known, a
        value that is not positive, one field without the other.

    Warns
    -----
    PlausibilityWarning
        `mso` below 1: 60 % is 60, not 0.6.

    Examples
    --------
    >>> import headfield as hf
    >>> magpro = hf.dose.Pulse.published("magpro_x100_mcf_b65")
    >>> rapid = hf.dose.Pulse.published("magstim_rapid_d70")
    >>> round(equivalent_mso(50, magpro, rapid), 2)
    62.22
    >>> equivalent_mso(95, magpro, rapid)
    Traceback (most recent call last):
    ...
    headfield.errors.DoseError: 'Magstim Rapid, D70' takes 118.2 %MSO, 18.2 more than the stimulator has
    """
    given = checked_mso(mso, "the first pulse")
    doubt_share(given, "mso")
    if (field is None) != (other_field is None):
        raise DoseError("give field and other_field, V/m per A/s of both coils, or neither of them")
    responses = []
    for one, factor, name in ((pulse, field, "field"), (other, other_field, "other_field")):
        if not isinstance(one, Pulse):
            raise DoseError(f"pulses to compare must be Pulse, not {type(one).__name__}")
        if one.normalised:
            raise DoseError(f"{one!r} has a shape only; give didt_max, the dI/dt at 100 %, or use scaled(…)")
        found = one.depolarisation(tau_s)
        strength = 1.0 if factor is None else positive(factor, name, DoseError)
        responses.append(found.of_phase(phase) * found.didt_peak * strength)
    what = repr(other.name) if other.name else "the second pulse"
    return checked_mso(given * responses[0] / responses[1], what)
