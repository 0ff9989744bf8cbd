# SPDX-License-Identifier: BSD-3-Clause
"""The few numbers that are said of a frame."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from ..fields.field import Field

__all__ = ["error_of", "strength"]


def strength(field: Field, weights: ArrayLike) -> tuple[float, float]:
    """Return the largest |E| of a frame, and its mean by the weights of the region (p,), V/m.

    Places where |E| is not finite are left out; both are nan if it is nowhere.
    """
    magnitude = np.asarray(field.magnitude)[0]
    known = np.isfinite(magnitude)
    total = float(np.asarray(weights)[known].sum())
    if not total > 0.0:
        return math.nan, math.nan
    mean = float(magnitude[known].astype(np.float64) @ np.asarray(weights)[known]) / total
    return float(magnitude[known].max()), mean


def error_of(field: Field) -> float | None:
    """Return the estimated error of E of a frame, relative L2 over the region; None if there is no estimate.

    It is that of the basis that the field was made of, else that of the elements.
    """
    for name in ("basis_error", "discretisation_error"):
        found = getattr(field.report, name, None)
        if found is not None:
            error = float(np.ravel(found)[0])
            return error if math.isfinite(error) else None
    return None
