# SPDX-License-Identifier: BSD-3-Clause
"""The command `headfield replay`: the dose of each pulse of a recorded session, and of all together."""

from __future__ import annotations

import argparse
import json
import os
import time
from pathlib import Path
from typing import Any

import numpy as np

from ..coils.read import read_coil
from ..core.messages import in_one_line, plural, point, printable
from ..dose.maps.dose_map import SUM_ENDINGS
from ..dose.maps.replay import replay
from ..dose.maps.replayed import Replay
from ..errors import ArgumentError, FileFormatError, HeadfieldError, RegionError
from ..fields.engine import Engine
from ..heads.mesh import TetMesh
from ..heads.points import coordinates
from ..io.atomic import check_folder, check_not_input
from ..io.regular import ending_of
from ..measures.target import Target
from ..pictures.colours import matplotlib_parts
from ..pictures.figure import PICTURE_ENDINGS
from ..poses.pose_list import PoseList
from ..poses.read import read_pose_list
from ..regions.region import Region
from ..solve.drives.rates import didt_of
from .engines import frames_of, solves_of
from .given_head import GivenHead
from .pose_options import pose_options
from .progress import Progress
from .summary import NOT_CONVERGED

__all__ = ["run_replay"]

_FILES = ("pulses.csv", "sums.vtu", "sums.npz")
_PICTURE = "largest.png"
_LISTED = 20  # pulses that are refused, in the summary


def _engine(
    args: argparse.Namespace, mesh: TetMesh, given: Any, region: Region, progress: Progress
) -> Engine:
    """Make what computes the fields of the region: a basis where one is asked for, else full solves."""
    if args.basis is None:
        return solves_of(args, mesh, given, region)
    return frames_of(args, mesh, given, region, progress)


def run_replay(args: argparse.Namespace) -> int:
    """Run `headfield replay` with parsed arguments; returns the exit code, 3 if a pulse has no field."""
    start = time.perf_counter()
    head = GivenHead(args)
    _check_output(args)
    coil = read_coil(args.coil)
    listed = _session(args)
    didt = didt_of(args.didt, listed, coil, args.session)
    at = None if args.at is None else head.find(args.at)
    mesh, given = head.read()
    region = args.region.region(mesh, head.find, args.tissues)
    _check_kind(args.output, region)
    target = None if at is None else _target(args, head, region, at)
    progress = Progress(0, args.quiet)
    progress.say(f"{mesh!r}, {coil!r}, {listed!r}")
    found = replay(
        _engine(args, mesh, given, region, progress),
        coil,
        listed,
        didt,
        target=target,
        threshold=args.threshold,
        batch=args.batch,
        progress=_told(args.quiet),
    )
    files, problem = _written(found, Path(args.output))
    facts = found.to_dict() | {
        "session": args.session,
        "head": args.head,
        "region": repr(region),
        "target": None if target is None else repr(target),
        "names": head.notes,
        "didt_given": args.didt is not None or listed.didt is not None,
        "files": files,
        "seconds": round(time.perf_counter() - start, 3),
    }
    print(json.dumps(facts, indent=1, allow_nan=False) if args.json else "\n".join(_lines(facts, problem)))
    return NOT_CONVERGED if found.refused else 0


def _told(quiet: bool) -> Any:
    """Return what tells how many poses are done; how many there are is known when the first are."""
    progress: list[Progress] = []

    def done(count: int, total: int) -> None:
        progress[:] = progress or [Progress(total, quiet)]
        progress[0].done(count)

    return done


def _session(args: argparse.Namespace) -> PoseList:
    """Read the pulses: of a Brainsight file that has both targets and samples, the samples."""
    listed = read_pose_list(args.session, **pose_options(args))
    if args.which == "all" and listed.kind.startswith("Brainsight targets and samples"):
        return read_pose_list(args.session, **pose_options(args) | {"which": "samples"})
    return listed


def _is_file(path: str) -> bool:
    return ending_of(path) in (".csv", *SUM_ENDINGS, *PICTURE_ENDINGS)


def _check_output(args: argparse.Namespace) -> None:
    """Raise an error if the output would overwrite an input, or can't be written."""
    inputs = (args.session, args.head, args.coil, args.eeg, args.basis)
    if not _is_file(args.output):
        if ending_of(args.output) and not os.path.isdir(args.output):
            known = ", ".join((".csv", *SUM_ENDINGS, *PICTURE_ENDINGS))
            raise FileFormatError(f"{args.output}: a folder without an ending, or a file of {known}")
        for name in (*_FILES, _PICTURE):
            check_not_input(Path(args.output) / name, *inputs)
        return
    check_not_input(args.output, *inputs)
    check_folder(args.output)
    if ending_of(args.output) in PICTURE_ENDINGS:
        matplotlib_parts()


