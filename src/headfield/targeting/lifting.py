# SPDX-License-Identifier: BSD-3-Clause
"""How far a coil has to be lifted off the scalp so that its casing is clear of it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..coils.casing import Casing
from ..geometry.surface import Surface
from ..placement.clearance import Shell
from ..placement.retreat import cleared
from ..placement.scalp_field import scalp_field
from ..placement.touching import TouchingPoints

__all__ = ["Lifting"]

Floats = NDArray[np.float64]


class Lifting:
    """A casing that is to stay clear of a scalp: near enough for millions of poses, and exactly for a few.

    Parameters
    ----------
    scalp : Surface
    casing : Casing
    clear_mm : float
    most_mm : float
        Coils that would have to be lifted farther are ruled out.
    """

    def __init__(self, scalp: Surface, casing: Casing, clear_mm: float, most_mm: float) -> None:
        self.most_mm = most_mm
        self._scalp, self._clear = scalp, clear_mm
        self._points, self._casing = TouchingPoints.of(casing), casing

    def lifts(self, poses: Floats) -> Floats:
        """Return mm (n,) along −z for poses (n, 4, 4), by the field; nan where the most is not enough."""
        lifts = scalp_field(self._scalp).lifts(self._points, poses, self._clear)
        return np.where(lifts <= self.most_mm, lifts, np.nan)

    def cleared(self, poses: Floats) -> Floats:
        """Return poses (n, 4, 4) lifted as far as they have to be, by the distance of the surfaces."""
        return cleared(self._scalp, Shell.of(self._casing), poses, self._clear)
