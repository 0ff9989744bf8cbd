# SPDX-License-Identifier: BSD-3-Clause
"""The options of a refinement, checked."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["MOTIONS", "RefineOptions"]

#: The motions of a coil in its own frame, as gradients have them.
MOTIONS = ("x", "y", "z", "about_x", "about_y", "about_z")


@dataclass(frozen=True, eq=False)
class RefineOptions:
    """What `refine` was asked for."""

    is_free: NDArray[np.bool_]  #: (6,)
    radius_mm: float
    radius_rad: float
    tolerance: float
    max_batches: int

    @property
    def scales(self) -> NDArray[np.float64]:
        """The longest first step (6,), in mm and rad: motions are counted in these."""
        return np.repeat([self.radius_mm, self.radius_rad], 3)
