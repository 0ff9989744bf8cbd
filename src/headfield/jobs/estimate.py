# SPDX-License-Identifier: BSD-3-Clause
"""What a job will take: bytes, memory and hours, by a trial of one batch."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ..core.messages import heard, plural
from ..errors import ConvergenceError, PoseError
from ..io.room import bytes_text
from .compute import Solver
from .inputs import Inputs, Problem
from .job import Job
from .layout import Chunk
from .plan import Plan, looked_up, planned
from .pools import check_workers, cores, forks

__all__ = ["Estimate", "estimate"]

_TRIED = 5  # poses, until one can be solved
_TRIAL = 8  # poses of the batch whose time is taken


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """What a job, or a slice of it, will take.

    Attributes
    ----------
    poses, chunks : int
    to_do : int
        Poses that are not in the folder yet.
    bytes : int
        Of files, at most, that are still to be written.
    memory_bytes : int
        Of the first worker: as much as this process took for the trial, and a chunk when it is written.
    hours : float
        Nan where no pose of the trial could be solved. Of the first head and coil; other heads are taken to
        need more or less as they have more or fewer tetrahedra.
    workers : int
    set_up_s : float
        Reading and building the first head.
    didt : dict of str to (float, float)
        The least and the largest dI/dt of each coil, A/s.

    Examples
    --------
    >>> print(Estimate(poses=2, chunks=1, to_do=2, bytes=700, memory_bytes=3e8, hours=0.5, workers=1))
    2 poses in 1 chunk, 2 poses to do
    files         700 bytes
    memory        300 MB for the first worker
    time          0.5 h with 1 worker
    """

    poses: int
    chunks: int
    to_do: int
    bytes: int
    memory_bytes: float
    hours: float
    workers: int
    set_up_s: float = 0.0
    didt: Mapping[str, tuple[float, float]] = field(default_factory=dict)

    def __str__(self) -> str:
        """Say it in lines."""
        hours = "unknown: no pose of the trial could be solved" if np.isnan(self.hours) else _time(self.hours)
        workers = "" if np.isnan(self.hours) else f" with {plural(self.workers, 'worker', 'workers')}"
        counts = f"{plural(self.poses, 'pose', 'poses')} in {plural(self.chunks, 'chunk', 'chunks')}"
        return "\n".join(
            [
                f"{counts}, {plural(self.to_do, 'pose', 'poses')} to do",
                f"files         {bytes_text(self.bytes)}",
                f"memory        {bytes_text(self.memory_bytes)} for the first worker",
                f"time          {hours}{workers}",
                *(f"dI/dt         {coil}: {_rates(*ends)}" for coil, ends in self.didt.items()),
            ]
        )


def estimate(
    job: Job,
    folder: str | os.PathLike[str] | None = None,
    *,
    workers: int = 1,
    slice: str | tuple[int, int] | None = None,
) -> Estimate:
    """Read all files of a job, and say what it will take, after a trial of one batch on the first head.

    Parameters
    ----------
    job : Job
    folder : path, optional
        Where it is to be written, by default that of the job; what is there already is not counted.
    workers : int
        On this machine.
    slice : str or (int, int), optional
        See `headfield.jobs.run`.

    Returns
    -------
    Estimate

    Raises
    ------
    StorageError
        The disk of the folder has no room for the results.
    HeadfieldError, OSError
        What `run` would raise before it solves anything.
    """
    threads, batch = check_workers(job, workers)
    if forks(job, workers, threads):
        threads = 1
    where = job.folder if folder is None else os.path.abspath(folder)
    inputs = Inputs(job, doubts=True)
    plan = planned(inputs, slice)
    if where is not None:
        if (Path(where) / "job.json").exists():
            looked_up(plan, inputs, Path(where), resume=True)
        _check_room(plan, Path(where))
    set_up, seconds = _trial(Solver(inputs, threads, batch), plan) if plan.chunks else (0.0, 0.0)
    at_once = min(workers, cores(), max(len(plan.todo), 1))
    return Estimate(
        poses=plan.poses,
        chunks=len(plan.chunks),
        to_do=sum(chunk.count for chunk in plan.todo),
        bytes=plan.bytes,
        memory_bytes=_peak_memory() + max((_chunk_bytes(plan, chunk) for chunk in plan.todo), default=0),
        hours=_seconds(plan, set_up, seconds / at_once) / 3600.0,
        workers=workers,
        set_up_s=set_up,
        didt=plan.didt,
    )


def _rates(low: float, high: float) -> str:
    return f"{low * 1e-6:g} A/µs" if low == high else f"{low * 1e-6:g} to {high * 1e-6:g} A/µs"


def _seconds(plan: Plan, set_up: float, of_pose: float) -> float:
    """Return the time of all that is to be done, from that of its first head: it grows with tetrahedra."""
    sizes = plan.tetrahedra
    times = {head: sizes[head] / sizes[plan.todo[0].head] for head in {chunk.head for chunk in plan.todo}}
    poses = sum(times[chunk.head] * chunk.count for chunk in plan.todo)
    return sum(times.values()) * set_up + poses * of_pose


def _chunk_bytes(plan: Plan, chunk: Chunk) -> int:
    """Return what is in memory of a chunk when it is written: its batches, these joined, and the file."""
    return 3 * plan.sizes[chunk.head] * chunk.count


def _check_room(plan: Plan, folder: Path) -> None:
    there = folder
    while not there.exists():
        there = there.parent
    plan.check_room(there)


def _trial(solver: Solver, plan: Plan) -> tuple[float, float]:
    """Return the seconds of the set-up, and of a pose; nan if none of some poses can be solved."""
    chunk = (plan.todo or plan.chunks)[0]
    problem = solver.inputs.problem(chunk.head, chunk.coil)
    start = time.perf_counter()
    with heard():
        solver.model(chunk.head)
        good = _good_pose(solver, problem)
        set_up = time.perf_counter() - start
        if good is None:
            return set_up, float("nan")
        count = min(_TRIAL, len(problem))
        some = Problem(
            problem.head,
            problem.coil,
            np.repeat(problem.poses[good : good + 1], count, axis=0),
            np.repeat(problem.didt[good : good + 1], count, axis=0),
            (),
            problem.run,
        )
        start = time.perf_counter()
        solver.fields(some, slice(0, count))
    return set_up, (time.perf_counter() - start) / count


def _good_pose(solver: Solver, problem: Problem) -> int | None:
    """Return a pose that can be solved, of some that are spread over all; the first ones may be bad."""
    tried = np.unique(np.linspace(0, len(problem) - 1, _TRIED).round().astype(int)).tolist()
    for pose in tried:
        try:
            made = solver.fields(problem, slice(pose, pose + 1))[0]
        except (PoseError, ConvergenceError):
            continue
        if made["converged"].all():
            return int(pose)
    return None


def _peak_memory() -> float:
    try:
        import resource
    except ImportError:  # Windows
        return float("nan")
    return 1024.0 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def _time(hours: float) -> str:
    return f"{hours:.1f} h" if hours >= 0.1 else f"{60 * hours:.1f} min" if hours > 0.02 else "a minute"
