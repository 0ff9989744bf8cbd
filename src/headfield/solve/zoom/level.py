# SPDX-License-Identifier: BSD-3-Clause
"""One level of refinement of a part of a head: its matrices, and what is solved with them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...heads.refinement import Edges
from ..drives.drive import Drive
from ..iteration import iterated
from ..workspace import Clock, WorkSpace
from .operators import PartOperators
from .part import Part
from .whole import Whole

__all__ = ["Level"]


class Level:
    """A part with linear elements, or with quadratic ones around the region, ready for batches of sources.

    After `solve`, `phi` (N, W) and `adot` (N, 3, W) hold the potentials and ∂A/∂t at its unknowns, as the
    drive is solved for, without its scale; at the rim φ is zero.
    """

    def __init__(self, head: Whole, part: Part, edges: Edges, quadratic: NDArray[np.bool_]) -> None:
        self.part, self.edges, self.conductivity = part, edges, head.conductivity[part.origin]
        by = {"by_edges": head.head.primary == "edges"}
        sigma = self.conductivity
        self.operators = PartOperators(head.mesh, part, edges, quadratic, sigma, head.device, **by)
        self._device = head.device
        self.work: WorkSpace | None = None

    def solve(
        self,
        drive: Drive,
        sources: slice,
        rim: Any,
        tolerance: NDArray[np.float64],
        max_iterations: int,
        clock: Clock | None = None,
    ) -> list[Any]:
        """Solve some sources of a drive, with potentials (r, W) at the rim; return the native reports."""
        work = self._work_space(rim.shape[1])
        operators: Any = self.operators
        drive.primary(operators, sources, work.adot)
        if clock:
            clock.lap("zoom primary")

        def load() -> None:
            drive.load(operators, sources, work.adot, work.b)
            operators.rim.subtract(rim, work.b)

        load()
        if clock:
            clock.lap("zoom right_hand_side")
        columns = iterated(self._device, work, tolerance, max_iterations, False, load)
        if clock:
            clock.lap("zoom solve")
        return columns

    @property
    def phi(self) -> Any:
        assert self.work is not None
        return self.work.phi

    @property
    def adot(self) -> Any:
        assert self.work is not None
        return self.work.adot

    def _work_space(self, width: int) -> WorkSpace:
        """Return block vectors of so many columns, kept until another width is asked for."""
        if self.work is None or self.work.solver.width != width:
            self.work = None  # give the old ones back first
            self.work = WorkSpace(self._device, self.operators.hierarchy, self.operators.size, width)
        return self.work
