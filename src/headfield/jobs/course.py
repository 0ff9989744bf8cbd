# SPDX-License-Identifier: BSD-3-Clause
"""The course of a run: chunks go out, come back done or failed, and go out again."""

from __future__ import annotations

import contextlib
import os
import time
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Future, wait
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

from ..core.messages import in_one_line, warn
from ..core.stopping import Stopped, Stopping
from ..errors import HeadfieldError, StorageError
from .compute import Done, Solver, Task, adopt
from .layout import Chunk
from .plan import Plan
from .pools import Pool
from .report import JobReport
from .store import chunk_path, sum_of

__all__ = ["Course"]

Progress = Callable[[int, int], object]

_LOOK_S = 0.5  # how often it is looked whether a signal has come
_MORE = 2  # times more than a chunk is retried that a pool may take no work
SHOWN_S = 40.0  # after which a file system shows what another machine has written; NFS keeps names for 30


class _Try(NamedTuple):
    """A chunk that is to be solved, and how often that has failed."""

    chunk: Chunk
    failed: int = 0
    suspect: bool = False  #: under way when a worker died: it goes alone, so that no other is blamed for it


class Course:
    """Runs the chunks of a plan that are not there yet.

    Parameters
    ----------
    plan : Plan
    task_of : callable
        Makes the task of a chunk.
    stopping : Stopping
    retries : int
    progress : callable, optional
    """

    def __init__(
        self,
        plan: Plan,
        task_of: Callable[[Chunk], Task],
        stopping: Stopping,
        retries: int,
        progress: Progress | None,
    ) -> None:
        self._plan, self._task_of, self._stopping = plan, task_of, stopping
        self._retries, self._progress = retries, progress
        self._already = self._done = plan.poses - sum(chunk.count for chunk in plan.todo)
        self._not_converged, self._refused = list(plan.not_converged), dict(plan.refused)
        self._failed: list[tuple[str, str]] = []
        self._devices: dict[str, int] = {}
        self._not_taken = 0  # how often in a row a pool took no work, while no chunk was finished

    def forked(self, limit: int, solver: Solver) -> None:
        """Run them in processes that share each head: it is built here, and they are forked from here."""
        adopt(solver)
        for head, group in groupby(self._plan.todo, lambda chunk: chunk.head):
            chunks = list(group)
            solver.warm(head, {chunk.coil for chunk in chunks})
            self.through(Pool(min(limit, len(chunks)), fork=True), chunks)

    def through(self, pool: Pool, chunks: Iterable[Chunk]) -> None:
        """Run chunks in a pool, and close it.

        Raises
        ------
        Stopped
            A signal has come; what was under way is finished.
        StorageError
            A chunk could not be written.
        """
        waiting, under = deque(map(_Try, chunks)), dict[Future[Done], _Try]()
        stop: Stopped | None = None
        try:
            while under or (waiting and stop is None):
                stop = stop or self._asked()  # it may have come while a head was built
                if stop is None:
                    self._fill(pool, waiting, under)
                finished = wait(under, _LOOK_S, FIRST_COMPLETED).done
                stop = stop or self._asked()
                if not self._collect(finished, waiting, under):
                    self._renew(pool, waiting, under)
        except BaseException:
            for future in under:
                future.cancel()
            pool.close(kill=True)
            raise
        pool.close()
        if stop is not None:
            raise stop

    def _asked(self) -> Stopped | None:
        try:
            self._stopping.check()
        except Stopped as stop:
            return stop
        return None

    def _fill(self, pool: Pool, waiting: deque[_Try], under: dict[Future[Done], _Try]) -> None:
        """Give out as many as there are workers; what may have killed one goes alone."""
        while waiting and len(under) < pool.limit:
            alone = waiting[0].suspect or any(one.suspect for one in under.values())
            if under and alone:
                return
            one = waiting.popleft()
            try:
                under[pool.submit(self._task_of(one.chunk))] = one
            except (BrokenExecutor, RuntimeError) as problem:
                waiting.appendleft(one)
                if not pool.owned:
                    raise HeadfieldError(f"the executor takes no work: {in_one_line(problem)}") from problem
                self._not_taken += 1
                if self._not_taken > self._retries + _MORE:
                    raise HeadfieldError(f"workers take no work: {in_one_line(problem)}") from problem
                self._renew(pool, waiting, under)
                return

    def _collect(
        self, finished: Iterable[Future[Done]], waiting: deque[_Try], under: dict[Future[Done], _Try]
    ) -> bool:
        """Take what has come back; returns whether the pool still stands."""
        alone, stands = len(under) == 1, True
        for future in finished:
            one = under.pop(future)
            try:
                self._take(one, future.result())
            except BrokenExecutor as problem:
                stands = False
                self._again(one._replace(suspect=True), problem, waiting, counts=alone)
            except Exception as problem:  # whatever a worker, or what is between, has raised
                self._again(one, problem, waiting)
        return stands

    def _renew(self, pool: Pool, waiting: deque[_Try], under: dict[Future[Done], _Try]) -> None:
        """Make a pool anew of which a worker has died; what was under way there goes out again."""
        if not pool.owned:
            raise HeadfieldError("the executor lost a worker and takes no more work")
        pool.close(kill=True)
        if self._asked() is None:
            warn("a worker died; chunks that were under way are solved again")
        for one in under.values():
            waiting.appendleft(one._replace(suspect=True))
        under.clear()

    def _take(self, one: _Try, done: Done) -> None:
        chunk = one.chunk
        self._see(chunk, done)
        self._not_taken = 0
        self._done += chunk.count
        self._devices[done.device] = self._devices.get(done.device, 0) + chunk.count
        self._not_converged += [(chunk.head, chunk.coil, pose) for pose in done.not_converged]
        self._refused |= {(chunk.head, chunk.coil, pose): why for pose, why in done.refused.items()}
        if self._progress is not None:
            self._progress(self._done, self._plan.poses)

    def _see(self, chunk: Chunk, done: Done) -> None:
        """Raise StorageError unless the file that a worker has written is in the folder here.

        A network file system may show it late: listing the folder makes it look again.
        """
        path = chunk_path(Path(self._task_of(chunk).folder), chunk)
        until = time.monotonic() + SHOWN_S
        while sum_of(path) != done.sum:
            if time.monotonic() > until:
                raise StorageError(
                    f"{path}: {done.worker} wrote it, and it is not here: is the folder shared?"
                )
            with contextlib.suppress(OSError):
                os.listdir(path.parent)
            time.sleep(0.1)

    def _again(self, one: _Try, problem: BaseException, waiting: deque[_Try], *, counts: bool = True) -> None:
        """Put a chunk that failed behind the others, or before them if a worker died; give it up at last."""
        one = one._replace(failed=one.failed + counts)
        if one.failed <= self._retries:
            waiting.appendleft(one) if one.suspect else waiting.append(one)
            return
        if isinstance(problem, StorageError):  # the next would fail, too, after all the work on it
            raise problem
        died = isinstance(problem, BrokenExecutor)
        why = "each worker that was given it died" if died else in_one_line(problem)
        self._failed.append((str(one.chunk), why))

    def report(self, folder: str, seconds: float, how: str = "") -> JobReport:
        """Say how it went so far."""
        return JobReport(
            folder=folder,
            poses=self._plan.poses,
            done=self._done,
            already=self._already,
            not_converged=sorted(self._not_converged),
            refused=self._refused,
            failed=self._failed,
            damaged=self._plan.damaged,
            devices=self._devices,
            seconds=seconds,
            how=how,
        )
