# SPDX-License-Identifier: BSD-3-Clause
"""Run the asv-format benchmarks in suite/ without asv, print a table, and leave JSON.

    python benchmarks/run_suite.py                              # everything
    python benchmarks/run_suite.py --quick                      # the smallest of everything, once
    python benchmarks/run_suite.py --only 'stages.*head_large'  # by name and parameters, as --list has them
    python benchmarks/run_suite.py --device cuda                # on a GPU

The ``time_*`` and ``track_*`` of a class with one set of parameters share a process of their own; every
``peakmem_*`` has one to itself. Every timed call stands between two copies of 64 MiB by all threads (on a
GPU: within its memory), and ``copies`` is its seconds over the mean of theirs: what slows memory or takes a
core away slows both, so it moves less from run to run than seconds do. A benchmark that fails is named, the
rest goes on, and the exit code is 1.
"""

from __future__ import annotations

import argparse
import importlib
import itertools
import json
import pkgutil
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import measure
import numpy as np
from measure import Row
from peers import exchange

from headfield.core import device as backend

HERE = Path(__file__).resolve().parent
LIMIT_S = 300.0  # of a process
LEAST_ROUNDS, MOST_ROUNDS, ROUNDS_S = 3, 7, 1.0  # as many as fit in that time
ROUND_S = 0.01  # several calls make a round if they are shorter
COPIED = 64 << 20  # bytes
HEADER = ("benchmark", "parameters", "value", "unit", "quartiles", "copies", "rounds")


class Job(NamedTuple):
    """What one process runs: methods of a class, with one set of parameters."""

    kind: type
    methods: tuple[str, ...]
    params: Row

    def name(self, method: str) -> str:
        return f"{self.kind.__module__.partition('.')[2]}.{self.kind.__name__}.{method}"

    def __str__(self) -> str:
        return f"{self.name('|'.join(self.methods))}({said(self.params)})"


def main() -> int:
    args = arguments()
    if args.device == "cuda" and isinstance(missing := backend.find_gpu(), str):
        raise SystemExit(missing)
    every = list(enumerate(discover(args.suite)))
    if args.job is not None:
        work(every[args.job][1], args.quick)
        return 0
    jobs = [(number, job) for number, job in every if wanted(job, args)]
    if args.list:
        print(*(job for _, job in jobs), sep="\n")
        return 0
    if not jobs:
        raise SystemExit(f"no benchmark matches {args.only!r}")
    rows: list[Row] = []
    for count, (number, job) in enumerate(jobs, 1):
        print(f"{count}/{len(jobs)} {job}", file=sys.stderr, flush=True)
        rows += run(number, job, args)
        write(args, rows)
    print(measure.table([HEADER, *(cells(row) for row in rows if "value" in row)]))
    failed = [row for row in rows if "failure" in row]
    for row in failed:
        print(f"FAILED {row['benchmark']}({said(row['params'])}): {row['failure']}")
    return 1 if failed else 0


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", default="", metavar="REGEX", help="benchmarks with their parameters")
    parser.add_argument("--quick", action="store_true", help="one round, first value of each parameter")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu", help="[%(default)s]")
    parser.add_argument("--out", type=Path, help="[results/suite_DEVICE.json]")
    parser.add_argument("--suite", type=Path, default=HERE / "suite", help="package of benchmarks")
    parser.add_argument("--list", action="store_true", help="say what would run")
    parser.add_argument("--job", type=int, help=argparse.SUPPRESS)  # a process of `run`
    return parser.parse_args()


def discover(suite: Path) -> Iterator[Job]:
    """What asv finds in a package, as far as it is in classes."""
    sys.path.insert(0, str(suite.resolve().parent))
    for found in pkgutil.iter_modules([str(suite)]):
        module = importlib.import_module(f"{suite.name}.{found.name}")
        for kind in vars(module).values():
            if isinstance(kind, type) and kind.__module__ == module.__name__:
                yield from jobs_of(kind)


def jobs_of(kind: type) -> Iterator[Job]:
    methods = [name for name in vars(kind) if re.match("(time|track|peakmem)_.", name)]
    alone = [(name,) for name in methods if name.startswith("peakmem_")]
    shared = tuple(name for name in methods if (name,) not in alone)
    for given in itertools.product(*getattr(kind, "params", [])):
        params = dict(zip(getattr(kind, "param_names", []), given, strict=True))
        for group in [shared, *alone] if shared else alone:
            yield Job(kind, group, params)


def wanted(job: Job, args: argparse.Namespace) -> bool:
    if job.params.get("device", args.device) != args.device or not re.search(args.only, str(job)):
        return False
    first = [values[0] for values in getattr(job.kind, "params", [])]
    small = all(
        value == at for (name, value), at in zip(job.params.items(), first, strict=True) if name != "device"
    )
    return not args.quick or (small and not getattr(job.kind, "slow", False))


