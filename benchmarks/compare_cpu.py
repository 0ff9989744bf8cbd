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
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import problem  # noqa: E402  (lies beside this file)
from peers import exchange, headfield_solver, pardiso, petsc, pyamg_sa  # noqa: E402

DATA = HERE.parents[1] / "shared" / "data"
SOLVERS: dict[str, ModuleType] = {
    "headfield": headfield_solver,
    "petsc": petsc,
    "pardiso": pardiso,
    "pyamg": pyamg_sa,
}
TOLERANCE = 1e-6
Row = dict[str, Any]
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
    threads = "1" if module is petsc else str(args.threads)
    variables = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), threads)
    command = [*module.launcher(processes), "-m", module.__name__, str(folder), config, str(args.threads)]
    for stale in ("result.json", "x.npy"):
        (folder / stale).unlink(missing_ok=True)
    try:
        done = subprocess.run(
            command, cwd=HERE, env=os.environ | variables, capture_output=True, text=True, timeout=args.limit
        )
    except subprocess.TimeoutExpired:
        return row | {"failure": f"given up after {args.limit:g} s"}
    if done.returncode != 0:
        return row | {"failure": exchange.complaint(done)}
    row |= json.loads((folder / "result.json").read_text())
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
        residual = f"{row['residual']:.1e}" + ("" if row["residual"] <= TOLERANCE else " TOO LARGE")
        numbers = (f"{row['setup_s']:.2f}", f"{row['pose_s']:.4f}", f"{row['cpu_s']:.4f}")
        middle = (str(row["iterations"]), residual)
        ends = (f"{row['memory_mib']:.0f}", f"{row['ratio']:.2f}", f"{row['setup_ratio']:.2f}")
        cells.append((row["label"], str(row["processes"]), str(row["batch"]), *numbers, *middle, *ends))
    widths = [max(len(line[column]) for line in cells) for column in range(len(HEADER))]
    lines = []
    for line in cells:
        padded = [text.rjust(width) for text, width in zip(line[1:], widths[1:], strict=True)]
        lines.append("  ".join([line[0].ljust(widths[0]), *padded]))
    return "\n".join(lines)


def machine() -> Row:
    """What the numbers were measured on."""
    info = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else ""
    models = [line.split(":", 1)[1].strip() for line in info.splitlines() if line.startswith("model name")]
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {
        "cpu": models[0] if models else platform.processor(),
        "cores": os.cpu_count(),
        "memory_gib": round(memory, 1),
        "system": platform.platform(),
        "python": platform.python_version(),
        "numpy": np.__version__,
    }


def commit() -> str:
    """The revision measured, with ``+changes`` where the tree differs from it."""

    def git(*words: str) -> str:
        done = subprocess.run(["git", *words], cwd=HERE, capture_output=True, text=True, check=False)
        return done.stdout.strip()

    changes = "+changes" if git("status", "--porcelain", "-uno") else ""
    return (git("rev-parse", "HEAD") or "unknown") + changes


def prepare(folder: Path, head: Path, args: argparse.Namespace) -> Row:
    """The problem in ``folder``: assembled, unless the same one is there."""
    poses = np.load(args.poses)
    poses = poses[np.linspace(0, len(poses) - 1, 32).astype(int)]
    record = folder / "problem.json"
    key = {"head": head.name, "coil": args.coil.name, "poses": args.poses.name}
    if record.exists() and key.items() <= (found := json.loads(record.read_text())).items():
        return found
    folder.mkdir(parents=True, exist_ok=True)
    print(f"assembling {head.name} and {len(poses)} right-hand sides", file=sys.stderr, flush=True)
    key |= problem.write_problem(folder, head, args.coil, poses, args.threads)
    record.write_text(json.dumps(key))
    return key


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
        size = prepare(folder, head, args)
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
    out.parent.mkdir(parents=True, exist_ok=True)
    # Paths by their names: where a machine keeps its files is nobody's business.
    given = {key: value.name if isinstance(value, Path) else value for key, value in vars(args).items()}
    report: Row = {"date": datetime.now(UTC).isoformat(timespec="seconds"), "commit": commit()}
    report |= {"machine": machine(), "arguments": given, "tolerance": TOLERANCE, "problem": size}
    report |= {"not_installed": absent, "runs": runs, "total_s": round(time.perf_counter() - started, 1)}
    out.write_text(json.dumps(report, indent=1) + "\n")
    print(f"wrote {out}")


if __name__ == "__main__":
    main()
