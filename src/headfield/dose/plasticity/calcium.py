# SPDX-License-Identifier: BSD-3-Clause
"""Calcium-dependent plasticity with metaplasticity, for the pulses of one session."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...core.arguments import finite_array, not_negative, positive, within
from ...errors import ArgumentError, DoseError
from ...io.published import PublishedTables
from ..protocol.protocol import Protocol
from .calcium_equations import CALCIUM, CONDUCTANCE, STRENGTH, TARGET, courses
from .calcium_response import CalciumResponse
from .constants import constants_of

__all__ = ["calcium_plasticity"]

Floats = NDArray[np.float64]

_MOST_PULSES = 100_000
_LARGEST_AMPLITUDE = 100.0
_NO_FIELD = "none entered: the amplitude is that of the source, or was given, whatever E is"


def calcium_plasticity(
    session: Protocol | ArrayLike,
    *,
    amplitude: float | None = None,
    field: float | None = None,
    reference_field: float | None = None,
    metaplasticity: bool = True,
    start_s: float = 10.0,
    times_s: ArrayLike | None = None,
    tables: PublishedTables | None = None,
) -> CalciumResponse:
    """Integrate the calcium model over the pulses of a session: a few seconds for a thousand pulses.

    Parameters
    ----------
    session : Protocol, or array_like (p,) of onsets, s
        One session; onsets ascend from 0 or later, and count from `start_s`.
    amplitude : float, optional
        Drive during each pulse, 1/s, 0 to 100; 5.8 if not given.
    field, reference_field : float, V/m, optional
        Both: the amplitude is 5.8 times field over reference_field. That is an assumption of whoever gives
        them, and stands in the answer: no paper says how E drives this model.
    metaplasticity : bool
        Whether the conductance g moves; without, everything strengthens.
    start_s : float
        When the first onset of 0 s comes.
    times_s : array_like (n,), optional
        Ascending times to give the courses at; every second to 900 s if not given.
    tables : PublishedTables, optional
        With constants of one's own in the section `plasticity`, from `hf.read_tables`.

    Returns
    -------
    CalciumResponse

    Raises
    ------
    DoseError
        A protocol of more than one session, onsets that overlap or do not ascend, more than 100,000 pulses;
        damaged constants.
    ArgumentError
        An amplitude, a field or times that can't be; times that end before the last pulse.
    MissingPackageError
        SciPy is missing.

    Notes
    -----
    Paper: after Shouval, and Fung and Robinson, with the constants of NFTsim. Unit: strength of synapses
    relative to the start. Validated on: signs alone. It does not say anything of motor evoked potentials, of
    single persons or of courses.

    Examples
    --------
    >>> import headfield as hf
    >>> burst = hf.dose.calcium_plasticity([0.0, 0.02, 0.04], times_s=[0.0, 10.1, 60.0])
    >>> burst.strength.round(5).tolist(), burst.pulses
    ([1.0, 1.0, 1.00012], 3)
    """
    constants = constants_of(tables, "calcium")
    strength, assumption = _amplitude(constants, amplitude, field, reference_field)
    start = not_negative(start_s, "start_s", ArgumentError)
    onsets = start + _onsets(session, float(constants["pulse_s"]))
    times = _times(np.arange(901.0) if times_s is None else times_s, onsets, float(constants["pulse_s"]))
    if not isinstance(metaplasticity, bool):
        raise ArgumentError(f"metaplasticity must be True or False, not {metaplasticity!r}")
    states = courses(constants, onsets, strength, times, metaplasticity=metaplasticity)
    return CalciumResponse(
        times,
        states[:, STRENGTH] / constants["coupling_v_s"],
        states[:, TARGET] / constants["coupling_v_s"],
        states[:, CALCIUM],
        states[:, CONDUCTANCE],
        start,
        amplitude_per_s=strength,
        pulses=len(onsets),
        metaplasticity=metaplasticity,
        assumption=assumption,
        source=constants["source"],
    )


def _amplitude(constants: Any, amplitude: Any, field: Any, reference: Any) -> tuple[float, str]:
    """Return the drive during a pulse, and how E came in."""
    own = float(constants["amplitude_per_s"])
    if field is None and reference is None:
        given = own if amplitude is None else amplitude
        return within(given, "amplitude", ArgumentError, 0.0, _LARGEST_AMPLITUDE), _NO_FIELD
    if field is None or reference is None or amplitude is not None:
        raise ArgumentError("give field and reference_field together, and no amplitude, or neither of them")
    e = not_negative(field, "field", ArgumentError)
    e_ref = positive(reference, "reference_field", ArgumentError)
    found = within(own * e / e_ref, "5.8 field / reference_field", ArgumentError, 0.0, _LARGEST_AMPLITUDE)
    return found, (
        f"an assumption of whoever called, of no paper: amplitude = {own:g} · E/E_ref with E = {e:g} V/m and "
        f"E_ref = {e_ref:g} V/m"
    )


def _onsets(session: Protocol | ArrayLike, width_s: float) -> Floats:
    """Return onsets of one session from 0 s on, or raise."""
    if isinstance(session, Protocol):
        longer = [level.name for level in session.levels if level.name in ("session", "day", "week")]
        if longer:
            raise DoseError(
                f"protocol {session.name!r} has {longer[0]}s: the calcium model is of one session; "
                "no validated model over weeks exists"
            )
        if session.n_pulses > _MOST_PULSES:
            raise DoseError(f"{session.n_pulses:,} pulses: the calcium model takes at most {_MOST_PULSES:,}")
        onsets = session.onsets_s()
    else:
        onsets = finite_array(session, "onsets", DoseError)
    if onsets.ndim != 1 or len(onsets) > _MOST_PULSES:
        raise DoseError(f"onsets must be at most {_MOST_PULSES:,} in a row, not of the shape {onsets.shape}")
    apart = np.diff(onsets)
    if len(onsets) and onsets[0] < 0.0:
        raise DoseError(f"onsets begin at {onsets[0]:g} s, before 0")
    if len(apart) and apart.min() < width_s:
        i = int(apart.argmin())
        raise DoseError(
            f"pulses {i} and {i + 1} begin {apart[i]:g} s apart and overlap: one lasts {width_s:g} s here"
        )
    return onsets


def _times(given: ArrayLike, onsets: Floats, width_s: float) -> Floats:
    """Return times to sample at, which reach beyond the last pulse, or raise."""
    times = finite_array(given, "times_s", ArgumentError)
    if times.ndim != 1 or not len(times) or (np.diff(times) <= 0).any() or times[0] < 0.0:
        raise ArgumentError("times_s must be ascending numbers, 0 or more")
    if len(onsets) and times[-1] < onsets[-1] + width_s:
        raise ArgumentError(
            f"times_s end at {times[-1]:g} s, before the last of {len(onsets)} pulses at {onsets[-1]:g} s"
        )
    return times
