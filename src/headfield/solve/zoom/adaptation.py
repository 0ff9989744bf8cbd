# SPDX-License-Identifier: BSD-3-Clause
"""Refine a part of a head until its field of quadratic elements is as good as was asked for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...heads.refinement import Edges
from ...heads.tetrahedra import volumes
from ...regions.region import Region
from ..drives.drive import Drive
from .jumps import Jumps
from .level import Level
from .marking import bulk, missed
from .part import Part
from .report import ZoomLevel
from .sampling import Sampling, in_part
from .whole import Whole

__all__ = ["Adapted", "Design", "adapted"]

Floats = NDArray[np.float64]

_TOL_SHARE = 1e-3  # of the error asked for that the solver may be off by, see docs/numerics.md
_ITERATIONS = 200
_AIM = 0.85  # of the error asked for: what the last level is to reach
# Measured on heads: a level that takes up a share s of what is missed leaves about 1 − 0.42 s of the residual
# and unknowns are used as well with a share of 0.8 as with one of 0.5.
_FALL, _LEAST_SHARE, _MOST_SHARE = 0.42, 0.4, 0.85
_GUESS = 0.5  # error relative to the residual, before two levels say more
_HELPS = 0.95  # of the residual before: if more is left, refinement no longer helps
_MOST_LEVELS = 16
_PROBES = 20_000  # points at which levels are compared
_FACES_OF = 4_000  # tetrahedra on whose faces jumps say how large the error is for a pose


@dataclass(frozen=True, eq=False)
class Design:
    """What a mesh is refined for: some sources, with potentials (r, W) at the rim, and limits.

    `progress` is called with each level, the first one before its error is known.
    """

    drive: Drive
    rim: Any
    error: float
    max_unknowns: int
    smooth: bool
    progress: Callable[[ZoomLevel], None] = lambda level: None


@dataclass(frozen=True, eq=False)
class Adapted:
    """A part that was refined.

    Attributes
    ----------
    level : Level
        The last one.
    jumps : Jumps
    volume_m3 : float
        Of the region.
    error_per_residual : float
        Error of E relative to the residual of its jumps.
    error : float
        Largest over the design poses.
    history : list of ZoomLevel
    stopped : str
    """

    level: Level
    jumps: Jumps
    volume_m3: float
    error_per_residual: float
    error: float
    history: list[ZoomLevel]
    stopped: str


class _Trial:
    """A level that was solved with quadratic elements for the design poses."""

    def __init__(self, head: Whole, part: Part, edges: Edges, design: Design, probes: _Probes) -> None:
        self.level = Level(head, part, edges, _quadratic(part, edges))
        device, k = head.device, len(design.drive)
        limits = np.full(k, _TOL_SHARE * design.error)
        columns = self.level.solve(design.drive, slice(0, k), design.rim, limits, _ITERATIONS)
        ones = device.put(np.ones(k))
        field = device.xp.empty((k, probes.count, 3), np.float32)
        probes.on(self.level).fill(self.level.phi, self.level.adot, ones, field)
        self.field = device.get(field).astype(np.float64)
        self.squares = probes.mean_squares(self.field)  # of E, (k,)
        self.jumps = Jumps(part, self.level.operators, self.level.conductivity, _FACES_OF)
        of_jumps = self.jumps.squares(self.level.phi, self.level.adot, ones)
        self.residuals: Floats = device.get(of_jumps) / probes.volume_m3 / self.squares  # squared, (k,)
        relative = missed(self.level, device, k) / (probes.volume_m3 * self.squares)
        self.missed = relative.mean(axis=1)  # along each edge, squared, each pose relative to its field
        self.facts = ZoomLevel(
            tetrahedra=len(part.tets),
            unknowns=self.level.operators.size,
            nonzeros=self.level.operators.nnz,
            iterations=max(c.iterations for c in columns),
            change=None,
            residual=float(np.sqrt(self.residuals.mean())),
            linear_error=float(np.sqrt(self.missed.sum())),
        )


class _Probes:
    """Points of a region at which levels are compared."""

    def __init__(self, region: Region) -> None:
        self._mesh = mesh = region.mesh
        tets = np.unique(region.elements)
        volume = volumes(mesh.nodes_mm, mesh.tets[tets])
        self.volume_m3 = float(volume.sum()) * 1e-9
        if region.barycentric is None:
            draw = np.random.default_rng(0)
            count = min(4 * len(tets), _PROBES)
            # One from each of so many equal shares of the volume.
            at = (np.arange(count) + draw.random(count)) / count * volume.sum()
            self._elements = tets[np.minimum(np.searchsorted(np.cumsum(volume), at), len(tets) - 1)]
            self._barycentric = draw.dirichlet(np.ones(4), count)
            self._weights = np.full(count, 1.0 / count)
        else:
            self._elements, self._barycentric = region.elements, region.barycentric
            self._weights = region.weights / region.weights.sum()
        self.count = len(self._elements)

    def on(self, level: Level) -> Sampling:
        points = in_part(level.part, self._mesh, self._elements, self._barycentric)
        return Sampling(level.operators, points)

    def mean_squares(self, field: Floats) -> Floats:
        """Return the mean (k,) of |E|² over the region."""
        return np.asarray(np.einsum("kpd,kpd,p->k", field, field, self._weights))


def adapted(head: Whole, coarse: Part, region: Region, design: Design) -> Adapted:
    """Refine a part around a region, level by level.

    Each level is solved with quadratic elements; those edges are halved along which linear ones would miss
    most (`missed`, `bulk`). Levels are nested, so the square of what one is off by is d² + e², with its
    change d to the next and what that is off by, e (Galerkin orthogonality: it holds for the energy, and is
    measured to hold within some per cent for E over a region). With e = c η proportional to the residual η of
    the jumps, and η₀ that of the level before, c² = d²/(η₀² − η²); the sums over all levels are taken.
    """
    probes, edges = _Probes(region), Edges.of_tets(coarse.tets, len(coarse.nodes_mm))
    part, history, pairs = coarse, list[ZoomLevel](), list[tuple[float, float]]()
    ratio, worst = _GUESS, np.inf
    trial = _Trial(head, part, edges, design, probes)
    design.progress(trial.facts)
    while not (stopped := _stopped(history, trial.facts, worst, design)):
        share = _share(ratio * trial.facts.residual, design.error)
        tags = head.mesh.tags[part.origin] if design.smooth else None
        part = part.halved(edges, bulk(trial.missed, share), tags)
        edges = Edges.of_tets(part.tets, len(part.nodes_mm))
        if len(part.nodes_mm) + _quadratic(part, edges).sum() > design.max_unknowns:
            stopped = "unknowns"
            break
        history.append(trial.facts)
        before, trial = trial, _Trial(head, part, edges, design, probes)
        changes = probes.mean_squares(trial.field - before.field) / trial.squares
        pairs.append((changes.mean(), before.residuals.mean() - trial.residuals.mean()))
        del before
        ratio = _ratio(pairs)
        errors = ratio * np.sqrt(trial.residuals)
        worst = float(errors.max())
        trial.facts = replace(
            trial.facts, change=float(np.sqrt(changes.mean())), error=float(np.sqrt((errors**2).mean()))
        )
        design.progress(trial.facts)
    history.append(trial.facts)
    return Adapted(trial.level, trial.jumps, probes.volume_m3, ratio, worst, history, stopped)


def _stopped(history: list[ZoomLevel], last: ZoomLevel, worst: float, design: Design) -> str:
    """Say why no level is to follow the last one; "" if one is."""
    if worst <= design.error:
        return "reached"
    if len(history) + 1 >= _MOST_LEVELS or (history and last.residual > _HELPS * history[-1].residual):
        return "levels"
    return ""


def _ratio(pairs: list[tuple[float, float]]) -> float:
    """Return the error relative to the residual, from the changes between levels and how the residual fell.

    Both are squared. Where residuals did not fall, a small change does not say that an error is small: then
    the ratio is infinite.
    """
    changes, falls = np.sum(pairs, axis=0)
    return float(np.sqrt(changes / falls)) if falls > 0.0 else float("inf")


def _share(error: float, asked: float) -> float:
    """Return the share of what is missed that the next level should take up: less if that is enough."""
    return float(np.clip((1.0 - _AIM * asked / error) / _FALL, _LEAST_SHARE, _MOST_SHARE))


def _quadratic(part: Part, edges: Edges) -> NDArray[np.bool_]:
    """Return which edges (e,) the potential is quadratic along: those of tetrahedra that touch the region."""
    quadratic = np.zeros(len(edges.ends), bool)
    quadratic[edges.of[part.touching]] = True
    return quadratic
