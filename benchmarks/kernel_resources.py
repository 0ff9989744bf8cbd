# SPDX-License-Identifier: BSD-3-Clause
"""What ptxas made of each kernel: registers, spills, shared memory, blocks that fit, and loads in flight.

    python benchmarks/kernel_resources.py             # the table of this tree
    python benchmarks/kernel_resources.py --check     # exit code 1 where a kernel got worse than committed
    python benchmarks/kernel_resources.py --update    # the table goes to results/kernel_resources.json

It needs nvcc and a disassembler: nvdisasm of the toolkit, or ``pip install nvidia-cuda-nvdisasm``. Without
one of the two it says so and is done. Kernels are compiled for one architecture with the flags of the build.
No GPU is needed, and no time is measured: but a spill, a block less on a multiprocessor or gathers that wait
for each other cost time on any. Worse are more registers, more bytes spilled and fewer gathers in flight;
where nvcc is not the one of the committed table, only spills are compared.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import measure
import sass
from kernelnames import name_and_width

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))
from ptx import nvcc, reader  # noqa: E402

COMMITTED = ROOT / "benchmarks" / "results" / "kernel_resources.json"
ARCHITECTURE = "90"
COLUMNS = ("kernel", "width", "threads", "registers", "spill_bytes", "stack_bytes", "shared_bytes", "blocks")
COLUMNS += ("instructions", "loads_in_flight", "gathers_in_flight")
# Of a multiprocessor of compute capability 9.0, and how registers and shared memory are given out.
REGISTERS, WARPS, BLOCKS, SHARED = 65536, 64, 32, 228 << 10
RESERVED, GRAIN, REGISTER_GRAIN = 1 << 10, 128, 256
Row = dict[str, int | str | None]


def measured(folder: Path, compiler: str, disassemble: str) -> list[Row]:
    """The rows of this tree's kernels, each compiled once at most (see tests/ptx/kept.py)."""
    workers = os.cpu_count() or 1
    made = nvcc.kernels(folder, compiler, ARCHITECTURE, workers, machine_code=True)
    with ThreadPoolExecutor(workers) as pool:
        parts = pool.map(lambda files: of_unit(files, disassemble), made.values())
    rows = {(row["kernel"], row["width"]): row for part in parts for row in part}
    return [rows[key] for key in sorted(rows, key=lambda key: (str(key[0]), key[1] or 0))]


def of_unit(files: nvcc.Files, disassemble: str) -> list[Row]:
    """The rows of one file's kernels."""
    used = said_by_ptxas(files.said.read_text())
    code = sass.read(nvcc.run([disassemble, "-c", str(files.cubin)]))
    ptx = files.ptx.read_text()
    threads = {one.name: one.bounds.get("maxntid", 0) for one in reader.read(ptx).functions if one.is_entry}
    names = nvcc.plain_names(list(threads))
    return [row_of(names[name], threads[name], used[name], code[name]) for name in threads]


def said_by_ptxas(text: str) -> dict[str, Row]:
    """Registers and bytes of each kernel in the words of ``ptxas -v``."""
    found: dict[str, Row] = {}
    for part in text.split("Compiling entry function '")[1:]:

        def number(pattern: str, part: str = part) -> int:
            m = re.search(pattern, part)
            return int(m[1]) if m else 0

        found[part.partition("'")[0]] = {
            "registers": number(r"Used (\d+) registers"),
            "spill_bytes": number(r"(\d+) bytes spill stores") + number(r"(\d+) bytes spill loads"),
            "stack_bytes": number(r"(\d+) bytes stack frame"),
            "shared_bytes": number(r"(\d+) bytes smem"),
        }
    return found


