# SPDX-License-Identifier: BSD-3-Clause
"""The command `headfield solve`: every pose of a file, in bounded memory; what is solved is kept."""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..coils.read import read_coil
from ..core.stopping import Stopping
from ..errors import ArgumentError, ConvergenceError, RegionError
from ..fields.field import Field
from ..fields.stream import FilePerPose, GrowingH5, open_results
from ..heads.mesh import TetMesh
from ..heads.standard import conductivity_of
from ..heads.subject import Subject
from ..io.atomic import check_not_input
from ..jobs.outputs.growing import GrowingTable
from ..regions.region import Region
from ..solve.drives.rates import didt_of
from ..solve.model import HeadModel
from ..solve.zoom.zoom import Zoom
from .heads import read_head
from .keeping import Best, kept_of, output_files, storage_of, where_of
from .placing import given_poses
from .pose_options import pose_options
from .progress import Progress
from .record import label, names_of, record
from .summary import Summary, exit_code
from .zooming import check_output, facts_of_error, region_of, zoomed

__all__ = ["solve"]

Results = GrowingH5 | FilePerPose | GrowingTable


def solve(args: argparse.Namespace) -> int:
    """Run `headfield solve` with parsed arguments; returns the exit code, 3 if a pose did not converge."""
    start = time.perf_counter()
    with Stopping().listening() as stopping:
        problem = _Problem(args)
        run = problem.run
        progress = Progress(run.count, args.quiet)
        with problem.results() as results:
            there = results.done
            summary = problem.summary(results)
            progress.say(f"{problem.mesh!r}, {problem.coil!r}")
            if there:
                progress.say(f"{there:,} of {run.count:,} poses are there already")
            device = _solve_rest(problem, results, summary, progress, stopping)
    facts = {
        "head": args.head,
        "coil": args.coil,
        "poses": run.count,
        "first_pose": run.first,
        "already_there": there,
        "didt": np.asarray(problem.didt).tolist(),
        "tol": args.tol,
        "recovery": args.recovery,
        "primary": args.primary,
        "device": device,
        **facts_of_error(args, summary.rows, problem.zoom),
        **problem.facts_of_best(results),
        "files": results.files,
        "seconds": round(time.perf_counter() - start, 3),
        "not_converged": summary.not_converged,
        "results": summary.rows,
    }
    print(json.dumps(facts, indent=1, allow_nan=False) if args.json else summary.text(facts))
    return exit_code(summary.not_converged, run.count)


class _Problem:
    """What the arguments ask for, read and checked."""

    def __init__(self, args: argparse.Namespace) -> None:
        self.args = args
        self.zoom: Zoom | None = None
        check_output(args)
        self.mesh, given = read_head(args)
        self.coil = read_coil(args.coil)
        listed = given_poses(args, self.mesh, self.coil, **pose_options(args))
        self.poses, self.didt = listed.poses, didt_of(args.didt, listed, self.coil, args.poses)
        self.chosen = _slice(args.slice, len(self.poses))
        _check_not_input(args, self.chosen, len(self.poses))
        self.elements = _elements(self.mesh, args.tissues)
        self.region: Region | None = region_of(args, self.mesh)
        if self.region is not None:
            self.elements = self.region.elements
        self.kept = kept_of(args, self.mesh)
        is_region = args.roi is not None
        self.best: Best | None = None
        if self.kept is not None and args.best is not None:
            self.best = Best(args.best, self.kept, is_region=is_region)
        self.roi = self.region
        if self.kept is not None and args.keep == "metrics":
            self.elements, self.roi = self.kept.elements, self.kept.roi
        self.n_elements = None if self.elements is None else len(self.elements)
        self.conductivity = conductivity_of(self.mesh, given)
        self.names = names_of(listed)
        self.run = record(args, self)

    def results(self) -> Results:
        """Open what the fields, or numbers of them, are written to."""
        if self.is_table:
            assert self.kept is not None
            return GrowingTable(self.args.output, self.kept, self.run, self.names, resume=self.args.resume)
        at_points = self.region is not None and not self.region.is_volume
        how = {"resume": self.args.resume, "at_points": at_points, "storage": storage_of(self.args)}
        return open_results(self.args.output, self.mesh, self.n_elements, self.run, **how)

    @property
    def is_table(self) -> bool:
        """Whether only numbers are kept of each pose."""
        return bool(self.args.keep == "metrics")

    def summary(self, results: Results) -> Summary:
        """Make what is said at the end."""
        first, bad = self.run.first + results.done, results.not_converged
        if self.is_table and self.kept is not None:
            where = where_of(self.kept, self.mesh)
            return Summary.of_numbers(self.mesh, first, bad, where=where, of_region=self.args.roi is not None)
        return Summary(self.mesh, self.elements, first, bad, region=self.region)

    def write(self, field: Field, results: Results, summary: Summary) -> None:
        """Write a batch, and add it to what is said at the end."""
        first = self.run.first + results.done
        label(field, self, first)
        if isinstance(results, GrowingTable):
            summary.add(field, results.write(field))
            return
        results.write(field.arrays())
        summary.add(field)
        if self.best is not None and self.kept is not None:
            self.best.add(first, self.kept.of(field))

    def facts_of_best(self, results: Results) -> dict[str, Any]:
        """Say which pose is best, if that is asked for."""
        if self.best is None:
            return {}
        if isinstance(results, GrowingTable):
            self.best.add(self.run.first, results.columns())
        return {"best": self.best.facts(self.names)}

    def fields(self, model: HeadModel, first: int) -> Iterator[Field]:
        """Solve the poses from `first` on, batch by batch."""
        args, rest = self.args, slice(first, self.chosen.stop)
        didt = np.asarray(self.didt)
        poses = self.poses[rest]
        rates = didt[rest] if didt.ndim and len(didt) == len(self.poses) > 1 else didt
        how: dict[str, Any] = {
            "tol": args.tol,
            "max_iterations": args.max_iterations,
            "batch": "auto" if args.batch is None else args.batch,
            "strict": args.strict,
            "first": first,
        }
        if self.zoom is not None:
            return self.zoom.iter_solve(self.coil, poses, rates, **how)
        elements = self.elements if self.roi is None else None
        how |= {"elements": elements, "roi": self.roi, "recovery": args.recovery}
        if self.is_table:  # on a GPU the fields stay there then: only numbers of them leave it
            poses = model.computes_on.put(poses)
        return model.iter_solve(self.coil, poses, rates, **how)


