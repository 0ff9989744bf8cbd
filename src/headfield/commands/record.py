# SPDX-License-Identifier: BSD-3-Clause
"""What `headfield solve` puts on record in its results: names of poses, and what they are computed from."""

from __future__ import annotations

import argparse
import dataclasses
import os
from typing import Any, Protocol

from numpy.typing import NDArray

from ..coils.coil import Coil
from ..core.digest import digest
from ..fields.field import Field
from ..fields.run import Run, run_of
from ..heads.mesh import TetMesh
from ..jobs.outputs import Kept
from ..poses.pose_list import PoseList
from ..regions.region import Region
from .keeping import settings_of

__all__ = ["label", "names_of", "record"]


class Problem(Protocol):
    """What is solved."""

    mesh: TetMesh
    conductivity: NDArray[Any]
    coil: Coil
    poses: NDArray[Any]
    didt: Any
    chosen: range
    region: Region | None
    names: tuple[str, ...]
    run: Run
    kept: Kept | None


def names_of(listed: PoseList) -> tuple[str, ...]:
    """Return the names of poses; none if the file of poses has none, where they are "pose 0", "pose 1", ….

    Examples
    --------
    >>> import numpy as np
    >>> names_of(PoseList([np.eye(4), np.eye(4)])), names_of(PoseList([np.eye(4)], ["M1"]))
    ((), ('M1',))
    """
    named = any(name != f"pose {i}" for i, name in enumerate(listed.names))
    return tuple(listed.names) if named else ()


def record(args: argparse.Namespace, problem: Problem) -> Run:
    """Return the record of a run with parsed arguments."""
    settings: dict[str, Any] = {
        "tissues": None if args.tissues is None else sorted(set(args.tissues)),
        "recovery": args.recovery,
        "primary": args.primary,
        "tol": args.tol,
        "max_iterations": args.max_iterations,
    }
    if problem.region is not None:  # where a name such as C3 is, depends on the head's positions
        where = digest(problem.region.elements, problem.region.barycentric)
        settings |= {"roi": args.roi.text, "elements": where}
    settings |= settings_of(args, problem.kept)
    if args.zoom is not None:
        settings |= dataclasses.asdict(args.zoom)
    inputs = {"head": args.head, "coil": args.coil, "poses": args.poses}
    run = run_of(
        problem.mesh,
        problem.conductivity,
        problem.coil.content(),
        problem.poses,
        problem.didt,
        settings,
        count=len(problem.poses),
        names=problem.names,
    )
    names = {what: os.path.basename(os.path.abspath(path)) for what, path in inputs.items() if path}
    return dataclasses.replace(run, files=names).part(problem.chosen.start, len(problem.chosen))


def label(field: Field, problem: Problem, first: int) -> None:
    """Tell a field, whose first pose has this number in the run, its names and what it is a part of."""
    field.label(problem.names[first : first + len(field)], problem.run)
