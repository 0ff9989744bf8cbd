# SPDX-License-Identifier: BSD-3-Clause
"""How thresholds go with the duration of a stimulus: laws of Lapicque and Weiss, measured time constants."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...core.arguments import finite_array, positive
from ...errors import DoseError
from ...io.published import PublishedTables
from ..didt import as_given
from ..published_entries import entry_of
from .membrane import checked_tau

__all__ = ["chronaxie_s", "lapicque", "time_constant_s", "weiss"]

Floats = NDArray[np.float64]

_WIDTH_S = (1e-9, 1e3)


def lapicque(width_s: ArrayLike, rheobase: float, tau_s: float) -> Any:
    """Return the threshold of a rectangle, E_rh / (1 − e^{−w/τ}).

    It is that of a membrane that is a low pass of first order (Lapicque 1907), and so what
    `Pulse.depolarisation` gives for a rectangle. It was found for currents of electrodes at nerves; that it
    holds for the field of a coil at cortex is an assumption, and it says nothing of subjects or directions.

    Parameters
    ----------
    width_s : array_like
        Of the rectangle of E, s.
    rheobase : float
        The threshold of an endless one, in any unit: V/m, or 1 for multiples.
    tau_s : float
        τ, s.

    Returns
    -------
    float, or ndarray of the shape of `width_s`, in the unit of `rheobase`

    Raises
    ------
    DoseError
        Not positive, or not finite.

    Examples
    --------
    >>> lapicque([30e-6, 60e-6, 120e-6], 1.0, 200e-6).round(4).tolist()
    [7.1792, 3.8583, 2.2164]
    """
    return as_given(
        -positive(rheobase, "rheobase", DoseError) / np.expm1(-_widths(width_s) / checked_tau(tau_s))
    )


def weiss(width_s: ArrayLike, rheobase: float, tau_s: float) -> Any:
    """Return the threshold of a rectangle by Weiss's law, E_rh (1 + τ/w), where τ is the chronaxie itself.

    An empirical law of charge (Weiss 1901) for electrodes at nerves; takes, returns and raises what
    `lapicque` does, and the same is to be said of it.

    Examples
    --------
    >>> weiss(200e-6, 60.0, 200e-6)
    120.0
    """
    return as_given(positive(rheobase, "rheobase", DoseError) * (1.0 + checked_tau(tau_s) / _widths(width_s)))


def chronaxie_s(tau_s: float) -> float:
    """Return the width of twice the rheobase by Lapicque's law, τ ln 2, s; raises as `lapicque` does.

    Examples
    --------
    >>> round(1e6 * chronaxie_s(200e-6), 2)
    138.63
    """
    return checked_tau(tau_s) * math.log(2.0)


def time_constant_s(name: str = "start", tables: PublishedTables | None = None) -> float:
    """Return a published time constant of membranes, s.

    Those that were measured differ by as much as a half from subject to subject: `std_us` of the entry.
    Of an entry that is from memory, and was not compared with its source, a warning says so.

    Parameters
    ----------
    name : str
        "motor_pa", "motor_ap" (motor cortex, by the direction of the current) or "ulnar_nerve", of D'Ostilio
        2016; "start", where the procedure of Peterchev 2013 starts; "customary_low" and "customary_high".
    tables : PublishedTables, optional
        In place of the tables that come with headfield; see `headfield.read_tables`.

    Raises
    ------
    DoseError
        There is no such entry.

    Examples
    --------
    >>> round(1e6 * time_constant_s("motor_pa"), 1)
    230.9
    """
    return checked_tau(1e-6 * entry_of("strength_duration", name, tables, "tau_us")["tau_us"])


def _widths(width_s: ArrayLike) -> Floats:
    widths = finite_array(width_s, "width_s", DoseError)
    if not ((widths >= _WIDTH_S[0]) & (widths <= _WIDTH_S[1])).all():
        wrong = widths.min() if widths.min() < _WIDTH_S[0] else widths.max()
        raise DoseError(f"width_s must lie between {_WIDTH_S[0]:g} and {_WIDTH_S[1]:g} s, not {wrong:g}")
    return widths
