# SPDX-License-Identifier: BSD-3-Clause
"""dI/dt and percentages of the maximum stimulator output (%MSO), by coil and stimulator.

They are proportional: dI/dt = p/100 · dI/dt at 100 %, which belongs to a pair of a coil and a stimulator
and is what `didt_max` of a coil holds. The figure in A/µs that some stimulators show is another one (151
where the coil file says 147.86), and is not used. Stimulators for fast trains may not give 100 % at high
rates.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..coils.parts import CoilContent, Stimulator
from ..core.arguments import finite_array, whole
from ..core.quantities import rates
from ..errors import ArgumentError, DoseError
from .didt import as_given, doubt_share, doubt_slow, given_didt
from .pulses.pulse import Pulse

__all__ = ["didt_at_full_output", "didt_of_mso", "mso_of_didt"]

Driver = CoilContent | Stimulator | Pulse | float | str

_ROUNDING = 1e-9  # of 100 %: 100 of a percentage that was computed from dI/dt, and so on


def didt_at_full_output(coil: Driver, stimulator: int = 0) -> float:
    """Return dI/dt at 100 %MSO, A/s.

    Parameters
    ----------
    coil : Coil, Stimulator, Pulse, float or str
        What knows it; or dI/dt at 100 % itself, A/s or text with a unit, such as "147.86 A/µs".
    stimulator : int
        Which of a coil's stimulators, counted from 0.

    Raises
    ------
    ArgumentError
        A text that is no dI/dt.
    DoseError
        It is not known, or not possible; there is no such stimulator.

    Examples
    --------
    >>> import headfield as hf
    >>> didt_at_full_output(hf.figure_of_eight(didt_max=150e6))
    150000000.0
    """
    if isinstance(coil, CoilContent):
        driver = coil.stimulators[whole(stimulator, "stimulator", DoseError, coil.n_stimulators - 1, 0)]
        most = driver.didt_max
    elif isinstance(coil, Stimulator):
        most = coil.didt_max
    elif isinstance(coil, Pulse):
        most = None if coil.normalised else coil.didt_peak
    else:
        return given_didt(coil, "dI/dt at 100 %MSO")
    if most is None:
        raise DoseError(
            f"{coil!r} does not say its dI/dt at 100 %MSO: give it, A/s, or make it with didt_max="
        )
    return most


def didt_of_mso(mso: ArrayLike, coil: Driver, stimulator: int = 0) -> Any:
    """Return dI/dt, A/s, at a percentage of the maximum stimulator output.

    Parameters
    ----------
    mso : array_like
        %, 0 to 100.
    coil, stimulator
        See `didt_at_full_output`.

    Returns
    -------
    float, or ndarray of the shape of `mso`, A/s

    Raises
    ------
    ArgumentError, DoseError
        See `didt_at_full_output`; or percentages that are not finite, below 0, or above 100: the message says
        by how much.

    Warns
    -----
    PlausibilityWarning
        All are below 1 %: shares may have been meant, but 60 % is 60.

    Examples
    --------
    >>> print(1e-6 * didt_of_mso(60, "147.86 A/µs"))
    88.716
    """
    percent = _within(finite_array(mso, "mso", DoseError))
    doubt_share(float(percent.max(initial=0.0)), "mso")
    return as_given(percent / 100.0 * didt_at_full_output(coil, stimulator))


def mso_of_didt(didt: ArrayLike | str, coil: Driver, stimulator: int = 0) -> Any:
    """Return the percentage of the maximum stimulator output that a dI/dt takes.

    Parameters
    ----------
    didt : array_like or str
        A/s, or text with a unit: "90 A/µs". Of a negative one, a current the other way, the size counts.
    coil, stimulator
        See `didt_at_full_output`.

    Returns
    -------
    float, or ndarray of the shape of `didt`, %

    Raises
    ------
    ArgumentError, DoseError
        See `didt_of_mso`.

    Warns
    -----
    PlausibilityWarning
        Numbers that are all below 1e4 A/s, where A/µs may have been meant.

    Examples
    --------
    >>> round(mso_of_didt("90 A/µs", 150e6), 9)
    60.0
    >>> mso_of_didt("160 A/µs", "150 A/µs")
    Traceback (most recent call last):
    ...
    headfield.errors.DoseError: 106.7 %MSO is 6.67 more than the stimulator has
    """
    most = didt_at_full_output(coil, stimulator)
    if isinstance(didt, str):
        try:
            found = rates(didt)
        except ArgumentError as problem:
            raise ArgumentError(f"didt: {problem}") from None
        values = [one.value * (most if one.of_maximum else 1.0) for one in found]
        sizes = np.abs(values if len(values) > 1 else values[0])
    else:
        sizes = np.abs(finite_array(didt, "didt", DoseError))
        doubt_slow(float(sizes.max(initial=0.0)), "didt")
    return as_given(_within(np.asarray(sizes / most * 100.0)))


def _within(percent: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return percentages from 0 to 100; raise DoseError for others."""
    if (percent < 0.0).any():
        raise DoseError(f"{percent.min():g} %MSO is below 0; turn the coil, or reverse the pulse")
    largest = float(percent.max(initial=0.0))
    if largest > 100.0 * (1.0 + _ROUNDING):
        raise DoseError(f"{largest:.4g} %MSO is {largest - 100.0:.3g} more than the stimulator has")
    return np.minimum(percent, 100.0)
