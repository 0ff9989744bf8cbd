# SPDX-License-Identifier: BSD-3-Clause
"""One factor for a person, so that at the motor threshold M1 is at the thresholds of neurons."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ...core.arguments import is_whole, within
from ...core.messages import doubt
from ...errors import ArgumentError, DoseError
from ...fields.field import Field
from ...metrics import mean, percentiles
from ...regions.region import Region
from .activation import compared
from .constant import threshold_of
from .given import given_field, given_weights

__all__ = ["factor_from_motor_threshold"]

_USUAL = (1.2, 5.0)  # beyond, something else than a motor threshold is likely


def factor_from_motor_threshold(
    field: Field | ArrayLike,
    threshold: Any,
    *,
    measure: str | float,
    rule: str | None = None,
    region: Region | None = None,
    normals: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    normal: str = "outward",
    change: ArrayLike | None = None,
) -> float:
    """Find the number to divide thresholds by, so that M1 at the resting motor threshold is at threshold.

    Thresholds of simulated neurons are far above the macroscopic fields at which muscles respond. One factor
    for a person makes up for it; it is 2 to 3 in practice (second hand; microscopic distortion of the field
    explains that one factor does: Weise 2025, doi 10.1016/j.brs.2025.02.007). Whether the factor of M1 holds
    elsewhere in the cortex is not known.

    Parameters
    ----------
    field : Field, or array_like (P, 3) or (1, P, 3)
        E in M1 of one pose, V/m, at the dI/dt of the resting motor threshold and of the pulse that it was
        found with.
    threshold, rule, region, normals, weights, normal, change
        As for `activation`.
    measure : {"largest", "mean"} or float
        What of E/T has to be 1 in the region: the largest, the mean by weight, or a percentile, 0 to 100.
        There is no default: the factor depends on it.

    Returns
    -------
    float

    Raises
    ------
    DoseError
        As for `activation`; E of more than one pose, or without strength.
    ArgumentError
        Another measure.

    Warns
    -----
    PlausibilityWarning
        A percentile between 0 and 1: the 95th is 95, not 0.95. A factor below 1.2 or above 5, but for
        the cosine rule.

    Examples
    --------
    60 V/m at the hottest point of M1 at the motor threshold, along the normal:

    >>> from headfield import dose
    >>> E, form = [[0, 0, 60.0], [0, 0, 40.0]], dose.threshold_form("L5_PC", "monophasic")
    >>> factor = dose.factor_from_motor_threshold(E, form, measure="largest", normals=[0, 0, 1])
    >>> round(factor, 3)
    4.005
    >>> print(dose.activation(E, form, normals=[0, 0, 1], factor=factor).ratio)
    [[1.        0.6666667]]
    """
    E, region = given_field(field, region)
    if len(E) != 1:
        raise DoseError(f"E of {len(E)} poses: a motor threshold is that of one pose")
    limits = threshold_of(threshold, rule)
    w, _ = given_weights(weights, region, E.shape[1])
    (one,) = compared(E, limits, region, normals, normal, change)
    if np.isnan(one.threshold).any():
        raise DoseError(
            f"{int(np.isnan(one.threshold).sum()):,} points of the region lie outside of {limits!r}, or have "
            "no relative change (Columns.missed)"
        )
    reached = _measured(one.strength / one.threshold, w, measure)
    if not reached > 0:
        raise DoseError(f"the {measure} of E/T in the region is {reached:g}: there is no factor")
    factor = 1.0 / reached
    if rule != "cosine" and not _USUAL[0] <= factor <= _USUAL[1]:  # realistic neurons don't follow that rule
        doubt(
            f"a factor of {factor:.3g} by the {measure} of E/T: in practice it is 2 to 3; is E that of the "
            "motor threshold, and the region M1?"
        )
    return factor


def _measured(ratio: np.ndarray, weights: np.ndarray, measure: Any) -> float:
    if measure == "largest":
        return float(ratio[weights > 0].max())
    if measure == "mean":
        return float(mean(ratio, weights))
    if isinstance(measure, (float, np.floating)) or is_whole(measure):
        percent = within(measure, "measure", ArgumentError, 0.0, 100.0)
        if 0.0 < percent < 1.0:
            doubt(f"measure = {percent:g} is less than one in a hundred: percentiles go from 0 to 100")
        return float(percentiles(ratio, weights, percent))
    raise ArgumentError(f"measure must be 'largest', 'mean' or a percentile, not {measure!r}")
