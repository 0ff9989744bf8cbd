# SPDX-License-Identifier: BSD-3-Clause
"""Where the time of a batch goes, kernel by kernel, beside the bytes and operations that it has to cost.

    python benchmarks/profile_kernels.py                     # seconds, by perf
    python benchmarks/profile_kernels.py --simulate          # and bytes moved, by callgrind's simulated cache
    python benchmarks/profile_kernels.py --head phantom_69k

Builds the native module once more with its symbols, outside the environment, and samples a process that
sets a head up and solves batches of 32 poses. What has to move is counted by costs.py. The simulation runs
one thread and one batch on a smaller head, with a last-level cache that is about as small beside its block
vectors as 32 MiB are beside those of a head of 0.7 M nodes; what it moves is taken relative to what is
counted there, and scaled by that. It also holds the number of calls of each verb against costs.py. Needs
CMake, Ninja, pybind11, perf and valgrind.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import costs
import measure
import numpy as np

HERE = Path(__file__).resolve().parent
WIDTH = 32
RATE = 1999  # samples a second
SIMULATED = "phantom_29k"
CACHE = 1 << 21  # bytes, a power of two: block vectors of 29 k nodes have 3.7 MB, those of 709 k nodes 91 MB
# Kernels by what their symbols hold; the first that fits is taken.
SYMBOLS = {
    "electric_field": r"electric_field",
    "primary": r"interpolate<|sample_grid",
    "direct sum": r"sum_sources|add_dipole|add_segment",
    "right_hand_side": r"RightHandSide<",
    "apply_dot": r"ApplyDot<",
    "apply_dense": r"ApplyDense<",
    "apply": r"\bApply<",
    "smooth": r"\bSmooth<|SmoothDot<",
    "smooth_from_zero": r"SmoothFromZero<",
    "step_residual": r"StepResidual<",
    "true_residual": r"TrueResidual<",
    "residual": r"\bResidual<",
    "correct": r"Correct<",
    "step_direction": r"StepDirection<",
    "flush": r"Flush<",
    "begin": r"\bBegin<",
    "scale_and_measure": r"ScaleAndMeasure<",
    "scale_rows": r"ScaleRows<",
    "assemble": r"headfield::assemble|find_columns|find_tets",
    "hierarchy": r"build_hierarchy|build_rows|largest_eigenvalue|dense_inverse|normalise|transposed|"
    r"scaled_and_cut|headfield::rounded",
    "new pages": r"clear_page|zero_user|page_fault|Buffer<",
}


def kernel_of(symbol: str) -> str | None:
    """The kernel that a symbol belongs to."""
    return next((name for name, pattern in SYMBOLS.items() if re.search(pattern, symbol)), None)


def printed(command: list[str]) -> str:
    """What a command that has to succeed prints."""
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def build(folder: Path) -> Path:
    """The native module with its symbols."""
    pybind11 = printed([sys.executable, "-c", "import pybind11; print(pybind11.get_cmake_dir())"]).strip()
    settings = ["-DCMAKE_BUILD_TYPE=Release", "-DCMAKE_CXX_FLAGS=-g1", "-DHEADFIELD_CUDA=OFF"]
    settings += [f"-Dpybind11_DIR={pybind11}", f"-DPython_EXECUTABLE={sys.executable}"]
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    for command in (
        ["cmake", "-S", str(HERE.parent), "-B", str(folder), "-G", "Ninja", *settings],
        ["cmake", "--build", str(folder)],
    ):
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env={**os.environ, "PATH": path})
    return next(folder.glob("_cpu*.so"))


class Exercise:
    """A process that prepares a head and then works when it is told to."""

    def __init__(
        self, module: Path, head: str, rounds: int, *, prefix: tuple[str, ...] = (), **env: str
    ) -> None:
        paths = os.pathsep.join([str(HERE), str(HERE.parent / "tests")])
        environment = {**os.environ, "HEADFIELD_NATIVE": str(module), "PYTHONPATH": paths, **env}
        code = "import native_plugin, profile_kernels; profile_kernels.exercise()"
        command = [*prefix, sys.executable, "-c", code, head, str(rounds)]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
        )
        if self._line() != "ready":
            raise SystemExit(f"the exercise on {head} did not start")

    def _line(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def work(self) -> dict[str, Any]:
        """Let it work; what it says of it."""
        assert self.process.stdin is not None
        self.process.stdin.write("go\n")
        self.process.stdin.flush()
        told: dict[str, Any] = json.loads(self._line())
        return told

    def end(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait()


def exercise() -> None:
    """In the process that is profiled: set-up once a round, and the steps of one batch."""
    from suite import heads, steps

    name, rounds = sys.argv[1], int(sys.argv[2])
    head = steps.head(name, "cpu")
    batch, mesh = steps.batch(name, WIDTH, "cpu"), heads.mesh(name)
    print("ready", flush=True)
    sys.stdin.readline()
    start = time.perf_counter()
    for _ in range(rounds):
        head.assemble()
        head.precondition()
        batch.primary()
        batch.right_hand_side()
        batch.load()
        batch.solve()
        batch.field()
    told = {
        "seconds": time.perf_counter() - start,
        "levels": head.hierarchy.levels,
        "tets": mesh.n_tets,
        "chosen": head.n_gray,
        "touched": len(np.unique(mesh.tets[heads.gray(name)])),
        "threads": int(os.environ.get("OMP_NUM_THREADS") or os.cpu_count() or 1),
        "instruction_set": head.device.native.instruction_set,
        "iterations": batch.iterations,
        "nodes": mesh.n_nodes,
    }
    print(json.dumps(told), flush=True)
    sys.stdin.readline()


def sample(module: Path, head: str, rounds: int, folder: Path) -> tuple[dict[str, float], dict[str, Any]]:
    """CPU seconds of one round by kernel, "other" for the rest, and what the process told."""
    process = Exercise(module, head, rounds)
    data = folder / "perf.data"
    perf = subprocess.Popen(
        [
            "perf",
            "record",
            "-q",
            "-e",
            "cpu-clock",
            "-F",
            str(RATE),
            "-o",
            str(data),
            "-p",
            str(process.process.pid),
        ]
    )
    time.sleep(0.5)  # until it is attached
    told = process.work()
    perf.send_signal(2)
    perf.wait()
    process.end()
    text = printed(["perf", "report", "-i", str(data), "--stdio", "--no-children", "-F", "sample,dso,sym"])
    seconds: dict[str, float] = {}
    for line in text.splitlines():
        found = re.match(r"\s*(\d+)\s+(\S+)\s+\[.\]\s+(.*)", line)
        if found:
            waits = "gomp" in found[2] or "libomp" in found[2]
            kernel = "waiting for threads" if waits else kernel_of(found[3]) or "other"
            seconds[kernel] = seconds.get(kernel, 0.0) + int(found[1]) / (RATE * rounds)
    return seconds, told


def simulate(module: Path, folder: Path) -> tuple[dict[str, float], list[str]]:
    """Bytes that a simulated cache moves over those counted; verbs called otherwise than counted."""
    out = folder / "callgrind.out"
    prefix = ("valgrind", "--tool=callgrind", "--cache-sim=yes", f"--LL={CACHE},16,64", "--instr-atstart=no")
    one = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "HEADFIELD_INSTRUCTION_SET": "avx2"}
    process = Exercise(module, SIMULATED, 1, prefix=(*prefix, "-q", f"--callgrind-out-file={out}"), **one)
    subprocess.run(
        ["callgrind_control", "-i", "on", str(process.process.pid)], check=True, capture_output=True
    )
    told = process.work()
    process.end()
    text = printed(["callgrind_annotate", "--show=DLmr,DLmw", "--sort=DLmr", "--threshold=100", str(out)])
    moved: dict[str, float] = {}
    for line in text.splitlines():
        found = re.match(r"\s*([\d,]+|\.)\s*(?:\([^)]*\))?\s+([\d,]+|\.)\s*(?:\([^)]*\))?\s+\S*?:(.*)", line)
        kernel = kernel_of(found[3]) if found else None
        if found and kernel:
            misses = sum(int(count.replace(",", "")) for count in found.group(1, 2) if count != ".")
            moved[kernel] = moved.get(kernel, 0.0) + 64.0 * misses
    counted = count(told)
    called = calls(out.read_text())
    wrong = [
        f"{name}: {called.get(name, 0)} calls, {cost.calls} counted"
        for name, cost in counted.items()
        if cost.stage == "solve" and called.get(name, 0) != cost.calls
    ]
    return {name: size / counted[name].bytes for name, size in moved.items() if name in counted}, wrong


def calls(text: str) -> dict[str, int]:
    """Calls of each verb, from a file of callgrind's."""
    names: dict[str, str] = {}
    found: dict[str, int] = {}
    callee = ""
    for line in text.splitlines():
        if line.startswith(("fn=", "cfn=")):
            number, _, name = line.partition("=")[2].partition(" ")
            if name:
                names[number] = name
            callee = names.get(number, "") if line.startswith("cfn=") else callee
        elif line.startswith("calls="):
            verb = re.search(r"avx2::\(anonymous namespace\)::(\w+)\(int, ", callee)
            if verb and "{lambda" not in callee:  # of which a verb calls one, where it isn't inlined
                found[verb[1]] = found.get(verb[1], 0) + int(line[6:].split()[0])
    return found