def row_of(plain: str, threads: int, used: Row, code: sass.Kernel) -> Row:
    kernel, width = name_and_width(plain)
    row: Row = {"kernel": kernel, "width": width, "threads": threads, **used}
    row["blocks"] = blocks(threads, int(used["registers"] or 0), int(used["shared_bytes"] or 0))
    row["instructions"] = sum(one.opcode != "NOP" for one in code.instructions)
    row["loads_in_flight"] = sass.in_flight(code, of_gathers=False)
    row["gathers_in_flight"] = sass.in_flight(code, of_gathers=True)
    return {name: row[name] for name in COLUMNS}


def blocks(threads: int, registers: int, shared: int) -> int:
    """Of how many threads, registers and bytes how many fit on a multiprocessor at a time."""
    if threads == 0:
        return 0
    warps = -(-threads // 32)
    per_warp = -(-32 * registers // REGISTER_GRAIN) * REGISTER_GRAIN
    by_registers = (REGISTERS // per_warp) // warps if per_warp else BLOCKS
    by_shared = SHARED // (-(-(shared + RESERVED) // GRAIN) * GRAIN)
    return min(BLOCKS, WARPS // warps, by_registers, by_shared)


def worse(found: list[Row], committed: list[Row], same_compiler: bool) -> list[str]:
    """What got worse or is not in both tables, a line each."""
    here, there = ({(row["kernel"], row["width"]): row for row in rows} for rows in (found, committed))
    signs = {"spill_bytes": 1} | ({"registers": 1, "gathers_in_flight": -1} if same_compiler else {})
    lines = []
    for key in sorted({*here, *there}, key=str):
        name = " ".join(str(part) for part in key if part is not None)
        if key not in here or key not in there:
            lines.append(f"{name}: {'not committed' if key in here else 'is no more'}")
            continue
        for column, sign in signs.items():
            was, now = (int(row[column] or 0) for row in (there[key], here[key]))
            if sign * (now - was) > 0:
                lines.append(f"{name}: {column} {was} -> {now}")
    return lines


def written(report: dict[str, object]) -> str:
    """JSON with a row of the table on a line."""
    rows = report["kernels"]
    assert isinstance(rows, list)
    text = json.dumps(report | {"kernels": []}, indent=1)
    lines = ",\n".join("  " + json.dumps(row) for row in rows)
    return text.replace('"kernels": []', f'"kernels": [\n{lines}\n ]') + "\n"


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--check", action="store_true", help="compare with the committed table")
    parser.add_argument("--update", action="store_true", help="commit to the table of this tree")
    parser.add_argument("--committed", type=Path, default=COMMITTED, help="JSON file")
    parser.add_argument("--folder", type=Path, default=nvcc.FOLDER, help="for what is compiled")
    args = parser.parse_args()
    compiler, disassemble = nvcc.find(), sass.disassembler()
    if compiler is None or disassemble is None:
        print(f"skipped: resources of kernels need {'nvdisasm' if compiler else 'nvcc'}, which is not there")
        return 0
    rows, version = measured(args.folder, compiler, disassemble), nvcc.version(compiler)
    cells = [tuple("-" if value is None else str(value) for value in row.values()) for row in rows]
    print(measure.table([COLUMNS, *cells]))
    if args.update:
        facts = {"date": datetime.now(UTC).isoformat(timespec="seconds"), "commit": measure.commit()}
        facts |= {"machine": measure.machine() | {"compiler": f"nvcc {version}"}}
        facts |= {"arguments": {"device": "none"}, "nvcc": version, "architecture": f"sm_{ARCHITECTURE}"}
        args.committed.write_text(written(facts | {"kernels": rows}))
        print("now run `python benchmarks/report.py`")
    return check(rows, version, args.committed) if args.check else 0


def check(rows: list[Row], version: str, path: Path) -> int:
    report = json.loads(path.read_text())
    same = report["nvcc"] == version
    if not same:
        print(f"nvcc {version} is not the committed table's {report['nvcc']}: only spills are compared")
    lines = worse(rows, report["kernels"], same)
    for line in lines:
        print(f"worse: {line}", file=sys.stderr)
    if lines:
        print("where that is meant: kernel_resources.py --update, report.py, commit both", file=sys.stderr)
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main())
