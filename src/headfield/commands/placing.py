# SPDX-License-Identifier: BSD-3-Clause
"""The poses that a command is given: a file of them, or places on the head that is there."""

from __future__ import annotations

import argparse
from typing import Any

from ..coils.coil import Coil
from ..errors import ArgumentError
from ..heads.mesh import TetMesh
from ..heads.points import coordinates
from ..placement.named import Places, positions
from ..poses.formats.raw import NoPoses
from ..poses.placements import Placement
from ..poses.pose_list import PoseList
from ..poses.read import read_pose_list
from .given_head import GivenHead

__all__ = ["given_poses", "placed"]


def given_poses(args: argparse.Namespace, mesh: TetMesh, coil: Coil, **reading: Any) -> PoseList:
    """Return the poses of the file POSES, or those that the options, or positions in the file, ask for.

    `reading` are options of `read_pose_list`.

    Raises
    ------
    HeadfieldError, OSError
        See the readers, `headfield.place` and `Subject.point`.
    """
    places = Places(GivenHead(args).find, mesh)
    if args.poses is None:
        return placed(args, places, coil)
    try:
        found = read_pose_list(args.poses, **reading)
    except NoPoses as problem:
        listed = positions(args.poses, problem, reading.get("which", "all"))
        how = {"smooth_mm": args.smooth_mm, "clear_mm": args.clear_mm}
        return places.of_session(listed, coil, args.poses, needs_rates=args.didt is None, **how)
    given = {
        "--smooth-mm": bool(args.smooth_mm),
        "--clear-mm": args.clear_mm is not None,  # 0 is a distance too
        "--eeg": args.eeg is not None and args.roi is None,  # which may name an electrode
    }
    for option, is_given in given.items():
        if is_given:
            raise ArgumentError(f"{option}: of no effect on poses, which {args.poses} has")
    return found


def placed(args: argparse.Namespace, places: Places, coil: Coil) -> PoseList:
    """Return a pose for each of the angles that are asked for."""
    wanted = Placement("", args.centre, args.handle, args.distance, None)
    poses = places.poses(wanted, coil, args.angles, smooth_mm=args.smooth_mm, clear_mm=args.clear_mm)
    name = args.centre if coordinates(args.centre) is None else ""
    names = [f"{name} {angle:g}" if len(args.angles) > 1 else name for angle in args.angles] if name else ()
    return PoseList(poses, names)
