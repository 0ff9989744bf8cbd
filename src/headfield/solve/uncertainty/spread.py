# SPDX-License-Identifier: BSD-3-Clause
"""What one source of uncertainty does to a value."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...heads.thickness import LAYERS
from ...statistics.sobol import SobolIndices

__all__ = ["PERCENTS", "Spread"]

Floats = NDArray[np.float64]

#: Percentiles that are given of each source, and of all together.
PERCENTS = (2.5, 50.0, 97.5)


@dataclass(frozen=True, eq=False)
class Spread:
    """What one source does to a value.

    Attributes
    ----------
    name : str
        "conductivity", "placement", or the layer whose thickness it is.
    how : str
        How samples were made.
    deviations : ndarray (n,)
        Of the value from the nominal one, sampled.
    std_by_gradient : float
        Standard deviation if the value were linear: the root of gᵀΣg.
    variance : ndarray (q,)
        Of |E| in the tetrahedra of the map, (V/m)².
    facts : dict
        Plain numbers: gradients, steps, how many poses cut into the head.
    indices : SobolIndices or None
        Of conductivities, in the order of `tags`.
    tags : tuple of int
    notes : tuple of str
        What has to be known to read it.
    """

    name: str
    how: str
    deviations: Floats
    std_by_gradient: float
    variance: Floats
    facts: dict[str, Any] = field(default_factory=dict)
    indices: SobolIndices | None = None
    tags: tuple[int, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """The name as tables and pictures have it: a layer is also a tissue."""
        return f"{self.name} thickness" if self.name in LAYERS else self.name

    @property
    def std(self) -> float:
        """Standard deviation of the samples."""
        return float(self.deviations.std(ddof=1))

    @property
    def shift(self) -> float:
        """Mean of the samples: by how much the mean is off the nominal value."""
        return float(self.deviations.mean())
