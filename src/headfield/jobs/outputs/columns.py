# SPDX-License-Identifier: BSD-3-Clause
"""The numbers of a pose, by name and unit: what `headfield.metrics` says of |E| in a region and a target."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...core.device import beside
from ...fields.write import magnitudes
from ...metrics import component, mean, peak, percentiles
from ...metrics.sums import total
from ...regions.region import Region

__all__ = ["REPORTED", "column_names", "is_ranked", "numbers_of", "smallest_is_best"]

#: What the report of a solve says of a pose, with the dtypes of the columns.
REPORTED = {
    "converged": np.dtype(bool),
    "iterations": np.dtype(np.int32),
    "residual": np.dtype(np.float64),
    "discretisation_error": np.dtype(np.float64),
}
_PEAK_PERCENT = 99.9  # of |E|: the percentile that is called its peak
_FRACTIONS = (0.5, 0.75)  # of the peak: what lies above is counted

_PEAK, _LARGEST, _MEAN = "peak_magnE_V_per_m", "max_magnE_V_per_m", "mean_magnE_V_per_m"
_PLACE = ("max_x_mm", "max_y_mm", "max_z_mm")
_OF_TARGET = "target_mean_magnE_V_per_m", "target_max_magnE_V_per_m"
_AT_POINT, _NORMAL = "target_point_magnE_V_per_m", "target_mean_normal_E_V_per_m"
_UNITS = {"mm³": "mm3", "mm²": "mm2", "points": "points"}

_LESS_IS_BETTER = ("focality", "iterations", "residual", "discretisation_error")  # beginnings of names


def column_names(
    region: Region, target: Region | None, nearest: int | None, percents: Sequence[float]
) -> tuple[str, ...]:
    """Name the columns of a table, in order.

    Examples
    --------
    >>> from headfield import phantom_head, regions
    >>> gray = regions.tissue(phantom_head(edge_mm=8), 2)
    >>> column_names(gray, None, None, [50, 99.9])[9:]
    ('mean_magnE_V_per_m', 'p50_magnE_V_per_m', 'p99.9_magnE_V_per_m', 'focality_50_mm3', 'focality_75_mm3')
    """
    names = [*REPORTED, _PEAK, _LARGEST, *_PLACE, _MEAN, *map(_of_percent, percents)]
    names += [_focality(fraction, region) for fraction in _FRACTIONS]
    if target is not None:
        names += _OF_TARGET
        names += [] if nearest is None else [_AT_POINT]
        names += [] if target.normals is None else [_NORMAL]
    return tuple(names)


def numbers_of(
    region: Region,
    strength: Any,
    percents: Sequence[float],
    target: tuple[Region, Any, int | None] | None = None,
) -> dict[str, Any]:
    """Compute the numbers of some poses that converged, each (k,), where their field lies.

    Parameters
    ----------
    region : Region
    strength : ndarray or CuPy array (k, e) float32
        |E| in the region, V/m.
    percents : sequence of float
    target : (Region, E (k, t, 3), nearest), optional
        The target, E in it, and which of its places is nearest to the point that it is around, or None.
    """
    weights = region.weights
    found = percentiles(strength, weights, [_PEAK_PERCENT, *percents])
    largest = peak(strength, region.centres_mm)
    made = {_PEAK: found[0], _LARGEST: largest.value, _MEAN: mean(strength, weights)}
    made |= {name: largest.place_mm[:, d] for d, name in enumerate(_PLACE)}
    made |= {_of_percent(percent): found[i + 1] for i, percent in enumerate(percents)}
    for fraction in _FRACTIONS:  # as `headfield.metrics.focality`, which would look for the peak each time
        above = strength.astype(np.float64, order="C") >= fraction * found[0][:, None]
        volume = total(above * beside(strength, weights))
        made[_focality(fraction, region)] = np.where(found[0] > 0, volume, np.nan)
    return made if target is None else made | _of_target(*target)


def _of_target(target: Region, E: Any, nearest: int | None) -> dict[str, Any]:
    strength = magnitudes(E)
    made = {_OF_TARGET[0]: mean(strength, target.weights), _OF_TARGET[1]: strength.max(axis=-1)}
    if nearest is not None:
        made[_AT_POINT] = strength[:, nearest]
    if target.normals is not None:
        made[_NORMAL] = mean(component(E, target.normals), target.weights)
    return made


def is_ranked(name: str) -> bool:
    """Tell whether poses can be better or worse by a number, which they can't by the place of the maximum."""
    return name not in ("converged", *_PLACE)


def smallest_is_best(name: str) -> bool:
    """Tell whether less of a number is better: of volumes above a level, of errors and of iterations.

    Examples
    --------
    >>> smallest_is_best("focality_50_mm3"), smallest_is_best("target_mean_magnE_V_per_m")
    (True, False)
    """
    return name.startswith(_LESS_IS_BETTER)


def _of_percent(percent: float) -> str:
    return f"p{percent:.10g}_magnE_V_per_m"


def _focality(fraction: float, region: Region) -> str:
    return f"focality_{100 * fraction:.0f}_{_UNITS[region.unit]}"
