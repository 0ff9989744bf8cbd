# SPDX-License-Identifier: BSD-3-Clause
"""How good a basis in conductivity is, and what it took."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["ConductivityReport"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class ConductivityReport:
    """How good a `ConductivityBasis` is. Errors are those of E, relative L2 over the region.

    Attributes
    ----------
    error : float
        What was asked for.
    reached : bool
        Whether errors of the solves that were held out, and the estimates of all trial conductivities, are
        below it.
    solves : int
        Solves of the whole head that the basis is made of; those held out come on top.
    size : int
        Potentials of the basis.
    held_out : ndarray (h,)
        Errors against full solves for random conductivities, which the basis has not seen.
    held_out_bounds : ndarray (h,)
        The certified bounds of these errors.
    calibration : float
        Estimates are the certified bounds times this: one and a half of the largest share of its bound that
        an error which was held out took. 1 where certified errors were asked for.
    decay : ndarray (rounds, 3)
        After each round: solves, the largest bound of all trial conductivities, the largest error held out.
    trials : int
        Trial conductivities: corners of the box of all ranges, and random ones within.
    seconds : dict of str to float
        Per stage.
    """

    error: float
    reached: bool
    solves: int
    size: int
    held_out: Floats
    held_out_bounds: Floats
    calibration: float
    decay: Floats
    trials: int
    seconds: dict[str, float]

    @property
    def largest_bound(self) -> float:
        """The largest certified bound of all trial conductivities."""
        return float(self.decay[-1, 1])

    def __str__(self) -> str:
        held = f"held out {self.held_out.max():.1e}, certified below {self.held_out_bounds.max():.1e}"
        most = self.largest_bound
        return (
            f"{self.solves} solves, basis of {self.size}; error of E: {held}; "
            f"over {self.trials} trials estimated {self.calibration * most:.1e}, certified {most:.1e}"
        )
