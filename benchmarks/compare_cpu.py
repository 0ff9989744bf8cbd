# SPDX-License-Identifier: BSD-3-Clause
"""Compare headfield with other solvers on the same systems, machine, tolerance and number of threads.

    python benchmarks/compare_cpu.py --size large
    python benchmarks/compare_cpu.py --size medium --only headfield petsc:gamg-0.02

Every solver runs alone, in its own process, and hands back its solutions; whether ``|b - K x| <= 1e-6 |b|``
holds is checked here in float64 for each of them. A peer that is not installed is named, with the command
that installs it. The table goes to the screen and everything behind it to a JSON file. See README.md beside
this file.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path
from types import ModuleType

import numpy as np

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import measure  # noqa: E402  (lies beside this file)
import problem  # noqa: E402
from measure import DATA, Row  # noqa: E402
from peers import headfield_solver, pardiso, petsc, pyamg_sa  # noqa: E402

SOLVERS: dict[str, ModuleType] = {
    "headfield": headfield_solver,
    "petsc": petsc,
    "pardiso": pardiso,
    "pyamg": pyamg_sa,
}
POSES = 32  # right-hand sides
HEADER = (
    "solver",
    "procs",
    "RHS",
    "set-up s",
    "s/pose",
    "CPU s/pose",
    "iter.",
    "residual",
    "MiB",
    "ratio",
    "set-up ratio",
)


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0], epilog=__doc__.split("\n\n")[1])
    parser.add_argument("--size", choices=("small", "medium", "large"), default="large", help="sample head")
    parser.add_argument("--head", type=Path, help="another head: .npz with nodes, tets, tags")
    parser.add_argument("--coil", type=Path, default=DATA / "coils" / "fig8_70mm.ccd", help="a .ccd coil")
    parser.add_argument("--poses", type=Path, default=DATA / "poses.npy", help="poses as .npy (k, 4, 4), mm")
    parser.add_argument("--threads", type=int, default=2, help="threads, or MPI processes, of every solver")
    parser.add_argument("--only", nargs="+", metavar="NAME[:CONFIG]", help=f"of {', '.join(SOLVERS)}")
    parser.add_argument("--limit", type=float, default=600.0, help="seconds after which a run is given up")
    parser.add_argument("--work", type=Path, help="folder that keeps the problem for the next run")
    parser.add_argument("--out", type=Path, help="JSON file; default results/compare_cpu_HEAD.json")
    return parser.parse_args()


def chosen(only: list[str] | None) -> list[tuple[str, str]]:
    """(solver, configuration) pairs to run."""
    every = [(name, config) for name, module in SOLVERS.items() for config in module.CONFIGS]
    if only is None:
        return every
    known = {*SOLVERS, *(f"{name}:{config}" for name, config in every)}
    for wanted in only:
        if wanted not in known:
            raise SystemExit(f"--only {wanted}: not one of {', '.join(sorted(known))}")
    return [(name, config) for name, config in every if name in only or f"{name}:{config}" in only]


def run_solver(folder: Path, name: str, config: str, processes: int, args: argparse.Namespace) -> Row:
    """What one run reported, with its true residual; or why there is none."""
    module = SOLVERS[name]
    row: Row = {"solver": name, "config": config, "label": f"{module.LABEL}, {config}"}
    row |= {
        "settings": str(module.CONFIGS[config]),
        "processes": processes,
        "load_before": os.getloadavg()[0],
    }
    loops = 1 if module is petsc else args.threads
    row |= measure.run_solver(folder, module, config, args.threads, args.limit, loops, processes)
    if (folder / "x.npy").exists():
        row["residual"] = float(problem.true_residuals(folder, np.load(folder / "x.npy")).max())
    return row


def run_all(
    folder: Path, pairs: list[tuple[str, str]], args: argparse.Namespace
) -> tuple[list[Row], dict[str, str]]:
    """All runs, and what is not installed with the reason."""
    runs: list[Row] = []
    absent: dict[str, str] = {}
    for name in dict.fromkeys(name for name, _ in pairs):
        reason = SOLVERS[name].missing()
        if reason:
            absent[name] = f"{reason} (install: {SOLVERS[name].INSTALL})"
            print(f"NOT MEASURED {name}: {absent[name]}", flush=True)
    for name, config in pairs:
        if name in absent:
            continue
        # MPI may be better off with one process on a small problem: both are run, the better one is shown.
        for processes in sorted({1, args.threads}) if SOLVERS[name] is petsc else [1]:
            print(f"running {name}:{config} in {processes} process(es)", file=sys.stderr, flush=True)
            runs.append(run_solver(folder, name, config, processes, args))
            if "failure" in runs[-1]:
                print(f"FAILED {name}:{config}: {runs[-1]['failure']}", flush=True)
    return runs, absent


def rows_of(runs: list[Row]) -> list[Row]:
    """One row per solver, configuration and batch width; of several process counts the fastest."""
    best: dict[tuple[str, str, str], Row] = {}
    for run in runs:
        for batch, entry in run.get("solve", {}).items():
            row = run | {"batch": int(batch), "pose_s": entry["median_s"], "cpu_s": entry["cpu_s"]}
            key = (run["solver"], run["config"], batch)
            if key not in best or row["pose_s"] < best[key]["pose_s"]:
                best[key] = row
    rows = list(best.values())
    ours = [row for row in rows if row["solver"] == "headfield"]
    reference = max(ours, key=lambda row: row["batch"]) if ours else None
    for row in rows:
        row["ratio"] = row["pose_s"] / reference["pose_s"] if reference else float("nan")
        row["setup_ratio"] = row["setup_s"] / reference["setup_s"] if reference else float("nan")
    return rows


def table(rows: list[Row]) -> str:
    """The rows as text; a residual above the tolerance is marked."""
    cells = [HEADER]
    for row in rows:
        numbers = (f"{row['setup_s']:.2f}", f"{row['pose_s']:.4f}", f"{row['cpu_s']:.4f}")
        middle = (str(row["iterations"]), measure.mark(row["residual"]))
        ends = (f"{row['memory_mib']:.0f}", f"{row['ratio']:.2f}", f"{row['setup_ratio']:.2f}")
        cells.append((row["label"], str(row["processes"]), str(row["batch"]), *numbers, *middle, *ends))
    return measure.table(cells)


def main() -> None:
    """Run what was asked for, print the table, leave the JSON."""
    args = parse()
    head = args.head or DATA / f"head_{args.size}.npz"
    for path in (head, args.coil, args.poses):
        if not path.is_file():
            raise SystemExit(f"{path}: no such file")
    pairs = chosen(args.only)
    started = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="headfield-benchmark-") as scratch:
        folder = args.work or Path(scratch)
        size = measure.prepare(folder, head, args.coil, args.poses, POSES, args.threads)
        runs, absent = run_all(folder, pairs, args)
    rows = rows_of(runs)
    if rows:
        print(f"\n{size['head']}: {size['nodes']:,} nodes, {size['tets']:,} tets; {args.threads} threads")
        print(table(rows))
    busiest = max((run["load_before"] for run in runs), default=0.0)
    if busiest > args.threads + 1:
        print(f"The machine was busy with other work (load {busiest:.1f}): trust CPU seconds, not ratios.")
    for run in runs:
        if "stages_s" in run:
            stages = ", ".join(f"{name} {seconds:.4f}" for name, seconds in run["stages_s"].items())
            print(
                f"{run['label']}: set-up {run['setup_s']:.2f} s, coil {run['coil_setup_s']:.2f} s, ", end=""
            )
            print(f"{run['memory_mib']:.0f} MiB; seconds per pose: {stages}")
    for name, reason in absent.items():
        print(f"not installed: {name}: {reason}")
    out = args.out or HERE / "results" / f"compare_cpu_{head.stem}.json"
    report: Row = {"problem": size, "not_installed": absent, "runs": runs}
    report["total_s"] = round(time.perf_counter() - started, 1)
    measure.write_report(out, vars(args), report)
    print(f"wrote {out}")


if __name__ == "__main__":
    main()
