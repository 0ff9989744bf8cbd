# SPDX-License-Identifier: BSD-3-Clause
"""Commands of the steps: on what was installed, each with a log, none beyond its step's end."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
PATIENCE_S = 5.0  # between asking a command to end and ending it


def resolved(text: str) -> Path:
    """Make the path that an option gives a whole one: commands run in the root of the checkout."""
    return Path(text).resolve()


class Done(NamedTuple):
    """Tells how a command went: its exit code, or None if it was given up, what it said, and the seconds."""

    code: int | None
    text: str
    seconds: float

    @property
    def ok(self) -> bool:
        return self.code == 0

    def said(self) -> str:
        """Return its last line, or that time was up."""
        last = (self.text.strip().splitlines() or [""])[-1].strip()[:300]
        return last if self.code is not None else f"given up after {self.seconds:.0f} s; last: {last}"


@dataclass
class Run:
    """What is run with: folders, the problem, and when the present step has to end (`time.monotonic`)."""

    work: Path  # logs, and what is installed: nothing of the machine's own is touched
    carried: Path
    rehearse: bool = False
    until: float = float("inf")
    problem: list[str] = field(default_factory=list)  # --head, --coil, --poses
    variants: list[str] = field(default_factory=list)

    @property
    def site(self) -> Path:
        return self.work / "site"

    @property
    def logs(self) -> Path:
        return self.work / "logs"

    def left(self) -> float:
        """Seconds that the step still has."""
        return self.until - time.monotonic()

    def variables(self, build: str = "") -> dict[str, str]:
        """Environment in which `import headfield` finds a build: what was carried, or a variant."""
        folders = [self.work / f"variant-{build}"] if build else []
        folders += [self.site, HERE.parent]
        if self.rehearse:
            folders.insert(0, ROOT / "tests" / "emulated")  # the stand-in for CuPy
        path = os.pathsep.join([*map(str, folders), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)
        return os.environ | {"PYTHONPATH": path, "PYTHONUNBUFFERED": "1", "PYTHONDONTWRITEBYTECODE": "1"}

    def python(self, name: str, *words: object, limit: float | None = None, **variables: str) -> Done:
        """A command of this Python, see `command`."""
        return self.command(name, [sys.executable, *words], limit, **variables)

    def command(self, name: str, words: list[object], limit: float | None = None, **variables: str) -> Done:
        """Run a command in the checkout, its output in NAME.log; it and all it starts end with the step."""
        self.logs.mkdir(parents=True, exist_ok=True)
        log, began = self.logs / f"{name}.log", time.monotonic()
        with log.open("a+", encoding="utf-8", errors="replace") as out:
            out.write(f"$ {' '.join(map(str, words))}\n")
            out.flush()
            where = out.tell()
            try:
                process = start([str(word) for word in words], self.variables() | variables, stdout=out)
            except OSError as problem:
                return Done(127, str(problem), 0.0)
            try:
                code = process.wait(max(0.1, min(self.left(), limit or float("inf"), 1e6)))
            except subprocess.TimeoutExpired:
                end(process)
                code = None
            out.seek(where)
            text = out.read()
        return Done(code, text, time.monotonic() - began)


def start(words: list[str], variables: dict[str, str], **options: object) -> subprocess.Popen[str]:
    """A process in a group of its own, so that `end` reaches what it starts."""
    options = {"stderr": subprocess.STDOUT} | options
    return subprocess.Popen(  # type: ignore[call-overload, no-any-return]
        words, cwd=ROOT, env=variables, text=True, start_new_session=True, **options
    )


def end(process: subprocess.Popen[str]) -> None:
    """End a process and what it started: asked first, so that a profiler can still write what it has."""
    for signal_ in (signal.SIGTERM, signal.SIGKILL):  # the second also for what outlives the process itself
        with contextlib.suppress(ProcessLookupError, subprocess.TimeoutExpired):
            os.killpg(process.pid, signal_)
            process.wait(PATIENCE_S)


def tool(name: str) -> str | None:
    """Where a program is: on the path, or where CUDA keeps its own."""
    folders = [os.environ.get("PATH", ""), "/usr/local/cuda/bin", "/usr/local/cuda/compute-sanitizer"]
    return shutil.which(name, path=os.pathsep.join(folders))
