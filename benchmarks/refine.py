# SPDX-License-Identifier: BSD-3-Clause
"""What refinements by gradients find in 15 batches from 32 starts, against brute force.

    python benchmarks/refine.py                      # the small head, a few minutes
    python benchmarks/refine.py --heads head_medium --update
    python benchmarks/refine.py --quick --out FOLDER # a phantom, a minute

Starts are tangential, casing 4 mm off the scalp, at 8 positions within 15 mm of the target and at 4 angles.
*Grid*: the best of all tangential poses 0.5 mm and 1° apart within 20 mm, coils lifted where their casing
would be too close; by reciprocity, its best solved in full. *Around*: the best of what was found and the
poses half a millimetre and a degree around it, in x, y and all turns, landed. What was found is to be within
0.1 % of both.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import measure
import numpy as np
import targeting_rows as rows

import headfield as hf
from headfield.placement.positions import scalp_positions
from headfield.placement.scalp import Scalp
from headfield.placement.sites import tangential_poses
from headfield.poses.motions import moved
from headfield.poses.pose import turns

HERE = Path(__file__).resolve().parent
CENTRE_MM, RADIUS_MM = (-37.0, -20.0, 58.0), 10.0
DIDT, CLEAR_MM, STARTS, BATCHES = 50e6, 4.0, 32, 15


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--heads", nargs="*", default=None, help="some of the sample heads, or phantoms")
    parser.add_argument("--update", action="store_true", help="keep rows of other heads")
    parser.add_argument("--quick", action="store_true", help="a phantom, coarsely")
    parser.add_argument("--out", type=Path, default=HERE / "results", help="folder")
    args = parser.parse_args()
    found = []
    for name in args.heads or (["phantom_29k"] if args.quick else ["head_small"]):
        for target in ("component", "mean |E|"):
            found.append(row(name, target, args.quick))
            print(json.dumps(found[-1]), flush=True)
    path = args.out / "refine.json"
    if args.update and path.is_file():
        new = {one["head"] for one in found}
        kept = json.loads(path.read_text(encoding="utf-8"))["refinements"]
        found = [one for one in kept if one["head"] not in new] + found
    measure.write_report(path, vars(args), {"refinements": found, "device": "cpu"})
    print(f"wrote {path}")
    return 0


def row(name: str, what: str, quick: bool) -> dict[str, Any]:
    """Refine for one target on one head, and try everything around."""
    model, coil = rows.model(name), hf.figure_of_eight()
    region = hf.regions.sphere(model.mesh, CENTRE_MM, RADIUS_MM, 2)
    target = hf.Target(region, (0.6, 0.8, 0.0) if what == "component" else None)
    objective = hf.optimize.Objective(model, target, coil, DIDT, clear_mm=CLEAR_MM)
    starts = tangential(model, objective, 8 if quick else STARTS)
    began = time.perf_counter()
    found = hf.optimize.refine(objective, starts, max_batches=BATCHES)
    seconds = time.perf_counter() - began
    grid = best_of_grid(model, coil, target, quick)
    around = best_around(found.pose, objective, quick)
    return {
        "head": name,
        "target": what,
        "starts": len(starts),
        "batches": found.batches,
        "poses": found.poses_solved,
        "seconds": round(seconds, 1),
        "value": found.value,
        "start": float(found.history[0].max()),
        "grid": grid,
        "around": around,
        "missed_percent": 100 * (max(grid, around) / found.value - 1),
        "starts_within_0.1_percent": int((found.values >= 0.999 * found.value).sum()),
        "starts_within_1_percent": int((found.values >= 0.99 * found.value).sum()),
        "best_by_batch": found.history.max(axis=1).tolist(),
        "least_clear_mm": float(hf.casing_distance(model.scalp, coil, found.poses).min()),
    }


def tangential(model: hf.HeadModel, objective: hf.optimize.Objective, count: int) -> np.ndarray:
    """Return poses near the target, spread over positions and angles."""
    sites = scalp_positions(Scalp(model.scalp, 10.0), CENTRE_MM, 15.0, 9.0)
    poses = tangential_poses(sites, CLEAR_MM)
    poses = poses[np.linspace(0, len(poses) - 1, count // 4).astype(int)]
    turned = poses[:, None] @ turns(np.arange(0.0, 360.0, 90.0) + 20.0)
    return objective.clearance.landed(turned.reshape(-1, 4, 4))


def best_of_grid(model: hf.HeadModel, coil: hf.Coil, target: hf.Target, quick: bool) -> float:
    """Return the best value of all tangential poses, solved in full."""
    steps = (
        {"spacing_mm": 3.0, "angle_step_deg": 5.0} if quick else {"spacing_mm": 0.5, "angle_step_deg": 1.0}
    )
    options = {"centre_mm": CENTRE_MM, "radius_mm": 20.0, "distance_mm": CLEAR_MM, "clear_mm": CLEAR_MM}
    return float(hf.search(model, coil, target, DIDT, **options, **steps, refine=False).value)


def best_around(pose: np.ndarray, objective: hf.optimize.Objective, quick: bool) -> float:
    """Return the best value of the poses half a millimetre and a degree around one."""
    way, turn = np.array([-0.5, 0.0, 0.5]), np.radians([-1.0, 0.0, 1.0])
    axes = (
        (way[1:], way[1:], way[1:2], turn[1:], turn[1:], turn) if quick else (way, way, way[1:2], *[turn] * 3)
    )
    motions = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 6)
    poses = objective.clearance.landed(moved(np.tile(pose, (len(motions), 1, 1)), motions))
    return float(objective(poses)[0].max())


if __name__ == "__main__":
    raise SystemExit(main())
