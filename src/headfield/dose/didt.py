# SPDX-License-Identifier: BSD-3-Clause
"""dI/dt and shares of the output of a stimulator as callers give them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..coils.plausible import DIDT
from ..core.arguments import positive
from ..core.messages import doubt
from ..core.quantities import rates
from ..errors import ArgumentError, DoseError

__all__ = ["MOST_DIDT", "as_given", "checked_mso", "doubt_share", "doubt_slow", "given_didt"]

MOST_DIDT = 1e12  # A/s, ten thousand times what stimulators reach


def given_didt(value: Any, name: str) -> float:
    """Return one dI/dt above 0, A/s, that was given as a number of A/s or as text with a unit.

    Raises
    ------
    ArgumentError
        A text that is no dI/dt.
    DoseError
        0 or less, not finite, above 1e12 A/s, or a percentage: of what is not known here.

    Warns
    -----
    PlausibilityWarning
        Below 1e4 A/s, where A/µs may have been meant.

    Examples
    --------
    >>> given_didt("147.86 A/µs", "didt_max"), given_didt(2e8, "didt_max")
    (147860000.0, 200000000.0)
    """
    if isinstance(value, str):
        try:
            found = rates(value)
        except ArgumentError as problem:
            raise ArgumentError(f"{name}: {problem}") from None
        if len(found) != 1 or found[0].of_maximum:
            raise DoseError(f"{name} = {value!r} must be one dI/dt, such as 160e6 (A/s) or '160 A/µs'")
        value = found[0].value
    didt = positive(value, name, DoseError)
    if didt > MOST_DIDT:
        raise DoseError(f"{name} of {didt:g} A/s is above {MOST_DIDT:g}, which no stimulator reaches")
    doubt_slow(didt, name)
    return didt


def doubt_slow(didt: float, name: str) -> None:
    """Warn of a largest dI/dt, A/s, below 1e4, where A/µs may have been meant; 0 is no doubt.

    Examples
    --------
    >>> doubt_slow(90e6, "didt")
    """
    if 0.0 < didt < DIDT[0]:
        doubt(f"{name} of {didt:g} A/s: if A/µs was meant, it is '{didt:g} A/µs'")


def doubt_share(percent: float, name: str) -> None:
    """Warn of a largest percentage that is less than one in a hundred, and likely a share; 0 is no doubt.

    Examples
    --------
    >>> doubt_share(60, "mso")
    """
    if 0.0 < percent < 1.0:
        doubt(f"{name} = {percent:g} is less than 1 %: 60 % is 60, not 0.6")


def checked_mso(mso: float, what: str) -> float:
    """Return a percentage of the maximum stimulator output that is above 0 and at most 100.

    Raises
    ------
    DoseError
        It is not; above 100 the message says by how much.

    Examples
    --------
    >>> checked_mso(112.5, "that pulse")
    Traceback (most recent call last):
    ...
    headfield.errors.DoseError: that pulse takes 112.5 %MSO, 12.5 more than the stimulator has
    """
    mso = positive(mso, f"%MSO of {what}", DoseError)
    if mso > 100.0:
        raise DoseError(f"{what} takes {mso:.4g} %MSO, {mso - 100.0:.3g} more than the stimulator has")
    return mso


def as_given(values: NDArray[np.float64]) -> Any:
    """Return an array as it is, and a number for an array that is one: what was given as a number.

    Examples
    --------
    >>> as_given(np.array(3.0)), as_given(np.array([3.0]))
    (3.0, array([3.]))
    """
    return values if values.ndim else values.item()
