# SPDX-License-Identifier: BSD-3-Clause
"""Jobs that are killed at random moments, again and again, until they are done.

After each kill every chunk that was finished has to be there, with the bytes of an undisturbed run; when the
job is done at last, no more chunks may have been solved twice than there were workers, for each kill.

What a loss of power does is imitated: the child notes each file that it forces to the disk, and each name
that it gives. After a kill, names that were not forced to the disk are taken away, or the file behind them is
cut or zeroed, if that was not forced there either.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from given import jobs as given
from given.children import ended

import headfield as hf
from headfield.jobs import compute

from .trials import Verdict

__all__ = ["KINDS", "all_kinds", "dask_workers", "noting", "repeat", "repeat_under"]

KINDS = ("TERM", "KILL", "power")
WORKERS = 2
POSES = 24  # 12 chunks
POSES_UNDER = 80  # of jobs under MPI and with Dask
_SECONDS = 300.0  # after which a child hangs


def _hooked(folder: Path, power: bool) -> None:
    """Note, for the process that looks, what is solved, forced to the disk and renamed."""
    log = os.open(folder / "log", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    chunk, fsync, replace = compute.Solver.chunk, os.fsync, os.replace

    def noted_chunk(solver, problem, one):
        os.write(log, f"C {one.number}\n".encode())
        return chunk(solver, problem, one)

    def noted_fsync(descriptor):
        fsync(descriptor)
        os.write(log, f"S {os.readlink(f'/proc/self/fd/{descriptor}')}\n".encode())

    def noted_replace(source, target):
        os.write(log, f"R {source} {target}\n".encode())
        replace(source, target)

    compute.Solver.chunk = noted_chunk
    if power:
        os.fsync, os.replace = noted_fsync, noted_replace


def _child(folder: Path, power: bool) -> int:
    try:
        os.setsid()
        _hooked(folder, power)
        report = hf.jobs.run(given.job(folder), folder / "out", workers=WORKERS, resume=True)
        return 0 if report.complete and not report.damaged else 5
    except KeyboardInterrupt:
        return 4
    except BaseException:
        import traceback

        traceback.print_exc()
        return 3


def _power_is_lost(folder: Path, rng: random.Random) -> None:
    """Take back what a disk need not have after a loss of power."""
    forced: set[str] = set()
    for line in (folder / "log").read_text().splitlines():
        kind, _, rest = line.partition(" ")
        if kind == "S":
            forced.add(rest)
        if kind != "R":
            continue
        source, target = rest.split(" ")
        is_data = source in forced
        forced.discard(os.path.dirname(target))  # its names changed
        forced.add(target) if is_data else forced.discard(target)
    for path in sorted((folder / "out").rglob("*")):
        if not path.is_file() or path.name == "job.json":
            continue
        if str(path) not in forced:
            data = path.read_bytes()
            path.write_bytes(rng.choice([b"", data[: len(data) // 2], bytes(len(data))]))
        if str(path.parent) not in forced and rng.random() < 0.5:
            path.unlink()


def _kill_group(process: int, kind: str, rng: random.Random) -> None:
    number = signal.SIGTERM if kind == "TERM" else signal.SIGKILL
    with contextlib.suppress(ProcessLookupError):
        if kind == "KILL" and rng.random() < 0.5:
            os.kill(process, number)  # the parent alone: its workers have to end with it
        else:
            os.killpg(process, number)


def _solved(folder: Path) -> int:
    log = folder / "log"
    return log.read_text().count("C ") if log.exists() else 0


def repeat(count: int, folder: Path, seed: int) -> Verdict:
    """Kill jobs in processes of our own `count` times; each job is gone on with until it is done."""
    rng, verdict = random.Random(seed), Verdict()
    given.files(folder, POSES)
    start = time.perf_counter()
    hf.jobs.run(given.job(folder), folder / "whole", workers=WORKERS)
    seconds, exact = time.perf_counter() - start, given.contents(folder / "whole")
    while verdict.stopped < count and len(verdict.faults) < 10:
        kind = KINDS[verdict.tried % len(KINDS)]
        for name in ("out", "log"):
            shutil.rmtree(folder / name, ignore_errors=True)
            (folder / name).unlink(missing_ok=True)
        fault = _one_job(folder, kind, rng, verdict, seconds, exact)
        verdict.tried += 1
        if fault:
            verdict.faults.append(f"{kind} {verdict.tried} of seed {seed}: {fault}")
    return verdict


def _one_job(folder, kind, rng, verdict, seconds, exact) -> str:
    """Kill a job until it is done; returns what is wrong."""
    kills = 0
    while True:
        before = given.contents(folder / "out")
        child = os.fork()
        if child == 0:
            os._exit(_child(folder, kind == "power"))
        delay = rng.uniform(0.1, 1.1 * seconds) if kills < 5 else _SECONDS
        status = _waited(child, delay)
        if status is None:
            _kill_group(child, kind, rng)
            kills += 1
            verdict.stopped += 1
            if ended(child, _SECONDS) is None:
                return "a killed process hangs"
            _settle(child)
        if kind == "power":
            _power_is_lost(folder, rng)
        there = given.contents(folder / "out")
        verdict.finished += len(there) - len(before)
        lost = [name for name in before if name not in there or there[name] != before[name]]
        if lost:
            return f"{lost[0]} was finished and is gone or changed"
        wrong = [name for name, data in there.items() if data != exact[name] and kind != "power"]
        if wrong:
            return f"{wrong[0]} is not that of an undisturbed run"
        if status is not None:
            break
    if status != 0:
        return f"the run that ends it ends with {status >> 8}"
    if given.contents(folder / "out") != exact:
        return "the results are not those of an undisturbed run"
    if given.leftovers(folder / "out"):
        return f"left over: {given.leftovers(folder / 'out')[0]}"
    again = _solved(folder) - len(exact)
    verdict.again += max(0, again)
    return f"{again} chunks solved again after {kills} kills" if again > WORKERS * kills else ""


def _waited(child: int, seconds: float) -> int | None:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return status
        time.sleep(0.005)
    return None


def _settle(group: int) -> None:
    """Wait until nobody of a group is left: workers end with their parent."""
    until = time.monotonic() + 30.0
    while time.monotonic() < until:
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return
        time.sleep(0.01)
    raise AssertionError("workers outlive their parent")


def repeat_under(words: list[str], count: int, folder: Path, seed: int) -> Verdict:
    """Do the same with jobs that a command runs, under MPI or with workers of Dask, which live on.

    They are killed when a random number of chunks has come since they were started: starting takes longer
    than all chunks do. Within `noting`.
    """
    rng, verdict = random.Random(seed), Verdict()
    given.files(folder, POSES_UNDER)
    given.job(folder).write(folder / "job_file.json")
    hf.jobs.run(given.job(folder), folder / "whole")
    exact = given.contents(folder / "whole")
    is_mpi = "mpiexec" in words[0]
    arguments = ["jobs", "run", str(folder / "job_file.json"), "-o", str(folder / "out"), "--resume", "-q"]
    arguments += ["--executor", "mpi" if is_mpi else words[-1]]
    command = [*(words if is_mpi else [sys.executable]), "-m", "headfield", *arguments]
    while verdict.stopped < count and len(verdict.faults) < 10:
        shutil.rmtree(folder / "out", ignore_errors=True)
        (folder / "log").unlink(missing_ok=True)
        kind = KINDS[verdict.tried % 2]
        verdict.tried += 1
        fault = _one_under(folder, command, kind, rng, verdict, exact)
        if fault:
            verdict.faults.append(f"{kind} {verdict.tried} of seed {seed}: {fault}")
    return verdict


def _one_under(folder, command, kind, rng, verdict, exact) -> str:
    """Kill the command until the job is done; returns what is wrong."""
    kills = 0
    while True:
        held = given.contents(folder / "out")
        rest = len(exact) - len(held)
        child = subprocess.Popen(command, start_new_session=True)
        if _until(child, folder / "out", len(held) + rng.randrange(max(1, rest // 2)) if kills < 5 else rest):
            time.sleep(rng.uniform(0.0, 0.2))
        if kills >= 5:
            child.wait(_SECONDS)
        if child.poll() is None:
            kills, verdict.stopped = kills + 1, verdict.stopped + 1
            os.killpg(child.pid, signal.SIGTERM if kind == "TERM" else signal.SIGKILL)
            child.wait(_SECONDS)
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)
        there = given.contents(folder / "out")
        verdict.finished += max(0, len(there) - len(held))
        wrong = [n for n in {*there, *held} if there.get(n) != exact[n]]
        if wrong:
            return f"{wrong[0]} is gone or changed"
        if child.returncode == 1:
            return "failed"
        if child.returncode == 0:
            break
    if there != exact:
        return "results differ"
    again = max(0, _solved(folder) - len(exact))
    verdict.again += again
    return f"{again} chunks solved again after {kills} kills" if again > WORKERS * kills else ""


def _until(child: subprocess.Popen[bytes], out: Path, chunks: int) -> bool:
    """Wait until more than so many chunks are there; returns whether the child still runs then."""
    until = time.monotonic() + _SECONDS
    while time.monotonic() < until and child.poll() is None:
        if len(list(out.glob("*/*/*.npz"))) > chunks:
            return True
        time.sleep(0.02)
    return False


@contextmanager
def noting(folder: Path) -> Iterator[None]:
    """Have each process that is started note in `folder`/log which chunks it solves."""
    hook = folder / "hook"
    hook.mkdir()
    (hook / "sitecustomize.py").write_text(_HOOK)
    path = os.pathsep.join([str(hook), *filter(None, [os.environ.get("PYTHONPATH")])])
    before = {name: os.environ.get(name) for name in ("PYTHONPATH", _LOG)}
    os.environ.update({"PYTHONPATH": path, _LOG: str(folder / "log")})
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value


_LOG = "HEADFIELD_TRIALS_LOG"
_HOOK = f"""
import os

