# SPDX-License-Identifier: BSD-3-Clause
"""Measure how far a field reaches: focality, half-value volume and depth, centre of gravity."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from ..core.arguments import within
from ..core.device import beside
from ..core.docs import fill_doc
from ..errors import ArgumentError
from .arguments import centres, depths, fraction_of, refuse, strengths
from .sums import above, as_array, total

__all__ = ["HalfValue", "centre_of_gravity", "focality", "half_value"]


class HalfValue(NamedTuple):
    """Where |E| is half of its peak or more; each () or (k,)."""

    volume: np.ndarray  #: V1/2, in the unit of the weights: mm³ of volumes in mm³
    depth_mm: np.ndarray  #: d1/2
    spread: np.ndarray  #: S1/2 = V1/2 / d1/2: mm² of volumes in mm³


@fill_doc
def focality(
    magnitude: ArrayLike, weights: ArrayLike, fraction: float = 0.5, percent: float = 99.9
) -> np.ndarray:
    """Add up the weights of elements at or above a fraction of a percentile: the stimulated volume or area.

    Parameters
    ----------
    %(magnitude_not_negative)s
    %(weights)s
    %(fraction)s
    %(percent)s

    Returns
    -------
    ndarray () or (k,)
        In the unit of the weights.

    Raises
    ------
    ArgumentError
        As for `percentiles`; also a negative magnitude, a percentile of 0, or a fraction out of range.

    Examples
    --------
    >>> float(focality([1.0, 6.0, 10.0], [5.0, 2.0, 1.0]))
    3.0
    """
    fraction = fraction_of(fraction)
    values, w = strengths(magnitude, weights)
    hot, level = above(values, w, fraction, percent)
    refuse(level == 0, f"percentile {percent} of the magnitude is 0, so nothing is above a part of it")
    return as_array(total(hot * w))


def half_value(
    magnitude: ArrayLike, weights: ArrayLike, depth_mm: ArrayLike, percent: float = 100.0
) -> HalfValue:
    """Compute half-value volume V1/2, half-value depth d1/2 and tangential spread S1/2 = V1/2 / d1/2.

    V1/2 is the volume of the brain with at least half of the peak |E|, and d1/2 the depth of its deepest
    point below the cortical surface (Deng, Lisanby and Peterchev, Brain Stimul. 6:1, 2013, for a spherical
    head, where depth is radial). In a real head the depth of a point is its distance from the closest point
    of the brain's surface (commentary on that paper, doi:10.1016/j.brs.2012.04.003). Here a point is an
    element with the depth of its barycentre, so d1/2 is only as fine as the mesh.

    Parameters
    ----------
    magnitude : array_like (m,) or (k, m)
        |E| in the elements of the brain, V/m, not negative.
    weights : array_like (m,)
        Their volumes, mm³; 0 leaves an element out.
    depth_mm : array_like (m,)
        Their distance from the cortical surface, mm, 0 or more.
    percent : float
        The percentile of |E| that stands for the peak. 100, the maximum, is the published definition; 99.9
        does not depend on single elements of bad shape.

    Returns
    -------
    HalfValue
        `volume` mm³, `depth_mm` mm, `spread` mm², each () or (k,).

    Raises
    ------
    ArgumentError
        Shapes that do not fit, values that are not finite, magnitudes or depths that are negative, weights
        that are negative or all zero, percent out of range, a peak of zero, or a d1/2 of zero, for which the
        spread is not defined.

    Examples
    --------
    >>> volume, depth_mm, spread = half_value([10.0, 8.0, 5.0, 4.0], [2.0, 2.0, 2.0, 9.0], [1, 3, 5, 7])
    >>> print(volume, depth_mm, spread)
    6.0 5.0 1.2
    """
    values, w = strengths(magnitude, weights)
    depth = beside(values, depths(depth_mm, len(w)))
    hot, level = above(values, w, 0.5, percent)
    refuse(level == 0, f"percentile {percent} of the magnitude is 0, so nothing is half of it")
    deepest = (hot * (depth * (w > 0))).max(axis=-1)
    refuse(deepest == 0, "the half-value depth is 0 mm, so there is no tangential spread")
    volume = total(hot * w)
    return HalfValue(as_array(volume), as_array(deepest), as_array(volume / deepest))


@fill_doc
def centre_of_gravity(
    magnitude: ArrayLike,
    weights: ArrayLike,
    centres_mm: ArrayLike,
    fraction: float = 0.0,
    percent: float = 99.9,
) -> np.ndarray:
    """Compute the centre of gravity Σ w|E|x / Σ w|E| of the elements at or above a fraction of a percentile.

    It is defined as for motor maps (Wassermann et al., Electroencephalogr. Clin. Neurophysiol. 85:1, 1992),
    with |E| in place of the responses. It need not lie in the region: that of a ring is in its middle.

    Parameters
    ----------
    %(magnitude_not_negative)s
    %(weights)s
    %(centres_mm)s
    fraction : float
        0 to 1; 0 takes all elements.
    %(percent)s

    Returns
    -------
    ndarray (3,) or (k, 3)
        mm.

    Raises
    ------
    ArgumentError
        Shapes that do not fit, values that are not finite, magnitudes that are negative, weights that are
        negative or all zero, fraction or percent out of range, or a field that is zero everywhere.

    Examples
    --------
    >>> centre_of_gravity([1.0, 3.0, 4.0], [2.0, 2.0, 1.0], [[0, 0, 0], [4, 0, 0], [0, 6, 0]])
    array([2., 2., 0.])
    >>> centre_of_gravity([1.0, 3.0, 4.0], [2.0, 2.0, 1.0], [[0, 0, 0], [4, 0, 0], [0, 6, 0]], fraction=1.0)
    array([0., 6., 0.])
    """
    fraction = within(fraction, "fraction", ArgumentError, 0.0, 1.0)
    values, w = strengths(magnitude, weights)
    places = beside(values, centres(centres_mm, len(w)))
    hot, _ = above(values, w, fraction, percent)
    mass = hot * (values * w)
    whole = total(mass)
    refuse(whole == 0, "the magnitude is 0 everywhere, so there is no centre of gravity")
    return np.stack([total(mass * places[:, d]) / whole for d in range(3)], axis=-1)
