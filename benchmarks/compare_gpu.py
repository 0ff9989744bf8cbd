# SPDX-License-Identifier: BSD-3-Clause
"""Compare headfield on a GPU with cuNIBS and cuDSS: the same head, coil, poses and tolerance.

    python benchmarks/compare_gpu.py --head my_head.npz --coil my_coil.ccd --poses my_poses.npy
    python benchmarks/compare_gpu.py --quick --only headfield cunibs:block

Every solver runs alone, in its own process. What fails is named and the rest goes on; the JSON file is
written anew after every run, so that a run cut short leaves what it has. See README.md beside this file.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path
from types import ModuleType

import numpy as np

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import measure  # noqa: E402  (lies beside this file)
from measure import DATA, Row  # noqa: E402
from peers import cudss_peer, cunibs_peer, gpu, headfield_gpu  # noqa: E402

SOLVERS: dict[str, ModuleType] = {
    "headfield": headfield_gpu,
    "cunibs": cunibs_peer,
    "cudss": cudss_peer,
}
POSES = 64  # and right-hand sides
REPEATS = 7
SAME_PROBLEM = 1e-2  # fields further apart than that are of two problems, not of two solvers
HEADER = (
    "solver",
    "width",
    "set-up s",
    "ms/pose solve",
    "ms/pose to E",
    "iter.",
    "residual",
    "GPU MiB",
    "E differs",
    "solve ratio",
    "to E ratio",
)


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0], epilog=__doc__.split("\n\n")[2])
    parser.add_argument("--head", type=Path, default=DATA / "head_large.npz", help=".npz: nodes, tets, tags")
    parser.add_argument("--coil", type=Path, default=DATA / "coils" / "fig8_70mm.ccd", help="a .ccd coil")
    parser.add_argument("--poses", type=Path, default=DATA / "poses.npy", help="poses as .npy (k, 4, 4), mm")
    parser.add_argument("--quick", action="store_true", help="one repeat, two widths of each solver")
    parser.add_argument("--only", nargs="+", metavar="NAME[:CONFIG]", help=f"of {', '.join(SOLVERS)}")
    parser.add_argument("--threads", type=int, default=os.cpu_count(), help="host threads of every solver")
    parser.add_argument("--limit", type=float, default=300.0, help="seconds after which a run is given up")
    parser.add_argument("--within", type=float, help="seconds for all runs, each given its share of the rest")
    parser.add_argument("--work", type=Path, help="folder that keeps the problem of cuDSS for the next run")
    parser.add_argument("--out", type=Path, help="JSON file; default results/compare_gpu_HEAD.json")
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda", help=argparse.SUPPRESS)
    return parser.parse_args()


def chosen(only: list[str] | None) -> list[tuple[str, str]]:
    """(solver, configuration) pairs to run."""
    every = [(name, config) for name, module in SOLVERS.items() for config in module.CONFIGS]
    known = {*SOLVERS, *(f"{name}:{config}" for name, config in every)}
    for wanted in only or []:
        if wanted not in known:
            raise SystemExit(f"--only {wanted}: not one of {', '.join(sorted(known))}")
    return [pair for pair in every if only is None or pair[0] in only or ":".join(pair) in only]


def write_case(folder: Path, args: argparse.Namespace) -> Row:
    """Head, poses and what is asked for in ``folder``; the size of the head."""
    folder.mkdir(parents=True, exist_ok=True)
    with np.load(args.head) as data:
        arrays = {"nodes_mm": data["nodes"].astype(np.float64), "tets": data["tets"].astype(np.int32)}
        arrays["tags"] = data["tags"].astype(np.int32)
    arrays["poses"] = measure.spread(args.poses, POSES)
    for name, array in arrays.items():
        np.save(folder / f"{name}.npy", array)
    asked = {"device": args.device, "coil": str(args.coil.resolve()), "quick": args.quick}
    asked["repeats"] = 1 if args.quick else REPEATS
    (folder / "case.json").write_text(json.dumps(asked))
    size = {"head": args.head.name, "nodes": len(arrays["nodes_mm"]), "tets": len(arrays["tets"])}
    return size | {"gray": int((arrays["tags"] == gpu.GRAY).sum()), "poses": POSES}


def limit(args: argparse.Namespace, started: float, runs: int) -> float:
    """Seconds for the next of so many runs: one that hangs must leave the others their time."""
    if args.within is None:
        return float(args.limit)
    left = args.within - (time.perf_counter() - started)
    return float(min(args.limit, max(1.0, left / runs)))


def run_one(folder: Path, name: str, config: str, args: argparse.Namespace, limit_s: float) -> Row:
    """What one run reported, and how far its field or its residual is from where it should be."""
    module = SOLVERS[name]
    row: Row = {"solver": name, "config": config, "label": f"{module.LABEL}, {config}"}
    row |= {"settings": str(module.CONFIGS[config]), "load_before": os.getloadavg()[0]}
    started = time.perf_counter()
    if name == "cudss":
        try:
            measure.prepare(folder, args.head, args.coil, args.poses, POSES, args.threads)
        except (SystemExit, ValueError, OSError, MemoryError) as error:
            return row | {"failure": f"its systems could not be assembled: {error}"}
    row |= measure.run_solver(folder, module, config, args.threads, limit_s, args.threads)
    row["run_s"] = round(time.perf_counter() - started, 1)
    if "failure" in row and "solve" not in row:
        return row
    if (folder / "x.npy").exists():
        import problem  # needs SciPy

        row["residual"] = float(problem.true_residuals(folder, np.load(folder / "x.npy")).max())
    if (folder / "e.npy").exists():
        if name == "headfield":
            shutil.copy(folder / "e.npy", folder / f"e_{config}.npy")
        row["e_differs"] = differences(folder)
    return row


def differences(folder: Path) -> dict[str, float]:
    """Relative L2 difference in gray matter, worst pose, of e.npy from each field that headfield left."""
    found = {}
    field = np.load(folder / "e.npy").astype(np.float64)
    for config in headfield_gpu.CONFIGS:
        path = folder / f"e_{config}.npy"
        if path.exists() and (other := np.load(path)).shape == field.shape:
            away = [np.linalg.norm(a - b) / np.linalg.norm(b) for a, b in zip(field, other, strict=True)]
            found[config] = float(max(away))
    return found


def describe_device(folder: Path, args: argparse.Namespace, limit_s: float) -> Row:
    """Name, driver and copy rate of the GPU; ends the program in one line where there is none."""
    if args.device == "cpu":
        return {"device": "none: --device cpu tries the script, its times say nothing of a GPU"}
    reason = gpu.missing()
    if reason:
        raise SystemExit(f"no GPU to measure on: {reason} (CuPy: {gpu.INSTALL})")
    return measure.run_solver(folder, gpu, "copy", args.threads, limit_s, args.threads)


def absent_of(names: list[str], args: argparse.Namespace) -> dict[str, str]:
    """What can't run, with the reason and the command that installs it."""
    absent = {}
    for name in names:
        module = SOLVERS[name]
        if args.device == "cpu" and name != "headfield":
            reason = "runs on a GPU only"
        else:
            reason = module.missing(args.device) if name == "headfield" else module.missing()
        if reason:
            absent[name] = f"{reason} (install: {module.INSTALL})"
            print(f"NOT MEASURED {name}: {absent[name]}", flush=True)
    return absent


