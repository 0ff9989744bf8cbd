# SPDX-License-Identifier: BSD-3-Clause
"""The words of the command line that replay a recorded session: `headfield replay`."""

from __future__ import annotations

import argparse
from typing import Any

from . import values
from .engines import add_engine, check_engine
from .given_head import add_head
from .pose_options import add_pose_options
from .roi import roi
from .words import only_with

__all__ = ["add_replay", "check_replay_options"]

_RADIUS_MM = 5.0


def add_replay(commands: Any) -> argparse.ArgumentParser:
    """Add the command `replay`; the options of heads and devices are those of `solve`."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "replay",
        help="the dose of each pulse of a recorded session, and of all together",
        description="Compute the field of each pulse that a navigation system recorded, in a region: a table "
        "with |E| of each pulse, and for each tetrahedron or point the number of pulses above a threshold, "
        "the sum and the largest of |E|. Equal poses are computed once. Pulses whose pose was lost, or is "
        "refused, are listed with the reason, and the rest goes on: exit code 3.",
        epilog="Example: headfield replay session.xml m2m_anna coil.ccd --roi sphere:C3,20 --tissues 2 "
        "--at -40,-8,50 -o session",
    )
    parser.add_argument(
        "session",
        metavar="SESSION",
        help="poses, as POSES of `solve`: Localite .xml, Brainsight .txt (its samples), …",
    )
    add_head(parser)
    parser.add_argument("coil", metavar="COIL", help=".ccd, .tcd, .nii, .nii.gz; its wire: .txt, .csv, .npy")
    parser.add_argument(
        "-o",
        "--output",
        type=values.folder,
        required=True,
        metavar="DIR|FILE",
        help="folder, for pulses.csv, sums.vtu, sums.npz and, with matplotlib, largest.png; or one file: the "
        "table (.csv), the sums (.vtu, .msh, .npz), the picture (.png, .pdf, .svg)",
    )
    _add_where(parser)
    _add_target(parser)
    add_pose_options(parser)
    add_engine(parser, "poses are solved in full")
    parser.add_argument("--json", action="store_true", help="print the summary as JSON")
    return parser


def _add_where(parser: argparse.ArgumentParser) -> None:
    """Options that say where the dose is wanted, and of which pulses."""
    parser.add_argument(
        "--roi",
        dest="region",
        type=roi,
        required=True,
        metavar="REGION",
        help="where: sphere:X,Y,Z,R in mm (or sphere:C3,R), tissue:1,2, labels:ATLAS.nii.gz:7,8, mid-layer, "
        "mid-layer:X,Y,Z,R, as --roi of `solve`",
    )
    parser.add_argument(
        "--tissues", type=values.tags, metavar="TAGS", help="only in these, such as 2, gray matter [all]"
    )
    parser.add_argument(
        "--didt",
        type=values.rates,
        metavar="A/S",
        help="50e6, 50A/us or 60%%MSO, one for each stimulator: 1e6,2e6 [what SESSION says, else 1e6]",
    )
    parser.add_argument(
        "--threshold",
        type=float,
        default=50.0,
        metavar="V/M",
        help="of |E|, for pulses to be counted [%(default)g]",
    )
    parser.add_argument(
        "--batch", type=int, default=32, metavar="N", help="poses computed at a time [%(default)s]"
    )


def _add_target(parser: argparse.ArgumentParser) -> None:
    """Options that say which value of a target is given for each pulse."""
    group = parser.add_argument_group("the target, a part of the region")
    group.add_argument(
        "--at",
        metavar="POINT",
        help="what of the region is around x,y,z in mm, around mni:x,y,z, or nearest to an electrode such as "
        "F3; its mean |E| is given for each pulse",
    )
    group.add_argument("--radius", type=float, metavar="MM", help=f"of --at [{_RADIUS_MM:g}]")
    group.add_argument(
        "--direction",
        type=values.direction,
        metavar="X,Y,Z|normal",
        help="E along this there, with its sign; normal: into the cortex, with --roi mid-layer [|E|]",
    )
    group.add_argument("--eeg", metavar="CAP", help="cap of the folder HEAD, or a .csv, that has the names")


def check_replay_options(parser: argparse.ArgumentParser, args: argparse.Namespace) -> None:
    """End with a message of wrong usage if options of `replay` don't go together."""
    if not hasattr(args, "session"):
        return
    if args.at is None:
        only_with(parser, args, "--at", "radius", "direction")
    if args.basis is None:
        only_with(parser, args, "--basis", "basis_error", "deadline")
    check_engine(parser, args)
    args.radius = _RADIUS_MM if args.radius is None else args.radius
    if not args.radius > 0.0:
        parser.error(f"--radius must be more than 0 mm, not {args.radius:g}")
