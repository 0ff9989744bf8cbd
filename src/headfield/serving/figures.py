# SPDX-License-Identifier: BSD-3-Clause
"""The few numbers that are said of a frame, the same ones by whatever it goes out."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from ..fields.field import Field

__all__ = ["error_of", "strength"]


def strength(field: Field, weights: NDArray[np.float64]) -> tuple[float, float]:
    """Return the largest |E| of a frame, and its mean by the weights of the region (p,), V/m.

    Places where |E| is not finite are left out; both are nan if it is nowhere.
    """
    magnitude = np.asarray(field.magnitude)[0]
    known = np.isfinite(magnitude)
    if not known.all():
        magnitude, weights = magnitude[known], weights[known]
    total = float(weights.sum())
    if not total > 0.0:
        return math.nan, math.nan
    return float(magnitude.max()), float(magnitude.astype(np.float64) @ weights) / total


def error_of(field: Field) -> float | None:
    """Return the estimated error of E of a frame, relative L2 over the region; None if there is no estimate.

    It is the error against a full solve of the same model, which only frames from a basis have.
    """
    found = getattr(field.report, "basis_error", None)
    if found is None:
        return None
    error = float(np.ravel(found)[0])
    return error if math.isfinite(error) else None
