# SPDX-License-Identifier: BSD-3-Clause
"""How a zoom came about: its levels of refinement, and what each of them was off by."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

__all__ = ["ZoomLevel", "ZoomReport"]

_WHY = {
    "unknowns": "allow more by max_unknowns, or take a smaller region",
    "levels": "refinement no longer helps",
}


@dataclass(frozen=True, kw_only=True)
class ZoomLevel:
    """A level of refinement; errors are relative L2 over the region, of all design poses together.

    Attributes
    ----------
    tetrahedra : int
    unknowns : int
    nonzeros : int
        Of the matrix.
    iterations : int
        Of conjugate gradients, for the design pose that took most.
    change : float or None
        Of E since the level before. None on the first level.
    residual : float
        √(Σ_F h/(σ₁ + σ₂)² ∫_F [n·σE]²) over the faces F of the region, relative to √(∫|E|²): two to three
        times the error of quadratic elements.
    linear_error : float
        Estimated error of the E of linear elements on this mesh: what quadratic ones add along its edges.
    error : float or None
        Estimated error of E, from the changes between levels, with what linear elements around the region
        cost. None on the first level.
    """

    tetrahedra: int
    unknowns: int
    nonzeros: int
    iterations: int
    change: float | None
    residual: float
    linear_error: float
    error: float | None = None


@dataclass(frozen=True, kw_only=True)
class ZoomReport:
    """How a zoom came about.

    Attributes
    ----------
    asked : float
        The relative error that was asked for.
    discretisation_error : float
        Estimated error of E on the last level, of the design pose where it is largest; infinite where levels
        did not tell, as where there is one only.
    levels : tuple of ZoomLevel
    margin_mm : float
        How far the part of the head that is solved again reaches beyond the region.
    rim_error : float
        The part of it that linear elements around the region cost, within the part and beyond its rim. A
        larger margin lowers it by half at most, a finer head (`refine`) by more.
    smooth : bool
        Whether new nodes on interfaces were put onto a smooth surface.
    stopped : str
        "reached", or why it was not: "unknowns", the next level would have had more than were allowed;
        "margin", linear elements around the region cost too much; "levels", refinement no longer helped.
    seconds : dict of str to float
        Of the set-up, per stage.
    """

    asked: float
    discretisation_error: float
    levels: tuple[ZoomLevel, ...]
    margin_mm: float
    rim_error: float
    smooth: bool
    stopped: str
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def reached(self) -> bool:
        """Whether the error is at most what was asked for."""
        return self.discretisation_error <= self.asked

    @property
    def _why(self) -> str:
        """What would help where the error was not reached."""
        if self.stopped != "margin":
            return _WHY[self.stopped]
        wider = " a larger margin_mm (up to 20), or" if self.margin_mm < 20.0 else ""
        return (
            f"linear elements around the region cost {100 * self.rim_error:.2g} %: take{wider} a finer head, "
            "see headfield.refine"
        )

    def __str__(self) -> str:
        last = self.levels[-1]
        known = math.isfinite(self.discretisation_error)
        error, how = f"up to {100 * self.discretisation_error:.2g} %" if known else "not known", ""
        if not self.reached:
            how = f", not the {100 * self.asked:.2g} % asked for: {self._why}"
        return (
            f"{last.unknowns} unknowns after {len(self.levels) - 1} refinements, error of E {error}{how}; "
            f"{sum(self.seconds.values()):.1f} s"
        )
