# SPDX-License-Identifier: BSD-3-Clause
"""The poses that a command is given: a file of them, or places on the head that is there."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..coils.coil import Coil
from ..core.messages import point, warn
from ..errors import ArgumentError, PoseError
from ..geometry.surface import Surface
from ..heads.mesh import TetMesh
from ..heads.points import coordinates
from ..heads.skin import skin
from ..io.regular import ending_of
from ..placement.grid import scalp_grid
from ..placement.sites import FAR_FROM_SURFACE_MM
from ..poses.formats.raw import NoPoses
from ..poses.placements import Placement, read_placements
from ..poses.pose_list import PoseList
from ..poses.read import read_pose_list
from .given_head import GivenHead

__all__ = ["Places", "given_poses", "placed"]

_OFF_SCALP_MM = 10.0  # a centre farther away than hair and the spread of electrode positions is a target


class Places:
    """Finds points of a head by their names, and puts coils there.

    Parameters
    ----------
    head : GivenHead
    mesh : TetMesh
        That of the head.
    """

    def __init__(self, head: GivenHead, mesh: TetMesh) -> None:
        self.find = head.find
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


def given_poses(args: argparse.Namespace, mesh: TetMesh, coil: Coil, **reading: Any) -> PoseList:
    """Return the poses of the file POSES, or those that the options, or positions in the file, ask for.

    `reading` are options of `read_pose_list`.

    Raises
    ------
    HeadfieldError, OSError
        See the readers, `headfield.place` and `Subject.point`.
    """
    places = Places(GivenHead(args), mesh)
    if args.poses is None:
        return placed(args, places, coil)
    try:
        listed = read_pose_list(args.poses, **reading)
    except NoPoses as problem:
        return _of_session(_placements(args.poses, problem, reading), args, places, coil)
    given = {
        "--smooth-mm": bool(args.smooth_mm),
        "--clear-mm": args.clear_mm is not None,  # 0 is a distance too
        "--eeg": args.eeg is not None and args.roi is None,  # which may name an electrode
    }
    for option, is_given in given.items():
        if is_given:
            raise ArgumentError(f"{option}: of no effect on poses, which {args.poses} has")
    return listed


def _placements(path: str, problem: NoPoses, reading: dict[str, Any]) -> list[Placement]:
    """Return the positions of a session that are poses only on a head; else raise the problem."""
    if ending_of(path) != ".mat":
        raise problem
    try:
        return read_placements(path, which=reading.get("which", "all"))
    except NoPoses:
        raise problem from None


def placed(args: argparse.Namespace, places: Places, coil: Coil) -> PoseList:
    """Return a pose for each of the angles that are asked for."""
    wanted = Placement("", args.centre, args.handle, args.distance, None)
    poses = places.poses(wanted, coil, args.angles, smooth_mm=args.smooth_mm, clear_mm=args.clear_mm)
    name = args.centre if coordinates(args.centre) is None else ""
    names = [f"{name} {angle:g}" if len(args.angles) > 1 else name for angle in args.angles] if name else ()
    return PoseList(poses, names)


def _of_session(listed: list[Placement], args: argparse.Namespace, places: Places, coil: Coil) -> PoseList:
    rates = [one.didt for one in listed]
    didt = None if None in rates else np.array(rates, np.float64)
    if didt is None and any(rate is not None for rate in rates) and args.didt is None:
        warn(f"{args.poses}: some positions have no dI/dt: none is taken from it")
    how = {"smooth_mm": args.smooth_mm, "clear_mm": args.clear_mm}
    poses = np.concatenate([places.poses(one, coil, **how) for one in listed])
    return PoseList(poses, [one.name for one in listed], didt, "SimNIBS session")
