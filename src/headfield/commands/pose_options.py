# SPDX-License-Identifier: BSD-3-Clause
"""Options of the commands that read poses: which of a file, what to do with bad ones, the scan they need."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

from ..coils.coil import Coil
from ..core.quantities import Rate
from ..errors import ArgumentError
from ..poses.pose_list import PoseList
from ..solve.drives.rates import rates_of

__all__ = ["add_pose_options", "didt_of", "pose_options"]


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


def didt_of(given: Sequence[Rate] | None, listed: PoseList, coil: Coil, path: str) -> Any:
    """Return dI/dt of each pose: from the command line, else from the file of poses, else 1 A/µs.

    Parameters
    ----------
    given : sequence of Rate, optional
        What `--didt` says.
    listed : PoseList
    coil : Coil
    path : str
        The file of poses, for messages.

    Raises
    ------
    ArgumentError
        The file has one dI/dt a pose and the coil several stimulators; or see `rates_of`.
    """
    if given is not None:
        return rates_of(given, coil)
    if listed.didt is not None:
        if coil.n_stimulators > 1:
            raise ArgumentError(
                f"{path} has one dI/dt a pose, but {coil!r} has {coil.n_stimulators} stimulators: give "
                f"one for each, such as --didt {','.join(['1e6'] * coil.n_stimulators)}"
            )
        return listed.didt
    return 1e6 if coil.n_stimulators == 1 else [[1e6] * coil.n_stimulators]