def _solve_rest(
    problem: _Problem,
    results: Results,
    summary: Summary,
    progress: Progress,
    stopping: Stopping,
) -> str:
    """Solve and write the poses that aren't there yet; returns the device."""
    args, run = problem.args, problem.run
    if args.strict and results.not_converged:
        raise ConvergenceError(
            f"pose {results.not_converged[0]} did not converge when it was solved before; without --strict "
            "it is left out"
        )
    if results.done == run.count:
        return "no device"
    how = {"device": args.device, "threads": args.threads, "primary": args.primary}
    model = HeadModel(problem.mesh, problem.conductivity, **how)
    progress.say(f"set-up took {sum(model.seconds.values()):.1f} s")
    if args.zoom is not None:
        problem.zoom = zoomed(model, problem, progress)
    stopping.after_batches()
    try:
        for field in problem.fields(model, run.first + results.done):
            problem.write(field, results, summary)
            progress.done(results.done)
            del field  # and its E, before the next batch is solved
            if results.done < run.count:
                stopping.check()
    except BaseException as error:  # also an interrupt: what is solved is kept, and the user told
        if isinstance(error, ConvergenceError):
            problem.write(error.partial, results, summary)
        kept = f"{results.done:,} of {run.count:,} poses are done and kept"
        progress.say(f"{kept}; go on with --resume" if results.done else kept, always=True)
        raise
    return model.device


def _slice(given: tuple[int | None, int | None] | None, k: int) -> range:
    """The poses that `--slice` chooses of k."""
    begin, end, _ = slice(*(given or (None, None))).indices(k)
    if begin >= end:
        raise ArgumentError(f"--slice: there is no pose from {begin} to {end} in a list of {k}")
    return range(begin, end)


def _check_not_input(args: argparse.Namespace, chosen: range, k: int) -> None:
    paths: list[Any] = [args.head, args.coil, args.poses, args.eeg]
    if os.path.isdir(args.head):
        subject = Subject(args.head)
        paths += [subject.mesh_path, subject.tensor_path]
    for path in (args.output, *output_files(args, chosen, k)):
        check_not_input(path, *paths)


def _elements(mesh: TetMesh, tags: list[int] | None) -> NDArray[np.int32] | None:
    if tags is None:
        return None
    present = np.unique(mesh.tags).tolist()
    missing = sorted(set(tags) - set(present))
    if missing:
        raise RegionError(f"--tissues: the head has no tag {missing[0]}; it has {present}")
    return np.flatnonzero(np.isin(mesh.tags, tags)).astype(np.int32)
