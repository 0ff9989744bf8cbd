# SPDX-License-Identifier: BSD-3-Clause
"""Solvers that take turns: each lives in its own process and works only when it is asked to.

A machine's speed drifts by more than the differences that are to be measured. So a peer is not compared with
what headfield took some minutes ago, but with the mean of its turns just before and just after.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import statistics
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from peers import exchange

HERE = Path(__file__).resolve().parent
LEAST, MOST = 5, 15  # rounds
ENOUGH_S = 4.0  # of LEAST rounds or more
LONG_S = 15.0  # of three rounds
TOO_LONG_S = 40.0
SETUP_ROUNDS, SETUP_S = 3, 6.0
WARM_UP_S = 3.0  # a first turn that takes longer counts: what is cold at a start is over in less
GRACE_S = 5.0  # to end when told so


class SolverFailure(Exception):
    """A solver's process died, or did not answer in time."""


def under_mpi(module: ModuleType) -> bool:
    """Whether a solver has processes in place of threads."""
    return bool(module.launcher(1)[0] == "mpirun")


class Solver:
    """A solver's process, ready to be asked for jobs (see ``exchange.serve``)."""

    def __init__(
        self, folder: Path, own: Path, module: ModuleType, config: str, threads: int, processes: int
    ) -> None:
        """Start it on the problem in ``folder``, with ``threads`` or, under MPI, so many processes."""
        own.mkdir(parents=True)
        loops = 1 if under_mpi(module) else threads
        (own / "driver").write_text(str(os.getpid()))
        self.own, self.count = own, 0
        names = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
        command = [*module.launcher(processes), "-m", module.__name__, folder, own, config, str(threads)]
        with (own / "log").open("w") as log:
            self.process = subprocess.Popen(
                command,
                cwd=HERE,
                env=os.environ | dict.fromkeys(names, str(loops)),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # a group of its own: what it starts ends with it
            )

    def ask(self, job: str, limit_s: float) -> dict[str, Any]:
        """How the job went. Raises SolverFailure if the process dies or takes longer than ``limit_s``."""
        answer = self.own / f"answer-{self.count}.json"
        exchange.publish(self.own / f"ask-{self.count}", job)
        self.count += 1
        deadline = time.monotonic() + limit_s
        while not answer.exists():
            code = self.process.poll()
            if code is not None and not answer.exists():
                said = (self.own / "log").read_text(errors="replace")
                raise SolverFailure(f"{self.own.name}, {job}: {exchange.complaint(said, code)}")
            if time.monotonic() > deadline:
                self.kill()
                raise SolverFailure(f"{self.own.name}, {job}: given up after {limit_s:g} s")
            time.sleep(exchange.POLL_S)
        found: dict[str, Any] = json.loads(answer.read_text())
        return found

    def quit(self) -> None:
        """Have it end by itself."""
        exchange.publish(self.own / f"ask-{self.count}", "quit")
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(GRACE_S)

    def kill(self) -> None:
        """End it and all it started."""
        for number in (signal.SIGTERM, signal.SIGKILL):  # mpirun ends its processes on the first
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(GRACE_S)


@contextlib.contextmanager
def running(*arguments: Any) -> Iterator[Solver]:
    """A Solver that does not outlive the block, however that ends."""
    solver = Solver(*arguments)
    try:
        yield solver
        solver.quit()
    finally:
        solver.kill()


def width(job: str) -> int:
    """Right-hand sides that a job solves: seconds are divided by it."""
    return int(job.split()[1]) if job.startswith("solve ") else 1


def enough(job: str, rounds: int, seconds: float) -> bool:
    """Whether a job has had rounds enough, which took so many seconds."""
    if job == "setup":
        return rounds >= SETUP_ROUNDS or seconds >= SETUP_S
    if rounds >= LEAST:
        return rounds >= MOST or seconds >= ENOUGH_S
    return seconds >= (LONG_S if rounds >= 3 else TOO_LONG_S)


def take_turns(
    reference: Solver, own_job: str, peer: Solver, job: str, limit_s: float, quick: bool
) -> dict[str, Any]:
    """Seconds of the peer's ``job``, and their ratio to the reference's ``own_job``, all per right-hand side.

    The ratio is the median over the rounds of the peer's seconds over the mean of the reference's turns
    before and after. ``quick``: one round.
    """
    ours = [reference.ask(own_job, limit_s)]
    theirs: list[dict[str, Any]] = []
    seconds, first = 0.0, True
    while not (theirs and (quick or enough(job, len(theirs), seconds))):
        turn = peer.ask(job, limit_s)
        ours.append(reference.ask(own_job, limit_s))
        if first and (job.startswith("solve") or turn["wall"] < WARM_UP_S):
            ours = ours[-1:]
        else:
            theirs.append(turn)
            seconds += turn["wall"] + ours[-1]["wall"]
        first = False
    return entry(own_job, job, ours, theirs)


def entry(own_job: str, job: str, ours: list[dict[str, Any]], theirs: list[dict[str, Any]]) -> dict[str, Any]:
    """What is reported of the rounds; ``ours`` has one turn more."""
    own_s = [turn["wall"] / width(own_job) for turn in ours]
    peer_s = [turn["wall"] / width(job) for turn in theirs]
    ratios = [2.0 * s / (before + after) for s, before, after in zip(peer_s, own_s, own_s[1:], strict=False)]
    found = {"median_s": statistics.median(peer_s), "least_s": min(peer_s)}
    found["cpu_s"] = statistics.median(turn["cpu"] / width(job) for turn in theirs)
    found |= {"reference_s": statistics.median(own_s), "ratio": statistics.median(ratios)}
    found |= {"ratio_quartiles": np.quantile(ratios, [0.25, 0.75]).tolist(), "rounds": len(ratios)}
    if "stages_s" in theirs[-1]:
        found["stages_s"] = {name: s / width(job) for name, s in theirs[-1]["stages_s"].items()}
    return found
