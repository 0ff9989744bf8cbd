# SPDX-License-Identifier: BSD-3-Clause
"""dI/dt of a coil at k poses: checked, brought to one shape, and looked at for what is hardly meant."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...coils.coil import Coil
from ...coils.plausible import DIDT
from ...core.arguments import finite_array
from ...core.messages import doubt, plural, warn
from ...core.quantities import Rate, rates
from ...errors import ArgumentError
from ...poses.pose_list import PoseList

__all__ = ["checked_didt", "didt_of", "rates_of"]

_MOST_DIDT = 1e12  # A/s, ten thousand times what stimulators reach
_LOW, _HIGH = DIDT


def checked_didt(didt: ArrayLike, k: int, coil: Coil) -> NDArray[np.float64]:
    """Return dI/dt of each pose: (k,), or (k, s) of a coil with s > 1 stimulators, A/s.

    Raises
    ------
    ArgumentError
        Not finite, another shape, above 1e12 A/s, or a text that `headfield.core.quantities.rates` refuses.

    Warns
    -----
    UserWarning
        More than the coil reaches.
    PlausibilityWarning
        0 for some poses, below 1e4 or above 1e9 A/s.

    Examples
    --------
    >>> from headfield import figure_of_eight
    >>> checked_didt("50 A/µs", 2, figure_of_eight())
    array([50000000., 50000000.])
    """
    one = isinstance(didt, float) and coil.n_stimulators == 1
    if one and _LOW <= abs(didt) <= (coil.stimulators[0].didt_max or _HIGH):  # type: ignore[arg-type]
        return np.full(k, didt)  # loops pass a number: no arrays to check it
    if isinstance(didt, str):
        try:
            didt = rates_of(rates(didt), coil)
        except ArgumentError as problem:
            raise ArgumentError(f"didt: {problem}") from None
    values = finite_array(didt, "didt", ArgumentError)
    largest = float(np.abs(values).max(initial=0.0))
    if largest > _MOST_DIDT:
        raise ArgumentError(f"didt of {largest:g} A/s is above {_MOST_DIDT:g}, which no coil reaches")
    s = coil.n_stimulators
    if s > 1:
        if values.ndim != 2 or values.shape[0] not in (1, k) or values.shape[1] != s:
            raise ArgumentError(
                f"the coil has {s} stimulators: give didt of the shape ({k}, {s}), a row per pose, or one "
                f"row for all, not {values.shape}"
            )
        _look_at(values, k, coil)
        return np.broadcast_to(values, (k, s)).copy()
    if (values.ndim > 1 and values.shape not in ((k, 1), (1, 1))) or values.size not in (1, k):
        raise ArgumentError(f"didt has shape {values.shape}; it must be a scalar or ({k},), one per pose")
    _look_at(values.reshape(-1, 1), k, coil)
    return np.full(k, values.item()) if values.size == 1 else values.reshape(k)


def rates_of(given: Sequence[Rate], coil: Coil) -> Any:
    """Return dI/dt that was written as text as what `solve` takes: a number, or a row of one per stimulator.

    Raises
    ------
    ArgumentError
        A percentage of the most that the coil reaches, which is not known; or too many or too few values.

    Examples
    --------
    >>> from headfield import figure_of_eight
    >>> rates_of(rates("60%MSO"), figure_of_eight(didt_max=150e6))
    90000000.0
    """
    if len(given) != coil.n_stimulators:
        raise ArgumentError(
            f"{plural(len(given), 'value', 'values')} of dI/dt, but {coil!r} has "
            f"{plural(coil.n_stimulators, 'stimulator', 'stimulators')}: one for each, with commas between"
        )
    row = []
    for i, rate in enumerate(given):
        most = coil.stimulators[i].didt_max
        if rate.of_maximum and most is None:
            raise ArgumentError(
                f"dI/dt of {100 * rate.value:g} % of the maximum stimulator output: {coil!r} does not say "
                "how much that is; give A/s or A/µs, or make the coil with didt_max="
            )
        row.append(rate.value * most if rate.of_maximum and most is not None else rate.value)
    return row[0] if len(row) == 1 else [row]


def didt_of(given: Sequence[Rate] | None, listed: PoseList, coil: Coil, path: str) -> Any:
    """Return dI/dt of each pose: from the command line, else from the file of poses, else 1 A/µs.

    Parameters
    ----------
    given : sequence of Rate, optional
        What `--didt` says.
    listed : PoseList
    coil : Coil
    path : str
        The file of poses, for messages.

    Raises
    ------
    ArgumentError
        The file has one dI/dt a pose and the coil several stimulators; or see `rates_of`.
    """
    if given is not None:
        return rates_of(given, coil)
    if listed.didt is not None:
        if coil.n_stimulators > 1:
            raise ArgumentError(
                f"{path} has one dI/dt a pose, but {coil!r} has {coil.n_stimulators} stimulators: give "
                f"one for each, such as --didt {','.join(['1e6'] * coil.n_stimulators)}"
            )
        return listed.didt
    return 1e6 if coil.n_stimulators == 1 else [[1e6] * coil.n_stimulators]


def _look_at(didt: NDArray[np.float64], k: int, coil: Coil) -> None:
    """Warn of dI/dt (1 or k, s) that is 0, too small, too large, or more than the coil reaches."""
    size = np.abs(didt)
    for column, stimulator in zip(size.T, coil.stimulators, strict=True):
        largest, most = float(column.max()), stimulator.didt_max
        if most is not None and largest > 1.01 * most:
            warn(f"dI/dt of {largest:g} A/s is more than the {most:g} A/s this coil reaches")
        elif most is None and largest > _HIGH:
            doubt(
                f"dI/dt of {largest:g} A/s is {largest * 1e-6:g} A/µs, above the {_HIGH * 1e-6:g} A/µs that "
                "stimulators reach"
            )
    off = int((size.max(axis=1) == 0.0).sum()) * (k // len(size))
    if off:
        doubt(
            f"dI/dt is 0 for {off} of {k} poses, and so is E there; give dI/dt (--didt, or didt=) where "
            "the 0 of a file was not meant, as of a session without a stimulator"
        )
    low = size[(size > 0.0) & (size < _LOW)]
    if len(low):
        x = float(low.max())
        meant = f"{x:g}e6" if x >= 0.1 else f"{1e6 * x:g}"
        doubt(
            f"dI/dt of {x:g} A/s: A/µs would be {meant} (coils are driven with 1e4 to 1e9 A/s; --didt "
            f"{x:g}A/us says the unit)"
        )