from headfield.jobs import compute

chunk = compute.Solver.chunk


def noted(solver, problem, one):
    with open(os.environ["{_LOG}"], "a") as log:
        log.write(f"C {{one.number}}\\n")
    return chunk(solver, problem, one)


compute.Solver.chunk = noted
"""


def all_kinds(count: int, seed: int) -> Iterator[tuple[str, Verdict]]:
    """Kill jobs `count` times: half of them in processes, a quarter each under MPI and with Dask."""
    with tempfile.TemporaryDirectory() as folder:
        yield "in processes", repeat(count - count // 2, Path(folder), seed)
    mpiexec = shutil.which("mpiexec", path=os.path.dirname(sys.executable) + os.pathsep + os.environ["PATH"])
    if mpiexec is not None and importlib.util.find_spec("mpi4py") is not None:
        words = [mpiexec, "-n", str(WORKERS + 1), sys.executable, "-m", "mpi4py.futures"]
        with tempfile.TemporaryDirectory() as folder, noting(Path(folder)):
            yield "under MPI", repeat_under(words, count // 4, Path(folder), seed)
    if importlib.util.find_spec("distributed") is not None:
        folders = tempfile.TemporaryDirectory()
        with folders as folder, noting(Path(folder)), dask_workers(WORKERS) as address:
            yield "with Dask", repeat_under([f"dask:{address}"], count // 4, Path(folder), seed)


@contextmanager
def dask_workers(count: int) -> Iterator[str]:
    """A scheduler of Dask with so many workers; its address."""
    import distributed

    with distributed.LocalCluster(
        n_workers=count, threads_per_worker=1, processes=True, dashboard_address=None
    ) as cluster:
        yield cluster.scheduler_address
