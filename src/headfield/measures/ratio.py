# SPDX-License-Identifier: BSD-3-Clause
"""Ratios of measures, as of focality."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import MeasureError
from ..regions.region import Region
from .magnitude import fields_in
from .measure import as_measure, length_of
from .sums import Combinable

__all__ = ["Ratio"]

Floats = NDArray[np.float64]


class Ratio(Combinable):
    """One measure divided by another, such as the mean of |E| in a target by that elsewhere: focality.

    Parameters
    ----------
    numerator, denominator : Region, Target, Targets or any measure
        Of a region, the mean of |E| there.

    Raises
    ------
    RegionError
        One of them is no measure.

    Examples
    --------
    >>> import headfield as hf
    >>> head = hf.phantom_head(edge_mm=8)
    >>> knob, gray = hf.regions.sphere(head, [-40, -8, 50], 15, 2), hf.regions.tissue(head, 2)
    >>> focality = hf.Ratio(knob, gray - knob)
    >>> focality
    <Ratio: mean |E| in 122 tetrahedra / mean |E| in 9,258 tetrahedra>
    """

    is_linear = False

    def __init__(self, numerator: Any, denominator: Any) -> None:
        self.numerator, self.denominator = as_measure(numerator), as_measure(denominator)

    @property
    def regions(self) -> tuple[Region, ...]:
        """Those of the numerator, then those of the denominator."""
        return (*self.numerator.regions, *self.denominator.regions)

    def values(self, E: ArrayLike) -> Floats:
        """Return the ratios (k,) of fields E (k, p, 3).

        Raises
        ------
        MeasureError
            The denominator is 0 at some pose, or E is not finite.
        """
        above, below = self._parts(E)
        return np.asarray(self.numerator.values(above) / self._divisors(below))

    def derivatives(self, E: ArrayLike) -> Floats:
        """Return the derivatives (k, p, 3), per V/m.

        Raises
        ------
        MeasureError
            As for `values`, or one of the two measures has no derivative there.
        """
        above, below = self._parts(E)
        divisor = self._divisors(below)
        ratio = (self.numerator.values(above) / divisor)[:, None, None]
        parts = [self.numerator.derivatives(above), -ratio * self.denominator.derivatives(below)]
        return np.concatenate(parts, axis=1) / divisor[:, None, None]

    def _parts(self, E: ArrayLike) -> tuple[Floats, Floats]:
        first = length_of(self.numerator.regions)
        field = fields_in(E, length_of(self.regions))
        return field[:, :first], field[:, first:]

    def _divisors(self, below: Floats) -> Floats:
        divisor = self.denominator.values(below)
        if not divisor.all():
            raise MeasureError(f"the denominator of a ratio is 0 at pose {np.flatnonzero(divisor == 0)[0]}")
        return divisor

    def __repr__(self) -> str:
        above, below = (
            repr(m).split(": ", 1)[-1].removesuffix(">") for m in (self.numerator, self.denominator)
        )
        return f"<Ratio: {above} / {below}>"
