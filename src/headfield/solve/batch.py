# SPDX-License-Identifier: BSD-3-Clause
"""A batch of sources that are solved together, and what there is once it is solved."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core.device import Device
from ..fields.report import SolveReport
from .drives.drive import Drive
from .options import SolveOptions
from .places import Places
from .recovery import Recovery
from .workspace import Clock, WorkSpace

__all__ = ["Batch", "Solved", "inverse_of", "reported"]


@dataclass(frozen=True, eq=False)
class Batch:
    """Some sources of a drive that are solved together.

    Attributes
    ----------
    part : slice
        Which of the drive's sources.
    width : int
        Columns of the native loops; those beyond the sources of the batch are zero.
    width_asked : int
        The width that was wanted, if it did not fit into memory.
    """

    drive: Drive
    options: SolveOptions
    places: Places
    part: slice
    width: int
    width_asked: int

    @property
    def scale(self) -> NDArray[np.float64]:
        """The factors (k,) that results are multiplied by."""
        return self.drive.scale[self.part]


def inverse_of(scale: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the factors (k,) that take a scale out, 0 where a rate is so small that its factor is lost."""
    return np.divide(1.0, scale, out=np.zeros(len(scale)), where=np.abs(scale) > 1e-36)


@dataclass(frozen=True, eq=False)
class Solved:
    """A batch that has been solved: its work space, the reports on its sources, and how it went."""

    threads: int
    clock: Clock
    work: WorkSpace
    adot: Any
    recovery: Recovery | None
    columns: list[Any]
    iterations: NDArray[np.int32]
    tolerance: NDArray[np.float64]


def reported(batch: Batch, s: Solved, device: Device, error: NDArray[np.float64] | None) -> SolveReport:
    """Report on a batch that was solved, with the discretisation error (k,) if it was estimated."""
    return SolveReport(
        iterations=s.iterations,
        residual=np.array([c.residual for c in s.columns]),
        converged=np.array([c.converged for c in s.columns]),
        stopped=np.array([c.stopped for c in s.columns]),
        tolerance=s.tolerance,
        discretisation_error=error,
        primary_error=batch.drive.primary_error,
        device=device.name,
        threads=s.threads,
        batch=batch.width,
        batch_asked=batch.width_asked,
        recovery=batch.options.recovery,
        recording_problem=s.work.solver.recording_problem,
        seconds=s.clock.seconds,
    )