def _check_kind(output: str, region: Region) -> None:
    """Raise an error before the work if the file can't hold numbers at points."""
    if not region.is_volume and ending_of(output) in (".msh", *PICTURE_ENDINGS):
        raise FileFormatError(f"{output}: sums at points are written as .vtu or .npz")


def _target(args: argparse.Namespace, head: GivenHead, region: Region, at: Any) -> Target:
    """Make the target: what of the region is near a point, or near what is nearest to an electrode."""
    away = np.linalg.norm(region.centres_mm - at, axis=1)
    if coordinates(args.at) is None:
        head.notes.append(f"{args.at}: the target is what is nearest to it, {away.min():.1f} mm away")
        away = np.linalg.norm(region.centres_mm - region.centres_mm[away.argmin()], axis=1)
    near = away <= args.radius
    if not near.any():
        raise RegionError(
            f"--at {args.at}: nothing of the region lies within {args.radius:g} mm of {point(at)}; the "
            f"nearest is {away.min():.1f} mm away"
        )
    part = region.part(near)
    direction = args.direction
    if direction == "normal":
        if part.normals is None:
            raise ArgumentError(f"--direction normal: {args.region.text} has no normals; mid-layer has")
        direction = -part.normals
    return Target(part, direction)


def _written(found: Replay, output: Path) -> tuple[list[str], str]:
    """Write what was asked for; return the files, and why there is no picture."""
    name, ending = os.fspath(output), ending_of(output)
    if _is_file(name):
        write = {".csv": found.write_table} | dict.fromkeys(SUM_ENDINGS, found.dose.save)
        write.get(ending, found.dose.write_picture)(output)
        return [name], ""
    output.mkdir(parents=True, exist_ok=True)
    files = [os.fspath(output / name) for name in _FILES]
    found.write_table(files[0])
    found.dose.save(files[1])
    found.dose.save(files[2])
    try:
        matplotlib_parts()
        found.dose.write_picture(output / _PICTURE)
    except (HeadfieldError, OSError) as error:  # the numbers are written already
        return files, in_one_line(error)
    return [*files, os.fspath(output / _PICTURE)], ""


def _lines(facts: dict[str, Any], problem: str) -> list[str]:
    """Return what the summary says, as lines of text."""
    bad, most = facts["refused"], facts["largest_V_per_m"]
    rows = [
        ("pulses", f"{facts['pulses']:,}, at {plural(facts['different_poses'], 'pose', 'poses')}"),
        *(("", note) for note in facts["names"]),
        ("region", facts["region"].strip("<>")),
    ]
    if not facts["didt_given"]:
        rows.append(("dI/dt", "1 A/µs: neither --didt nor SESSION says more; E is proportional to it"))
    if most is not None:
        mean, level = facts["mean_of_largest_V_per_m"], facts["threshold_V_per_m"]
        rows += [
            ("largest |E|", f"{most:.4g} V/m; {mean:.4g} V/m in the mean over pulses"),
            ("above", f"{level:g} V/m: {plural(facts['most_pulses_above'], 'pulse', 'pulses')} at most"),
            ("sum of |E|", f"{facts['largest_sum_V_per_m']:.4g} V/m at most"),
        ]
    if "target_V_per_m" in facts:
        value = facts["target_V_per_m"]
        rows.append(("target", f"{value['mean']:.4g} V/m in the mean, {value['largest']:.4g} V/m at most"))
    if facts["largest_basis_error"] is not None:
        unknown = facts["unknown_basis_errors"]
        rows.append(
            (
                "error of E",
                f"{100 * facts['largest_basis_error']:.2g} % at most, by estimate, against a solve with "
                "--primary edges on the same mesh"
                + (f"; unknown for {plural(unknown, 'pulse', 'pulses')}" if unknown else ""),
            )
        )
    if bad:
        rows.append(("refused", f"{plural(len(bad), 'pulse has', 'pulses have')} no field"))
        rows += [("", f"{r['number']} ({printable(r['name'][:40])}): {r['reason']}") for r in bad[:_LISTED]]
        rows += [("", f"and {len(bad) - _LISTED} more, see the table")] if len(bad) > _LISTED else []
    rows += [("written", ", ".join(facts["files"])), *([("no picture", problem)] if problem else [])]
    return [f"{name:12} {words}" for name, words in rows]
