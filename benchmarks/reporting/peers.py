# SPDX-License-Identifier: BSD-3-Clause
"""headfield beside other solvers on a CPU, from compare_cpu_*.json: solves, assemblies, whole solves."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import compare_cpu
import measure

from reporting import pictures
from reporting.markdown import (
    Results,
    Row,
    Section,
    between,
    circumstances,
    command,
    count,
    not_measured,
    number,
    shown,
    source,
    table,
)
from reporting.pictures import Picture

SCRIPT = "compare_cpu.py"
REFERENCE_WIDTH = 32
TITLES = {"assembly": "Assembly", "field": "A whole solve, from files to a file"}
ABOUT = {
    "assembly": "The same matrix from the same mesh. Differences are of its entries from those of an "
    "independent assembly, relative to the largest entry.",
    "field": "One pose by programs that read files of head, coil and pose, and write a file with E. "
    "Differences are of E from headfield's, relative L2.",
}
STAGES = {"primary": "∂A/∂t", "right_hand_side": "right-hand side", "solve": "solve", "field": "E"}


class Line(NamedTuple):
    """A job of a run: a row of a table, a bar."""

    run: Row
    job: Row
    width: int

    @property
    def label(self) -> str:
        return str(self.run["label"])

    @property
    def ours(self) -> bool:
        return str(self.run["solver"]).startswith("headfield")

    @property
    def setup(self) -> Row:
        found: Row = self.run["jobs"].get("setup", {})
        return found

    @property
    def off(self) -> float | None:
        """Residual, or difference from where it should be, as the comparison found it."""
        return self.run.get("difference", self.run.get("residual"))

    @property
    def limit(self) -> float:
        return compare_cpu.LIMITS[self.run["kind"]]

    def right(self) -> bool:
        return self.off is not None and self.off <= self.limit


def comparisons(results: Results) -> list[tuple[str, Row]]:
    """Those in the present layout, the largest head first."""
    found = [
        (name, report)
        for name, report in results.items()
        if name.startswith("compare_cpu_") and any("jobs" in run for run in report["runs"])
    ]
    return sorted(found, key=lambda item: -item[1]["problem"]["nodes"])


def stem(problem: Row) -> str:
    return str(problem["head"]).partition(".")[0]


def lines(report: Row, kind: str) -> list[Line]:
    """The jobs of one kind, of all runs that came to their end, and so were checked."""
    found = []
    for run in report["runs"]:
        if run.get("kind") != kind or "failure" in run:
            continue
        for name, job in run["jobs"].items():
            if name != "setup":
                found.append(Line(run, job, int(name.partition(" ")[2] or 1)))
    return found


def best(found: Iterable[Line], key: Callable[[Line], Any]) -> list[Line]:
    """Of the lines with one key the fastest that is right; the fastest of all first."""
    chosen: dict[Any, Line] = {}
    for line in sorted(filter(Line.right, found), key=lambda line: line.job["median_s"]):
        chosen.setdefault(key(line), line)
    return list(chosen.values())


def bars(results: Results, kind: str, name: str, shows: str) -> Picture | None:
    """A panel for each head; of several numbers of processes the fastest."""
    panels = []
    for _, report in comparisons(results):
        rows = {}
        for line in best(lines(report, kind), lambda line: (line.label, line.width)):
            label = line.label + (f", {line.width} at a time" if kind == "solve" else "")
            rows[label] = [line.job["median_s"], line.job.get("ratio"), line.ours]
        if rows:
            problem = report["problem"]
            title = f"{stem(problem)}\n{problem['nodes']:,} nodes"
            axis = "seconds per right-hand side · ratio to headfield" + f" in batches of {REFERENCE_WIDTH}"
            axis = axis if kind == "solve" else "seconds · ratio to headfield"
            panels.append({"title": title, "axis": axis, "rows": rows})
    return Picture(name, pictures.bars, panels, shows) if panels else None


def solves(results: Results) -> Section:
    """Bars of all heads, and a table for each."""
    title = "Speed against other solvers"
    picture = bars(
        results, "solve", "speed.svg", "Seconds per right-hand side of headfield and other solvers"
    )
    if picture is None:
        return Section(title, [not_measured(SCRIPT, "--size", "large")], [])
    blocks = [
        "The same matrix and right-hand sides for everybody, headfield in batches of "
        f"{REFERENCE_WIDTH} taking turns with each solver. A ratio is the median over the rounds of the "
        "solver's seconds per right-hand side over those of headfield just before and after; quartiles in "
        "brackets. "
        "Residuals are evaluated by the comparison, in float64. headfield's set-up holds its assembly, the "
        "peers' doesn't. Of several numbers of processes the picture shows the fastest.",
        shown(picture),
    ]
    blocks += [source(SCRIPT, name, report) for name, report in comparisons(results)]
    for name, report in comparisons(results):
        problem = report["problem"]
        blocks.append(f"### {stem(problem)}: {problem['nodes']:,} nodes, {problem['tets']:,} tetrahedra")
        blocks += [solve_table(report), *excuses(report, "solve"), source(SCRIPT, name, report)]
        if chain(report):
            blocks += [chain(report), source(SCRIPT, name, report)]
    return Section(title, blocks, [picture])


def solve_table(report: Row) -> str:
    header = ["solver", "processes", "at a time", "set-up s", "set-up ratio", "s per pose", "CPU s per pose"]
    header += ["ratio", "rounds", "residual", "iterations", "peak MiB", "version"]
    rows = []
    for line in lines(report, "solve"):
        run, job, setup = line.run, line.job, line.setup
        cells = [line.label, str(run["processes"]), str(line.width), number(setup.get("median_s"))]
        cells += [number(setup.get("ratio")), number(job["median_s"])]
        cells += [number(job.get("cpu_s")), between(job)]
        cells += [str(job.get("rounds", "–")), off_by(line)]
        rows.append([*cells, *facts(run)])
    return table(header, rows)


def facts(run: Row) -> tuple[str, str, str]:
    """Iterations (a direct solver has none), memory, version."""
    return count(run.get("iterations") or None), count(run.get("memory_mib")), run.get("version", "–")


def off_by(line: Line) -> str:
    return "–" if line.off is None else measure.mark(line.off, line.limit)


def excuses(report: Row, kind: str) -> list[str]:
    """What failed, and what could not be tried."""
    failed = [run for run in report["runs"] if run.get("kind") == kind and "failure" in run]
    texts = [f"Failed: {run['label']}, processes: {run['processes']}: {run['failure']}" for run in failed]
    missing = report["not_installed"].items() if kind == "solve" else ()
    return texts + [f"Not installed: {name}: {why}" for name, why in missing]


def chain(report: Row) -> str:
    """The whole chain of headfield, stage by stage, as a sentence."""
    for line in lines(report, "model"):
        stages = line.job["stages_s"]
        parts = [f"{STAGES[name]} {number(stages[name])}" for name in STAGES if name in stages]
        return (
            f"The whole chain, from {line.width} poses to E in all gray matter, takes "
            f"{number(line.job['median_s'])} s per pose ({', '.join(parts)}), after "
            f"{number(line.setup.get('median_s'))} s once for the head."
        )
    return ""


def others(results: Results, kind: str) -> Section:
    """Assemblies, or whole solves: bars of all heads, and a table for each."""
    title = TITLES[kind]
    picture = bars(results, kind, f"{kind}.svg", f"Seconds of headfield and others: {title.lower()}")
    if picture is None:
        return Section(title, [not_measured(SCRIPT, "--size", "medium")], [])
    blocks = [ABOUT[kind], shown(picture), *(source(SCRIPT, *item) for item in comparisons(results))]
    header = ["program", "processes", "s", "CPU s", "ratio", "rounds", "differs by", "iterations", "peak MiB"]
    for name, report in comparisons(results):
        rows = []
        for line in lines(report, kind):
            job = line.job
            cells = [
                line.label,
                str(line.run["processes"]),
                number(job["median_s"]),
                number(job.get("cpu_s")),
            ]
            cells += [between(job), str(job.get("rounds", "–"))]
            cells += [off_by(line), *facts(line.run)]
            rows.append(cells)
        if rows:
            blocks += [f"{stem(report['problem'])}:", table([*header, "version"], rows)]
            blocks += [*excuses(report, kind), source(SCRIPT, name, report)]
    return Section(title, blocks, [picture])


def summary(results: Results) -> list[str]:
    """For docs/speed.md: the largest head, of each solver the fastest way, and ours with one pose too."""
    if not comparisons(results):
        return [not_measured(SCRIPT, "--size", "large")]
    _, report = comparisons(results)[0]
    problem, found = report["problem"], lines(report, "solve")
    single = [line for line in found if line.ours and line.width == 1]
    rows = []
    for line in best([*best(found, lambda line: line.label), *single], lambda line: (line.label, line.width)):
        batch = f"{line.width} poses at a time" if line.width > 1 else "one pose"
        cells = [f"{line.label}, {batch}", number(line.setup.get("median_s")), number(line.job["median_s"])]
        rows.append([*cells, f"{number(line.job.get('ratio'))} ×"])
    threads = report["arguments"]["threads"]
    return [
        f"A head of {problem['nodes']:,} nodes and {problem['tets']:,} tetrahedra, relative residual "
        f"{report['tolerance']:.0e} checked in float64, the same matrix and right-hand sides for everybody, "
        "headfield and each of the others taking turns:",
        table([f"solver, {threads} threads or processes", "set-up s", "s per pose", "to headfield"], rows),
        f"{command(SCRIPT, report)}: {', '.join(circumstances(report))}.",
        "headfield's set-up holds its assembly, the peers' doesn't. " + chain(report),
    ]