def rows_of(runs: list[Row]) -> list[Row]:
    """One row per run and width, with ratios to the fastest headfield with E left on the device."""
    rows = []
    for run in runs:
        for width, entry in run.get("solve", {}).items():
            if "failure" not in entry:
                rows.append({"residual": run.get("residual")} | entry | {"run": run, "width": width})
    ours = [row for row in rows if row["run"]["label"] == "headfield, cupy"]
    for name, key in (("solve_ratio", "solve_s"), ("field_ratio", "median_s")):
        best = min((row[key] for row in ours if row[key]), default=math.nan)
        for row in rows:
            row[name] = (row.get(key) or math.nan) / best
    for row in rows:
        if row["run"]["solver"] == "cudss":  # it ends where E would begin
            row["field_ratio"] = row["median_s"] = math.nan
    return rows


def number(value: float | None, digits: int) -> str:
    """A number as text, or a dash where there is none."""
    return "-" if value is None or math.isnan(value) else f"{value:.{digits}f}"


def table(rows: list[Row]) -> str:
    """The rows as text."""
    cells = [HEADER]
    for row in rows:
        run = row["run"]
        solve, whole = (number(row.get(key) and 1e3 * row[key], 3) for key in ("solve_s", "median_s"))
        residual = "-" if row["residual"] is None else measure.mark(row["residual"])
        differs = run.get("e_differs", {}).get("direct")
        setup = row.get("setup_s", run.get("setup_s"))
        start = (run["label"], row["width"], number(setup, 2), solve, whole)
        middle = (number(row.get("iterations"), 0), residual, number(row.get("gpu_mib"), 0))
        apart = "-" if differs is None else f"{differs:.1e}" + " TOO FAR" * (differs > SAME_PROBLEM)
        cells.append((*start, *middle, apart, number(row["solve_ratio"], 2), number(row["field_ratio"], 2)))
    return measure.table(cells)


