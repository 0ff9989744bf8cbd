# SPDX-License-Identifier: BSD-3-Clause
"""Measure how strong a field is: percentiles, peak, means."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from ..core.arguments import finite_array, not_negative
from ..core.device import beside, on_host
from ..core.docs import fill_doc
from ..errors import ArgumentError
from .arguments import centres, magnitudes, percents_of, weighted
from .sums import average, levels

__all__ = ["Peak", "mean", "peak", "percentiles", "roi_mean"]


class Peak(NamedTuple):
    """The largest value, its element and the place of that element (mm)."""

    value: np.ndarray
    element: np.ndarray
    place_mm: np.ndarray


@fill_doc
def percentiles(magnitude: ArrayLike, weights: ArrayLike, percents: ArrayLike) -> np.ndarray:
    """Compute weighted percentiles, each the smallest value that this share of the weight does not exceed.

    Parameters
    ----------
    %(magnitude)s
    %(weights)s
    percents : array_like () or (q,)
        0 to 100.

    Returns
    -------
    ndarray, shape of `percents` followed by () or (k,)
        V/m.

    Raises
    ------
    ArgumentError
        Shapes that do not fit, values that are not finite, weights that are negative or all zero, percents
        out of range.

    Examples
    --------
    >>> percentiles([1.0, 2.0, 10.0], [1.0, 1.0, 98.0], [1, 50])
    array([ 1., 10.])
    """
    values, w = weighted(magnitude, weights)
    return levels(values, w, percents_of(percents))


@fill_doc
def peak(magnitude: ArrayLike, centres_mm: ArrayLike) -> Peak:
    """Find the largest |E| and its place; of several elements with that value, the first counts.

    Parameters
    ----------
    %(magnitude)s
    %(centres_mm)s

    Returns
    -------
    Peak
        `value` () or (k,) V/m, `element` () or (k,), `place_mm` (3,) or (k, 3).

    Raises
    ------
    ArgumentError
        Shapes that do not fit, or values that are not finite.

    Examples
    --------
    >>> value, element, place_mm = peak([1.0, 5.0], [[0, 0, 0], [1, 2, 3]])
    >>> float(value), int(element), place_mm
    (5.0, 1, array([1., 2., 3.]))
    """
    values = magnitudes(magnitude)
    places = beside(values, centres(centres_mm, values.shape[-1]))
    element = values.argmax(axis=-1)
    value = np.take_along_axis(values, element[..., None], axis=-1)[..., 0]
    return Peak(value, element, places[element])


@fill_doc
def mean(magnitude: ArrayLike, weights: ArrayLike) -> np.ndarray:
    """Compute the weighted mean over the elements, Σ w|E| / Σ w.

    Parameters
    ----------
    magnitude : array_like (m,) or (k, m)
        |E|, or a component of E, V/m.
    %(weights)s

    Returns
    -------
    ndarray () or (k,)
        V/m.

    Raises
    ------
    ArgumentError
        Shapes that do not fit, values that are not finite, weights that are negative or all zero.

    Examples
    --------
    >>> float(mean([1.0, 4.0, 9.0], [1.0, 2.0, 0.0]))
    3.0
    """
    return average(*weighted(magnitude, weights))


@fill_doc
def roi_mean(
    magnitude: ArrayLike, weights: ArrayLike, centres_mm: ArrayLike, centre_mm: ArrayLike, radius_mm: float
) -> np.ndarray:
    """Compute the weighted mean of |E| over the elements whose barycentre lies in a sphere.

    Parameters
    ----------
    %(magnitude)s
    %(weights)s
    %(centres_mm)s
    centre_mm : array_like (3,)
        Centre of the sphere, mm.
    radius_mm : float
        Radius of the sphere, mm.

    Returns
    -------
    ndarray () or (k,)
        V/m.

    Raises
    ------
    ArgumentError
        Shapes that do not fit, values that are not finite, weights that are negative, or no weight in the
        sphere.

    Examples
    --------
    >>> float(roi_mean([1.0, 4.0, 9.0], [1.0, 2.0, 1.0], [[0, 0, 0], [1, 0, 0], [9, 0, 0]], [0, 0, 0], 5.0))
    3.0
    """
    values, w = weighted(magnitude, weights)
    centre = finite_array(centre_mm, "centre_mm", ArgumentError)
    if centre.shape != (3,):
        raise ArgumentError(f"centre_mm must have the shape (3,), not {centre.shape}")
    radius = not_negative(radius_mm, "radius_mm", ArgumentError)
    distance = np.linalg.norm(centres(centres_mm, len(w)) - centre, axis=1)
    there = on_host(w) > 0
    inside = np.flatnonzero((distance <= radius) & there)
    if not len(inside):
        raise ArgumentError(
            f"no element in the sphere: the nearest is {distance[there].min():.4g} mm from its centre"
        )
    index = beside(values, inside)
    return average(values.take(index, axis=-1), w[index])
