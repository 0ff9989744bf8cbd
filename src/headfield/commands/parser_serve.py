# SPDX-License-Identifier: BSD-3-Clause
"""The words of the command line that serve fields: `headfield serve`."""

from __future__ import annotations

import argparse
from typing import Any

from ..serving.igtl.axes import COIL_AXES
from . import values
from .engines import add_engine, check_engine
from .given_head import add_head
from .roi import roi

__all__ = ["TAKE_MINUS", "WEB_PORT", "add_serve", "check_serve"]

TAKE_MINUS = ("--start", "--start-handle")  # options whose value may begin with a minus
WEB_PORT = 8600

_EXAMPLE = (
    "Example: headfield serve m2m_anna coil.ccd --roi mid-layer --didt 60%MSO\n"
    "Then open the page that it names. For a navigator that speaks OpenIGTLink: --igtl 18944. "
    "docs/serving.md says what is sent."
)


def add_serve(commands: Any) -> argparse.ArgumentParser:
    """Add the command `serve`; the options of heads and devices are those of `solve`."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "serve",
        help="the field where the coil is now, for navigators and on a page",
        description="Compute E in a region at the newest pose of the coil, again and again, and hand it to "
        "whoever is connected: a page in a browser (--web), programs that speak OpenIGTLink (--igtl), "
        "recorders of LSL (--lsl). Poses come from any of them. Ctrl-C ends it.",
        epilog=_EXAMPLE,
    )
    add_head(parser)
    parser.add_argument("coil", metavar="COIL", help=".ccd, .tcd, .nii, .nii.gz; its wire: .txt, .csv, .npy")
    _add_what(parser)
    _add_where(parser)
    _add_igtl(parser)
    _add_start(parser)
    add_engine(parser, "made anew each time")
    return parser


def _add_what(parser: argparse.ArgumentParser) -> None:
    """Options that say what is computed."""
    parser.add_argument(
        "--roi",
        type=roi,
        required=True,
        metavar="REGION",
        help="where E is wanted, as of `solve`: mid-layer, mid-layer:X,Y,Z,R, sphere:X,Y,Z,R, tissue:1,2, "
        "labels:ATLAS.nii.gz:7,8",
    )
    parser.add_argument(
        "--tissues", type=values.tags, default=None, metavar="TAGS", help="only in these, such as 2 [all]"
    )
    parser.add_argument(
        "--didt",
        type=values.rates,
        metavar="A/S",
        help="50e6, 50A/us or 60%%MSO, one for each stimulator: 1e6,2e6 [1e6]",
    )


def _add_where(parser: argparse.ArgumentParser) -> None:
    """Options that say who is served."""
    group = parser.add_argument_group("who is served", "0 is a port that is free.")
    group.add_argument(
        "--web",
        type=_port,
        metavar="PORT",
        help=f"a page to look at and to move the coil on [{WEB_PORT} without --igtl]",
    )
    group.add_argument("--igtl", type=_port, metavar="PORT", help="OpenIGTLink 1 to 3; its own port is 18944")
    group.add_argument("--lsl", metavar="NAME", help="a stream of numbers of each frame, of this name")
    group.add_argument(
        "--host",
        default="127.0.0.1",
        metavar="ADDRESS",
        help="address to listen on: 0.0.0.0 lets everyone who can reach this machine watch and move the "
        "coil [%(default)s, this machine alone]",
    )
    group.add_argument(
        "--origin",
        action="append",
        default=[],
        metavar="URL",
        help="a site whose pages may connect to --web, such as https://lab.example; may be given again",
    )
    group.add_argument("--vmax", type=float, metavar="V/M", help="|E| at the end of the colours [follows]")


def _add_igtl(parser: argparse.ArgumentParser) -> None:
    """Options of --igtl."""
    group = parser.add_argument_group("what OpenIGTLink carries")
    group.add_argument("--tool", metavar="NAME", help="the TRANSFORM that says where the coil is [any]")
    group.add_argument(
        "--axes", choices=("RAS", "LPS"), default="RAS", help="of the head, in and out [%(default)s]"
    )
    group.add_argument(
        "--coil-axes",
        choices=tuple(COIL_AXES),
        default="headfield",
        metavar="WHOSE",
        help=f"axes that the coil has in the poses that come in: {', '.join(COIL_AXES)} [%(default)s]",
    )
    group.add_argument("--vectors", action="store_true", help="send E itself as well, not |E| alone")


def _add_start(parser: argparse.ArgumentParser) -> None:
    """Options that say where the coil is before anybody says so."""
    group = parser.add_argument_group(
        "the first pose",
        "A point is x,y,z in mm; or of a subject folder the name of an electrode (C3), or mni:x,y,z.",
    )
    group.add_argument(
        "--start",
        metavar="POINT",
        help="where the coil starts, projected onto the scalp [over the region; none with --igtl]",
    )
    group.add_argument(
        "--start-handle",
        metavar="POINT",
        help="where its +y points to, the prolongation of the handle [front]",
    )
    group.add_argument("--eeg", metavar="CAP", help="cap of the folder HEAD, or a .csv, that has the names")


def check_serve(parser: argparse.ArgumentParser, args: argparse.Namespace) -> None:
    """End with a message of wrong usage if options of `serve` don't go together; choose the page's port."""
    if not hasattr(args, "igtl"):
        return
    if args.web is None and args.igtl is None:
        args.web = WEB_PORT
    if args.web is None and (args.origin or args.vmax is not None):
        parser.error("--origin and --vmax are options of --web, which is not given")
    if args.igtl is None and (
        args.tool or args.vectors or args.axes != "RAS" or args.coil_axes != "headfield"
    ):
        parser.error("--tool, --axes, --coil-axes and --vectors are options of --igtl, which is not given")
    if args.web is not None and args.web == args.igtl != 0:
        parser.error(f"--web and --igtl need a port each, not both {args.web}")
    check_engine(parser, args)
    if args.start_handle is not None and args.start is None:
        parser.error("--start-handle needs --start: where the coil is")


def _port(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port: a number from 0 to 65535")
    return int(text)
