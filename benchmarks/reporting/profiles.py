# SPDX-License-Identifier: BSD-3-Clause
"""Kernel by kernel, from profile_*.json: a roofline, a table, and what was changed because of them."""

from __future__ import annotations

from reporting import pictures
from reporting.markdown import Results, Row, Section, not_measured, number, shown, source, table
from reporting.pictures import Picture

SCRIPT = "profile_kernels.py"
TITLE = "Kernel by kernel"
HEADER = [
    "kernel",
    "stage",
    "calls",
    "s",
    "share of the time",
    "MB counted",
    "MB simulated",
    "GB/s counted",
    "share of the copy rate",
    "GFLOP/s",
]


def sections(results: Results) -> list[Section]:
    """One for each head that was profiled."""
    found = [(name, report) for name, report in results.items() if name.startswith("profile_")]
    found = [(name, report) for name, report in found if report.get("kernels")]
    kernels = [section(*item) for item in found] or [Section(TITLE, [not_measured(SCRIPT)], [])]
    return kernels + ([changed(results["before_after"])] if "before_after" in results else [])


def changed(report: Row) -> Section:
    """Seconds of each stage at another revision and now, measured turn by turn."""
    head = str(report["head"]).partition(".")[0]
    told = (
        f"Head: {head}. Seconds of each stage, of the set-up and of a batch of 32 poses to E in gray matter, "
        f"at revision {report['revision']} and at this one."
    )
    line = source("before_after.py", "before_after", report)
    return Section("Before and after", [told, *changes(report["before_after"]), line], [])


def section(name: str, report: Row) -> Section:
    """Roofline and table of one head."""
    total = sum(kernel["seconds"] for kernel in report["kernels"])
    points = [
        [
            kernel["name"],
            kernel["flops"] / kernel["bytes_counted"],
            1e-9 * kernel["flops"] / kernel["seconds"],
            kernel["seconds"] / total,
        ]
        for kernel in report["kernels"]
        if kernel["flops"] and kernel["bytes_counted"] and kernel["seconds"]
    ]
    shows = "Kernels under the roofline: GFLOP/s against operations per byte counted"
    limits = {key: report[key] for key in ("copy_gb_s", "peak_gflop_s")}
    data = limits | {"kernels": points}
    picture = Picture(f"roofline_{name.removeprefix('profile_')}.svg", pictures.roofline, data, shows)
    head = str(report["head"]).partition(".")[0]
    line = source(SCRIPT, name, report)
    blocks = [
        f"{report['nodes']:,} nodes, {report['tets']:,} tetrahedra, {report['width']} poses at a time, "
        f"{report['threads']} threads. Counted are the bytes of the arrays that a kernel has to read and "
        "write, each once, and its operations; simulated bytes are those that a simulated cache moves. "
        f"Copies within memory run at {number(report['copy_gb_s'])} GB/s, and the cores' peak is "
        f"{number(report['peak_gflop_s'])} GFLOP/s. Areas in the picture are shares of the time.",
        *([shown(picture), line] if points else []),
        table(HEADER, [cells(kernel, total, report["copy_gb_s"]) for kernel in report["kernels"]]),
        line,
    ]
    return Section(f"{TITLE}: {head}", blocks, [picture] if points else [])


def cells(kernel: Row, total: float, copy_gb_s: float) -> list[str]:
    """A row of the table."""
    seconds, counted, simulated = kernel["seconds"], kernel["bytes_counted"], kernel.get("bytes_simulated")
    rate = 1e-9 * counted / seconds if counted and seconds else None
    found = [
        kernel["name"],
        kernel["stage"],
        f"{kernel['calls']:,}",
        number(seconds),
        percent(seconds / total),
    ]
    found += [number(size and 1e-6 * size) for size in (counted, simulated)]
    found += [number(rate), percent(rate / copy_gb_s) if rate else "–"]
    return [*found, number(1e-9 * kernel["flops"] / seconds if kernel["flops"] and seconds else None)]


def percent(share: float) -> str:
    return f"{number(100.0 * share)} %"


def changes(rows: list[Row]) -> list[str]:
    """Before and after, stage by stage."""
    header = ("stage", "before, s", "after, s", "ratio", "quartiles")
    found = [
        [
            row["what"],
            number(row["before_s"]),
            number(row["after_s"]),
            number(row["ratio"]),
            " – ".join(number(value) for value in row["ratio_quartiles"]),
        ]
        for row in rows
    ]
    return [table(header, found)]
