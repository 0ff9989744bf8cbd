# SPDX-License-Identifier: BSD-3-Clause
"""What the mesher of level sets makes of random volumes and of heads: shapes, distances, seconds, memory.

    python benchmarks/mesher.py                                  # everything
    python benchmarks/mesher.py --heads --seeds 100              # only the first hundred random volumes
    python benchmarks/mesher.py --heads --seeds 1 --first 273    # one of them
    python benchmarks/mesher.py --seeds 0 --heads head_medium --edges 2.5

Random volumes are those of tests/given/label_volumes.py, edges in voxels: the cube root of a voxel's volume.
Each is meshed in a process of its own, so that one that crashes or hangs is a line among others. Heads are
label images of 1 mm, made from the heads beside the checkout and kept in build/mesher. Each is meshed with
one thread and with all cores. The field of a figure-of-eight over left M1 is solved for on meshes of an edge
and of half of it, and E in gray matter compared. It needs SciPy. Exit code 1 where a mesh has a fault.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import measure
import mesher_rows as rows
import numpy as np

HERE = Path(__file__).resolve().parent
LEAST_ANGLE = 10.0  # degrees, that every mesh is held against
Row = dict[str, Any]


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=500, help="how many random volumes")
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--voxels", type=float, nargs="+", default=[1.5, 2.5], help="edges in random volumes")
    parser.add_argument("--heads", nargs="*", default=["head_medium", "head_large"])
    parser.add_argument("--edges", type=float, nargs="+", default=[2.5, 2.0], help="edges in heads, mm")
    parser.add_argument("--solve", type=float, nargs="*", default=[4.0], help="edges to halve, mm")
    parser.add_argument("--workers", type=int, default=os.cpu_count(), help="random volumes at a time")
    parser.add_argument("--limit", type=float, default=120.0, help="seconds for a random volume")
    parser.add_argument("--out", type=Path, default=HERE / "results" / "mesher.json")
    args = parser.parse_args()
    volumes = random_volumes(args)
    sets = [summary([row for row in volumes if row["edge_voxels"] == edge], edge) for edge in args.voxels]
    for one in sets if volumes else ():
        print(json.dumps(one), flush=True)
    meshes = [told_head(of_head(name, edge)) for name in args.heads for edge in args.edges]
    solves = [told_solve(rows.solve(name, edge)) for name in args.heads for edge in args.solve]
    report = {
        "volumes": sets if volumes else [],
        "faults": [row for row in volumes if row["faults"]],
        "heads": meshes,
        "solves": solves,
        "device": "cpu",
    }
    measure.write_report(args.out, vars(args), report)
    print(f"wrote {args.out}")
    return int(any(row["faults"] for row in [*volumes, *meshes]))


def random_volumes(args: argparse.Namespace) -> list[Row]:
    """Rows of all seeds and edges, printed as they come."""
    todo = [(seed, edge) for edge in args.voxels for seed in range(args.first, args.first + args.seeds)]
    with ThreadPoolExecutor(max(args.workers, 1)) as pool:
        done = pool.map(lambda case: rows.isolated(rows.volume_row, args.limit, *case), todo)
        return [
            told_volume(held({"seed": case[0], "edge_voxels": case[1]} | row))
            for case, row in zip(todo, done, strict=True)
        ]


def held(row: Row) -> Row:
    """The row with its faults, the angle among them."""
    faults = [row["failure"]] if "failure" in row else [*row["faults"]]
    if row.get("smallest_angle", LEAST_ANGLE) < LEAST_ANGLE:
        faults.append(f"angle below {LEAST_ANGLE:g}°")
    return row | {"faults": faults}


def told_volume(row: Row) -> Row:
    head = f"seed {row['seed']:3} edge {row['edge_voxels']:g} {row.get('kind', '')}:"
    if "failure" in row:
        print(head, "FAILED", row["failure"], flush=True)
        return row
    low, high = row["ratios"]
    print(
        f"{head} {row['labels']} labels, {row['nodes']:,} nodes {row['seconds']:.2f} s, "
        f"angle {row['smallest_angle']:.2f}°, near {100 * row['near']:.2f} % p99 {row['p99']:.2f} "
        f"back {row['back_most']:.2f}, ratios {low:.2f}–{high:.2f}, lost {row['lost']}"
        + (f"  FAULTS {'; '.join(row['faults'])}" if row["faults"] else ""),
        flush=True,
    )
    return row


def summary(volumes: list[Row], edge: float) -> Row:
    """What all random volumes of an edge came to."""
    made = [row for row in volumes if "failure" not in row]
    found: Row = {
        "edge_voxels": edge,
        "volumes": len(volumes),
        "failed": len(volumes) - len(made),
        "with_faults": sum(bool(row["faults"]) for row in volumes),
    }
    if not made:
        return found
    worst = min(made, key=lambda row: row["smallest_angle"])
    faces = np.array([row["faces"] for row in made])
    return found | {
        "smallest_angle": worst["smallest_angle"],
        "worst": f"seed {worst['seed']}, {worst['kind']}",
        "tetrahedra": sum(row["tets"] for row in made),
        "below": {angle: sum(row["below"][angle] for row in made) for angle in made[0]["below"]},
        "near": float(np.average([row["near"] for row in made], weights=faces)),
        "least_near": min(row["near"] for row in made),
        "seconds": float(np.mean([row["seconds"] for row in made])),
        "most_seconds": max(row["seconds"] for row in made),
    }


def of_head(name: str, edge_mm: float) -> Row:
    """The row of a head and an edge: meshed with one thread and with all cores."""
    runs = [rows.isolated(rows.head_run, 3600.0, name, edge_mm, n) for n in sorted({1, os.cpu_count() or 1})]
    bad = [run for run in runs if "failure" in run]
    if bad:
        return {"head": name, "edge_mm": edge_mm, "faults": [run["failure"] for run in bad]}
    found = rows.isolated(rows.head_row, 3600.0, name)
    row = held({"head": name, "edge_mm": edge_mm, "runs": runs} | found)
    if len({run["bits"] for run in runs}) > 1:
        row["faults"].append("other bits with other threads")
    return row


def told_head(row: Row) -> Row:
    print(f"{row['head']} edge {row['edge_mm']:g} mm:", end=" ")
    if "runs" not in row:
        print("FAILED", row["faults"], flush=True)
        return row
    angle = f"angle {row['smallest_angle']:.2f}°, {row['below']}"
    print(f"{row['nodes']:,} nodes, {row['tets']:,} tetrahedra, {angle}, edges {row['edges_mm']}")
    for run in row["runs"]:
        stages = ", ".join(f"{stage} {seconds:.1f}" for stage, seconds in run["stages_s"])
        memory = f"{run['peak_mib']:.0f} MiB more at the peak"
        print(f"    {run['threads']} threads: {run['seconds']:.1f} s ({stages}), {memory}")
    print("    volumes mesh/image", {tag: round(ratio, 4) for tag, ratio in row["ratios_by_tag"].items()})
    print("    over voxel counts ", {tag: round(ratio, 4) for tag, ratio in row["voxel_ratios"].items()})
    for tag, facts in row["interfaces"].items():
        print(f"    around {tag}: " + ", ".join(f"{key} {value:.4g}" for key, value in facts.items()))
    print(f"    {100 * row['near']:.2f} % of faces within half a voxel; faults {row['faults']}", flush=True)
    return row


def told_solve(row: Row) -> Row:
    print(
        f"{row['head']} edge {row['edge_mm']:g} mm: {row['iterations']} iterations, E in gray matter off by "
        f"{100 * row['difference']:.2f} % of the one at half the edge ({row['fine_iterations']} iterations), "
        f"recovered {100 * row['recovered_difference']:.2f} %; reported {100 * row['reported']:.2f} % "
        f"(half {100 * row['fine_reported']:.2f} %); {100 * row['compared']:.1f} % of gray matter compared",
        flush=True,
    )
    return row


if __name__ == "__main__":
    start = time.perf_counter()
    code = main()
    print(f"{time.perf_counter() - start:.0f} s in all")
    sys.exit(code)
