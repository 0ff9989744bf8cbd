# SPDX-License-Identifier: BSD-3-Clause
"""Run a recorded session through what gives live frames: the dose of each pulse, and of all together."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..coils.coil import Coil
from ..core.arguments import not_negative, whole
from ..core.messages import in_one_line
from ..errors import ArgumentError, ConvergenceError, PoseError, RegionError
from ..measures.target import Target
from ..metrics.sums import average, levels
from ..placement.plausible import PlausiblePoses
from ..poses.pose_list import PoseList
from ..regions.region import Region
from ..solve.drives.coil import check_coil
from .dose import Dose, rows_in
from .engine import Engine
from .replayed import Refused, Replay
from .session import Session

__all__ = ["replay"]

Floats = NDArray[np.float64]

_RATE = 1e6  # A/s that poses are computed for; E is linear in dI/dt
_PERCENT = np.array(99.0)
_MOST_BATCH = 4096
_FIRST_POSE = re.compile(r"^pose 0( of 1)?: ")


def replay(
    engine: Engine,
    coil: Coil,
    poses: ArrayLike | PoseList,
    didt: ArrayLike | None = None,
    *,
    target: Target | Region | None = None,
    threshold: float = 50.0,
    batch: int = 32,
    progress: Callable[[int, int], None] | None = None,
) -> Replay:
    """Compute the dose of each pulse of a session, and what they add up to, by what computes live frames.

    Equal poses are computed once. One batch of fields is in memory at a time, however many pulses there are.

    Parameters
    ----------
    engine : Engine
        What has a `region` and a `field(coil, poses, didt)`, such as what shows the field while it is
        navigated.
    coil : Coil
    poses : array_like (4, 4) or (k, 4, 4), or PoseList
        Coil to head, mm. Of a PoseList, as `read_pose_list` gives it, pulses whose pose was lost are listed.
    didt : array_like, optional
        See `HeadModel.solve`; by default that of the PoseList, else 1e6 A/s.
    target : Target or Region, optional
        Part of the region of the engine; its value is given for each pulse.
    threshold : float
        V/m: for each tetrahedron or point, the pulses with more are counted.
    batch : int
        Poses computed at a time.
    progress : callable, optional
        Called with (poses done, poses in all), of different poses, after each batch.

    Returns
    -------
    Replay
        A pulse is not computed where its pose was lost, its coil is inside the head or more than 300 mm from
        it, or the engine refuses its pose or does not converge: its numbers are nan, `refused` says why, and
        the rest goes on.

    Raises
    ------
    CoilError, PoseError, ArgumentError, RegionError
        What is wrong with arguments: poses that are not rigid, dI/dt of another shape, a target that is no
        part of the region.
    DeviceError, HeadfieldError
        What the engine raises that has nothing to do with single poses.

    Examples
    --------
    >>> import headfield as hf
    >>> model = hf.HeadModel(hf.sphere_mesh(radii_mm=[80, 86, 92], tags=[2, 4, 5], edge_mm=20))
    >>> class Solver:
    ...     region = hf.regions.tissue(model.mesh, 2)
    ...     def field(self, coil, poses, didt=1e6):
    ...         return model.solve(coil, poses, didt, roi=self.region)
    >>> coil = hf.figure_of_eight()
    >>> pose = model.place(coil, [0, 0, 92], [0, 50, 92])
    >>> session = hf.replay(Solver(), coil, [pose, pose, np.eye(4)], didt=[50e6, 100e6, 50e6])
    >>> session
    <Replay of 3 pulses, 1 of them refused, at 1 pose in 1,280 tetrahedra>
    >>> bool(session.largest[1] == 2 * session.largest[0]), bool(np.isnan(session.largest[2]))
    (True, True)
    >>> session.refused[0].reason
    'the wire of the coil is inside the head'
    """
    region = engine.region
    if not len(region):
        raise RegionError("the region of the engine is empty")
    level = not_negative(threshold, "threshold", ArgumentError)
    at_once = whole(batch, "batch", ArgumentError, _MOST_BATCH)
    session = Session.of(poses, check_coil(coil), didt)
    aim = Target(target) if isinstance(target, Region) else target
    run = _Run(region, session, Dose(len(region), level), aim)
    groups = _groups(session)
    for row, reason in _misplaced(engine, coil, session, groups).items():
        run.refuse(groups.pop(row), reason)
    _compute(engine, coil, run, list(groups.values()), at_once, progress)
    return run.replayed(len(groups))


class _Measures(NamedTuple):
    """What is known of a pose that was computed."""

    largest: float
    mean: float
    percentile_99: float
    target: float
    basis_error: float


class _Run:
    """What is known of a session so far."""

    def __init__(self, region: Region, session: Session, dose: Dose, target: Target | None) -> None:
        self.region, self.session, self.dose, self.target = region, session, dose, target
        self.reasons = dict(session.lost)
        self.values = np.full((len(session), len(_Measures._fields)), np.nan)
        self._rows = None if target is None else rows_in(region, target.region)

    def refuse(self, rows: NDArray[np.intp], reason: str) -> None:
        """Note why pulses have no field."""
        self.reasons |= dict.fromkeys(rows.tolist(), reason)

    def add(self, rows: NDArray[np.intp], E: NDArray[np.float32], basis_error: float) -> None:
        """Take the field (p, 3) of a pose in for all pulses there."""
        field = E.astype(np.float64)
        magnitude = np.sqrt(np.einsum("pd,pd->p", field, field))
        if not np.isfinite(magnitude).all():
            self.refuse(rows, "E is not a number")
            return
        signed = self._scales(rows)
        self.dose.add(magnitude, signed)
        one = self._measured(field, magnitude, basis_error)
        size = np.abs(signed)
        linear = self.target is not None and self.target.is_linear
        scales = {"target": signed if linear else size, "basis_error": np.ones_like(size)}
        for column, name in enumerate(_Measures._fields):
            self.values[rows, column] = one[column] * scales.get(name, size)

    def _scales(self, rows: NDArray[np.intp]) -> Floats:
        """Return what the field that was computed is to be multiplied by for each of these pulses."""
        didt = self.session.didt[rows]
        return np.asarray(didt[:, 0] / _RATE if didt.shape[1] == 1 else np.ones(len(rows)))

    def _measured(self, field: Floats, magnitude: Floats, basis_error: float) -> _Measures:
        weights = self.region.weights
        at_target = np.nan
        if self.target is not None:
            at_target = float(self.target.value(field[None, self._rows])[0])
        return _Measures(
            float(magnitude.max()),
            float(average(magnitude, weights)),
            float(levels(magnitude, weights, _PERCENT)),
            at_target,
            basis_error,
        )

    def replayed(self, n_poses: int) -> Replay:
        """Return the answer."""
        session = self.session
        largest, mean, percentile_99, at_target, basis_error = self.values.T
        refused = [
            Refused(int(session.numbers[row]), session.names[row], reason)
            for row, reason in sorted(self.reasons.items())
        ]
        return Replay(
            region=self.region,
            numbers=session.numbers,
            names=session.names,
            poses=session.poses,
            didt=session.didt,
            seconds=session.seconds,
            refused=tuple(refused),
            largest=largest,
            mean=mean,
            percentile_99=percentile_99,
            target=self.target,
            at_target=None if self.target is None else at_target,
            basis_error=basis_error,
            threshold=self.dose.threshold,
            pulses=self.dose.pulses,
            total=self.dose.total,
            peak=self.dose.peak,
            n_poses=n_poses,
        )


def _groups(session: Session) -> dict[int, NDArray[np.intp]]:
    """Return the pulses of each different pose by the first of them, in their order.

    With several stimulators E is not simply proportional to dI/dt: poses differ if any of that does.
    """
    rows = np.array([row for row in range(len(session)) if row not in session.lost], np.intp)
    keys = session.poses[rows].reshape(len(rows), -1)
    if session.didt.shape[1] > 1:
        keys = np.concatenate([keys, session.didt[rows]], axis=1)
    _, first, group = np.unique(keys + 0.0, axis=0, return_index=True, return_inverse=True)
    by_group = np.split(rows[np.argsort(group.reshape(-1), kind="stable")], _ends(group.reshape(-1)))
    return {int(rows[first[i]]): by_group[i] for i in np.argsort(first)}


def _ends(group: NDArray[np.intp]) -> NDArray[np.intp]:
    return np.cumsum(np.bincount(group))[:-1]


def _misplaced(
    engine: Engine, coil: Coil, session: Session, groups: dict[int, NDArray[np.intp]]
) -> dict[int, str]:
    """Return the first pulses of groups whose coil is in the head or far from it, and words for that."""
    firsts = np.array(list(groups), np.intp)
    found = PlausiblePoses(engine.region.mesh).misplaced(coil, session.poses[firsts])
    return {int(firsts[i]): words for i, words in found.items()}


def _compute(
    engine: Engine,
    coil: Coil,
    run: _Run,
    groups: list[NDArray[np.intp]],
    at_once: int,
    progress: Callable[[int, int], None] | None,
) -> None:
    """Compute the field of each group of pulses, batch by batch, and take it in."""
    session = run.session
    several = session.didt.shape[1] > 1
    for start in range(0, len(groups), at_once):
        some = groups[start : start + at_once]
        firsts = [rows[0] for rows in some]
        rates = session.didt[firsts] if several else np.full(len(some), _RATE)
        for i, found, error in _fields(engine, coil, session.poses[firsts], rates):
            if isinstance(found, str):
                run.refuse(some[i], found)
            else:
                run.add(some[i], found, error)
        if progress is not None:
            progress(min(start + at_once, len(groups)), len(groups))


def _fields(
    engine: Engine, coil: Coil, poses: Floats, rates: Floats
) -> Iterator[tuple[int, NDArray[np.float32] | str, float]]:
    """Yield the number of each pose, its field (p, 3) or why it has none, and the error of the basis.

    A batch that is refused is halved until what is refused is a single pose.
    """
    parts = [(0, len(poses))]
    while parts:
        start, stop = parts.pop()
        try:
            field = engine.field(coil, poses[start:stop], rates[start:stop])
        except (PoseError, ConvergenceError) as problem:
            if stop - start == 1:
                yield start, _FIRST_POSE.sub("", in_one_line(problem)), np.nan
            else:
                middle = (start + stop) // 2
                parts += [(middle, stop), (start, middle)]
            continue
        errors = getattr(field.report, "basis_error", None)
        for i in range(stop - start):
            yield start + i, field.E[i], np.nan if errors is None else float(errors[i])
