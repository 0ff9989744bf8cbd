# SPDX-License-Identifier: BSD-3-Clause
"""The words of the command line that say what a protocol amounts to: `headfield protocol`."""

from __future__ import annotations

import argparse
from typing import Any

from . import values

__all__ = ["add_protocol", "check_protocol_options"]


def add_protocol(commands: Any) -> argparse.ArgumentParser:
    """Add the command `protocol`."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "protocol",
        help="what a protocol of pulses amounts to, and what published limits say of it",
        description="Say what a protocol is made of: pulses, durations, frequencies, pauses, where it is "
        "from, and whether its trains are inside of published limits (they are guidance, never a limit of "
        "headfield). Draws its timeline.",
        epilog="Example: headfield protocol 10hz_dlpfc --percent-rmt 110 -o timeline.png",
    )
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument(
        "protocol",
        nargs="?",
        metavar="NAME|FILE",
        help="a name that --list has, or .json, .yaml with the names of nibs-bids, s",
    )
    which.add_argument("--list", action="store_true", help="list the protocols that have a name")
    parser.add_argument(
        "--percent-rmt",
        type=float,
        metavar="PERCENT",
        help="intensity for the limits, %% of resting motor threshold [the protocol's own]",
    )
    parser.add_argument(
        "--tables", metavar="FILE", help=".json with protocols and limits of one's own, see docs/protocols.md"
    )
    parser.add_argument(
        "-o",
        "--output",
        type=values.file_name,
        metavar="OUT",
        help="the timeline: .png, .pdf, .svg; or the protocol: .json, .yaml",
    )
    parser.add_argument("--json", action="store_true", help="print it as JSON")
    return parser


def check_protocol_options(parser: argparse.ArgumentParser, args: argparse.Namespace) -> None:
    """End with a message of wrong usage if options of one protocol come with the list of all."""
    if not getattr(args, "list", False):
        return
    for option, value in (("-o", args.output), ("--percent-rmt", args.percent_rmt)):
        if value is not None:
            parser.error(f"{option} is of one protocol: --list takes none")
