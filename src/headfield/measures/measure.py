# SPDX-License-Identifier: BSD-3-Clause
"""What every measure has, whoever wrote it."""

from __future__ import annotations

from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import RegionError
from ..regions.region import Region
from .target import Target

__all__ = ["Measure", "as_measure", "length_of"]

Floats = NDArray[np.float64]


@runtime_checkable
class Measure(Protocol):
    """One number for each field, and its derivative: any object that has these four."""

    @property
    def regions(self) -> tuple[Region, ...]:
        """Where E is needed; the elements of all regions follow each other in E."""

    @property
    def is_linear(self) -> bool:
        """Whether the derivatives are the same for each E."""

    def values(self, E: ArrayLike) -> Floats:
        """Return the values (k,) of fields E (k, p, 3), V/m."""

    def derivatives(self, E: ArrayLike) -> Floats:
        """Return the derivatives (k, p, 3) of the values with respect to E."""


def as_measure(thing: Any) -> Measure:
    """Return what was given as a measure: of a region it is the mean of |E| there.

    Raises
    ------
    RegionError
        Neither a region nor a measure.

    Examples
    --------
    >>> import headfield as hf
    >>> knob = hf.regions.sphere(hf.phantom_head(edge_mm=8), [-40, -8, 50], 15, 2)
    >>> as_measure(knob)
    <Target: mean |E| in 122 tetrahedra>
    """
    if isinstance(thing, Region):
        return Target(thing)
    if not isinstance(thing, Measure):
        raise RegionError(
            f"a measure must be a Region, a Target, or have regions, is_linear, values and derivatives, not "
            f"{type(thing).__name__}"
        )
    regions = thing.regions
    if not (isinstance(regions, tuple) and regions and all(isinstance(one, Region) for one in regions)):
        raise RegionError(f"regions of {thing!r} must be a tuple of one Region or more, not {regions!r}")
    return thing


def length_of(regions: tuple[Region, ...]) -> int:
    """Return how many elements regions have together, each as often as it is in them."""
    return sum(len(region) for region in regions)
