# SPDX-License-Identifier: BSD-3-Clause
"""What the hardware counts of each kernel: ncu's CSV, summed by kernel."""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Iterable

from kernelnames import is_ours, name_and_width

# Summed over the launches.
SUMS = {
    "gpu__time_duration.sum": "nanoseconds",
    "dram__bytes_read.sum": "dram_read",
    "dram__bytes_write.sum": "dram_written",
    "lts__t_bytes.sum": "l2",
    "sm__inst_executed.sum": "instructions",
}
# Per cent, averaged over the launches by their time.
SHARES = {
    "sm__inst_issued.avg.pct_of_peak_sustained_active": "issue_percent",
    "l1tex__data_pipe_lsu_wavefronts.avg.pct_of_peak_sustained_elapsed": "l1_percent",
    "sm__warps_active.avg.pct_of_peak_sustained_active": "occupancy_percent",
}
FEW = tuple(SUMS)[:3]  # every version of ncu knows these by these names
UNITS = {"Kbyte": 1e3, "Mbyte": 1e6, "Gbyte": 1e9, "us": 1e3, "usecond": 1e3, "ms": 1e6, "msecond": 1e6}
UNITS |= {"s": 1e9, "second": 1e9}


def short_name(kernel: str) -> str:
    """What a kernel of headfield's does and for which width: `every_row Smooth 8/1 32`; "" for others'."""
    if not is_ours(kernel):
        return ""
    name, width = name_and_width(kernel)
    return f"{name} {width}" if width else name


def read(text: str) -> dict[str, dict[str, float]]:
    """The table of what ncu --csv said, the longest kernel first."""
    rows = [line for line in text.splitlines() if line.startswith('"')]
    return table(csv.DictReader(rows)) if rows else {}


def table(rows: Iterable[dict[str, str]]) -> dict[str, dict[str, float]]:
    """Launches, microseconds, megabytes, GB/s and per cents, by kernel and width."""
    launches: dict[tuple[str, str], dict[str, float]] = defaultdict(dict)
    for row in rows:
        kernel = short_name(row.get("Kernel Name") or "")
        try:
            value = float((row.get("Metric Value") or "").replace(",", ""))
        except ValueError:  # n/a
            continue
        if kernel:
            value *= UNITS.get(row.get("Metric Unit") or "", 1.0)
            launches[kernel, row.get("ID") or ""][row.get("Metric Name") or ""] = value
    by_kernel: dict[str, list[dict[str, float]]] = defaultdict(list)
    for (kernel, _), found in launches.items():
        by_kernel[kernel].append(found)
    summed = {kernel: summary(found) for kernel, found in by_kernel.items()}
    return dict(sorted(summed.items(), key=lambda item: -item[1]["microseconds"]))


def summary(launches: list[dict[str, float]]) -> dict[str, float]:
    """The launches of one kernel as a row."""
    total = {name: sum(one.get(metric, 0.0) for one in launches) for metric, name in SUMS.items()}
    nanoseconds, dram = total["nanoseconds"], total["dram_read"] + total["dram_written"]
    row: dict[str, float] = {"launches": len(launches), "microseconds": round(nanoseconds / 1e3, 1)}
    row |= {"megabytes": round(dram / 1e6, 1), "l2_megabytes": round(total["l2"] / 1e6, 1)}
    row |= {"gb_per_s": round(dram / max(nanoseconds, 1.0), 1), "instructions": total["instructions"]}
    for metric, name in SHARES.items():
        known = [(one[metric], one.get("gpu__time_duration.sum", 1.0)) for one in launches if metric in one]
        if known:
            row[name] = round(sum(v * w for v, w in known) / max(sum(w for _, w in known), 1e-9), 1)
    return row


def options(metrics: Iterable[str]) -> list[str]:
    """What ncu is told: only what is between the program's marks counts; clocks stay as they are."""
    told = ["--csv", "--print-units", "base", "--profile-from-start", "off", "--clock-control", "none"]
    return [*told, "--target-processes", "all", "--metrics", ",".join(metrics)]
