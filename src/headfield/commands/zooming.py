# SPDX-License-Identifier: BSD-3-Clause
"""What `headfield solve --roi` needs besides: the region, its zoom, and what is said of errors."""

from __future__ import annotations

import argparse
import itertools
from typing import Any, Protocol

from numpy.typing import NDArray

from ..coils.coil import Coil
from ..core.messages import plural, warn
from ..errors import FileFormatError
from ..heads.mesh import TetMesh
from ..io.atomic import check_not_input
from ..io.meshio import needed_meshio
from ..io.regular import ending_of
from ..pictures.colours import matplotlib_parts
from ..pictures.figure import check_target
from ..regions.region import Region
from ..solve.model import HeadModel
from ..solve.zoom.make import check_zoom
from ..solve.zoom.report import ZoomLevel
from ..solve.zoom.zoom import Zoom
from .given_head import GivenHead
from .progress import Progress

__all__ = ["Zoomed", "check_output", "facts_of_error", "region_of", "zoomed"]


class Zoomed(Protocol):
    """What is solved on a zoom."""

    args: argparse.Namespace
    coil: Coil
    poses: NDArray[Any]
    didt: Any
    region: Region | None


def check_output(args: argparse.Namespace) -> None:
    """Raise an error if OUT can't hold the field of `--roi`, or `--picture` can't be written."""
    if args.picture is not None:
        check_target(args.picture)
        matplotlib_parts()
        check_not_input(args.picture, args.output, args.head, args.coil, args.poses)
    if args.keep != "metrics" and args.roi is not None and args.roi.kind == "mid-layer":
        if ending_of(args.output) != ".vtu":
            raise FileFormatError(f"{args.output}: the field at points of the mid-layer is written as .vtu")
        needed_meshio(args.output)


def region_of(args: argparse.Namespace, mesh: TetMesh) -> Region | None:
    """Return the region that `--roi` means in a head, or None; refuse one that is too large to refine."""
    if args.roi is None:
        return None
    region: Region = args.roi.region(mesh, GivenHead(args).find, args.tissues)
    if args.zoom is not None:
        check_zoom(region, args.zoom)
    return region


def zoomed(model: HeadModel, problem: Zoomed, progress: Progress) -> Zoom:
    """Refine the head, and draw that if it is asked for.

    That is for all poses of a run, whichever of them are solved here: slices get the same mesh.
    """
    args, options = problem.args, problem.args.zoom
    assert problem.region is not None
    count = itertools.count()

    def told(level: ZoomLevel) -> None:
        times = next(count)
        done = f"refined {times}×" if times else "not refined yet"
        error = "" if level.error is None else f", error of E about {level.error:.2%}"
        progress.say(f"{done}: {level.unknowns:,} unknowns around the region{error}")

    zoom = model.zoom(
        problem.region,
        problem.coil,
        problem.poses,
        problem.didt,
        error=options.error,
        margin_mm=options.margin_mm,
        max_unknowns=options.max_unknowns,
        smooth=options.smooth,
        progress=told,
    )
    if args.picture is not None:
        zoom.write_picture(args.picture)
    return zoom


def facts_of_error(args: argparse.Namespace, rows: list[dict[str, Any]], zoom: Zoom | None) -> dict[str, Any]:
    """Return what the summary says of region and errors; warn if some poses are off by more than was asked.

    Parameters
    ----------
    args : Namespace
    rows : list of dict
        Of the poses that were solved here.
    zoom : Zoom or None
        None where none was made: without `--error`, or if nothing was left to solve.
    """
    facts: dict[str, Any] = {} if args.roi is None else {"roi": args.roi.text}
    if args.zoom is None:
        return facts
    asked = args.zoom.error
    solved = [row for row in rows if row["converged"]]
    known = [row["discretisation_error"] for row in solved if row["discretisation_error"] is not None]
    off = len(solved) - sum(error <= asked for error in known)
    facts |= {
        "error_asked": asked,
        "largest_error": max(known, default=None),
        "error_reached": not off if solved else None,
        "margin_mm": args.zoom.reach_mm,
    }
    if zoom is not None:
        report = zoom.report
        facts["zoom"] = {
            "unknowns": zoom.n_unknowns,
            "refinements": len(report.levels) - 1,
            "stopped": report.stopped,
            "seconds": round(sum(report.seconds.values()), 3),
        }
        if args.picture is not None:
            facts["picture"] = args.picture
    if off:
        most = f"by up to {max(known):.2%}" if len(known) == len(solved) else "by an unknown error"
        those, are = plural(len(solved), "pose", "poses"), "is" if off == 1 else "are"
        warn(f"not reached: {off} of {those} {are} off {most}, where {asked:.2%} was asked for")
    return facts
