# SPDX-License-Identifier: BSD-3-Clause
"""The words of the command line that say where the field is wanted, and how good it is to be there."""

from __future__ import annotations

import argparse

from ..errors import ArgumentError
from ..solve.zoom.options import ZoomOptions
from .roi import roi, share
from .values import file_name
from .words import only_with

__all__ = ["ROI_EXAMPLE", "add_roi", "check_roi"]

#: For the end of the help of `headfield solve`.
ROI_EXAMPLE = (
    "Within 2 % in gray matter, 20 mm around a point:\n  headfield solve head.msh coil.ccd poses.npy "
    "-o target.h5 --didt 70e6 --roi sphere:-46,-8,52,20 --tissues 2 --error 2%"
)
_MOST_UNKNOWNS = ZoomOptions.max_unknowns


def add_roi(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    group = parser.add_argument_group(
        "the field of a region",
        "With --error the head is refined around the region, with quadratic elements there, until the "
        "estimated error of E is as small as that for 16 of the poses, evenly spaced among all; all are then "
        "solved so. What each is off by is in --json, and in an .h5 as discretisation_error; an error that "
        "is not reached is told, and the field is written all the same.",
    )
    group.add_argument(
        "--roi",
        type=roi,
        metavar="REGION",
        help="keep E there only, and in --tissues: sphere:X,Y,Z,R in mm; sphere:mni:X,Y,Z,R or sphere:C3,R "
        "in a folder m2m_x; tissue:1,2; labels:ATLAS.nii.gz:7,8; mid-layer, or mid-layer:X,Y,Z,R for what is "
        "in a sphere: E at its points, into .vtu",
    )
    group.add_argument(
        "--error",
        type=share,
        metavar="SHARE",
        help="refine until E is off by less: 0.02 or 2%%, from 0.3%% to 50%%, relative L2 over the region",
    )
    _add_limits(group)


def _add_limits(group: argparse._ArgumentGroup) -> None:
    """Add the options of --error."""
    group.add_argument(
        "--margin",
        type=float,
        metavar="MM",
        help="how far the refined part reaches beyond the region [10; 15 below 1.5%%, 25 below 0.8%%]",
    )
    group.add_argument(
        "--max-unknowns",
        type=int,
        metavar="N",
        help=f"refine no further than this [{_MOST_UNKNOWNS:,}]",
    )
    group.add_argument(
        "--smooth",
        action="store_true",
        help="with --error: put new nodes on interfaces onto a smooth surface, not onto facets",
    )
    group.add_argument(
        "--picture",
        type=file_name,
        metavar="PICTURE",
        help="with --error: draw the refined mesh, and error against unknowns: .png, .pdf, .svg",
    )


def check_roi(parser: argparse.ArgumentParser, args: argparse.Namespace) -> None:
    """Make `args.zoom` of the options, None without --error; end with a message if they don't go together."""
    if not hasattr(args, "error"):
        return
    args.zoom = None
    if args.error is None:
        only_with(parser, args, "--error", "margin", "max_unknowns", "smooth", "picture")
        return
    if args.roi is None:
        parser.error("--error needs --roi: where E is to be so good, such as --roi sphere:-46,-8,52,20")
    if args.recovery is not None:
        parser.error("either --recovery or --error: E is not recovered where elements are quadratic")
    if isinstance(args.tol, str):
        parser.error("--tol auto is of linear elements: leave it out with --error")
    most = _MOST_UNKNOWNS if args.max_unknowns is None else args.max_unknowns
    try:
        limits = {"margin_mm": args.margin, "max_unknowns": most}
        args.zoom = ZoomOptions(error=args.error, smooth=args.smooth, **limits)
    except ArgumentError as problem:
        hint = f"; for {args.error:g} per cent write {args.error:g}%" if args.error > 0.5 else ""
        parser.error(f"--error, --margin, --max-unknowns: {problem}{hint}")
