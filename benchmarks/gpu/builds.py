# SPDX-License-Identifier: BSD-3-Clause
"""Milliseconds per pose of the build that was carried and of its variants, turn by turn on one card.

Each build lives in a process of its own, with its model on the device, and works when it is asked
(kernels.py). For each width the builds are asked one after the other, round by round, the order turned round
each time: what drifts, drifts for all. A ratio is the median over the rounds of a variant's milliseconds over
those of the carried build.
"""

from __future__ import annotations

import contextlib
import json
import queue
import statistics
import subprocess
import sys
import threading
import time
from typing import Any

from gpu.running import HERE, PATIENCE_S, Run, end, start

WIDTHS = (32, 64, 16, 8, 4, 1)  # the widths that matter first
REHEARSED = (4, 1)  # of eight poses: emulated kernels are slow
ROUNDS = 4
REPEATS = 3
CARRIED = "carried"


class Build:
    """A process that kernels.py runs in; `ask` waits for its answer."""

    def __init__(self, run: Run, name: str, device: str) -> None:
        self.run, self.name = run, name
        variables = run.variables("" if name == CARRIED else name)
        command = [sys.executable, str(HERE / "kernels.py"), *run.problem, "--device", device]
        run.logs.mkdir(parents=True, exist_ok=True)
        self.log = (run.logs / f"kernels_{name}.log").open("w+", encoding="utf-8")
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": self.log}
        self.process = start(command, variables, **pipes)
        self.lines: queue.Queue[str] = queue.Queue()
        self.listener = threading.Thread(target=self.listen, daemon=True)
        self.listener.start()

    def listen(self) -> None:
        """Pass on what it says, so that waiting for it can have an end; an empty line when it has ended."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.put(line)
        self.lines.put("")

    def close(self) -> None:
        end(self.process)
        self.listener.join(PATIENCE_S)
        for file in (self.process.stdin, self.process.stdout, self.log):
            with contextlib.suppress(OSError):  # what was asked of it last, and it did not read
                if file is not None:
                    file.close()

    def answer(self) -> dict[str, Any]:
        """Its next line, or {"failure"}."""
        try:
            line = self.lines.get(timeout=max(0.1, self.run.left()))
        except queue.Empty:
            return {"failure": "time was up"}
        if line:
            found: dict[str, Any] = json.loads(line)
            return found
        self.lines.put("")  # whoever asks again is told at once
        self.log.seek(0)
        said = self.log.read().strip().splitlines() or ["nothing was said"]
        return {"failure": said[-1][:300]}

    def ask(self, width: int, repeats: int) -> dict[str, Any]:
        assert self.process.stdin is not None
        try:
            self.process.stdin.write(json.dumps({"width": width, "repeats": repeats}) + "\n")
            self.process.stdin.flush()
        except OSError:
            return self.answer()
        return self.answer()


def kernels(run: Run) -> dict[str, Any]:
    """The step: seconds of the set-up, and by width of the stages, of each build."""
    device, rounds, repeats = "cuda", 2 if run.rehearse else ROUNDS, 1 if run.rehearse else REPEATS
    widths = REHEARSED if run.rehearse else WIDTHS
    builds: list[Build] = []
    found: dict[str, Any] = {}
    began = time.monotonic()
    try:
        for name in (CARRIED, *run.variants):  # set up one after the other, each with all cores
            builds.append(Build(run, name, device))
            found[name] = builds[-1].answer() | {"widths": {}}
        working = [build for build in builds if "failure" not in found[build.name]]
        for width in widths:
            turns = take_turns(run, working, width, rounds, repeats)
            for build in working:
                found[build.name]["widths"][str(width)] = settled(turns, build.name)
    finally:
        for build in builds:
            build.close()
    return summary(found) | {"builds": found, "turns_s": round(time.monotonic() - began, 1)}


def summary(found: dict[str, Any]) -> dict[str, Any]:
    """Whether all of it went well, the best of the carried build, and what failed."""
    done = found[CARRIED]["widths"]
    best = min((w["ms_per_pose"]["whole"] for w in done.values() if "ms_per_pose" in w), default=None)
    wrong = [f"{name}: {one['failure']}" for name, one in found.items() if "failure" in one]
    for name, build in found.items():
        by_width = build["widths"].items()
        wrong += [f"{name}, width {w}: {one['failure']}" for w, one in by_width if "failure" in one]
    said = "; ".join([f"{best:.3f} ms per pose at best", *wrong] if best is not None else wrong)[:400]
    return {"ok": not wrong, "said": said}


def take_turns(
    run: Run, builds: list[Build], width: int, rounds: int, repeats: int
) -> dict[str, list[dict[str, Any]]]:
    """What each build answered for a width, in each round: A B, B A, A B…"""
    turns: dict[str, list[dict[str, Any]]] = {build.name: [] for build in builds}
    for number in range(rounds):
        if run.left() < 2.0:
            break
        for build in builds[:: -1 if number % 2 else 1]:
            turns[build.name].append(build.ask(width, repeats))
    return turns


def settled(turns: dict[str, list[dict[str, Any]]], name: str) -> dict[str, Any]:
    """Median milliseconds per pose, by stage and whole; each turn's whole; the ratio to the carried build."""
    good = [turn for turn in turns[name] if "failure" not in turn]
    if not good:
        return {"failure": next((turn["failure"] for turn in turns[name]), "time was up")}
    wholes = {build: [whole_ms(turn) for turn in taken] for build, taken in turns.items()}
    stages = {
        stage: statistics.median(1e3 * turn["stages_s"][stage] / turn["poses"] for turn in good)
        for stage in good[0]["stages_s"]
    }
    mine = [ms for ms in wholes[name] if ms is not None]
    found: dict[str, Any] = {"ms_per_pose": stages | {"whole": statistics.median(mine)}, "turns_ms": mine}
    found |= {"poses": good[0]["poses"], "iterations": good[0]["iterations"]}
    pairs = zip(wholes[name], wholes[CARRIED], strict=False) if CARRIED in wholes else ()
    ratios = [one / other for one, other in pairs if one is not None and other is not None]
    return found | ({"ratio": statistics.median(ratios)} if ratios and name != CARRIED else {})


def whole_ms(turn: dict[str, Any]) -> float | None:
    return None if "failure" in turn else 1e3 * turn["whole_s"] / turn["poses"]
