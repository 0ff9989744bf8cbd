# SPDX-License-Identifier: BSD-3-Clause
"""The command `headfield jobs`: run a job, check what it takes, show how far it is."""

from __future__ import annotations

import argparse
import dataclasses
import importlib
import json
import shlex
from collections.abc import Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from typing import Any

import numpy as np

from ..core.messages import first_of, in_one_line, plural
from ..core.stopping import Stopped
from ..errors import ArgumentError, HeadfieldError, MissingPackageError
from ..io.columns import check_table
from ..io.json_text import finite_or_none
from ..jobs import Job, JobReport, Results, estimate, read_job, read_results, run
from .parser_jobs import RETRIES
from .progress import Progress, tell

__all__ = ["run_jobs"]

_LISTED = 20


def run_jobs(args: argparse.Namespace) -> int:
    """Run `headfield jobs` with parsed arguments; returns the exit code."""
    if args.jobs == "show":
        return _show(args)
    try:
        job = _job(args)
    except HeadfieldError as problem:  # a script that goes on after 1 is not to try this again
        tell(f"headfield: error: {in_one_line(problem)}")
        return 2
    if args.jobs == "check" or args.dry_run:
        return _check(args, job)
    return _run(args, job)


def _job(args: argparse.Namespace) -> Job:
    given = {name: getattr(args, name) for name in ("device", "threads") if getattr(args, name) is not None}
    job = read_job(args.job)
    return dataclasses.replace(job, **given) if given else job


def _check(args: argparse.Namespace, job: Job) -> int:
    found = estimate(job, args.output, workers=args.workers or 1, slice=args.slice)
    facts = finite_or_none(dataclasses.asdict(found))
    print(json.dumps(facts, indent=1) if getattr(args, "json", False) else str(found))
    return 0


def _run(args: argparse.Namespace, job: Job) -> int:
    shown: list[Progress] = []

    def progress(done: int, poses: int) -> None:
        shown[:] = shown or [Progress(poses, args.quiet)]
        shown[0].done(done)

    how = {"workers": args.workers, "slice": args.slice, "resume": args.resume, "retries": args.retries}
    try:
        with _executor(args.executor) as executor:
            report = run(job, args.output, executor=executor, progress=progress, **how)
    except Stopped as stop:
        if stop.report is not None:
            tell(f"headfield: {_said(stop.report, args)}")
        raise
    print(_said(report, args))
    return report.code


def _said(report: JobReport, args: argparse.Namespace) -> str:
    """Say how it went, and what to type to go on: with the options that were given."""
    named = {"executor": None if args.executor == "processes" else args.executor}
    named |= {name: getattr(args, name) for name in ("device", "threads")}
    named["retries"] = None if args.retries == RETRIES else args.retries
    how = "".join(f" --{name} {shlex.quote(str(v))}" for name, v in named.items() if v is not None)
    report = dataclasses.replace(report, how=report.how + how)
    return str(report).replace("headfield jobs run JOB", f"headfield jobs run {shlex.quote(args.job)}")


@contextmanager
def _executor(kind: str) -> Iterator[Executor | None]:
    """Give the executor that words mean; None for processes of our own."""
    name, _, address = kind.partition(":")
    if kind == "processes":
        yield None
    elif name == "dask" and address:
        distributed = _package("distributed", "'dask[distributed]'")
        try:
            client = distributed.Client(address, timeout="10s")
        except (OSError, ValueError) as problem:
            raise HeadfieldError(f"no scheduler of Dask at {address}: {in_one_line(problem)}") from problem
        with client, client.get_executor(pure=False) as executor:
            yield executor
    elif kind == "mpi":
        with _package("mpi4py.futures", "mpi4py").MPIPoolExecutor() as executor:
            yield executor
    else:
        raise ArgumentError(f"--executor must be processes, dask:ADDRESS or mpi, not {kind!r}")


def _package(name: str, install: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError as problem:
        raise MissingPackageError(f"{name} is missing (pip install {install})") from problem


def _show(args: argparse.Namespace) -> int:
    results = read_results(args.folder)
    if args.output is not None:
        check_table(args.output)
        results.to_table(args.output)
    facts = _facts(results)
    if args.json:
        print(json.dumps(facts, indent=1, allow_nan=False))
    else:
        print("\n".join(_lines(results, facts)))
    return 3 if facts["not_converged"] and not facts["missing"] else 0


def _facts(results: Results) -> dict[str, Any]:
    table = results.table  # first: files that are damaged become missing ones
    return {
        "folder": str(results.folder),
        "heads": list(results.heads),
        "coils": list(results.coils),
        "poses": results.layout.poses,
        "done": len(results),
        "missing": [chunk.number for chunk in results.missing],
        "not_converged": [list(one) for one in results.not_converged()],
        "columns": [name for name in table if name in results.columns],
    }


def _lines(results: Results, facts: dict[str, Any]) -> list[str]:
    lines = [f"{facts['done']:,} of {plural(facts['poses'], 'pose', 'poses')} are done"]
    lines[0] += f", of {plural(len(results.heads), 'head', 'heads')} and "
    lines[0] += plural(len(results.coils), "coil", "coils")
    if results.missing:
        lines.append(f"missing: {first_of(results.missing, _LISTED)}")
    if facts["not_converged"]:
        named = [f"{head}/{coil} pose {pose}" for head, coil, pose in facts["not_converged"]]
        lines.append(f"did not converge, numbers are nan: {first_of(named, _LISTED)}")
    lines += _spans(results)
    if results.missing:
        lines.append(f"go on with: headfield jobs run JOB -o {results.folder} --resume")
    return lines


def _spans(results: Results) -> list[str]:
    """A line for each number of the table: least, median and most, and the pose that has most."""
    table, lines = results.table, list[str]()
    for name in results.columns:
        values = np.asarray(table[name], float)
        if name == "converged" or not np.isfinite(values).any():
            continue
        i = int(np.nanargmax(values))
        at = f"{table['head'][i]}/{table['coil'][i]} pose {table['pose'][i]}"
        low, middle, high = np.nanmin(values), np.nanmedian(values), values[i]
        lines.append(f"{name:28} {low:.4g} to {high:.4g}, median {middle:.4g}; most at {at}")
    return lines
