# SPDX-License-Identifier: BSD-3-Clause
"""Measure how well a field meets a target: overlap of the hot region with it, exposure outside of it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from ..core.arguments import positive
from ..core.docs import fill_doc
from ..errors import ArgumentError
from .arguments import fraction_of, refuse, strengths, target_mask
from .sums import above, as_array, average, total

__all__ = ["OffTarget", "Overlap", "off_target", "overlap"]


class Overlap(NamedTuple):
    """Shares of weight, each 0 to 1, () or (k,)."""

    dice: np.ndarray  #: 2 w(hot and target) / (w(hot) + w(target))
    target_hot: np.ndarray  #: share of the target that is hot
    hot_in_target: np.ndarray  #: share of the hot region that is in the target


class OffTarget(NamedTuple):
    """What is outside of a target, each () or (k,)."""

    exposed: np.ndarray  #: weight outside at or above the threshold, in the unit of the weights
    ratio: np.ndarray  #: mean |E| outside over mean |E| in the target


@fill_doc
def overlap(
    magnitude: ArrayLike,
    weights: ArrayLike,
    target: ArrayLike,
    fraction: float = 0.5,
    percent: float = 99.9,
) -> Overlap:
    """Measure how a target overlaps the hot region: elements at or above a fraction of a percentile of |E|.

    With w(A) the weight of the elements of A: Dice's coefficient 2w(hot ∩ target) / (w(hot) + w(target))
    (Dice, Ecology 26:297, 1945), which is 1 if the two are the same and 0 if they are disjoint; the share of
    the target that is hot, w(hot ∩ target) / w(target); and the share of the hot region that is in the
    target, w(hot ∩ target) / w(hot), by which networks are targeted in Lynch et al., Neuron 110:3263, 2022.

    Parameters
    ----------
    %(magnitude_not_negative)s
    %(weights)s
    %(target)s
    %(fraction)s
    percent : float
        The percentile of |E| that stands for the peak: of all elements, not only those in the target.

    Returns
    -------
    Overlap
        `dice`, `target_hot` and `hot_in_target`, each () or (k,), without unit.

    Raises
    ------
    ArgumentError
        Shapes that do not fit, values that are not finite, magnitudes that are negative, weights that are
        negative or all zero, a target that is not a mask or has no weight, fraction or percent out of range,
        or a percentile of zero.

    Examples
    --------
    >>> dice, target_hot, hot_in_target = overlap([1.0, 6.0, 10.0], [6.0, 2.0, 1.0], [True, True, False])
    >>> print(dice.round(3), target_hot, hot_in_target.round(3))
    0.364 0.25 0.667
    """
    fraction = fraction_of(fraction)
    values, w = strengths(magnitude, weights)
    inside = target_mask(target, values, w)
    hot, level = above(values, w, fraction, percent)
    refuse(level == 0, f"percentile {percent} of the magnitude is 0, so no region is hot")
    both, of_hot, of_target = total(hot * (w * inside)), total(hot * w), total(w * inside)
    shares = 2 * both / (of_hot + of_target), both / of_target, both / of_hot
    return Overlap(*(as_array(share) for share in shares))


@fill_doc
def off_target(
    magnitude: ArrayLike, weights: ArrayLike, target: ArrayLike, fraction: float = 1.0
) -> OffTarget:
    """Measure the exposure outside of a target by the mean |E| in it.

    This definition is headfield's own. With Ē the weighted mean of |E| in the target, `exposed` is the weight
    of the elements outside with |E| ≥ `fraction` Ē, which get at least what the target gets on average, and
    `ratio` is the weighted mean of |E| outside over Ē. Outside are the elements that have weight and are not
    in the target, so the weights decide what counts.

    Parameters
    ----------
    %(magnitude_not_negative)s
    %(weights)s
    %(target)s
    fraction : float
        Of the mean in the target, above 0.

    Returns
    -------
    OffTarget
        `exposed` in the unit of the weights and `ratio` without unit, each () or (k,).

    Raises
    ------
    ArgumentError
        Shapes that do not fit, values that are not finite, magnitudes that are negative, weights that are
        negative or all zero, a target that is not a mask, has no weight or all of it, a fraction out of
        range, or a mean of zero in the target.

    Examples
    --------
    >>> exposed, ratio = off_target([2.0, 6.0, 4.0, 1.0], [1.0, 1.0, 3.0, 5.0], [True, True, False, False])
    >>> print(exposed, ratio)
    3.0 0.53125
    """
    fraction = positive(fraction, "fraction", ArgumentError)
    values, w = strengths(magnitude, weights)
    inside = target_mask(target, values, w)
    outside = w * ~inside
    if not bool(outside.any()):
        raise ArgumentError("target covers all elements that have weight, so nothing is outside of it")
    mean = average(values, w * inside)
    refuse(mean == 0, "the mean magnitude in the target is 0, so nothing can be compared with it")
    exposed = total((values >= fraction * mean[..., None]) * outside)
    return OffTarget(as_array(exposed), as_array(average(values, outside) / mean))
