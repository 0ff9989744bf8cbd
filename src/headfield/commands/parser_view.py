# SPDX-License-Identifier: BSD-3-Clause
"""The words of the command line that draw a result: `headfield view`."""

from __future__ import annotations

import argparse
from typing import Any

from ..core.messages import nearest_name
from ..pictures.setting import VIEWS
from . import values

__all__ = ["add_view"]

_LAYERS = ("magnE", "normal", "tangential")


def add_view(commands: Any) -> argparse.ArgumentParser:
    """Add the command `view`."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "view",
        help="a picture or an interactive page of a result",
        description="Draw |E| of one pose of a result: on the cortex as seen from the coil, in three slices "
        "through its peak, and its distribution in gray matter. A picture (.png, .pdf, .svg), or a page "
        "(.html) to turn and zoom, which holds all it needs. Or draw a part of E on the mid-layer of the "
        "cortex, the difference to another result, or several poses beside each other.",
        epilog="Example: headfield view field.h5 --coil coil.ccd --pose 3 -o field.html",
    )
    parser.add_argument("result", metavar="RESULT", help=".h5, .msh or .vtu of `headfield solve`")
    parser.add_argument(
        "-o", "--output", type=values.file_name, metavar="OUT", help=".png, .pdf, .svg or .html [RESULT.png]"
    )
    parser.add_argument(
        "--pose", type=int, metavar="I", help="which pose, from 0 [0, or that of NAME_0003.msh]"
    )
    parser.add_argument("--coil", metavar="COIL", help="draw its casing, wire and dipoles")
    parser.add_argument(
        "--poses", metavar="POSES", help="where the coil is, if RESULT has no poses (.msh, .vtu)"
    )
    parser.add_argument(
        "--tissues",
        type=values.some_tags,
        metavar="TAGS",
        help="whose |E| is shown [1,2]",
    )
    parser.add_argument("--head", metavar="HEAD", help="the whole head, if RESULT is of a part of it")
    _add_look(parser)
    _add_kinds(parser)
    return parser


def _add_look(parser: argparse.ArgumentParser) -> None:
    """Add options that all kinds of pictures have."""
    parser.add_argument(
        "--vmax", type=float, metavar="X", help="value at the end of the colours [99.9th percentile]"
    )
    parser.add_argument(
        "--view",
        type=_view,
        metavar="SIDE",
        help=f"{', '.join(VIEWS)}, coil, or a direction x,y,z to the eye [coil, or over the peak]",
    )
    parser.add_argument("--target", type=values.point, metavar="X,Y,Z", help="mark this place, mm")
    parser.add_argument("--dpi", type=float, metavar="N", help="of a .png, 20 to 1200 [200]")


def _add_kinds(parser: argparse.ArgumentParser) -> None:
    """Add options that say what is drawn in place of |E| of one pose."""
    kinds = parser.add_mutually_exclusive_group()
    kinds.add_argument(
        "--layer",
        nargs="?",
        const=_LAYERS[0],
        choices=_LAYERS,
        help="draw E on the mid-layer of the cortex: |E|, its part along the normal, or across it [magnE]",
    )
    kinds.add_argument(
        "--compare", metavar="OTHER", help="draw |E| of RESULT minus |E| of this result, in the same head"
    )
    kinds.add_argument(
        "--montage",
        type=_numbers,
        metavar="I,J,…",
        help="draw several poses beside each other on one scale, such as 0,3,5",
    )
    parser.add_argument(
        "--other-pose", type=int, metavar="I", help="with --compare: which pose of OTHER [that of RESULT]"
    )
    parser.add_argument(
        "--relative", action="store_true", help="with --compare: in percent of OTHER, where it is not weak"
    )


def _view(text: str) -> str | list[float]:
    if text == "coil" or text in VIEWS:
        return text
    try:
        return values.point(text)
    except argparse.ArgumentTypeError:
        sides = ", ".join((*VIEWS, "coil"))
        near = nearest_name(text, (*VIEWS, "coil"))
        raise argparse.ArgumentTypeError(f"{text!r} is none of {sides}, nor x,y,z{near}") from None


def _numbers(text: str) -> list[int]:
    try:
        return [int(word) for word in text.split(",")]
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not numbers of poses, such as 0,3,5") from None
