# SPDX-License-Identifier: BSD-3-Clause
"""Refine a part of a head until its field of quadratic elements is as good as was asked for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import MeshError, PoseError
from ...heads.refinement import Edges
from ...heads.tetrahedra import volumes
from ...regions.region import Region
from ..drives.drive import Drive
from .jumps import Jumps
from .level import Level
from .marking import bulk, missed
from .options import ZoomOptions
from .part import Part
from .report import ZoomLevel
from .sampling import Sampling, in_part
from .surroundings import Surroundings
from .whole import Whole

__all__ = ["Adapted", "Design", "adapted"]

Floats = NDArray[np.float64]

_TOL_SHARE = 1e-3  # of the error asked for that the solver may be off by, see docs/numerics.md
_ITERATIONS = 200
_AIM = 0.85  # of the error asked for: what the last level is to reach
_MOST_RIM = 0.9  # of the error asked for, that what is around the region may take
# Measured on heads: a level that takes up a share s of what is missed leaves about 1 − 0.42 s of the residual
# and unknowns are used as well with a share of 0.8 as with one of 0.5.
_FALL, _LEAST_SHARE, _MOST_SHARE = 0.42, 0.4, 0.85
_GUESS = 0.5  # error relative to the residual, before two levels say more
_HELPS = 0.95  # of the residual: if more is left after two levels, refinement no longer helps
_MOST_LEVELS = 16
_NONE = 1e-30  # what a residual counts as at least, squared
_PROBES = 20_000  # points at which levels are compared
_FACES_OF = 4_000  # tetrahedra on whose faces jumps say how large the error is for a pose


@dataclass(frozen=True, eq=False)
class Design:
    """What a mesh is refined for: some sources, with potentials (r, W) at the rim, and what is asked for."""

    drive: Drive
    rim: Any
    surroundings: Surroundings
    options: ZoomOptions


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
        Error of E relative to the residual of its jumps; infinite where there is only one level.
    rim_error : float
        What linear elements around the part cost, of the design pose where it is most.
    errors : ndarray (k,) float64
        What E is estimated to be off by, per design pose.
    history : list of ZoomLevel
    stopped : str
    """

    level: Level
    jumps: Jumps
    volume_m3: float
    error_per_residual: float
    rim_error: float
    errors: Floats
    history: list[ZoomLevel]
    stopped: str


class _Trial:
    """A level that was solved with quadratic elements for the design poses."""

    def __init__(self, head: Whole, part: Part, edges: Edges, design: Design, probes: _Probes) -> None:
        self.level = Level(head, part, edges, _quadratic(part, edges))
        device, k = head.device, len(design.drive)
        limits = np.full(k, _TOL_SHARE * design.options.error)
        columns = self.level.solve(design.drive, slice(0, k), design.rim, limits, _ITERATIONS)
        ones = device.put(np.ones(k))
        field = device.xp.empty((k, probes.count, 3), np.float32)
        probes.on(self.level).fill(self.level.phi, self.level.adot, ones, field)
        self.field = device.get(field).astype(np.float64)
        self.squares = probes.mean_squares(self.field)  # of E, (k,)
        _check(columns, self.squares)
        self.jumps = Jumps(part, self.level.operators, self.level.conductivity, _FACES_OF)
        of_jumps = self.jumps.squares(self.level.phi, self.level.adot, ones)
        relative: Floats = device.get(of_jumps) / probes.volume_m3 / self.squares
        self.residuals = np.maximum(relative, _NONE)  # squared, (k,)
        squares = missed(self.level, device, k) / (probes.volume_m3 * self.squares)
        self.missed = squares.mean(axis=1)  # along each edge, squared, each pose relative to its field
        self.facts = ZoomLevel(
            tetrahedra=len(part.tets),
            unknowns=self.level.operators.size,
            nonzeros=self.level.operators.nnz,
            iterations=max(c.iterations for c in columns),
            change=None,
            residual=float(np.sqrt(self.residuals.mean())),
            linear_error=float(np.sqrt(self.missed.sum())),
        )

    def errors(self, ratio: float) -> Floats:
        """Return what elements are off by, (k,), from its ratio to the residual."""
        return ratio * np.sqrt(self.residuals)


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


