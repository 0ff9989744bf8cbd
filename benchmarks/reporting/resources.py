# SPDX-License-Identifier: BSD-3-Clause
"""What ptxas made of the kernels, from kernel_resources.json."""

from __future__ import annotations

from reporting.markdown import Results, Row, Section, count, date, not_measured, revision, table

SCRIPT = "kernel_resources.py"
TITLE = "Kernels as they are compiled"
WIDTH = 32
HEADER = (
    "kernel, 32 columns",
    "threads",
    "registers",
    "bytes spilled",
    "shared bytes",
    "blocks a multiprocessor",
    "instructions",
    "loads in flight",
    "gathers in flight",
)
KEYS = ("threads", "registers", "spill_bytes", "shared_bytes", "blocks", "instructions")
KEYS += ("loads_in_flight", "gathers_in_flight")


def section(results: Results) -> Section:
    """One width of each kernel; the file has all."""
    report = results.get("kernel_resources")
    if report is None:
        return Section(TITLE, [not_measured(SCRIPT, "--update")], [])
    rows = [row for row in report["kernels"] if row["width"] == WIDTH]
    told = (
        f"nvcc {report['nvcc']} for {report['architecture']}; no GPU was needed, and nothing was timed. "
        "Blocks are those that registers, shared memory and threads let a multiprocessor hold. Loads in "
        "flight are those from global memory that the innermost loop issues before an instruction needs "
        "one of them (of several loops, in the one that issues the fewest); gathers are those of them "
        f"whose address was loaded in the same turn. {spilled(report['kernels'])}"
    )
    line = (
        f"<sub>`python benchmarks/{SCRIPT} --update` → `results/kernel_resources.json`, "
        f"{date(report)}, {revision(report)}</sub>"
    )
    cells = [[row["kernel"], *(count(row[key]) for key in KEYS)] for row in rows]
    return Section(TITLE, [told, table(HEADER, cells), line], [])


def spilled(rows: list[Row]) -> str:
    """Which kernels spill registers, of any width."""
    found: dict[str, list[str]] = {}
    for row in rows:
        if row["spill_bytes"]:
            found.setdefault(row["kernel"], []).append(str(row["width"] or ""))
    said = [
        f"{name} ({', '.join(widths)} columns)" if any(widths) else name for name, widths in found.items()
    ]
    return f"Registers are spilled by {', '.join(said)}." if said else "No kernel spills registers."
