# SPDX-License-Identifier: BSD-3-Clause
"""Coils over points of a head that have names: electrodes, targets, MNI coordinates."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..coils.coil import Coil
from ..core.messages import point, warn
from ..errors import PoseError
from ..geometry.surface import Surface
from ..heads.mesh import TetMesh
from ..heads.skin import skin
from ..io.regular import ending_of
from ..poses.formats.raw import NoPoses
from ..poses.placements import Placement, read_placements
from ..poses.pose_list import PoseList
from .grid import scalp_grid
from .sites import FAR_FROM_SURFACE_MM

__all__ = ["Places", "positions"]

_OFF_SCALP_MM = 10.0  # a centre farther away than hair and the spread of electrode positions is a target


class Places:
    """Finds points of a head by their names, and puts coils there.

    Parameters
    ----------
    find : callable
        Gives the point (3,), mm, that words or three numbers mean.
    mesh : TetMesh
        That of the head.
    """

    def __init__(self, find: Callable[[Any], NDArray[np.float64]], mesh: TetMesh) -> None:
        self.find = find
        self._mesh = mesh
        self._scalp: Surface | None = None

    @property
    def scalp(self) -> Surface:
        """The skin of the head, found once."""
        if self._scalp is None:
            self._scalp = skin(self._mesh)
        return self._scalp

    def poses(
        self,
        one: Placement,
        coil: Coil,
        angles_deg: Sequence[float] = (0.0,),
        *,
        smooth_mm: float = 0.0,
        clear_mm: float | None = None,
    ) -> np.ndarray:
        """Return the poses (a, 4, 4) of a coil at some angles; warn if the centre is not on the scalp."""
        if one.handle is None:
            raise PoseError(f"{one.name or one.centre}: there is no direction of the handle (pos_ydir)")
        centre, handle = self.find(one.centre), self.find(one.handle)
        gap = float(self.scalp.closest(centre[None]).distance_mm[0])
        if _OFF_SCALP_MM < gap <= FAR_FROM_SURFACE_MM:  # beyond, placing says so
            warn(f"the centre {point(centre)} is projected onto the scalp, {gap:.1f} mm away")
        return scalp_grid(
            self.scalp,
            centre,
            handle,
            0.0,
            angles_deg=angles_deg,
            distance_mm=one.distance_mm,
            casing=coil,
            clear_mm=clear_mm,
            smooth_mm=smooth_mm,
        ).poses

    def of_session(
        self, listed: Sequence[Placement], coil: Coil, path: str, *, needs_rates: bool, **how: Any
    ) -> PoseList:
        """Return the poses of positions that were read from `path`, with their names and dI/dt.

        `how` are options of `poses`. Warn where dI/dt is needed and some positions have none.
        """
        rates = [one.didt for one in listed]
        didt = None if None in rates else np.array(rates, np.float64)
        if didt is None and any(rate is not None for rate in rates) and needs_rates:
            warn(f"{path}: some positions have no dI/dt: none is taken from it")
        poses = np.concatenate([self.poses(one, coil, **how) for one in listed])
        return PoseList(poses, [one.name for one in listed], didt, "SimNIBS session")


def positions(path: str, problem: NoPoses, which: str | int = "all") -> list[Placement]:
    """Return the positions of a session that are poses only on a head; else raise the problem."""
    if ending_of(path) != ".mat":
        raise problem
    try:
        return read_placements(path, which=which)
    except NoPoses:
        raise problem from None
