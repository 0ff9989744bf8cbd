# SPDX-License-Identifier: BSD-3-Clause
"""Values and derivatives that measures give, checked: a function of a user may return anything."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core.device import on_host
from ..errors import MeasureError
from .measure import Measure

__all__ = ["constant_of", "derivatives_of", "values_of"]

_ROUNDING = 1e-6  # of a sum of float32


def values_of(measure: Measure, field: Any, first: int = 0, what: str = "pose") -> Any:
    """Return the values (k,) of fields E (k, p, 3); messages count them from `first` on, each a `what`.

    Raises
    ------
    MeasureError
        Another shape, or a value that is not finite.
    """
    return _checked(measure, "values", field, (len(field),), first, what)


def derivatives_of(measure: Measure, field: Any, first: int = 0, what: str = "pose") -> Any:
    """Return the derivatives (k, p, 3) with respect to E; raises as `values_of` does."""
    return _checked(measure, "derivatives", field, tuple(field.shape), first, what)


def constant_of(measure: Measure, slopes: Any) -> float:
    """Return what a linear measure is where E is 0, from its derivatives (1, p, 3).

    Raises
    ------
    MeasureError
        It says that it is linear, but for some E it is not that and the sum of E times its derivatives.
    """
    probe = np.random.default_rng(0).normal(size=slopes.shape)
    expected, size = float((slopes * probe).sum()), float(np.abs(slopes * probe).sum())
    constant = float(values_of(measure, np.zeros(slopes.shape))[0])
    change = float(values_of(measure, probe.copy())[0]) - constant
    if abs(change - expected) > _ROUNDING * (size + abs(constant)):
        raise MeasureError(
            f"{measure!r} says it is linear, but for some E it changes by {change:g} from E = 0, where the "
            f"sum of E times its derivatives is {expected:g}"
        )
    return constant


def _checked(measure: Measure, name: str, field: Any, shape: tuple[int, ...], first: int, what: str) -> Any:
    try:
        rows = np.asarray(on_host(getattr(measure, name)(field)))
    except MeasureError as problem:
        if not first and what == "pose":
            raise
        raise MeasureError(f"of {what}s from {first} on, the first being pose 0 here: {problem}") from None
    if rows.shape != shape or rows.dtype.kind not in "fiu":
        raise MeasureError(
            f"{name} of {measure!r} must be numbers of shape {shape}, not {rows.dtype} of {rows.shape}"
        )
    bad = np.flatnonzero(~np.isfinite(rows.reshape(len(rows), -1)).all(axis=1))
    if len(bad):
        raise MeasureError(f"{name} of {measure!r} are not finite at {what} {first + bad[0]}")
    return rows.astype(np.float64, copy=False)
