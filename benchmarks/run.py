# SPDX-License-Identifier: BSD-3-Clause
"""Measure everything and report it: `make bench`.

    python benchmarks/run.py            # everything
    python benchmarks/run.py --quick    # one round of each: tries whether all of it works, and keeps nothing

Runs the programs below one after the other, since two at once would measure each other. One that fails is
named, the rest goes on, and the exit code is 1.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
QUICK = {"run_suite.py", "compare_cpu.py", "profile_kernels.py", "compare_gpu.py"}  # they take --quick


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="pass it on to whatever measures time")
    args = parser.parse_args()
    took: list[tuple[str, float, int]] = []
    for command in commands()[: -1 if args.quick else None]:
        quick = ["--quick", "--out", os.devnull] if args.quick and command[0] in QUICK else []
        name = " ".join(command + quick)
        print(f"== {name}", flush=True)
        start = time.perf_counter()
        code = subprocess.run([sys.executable, str(HERE / command[0]), *command[1:], *quick]).returncode
        took.append((name, time.perf_counter() - start, code))
    print()
    for name, seconds, code in took:
        print(f"{seconds:7.1f} s  {name}" + (f"  FAILED, exit code {code}" if code else ""))
    print(f"{sum(seconds for _, seconds, _ in took):7.1f} s  in all")
    return 1 if any(code for _, _, code in took) else 0


def commands() -> list[list[str]]:
    """Programs with their arguments, in order; the report at the end has what the others left."""
    found = [["run_suite.py"], ["compare_cpu.py", "--tuned"], ["profile_kernels.py"], ["gate.py"]]
    if has_gpu():
        found += [["run_suite.py", "--device", "cuda"], ["compare_gpu.py"]]
    return [*found, ["report.py"]]


def has_gpu() -> bool:
    """Whether headfield finds a GPU that it can use."""
    from headfield.core import device as backend

    return not isinstance(backend.find_gpu(), str)


if __name__ == "__main__":
    sys.exit(main())
