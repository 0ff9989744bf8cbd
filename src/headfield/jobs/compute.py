# SPDX-License-Identifier: BSD-3-Clause
"""What a worker does: it solves a chunk and writes it. A process keeps the head that it used last."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..core.device import wanted
from ..core.locks import Lock
from ..core.messages import heard
from ..errors import ArgumentError, HeadfieldError, PoseError
from ..fields.field import Field, SolveReport
from ..fields.run import Run
from ..solve.model import HeadModel
from .gpus import device_of
from .inputs import Head, Inputs, Problem
from .job import Job
from .layout import Chunk
from .store import Stored, chunk_path, write_chunk

__all__ = ["Done", "Solver", "Task", "adopt", "work"]

Arrays = dict[str, NDArray[Any]]


class Task(NamedTuple):
    """A chunk to be solved: all that a worker is sent."""

    job: Job
    folder: str
    chunk: Chunk
    run: Run  #: what the chunk is to be of
    threads: int | None
    batch: int | None


class Done(NamedTuple):
    """A chunk that is written: all that a worker sends back."""

    number: int
    not_converged: list[int]
    refused: dict[int, str]
    device: str
    sum: bytes  #: of the file, see `sum_of`
    worker: str


class Solver:
    """Solves chunks of a job, with the head and the coils that were used last kept in memory.

    Parameters
    ----------
    inputs : Inputs
    threads, batch : int or None
    """

    def __init__(self, inputs: Inputs, threads: int | None, batch: int | None) -> None:
        self.inputs, self.job = inputs, inputs.job
        self._threads, self._batch = threads, batch
        self._model: HeadModel | None = None
        self._of: Head | None = None
        self._without_gpu = False

    def serves(self, task: Task) -> bool:
        """Whether a task is of this job, with these options."""
        return (self._threads, self._batch) == (task.threads, task.batch) and self.job == task.job

    @property
    def device(self) -> str:
        """What the last head is on, in words."""
        taken = " (other processes had all GPUs)" if self._without_gpu else ""
        return "" if self._model is None else f"{self._model.device}{taken}"

    def model(self, head: str) -> HeadModel:
        """Return the head of this name, built; only the last one is kept."""
        read = self.inputs.head(head)
        if self._model is None or self._of is not read:  # read anew, it may be another one
            self._model = None
            device = device_of(self.job.device)
            self._without_gpu = device == "cpu" != wanted(self.job.device)[0]
            how: dict[str, Any] = {"device": device, "threads": self._threads}
            self._model = HeadModel(read.mesh, read.conductivity, primary=self.job.primary, **how)
            self._of = read
        return self._model

    def warm(self, head: str, coils: Iterable[str]) -> None:
        """Build a head and the tables of coils, which processes that are forked then share."""
        self.model(head)
        for coil in coils:
            with heard(), suppress(HeadfieldError):  # a pose that can't be solved is told when its turn comes
                self.fields(self.inputs.problem(head, coil), slice(0, 1))

    def fields(self, problem: Problem, poses: slice) -> list[Arrays]:
        """Solve some poses, and return what is kept of them, batch by batch."""
        job, kept = self.job, problem.head.kept
        how: dict[str, Any] = {"elements": kept.elements, "roi": kept.roi, "recovery": job.recovery}
        how |= {"tol": job.tol, "max_iterations": job.max_iterations}
        how["batch"] = "auto" if self._batch is None else self._batch
        model = self.model(problem.head.name)
        placed = model.computes_on.put(problem.poses[poses])  # on a GPU fields stay there, to be reduced
        didt = problem.didt[poses]
        solved = model.iter_solve(problem.coil, placed, didt, strict=False, first=poses.start, **how)
        return [kept.of(field) for field in solved]

    def chunk(self, problem: Problem, chunk: Chunk) -> Stored:
        """Solve a chunk. A pose that can't be solved is nan, and the others are not lost for it."""
        whole = slice(chunk.first, chunk.first + chunk.count)
        refused: dict[int, str] = {}
        with heard():  # of what the process that runs the job has warned of
            try:
                parts = self.fields(problem, whole)
            except PoseError:
                parts = [self._alone(problem, pose, refused) for pose in range(whole.start, whole.stop)]
        arrays = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
        run = problem.run.part(chunk.first, chunk.count)
        return Stored(run, problem.head.kept.columns, problem.names[whole], refused, arrays)

    def _alone(self, problem: Problem, pose: int, refused: dict[int, str]) -> Arrays:
        try:
            return self.fields(problem, slice(pose, pose + 1))[0]
        except PoseError as why:
            refused[pose] = str(why)
            return problem.head.kept.of(self._nothing(problem))

    def _nothing(self, problem: Problem) -> Field:
        """Return the field of a pose that has none."""
        kept, one, none = problem.head.kept, np.ones(1), np.full(1, np.nan)
        count = len(kept.roi) if kept.roi is not None else len(kept.elements)  # type: ignore[arg-type]
        empty = np.full((1, count, 3), np.nan, np.float32)
        report = SolveReport(
            iterations=np.zeros(1, np.int32),
            residual=none,
            converged=np.zeros(1, bool),
            stopped=np.array(["refused"]),
            tolerance=none if isinstance(self.job.tol, str) else self.job.tol * one,
            discretisation_error=none if self.job.recovery or isinstance(self.job.tol, str) else None,
            primary_error=0.0,
            device="",
            threads=1,
            batch=1,
            batch_asked=1,
        )
        where: dict[str, Any] = {
            "elements": kept.elements if kept.roi is None else kept.roi.elements,
            "region": kept.roi,
        }
        return Field(problem.head.mesh, None, None, report, **where, evaluate=lambda: {"E": empty})


_lock = Lock("a chunk of a job is solved")
_last: Solver | None = None


def adopt(solver: Solver | None) -> None:
    """Make a solver the one of this process, and of those that are forked from it."""
    global _last
    _last = solver


def work(task: Task) -> Done:
    """Solve a chunk and write it: what workers are sent.

    Raises
    ------
    ArgumentError
        The files here are not those that the job was begun with.
    HeadfieldError, OSError, MemoryError
        See `HeadModel.iter_solve` and `write_chunk`.
    """
    with _lock.held():
        solver, problem = _prepared(task)
        stored = solver.chunk(problem, task.chunk)
    written = write_chunk(chunk_path(Path(task.folder), task.chunk), stored)
    return Done(
        task.chunk.number,
        stored.not_converged(),
        dict(stored.refused),
        solver.device,
        written,
        _worker(),
    )


def _worker() -> str:
    return f"worker {os.getpid()} on {socket.gethostname()}"


def _prepared(task: Task) -> tuple[Solver, Problem]:
    """Return what solves a task, reading files anew where they are not those of the job any more."""
    global _last
    for attempt in range(2):
        if _last is None or attempt or not _last.serves(task):
            _last = None  # its memory, before that of the next
            with heard():
                _last = Solver(Inputs(task.job), task.threads, task.batch)
        with heard():
            problem = _last.inputs.problem(task.chunk.head, task.chunk.coil)
        try:
            task.run.check_same(problem.run, f"what {_worker()} reads")
        except ArgumentError:
            if attempt:
                raise
            continue
        return _last, problem
    raise AssertionError("unreachable")
