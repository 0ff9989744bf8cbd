# SPDX-License-Identifier: BSD-3-Clause
"""Run a job: give its chunks to workers, and see to it that each is done once."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from concurrent.futures import Executor
from pathlib import Path

from ..core.arguments import truth, whole
from ..core.stopping import Stopped, Stopping
from ..errors import ArgumentError
from .compute import Solver, Task, adopt
from .course import Course
from .inputs import Inputs
from .job import Job
from .layout import Chunk
from .plan import looked_up, planned
from .pools import Pool, check_workers, forks, in_flight
from .report import JobReport
from .store import sweep

__all__ = ["run"]

Progress = Callable[[int, int], object]

_MOST_RETRIES = 100


def run(
    job: Job,
    folder: str | os.PathLike[str] | None = None,
    *,
    executor: Executor | None = None,
    workers: int | None = None,
    slice: str | tuple[int, int] | None = None,
    resume: bool = False,
    retries: int = 2,
    progress: Progress | None = None,
) -> JobReport:
    """Solve the poses of a job, chunk by chunk, into a folder.

    A chunk that is finished stays, whatever happens then, and is found again with `resume`: after its check
    sum and what it was computed from have been compared with the files of the job. A pose that does not
    converge, or that puts a source of the coil on a node, is nan in the results and in the report, and the
    rest goes on. A chunk that fails is tried again; if it keeps failing it is in the report.

    Parameters
    ----------
    job : Job
    folder : path, optional
        By default that of the job.
    executor : concurrent.futures.Executor, optional
        What solves chunks, also `client.get_executor(pure=False)` of dask.distributed and
        `mpi4py.futures.MPIPoolExecutor`. Its workers need the files of the job under the same paths.
    workers : int, optional
        Without an executor: so many processes, by default 1, this one. Where each has one thread, on the
        CPU, they are forked from this one and share the memory of the head. With an executor: chunks at a
        time, by default as many as it has workers.
    slice : str or (int, int), optional
        "i/n": only the i-th of n shares of the chunks. Shares may be run at the same time in one folder.
    resume : bool
        Whether chunks that are there are taken as done; else they are an error.
    retries : int
        How often a chunk is tried again.
    progress : callable, optional
        Called with (poses done, poses in all) as chunks are finished.

    Returns
    -------
    JobReport

    Raises
    ------
    ArgumentError
        The folder is of another job, or has results and `resume` was not asked for.
    StorageError
        The disk has no room for the results, before anything is solved; or a chunk could not be written.
    HeadfieldError, OSError
        Files of the job that can't be read; see the readers.
    Stopped
        SIGINT, SIGTERM, SIGHUP or SIGUSR1 came, in the main thread: a KeyboardInterrupt whose `report` is the
        JobReport. Chunks under way are finished before; a second signal drops them.

    Examples
    --------
    >>> import tempfile
    >>> import headfield as hf
    >>> base = tempfile.mkdtemp()
    >>> hf.write_mesh(base + "/head.msh", hf.sphere_mesh(radii_mm=[80, 86, 92], tags=[2, 4, 5], edge_mm=14))
    >>> hf.write_coil(base + "/coil.tcd", hf.figure_of_eight())
    >>> poses = {"centre": "0,0,92", "handle": "0,50,92", "angles": [0, 45, 90]}
    >>> job = hf.jobs.Job(heads="head.msh", coils="coil.tcd", poses=poses, base=base, chunk=2)
    >>> report = hf.jobs.run(job, base + "/out")
    >>> report.done, report.code, len(hf.read_results(base + "/out"))
    (3, 0, 3)
    """
    start = time.perf_counter()
    truth(resume, "resume", ArgumentError)
    whole(retries, "retries", ArgumentError, _MOST_RETRIES, 0)
    if folder is None and job.folder is None:
        raise ArgumentError("a job needs a folder for its results: give folder (-o)")
    where = Path(os.path.abspath(folder if folder is not None else str(job.folder)))
    limit = (in_flight(executor) if executor is not None else 1) if workers is None else workers
    threads, batch = check_workers(job, limit, here=executor is None)
    share = "/".join(map(str, slice)) if isinstance(slice, tuple) else slice
    how = "" if share is None else f" --slice {share}"
    how += f" --workers {workers}" if workers is not None else ""
    fork = executor is None and forks(job, limit, threads)
    threads = None if fork else threads  # one in each worker, all of them where the head is built

    def task_of(chunk: Chunk) -> Task:
        return Task(job, str(where), chunk, plan.runs[chunk.head, chunk.coil], threads, batch)

    with Stopping("chunk").listening() as stopping:
        inputs = Inputs(job, doubts=True)
        plan = planned(inputs, slice)
        looked_up(plan, inputs, where, resume=resume)
        sweep(where)
        plan.check_room(where)
        course = Course(plan, task_of, stopping, retries, progress)
        stopping.after_batches()
        try:
            if fork:
                stopping.check()
                course.forked(limit, Solver(inputs, threads, batch))
            else:
                adopt(Solver(inputs, threads, batch) if executor is None and limit == 1 else None)
                course.through(Pool(limit, executor), plan.todo)
        except Stopped as stop:
            stop.report = course.report(str(where), time.perf_counter() - start, how)
            raise
        finally:
            adopt(None)
    return course.report(str(where), time.perf_counter() - start, how)
