# SPDX-License-Identifier: BSD-3-Clause
"""Percentiles of |E|."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..core.arguments import within
from ..core.messages import doubt, plural
from ..errors import RegionError
from ..metrics.sums import levels
from ..regions.region import Region, check_is_region
from .magnitude import directions, fields_in, named, sizes
from .sums import Combinable

__all__ = ["Percentile"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Percentile(Combinable):
    """A weighted percentile of |E| in a region: what `headfield.metrics.percentiles` finds.

    Its derivative is that of the element where it is attained, the first of several: a subgradient, which
    jumps from element to element as E changes. `Target(region, exponent=8)` is smooth and of the like.

    Parameters
    ----------
    region : Region
        Its volumes or areas are the weights; elements without any are left out.
    percent : float
        0 to 100, so 99 and not 0.99; 100 is the largest |E|.

    Raises
    ------
    RegionError
        Not a region, one without volume, or a percent out of range.

    Warns
    -----
    PlausibilityWarning
        A percent between 0 and 1.

    Examples
    --------
    >>> import headfield as hf
    >>> knob = hf.regions.sphere(hf.phantom_head(edge_mm=8), [-40, -8, 50], 15, 2)
    >>> E = np.zeros((1, len(knob), 3)); E[0, :, 1] = np.arange(len(knob)) + 1.0
    >>> largest = hf.Percentile(knob, 100)
    >>> largest.values(E), largest.derivatives(E).nonzero()
    (array([122.]), (array([0]), array([121]), array([1])))
    """

    region: Region
    percent: float

    def __post_init__(self) -> None:
        check_is_region(self.region)
        if not len(self.region) or not self.region.weights.sum() > 0.0:
            raise RegionError("the region of a percentile holds nothing, or nothing with a volume or an area")
        object.__setattr__(self, "percent", within(self.percent, "percent", RegionError, 0.0, 100.0))
        if 0.0 < self.percent < 1.0:
            doubt(f"percent = {self.percent:g} is less than one in a hundred: percents go from 0 to 100")

    @property
    def regions(self) -> tuple[Region, ...]:
        """The one region."""
        return (self.region,)

    @property
    def is_linear(self) -> bool:
        """False: the derivative depends on E."""
        return False

    def values(self, E: ArrayLike) -> Floats:
        """Return the percentile (k,) of fields E (k, p, 3), V/m."""
        return self._level(sizes(fields_in(E, len(self.region))))

    def derivatives(self, E: ArrayLike) -> Floats:
        """Return the derivative (k, p, 3): E / |E| in one element, 0 in all others.

        Raises
        ------
        MeasureError
            The percentile is 0, which has no derivative; E is not finite.
        """
        field = fields_in(E, len(self.region))
        size = sizes(field)
        attained = (size == self._level(size)[:, None]) & (self.region.weights > 0.0)
        first = np.zeros(size.shape, bool)
        first[np.arange(len(size)), attained.argmax(axis=1)] = True
        return directions(field, first, named(self.region))

    def _level(self, size: Floats) -> Floats:
        return np.asarray(levels(size, self.region.weights, np.asarray(self.percent)))

    def __repr__(self) -> str:
        return f"<Percentile: {self.percent:g} % of |E| in {plural(len(self.region), 'element', 'elements')}>"
