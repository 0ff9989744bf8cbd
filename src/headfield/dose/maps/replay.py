# SPDX-License-Identifier: BSD-3-Clause
"""Run a recorded session through what gives live frames: the dose of each pulse, and of all together."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...coils.coil import Coil
from ...core.arguments import not_negative, whole
from ...errors import ArgumentError
from ...fields.engine import Engine
from ...measures.target import Target
from ...metrics.sums import average, levels
from ...poses.pose_list import PoseList
from ...regions.region import Region
from ...solve.drives.coil import check_coil
from ...solve.model import HeadModel
from .replayed import Replay
from .run import MOST_BATCH, Run, as_engine
from .session import Session
from .sums import rows_in

__all__ = ["replay"]

Floats = NDArray[np.float64]

_PERCENT = np.array(99.0)


def replay(
    engine: Engine | HeadModel,
    coil: Coil,
    poses: ArrayLike | PoseList,
    didt: ArrayLike | None = None,
    *,
    region: Region | None = None,
    target: Target | Region | None = None,
    threshold: float = 50.0,
    batch: int = 32,
    progress: Callable[[int, int], None] | None = None,
) -> Replay:
    """Compute the dose of each pulse of a session, and what they add up to, by what computes live frames.

    Equal poses are computed once. One batch of fields is in memory at a time, however many pulses there are.

    Parameters
    ----------
    engine : Engine or HeadModel
        What has a `region` and a `field(coil, poses, didt)`, such as what shows the field while it is
        navigated; or a model, which solves each pose.
    coil : Coil
    poses : array_like (4, 4) or (k, 4, 4), or PoseList
        Coil to head, mm. Of a PoseList, as `read_pose_list` gives it, pulses whose pose was lost are listed.
    didt : array_like, optional
        See `HeadModel.solve`; by default that of the PoseList, else 1e6 A/s.
    region : Region, optional
        Where E is wanted, for a model; an engine has its own.
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
    >>> gray = hf.regions.tissue(model.mesh, 2)
    >>> coil = hf.figure_of_eight()
    >>> pose = model.place(coil, [0, 0, 92], [0, 50, 92])
    >>> session = hf.replay(model, coil, [pose, pose, np.eye(4)], [50e6, 100e6, 50e6], region=gray)
    >>> session
    <Replay of 3 pulses, 1 of them refused, at 1 pose in 1,280 tetrahedra>
    >>> bool(session.largest[1] == 2 * session.largest[0]), bool(np.isnan(session.largest[2]))
    (True, True)
    >>> session.refused[0].reason
    'the wire of the coil is inside the head'
    """
    computing = as_engine(engine, region)
    level = not_negative(threshold, "threshold", ArgumentError)
    at_once = whole(batch, "batch", ArgumentError, MOST_BATCH)
    session = Session.of(poses, check_coil(coil), didt)
    run = _Replaying(computing, coil, session, level)
    run.aim_at(Target(target) if isinstance(target, Region) else target)
    run.compute(at_once, progress)
    return run.replayed()


class _Measures(NamedTuple):
    """What is known of a pose that was computed."""

    largest: float
    mean: float
    percentile_99: float
    target: float
    basis_error: float


class _Replaying(Run):
    """What is known of a session so far, and of each of its pulses."""

    _target: Target | None = None
    _rows: NDArray[np.intp] | None = None

    def aim_at(self, target: Target | None) -> None:
        """Make a table of pulses, and say what of the region a value is wanted of for each."""
        self._values = np.full((len(self.session), len(_Measures._fields)), np.nan)
        self._target = target
        self._rows = None if target is None else rows_in(self.region, target.region)

    def measure(self, rows: NDArray[np.intp], field: Floats, magnitude: Floats, basis_error: float) -> None:
        """Take note of what each pulse at a pose did."""
        signed = self.scales(rows)
        one = self._measured(field, magnitude, basis_error)
        size = np.abs(signed)
        linear = self._target is not None and self._target.is_linear
        scales = {"target": signed if linear else size, "basis_error": np.ones_like(size)}
        for column, name in enumerate(_Measures._fields):
            self._values[rows, column] = one[column] * scales.get(name, size)

    def _measured(self, field: Floats, magnitude: Floats, basis_error: float) -> _Measures:
        weights = self.region.weights
        at_target = np.nan
        if self._target is not None:
            at_target = float(self._target.value(field[None, self._rows])[0])
        return _Measures(
            float(magnitude.max()),
            float(average(magnitude, weights)),
            float(levels(magnitude, weights, _PERCENT)),
            at_target,
            basis_error,
        )

    def replayed(self) -> Replay:
        """Return the answer."""
        session = self.session
        largest, mean, percentile_99, at_target, basis_error = self._values.T
        return Replay(
            dose=self.dose_map(),
            numbers=session.numbers,
            names=session.names,
            poses=session.poses,
            didt=session.didt,
            seconds=session.seconds,
            largest=largest,
            mean=mean,
            percentile_99=percentile_99,
            target=self._target,
            at_target=None if self._target is None else at_target,
            basis_error=basis_error,
        )
