# SPDX-License-Identifier: BSD-3-Clause
"""A refined part of a head, and the batches solved on it: what `DeviceHead` is to a head."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...core.device import using_threads
from ...core.locks import Lock
from ...fields.report import SolveReport
from ..batch import Batch, Solved, reported
from ..head import DeviceHead
from ..transfers import Results
from ..workspace import Clock
from .adaptation import Adapted
from .sampling import Sampling

__all__ = ["ZoomHead"]


class ZoomHead:
    """Solves batches first on a head, roughly where it is coarse, then on a refined part of it.

    Attributes
    ----------
    device : Device
    unknowns : int
        Of both.
    """

    def __init__(
        self,
        whole: DeviceHead,
        adapted: Adapted,
        sampling: Sampling,
        weights: NDArray[np.float64],
        threads: int,
    ) -> None:
        """`sampling` gives E where it is wanted, and `weights` (p,) say what each place stands for."""
        self._whole, self._adapted, self._sampling, self._threads = whole, adapted, sampling, threads
        self.device = whole.device
        self._weights = self.device.put(np.repeat(weights / weights.sum(), 3))
        self.unknowns = whole.unknowns + adapted.level.operators.size
        self._lock = Lock("a zoom solves")

    def solve(self, batch: Batch, initial: Any, room: dict[str, Any]) -> SolveReport:
        """Solve a batch into room for E (k, p, 3) on the device.

        `initial` are potentials (k, n) of the head, a first guess: one that is solved takes no iteration.
        """
        rim, whole = self._rim(batch, initial)
        level, k = self._adapted.level, len(batch.scale)
        with self._working() as threads:
            clock = Clock(self.device)
            tolerance = np.full(k, batch.options.tol, np.float64)
            most = batch.options.max_iterations
            columns = level.solve(batch.drive, batch.part, rim, tolerance, most, clock)
            factors = self.device.put(batch.scale)
            self._sampling.fill(level.phi, level.adot, factors, room["E"])
            error = self._errors(factors, room["E"])
            clock.lap("zoom field")
            assert level.work is not None
            iterations = np.array([c.iterations for c in columns], np.int32)
            solved = Solved(threads, clock, level.work, level.adot, None, columns, iterations, tolerance)
            here = reported(batch, solved, self.device, error)
        return here if whole is None else _both(whole, here)

    def results(self, made: dict[str, tuple[tuple[int, ...], Any]], on_device: bool) -> Results:
        """Make the `Results` of some sources, see `DeviceHead.results`."""
        return self._whole.results(made, on_device)

    def likely_cause(self) -> str:
        """Say what in the head may be why a source did not converge; "" if nothing stands out."""
        return self._whole.likely_cause()

    @property
    def spare_bytes(self) -> int:
        """Memory of the host that is kept for results."""
        return self._whole.spare_bytes

    def release(self) -> None:
        """Free the work space, and what is kept for results."""
        with self._lock.held():
            self._adapted.level.work = None
        self._whole.release()

    @contextmanager
    def _working(self) -> Iterator[int]:
        with self._lock.held() as left_behind:
            if left_behind:  # by a thread in the midst of a solve, which this process lacks
                self._adapted.level.work = None
            with self.device.current(), using_threads(self._threads) as threads:
                yield threads

    def _rim(self, batch: Batch, initial: Any) -> tuple[Any, SolveReport | None]:
        """Return the potential (r, W) at the rim, and how the head was solved for it if it was."""
        nodes = self._adapted.level.operators.rim.nodes
        if len(nodes):
            return self._whole.potentials(batch, initial, nodes)
        with self.device.current():
            return self.device.xp.empty((0, batch.width)), None  # the part is the whole head

    def _errors(self, scale: Any, field: Any) -> NDArray[np.float64]:
        """Estimate the relative errors (k,) of fields (k, p, 3) from their jumps."""
        adapted, level, xp = self._adapted, self._adapted.level, self.device.xp
        jumps = adapted.jumps.squares(level.phi, level.adot, scale) / adapted.volume_m3
        squares = xp.empty(len(scale))
        for source, one in enumerate(field):
            squares[source] = (xp.square(one.ravel(), dtype=np.float64) * self._weights).sum()
        relative: NDArray[np.float64] = self.device.get(xp.sqrt(jumps / xp.maximum(squares, 1e-300)))
        seen = relative > 0.0  # not where there is no field
        ratio = adapted.error_per_residual  # infinite where it is not known
        errors = np.multiply(ratio, relative, out=np.zeros(len(relative)), where=seen)
        return np.where(seen, np.hypot(errors, adapted.rim_error), 0.0)


def _both(whole: SolveReport, here: SolveReport) -> SolveReport:
    """Return the report on a part with what it took to solve the head before it, and the worse of both."""
    worse = whole.residual / whole.tolerance > here.residual / here.tolerance
    return replace(
        here,
        residual=np.where(worse, whole.residual, here.residual),
        converged=whole.converged & here.converged,
        stopped=np.where(whole.converged, here.stopped, whole.stopped),
        recording_problem=whole.recording_problem or here.recording_problem,
        seconds=whole.seconds | here.seconds,
    )
