# SPDX-License-Identifier: BSD-3-Clause
"""Add up the pulses of a session or a plan: at one pose, along a path of a robot, with a coil that drifts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...coils.coil import Coil
from ...core.arguments import plain_array, whole
from ...errors import ArgumentError
from ...fields.engine import Engine
from ...poses.pose_list import PoseList
from ...regions.region import Region
from ...solve.drives.coil import check_coil
from ...solve.model import HeadModel
from .dose_map import DoseMap
from .run import MOST_BATCH, Run, as_engine
from .session import Session

__all__ = ["Pulses", "dose_map"]

_MOST_PULSES = 10**12


class Pulses(Protocol):
    """What has a number of pulses, such as a `Protocol`."""

    @property
    def n_pulses(self) -> int:
        """How many pulses there are."""
        ...


def dose_map(
    model: HeadModel | Engine,
    coil: Coil,
    poses: ArrayLike | PoseList,
    didt: ArrayLike | None = None,
    *,
    region: Region | None = None,
    pulses: int | ArrayLike | Pulses = 1,
    thresholds: ArrayLike = 50.0,
    batch: int = 32,
    progress: Callable[[int, int], None] | None = None,
) -> DoseMap:
    """Add up the fields of all pulses of a session in a region, and count those above thresholds.

    Equal poses are computed once. One batch of fields is in memory at a time, however many there are.

    Parameters
    ----------
    model : HeadModel or Engine
        A model solves each pose in `region`; an engine, such as a `RealTime`, has a region of its own.
    coil : Coil
    poses : array_like (4, 4) or (k, 4, 4), or PoseList
        Coil to head, mm.
    didt : array_like, optional
        Peak dI/dt, A/s, see `HeadModel.solve`; by default that of the PoseList.
    region : Region, optional
        Needed with a model.
    pulses : int, array_like (k,) of int, or Protocol
        Pulses at each pose: one number for all, or one for each, in the order that they are given in. All
        pulses of a protocol are given at each pose.
    thresholds : float or array_like (t,)
        V/m: pulses with more are counted in each tetrahedron or point.
    batch : int
        Poses computed at a time.
    progress : callable, optional
        Called with (poses done, poses in all), of different poses, after each batch.

    Returns
    -------
    DoseMap
        A pose that was lost, that lies inside the head or more than 300 mm from it, or that can't be solved
        is in none of the sums; `refused` has its number and says why.

    Raises
    ------
    CoilError, PoseError, ArgumentError, RegionError, DeviceError
        What is wrong with arguments: poses that are not rigid, no dI/dt or one of another shape, numbers
        of pulses that are not whole or below 0.

    Examples
    --------
    Six hundred pulses of a protocol at one pose, and three hundred 5 mm beside it:

    >>> import numpy as np
    >>> import headfield as hf
    >>> model = hf.HeadModel(hf.sphere_mesh(radii_mm=[80, 86, 92], tags=[2, 4, 5], edge_mm=20))
    >>> coil = hf.figure_of_eight()
    >>> pose = model.place(coil, [0, 0, 92], [0, 50, 92])
    >>> beside = model.place(coil, [5, 0, 92], [5, 50, 92])
    >>> gray = hf.regions.tissue(model.mesh, 2)
    >>> found = hf.dose.dose_map(
    ...     model, coil, [pose, beside], "60 A/µs", region=gray, pulses=[600, 300], thresholds=[20, 40]
    ... )
    >>> found
    <DoseMap of 900 pulses at 2 poses in 1,280 tetrahedra>
    >>> int(found.above[0].max()), 0 < found.exceedance(40, 600) < found.exceedance(20, 600)
    (900, True)
    """
    engine = as_engine(model, region)
    if didt is None and getattr(poses, "didt", None) is None:
        raise ArgumentError("sums over pulses need dI/dt: give didt, such as 60e6 (A/s) or '60 %MSO'")
    at_once = whole(batch, "batch", ArgumentError, MOST_BATCH)
    session = Session.of(poses, check_coil(coil), didt)
    there = session.given >= 0
    counts = np.zeros(len(session), np.int64)
    counts[there] = _counts(pulses, int(there.sum()))[session.given[there]]
    run = Run(engine, coil, session, thresholds, counts)
    run.compute(at_once, progress)
    return run.dose_map()


def _counts(pulses: Any, k: int) -> NDArray[np.int64]:
    """Return the number of pulses at each of k poses."""
    each = plain_array(getattr(pulses, "n_pulses", pulses), "pulses", ArgumentError)
    if each.dtype == bool or not np.issubdtype(each.dtype, np.number) or each.shape not in ((), (k,)):
        raise ArgumentError(
            f"pulses must be a whole number, one for each of the {k} poses, or a protocol, not {pulses!r}"
        )
    good = np.isfinite(each) & (each >= 0) & (each == np.floor(each)) & (each <= _MOST_PULSES)
    if not good.all():
        bad = each[~good].reshape(-1)[0]
        raise ArgumentError(f"pulses must be whole numbers from 0 to {_MOST_PULSES:g}, not {bad:g}")
    return np.broadcast_to(each.astype(np.int64), (k,)).copy()
