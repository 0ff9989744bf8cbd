# SPDX-License-Identifier: BSD-3-Clause
"""A basis in conductivities while it is made: what it knows so far, and what to solve for next."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import ArgumentError
from ...measures.measure import Measure
from ...regions.region import Region
from ..drives.drive import Drive
from .basis import Parametrised
from .local import LocalFields
from .ranges import Ranges
from .report import ConductivityReport
from .snapshots import Snapshots
from .source import source_of
from .worst import corners

__all__ = ["Making"]

Floats = NDArray[np.float64]

_TRIALS = 1000  # random conductivities at which bounds are looked at, beside the corners
_APART = 1.0  # of logarithms: samples of a round that lie closer together are worth less
_MAX_ITERATIONS = 500
_MARGIN = 1.5  # what an error may be of its bound beyond the largest share of those that were held out


class Making:
    """Snapshots of a head, and their E in the regions of a measure.

    Attributes
    ----------
    made : Parametrised
        What there is so far.
    """

    made: Parametrised

    def __init__(
        self, model: Any, looked_at: tuple[Measure, Region | None], ranges: Ranges, drive: Drive, tol: float
    ) -> None:
        measure, beside = looked_at
        self.seconds: dict[str, float] = {}
        self._last = time.perf_counter()
        mesh, part = model.mesh, ranges.part(model.mesh)
        self._ranges = ranges
        self._head = model.by_tissue(part)
        self._lap("tissues")
        adot = self._head.primary(drive)
        self._lap("primary")
        source = source_of(mesh, model.conductivity, adot, part)
        source = source._replace(currents=np.ascontiguousarray(source.currents[self._head.order]))
        reference = np.ones(self._head.parts)
        reference[: len(ranges.tags)] = ranges.middle / ranges.nominal
        factor = reference[part] if model.conductivity.ndim == 1 else reference[part][:, None, None]
        sigma = model.conductivity * factor
        self._local = LocalFields(measure.regions, mesh, sigma, part)
        self._beside = None if beside is None else LocalFields((beside,), mesh, sigma, part)
        self._scale = float(drive.scale[0])
        self._primary = self._scale * adot[self._local.elements]
        self._lap("source")
        self._snapshots = Snapshots(self._head, source, reference, tol=tol, max_iterations=_MAX_ITERATIONS)
        if not self._snapshots.norm * self._scale:
            raise ArgumentError("E is zero in the whole head, so it has no relative error: is dI/dt zero?")
        self._local.add(self._fields(self._snapshots.potential) - self._primary)
        if self._beside is not None:
            primary = self._scale * adot[self._beside.elements]
            self._beside.add(self._fields(self._snapshots.potential, self._beside) - primary)
        self._lap("solve")
        self._take()

    def hold_out(self, count: int, seed: int) -> None:
        """Draw the trial conductivities; solve for others that errors are measured against."""
        rng, ranges = np.random.default_rng(seed), self._ranges
        shape = _TRIALS + count, len(ranges.tags)
        drawn = self._factors(rng.uniform(ranges.low, ranges.high, shape))
        self._held, self._trials = drawn[:count], drawn[count:]
        self._trials = np.concatenate([self._trials, self._factors(corners(ranges.low, ranges.high))])
        self._known = self.full(self._held)
        self._lap("held_out")

    def full(self, factors: Floats) -> NDArray[np.float32]:
        """Return E (s, P, 3), V/m, of the head solved for factors (s, parts) of the reference."""
        made, step = [], self._head.most_columns
        for start in range(0, len(factors), step):
            phi = self._snapshots.potentials(factors[start : start + step])
            made.append(self._fields(phi) - self._primary)
        return np.concatenate(made)

    def rounds(
        self,
        error: float,
        certified: bool,
        most: int,
        at_once: int,
        progress: Callable[[str], None] | None,
    ) -> ConductivityReport:
        """Solve for what the basis is worst at until it is good enough, or `most` were solved for."""
        decay: list[tuple[float, float, float]] = []
        chosen = self._first()[: at_once - 1]
        while True:
            report, bounds = self._judged(error, certified, decay)
            if progress is not None:
                progress(str(report))
            left = most - report.solves
            if report.reached or not left:
                return report
            if report.solves > 1:
                chosen = self._worst(bounds, at_once)
            self._solve(chosen[:left])

    def _first(self) -> Floats:
        """Return factors at the ends of each range, the others being those of the reference."""
        made = np.ones((2 * len(self._ranges.tags), self._head.parts))
        for t in range(len(self._ranges.tags)):
            made[2 * t, t] = self._ranges.high[t] / self._ranges.middle[t]
            made[2 * t + 1, t] = self._ranges.low[t] / self._ranges.middle[t]
        return made

    def _worst(self, bounds: Floats, count: int) -> Floats:
        """Return trial factors whose bounds are the largest, and that are not all in one place."""
        place, score = np.log(self._trials), bounds.copy()
        if self._head.parts == len(self._ranges.tags):  # E stays if all conductivities grow alike
            place = place - place.mean(axis=1, keepdims=True)
        picked: list[int] = []
        for _ in range(count):
            picked.append(int(score.argmax()))
            distance = np.linalg.norm(place - place[picked[-1]], axis=1)
            score *= np.minimum(1.0, distance / _APART)
        return self._trials[picked]

    def _solve(self, factors: Floats) -> None:
        new = self._snapshots.add(factors)
        if new.shape[1]:
            self._local.add(self._fields(self._snapshots.norm * new))
            if self._beside is not None:
                self._beside.add(self._fields(self._snapshots.norm * new, self._beside))
        self._take()
        self._lap("solve")

    def _judged(
        self, error: float, certified: bool, decay: list[tuple[float, float, float]]
    ) -> tuple[ConductivityReport, Floats]:
        made = self.made
        coefficients = made.reduced.solve(self._held)
        off = ((made.local.combined(coefficients) - self._known) ** 2).sum(axis=2) @ made.local.weights
        errors = np.sqrt(off) / made.local.norms(coefficients)
        held_bounds = made.bounds(self._held, coefficients)
        bounds = made.bounds(self._trials, made.reduced.solve(self._trials))
        calibration = 1.0 if certified else min(1.0, _MARGIN * float((errors / held_bounds).max()))
        decay.append((float(self._snapshots.solves), float(bounds.max()), float(errors.max())))
        self._lap("judging")
        report = ConductivityReport(
            error=error,
            reached=errors.max() <= error and calibration * bounds.max() <= error,
            solves=self._snapshots.solves,
            size=made.reduced.size,
            held_out=errors,
            held_out_bounds=held_bounds,
            calibration=calibration,
            decay=np.array(decay),
            trials=len(self._trials),
            seconds=dict(self.seconds),
        )
        return report, bounds

    def _fields(self, phi: Floats, local: LocalFields | None = None) -> NDArray[np.float32]:
        """Return −∇φ (k, P, 3) in the regions, or beside them, for the rate that was asked for."""
        elements = self._local.elements if local is None else local.elements
        pieces, step = [], self._head.most_columns
        for start in range(0, phi.shape[1], step):
            some = np.ascontiguousarray(self._scale * phi[:, start : start + step])
            pieces.append(self._head.fields(some, elements))
        return np.concatenate(pieces)

    def _take(self) -> None:
        unit = self._snapshots.norm * abs(self._scale)
        self.made = Parametrised(
            self._ranges,
            self._head.parts,
            self._snapshots.reduced,
            self._local,
            unit,
            self.full,
            self._beside,
        )

    def _factors(self, sigma: Floats) -> Floats:
        made = np.ones((len(sigma), self._head.parts))
        made[:, : len(self._ranges.tags)] = sigma / self._ranges.middle
        return made

    def _lap(self, name: str) -> None:
        now = time.perf_counter()
        self.seconds[name] = self.seconds.get(name, 0.0) + now - self._last
        self._last = now