def print_singles(runs: list[Row]) -> None:
    """One pose asked for alone, and the stages of the widest batch."""
    for run in runs:
        single = run.get("single", {})
        if "median_s" in single:
            print(f"{run['label']}: one pose alone {1e3 * single['median_s']:.2f} ms", end="")
            stages: Row = next(
                (e["stages_s"] for e in reversed(run["solve"].values()) if "stages_s" in e), {}
            )
            print("".join(f", {name} {1e3 * seconds:.3f}" for name, seconds in stages.items()), end="")
            print(" ms per pose of the widest batch" if stages else "")


def main() -> None:
    """Run what was asked for, print the table, leave the JSON."""
    args = parse()
    for path in (args.head, args.coil, args.poses):
        if not path.is_file():
            raise SystemExit(f"{path}: no such file")
    pairs = chosen(args.only)
    started = time.perf_counter()
    out = args.out or HERE / "results" / f"compare_gpu_{args.head.stem}.json"
    with tempfile.TemporaryDirectory(prefix="headfield-benchmark-") as scratch:
        folder = args.work or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        report: Row = {"gpu": describe_device(folder, args, limit(args, started, len(pairs) + 1))}
        report["not_installed"] = absent_of(list(dict.fromkeys(name for name, _ in pairs)), args)
        report |= {"problem": write_case(folder, args), "runs": []}
        pairs = [pair for pair in pairs if pair[0] not in report["not_installed"]]
        for done, (name, config) in enumerate(pairs):
            print(f"running {name}:{config}", file=sys.stderr, flush=True)
            limit_s = limit(args, started, len(pairs) - done)
            report["runs"].append(run_one(folder, name, config, args, limit_s))
            if "failure" in report["runs"][-1]:
                print(f"FAILED {name}:{config}: {report['runs'][-1]['failure']}", flush=True)
            report["total_s"] = round(time.perf_counter() - started, 1)
            measure.write_report(out, vars(args), report)
    measure.write_report(out, vars(args), report)
    size, device = report["problem"], report["gpu"]
    print(f"\n{size['head']}: {size['nodes']:,} nodes, {size['tets']:,} tets; {device.get('device')}", end="")
    print(f", copies {device['copy_gb_s']:.0f} GB/s" if "copy_gb_s" in device else "")
    rows = rows_of(report["runs"])
    if rows:
        print(table(rows))
    print_singles(report["runs"])
    for run in report["runs"]:
        for width, entry in run.get("solve", {}).items():
            if "failure" in entry:
                print(f"FAILED {run['label']}, width {width}: {entry['failure']}")
    for name, reason in report["not_installed"].items():
        print(f"not measured: {name}: {reason}")
    print(f"wrote {out}")


if __name__ == "__main__":
    main()
