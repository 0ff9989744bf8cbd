# SPDX-License-Identifier: BSD-3-Clause
"""Options of the commands that read poses: which of a file, what to do with bad ones, the scan they need."""

from __future__ import annotations

import argparse
from typing import Any

__all__ = ["add_pose_options", "pose_options"]


def add_pose_options(parser: argparse.ArgumentParser) -> None:
    """Add the options to the parser of a command."""
    parser.add_argument(
        "--which",
        default="all",
        metavar="W",
        help="of Brainsight: targets or samples; of a SimNIBS session: a coil or a TMSLIST's index [all]",
    )
    parser.add_argument(
        "--skip-bad",
        action="store_true",
        help="leave out poses that are sheared, scaled, left-handed or not a number",
    )
    parser.add_argument(
        "--scan", metavar="NIFTI", help="the image that was navigated on, for InVesalius and Nexstim"
    )


def pose_options(args: argparse.Namespace) -> dict[str, Any]:
    """Return the options as `read_pose_list` takes them.

    Examples
    --------
    >>> pose_options(argparse.Namespace(which="1", skip_bad=False, scan=None))
    {'which': 1, 'skip_bad': False, 'scan': None}
    """
    which = int(args.which) if args.which.isascii() and args.which.isdigit() else args.which
    return {"which": which, "skip_bad": args.skip_bad, "scan": args.scan}
