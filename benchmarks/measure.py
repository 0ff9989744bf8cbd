# SPDX-License-Identifier: BSD-3-Clause
"""What the comparisons share: machine, revision, problem, a run of a solver by itself, table, report."""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from peers import exchange
from revision import commit

HERE = Path(__file__).resolve().parent
DATA = HERE.parents[1] / "shared" / "data"
TOLERANCE = 1e-6
PHANTOM_EDGE_MM = 3.65
Row = dict[str, Any]


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
        "compiler": compiler(),
    }


def compiler() -> str:
    """What compiled headfield's module for CPUs, by its own word."""
    try:
        import headfield.core._cpu
    except ImportError:  # a report can be made, and a build begun, before there is one
        return "unknown"
    module = Path(headfield.core._cpu.__file__).read_bytes()
    found = re.search(rb"GCC: \([^)]*\) [\d.]+|clang version [\d.]+", module)
    return found.group().decode() if found else "unknown"


def write_phantom(folder: Path) -> tuple[Path, Path, Path]:
    """Files of a head, a coil and poses for whoever has none: about 100,000 nodes, one ring of 64 poses."""
    import headfield

    folder.mkdir(parents=True, exist_ok=True)
    mesh, coil = headfield.phantom_head(edge_mm=PHANTOM_EDGE_MM), headfield.figure_of_eight()
    site_mm = headfield.phantom_landmarks()["left_motor"]
    pose = headfield.place(mesh, site_mm, site_mm + [0.0, 50.0, 0.0])
    head, ccd, poses = folder / "head_phantom.npz", folder / "figure_of_eight.ccd", folder / "ring.npy"
    np.savez(head, nodes=mesh.nodes_mm, tets=mesh.tets, tags=mesh.tags)
    coil.write(ccd)
    np.save(poses, headfield.ring(pose, np.arange(64) * 360.0 / 64))
    return head, ccd, poses


def spread(poses: Path, count: int) -> np.ndarray:
    """``count`` poses spread over the file, (count, 4, 4) mm."""
    every = np.load(poses)
    return every[np.linspace(0, len(every) - 1, count).astype(int)]


def prepare(folder: Path, head: Path, coil: Path, poses: Path, count: int, threads: int) -> Row:
    """The systems of ``count`` poses in ``folder``: assembled, unless the same ones are there."""
    import problem  # needs SciPy, which who measures headfield alone need not have

    record = folder / "problem.json"
    key: Row = {"head": head.name, "coil": coil.name, "poses": poses.name, "count": count}
    if record.exists() and key.items() <= (found := json.loads(record.read_text())).items():
        return found
    folder.mkdir(parents=True, exist_ok=True)
    print(f"assembling {head.name} and {count} right-hand sides", file=sys.stderr, flush=True)
    key |= problem.write_problem(folder, head, coil, spread(poses, count), threads)
    record.write_text(json.dumps(key))
    return key


def run_solver(
    folder: Path, module: ModuleType, config: str, threads: int, limit: float, loops: int, processes: int = 1
) -> Row:
    """What one run, in a process of its own, reported; and why it failed, if it did.

    ``loops`` is the number of OpenMP and MKL threads of each of its processes.
    """
    for stale in ("result.json", "x.npy", "e.npy"):
        (folder / stale).unlink(missing_ok=True)
    variables = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), str(loops))
    command = [*module.launcher(processes), "-m", module.__name__, str(folder), config, str(threads)]
    try:
        done = subprocess.run(
            command, cwd=HERE, env=os.environ | variables, capture_output=True, text=True, timeout=limit
        )
    except subprocess.TimeoutExpired:
        return left_by(folder) | {"failure": f"given up after {limit:.0f} s"}
    if done.returncode != 0:
        return left_by(folder) | {"failure": exchange.complaint(done.stderr, done.returncode)}
    return left_by(folder) or {"failure": "it ended without a result"}


def left_by(folder: Path) -> Row:
    """What a run has reported so far: some do so each time that they have measured something."""
    path = folder / "result.json"
    row: Row = json.loads(path.read_text()) if path.exists() else {}
    return row


def mark(error: float, limit: float = TOLERANCE) -> str:
    """A residual or another error as text; above the limit it is marked."""
    return f"{error:.1e}" + ("" if error <= limit else " TOO LARGE")


def table(cells: Sequence[tuple[str, ...]]) -> str:
    """Rows of texts, the header first, in columns."""
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = []
    for line in cells:
        padded = [text.rjust(width) for text, width in zip(line[1:], widths[1:], strict=True)]
        lines.append("  ".join([line[0].ljust(widths[0]), *padded]))
    return "\n".join(lines)


def write_report(out: Path, arguments: Row, report: Row) -> None:
    """``report`` as JSON, after date, revision, machine and arguments."""
    # Paths by their names: where a machine keeps its files is nobody's business.
    given = {key: value.name if isinstance(value, Path) else value for key, value in arguments.items()}
    whole: Row = {"date": datetime.now(UTC).isoformat(timespec="seconds"), "commit": commit()}
    whole |= {"machine": machine(), "arguments": given, "tolerance": TOLERANCE} | report
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(whole, indent=1) + "\n")


def parser_of_heads(doc: str | None, names: Sequence[str], quick: str) -> argparse.ArgumentParser:
    """The options of a program that has a row for each head."""
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--heads", nargs="*", default=None, help=f"some of {', '.join(names)}, or phantoms")
    parser.add_argument("--threads", type=int, default=None)
    parser.add_argument("--update", action="store_true", help="keep rows of other heads")
    parser.add_argument("--quick", action="store_true", help=quick)
    parser.add_argument("--out", type=Path, default=HERE / "results", help="folder")
    return parser


def write_rows(name: str, args: argparse.Namespace, heads: Sequence[str], row: Callable[[str], Row]) -> None:
    """Measure a row of each head that is asked for and there, and write them, as JSON of that name."""
    names = args.heads if args.heads is not None else ["phantom_29k"] if args.quick else heads
    rows = []
    for head in names:
        try:
            rows.append(row(head))
        except NotImplementedError as missing:
            print(f"{head}: {missing}")
            continue
        print(json.dumps(rows[-1], indent=1), flush=True)
    out = args.out / f"{name}.json"
    if args.update and out.exists():
        kept = [one for one in json.loads(out.read_text())["rows"] if one["head"] not in names]
        rows = sorted([*kept, *rows], key=lambda one: one["nodes"])
    write_report(out, vars(args), {"rows": rows, "device": "cpu"})
    print(f"wrote {out}")
