# SPDX-License-Identifier: BSD-3-Clause
"""One build of headfield on one head: seconds when it is asked for them, or a solve for a profiler to see.

    python benchmarks/gpu/kernels.py --head H.npz --coil C.ccd --poses P.npy              # asked on its stdin
    python benchmarks/gpu/kernels.py --head H.npz --coil C.ccd --poses P.npy --profile 32

Asked by a line {"width": 32, "repeats": 3}, it answers by one on stdout: {"poses", "stages_s": {stage:
seconds}, "whole_s", "iterations"}, the least of the repeats, after one that warms up. Its first line is of
the set-up. Only what every revision has is used, so that another one can be asked beside it.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import headfield as hf

GRAY = 2  # tag
POSES = 64
NARROW = 8  # poses that do for widths below: 64 of them one at a time would take long


class Problem:
    """A model and poses on its device."""

    def __init__(self, args: argparse.Namespace) -> None:
        with np.load(args.head) as data:
            mesh = hf.TetMesh(data["nodes"], data["tets"], data["tags"])
        self.coil = hf.read_coil(args.coil)
        every = np.load(args.poses)
        self.poses: Any = every[np.linspace(0, len(every) - 1, min(POSES, len(every))).astype(int)]
        self.gray = np.flatnonzero(mesh.tags == GRAY).astype(np.int32)
        start = time.perf_counter()
        self.model = hf.HeadModel(mesh, device=args.device)
        self.setup_s = time.perf_counter() - start
        self.wait: Callable[[], Any] = lambda: None
        if args.device == "cuda":
            import cupy

            self.poses = cupy.asarray(self.poses)
            self.wait = cupy.cuda.runtime.deviceSynchronize

    def solve(self, poses: Any, width: int, tol: float = 1e-6) -> Any:
        """E in gray matter, on the device, and how it went."""
        field = self.model.solve(self.coil, poses, elements=self.gray, batch=width, tol=tol)
        field.E  # noqa: B018  what is asked for is evaluated here
        self.wait()
        return field.report

    def timed(self, width: int, repeats: int) -> dict[str, Any]:
        """Least seconds of the stages and of the whole, each for itself."""
        poses = self.poses if width >= NARROW else self.poses[:NARROW]
        self.solve(poses, width)
        stages: dict[str, float] = {}
        whole = float("inf")
        for _ in range(repeats):
            start = time.perf_counter()
            report = self.solve(poses, width)
            whole = min(whole, time.perf_counter() - start)
            for name, seconds in report.seconds.items():
                stages[name] = min(stages.get(name, float("inf")), float(seconds))
        found = {"poses": len(poses), "stages_s": stages, "whole_s": whole}
        return found | {"iterations": int(report.iterations.max())}

    def profile(self, width: int) -> None:
        """One batch between marks, after two that warm up: the later ones play the graph that the first made.

        The tolerance is coarse: iterations are all alike, and a profiler runs each kernel several times over.
        """
        from cupy.cuda import runtime

        mark = [getattr(runtime, name, lambda: None) for name in ("profilerStart", "profilerStop")]
        for number in range(3):
            if number == 2:
                mark[0]()
            report = self.solve(self.poses[:width], width, tol=1e-2)
        mark[1]()
        print(f"profiled {width} poses, {int(report.iterations.max())} iterations")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    for name in ("head", "coil", "poses"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--profile", type=int, metavar="WIDTH")
    parser.add_argument("--device", default="cuda")
    problem = Problem(args := parser.parse_args())
    if args.profile:
        problem.profile(args.profile)
        return
    print(json.dumps({"setup_s": problem.setup_s, "stages_s": problem.model.seconds}), flush=True)
    for line in sys.stdin:
        asked = json.loads(line)
        try:
            answer = problem.timed(asked["width"], asked["repeats"])
        except Exception as error:  # the other widths may do
            answer = {"failure": f"{type(error).__name__}: {error}"[:300]}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
