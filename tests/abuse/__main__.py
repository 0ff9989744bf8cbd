# SPDX-License-Identifier: BSD-3-Clause
"""Do all the trials and write a table of what was tried and what held.

    PYTHONPATH=tests python -m abuse            # writes tests/abuse/RESULTS.md; `make abuse` calls it
    PYTHONPATH=tests python -m abuse --kills 50 --interrupts 20 --full 5 --forks 10 --volumes 20 -o table.md

Exit code 1 where something did not hold.
"""

from __future__ import annotations

import argparse
import platform
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import h5py
import numpy as np

import headfield as hf

from . import forks, jobs, leaks, trials, volumes

TESTS = Path(__file__).resolve().parents[1]
ENDINGS = (".h5", ".msh", ".vtu")
HOSTILE = ("test_hostile_paths.py", "test_hostile_sizes.py", "test_hostile_results.py")
SAID = {
    "kill": "killed at a random moment of writing",
    "interrupt": "interrupted at a random place of the writer",
    "full": "a limit on the size of files met at a random write",
}
Row = tuple[str, str, str, list[str]]


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kills", type=int, default=1000, help="per format")
    parser.add_argument("--interrupts", type=int, default=200, help="per format")
    parser.add_argument("--full", type=int, default=30, help="per format")
    parser.add_argument("--forks", type=int, default=50)
    parser.add_argument("--job-kills", type=int, default=200, help="half in processes, the rest Dask and MPI")
    parser.add_argument("--volumes", type=int, default=500, help="random ones, to be meshed")
    parser.add_argument("--solves", type=int, default=2000, help="that memory is watched in")
    parser.add_argument("--workers", type=int, default=6, help="processes of trials, which mostly wait")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("-o", "--output", default=str(Path(__file__).with_name("RESULTS.md")))
    args = parser.parse_args()
    rows: list[Row] = []
    for row in _rows(args):
        rows.append(row)
        print(f"{row[0]}: {row[1]} tried, {row[2]}", flush=True)
        for fault in row[3][:5]:
            print(f"  {fault}", file=sys.stderr)
    Path(args.output).write_text(_table(rows), encoding="utf-8")
    return int(any(faults for *_, faults in rows))


def _rows(args: argparse.Namespace) -> Iterator[Row]:
    counts = {"kill": args.kills, "interrupt": args.interrupts, "full": args.full}
    cases = [(kind, ending) for ending in ENDINGS for kind in counts]
    with ProcessPoolExecutor(args.workers, get_context("spawn")) as pool:
        done = [pool.submit(trials.of_format, *case, counts[case[0]], args.seed) for case in cases]
        for (kind, ending), future in zip(cases, done, strict=True):
            verdict, seconds = future.result()
            held = (
                f"{verdict.stopped} stopped while writing, {verdict.finished} poses finished; "
                f"{len(verdict.faults)} with a lost, wrong or refused pose ({seconds:.0f} s)"
            )
            yield f"{ending} {SAID[kind]}", str(verdict.tried), held, verdict.faults
    seeds = range(args.seed, args.seed + args.volumes)
    angle, seconds, bad = volumes.of_seeds(seeds, args.workers)
    sound = f"smallest dihedral angle {angle:.1f}°; {len(bad)} that are no proper mesh ({seconds:.0f} s)"
    yield "random label volumes meshed", str(args.volumes), sound, bad
    good = forks.children_that_solve(args.forks)
    lost = [] if good == args.forks else [f"{args.forks - good} children hung or solved wrongly"]
    yield "forked while another thread solves", str(args.forks), f"{good} solve, same bits", lost
    for what, verdict in jobs.all_kinds(args.job_kills, args.seed):
        lost = len(verdict.faults)
        said = f"{verdict.tried} jobs, {verdict.finished} chunks finished, {verdict.again} solved again; "
        said += f"{lost} with a lost or wrong chunk"
        yield f"jobs {what}, killed", str(verdict.stopped), said, verdict.faults
    size = leaks.bytes_per_solve(args.solves)
    grown = [] if size < 100 else [f"{size:.0f} bytes per solve"]
    yield "solves, memory that stays", str(args.solves), f"{size:.0f} bytes per solve", grown
    yield _hostile()


def _hostile() -> Row:
    """Files made to do harm: their tests, each of which is one file that has to be refused."""
    files = [str(TESTS / "refused" / name) for name in HOSTILE]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *files],
        cwd=TESTS.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    counts = {word: int(n) for n, word in re.findall(r"(\d+) (passed|failed|error)", done.stdout)}
    bad = counts.get("failed", 0) + counts.get("error", 0)
    good = counts.get("passed", 0)
    faults = re.findall(r"^(?:FAILED|ERROR) .*", done.stdout, re.M) or (["no test ran"] if not good else [])
    return "bombs, links and lies in files", str(good + bad), f"{good} refused or bounded", faults


def _table(rows: list[Row]) -> str:
    lines = [
        "# What was tried, and what held",
        "",
        "Written by `make abuse`. A fault is a pose that was finished and is gone, one that is shown with",
        "other values, a file that headfield wrote and refuses, an untyped error, a child that hangs, or a",
        "mesh with inverted or unjoined tetrahedra, or with an angle below 10°.",
        "",
        f"{time.strftime('%Y-%m-%d')}, headfield {hf.__version__}, {platform.system()} {platform.machine()}, "
        f"Python {platform.python_version()}, NumPy {np.__version__}, HDF5 {h5py.version.hdf5_version}",
        "",
        "| what | tried | what held | faults |",
        "|---|---:|---|---:|",
        *(f"| {what} | {tried} | {held} | {len(faults)} |" for what, tried, held, faults in rows),
        "",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
