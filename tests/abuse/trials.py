# SPDX-License-Identifier: BSD-3-Clause
"""Trials of a writer of results: killed, interrupted, or out of room at a random place, again and again.

Each trial forks a child that writes poses whose values are known, and looks at what the child left: every
pose that the child had finished has to be there, none but whole ones may be shown, and a run must be able to
go on.
"""

from __future__ import annotations

import os
import random
import resource
import shutil
import signal
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from given.children import ended
from given.results import field_arrays, run

import headfield as hf
from headfield.fields.arrays import FieldArrays
from headfield.fields.stream import open_results, result_files

POSES = 6
TYPED, OTHER, DONE = 3, 4, 0


@dataclass
class Verdict:
    """What trials of one kind have shown.

    Attributes
    ----------
    tried : int
    stopped : int
        Trials in which the child was stopped while it wrote.
    finished : int
        Poses that children had finished when they were stopped.
    faults : list of str
        What must not be, in words; empty if all held.
    again : int
        What was done twice, or begun and lost, where that is counted.
    """

    tried: int = 0
    stopped: int = 0
    finished: int = 0
    faults: list[str] = field(default_factory=list)
    again: int = 0


class Writer:
    """Writes known poses of a mesh to a folder, as a run of the command does.

    Parameters
    ----------
    ending : {".h5", ".msh", ".vtu"}
    """

    def __init__(self, ending: str) -> None:
        self.ending = ending
        self.mesh = hf.sphere_mesh(radii_mm=[78, 86, 92], tags=[2, 4, 5], edge_mm=12)
        self.run = run(POSES)
        self.e = np.random.default_rng(1).normal(size=(POSES, self.mesh.n_tets, 3)).astype(np.float32)

    def batch(self, number: int) -> FieldArrays:
        """Pose `number`."""
        potential = np.full((1, self.mesh.n_nodes), float(number))
        return field_arrays(self.mesh, self.e[number : number + 1], potential)

    def write(self, folder: Path, finished: Callable[[], object], resume: bool = False) -> None:
        """Write the poses that aren't there; call `finished` after each."""
        target = folder / f"f{self.ending}"
        with open_results(target, self.mesh, None, self.run, resume=resume) as results:
            for number in range(results.done, POSES):
                results.write(self.batch(number))
                finished()

    def shown(self, folder: Path) -> list[np.ndarray]:
        """|E| of the poses that readers are shown, each under its number."""
        *files, own = result_files(folder / f"f{self.ending}", range(POSES), POSES)
        if self.ending != ".h5":
            there = [path for path in files if path.exists()]
            return [hf.read_result(path).magnitude() for path in there]
        path = files[0] if files[0].exists() else own
        if not path.exists() or not path.read_bytes()[:8].strip(b"\0"):
            return []
        try:
            result = hf.read_result(path)
        except hf.FileFormatError as error:
            if "0 poses in" in str(error):
                return []
            raise
        return [result.magnitude(i) for i in range(result.n_poses)]


