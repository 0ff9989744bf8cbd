# SPDX-License-Identifier: BSD-3-Clause
"""What the commands that give a field for every frame compute it by: a basis of the head, or full solves."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from ..coils.coil import Coil
from ..dose.maps.run import as_engine
from ..errors import RegionError
from ..fields.engine import Engine
from ..fields.field import Field
from ..heads.mesh import TetMesh
from ..io.atomic import check_folder
from ..realtime.basis import region_digest
from ..realtime.make import realtime_basis
from ..realtime.realtime import RealTime
from ..realtime.store import read_realtime, write_realtime
from ..regions.region import Region
from ..solve.model import HeadModel
from . import values
from .progress import Progress
from .roi import share

__all__ = ["add_engine", "check_engine", "frames_of", "live_engine", "solves_of"]


class _Frames(NamedTuple):
    """Takes frames from a basis, and solves those that are not good enough if there is time."""

    basis: RealTime
    error: float | None
    deadline_ms: float | None

    @property
    def region(self) -> Region:
        return self.basis.region

    def field(self, coil: Coil, poses: ArrayLike, didt: ArrayLike = 1e6) -> Field:
        return self.basis.field(coil, poses, didt, error=self.error, deadline_ms=self.deadline_ms)


def add_engine(parser: argparse.ArgumentParser, made: str) -> None:
    """Add the options that say how fields are computed; `made` says when a basis is made without --basis."""
    group = parser.add_argument_group("how fields are computed")
    group.add_argument(
        "--basis",
        type=values.file_name,
        metavar="FILE.npz",
        help=f"a real-time basis of the head: read if it is there, else made and kept there [{made}]",
    )
    group.add_argument(
        "--basis-error",
        type=_some,
        metavar="SHARE",
        help="solve poses in full for which the basis is off by more, as it estimates: 1%% or 0.01 [none]",
    )
    group.add_argument(
        "--deadline",
        type=_milliseconds,
        metavar="MS",
        help="solve poses in full, the worst or all, only where that is likely to take no longer",
    )


def check_engine(parser: argparse.ArgumentParser, args: argparse.Namespace) -> None:
    """Refuse a file that no basis can be kept in, before anything is computed."""
    if getattr(args, "basis", None) is not None and Path(args.basis).suffix != ".npz":
        parser.error(f"argument --basis: a basis is kept in a .npz, not {args.basis}")


def _milliseconds(text: str) -> float:
    value = float(text)
    if not 0.0 < value < np.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of milliseconds above 0")
    return value


def _some(text: str) -> float:
    value = share(text)
    if not value > 0.0:
        raise argparse.ArgumentTypeError(f"{text!r} is not above 0")
    return value


def live_engine(
    args: argparse.Namespace, mesh: TetMesh, given: Any, region: Region, coil: Coil, progress: Progress
) -> Engine:
    """Make what computes the fields of a region: by a basis, or by solves where the coil is A on a grid."""
    if coil.sources().sampled:
        progress.say(f"{coil!r} is A on a grid, which no basis takes: each pose is solved as it comes")
        return solves_of(args, mesh, given, region)
    return frames_of(args, mesh, given, region, progress)


def frames_of(
    args: argparse.Namespace, mesh: TetMesh, given: Any, region: Region, progress: Progress
) -> Engine:
    """Return what takes frames from the basis that `--basis` names, made and kept there if it is not."""
    kept = args.basis is not None and os.path.exists(args.basis)
    if args.basis is not None and not kept:
        check_folder(args.basis)
    model = HeadModel(mesh, given, device=args.device, threads=args.threads, primary="edges")
    progress.say(f"set-up took {sum(model.seconds.values()):.1f} s")
    if kept:
        basis = read_realtime(args.basis, model)
        if basis.basis.region != region_digest(region):
            raise RegionError(f"{args.basis}: the basis is of another region, {basis.region!r}")
    else:
        wanted = args.basis_error is not None or args.deadline is not None
        kept_where = "--basis FILE.npz would keep it" if args.basis is None else f"kept as {args.basis}"
        progress.say(f"a real-time basis is made, which takes up to some minutes; {kept_where}")
        basis = realtime_basis(model, region, potentials=wanted, progress=progress.say)
        if args.basis is not None:
            write_realtime(args.basis, basis)
    progress.say(f"{basis!r}")
    return _Frames(basis, args.basis_error, args.deadline)


def solves_of(args: argparse.Namespace, mesh: TetMesh, given: Any, region: Region) -> Engine:
    """Return what solves each pose in full."""
    return as_engine(HeadModel(mesh, given, device=args.device, threads=args.threads), region)
