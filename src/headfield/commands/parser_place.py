# SPDX-License-Identifier: BSD-3-Clause
"""The words of the command line that place a coil: `headfield place`, and the same options of `solve`."""

from __future__ import annotations

import argparse
from typing import Any

from . import values

__all__ = ["TAKE_MINUS", "add_place", "add_placing", "add_poses", "check_placing"]

TAKE_MINUS = ("--angles", "--centre", "--handle", "--rotation")  # options whose value may begin with a minus

_DISTANCE_MM = 4.0
_PLACE = ("centre", "handle", "distance", "angles")  # say where; the others how, for sessions as well


def add_place(commands: Any) -> argparse.ArgumentParser:
    """Add the command `place`."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "place",
        help="the pose of a coil over a point of the scalp",
        description="Place a coil on the scalp, tangential, its handle turned as asked for; write the poses "
        "in the format that the ending of OUT says, and print where they are and what lies under them.",
        epilog="Example: headfield place m2m_ernie coil.ccd --centre C3 --handle FC3 --angles -45,0,45 "
        "-o poses.npy",
    )
    parser.add_argument(
        "head", metavar="HEAD", help="mesh (.msh, .npz, or what meshio reads) or folder m2m_x"
    )
    parser.add_argument("coil", metavar="COIL", help="coil: .ccd, .tcd, .nii, .nii.gz")
    parser.add_argument(
        "-o",
        "--output",
        type=values.file_name,
        required=True,
        metavar="OUT",
        help="poses: .npy, .csv, .mat or what navigation systems read",
    )
    add_placing(parser, required=True)
    parser.add_argument("--json", action="store_true", help="print it as JSON")
    parser.set_defaults(poses=None)
    return parser


def add_poses(parser: argparse.ArgumentParser) -> None:
    """Add the argument POSES, which the options of `add_placing` can stand for."""
    parser.add_argument(
        "poses",
        metavar="POSES",
        nargs="?",
        help=".npy, .csv, .mat or what navigation systems write, see docs/formats; or --centre and --handle",
    )


def add_placing(parser: argparse.ArgumentParser, *, required: bool) -> None:
    """Add the options that place a coil."""
    group = parser.add_argument_group(
        "placing the coil" if required else "placing the coil, in place of POSES or of a session's points",
        "A point is x,y,z in mm; or of a subject folder the name of an electrode (C3), mni:x,y,z, or a named "
        "target (m1_hand).",
    )
    group.add_argument(
        "--centre", required=required, metavar="POINT", help="where the coil goes: projected onto the scalp"
    )
    group.add_argument(
        "--handle",
        required=required,
        metavar="POINT",
        help="where the coil's +y points to, the prolongation of the handle",
    )
    group.add_argument("--distance", type=float, metavar="MM", help=f"scalp to casing [{_DISTANCE_MM:g}]")
    group.add_argument(
        "--angles",
        "--rotation",
        type=_angles,
        metavar="DEG",
        help="rotations from there, a pose for each: -45,0,45, clockwise as seen from outside [0]; with "
        "--handle to the front, 45 on the left has the handle at 45° to the midline, back and outward",
    )
    group.add_argument(
        "--smooth-mm",
        type=float,
        metavar="MM",
        help="mean normal of the scalp in this radius [at the point]",
    )
    group.add_argument(
        "--clear-mm", type=float, metavar="MM", help="move the coil out until its casing is as clear as this"
    )
    group.add_argument("--eeg", metavar="CAP", help="cap of the folder HEAD, or a .csv, that has the names")


def _angles(text: str) -> list[float]:
    try:
        return [float(word) for word in text.split(",")]
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not an angle, nor several such as -45,0,45") from None


def check_placing(parser: argparse.ArgumentParser, args: argparse.Namespace) -> None:
    """End with a message of wrong usage unless there is either a file of poses, or a centre and a handle."""
    if not hasattr(args, "centre"):
        return
    given = ["--" + name for name in _PLACE if getattr(args, name) is not None]
    if args.poses is not None and given:
        parser.error(f"either POSES ({args.poses}), or {', '.join(given)} to place the coil: not both")
    if args.poses is None and not {"--centre", "--handle"} <= set(given):
        parser.error("give either POSES, or --centre and --handle to place the coil")
    args.distance = _DISTANCE_MM if args.distance is None else args.distance
    args.angles = args.angles or [0.0]
    args.smooth_mm = args.smooth_mm or 0.0