def adapted(
    head: Whole,
    coarse: Part,
    region: Region,
    design: Design,
    progress: Callable[[ZoomLevel], None] | None = None,
) -> Adapted:
    """Refine a part around a region, level by level; `progress` is called with each.

    Each level is solved with quadratic elements; those edges are halved along which linear ones would miss
    most (`missed`, `bulk`). Levels are nearly nested: what touches the region shrinks as it is refined, so
    that elements beside it turn linear, and nodes move with smooth=True. If they were, the square of what one
    is off by would be d² + e², with its change d to the next and what that is off by, e (Galerkin
    orthogonality, which holds for the energy of the whole part, and is assumed for E over a region). With
    e = c η proportional to the residual η of the jumps, and η₀ that of the level before, c² = d²/(η₀² − η²);
    the sums over all levels are taken.
    """
    options, probes, part = design.options, _Probes(region), coarse
    edges = Edges.of_tets(part.tets, len(part.nodes_mm))
    trial = _Trial(head, part, edges, design, probes)
    history, steps, rim = [trial.facts], list[tuple[float, float, float]](), 0.0
    if coarse.rim.any():
        rim = float(design.surroundings.error(trial.squares, options.reach_mm).max())
    goal = _goal(options.error, rim)
    while True:
        if progress is not None:
            progress(history[-1])
        ratio = _ratio(steps)
        stopped = _stopped(history, bool(trial.errors(ratio).max() <= goal))
        if stopped:
            break
        tags = head.mesh.tags[part.origin] if options.smooth else None
        part = part.halved(edges, bulk(trial.missed, _share(ratio * trial.facts.residual, goal)), tags)
        edges = Edges.of_tets(part.tets, len(part.nodes_mm))
        if len(part.nodes_mm) + _quadratic(part, edges).sum() > options.max_unknowns:
            stopped = "unknowns"
            break
        before, residual = trial.field, trial.residuals.mean()
        del trial  # its matrices, before those of the next are made
        trial = _Trial(head, part, edges, design, probes)
        change = float((probes.mean_squares(trial.field - before) / trial.squares).mean())
        steps.append((change, residual, trial.residuals.mean()))
        error = float(np.sqrt((trial.errors(_ratio(steps)) ** 2).mean() + rim**2))
        history.append(replace(trial.facts, change=float(np.sqrt(change)), error=error))
    ratio = _ratio(steps) if steps else np.inf  # nothing to compare the only level with
    errors = np.hypot(trial.errors(ratio), rim)
    return Adapted(
        level=trial.level,
        jumps=trial.jumps,
        volume_m3=probes.volume_m3,
        error_per_residual=ratio,
        rim_error=rim,
        errors=errors,
        history=history,
        stopped=_why(stopped, float(errors.max()), rim, options.error),
    )


def _why(stopped: str, error: float, rim: float, asked: float) -> str:
    """Say why refinement ended, once all errors are known: what keeps the error up comes first."""
    if error <= asked:
        return "reached"
    return "margin" if rim > _MOST_RIM * asked else stopped


def _check(columns: list[Any], squares: Floats) -> None:
    """Refuse a level that could not be solved, and poses that drive no field in the region."""
    bad = [i for i, c in enumerate(columns) if not c.converged]
    if bad:
        residual = columns[bad[0]].residual
        raise MeshError(
            f"the refined mesh could not be solved for {len(bad)} of {len(columns)} poses; the first is pose "
            f"{bad[0]} with a residual of {residual:.2g}: see mesh.check()"
        )
    none = np.flatnonzero(~(squares > 0.0))
    if len(none):
        raise PoseError(f"pose {none[0]} drives no field in roi: there is nothing to refine for")


def _goal(asked: float, rim: float) -> float:
    """Return what elements may be off by: the rest of what was asked for, unless the rim takes nearly all."""
    return float(np.sqrt(asked**2 - rim**2)) if rim <= _MOST_RIM * asked else asked


def _stopped(history: list[ZoomLevel], enough: bool) -> str:
    """Say why no level is to follow the last one; "" if one is."""
    if len(history) == 1:
        return ""
    if enough:
        return "reached"
    helped = len(history) < 3 or history[-1].residual < _HELPS * history[-3].residual
    if len(history) >= _MOST_LEVELS or not helped:
        return "levels"
    return ""


def _ratio(steps: list[tuple[float, float, float]]) -> float:
    """Return the error relative to the residual, from the changes between levels and the residuals at them.

    All are squared. Where residuals hardly fall, a small change does not say that an error is small: then
    they count as if they had fallen by a little. Without a step it is a guess.
    """
    if not steps:
        return _GUESS
    changes, before, after = np.sum(steps, axis=0)
    return float(np.sqrt(changes / max(before - after, (1.0 - _HELPS**2) * before)))


def _share(error: float, asked: float) -> float:
    """Return the share of what is missed that the next level should take up: less if that is enough."""
    return float(np.clip((1.0 - _AIM * asked / error) / _FALL, _LEAST_SHARE, _MOST_SHARE))


def _quadratic(part: Part, edges: Edges) -> NDArray[np.bool_]:
    """Return which edges (e,) the potential is quadratic along: those of tetrahedra that touch the region."""
    quadratic = np.zeros(len(edges.ends), bool)
    quadratic[edges.of[part.touching]] = True
    return quadratic
