# SPDX-License-Identifier: BSD-3-Clause
"""What chunks are given to: this process, processes of our own, or an executor of the caller."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import threading
import warnings
from collections.abc import Callable
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess
from typing import Any

from ..core.arguments import whole
from ..core.device import find_gpu, wanted
from ..errors import ArgumentError
from .compute import Done, Task, work
from .gpus import gpus_here
from .job import Job

__all__ = ["Inline", "Pool", "check_workers", "cores", "forks", "in_flight"]

_MOST_WORKERS = 100_000
_IGNORED = ("SIGINT", "SIGHUP", "SIGUSR1")  # sent to a whole group of processes; the parent deals with them


def cores() -> int:
    """Return how many cores this process may use, by its affinity and by Slurm.

    Examples
    --------
    >>> 1 <= cores() <= os.cpu_count()
    True
    """
    here = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    given = os.environ.get("SLURM_CPUS_PER_TASK", "")
    return min(here, int(given)) if given.isdigit() and int(given) else here


def check_workers(job: Job, workers: int, *, here: bool = True) -> tuple[int | None, int | None]:
    """Return threads and batch of each worker, of this machine or of others.

    Raises
    ------
    ArgumentError
        Workers times threads are more than the cores here.
    """
    whole(workers, "workers", ArgumentError, _MOST_WORKERS)
    if not here:
        return job.threads or 1, job.batch
    if workers == 1:
        return job.threads, job.batch
    if job.threads is not None and job.threads > 1 and workers * job.threads > cores():
        raise ArgumentError(
            f"{workers} workers of {job.threads} threads are more than the {cores()} cores here"
        )
    return job.threads or 1, 8 if job.batch is None else job.batch


def forks(job: Job, workers: int, threads: int | None) -> bool:
    """Whether workers are forked from a process that has built the head, and so share its memory.

    Not with a GPU, which does not survive that, nor with several threads each, whose pools don't either.
    """
    if workers == 1 or threads != 1 or "fork" not in multiprocessing.get_all_start_methods():
        return False
    name = wanted(job.device)[0]
    # Some drivers list nothing, as in WSL; what is looked for then is what the model would find and use.
    return name == "cpu" or (name == "auto" and not gpus_here() and isinstance(find_gpu(), str))


def in_flight(executor: Any) -> int:
    """Return how many chunks an executor of the caller is given at a time: one for each of its workers."""
    client = getattr(executor, "_client", None)
    if client is not None and hasattr(client, "nthreads"):  # dask.distributed
        return max(1, sum(client.nthreads().values()))
    for name in ("num_workers", "_max_workers"):  # mpi4py.futures; concurrent.futures
        count = getattr(executor, name, None)
        if isinstance(count, int) and count > 0:
            return count
    return cores()


class Inline(Executor):
    """Runs what it is given at once, in this process."""

    def submit(self, call: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Run it; a signal that ends the run goes through."""
        future: Future[Any] = Future()
        try:
            future.set_result(call(*args, **kwargs))
        except Exception as problem:
            future.set_exception(problem)
        return future


class Pool:
    """Gives out tasks, to `limit` workers at a time.

    Parameters
    ----------
    limit : int
    executor : Executor, optional
        Of the caller, who closes it. Without it, processes of our own, or this one if `limit` is 1.
    fork : bool
        Whether our own processes are forked.

    Attributes
    ----------
    owned : bool
        Whether a pool that broke can be made anew.
    """

    def __init__(self, limit: int, executor: Executor | None = None, *, fork: bool = False) -> None:
        self.limit, self.owned, self._fork = limit, executor is None, fork
        self._executor = executor
        self._processes: set[BaseProcess] = set()

    def submit(self, task: Task) -> Future[Done]:
        """Give out a task."""
        if self._executor is None:
            self._executor = self._made()
        before = set(multiprocessing.active_children()) if self.owned else set()
        with warnings.catch_warnings():  # that a process with threads is forked: see tests/abuse/forks.py
            warnings.simplefilter("ignore", DeprecationWarning)
            future = self._executor.submit(work, task)
        if self.owned:
            self._processes |= set(multiprocessing.active_children()) - before
        return future

    def _made(self) -> Executor:
        if self.limit == 1 and not self._fork:
            return Inline()
        context = multiprocessing.get_context("fork" if self._fork else "spawn")
        return ProcessPoolExecutor(self.limit, context, begin)

    def close(self, *, kill: bool = False) -> None:
        """End our own processes, once they are idle, or at once; the next task makes new ones."""
        if not self.owned or self._executor is None:
            return
        if kill:
            for process in self._processes:
                process.kill()
        self._executor.shutdown(wait=True, cancel_futures=True)
        self._executor, self._processes = None, set()


def begin() -> None:
    """Prepare a worker of our own: signals to the group are the parent's, and it ends with the parent."""
    for name in _IGNORED:
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    with contextlib.suppress(AttributeError):
        signal.signal(signal.SIGTERM, signal.SIG_DFL)  # which drops the chunk
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)
