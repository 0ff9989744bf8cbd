# SPDX-License-Identifier: BSD-3-Clause
"""One search, stage by stage: place, prepare, rank, refine, certify."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..core.device import using_threads
from ..core.messages import point
from ..errors import PoseError
from ..placement.retreat import casing_of
from ..placement.scalp import Scalp
from ..placement.sites import Sites, tangential_poses, walked
from ..poses.pose import tilts, turns
from ..solve.drives.coil import coil_to_place
from .aim import Aim
from .candidates import Face, positions_for
from .certificate import Certificate, Probes, certified, zoomed_value
from .design import design_poses, outputs_for
from .landscape import WHOLE_TURN_DEG, Landscape
from .lifting import Lifting
from .options import SearchOptions
from .outputs import Outputs
from .reciprocity import ReciprocalField
from .result import SearchReport, SearchResult
from .robustness import flatness_at, gradient_at, smeared
from .starts import TURNED_DEG, Start, apart, settled, turn_between
from .sums import sums_at
from .sweep import scheme_for

__all__ = ["Prepared", "Run"]

Floats = NDArray[np.float64]

_STARTS = 4  # of the best that are refined; other rivals are looked at where they are
_APART = 3.0  # spacings between them
_LEAST_STEP_MM = 0.2
_PROBES = 4  # poses of the map that are solved in full beside the best
_TRIED_ANGLES, _BETWEEN, _LEAST_LIFT_MM = 12, 1.25, 1.0  # lifts between these angles may be larger
# Little of the field is left farther off; coils that reach around the head fit few heads closely.
_MOST_LIFT_MM, _MOST_LIFT_OF_BENT_MM = 15.0, 40.0
_NOTABLE_LIFT_MM, _NOTABLE_ERROR, _NOTABLE_MAP_ERROR = 0.5, 5e-3, 2e-2
_DENSE_MM = 3.0  # so near positions leave no gaps between their samples
_PATTERN = np.stack(np.meshgrid([-1.0, 0.0, 1.0], [-1.0, 0.0, 1.0]), axis=-1).reshape(-1, 2)


class Prepared(NamedTuple):
    """What is known of a target, whatever the coil: it serves several searches."""

    outputs: Outputs
    field: ReciprocalField


class Run:
    """A search that is under way; `result` does all of it. `prepared` is of another one for this target."""

    def __init__(
        self,
        aim: Aim,
        options: SearchOptions,
        progress: Callable[[str], None] | None = None,
        prepared: Prepared | None = None,
    ) -> None:
        self._aim, self._options, self._say, self.prepared = aim, options, progress, prepared
        self._seconds, self._last = dict[str, float](), time.perf_counter()
        mesh = aim.model.mesh
        self._scalp = Scalp(aim.model.scalp, options.smooth_mm)
        self._face = None if options.handle_over_face else Face(mesh)
        self._tilts = tilts(np.asarray(options.tilts_deg))
        casing, self._lifting = casing_of(coil_to_place(aim.coil)), None
        if casing is not None and options.clear_mm is not None:
            flat = aim.coil.bounds_mm[1, 2] <= 0.0
            most = _MOST_LIFT_MM if flat else _MOST_LIFT_OF_BENT_MM
            self._lifting = Lifting(self._scalp.surface, casing, options.clear_mm, most)
        self._positions = positions_for(self._scalp, self._aim.middle_mm, options)
        self._lap("place", f"{len(self._positions.poses):,} positions on the scalp")

    def result(self) -> SearchResult:
        """Prepare the target, rank all poses, refine and solve the best."""
        with using_threads(self._aim.model.threads):
            return self._result()

    def _result(self) -> SearchResult:
        self._prepare()
        values, which = self._ranked()
        starts = self._refined(self._starts(values, which))
        poses = np.concatenate([self._pose(start) for start in starts])
        if self._lifting is not None:
            poses = self._lifting.cleared(poses)
        self._lap("refine", f"{len(poses)} poses to look at closely")
        self._probes = self._probed(values, which)
        found = self._certified(starts, poses)
        return self._answer(values, which, starts[int(found.order[0])], found)

    def _prepare(self) -> None:
        """Solve the adjoints, and lay out how sums over the coil are found."""
        aim, poses = self._aim, self._positions.poses
        self._n_solves = 0
        most = [self._most_lift(poses, tilt) for tilt in self._tilts]
        if self.prepared is None:
            design = self._off_scalp(design_poses(poses, self._aim.middle_mm))
            outputs, self._n_solves = outputs_for(aim, design)
            if self._n_solves:
                self._lap("design", f"{self._n_solves} poses solved for the ways |E| can be")
            field = ReciprocalField(aim.model, aim.region, outputs.weights, tol=self._options.tol)
            self._n_solves += len(field)
            self._lap("adjoint", f"{len(field)} adjoints solved")
            self.prepared = Prepared(outputs, field)
        self._outputs, self._field = self.prepared
        self._landscapes = []
        for tilt, lift in zip(self._tilts, most, strict=True):
            scheme = scheme_for(
                aim,
                self._field,
                poses,
                tilt=tilt,
                most_lift_mm=lift,
                margin_mm=max(self._options.spacing_mm - _DENSE_MM, 1.0),
            )
            self._landscapes.append(Landscape(scheme, self._outputs, tilt, self._lifting))
        self._lap(
            "field", f"the reciprocal field at {sum(n.scheme.n_points for n in self._landscapes):,} points"
        )

    def _most_lift(self, poses: Floats, tilt: Floats) -> float:
        """Return how far coils are lifted at most, mm, and somewhat more for places between; 0 if none is."""
        if self._lifting is None:
            return 0.0
        turned = poses[:, None] @ turns(360.0 * np.arange(_TRIED_ANGLES) / _TRIED_ANGLES) @ tilt
        lifts = self._lifting.lifts(turned.reshape(-1, 4, 4))
        if np.isnan(lifts).all():
            raise PoseError(
                f"the coil fits nowhere: at all {len(lifts):,} poses around "
                f"{point(self._aim.middle_mm)} that were tried its casing is not clear of the scalp even "
                f"{self._lifting.most_mm:g} mm off; another centre_mm, a larger radius_mm, or clear_mm=None "
                "(casings may cut into the head) may do"
            )
        return float(min(_BETWEEN * np.nanmax(lifts) + _LEAST_LIFT_MM, self._lifting.most_mm))

    def _off_scalp(self, poses: Floats) -> Floats:
        """Return poses lifted off the scalp, of those that can be; all where nobody asks."""
        if self._lifting is None:
            return poses
        lifts = self._lifting.lifts(poses)
        if np.isnan(lifts).all():
            return poses
        poses, lifts = poses[~np.isnan(lifts)], lifts[~np.isnan(lifts)]
        poses[:, :3, 3] -= lifts[:, None] * poses[:, :3, 2]
        return poses

    def _ranked(self) -> tuple[Floats, NDArray[np.intp]]:
        """Return the values (p, a) of all poses, at the best tilt, and which tilt (p, a) that is.

        Raises
        ------
        PoseError
            All poses are ruled out.
        """
        poses, angles = self._positions.poses, self._options.angles_deg
        every = np.stack([landscape.at(poses, angles) for landscape in self._landscapes])
        too_close = np.isnan(every).all(axis=0)
        for values, tilt in zip(every, self._tilts, strict=True):
            values[~self._allowed(poses, angles, tilt)] = np.nan
        which = np.where(np.isnan(every), -np.inf, every).argmax(axis=0)
        values = np.take_along_axis(every, which[None], axis=0)[0]
        if np.isnan(values).all():
            raise PoseError(
                f"the coil fits nowhere: of {values.size:,} poses around {point(self._aim.middle_mm)} its "
                f"casing is not clear of the scalp at {too_close.sum():,}, and the others are ruled out by a "
                "handle over the face or by handle_deg; another centre_mm, a larger radius_mm or "
                "distance_mm, or handle_over_face=True may do"
            )
        if self._options.jitter is not None:
            values = smeared(values, poses, angles, self._options.jitter)
        self._lap("sweep", f"{values.size:,} poses ranked")
        return values, which

    def _allowed(self, poses: Floats, angles_deg: Floats, tilt: Floats) -> NDArray[np.bool_]:
        """Say which angles (p, a) at poses (p, 4, 4) neither handle nor face rule out."""
        allowed = np.ones((len(poses), len(angles_deg)), bool)
        if self._options.handle_deg is not None:
            low, high = np.asarray(self._options.handle_deg)
            allowed &= (angles_deg - low) % 360.0 <= high - low + 1e-9
        if self._face is not None:
            near = np.flatnonzero(self._face.is_near(poses))
            allowed[near] &= ~self._face.is_under(poses[near], turns(angles_deg) @ tilt)
        return allowed

    def _starts(self, values: Floats, which: NDArray[np.intp]) -> list[Start]:
        """Choose the best pose and rivals that are apart from it and from each other."""
        left = np.where(np.isnan(values), -np.inf, values)
        sites, angles = self._positions.sites, self._options.angles_deg
        chosen: list[Start] = []
        while len(chosen) < self._options.rivals + 1 + _STARTS:
            i, j = np.unravel_index(int(left.argmax()), left.shape)
            if not np.isfinite(left[i, j]):
                break
            one = Sites(*(column[i : i + 1] for column in sites))
            chosen.append(Start(one, float(angles[j]), int(which[i, j])))
            near = np.linalg.norm(sites.point - sites.point[i], axis=1) < _APART * self._options.spacing_mm
            turned = turn_between(angles, angles[j]) < TURNED_DEG
            left[np.ix_(near, turned)] = -np.inf
        return chosen

    def _refined(self, starts: list[Start]) -> list[Start]:
        """Move the first starts to where the value is largest, by patterns of nine places that shrink."""
        options = self._options
        if not options.refine or options.jitter is not None:
            return starts
        refined, rest = starts[:_STARTS], starts[_STARTS:]
        step = 0.5 * options.spacing_mm
        while step >= _LEAST_STEP_MM:
            refined = self._better(refined, step)
            step *= 0.5
        return refined + rest

    def _better(self, starts: list[Start], step_mm: float) -> list[Start]:
        """Return the best of nine places around each start, at the best angle near that of the start."""
        around, columns = len(_PATTERN), zip(*(start.site for start in starts), strict=True)
        places = Sites(*(np.repeat(np.concatenate(column), around, axis=0) for column in columns))
        sites = walked(self._scalp, places, step_mm * np.tile(_PATTERN, (len(starts), 1)))
        poses = tangential_poses(sites, self._options.distance_mm)
        held = self._positions.limits.hold(sites.point)
        better = list(starts)
        for i, start in enumerate(starts):
            own = slice(i * around, (i + 1) * around)
            allowed = self._allowed(poses[own], WHOLE_TURN_DEG, self._tilts[start.tilt]) & held[own, None]
            allowed &= turn_between(WHOLE_TURN_DEG, start.angle_deg) <= TURNED_DEG
            angles, values = self._landscapes[start.tilt].best_angles(poses[own], allowed)
            if np.isfinite(values).any():
                best = own.start + int(values.argmax())
                site = Sites(*(column[best : best + 1] for column in sites))
                better[i] = Start(site, float(angles[best - own.start]), start.tilt)
        return better

    def _pose(self, start: Start) -> Floats:
        """Return the pose (1, 4, 4) of a start."""
        base = tangential_poses(start.site, self._options.distance_mm)
        return base @ turns(np.array([start.angle_deg])) @ self._tilts[start.tilt]

    def _certified(self, starts: list[Start], poses: Floats) -> Certificate:
        """Solve the best poses in full; with no rivals asked for, take what reciprocity says."""
        sums = sums_at(self._aim.model, self._field, self._aim.coil, poses, self._aim.didt)
        values = self._outputs.values(sums)
        robust = self._options.jitter is not None  # they come in the order of their means over it
        order = apart(
            poses,
            np.arange(len(values)) if robust else np.argsort(-values, kind="stable"),
            self._options.spacing_mm,
        )
        if robust:
            order = order[: self._options.rivals + 1]
            return self._solved(poses[order], values[order])._replace(order=order)
        order = settled(starts, values, order)[: self._options.rivals + 1]
        found = self._solved(poses[order], values[order])
        if not self._options.rivals:
            return found._replace(order=order)
        rows = settled([starts[int(i)] for i in order], found.values, found.order)
        return found._replace(order=order[rows], poses=found.poses[rows], values=found.values[rows])

    def _solved(self, poses: Floats, values: Floats) -> Certificate:
        """Solve poses that have values by reciprocity in full, and some of the map, if that is asked for."""
        if not self._options.rivals:
            return Certificate(np.arange(len(values)), poses, values, float("nan"), float("nan"))
        found = certified(self._aim, poses, values, self._probes)
        self._n_solves += len(poses) + len(self._probes.values)
        self._lap("certify", f"{len(poses)} poses solved in full")
        return found

    def _probed(self, values: Floats, which: NDArray[np.intp]) -> Probes:
        """Choose a few poses of the map, evenly among those that are possible; none of a smeared one."""
        place, angle = np.nonzero(~np.isnan(values))
        some = np.linspace(0, len(place) - 1, _PROBES + 2)[1:-1].astype(int)
        if self._options.jitter is not None:
            some = some[:0]
        place, angle = place[some], angle[some]
        angles = turns(self._options.angles_deg[angle])
        poses = self._positions.poses[place] @ angles @ self._tilts[which[place, angle]]
        if self._lifting is not None and len(poses):
            poses = self._lifting.cleared(poses)
        return Probes(poses, values[place, angle])

    def _answer(
        self, values: Floats, which: NDArray[np.intp], best: Start, found: Certificate
    ) -> SearchResult:
        """Put the result together."""
        options, value, off = self._options, float(found.values[0]), float("nan")
        landscape, pose = self._landscapes[best.tilt], found.poses[0]
        if options.zoom_error is not None:
            value, off = zoomed_value(self._aim, pose, options.zoom_error)
            self._lap("zoom", f"the head refined around the target, to {100 * off:.2g} %")
        flatness = flatness_at(landscape, self._scalp, best.site, best.angle_deg, options.distance_mm)
        gradient = gradient_at(self._aim, self._field, self._outputs, pose)
        self._lap("flatness", f"{100 * flatness.worst:.2g} % lost at worst 5 mm and 10° away")
        return SearchResult(
            coil=self._aim.coil,
            pose=pose,
            value=value,
            didt=self._aim.didt,
            poses=found.poses,
            values=found.values,
            positions_mm=self._positions.sites.point,
            base_poses=self._positions.poses,
            angles_deg=options.angles_deg,
            map=values.astype(np.float32),
            flatness=flatness,
            gradient=gradient,
            report=self._report(values, best, found, off),
            target_mm=self._aim.middle_mm,
            angle_deg=best.angle_deg % 360.0,
            profile=self._profile(best),
            scalp=self._scalp.surface,
            motions=turns(options.angles_deg)[None] @ self._tilts[:, None],
            which_tilt=which.astype(np.int32),
            lifting=self._lifting,
        )

    def _report(self, values: Floats, best: Start, found: Certificate, off: float) -> SearchReport:
        """Say how the search went; `off` is the discretisation error where it is known."""
        return SearchReport(
            n_positions=len(values),
            n_angles=values.shape[1],
            n_solves=self._n_solves,
            reciprocal_error=found.error,
            map_error=found.map_error,
            sweep_error=max(one.scheme.error for one in self._landscapes),
            discretisation_error=off,
            ruled_out=float(np.isnan(values).mean()),
            lift_mm=self._lift_mm(best, found),
            notes=tuple(self._notes(best, found)),
            seconds=self._seconds,
        )

    def _profile(self, best: Start) -> Floats:
        """Return the values (360,) at the best position, at each degree; nan where they are ruled out."""
        base = tangential_poses(best.site, self._options.distance_mm)
        allowed = self._allowed(base, WHOLE_TURN_DEG, self._tilts[best.tilt])
        values = self._landscapes[best.tilt].at(base, WHOLE_TURN_DEG, wanted=allowed)
        values[~allowed] = np.nan
        return values[0]

    def _lift_mm(self, best: Start, found: Certificate) -> float:
        """Return how far the casing has lifted the best pose."""
        return float(np.linalg.norm(found.poses[0][:3, 3] - self._pose(best)[0, :3, 3]))

    def _notes(self, best: Start, found: Certificate) -> list[str]:
        """Say what a user should look at."""
        notes = []
        limits = self._positions.limits
        if limits.away(best.site.point)[0] > limits.radius_mm - self._options.spacing_mm:
            notes.append(
                f"the best pose is at the edge of what was searched (radius_mm={self._options.radius_mm:g}):"
                " a larger radius may find a better one"
            )
        lift_mm = self._lift_mm(best, found)
        if lift_mm > _NOTABLE_LIFT_MM:
            notes.append(f"the coil is lifted by {lift_mm:.1f} mm, so that its casing is clear of the scalp")
        if found.error > _NOTABLE_ERROR:
            notes.append(
                f"reciprocity and full solves differ by {100 * found.error:.2g} %: go by the full solves"
            )
        if found.map_error > _NOTABLE_MAP_ERROR:
            notes.append(
                f"the map is off by up to {100 * found.map_error:.2g} % of the largest value at some poses "
                "that were solved: a better one may have been missed; try a smaller region, or a component"
            )
        if not found.values[0] > 0.0:
            notes.append("the target gets nothing, or less than what it is traded against")
        return notes

    def _lap(self, name: str, what: str) -> None:
        now = time.perf_counter()
        self._seconds[name] = self._seconds.get(name, 0.0) + now - self._last
        self._last = now
        if self._say is not None:
            self._say(what)
