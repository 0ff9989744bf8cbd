# SPDX-License-Identifier: BSD-3-Clause
"""How much of a tissue, or of a surface, has which value."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..metrics import percentiles

__all__ = ["PERCENTS", "Distribution"]

Floats = NDArray[np.float64]

#: Percentiles that are given; the colours end at the last one, if nothing else is said.
PERCENTS = (50.0, 99.0, 99.9)
_BINS = 60


class Distribution(NamedTuple):
    """How much volume or area has which value."""

    tissue: str  #: name of what is measured
    edges: Floats  #: (b + 1,) of the bins
    amounts: Floats  #: (b,) in each bin
    percentiles: Floats  #: (3,) at `PERCENTS`; of what has a sign, of its size
    unit: str  #: of the amounts: cm³ or cm²

    @property
    def width(self) -> float:
        """Of a bin."""
        return float(self.edges[1] - self.edges[0])

    @property
    def centres(self) -> Floats:
        """(b,) of the bins."""
        return (self.edges[:-1] + self.edges[1:]) / 2

    @property
    def measure(self) -> str:
        """What is counted: "volume" or "area"."""
        return {"cm³": "volume", "cm²": "area"}[self.unit]

    @classmethod
    def of(
        cls, values: NDArray[Any], amounts: Floats, called: tuple[str, str], signed: bool = False
    ) -> Distribution:
        """Count values (p,) that stand for so much (p,) each; `called` is the name and the unit of that.

        Examples
        --------
        >>> found = Distribution.of(np.array([1.0, 2, 4]), np.ones(3), ("cortex", "cm²"))
        >>> found.percentiles[0], found.edges[-1], found.amounts.sum(), found.measure
        (np.float64(2.0), np.float64(4.0), np.float64(3.0), 'area')
        """
        largest = float(np.abs(values).max()) or 1.0
        edges = np.linspace(-largest if signed else 0.0, largest, _BINS + 1)
        counted, _ = np.histogram(values, edges, weights=amounts)
        return cls(called[0], edges, counted, percentiles(np.abs(values), amounts, PERCENTS), called[1])