def trial(writer: Writer, folder: Path, prepare: Callable[[], object], stop: Callable[[int], object]) -> str:
    """Let a child write, stop it, and look; returns what is wrong, or its exit code and what it finished."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os._exit(_child(writer, folder, prepare, lambda: os.write(writing, b".")))
    os.close(writing)
    stop(child)
    status = ended(child, 120.0)
    with os.fdopen(reading, "rb") as pipe:
        finished = len(pipe.read())
    if status is None:
        return "the child hangs"
    fault = _fault(writer, folder, finished)
    code = -os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)
    return fault or f"{code} {finished}"


def _child(
    writer: Writer, folder: Path, prepare: Callable[[], object], finished: Callable[[], object]
) -> int:
    try:
        prepare()
        writer.write(folder, finished)
    except (hf.StorageError, KeyboardInterrupt):
        return TYPED
    except BaseException:
        import traceback

        traceback.print_exc()
        return OTHER
    return DONE


def _fault(writer: Writer, folder: Path, finished: int) -> str:
    """What is wrong with what a child left; "" if nothing is."""
    exact = np.sqrt(np.einsum("kmd,kmd->km", writer.e, writer.e))
    try:
        shown = writer.shown(folder)
        if len(shown) < finished:
            return f"{finished} poses were finished, {len(shown)} are shown"
        if any(not np.allclose(got, exact[i], rtol=1e-6, atol=0) for i, got in enumerate(shown)):
            return "a pose is shown with other values"
        if not (writer.ending == ".h5" and (folder / "f.h5").exists()):
            writer.write(folder, lambda: None, resume=True)
        if len(writer.shown(folder)) != POSES:
            return "a run that goes on ends with fewer poses"
    except Exception as error:
        return f"refused by its own reader or writer: {type(error).__name__}: {error}"
    return ""


def repeat(kind: str, writer: Writer, count: int, folder: Path, seed: int) -> Verdict:
    """Do `count` trials of a kind: "kill", "interrupt" or "full"."""
    rng, verdict = random.Random(seed), Verdict()
    seconds = _whole(writer, folder)
    for number in range(count):
        here = folder / f"{kind}{number}"
        here.mkdir()
        prepare, stop = _KINDS[kind](rng, writer, seconds)
        said = trial(writer, here, prepare, stop)
        verdict.tried += 1
        code, _, finished = said.partition(" ")
        if finished.isdigit():
            verdict.finished += int(finished)
            verdict.stopped += code != str(DONE)
        if not finished.isdigit() or code == str(OTHER):
            verdict.faults.append(f"{kind} {number} of seed {seed}: {said}")
        shutil.rmtree(here)
    return verdict


def of_format(kind: str, ending: str, count: int, seed: int) -> tuple[Verdict, float]:
    """Do trials of a kind and a format in a folder of their own; returns the verdict and the seconds."""
    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        verdict = repeat(kind, Writer(ending), count, Path(folder), seed)
    return verdict, time.perf_counter() - start


def _whole(writer: Writer, folder: Path) -> float:
    """Seconds of a run that is left alone."""
    here = folder / "whole"
    here.mkdir()
    start = time.perf_counter()
    writer.write(here, lambda: None)
    seconds = time.perf_counter() - start
    shutil.rmtree(here)
    return seconds


Trial = tuple[Callable[[], object], Callable[[int], object]]


def _kill(rng: random.Random, writer: Writer, seconds: float) -> Trial:
    delay = rng.uniform(0, seconds)

    def stop(child: int) -> None:
        time.sleep(delay)
        os.kill(child, signal.SIGKILL)

    return lambda: None, stop


def _interrupt(rng: random.Random, writer: Writer, seconds: float) -> Trial:
    delay = rng.uniform(1e-4, seconds)

    def raised(*_: object) -> None:
        raise KeyboardInterrupt

    def prepare() -> None:
        signal.signal(signal.SIGALRM, raised)
        signal.setitimer(signal.ITIMER_REAL, delay)

    return prepare, lambda child: None


def _full(rng: random.Random, writer: Writer, seconds: float) -> Trial:
    """A limit on the size of files that sets in at one of the writes; the kernel refuses what goes beyond."""
    good, share = rng.randrange(40), rng.random()
    original, calls = os.pwrite, [0]

    def pwrite(descriptor: int, data: memoryview, offset: int) -> int:
        calls[0] += 1
        if calls[0] == good:
            limit = int(offset + share * len(data))
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
        return original(descriptor, data, offset)

    def prepare() -> None:
        if writer.ending == ".h5":
            os.pwrite = pwrite
        else:
            resource.setrlimit(resource.RLIMIT_FSIZE, (int(share * 2e6), resource.RLIM_INFINITY))

    return prepare, lambda child: None


_KINDS: dict[str, Callable[[random.Random, Writer, float], Trial]] = {
    "kill": _kill,
    "interrupt": _interrupt,
    "full": _full,
}
