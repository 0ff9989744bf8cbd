# SPDX-License-Identifier: BSD-3-Clause
"""Compare headfield with other solvers on the same problems, machine, tolerance and number of threads.

    python benchmarks/compare_cpu.py
    python benchmarks/compare_cpu.py --size small --only headfield petsc:gamg-0.02 --against OLD.json

Every solver lives in its own process and takes turns with headfield in another one, so that a ratio is of
what happened at the same time. What they hand back is checked here in float64. What is not installed is
named, with the command that installs it; what fails is named and the rest goes on. The tables go to the
screen and everything behind them to a JSON file, written anew after every solver. See README.md beside this
file.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import scipy.sparse as sp

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import measure  # noqa: E402  (lies beside this file)
import problem  # noqa: E402
import turns  # noqa: E402
from measure import DATA, Row  # noqa: E402
from peers import (  # noqa: E402
    amgcl_peer,
    dolfinx_peer,
    getdp_peer,
    headfield_assembly,
    headfield_field,
    headfield_model,
    headfield_solver,
    pardiso,
    petsc,
    pyamg_sa,
    scipy_assembly,
    skfem_peer,
)

SOLVERS: dict[str, tuple[ModuleType, ...]] = {
    "headfield": (headfield_solver, headfield_model, headfield_assembly, headfield_field),
    "petsc": (petsc,),
    "pardiso": (pardiso,),
    "pyamg": (pyamg_sa,),
    "amgcl": (amgcl_peer,),
    "scipy": (scipy_assembly,),
    "skfem": (skfem_peer,),
    "dolfinx": (dolfinx_peer,),
    "getdp": (getdp_peer,),
}
# Whom the solvers of a kind take turns with, and what they are asked for meanwhile.
REFERENCES: dict[str, tuple[ModuleType, str, str]] = {
    "solve": (headfield_solver, "solver", "solve 32"),
    "model": (headfield_solver, "solver", "solve 32"),
    "assembly": (headfield_assembly, "native", "assemble"),
    "field": (headfield_field, "program", "field"),
}
TITLES = {
    "solve": "solving the same systems",
    "model": "whole chain of headfield, poses to E in gray matter; ratio to its solve alone",
    "assembly": "assembling the same matrix",
    "field": "one pose as a program, files to files",
}
# Residual; matrix entries, relative to the largest; E, relative L2: further apart, and it is another problem.
LIMITS = {"solve": measure.TOLERANCE, "model": measure.TOLERANCE, "assembly": 1e-10, "field": 1e-2}
POSES = 64  # right-hand sides
HEADER = (
    "solver",
    "procs",
    "RHS",
    "set-up s",
    "seconds",
    "CPU s",
    "iter.",
    "off by",
    "MiB",
    "ratio",
    "quartiles",
    "set-up ratio",
)
Pair = tuple[str, ModuleType, str]  # name, module, configuration


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0], epilog=__doc__.split("\n\n")[2])
    sizes = ("small", "medium", "large", "phantom")
    parser.add_argument(
        "--size", choices=sizes, help="sample head; default medium, phantom where it is missing"
    )
    parser.add_argument("--head", type=Path, help="another head: .npz with nodes, tets, tags")
    parser.add_argument("--coil", type=Path, help="a .ccd coil")
    parser.add_argument("--poses", type=Path, help="poses as .npy (k, 4, 4), mm")
    parser.add_argument("--threads", type=int, default=2, help="threads, or MPI processes, of every solver")
    parser.add_argument("--only", nargs="+", metavar="NAME[:CONFIG]", help=f"of {', '.join(SOLVERS)}")
    parser.add_argument(
        "--tuned", action="store_true", help="leave out what is called default where there is a tuned one"
    )
    parser.add_argument("--quick", action="store_true", help="one round each: tries if all of it works")
    parser.add_argument("--limit", type=float, default=300.0, help="seconds after which a job is given up")
    parser.add_argument(
        "--against", type=Path, metavar="JSON", help="print how ratios changed since that run"
    )
    parser.add_argument("--work", type=Path, help="folder that keeps the problem for the next run")
    parser.add_argument("--out", type=Path, help="JSON file; default results/compare_cpu_HEAD.json")
    return parser.parse_args()


def chosen(only: list[str] | None, tuned: bool) -> list[Pair]:
    """What to run."""
    every = [
        (name, module, config)
        for name, modules in SOLVERS.items()
        for module in modules
        for config in module.CONFIGS
        if not (tuned and config == "default" and "tuned" in module.CONFIGS)
    ]
    known = {*SOLVERS, *(f"{name}:{config}" for name, _, config in every)}
    for wanted in only or []:
        if wanted not in known:
            raise SystemExit(f"--only {wanted}: not one of {', '.join(sorted(known))}")
    return [pair for pair in every if only is None or pair[0] in only or f"{pair[0]}:{pair[2]}" in only]


def sources(args: argparse.Namespace, folder: Path) -> tuple[Path, Path, Path]:
    """Files of head, coil and poses; those of the phantom are made in ``folder``."""
    size = args.size
    if size is None and args.head is None and not (DATA / "head_medium.npz").is_file():
        print("no sample heads here: taking the phantom (--size phantom)", file=sys.stderr)
        size = "phantom"
    if size == "phantom":
        head, coil, poses = measure.write_phantom(folder)
    else:
        head = DATA / f"head_{size or 'medium'}.npz"
        coil, poses = DATA / "coils" / "fig8_70mm.ccd", DATA / "poses.npy"
    files = (args.head or head, args.coil or coil, args.poses or poses)
    for path in files:
        if not path.is_file():
            raise SystemExit(f"{path}: no such file")
    return files


def jobs_of(module: ModuleType) -> list[str]:
    """What a solver is measured by."""
    if module.KIND == "assembly":
        return ["assemble"]
    if module.KIND == "field":
        return ["field"]
    return ["setup", *(f"solve {width}" for width in module.WIDTHS)]


def check(folder: Path, own: Path, reference: Path) -> Row:
    """How far what a solver left in ``own`` is from where it should be, in float64."""
    found: Row = {}
    if (own / "x.npy").exists():
        solution = np.load(own / "x.npy", mmap_mode="r")
        found["residual"] = float(problem.true_residuals(folder, solution).max())
    if (own / "matrix.npz").exists():
        parts = [np.load(folder / f"{name}.npy") for name in ("data", "indices", "indptr")]
        matrix = sp.csr_matrix(tuple(parts))
        found["difference"] = float(abs(sp.load_npz(own / "matrix.npz") - matrix).max() / abs(matrix).max())
    if (own / "e.npy").exists():
        field, other = (np.load(path / "e.npy").astype(np.float64) for path in (own, reference))
        found["difference"] = float(np.linalg.norm(field - other) / np.linalg.norm(other))
    return found


def measure_one(
    folder: Path, own: Path, pair: Pair, processes: int, reference: turns.Solver, args: argparse.Namespace
) -> Row:
    """One row: the jobs of a solver against the reference's, and the check of what it found; or a failure."""
    name, module, config = pair
    row: Row = {"solver": name, "config": config, "label": f"{module.LABEL}, {config}"}
    row |= {"kind": module.KIND, "settings": str(module.CONFIGS[config]), "processes": processes}
    row |= {"load_before": os.getloadavg()[0], "jobs": {}}
    counterpart = REFERENCES[module.KIND][2]
    try:
        with turns.running(folder, own, module, config, args.threads, processes) as peer:
            for job in jobs_of(module):
                other = "setup" if job == "setup" else counterpart
                row["jobs"][job] = turns.take_turns(reference, other, peer, job, args.limit, args.quick)
            numbers = peer.ask("finish", args.limit)
        row |= {key: value for key, value in numbers.items() if key not in ("wall", "cpu")}
        row |= check(folder, own, reference.own)
    except (turns.SolverFailure, OSError, ValueError) as error:
        row["failure"] = str(error)
    shutil.rmtree(own, ignore_errors=True)  # a large head's solutions are of gigabytes
    return row


