# SPDX-License-Identifier: BSD-3-Clause
"""Sums of measures, each times a number: penalties, and what is to be small."""

from __future__ import annotations

from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..core.arguments import finite_number
from ..errors import MeasureError
from ..regions.region import Region
from .magnitude import fields_in
from .measure import Measure, as_measure, length_of

__all__ = ["Combinable", "MeasureSum"]

Floats = NDArray[np.float64]


class Combinable:
    """What measures are built on that may be added to any others, and multiplied by numbers."""

    def __mul__(self, factor: float) -> MeasureSum:
        if not isinstance(factor, Real):
            return NotImplemented
        return MeasureSum([(factor, self)])

    __rmul__ = __mul__

    def __neg__(self) -> MeasureSum:
        return MeasureSum([(-1.0, self)])

    def __add__(self, other: Any) -> MeasureSum:
        return MeasureSum([(1.0, self), (1.0, other)])

    def __radd__(self, other: Any) -> MeasureSum:
        return MeasureSum([(1.0, other), (1.0, self)])

    def __sub__(self, other: Any) -> MeasureSum:
        return MeasureSum([(1.0, self), (-1.0, other)])

    def __rsub__(self, other: Any) -> MeasureSum:
        return MeasureSum([(1.0, other), (-1.0, self)])


class MeasureSum(Combinable):
    """A sum of measures, each times a number; made by adding measures, or of (number, measure) pairs.

    Raises
    ------
    MeasureError
        No pairs, or a factor that is not a finite number.
    RegionError
        What is no measure.

    Examples
    --------
    >>> import headfield as hf
    >>> head = hf.phantom_head(edge_mm=8)
    >>> knob = hf.regions.sphere(head, [-40, -8, 50], 15, 2)
    >>> hf.Target(knob) - 0.1 * hf.Percentile(hf.regions.tissue(head, 2), 99)
    <MeasureSum: 1 mean |E| in 122 tetrahedra - 0.1 99 % of |E| in 9,380 elements>
    """

    def __init__(self, parts: Any) -> None:
        self.parts: list[tuple[float, Measure]] = []
        for factor, part in parts:
            number = finite_number(factor, "the factor of a measure", MeasureError)
            if isinstance(part, MeasureSum):
                self.parts += [(number * own, one) for own, one in part.parts]
            else:
                self.parts.append((number, as_measure(part)))
        if not self.parts:
            raise MeasureError("a sum of measures needs one at least")

    @property
    def regions(self) -> tuple[Region, ...]:
        """Those of all measures, one measure after the other."""
        return tuple(region for _, part in self.parts for region in part.regions)

    @property
    def is_linear(self) -> bool:
        """Whether all of them are."""
        return all(part.is_linear for _, part in self.parts)

    def values(self, E: ArrayLike) -> Floats:
        """Return the values (k,) of fields E (k, p, 3), in all regions one after the other."""
        fields = self._fields(E)
        parts = zip(self.parts, fields, strict=True)
        return np.asarray(sum(factor * part.values(own) for (factor, part), own in parts))

    def derivatives(self, E: ArrayLike) -> Floats:
        """Return the derivatives (k, p, 3) of the values with respect to E."""
        parts = zip(self.parts, self._fields(E), strict=True)
        return np.concatenate([factor * part.derivatives(own) for (factor, part), own in parts], axis=1)

    def _fields(self, E: ArrayLike) -> list[Floats]:
        ends = np.cumsum([length_of(part.regions) for _, part in self.parts])
        return np.split(fields_in(E, int(ends[-1])), ends[:-1], axis=1)

    def __repr__(self) -> str:
        text = ""
        for i, (factor, part) in enumerate(self.parts):
            sign = "-" if factor < 0 else "+" if i else ""
            what = repr(part).split(": ", 1)[-1].removesuffix(">")
            text += f"{' ' if i else ''}{sign}{' ' if i and sign else ''}{abs(factor):g} {what}"
        return f"<MeasureSum: {text}>"
