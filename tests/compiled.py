# SPDX-License-Identifier: BSD-3-Clause
"""Run the tests that launch kernels on what nvcc made of them, translated to C++ (see tests/ptx).

    python tests/compiled.py              # exit code 1 where a test fails, or a kernel ran in none
    python tests/compiled.py -k solver    # what else pytest is told; kernels may then be left out

It needs nvcc and what the tests need; without nvcc it says so and is done. `make test-ptx` calls it.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path

import emulation
from ptx import library, nvcc

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "build" / "ptx"
ARCHITECTURE = "90"
TESTS = (
    *("kernels/test_kernels", "kernels/test_shared_rows", "kernels/test_solver", "kernels/test_widths"),
    *(
        "kernels/test_transposes",
        "kernels/test_edge_means",
        "kernels/test_fixed",
        "kernels/test_point_fields",
        "kernels/test_mixture",
    ),
    *("kernels/test_slopes", "coils/test_magnetic_field", "coils/test_primary"),
    *("refused/test_kernel_arguments", "solve/test_gpu", "solve/test_recovery"),
)
# Kernels that no test launches, and why that is right.
NOT_RUN: dict[str, str] = {}


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="processes [one per core]")
    args, rest = parser.parse_known_args()
    compiler = nvcc.find()
    if compiler is None:
        print("skipped: the kernels that nvcc compiles are not tested, for nvcc is not there")
        return 0
    started = time.perf_counter()
    kernels = prepare(compiler, args.workers)
    print(f"{len(kernels)} kernels of nvcc {nvcc.version(compiler)}: {time.perf_counter() - started:.0f} s")
    failed = run_tests(args.workers, rest)
    missing = never_ran(kernels)
    for name in missing:
        print(f"never ran: {name}", file=sys.stderr)
    seconds = time.perf_counter() - started
    print(f"{len(kernels) - len(missing)} of {len(kernels)} kernels ran: {seconds:.0f} s")
    return failed or int(bool(missing) and not rest)


def prepare(compiler: str, workers: int) -> list[str]:
    """PTX, library and emulated module, with the list that joins them; returns the names of the kernels."""
    flags = emulation.instructions()
    files = nvcc.kernels(nvcc.FOLDER, compiler, ARCHITECTURE, workers)
    sources = {unit: one.ptx.read_text() for unit, one in files.items()}
    kernels = library.build(sources, FOLDER, flags, workers)
    module = emulation.build(ROOT / "build" / "emulated", *flags)
    os.environ["HEADFIELD_EMULATED_CUDA"] = str(module)
    library.write_map(module, FOLDER)
    return kernels


def run_tests(workers: int, more: list[str]) -> int:
    """Exit code of pytest, with one thread a process."""
    (FOLDER / "ran.txt").unlink(missing_ok=True)
    environment = {**os.environ, "HEADFIELD_EMULATED_PTX": str(FOLDER), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "pytest", "-q", "-n", str(workers), "--dist", "worksteal", *more]
    if not any(word.startswith("tests/") for word in more):
        command += [f"tests/{name}.py" for name in TESTS]
    return subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode


def never_ran(kernels: list[str]) -> list[str]:
    """Kernels that no test launched; one that is excused but ran after all is named as well."""
    path = FOLDER / "ran.txt"
    ran = set(path.read_text().splitlines()) if path.exists() else set()
    return sorted((set(kernels) - ran) ^ NOT_RUN.keys())


if __name__ == "__main__":
    sys.exit(main())