def measure_kind(
    folder: Path, kind: str, pairs: list[Pair], record: Callable[[Row], None], args: argparse.Namespace
) -> None:
    """Measure the solvers of one kind, the reference alive throughout; every row goes to ``record``."""
    module, config, job = REFERENCES[kind]
    with (
        tempfile.TemporaryDirectory(prefix="headfield-turns-") as scratch,
        turns.running(folder, Path(scratch, "reference"), module, config, args.threads, 1) as reference,
    ):
        for each in ["setup", job, "finish"] if "solve" in job else [job, "finish"]:
            reference.ask(each, args.limit)
        for pair in pairs:
            for processes in sorted({1, args.threads}) if turns.under_mpi(pair[1]) else [1]:
                said = f"{pair[0]}-{pair[2]}"
                print(f"measuring {said} in {processes} process(es)", file=sys.stderr, flush=True)
                record(measure_one(folder, Path(scratch, said), pair, processes, reference, args))


def absent_of(pairs: list[Pair]) -> dict[str, str]:
    """What can't run, with the reason and the command that installs it."""
    absent = {}
    for name, module in dict.fromkeys((name, module) for name, module, _ in pairs):
        if reason := module.missing():
            absent[name] = f"{reason} (install: {module.INSTALL})"
    return absent


def number(value: float | None, digits: int) -> str:
    """A number as text, or a dash where there is none."""
    return "-" if value is None else f"{value:.{digits}f}"


