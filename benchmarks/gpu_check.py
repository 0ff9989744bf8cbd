# SPDX-License-Identifier: BSD-3-Clause
"""The steps of gpu_check.sh: what a machine without a GPU leaves unverified, with one report of it all."""

from __future__ import annotations

import argparse
import csv
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
sys.path.insert(0, str(HERE))

from measure import DATA, commit, machine  # noqa: E402  (lies beside this file)

STEPS = ("build", "tests", "sanitizer", "profile", "compare")
TOOLS = ("memcheck", "racecheck", "initcheck")
METRICS = ("dram__bytes_read.sum", "dram__bytes_write.sum", "gpu__time_duration.sum")


def main() -> None:
    """Run the steps asked for, one failing or not, and leave the report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path, help="folder of the report, the build and the logs")
    parser.add_argument("--steps", nargs="+", choices=STEPS, default=STEPS)
    parser.add_argument("--head", type=Path, default=DATA / "head_large.npz")
    parser.add_argument("--coil", type=Path, default=DATA / "coils" / "fig8_70mm.ccd")
    parser.add_argument("--poses", type=Path, default=DATA / "poses.npy")
    parser.add_argument("--limit", type=float, default=540.0, help="seconds of a step")
    parser.add_argument("--quick", action="store_true", help="pass it on to compare_gpu.py")
    args = parser.parse_args()
    args.out = args.out.resolve()
    args.out.mkdir(parents=True, exist_ok=True)
    path = args.out / "gpu_check.json"
    report: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {"steps": {}}
    report |= {"commit": commit(), "machine": machine(), "gpu": gpu_name()}
    for step in args.steps:
        start = time.perf_counter()
        try:
            facts = globals()[step](args)
        except subprocess.TimeoutExpired:
            facts = {"ok": False, "why": f"given up after {args.limit:g} s"}
        report["steps"][step] = facts | {"seconds": round(time.perf_counter() - start, 1)}
        path.write_text(json.dumps(report, indent=1) + "\n")
        print(f"{step}: {'ok' if facts['ok'] else 'FAILED'}", json.dumps(facts)[:600], flush=True)
    sys.exit(0 if all(facts["ok"] for facts in report["steps"].values()) else 1)


def run(args: argparse.Namespace, name: str, command: list[Any]) -> tuple[int, str]:
    """Exit code and output of a command on what was built; the output goes to NAME.log too."""
    path = os.pathsep.join([str(args.out / "site"), os.environ.get("PYTHONPATH", "")])
    variables = os.environ | {"PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"}
    log = args.out / f"{name}.log"
    with log.open("w", encoding="utf-8") as out:
        words = [str(word) for word in command]
        done = subprocess.run(
            words, cwd=ROOT, env=variables, stdout=out, stderr=subprocess.STDOUT, timeout=args.limit
        )
    return done.returncode, log.read_text(encoding="utf-8", errors="replace")


def last_line(text: str) -> str:
    return (text.strip().splitlines() or [""])[-1]


def gpu_name() -> dict[str, str]:
    """Name and driver, as the driver says."""
    query = ["nvidia-smi", "--query-gpu=name,driver_version,memory.total", "--format=csv,noheader"]
    try:
        said = subprocess.run(query, capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError) as problem:
        return {"none": str(problem)}
    return dict(zip(("name", "driver", "memory"), said.splitlines()[0].split(", "), strict=False))


def build(args: argparse.Namespace) -> dict[str, Any]:
    """Compile for the GPU that is here, warnings being errors."""
    shutil.rmtree(args.out / "site", ignore_errors=True)
    options = ["--no-build-isolation", "--no-deps", "--no-index", "--no-compile"]
    for define in ("HEADFIELD_CUDA=ON", "HEADFIELD_WERROR=ON"):
        options += ["-C", f"cmake.define.{define}"]
    command = [sys.executable, "-m", "pip", "install", *options, "--target", args.out / "site", "."]
    code, text = run(args, "build", command)
    return {"ok": code == 0, "said": last_line(text)}


def tests(args: argparse.Namespace) -> dict[str, Any]:
    """All tests, with a GPU as what "auto" takes."""
    check = "import headfield; print(headfield.HeadModel(headfield.sphere_mesh([80], [3], 30.0)).device)"
    device = last_line(run(args, "device", [sys.executable, "-c", check])[1])
    command = [sys.executable, "-m", "pytest", "tests", "README.md", "-p", "no:cacheprovider", "-q"]
    code, text = run(args, "tests", command)
    failed = re.findall(r"^(?:FAILED|ERROR) .*$", text, re.MULTILINE)
    return {
        "ok": code == 0 and device == "cuda",
        "device": device,
        "said": last_line(text),
        "failed": failed[:50],
    }


def sanitizer(args: argparse.Namespace) -> dict[str, Any]:
    """compute-sanitizer over every kernel, on a small sphere at four widths."""
    found: dict[str, Any] = {"ok": True}
    for tool in TOOLS:
        command = ["compute-sanitizer", "--tool", tool, "--error-exitcode", "9", sys.executable]
        code, text = run(args, tool, [*command, HERE / "gpu_exercise.py"])
        summary = re.findall(r"(?:ERROR|RACECHECK) SUMMARY: .*", text)
        found[tool] = summary[-1] if summary else last_line(text)
        found["ok"] = found["ok"] and code == 0
    return found


def profile(args: argparse.Namespace) -> dict[str, Any]:
    """Bytes and seconds of each kernel on the head, as the hardware counts them."""
    options = [
        "--csv",
        "--profile-from-start",
        "off",
        "--clock-control",
        "none",
        "--metrics",
        ",".join(METRICS),
    ]
    problem = ["--head", args.head, "--coil", args.coil, "--poses", args.poses]
    command = ["ncu", *options, sys.executable, HERE / "gpu_exercise.py", "--profile", *problem]
    code, text = run(args, "profile", command)
    rows = [line for line in text.splitlines() if line.startswith('"')]
    return {"ok": code == 0 and bool(rows), "kernels": summed(csv.DictReader(rows))}


def short_name(kernel: str) -> str:
    """What a kernel of headfield's does and for which width: `SmoothFromZero 32`; "" for others'."""
    if "headfield::" not in kernel:
        return ""
    plain = re.sub(r"\(anonymous namespace\)::|<unnamed>::|headfield::(?:gpu::)?|\(int\)", "", kernel)
    name, width = re.search(r"(?:void )?(\w+)", plain), re.search(r"Width<(\d+)>(?:, (\w+)<)?", plain)
    body = width[2] if width and width[2] else name[1] if name else plain
    return f"{body} {width[1]}" if width else body


def summed(rows: Iterable[dict[str, str]]) -> dict[str, dict[str, float]]:
    """Launches, microseconds, megabytes and GB/s by kernel and width."""
    totals: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    for row in rows:
        kernel = short_name(row.get("Kernel Name", ""))
        if not kernel:
            continue
        value = float(row["Metric Value"].replace(",", ""))
        unit = {"Kbyte": 1e3, "Mbyte": 1e6, "Gbyte": 1e9, "us": 1e3, "usecond": 1e3, "ms": 1e6}
        totals[kernel][row["Metric Name"]] += value * unit.get(row["Metric Unit"], 1.0)
        totals[kernel]["launches"] += 1.0 / len(METRICS)
    table = {}
    for kernel, total in totals.items():
        size, nanoseconds = total[METRICS[0]] + total[METRICS[1]], total[METRICS[2]]
        table[kernel] = {
            "launches": round(total["launches"]),
            "microseconds": round(nanoseconds / 1e3, 1),
            "megabytes": round(size / 1e6, 1),
            "gb_per_s": round(size / max(nanoseconds, 1.0), 1),
        }
    return dict(sorted(table.items(), key=lambda item: -item[1]["microseconds"]))


def compare(args: argparse.Namespace) -> dict[str, Any]:
    """compare_gpu.py with whatever peers are installed."""
    out = args.out / f"compare_gpu_{args.head.stem}.json"
    problem = ["--head", args.head, "--coil", args.coil, "--poses", args.poses, "--out", out]
    command = [sys.executable, HERE / "compare_gpu.py", *problem, *["--quick"] * args.quick]
    code, text = run(args, "compare", command)
    print(text)
    return {"ok": code == 0, "figures": json.loads(out.read_text()) if out.exists() else None}


if __name__ == "__main__":
    main()
