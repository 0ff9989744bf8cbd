# SPDX-License-Identifier: BSD-3-Clause
"""Compute each different pose of a session once, batch by batch, and add its pulses up."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...coils.coil import Coil
from ...core.messages import in_one_line
from ...errors import ArgumentError, ConvergenceError, PoseError, RegionError
from ...fields.engine import Engine
from ...fields.field import Field
from ...placement.plausible import PlausiblePoses
from ...regions.region import Region
from ...solve.model import HeadModel
from .dose_map import DoseMap, Refused
from .session import Session
from .sums import Sums

__all__ = ["MOST_BATCH", "Run", "as_engine"]

Floats = NDArray[np.float64]

#: Poses that may be computed at a time.
MOST_BATCH = 4096
_RATE = 1e6  # A/s that poses are computed for; E is linear in dI/dt
_FIRST_POSE = re.compile(r"^pose 0( of 1)?: ")


class _Solver(NamedTuple):
    """Solves each pose in full."""

    model: HeadModel
    region: Region

    def field(self, coil: Coil, poses: ArrayLike, didt: ArrayLike = 1e6) -> Field:
        return self.model.solve(coil, poses, didt, roi=self.region)


def as_engine(of: HeadModel | Engine, region: Region | None = None) -> Engine:
    """Return what computes fields in a region: a model that solves each pose there, or an engine as it is.

    Raises
    ------
    ArgumentError
        A model without a region, or a region for an engine, which has its own.
    RegionError
        The region is empty.

    Examples
    --------
    >>> import headfield as hf
    >>> model = hf.HeadModel(hf.sphere_mesh(radii_mm=[80, 86, 92], tags=[2, 4, 5], edge_mm=20))
    >>> as_engine(model, hf.regions.tissue(model.mesh, 2)).region
    <Region of 1,280 tetrahedra, 2,072,493 mm³>
    """
    if isinstance(of, HeadModel):
        if not isinstance(region, Region):
            raise ArgumentError("a HeadModel solves E in a region: give region=, see headfield.regions")
        engine: Engine = _Solver(of, region)
    elif region is not None:
        raise ArgumentError(f"region: {type(of).__name__} has a region of its own")
    else:
        engine = of
    if not len(engine.region):
        raise RegionError("the region of the engine is empty")
    return engine


class Run:
    """What is known of a session so far.

    Parameters
    ----------
    engine : Engine
    coil : Coil
    session : Session
    thresholds : array_like (t,)
        V/m.
    counts : ndarray (k,) int64, optional
        Pulses at each entry of the session; by default one.

    Attributes
    ----------
    region : Region
    session : Session
    reasons : dict of int to str
        Why entries have no field, by their rows.
    """

    def __init__(
        self,
        engine: Engine,
        coil: Coil,
        session: Session,
        thresholds: ArrayLike,
        counts: NDArray[np.int64] | None = None,
    ) -> None:
        self.region, self.session = engine.region, session
        self.reasons = dict(session.lost)
        self._engine, self._coil, self._counts = engine, coil, counts
        self._sums, self._n_poses = Sums(len(self.region), thresholds), 0

    def compute(self, at_once: int, progress: Callable[[int, int], None] | None) -> None:
        """Compute the field of each different pose, and take it in."""
        session, coil = self.session, self._coil
        groups = _groups(session)
        for row, reason in self._misplaced(groups).items():
            self.refuse(groups.pop(row), reason)
        self._n_poses = len(groups)
        several = session.didt.shape[1] > 1
        waiting = list(groups.values())
        for start in range(0, len(waiting), at_once):
            some = waiting[start : start + at_once]
            firsts = [rows[0] for rows in some]
            rates = session.didt[firsts] if several else np.full(len(some), _RATE)
            for i, found, error in _fields(self._engine, coil, session.poses[firsts], rates):
                self._take(some[i], found, error)
            if progress is not None:
                progress(min(start + at_once, len(waiting)), len(waiting))

    def refuse(self, rows: NDArray[np.intp], reason: str) -> None:
        """Note why entries have no field."""
        self.reasons |= dict.fromkeys(rows.tolist(), reason)

    def measure(self, rows: NDArray[np.intp], field: Floats, magnitude: Floats, basis_error: float) -> None:
        """Take note of the field (p, 3) of a pose; `scales` says what it is to be multiplied by."""

    def scales(self, rows: NDArray[np.intp]) -> Floats:
        """Return what the field that was computed is to be multiplied by for each of these entries."""
        didt = self.session.didt[rows]
        return np.asarray(didt[:, 0] / _RATE if didt.shape[1] == 1 else np.ones(len(rows)))

    def dose_map(self) -> DoseMap:
        """Return the sums."""
        session, sums = self.session, self._sums
        refused = [
            Refused(int(session.numbers[row]), session.names[row], reason)
            for row, reason in sorted(self.reasons.items())
        ]
        return DoseMap(
            region=self.region,
            thresholds=sums.thresholds,
            above=sums.above,
            total=sums.total,
            peak=sums.peak,
            n_pulses=sums.pulses,
            n_poses=self._n_poses,
            refused=tuple(refused),
        )

    def _take(self, rows: NDArray[np.intp], found: NDArray[np.float32] | str, basis_error: float) -> None:
        """Take the field (p, 3) of a pose in for all entries there, or why it has none."""
        if isinstance(found, str):
            self.refuse(rows, found)
            return
        field = found.astype(np.float64)
        magnitude = np.sqrt(np.einsum("pd,pd->p", field, field))
        if not np.isfinite(magnitude).all():
            self.refuse(rows, "E is not a number")
            return
        self._sums.add(magnitude, self.scales(rows), None if self._counts is None else self._counts[rows])
        self.measure(rows, field, magnitude, basis_error)

    def _misplaced(self, groups: dict[int, NDArray[np.intp]]) -> dict[int, str]:
        """Return the first entries of groups whose coil is in the head or far from it, and words for that."""
        firsts = np.array(list(groups), np.intp)
        found = PlausiblePoses(self.region.mesh).misplaced(self._coil, self.session.poses[firsts])
        return {int(firsts[i]): words for i, words in found.items()}


def _groups(session: Session) -> dict[int, NDArray[np.intp]]:
    """Return the entries of each different pose by the first of them, in their order.

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