def table(kind: str, rows: list[Row]) -> str:
    """The rows of one kind as text, a line per job; what is further off than it may be is marked."""
    batched = "solve" in REFERENCES[kind][2]
    cells = [HEADER]
    for row in rows:
        setup = row["jobs"].get("setup", {})
        for job, entry in row["jobs"].items():
            if job == "setup":
                continue
            error = row.get("residual", row.get("difference"))
            cells.append(
                (
                    row["label"],
                    str(row["processes"]),
                    str(turns.width(job)) if batched else "-",
                    number(setup.get("median_s"), 2),
                    number(entry["median_s"], 4),
                    number(entry["cpu_s"], 4),
                    number(row.get("iterations"), 0),
                    "-" if error is None else measure.mark(error, LIMITS[kind]),
                    number(row.get("memory_mib"), 0),
                    number(entry["ratio"], 2),
                    "-".join(f"{ratio:.2f}" for ratio in entry["ratio_quartiles"]),
                    number(setup.get("ratio"), 2),
                )
            )
    return measure.table(cells)


def ratios(runs: list[Row]) -> dict[str, float]:
    """Every ratio of a run, by name."""
    return {
        f"{row['label']}, {row['processes']} process(es), {job}": entry["ratio"]
        for row in runs
        for job, entry in row.get("jobs", {}).items()
    }


def print_changes(old: Row, report: Row) -> None:
    """How every ratio changed since an older run of the same problem."""
    if old["problem"]["head"] != report["problem"]["head"]:
        print(f"--against: that run is of {old['problem']['head']}, there is nothing to compare")
        return
    before = ratios(old["runs"])
    changes = {
        name: 100.0 * (ratio / before[name] - 1.0)
        for name, ratio in ratios(report["runs"]).items()
        if name in before
    }
    for name, change in changes.items():
        print(f"{change:+6.1f} %  {name}")
    if changes:
        name = max(changes, key=lambda name: abs(changes[name]))
        print(f"largest change of a ratio: {changes[name]:+.1f} %, {name}")


def print_report(report: Row, threads: int) -> None:
    """Tables, stages of the whole chain, and what went wrong."""
    size, runs = report["problem"], report["runs"]
    print(f"\n{size['head']}: {size['nodes']:,} nodes, {size['tets']:,} tets; {threads} threads")
    for kind in REFERENCES:
        rows = [run for run in runs if run["kind"] == kind and run["jobs"]]
        if rows:
            print(f"\n{TITLES[kind]}\n{table(kind, rows)}")
        for row in rows:
            for entry in row["jobs"].values():
                if "stages_s" in entry:
                    stages = (f"{name} {seconds:.4f}" for name, seconds in entry["stages_s"].items())
                    print(f"{row['label']}: seconds per pose: {', '.join(stages)}")
    for run in runs:
        if "failure" in run:
            print(f"FAILED {run['label']}, {run['processes']} process(es): {run['failure']}")
    for name, reason in report["not_installed"].items():
        print(f"NOT MEASURED {name}: {reason}")
    busiest = max((run["load_before"] for run in runs), default=0.0)
    if busiest > threads + 1:
        print(f"The machine was busy with other work (load {busiest:.1f}): seconds are too long.")


def run_all(folder: Path, pairs: list[Pair], report: Row, out: Path, args: argparse.Namespace) -> None:
    """Measure everything that is installed; after each row the report is written anew."""
    started = time.perf_counter()

    def record(*rows: Row) -> None:
        report["runs"].extend(rows)
        report["total_s"] = round(time.perf_counter() - started, 1)
        measure.write_report(out, vars(args), report)

    record()
    for kind in REFERENCES:
        here = [pair for pair in pairs if kind == pair[1].KIND]
        if not here:
            continue
        try:
            measure_kind(folder, kind, here, record, args)
        except turns.SolverFailure as error:
            row: Row = {"solver": "headfield", "label": f"reference of {kind}", "config": "", "kind": kind}
            record(row | {"processes": 1, "jobs": {}, "load_before": 0.0, "failure": str(error)})


def main() -> None:
    """Measure what was asked for, print the tables, leave the JSON; exit code 1 if something failed."""
    args = parse()
    old = json.loads(args.against.read_text()) if args.against else None
    pairs, stopped = chosen(args.only, args.tuned), False
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that solvers end with us
    with tempfile.TemporaryDirectory(prefix="headfield-benchmark-") as scratch:
        folder = args.work or Path(scratch)
        head, coil, poses = sources(args, folder)
        absent = absent_of(pairs)
        size = measure.prepare(folder, head, coil, poses, POSES, args.threads)
        report: Row = {"problem": size, "not_installed": absent, "runs": []}
        there = [pair for pair in pairs if pair[0] not in absent]
        out = args.out or HERE / "results" / f"compare_cpu_{head.stem}.json"
        try:
            run_all(folder, there, report, out, args)
        except KeyboardInterrupt:  # what was measured until now is kept and told
            stopped = True
    print_report(report, args.threads)
    if old:
        print_changes(old, report)
    print(f"{'stopped; ' * stopped}wrote {out} after {report['total_s']:.0f} s")
    sys.exit(130 if stopped else any("failure" in run for run in report["runs"]))


if __name__ == "__main__":
    main()
