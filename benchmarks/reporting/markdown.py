# SPDX-License-Identifier: BSD-3-Clause
"""Sections, tables, and the line under each that says what measured it, when, where and of which revision."""

from __future__ import annotations

import math
import shlex
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from reporting.pictures import Picture, rounded

Row = dict[str, Any]
Results = dict[str, Row]  # by names of files, without .json
# Arguments that change what is measured; the others say where files lie, or how long to wait.
TOLD = (
    "before",
    "simulate",
    "size",
    "head",
    "suite",
    "width",
    "threads",
    "repeats",
    "device",
    "only",
    "quick",
    "count",
)
DEFAULTS = {"suite": "suite", "device": "cpu"}


class Section(NamedTuple):
    """A heading, what stands under it, and the pictures shown there."""

    title: str
    blocks: list[str]
    pictures: list[Picture]


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """All columns but the first to the right."""
    marks = ["---", *["--:"] * (len(header) - 1)]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in (header, marks, *rows))


def number(value: float | None) -> str:
    """Three digits; first six, so that the last bits of a sum don't decide about a half."""
    if value is None or not math.isfinite(value):
        return "–"
    value = rounded(float(value))
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:#.3g}".rstrip(".")


def count(value: float | None) -> str:
    return "–" if value is None else f"{value:,.0f}"


def between(job: Row) -> str:
    """A ratio, with its quartiles where there were rounds enough to have any."""
    low_high = job.get("ratio_quartiles", ()) if job.get("rounds", 0) > 2 else ()
    return number(job.get("ratio")) + (f" ({'–'.join(map(number, low_high))})" if low_high else "")


def command(script: str, report: Row) -> str:
    """The command that made a report, from the arguments kept in it."""
    words, given = [f"python benchmarks/{script}"], report.get("arguments", {})
    for name in TOLD:
        value = given.get(name)
        if value in (None, False, "", DEFAULTS.get(name)) or (name == "size" and given.get("head")):
            continue
        values = [] if value is True else value if isinstance(value, list) else [value]
        words += [f"--{name}", *(shlex.quote(str(one)) for one in values)]
    return f"`{' '.join(words)}`"


def source(script: str, name: str, report: Row) -> str:
    """The line under a table or a picture; `runs` has the circumstances."""
    return f"<sub>{command(script, report)} → `results/{name}.json`, {date(report)}, {revision(report)}</sub>"


def date(report: Row) -> str:
    return str(report["date"])[:10] if "date" in report else "date not recorded"


def revision(report: Row) -> str:
    """Enough of the commit, and whether the tree differed from it."""
    commit, _, changes = report.get("commit", "unknown").partition("+")
    return f"commit {commit[:12]}{' with changes' if changes else ''}"


def circumstances(report: Row) -> list[str]:
    """Date, revision, processor, compiler and device, as far as they were recorded."""
    machine, gpu, given = (report.get(key, {}) for key in ("machine", "gpu", "arguments"))
    return [
        date(report),
        revision(report),
        f"{machine.get('cpu', 'unknown processor')}, {machine.get('cores', '?')} cores",
        machine.get("compiler", "compiler not recorded"),
        f"device {gpu.get('device') or gpu.get('name') or given.get('device', 'cpu')}",
    ]


def runs(results: Results) -> Section:
    """When, of what and where the files were made."""
    header = ["file", "date", "revision", "processor", "compiler", "device", "memory", "system", "software"]
    rows = []
    for name, report in results.items():
        machine = report.get("machine", {})
        memory = f"{machine['memory_gib']:.1f}" if "memory_gib" in machine else "?"
        rest = [f"{memory} GiB", str(machine.get("system", "unknown"))]
        rest.append(f"Python {machine.get('python', '?')}, NumPy {machine.get('numpy', '?')}")
        rows.append([f"results/{name}.json", *circumstances(report), *rest])
    return Section("Where and when", [table(header, rows)], [])


def not_measured(script: str, *options: str) -> str:
    return f"Not measured: run `{' '.join([f'python benchmarks/{script}', *options])}`."


def shown(picture: Picture) -> str:
    return f"![{picture.shows}](results/{picture.name})"
