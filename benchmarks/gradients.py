# SPDX-License-Identifier: BSD-3-Clause
"""Derivatives of measures: what they take beside solves alone, and how far differences of solves are off.

    python benchmarks/gradients.py                               # all heads: ten minutes
    python benchmarks/gradients.py --heads head_large --update   # this head anew; the rows of others stay
    python benchmarks/gradients.py --quick --out FOLDER          # a phantom

The mean of |E|, and of a component, in gray matter within 10 mm of a place below the hand area. Times are of
32 poses of a figure-8 around that place, the least of several calls that take turns: of a solve for E there,
and of values with their derivatives by poses and dI/dt, by conductivities too, and by 2,104 dipoles (of one
pose). Derivatives by a pose are held against central differences of sixth order of solves of the same kind:
"float64" sums A over each dipole and solves to 1e-12, "default" is what `solve` does by itself. Errors are
relative to the derivative's length, a rad counting as 50 mm.
"""

from __future__ import annotations

import functools
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import measure
import numpy as np
from suite import heads

import headfield as hf
from headfield.poses.motions import moved
from headfield.poses.pose import tilts, turns

HERE = Path(__file__).resolve().parent
HEADS = ("head_small", "head_medium", "head_large")
PLACE_MM, RADIUS_MM = (-40.0, -8.0, 50.0), 10.0
CENTRE_MM, HANDLE_MM = (-46.0, -8.0, 70.0), (-46.0, 42.0, 70.0)
DIDT, POSES, CALLS = 50e6, 32, 5
WEIGHTS = {-3: -1 / 60, -2: 3 / 20, -1: -3 / 4, 1: 3 / 4, 2: -3 / 20, 3: 1 / 60}
STEPS = np.repeat([0.6, 0.012], 3)  # mm and rad
LEVER_MM = 50.0
KINDS = {"float64": {"tol": 1e-12, "primary_error": 0.0}, "default": {}}
Row = dict[str, Any]


def main() -> int:
    args = measure.parser_of_heads(__doc__, HEADS, "a phantom, timed once").parse_args()
    calls = 1 if args.quick else CALLS
    measure.write_rows("gradients", args, HEADS, lambda name: row(name, args.threads, calls))
    return 0


def row(name: str, threads: int | None, calls: int) -> Row:
    """All that is measured on a head."""
    model = hf.HeadModel(heads.mesh(name), device="cpu", threads=threads)
    region = hf.regions.sphere(model.mesh, PLACE_MM, RADIUS_MM, heads.GRAY)
    coil = hf.figure_of_eight()
    start = model.place(coil, CENTRE_MM, HANDLE_MM)
    poses = around(start, POSES)
    result: Row = {
        "head": name,
        "nodes": model.mesh.n_nodes,
        "threads": model.threads,
        "tetrahedra": len(region),
        "dipoles": coil.n_dipoles,
        "poses": POSES,
    }
    measures = {"mean_magnitude": hf.Target(region), "component": hf.Target(region, [0.0, 1.0, 0.0])}
    result["times"] = times(model, region, measures, coil, poses, calls)
    result["errors"] = {
        f"{what} {kind}": error(model, goal, coil, poses[:1], options)
        for what, goal in measures.items()
        for kind, options in KINDS.items()
    }
    return result


def around(pose: np.ndarray, count: int) -> np.ndarray:
    """Poses a few mm further off the scalp than a pose, shifted, turned and tilted."""
    rng = np.random.default_rng(0)
    motions = np.tile(np.eye(4), (count, 1, 1))
    motions[:, :2, 3] = rng.uniform(-10.0, 10.0, (count, 2))
    motions[:, 2, 3] = -rng.uniform(3.0, 8.0, count)
    tilted = tilts(rng.uniform(-5.0, 5.0, (count, 2)))
    return pose @ motions @ turns(rng.uniform(0.0, 180.0, count)) @ tilted


def times(
    model: hf.HeadModel, region: hf.Region, measures: Row, coil: hf.Coil, poses: np.ndarray, calls: int
) -> Row:
    """Seconds, and processor seconds, of each kind of call; the least of some, which take turns."""
    mean, component = measures["mean_magnitude"], measures["component"]
    gradient = functools.partial(model.gradient, coil=coil, didt=DIDT)
    kinds: dict[str, Callable[[], Any]] = {
        "solve": lambda: model.solve(coil, poses, DIDT, roi=region),
        "pose": lambda: gradient(mean, poses=poses, wrt=["pose", "didt"]),
        "component": lambda: gradient(component, poses=poses, wrt=["pose", "didt"]),
        "conductivity": lambda: gradient(mean, poses=poses, wrt=["pose", "didt", "conductivity"]),
        "one": lambda: gradient(mean, poses=poses[:1]),
        "one_with_dipoles": lambda: gradient(mean, poses=poses[:1], wrt=["pose", "dipoles"]),
    }
    spent: dict[str, list[tuple[float, float]]] = {name: [] for name in kinds}
    kinds["solve"]()  # the table of the coil is made
    for _ in range(calls):
        for name, call in kinds.items():
            wall, processor = time.perf_counter(), time.process_time()
            call()
            spent[name].append((time.perf_counter() - wall, time.process_time() - processor))
    found: Row = {
        name: {"s": min(w for w, _ in of), "cpu_s": min(p for _, p in of)} for name, of in spent.items()
    }
    for name in ("pose", "component", "conductivity"):
        found[name] |= {f"ratio_{of}": found[name][of] / found["solve"][of] for of in ("s", "cpu_s")}
    return found


def error(model: hf.HeadModel, goal: Any, coil: hf.Coil, pose: np.ndarray, options: Row) -> float:
    """How far the derivative by a pose is from central differences of solves, relative to its length."""
    found = model.gradient(goal, coil, pose, DIDT, **options).pose
    every = moved(pose[0], np.array([i * step for step in np.diag(STEPS) for i in WEIGHTS]))
    solved = model.solve(coil, every, DIDT, roi=goal.regions[0], **options)
    values = goal.values(solved.E).reshape(6, len(WEIGHTS))
    exact = values @ list(WEIGHTS.values()) / STEPS
    lever = np.repeat([1.0, 1.0 / LEVER_MM], 3)
    return float(np.linalg.norm((found[0] - exact) * lever) / np.linalg.norm(exact * lever))


if __name__ == "__main__":
    sys.exit(main())
