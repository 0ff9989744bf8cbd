# SPDX-License-Identifier: BSD-3-Clause
"""The words of the command line that say what `headfield solve` keeps of each pose."""

from __future__ import annotations

import argparse

from ..errors import ArgumentError
from ..fields.h5.storage import COMPRESSIONS
from ..io.columns import TABLE_ENDINGS
from ..io.regular import ending_of
from ..jobs.outputs import Outputs
from .words import only_with

__all__ = ["TABLE_EXAMPLE", "add_outputs", "check_outputs"]

#: For the end of the help of `headfield solve`.
TABLE_EXAMPLE = (
    "A table of numbers, and which pose is best for a target: headfield solve head.msh coil.ccd poses.npy "
    "-o poses.csv --keep metrics --target -40,-8,50 --best"
)
_RADIUS_MM = Outputs.target_radius_mm


def add_outputs(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    group = parser.add_argument_group(
        "what is kept of a pose",
        "Numbers are those of docs/outputs.md: in gray matter, or in --roi and --tissues where they are "
        "given.",
    )
    group.add_argument(
        "--keep",
        choices=("E", "magnE", "metrics"),
        help="E: without |E| beside it in an .h5; magnE: without E; metrics: a table of numbers, .csv or "
        ".parquet [E and |E|]",
    )
    group.add_argument(
        "--compress",
        choices=COMPRESSIONS,
        help="of an .h5: the same bits, packed at the end; or half precision, off by 0.05%% at most",
    )
    group.add_argument(
        "--best",
        nargs="?",
        const="",
        metavar="COLUMN",
        help="say which pose is best by this number, such as focality_50 [the mean in the target if there is "
        "one, that in the region if there is one, else the peak]",
    )
    group.add_argument(
        "--target",
        metavar="POINT|REGION",
        help="numbers of |E| there as well: around x,y,z in mm, mni:x,y,z, an electrode or a named target; "
        "or a region as of --roi",
    )
    group.add_argument(
        "--target-radius", type=float, metavar="MM", help=f"of a POINT of --target [{_RADIUS_MM:g}]"
    )
    group.add_argument(
        "--percentiles", type=_percents, metavar="P,…", help="of |E| by volume [50,95,99,99.9]"
    )


def _percents(text: str) -> list[float]:
    try:
        return [float(word) for word in text.split(",")]
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not numbers such as 50,99.9") from None


def check_outputs(parser: argparse.ArgumentParser, args: argparse.Namespace) -> None:
    """Make `args.outputs` of the options, None where no numbers are asked for; end if they make no sense."""
    if not hasattr(args, "best"):
        return
    args.outputs = None
    is_table = args.keep == "metrics"
    if is_table and args.compress is not None:
        parser.error("--compress is of E in an .h5, and --keep metrics keeps numbers alone")
    if is_table and ending_of(args.output) not in TABLE_ENDINGS:
        parser.error(f"--keep metrics writes a table, {' or '.join(TABLE_ENDINGS)}: -o {args.output} is none")
    if not is_table and args.best is None:
        for option in ("target", "target_radius", "percentiles"):
            if getattr(args, option) is not None:
                parser.error(f"--{option.replace('_', '-')} is an option of --keep metrics and of --best")
        return
    if args.target is None:
        only_with(parser, args, "--target", "target_radius")
    given = {
        "roi": None if args.roi is None else args.roi.text,
        "tissues": args.tissues,
        "target": args.target,
        "target_radius_mm": args.target_radius,
        "percentiles": args.percentiles,
    }
    try:
        args.outputs = Outputs(**{name: value for name, value in given.items() if value is not None})
    except ArgumentError as problem:
        parser.error(f"--target, --target-radius, --percentiles: {problem}")
