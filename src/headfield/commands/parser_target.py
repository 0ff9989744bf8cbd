# SPDX-License-Identifier: BSD-3-Clause
"""The words of the command line that search for the best pose: `headfield target`."""

from __future__ import annotations

import argparse
from typing import Any

from ..errors import HeadfieldError
from ..regions.words import ball
from ..targeting.options import SearchOptions
from . import values
from .given_head import add_head
from .roi import roi, share
from .words import only_with

__all__ = ["TAKE_MINUS", "add_target", "add_what", "check_radius", "check_target_options"]

TAKE_MINUS = ("--avoid", "--direction", "--tilt")  # options whose value may begin with a minus

_RADIUS_MM = 10.0
_EXAMPLE = (
    "Example: headfield target m2m_anna coil.ccd --at mni:-38,44,26 --didt 60%MSO -o dlpfc\n"
    "With the coil of `headfield demo` and no head of one's own:\n"
    "  headfield target template demo/coil.ccd --at F3 -o f3"
)


def add_target(commands: Any) -> argparse.ArgumentParser:
    """Add the command `target`; the options of heads and devices are those of `solve`."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "target",
        help="where to put the coil for a target: the best pose, its map and a picture",
        description="Search all positions and angles on the scalp for the pose at which a coil reaches a "
        "target best; solve it and its rivals in full. Writes best.csv (the poses), best.json, map.csv and, "
        "with matplotlib, target.png into the folder of -o.",
        epilog=_EXAMPLE,
    )
    add_head(parser)
    parser.add_argument("coil", metavar="COIL", help=".ccd, .tcd, .nii, .nii.gz; its wire: .txt, .csv, .npy")
    parser.add_argument("-o", "--output", type=values.folder, required=True, metavar="DIR", help="folder")
    group = add_what(parser)
    group.add_argument(
        "--didt",
        type=values.rates,
        metavar="A/S",
        help="50e6, 50A/us or 60%%MSO, one for each stimulator: 1e6,2e6 [1e6]",
    )
    group.add_argument("--eeg", metavar="CAP", help="cap of the folder HEAD, or a .csv, that has the names")
    _add_where(parser)
    parser.add_argument("--json", action="store_true", help="print it as JSON")
    return parser


def add_what(parser: argparse.ArgumentParser) -> argparse._ArgumentGroup:
    """Add the options that say what the target is."""
    group = parser.add_argument_group("the target")
    place = group.add_mutually_exclusive_group(required=True)
    place.add_argument(
        "--at",
        metavar="POINT",
        help="gray matter around x,y,z in mm, around mni:x,y,z or a named target such as dlpfc_sgacc (of "
        "m2m_x; template and phantom take MNI coordinates as their own), or below an electrode such as F3",
    )
    place.add_argument(
        "--region",
        type=roi,
        metavar="REGION",
        help="as --roi of `solve`, such as labels:dk.nii.gz:24",
    )
    group.add_argument("--radius", type=float, metavar="MM", help=f"of --at [{_RADIUS_MM:g}]")
    group.add_argument(
        "--tissues",
        type=values.tags,
        default=False,
        metavar="TAGS",
        help="only in these [2, gray matter; all of tissue:… and mid-layer]",
    )
    group.add_argument(
        "--direction",
        type=values.direction,
        metavar="X,Y,Z|normal",
        help="E along this, with its sign; normal: into the cortex, at its mid-layer [|E|]",
    )
    _add_measure(group)
    return group


def _add_measure(group: argparse._ArgumentGroup) -> None:
    """Options that say what of E there counts."""
    group.add_argument("--of-mean", action="store_true", help="|mean of E| in place of the mean of |E|")
    group.add_argument(
        "--exponent",
        type=float,
        default=1.0,
        metavar="Q",
        help="of the mean of |E|: 8 is near the maximum",
    )


def _add_where(parser: argparse.ArgumentParser) -> None:
    """Options that say where the coil may be."""
    group = parser.add_argument_group("where the coil may be")
    how_far = group.add_mutually_exclusive_group()
    how_far.add_argument(
        "--search-radius", type=float, default=60.0, metavar="MM", help="around the target [%(default)g]"
    )
    how_far.add_argument("--whole-head", action="store_true", help="all of the head but its lowest quarter")
    _add_limits(group)
    _add_answer(parser)


def _add_limits(group: argparse._ArgumentGroup) -> None:
    """Options of the positions, and of what is ruled out."""
    group.add_argument("--spacing", type=float, default=4.0, metavar="MM", help="of positions [%(default)g]")
    group.add_argument(
        "--distance", type=float, default=4.0, metavar="MM", help="scalp to casing [%(default)g]"
    )
    group.add_argument(
        "--clear-mm",
        type=float,
        default=0.0,
        metavar="MM",
        help="how far the casing stays off the scalp [%(default)g]",
    )
    group.add_argument(
        "--tilt",
        type=_pair,
        action="append",
        metavar="ABOUT_X,ABOUT_Y",
        help="a tilt to try, degrees; may be given again and again [0,0]",
    )
    group.add_argument(
        "--handle",
        type=_pair,
        metavar="LOW,HIGH",
        help="angles that the handle may have: 0 is straight back, then clockwise as seen from outside",
    )
    group.add_argument("--handle-over-face", action="store_true", help="let the handle lie over the face")
    group.add_argument(
        "--avoid",
        type=_avoided,
        action="append",
        default=[],
        metavar="POINT,R",
        help="no position so near to x,y,z, mni:x,y,z or an electrode, mm; may be given again and again",
    )


def _add_answer(parser: argparse.ArgumentParser) -> None:
    """Options that say how much is made of the best pose."""
    group = parser.add_argument_group("the answer")
    group.add_argument(
        "--rivals",
        type=int,
        default=8,
        metavar="N",
        help="other poses that are solved in full with the best [%(default)s]; 0: none is",
    )
    group.add_argument(
        "--zoom-error",
        type=share,
        metavar="SHARE",
        help="refine the head around the target until the value of the best pose is off by less: 2%%",
    )
    group.add_argument(
        "--export",
        type=values.file_name,
        action="append",
        default=[],
        metavar="FILE",
        help="the poses in DIR for a navigator as well: best.xml, best.txt, … (see `convert`)",
    )


def check_target_options(parser: argparse.ArgumentParser, args: argparse.Namespace) -> None:
    """Make `args.search` of the options of `target`; end with a message if they make no sense."""
    if not hasattr(args, "search_radius"):
        return
    check_radius(parser, args)
    try:
        args.search = SearchOptions(
            radius_mm=None if args.whole_head else args.search_radius,
            spacing_mm=args.spacing,
            distance_mm=args.distance,
            clear_mm=args.clear_mm,
            tilts_deg=args.tilt or ((0.0, 0.0),),
            handle_deg=args.handle,
            handle_over_face=args.handle_over_face,
            rivals=args.rivals,
            zoom_error=args.zoom_error,
        )
    except HeadfieldError as problem:
        parser.error(str(problem))


def check_radius(parser: argparse.ArgumentParser, args: argparse.Namespace) -> None:
    """Put the radius of `--at` into the arguments; end with a message if there is one without it."""
    if args.at is None:
        only_with(parser, args, "--at", "radius")
    args.radius = _RADIUS_MM if args.radius is None else args.radius


def _pair(text: str) -> list[float]:
    try:
        low, high = (float(word) for word in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not two numbers such as -45,45") from None
    return [low, high]


def _avoided(text: str) -> tuple[str, float]:
    try:
        return ball(text)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a point and a radius, mm, such as -40,-8,70,15 or C3,15"
        ) from None