def count(told: dict[str, Any]) -> dict[str, costs.Cost]:
    """What one round of the exercise has to cost."""
    levels = told["levels"]
    return costs.solve(levels, WIDTH, told["iterations"]) | costs.around(
        levels, told["tets"], told["chosen"], told["touched"], WIDTH
    )


def copy_gb_s(threads: int) -> float:
    """Bytes read and written per second by copies of 256 MiB, all threads at once; the median of nine."""
    source, target = np.ones(1 << 25), np.zeros(1 << 25)
    parts = [slice(i * (1 << 25) // threads, (i + 1) * (1 << 25) // threads) for i in range(threads)]
    seconds = []
    with ThreadPoolExecutor(threads) as pool:
        for _ in range(9):
            start = time.perf_counter()
            list(pool.map(lambda part: np.copyto(target[part], source[part]), parts))
            seconds.append(time.perf_counter() - start)
    return 2e-9 * source.nbytes / float(np.median(seconds))


def peak_gflop_s() -> float:
    """Operations per second of a matrix product in float32 by NumPy, the best of five."""
    a = np.ones((2048, 2048), np.float32)
    seconds = []
    for _ in range(5):
        start = time.perf_counter()
        a @ a
        seconds.append(time.perf_counter() - start)
    return 2e-9 * 2048**3 / min(seconds)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    default = "head_large" if (measure.DATA / "head_large.npz").exists() else "phantom_162k"
    parser.add_argument("--head", default=default, help=f"one of the suite's; default {default}")
    parser.add_argument("--simulate", action="store_true", help="bytes moved too, some minutes more")
    parser.add_argument("--quick", action="store_true", help="one round on a small head")
    parser.add_argument("--out", type=Path, help="JSON file; default results/profile_HEAD.json")
    args = parser.parse_args()
    head = SIMULATED if args.quick else args.head
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        module = build(folder / "build")
        seconds, told = sample(module, head, 1 if args.quick else 3, folder)
        ratios, wrong = simulate(module, folder) if args.simulate else ({}, [])
    for line in wrong:
        print(f"costs.py counts otherwise: {line}", file=sys.stderr)
    counted, threads = count(told), told["threads"]
    stage = {"hierarchy": "set-up", "direct sum": "primary"}
    kernels = []
    for name in sorted(seconds, key=lambda name: -seconds[name]):
        cost = counted.get(name, costs.Cost(stage.get(name, "all")))
        moved = cost.bytes * ratios[name] if name in ratios else None
        kernels.append(
            {"name": name, "stage": cost.stage, "calls": cost.calls, "seconds": seconds[name] / threads}
            | {"bytes_counted": cost.bytes, "bytes_simulated": moved, "flops": cost.flops}
        )
    report = {"head": head, "width": WIDTH, "kernels": kernels, "simulated_on": SIMULATED if ratios else None}
    report |= {key: told[key] for key in ("nodes", "tets", "threads", "instruction_set", "iterations")}
    report |= {"copy_gb_s": copy_gb_s(threads), "peak_gflop_s": peak_gflop_s()}
    cells = [("kernel", "s", "GB counted", "moved/counted", "GB/s", "GFLOP/s")]
    for kernel in kernels:
        s, size, flops = kernel["seconds"], kernel["bytes_counted"], kernel["flops"]
        ratio = f"{ratios[kernel['name']]:.2f}" if kernel["name"] in ratios else "-"
        rates = (f"{1e-9 * size / s:.1f}", f"{1e-9 * flops / s:.1f}") if size else ("-", "-")
        cells.append((kernel["name"], f"{s:.4f}", f"{1e-9 * size:.3f}", ratio, *rates))
    print(measure.table(cells))
    print(f"copies: {report['copy_gb_s']:.1f} GB/s; matrix product: {report['peak_gflop_s']:.0f} GFLOP/s")
    measure.write_report(args.out or HERE / "results" / f"profile_{head}.json", vars(args), report)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