def run(number: int, job: Job, args: argparse.Namespace) -> list[Row]:
    """What the process of a job says, a line for each method; for those it does not get to, why."""
    command = [sys.executable, __file__, "--suite", str(args.suite), "--job", str(number)]
    command += ["--quick"] * args.quick
    try:
        done = subprocess.run(command, capture_output=True, timeout=LIMIT_S)
        out, why = done.stdout, exchange.complaint(done.stderr.decode(), done.returncode)
    except subprocess.TimeoutExpired as late:
        out, why = late.stdout or b"", f"given up after {LIMIT_S:g} s"
    rows: list[Row] = [json.loads(line) for line in out.splitlines()]
    for method in job.methods[len(rows) :]:
        rows.append({"benchmark": job.name(method), "params": job.params, "failure": why})
    return [row for row in rows if "skipped" not in row]


def work(job: Job, quick: bool) -> None:
    """Run a job in this process, and print what each method gave, as a line of JSON."""
    copy = Copy(job.params.get("device", "cpu"))
    for method in job.methods:
        row: Row = {"benchmark": job.name(method), "params": job.params}
        try:
            row |= measured(job, method, copy, quick)
        except NotImplementedError as reason:
            row["skipped"] = str(reason)
        except Exception as problem:
            row["failure"] = f"{type(problem).__name__}: {problem}"
        print(json.dumps(row), flush=True)


def measured(job: Job, method: str, copy: Copy, quick: bool) -> Row:
    case, given = job.kind(), tuple(job.params.values())
    function = getattr(case, method)

    def set_up() -> None:
        if hasattr(case, "setup"):
            case.setup(*given)

    if method.startswith("time_"):
        row = timed(set_up, lambda: function(*given), copy, quick)
        poses = getattr(function, "poses", job.params.get("width"))
        return row | ({"per_pose": row["value"] / poses} if poses else {})
    set_up()
    value = function(*given)
    if method.startswith("peakmem_"):
        return {"unit": "bytes", "value": int(exchange.peak_memory_mib() * 2**20)}
    return {"unit": getattr(function, "unit", "unit"), "value": value}


def timed(set_up: Callable[[], None], call: Callable[[], None], copy: Copy, quick: bool) -> Row:
    """Seconds of a call, set up anew each time, and their ratio to those of the copies around it."""

    def seconds_of_a_call() -> float:
        set_up()
        start = time.perf_counter()
        call()
        return time.perf_counter() - start

    seconds_of_a_call()  # warms up
    least, most = (1, 1) if quick else (LEAST_ROUNDS, MOST_ROUNDS)
    seconds, ratios, before = [], [], copy.seconds()
    while len(seconds) < least or (len(seconds) < most and sum(seconds) < ROUNDS_S):
        calls = [seconds_of_a_call()]
        while sum(calls) < ROUND_S:
            calls.append(seconds_of_a_call())
        after = copy.seconds()
        seconds.append(float(np.median(calls)))
        ratios.append(seconds[-1] / (0.5 * (before + after)))
        before = after
    row: Row = {"unit": "seconds", "value": float(np.median(seconds)), "quartiles": quartiles(seconds)}
    row |= {"least": min(seconds), "rounds": len(seconds)}
    return row | {"copies": float(np.median(ratios)), "copies_quartiles": quartiles(ratios)}


class Copy:
    """A copy of 64 MiB on the device that is measured: all threads of a CPU do a part, as a solver's do."""

    def __init__(self, device: str) -> None:
        self._xp = np if device == "cpu" else importlib.import_module("cupy")
        threads = backend.check_threads(None) if device == "cpu" else 1
        source, target = (self._xp.ones(COPIED // 8) for _ in range(2))
        parts = [slice(i * len(source) // threads, (i + 1) * len(source) // threads) for i in range(threads)]
        self._pool = ThreadPoolExecutor(threads)
        self._parts = [(target[part], source[part]) for part in parts]
        self.seconds()

    def seconds(self) -> float:
        """Median of three, begun when the threads of what was timed sleep."""
        exchange.settle()
        return float(np.median([self._once() for _ in range(3)]))

    def _once(self) -> float:
        start = time.perf_counter()
        list(self._pool.map(lambda part: self._xp.copyto(*part), self._parts))
        if self._xp is not np:
            self._xp.cuda.Device().synchronize()
        return time.perf_counter() - start


def quartiles(values: list[float]) -> list[float]:
    return [float(value) for value in np.percentile(values, (25, 75))]


def write(args: argparse.Namespace, rows: list[Row]) -> None:
    out = args.out or HERE / "results" / f"suite_{args.device}.json"
    given = {"suite": args.suite.name} | {name: vars(args)[name] for name in ("only", "device", "quick")}
    growth = {
        row["benchmark"].rpartition("track_")[2]: row["value"]
        for row in rows
        if row.get("unit") == "exponent"
    }
    measure.write_report(out, given, {"growth": growth, "results": rows})


def cells(row: Row) -> tuple[str, ...]:
    """A row of the table."""
    texts = [row["benchmark"], said(row["params"]), f"{row['value']:.4g}", row["unit"]]
    if "rounds" not in row:
        return (*texts, "", "", "")
    low, high = row["quartiles"]
    return (*texts, f"{low:.4g} - {high:.4g}", f"{row['copies']:.3g}", str(row["rounds"]))


def said(params: Row) -> str:
    return ", ".join(f"{name}={value}" for name, value in params.items())


if __name__ == "__main__":
    sys.exit(main())
