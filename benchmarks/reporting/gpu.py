# SPDX-License-Identifier: BSD-3-Clause
"""What was measured on a GPU, from compare_gpu_*.json and gpu_check.json, or that nothing was."""

from __future__ import annotations

from collections.abc import Iterator

import compare_gpu

from reporting.markdown import (
    Results,
    Row,
    Section,
    circumstances,
    command,
    count,
    number,
    source,
    table,
)

TITLE = "On a GPU"
NOTHING = (
    "Nothing has been measured on a GPU yet: `benchmarks/gpu_check.sh OUT` will, in nine minutes on a "
    "machine that has one, or `python benchmarks/compare_gpu.py` alone."
)
SCRIPT = "benchmarks/gpu_check.sh OUT"
STAGES = {
    "primary": "∂A/∂t",
    "right_hand_side": "right-hand side",
    "solve": "solve",
    "field": "E",
    "whole": "whole",
}
COUNTED = {
    "launches": "launches",
    "microseconds": "µs",
    "megabytes": "MB",
    "gb_per_s": "GB/s",
    "l2_megabytes": "MB of L2",
    "issue_percent": "issue slots, %",
    "occupancy_percent": "occupancy, %",
}


def nothing(results: Results) -> bool:
    """Whether there is no figure of any GPU."""
    return "suite_cuda" not in results and checked(results) is None and not any(comparisons(results))


def checked(results: Results) -> Row | None:
    """What gpu_check.sh left, if that was on a GPU, and not a rehearsal or a failure to find one."""
    report = results.get("gpu_check")
    if report is None or report.get("rehearsal") or "name" not in report.get("gpu", {}):
        return None
    return report


def comparisons(results: Results) -> Iterator[tuple[str, Row]]:
    """Runs of compare_gpu.py on a GPU: by itself, and as steps of the check."""
    for name, report in results.items():
        if name.startswith("compare_gpu") and report["arguments"].get("device") != "cpu":
            yield name, report
    check = checked(results) or {"steps": {}}
    for step in ("figures", "cunibs"):
        report = check["steps"].get(step, {}).get("report")
        if report and report.get("runs"):
            # A copy of the tree doesn't know its revision; the check was told.
            yield "gpu_check", report | {key: check[key] for key in ("commit",) if key in check}


def section(results: Results) -> Section:
    """Comparisons and the check of everything that needs a GPU."""
    if nothing(results):
        return Section(TITLE, [NOTHING], [])
    blocks = []
    check = checked(results)
    if check:
        blocks += [*steps(check), *first_contact(check), *builds(check)]
    for name, report in comparisons(results):
        blocks += comparison(name, report)
    if check:
        blocks += counters(check)
    return Section(TITLE, blocks or ["Benchmarks of the suite on a GPU are above."], [])


def summary(results: Results) -> list[str]:
    """For docs/speed.md: the fastest headfield of each run, or that there is none."""
    if nothing(results):
        return [NOTHING]
    fastest: dict[str, tuple[Row, Row]] = {}  # of each head
    for _, report in comparisons(results):
        for row in compare_gpu.rows_of(report["runs"]):
            if row["run"]["solver"] == "headfield" and row.get("median_s"):
                before = fastest.setdefault(report["problem"]["head"], (row, report))
                if row["median_s"] < before[0]["median_s"]:
                    fastest[report["problem"]["head"]] = (row, report)
    return [
        f"On a GPU, {row['width']} poses at a time take {number(1e3 * row['median_s'])} ms "
        f"per pose, to E in gray matter of a head of {count(report['problem']['nodes'])} nodes: "
        f"{command('compare_gpu.py', report)}, {', '.join(circumstances(report))}."
        for row, report in fastest.values()
    ]


def comparison(name: str, report: Row) -> list[str]:
    """The table that the comparison prints, and what it could not measure."""
    problem, device = report["problem"], report["gpu"]
    said = f"{problem['head']}: {problem['nodes']:,} nodes, {problem['tets']:,} tetrahedra"
    if "copy_gb_s" in device:
        said += f"; copies within the device's memory {number(device['copy_gb_s'])} GB/s"
    rows = compare_gpu.rows_of(report["runs"])
    failed = [f"Failed: {run['label']}: {run['failure']}" for run in report["runs"] if "failure" in run]
    missing = [f"Not measured: {peer}: {why}" for peer, why in report["not_installed"].items()]
    text = [f"```text\n{compare_gpu.table(rows)}\n```"] if rows else []
    return [said, *text, *failed, *missing, source("compare_gpu.py", name, report)]


def line(report: Row) -> str:
    return source("", "gpu_check", report).replace("`python benchmarks/`", f"`{SCRIPT}`")


def steps(report: Row) -> list[str]:
    """How each step of the check went, on which card."""
    gpu = report.get("gpu", {})
    facts = [f"driver {gpu['driver']}" if "driver" in gpu else "", gpu.get("memory", "")]
    told = ", ".join(filter(None, [gpu.get("name", "unknown device"), *facts]))
    rows = []
    for name, step in report["steps"].items():
        word = "ok" if step["ok"] else "skipped" if step.get("skipped") else "FAILED"
        rows.append([name, word, number(step.get("seconds")), escaped(step.get("said"))])
    return [f"{told}:", table(("step", "", "s", "said"), rows), line(report)]


def escaped(said: object) -> str:
    """Words of a program, as a cell."""
    return " ".join(str(said or "").split()).replace("|", "\\|")


def first_contact(report: Row) -> list[str]:
    checks = report["steps"].get("smoke", {}).get("checks", [])
    rows = [
        [c["what"], "ok" if c["ok"] else "FAILED", number(c["seconds"]), escaped(c["said"])] for c in checks
    ]
    return [table(("first contact", "", "s", "said"), rows), line(report)] if rows else []


def builds(report: Row) -> list[str]:
    """Milliseconds per pose by stage, of the build and its variants turn by turn."""
    found = report["steps"].get("kernels", {}).get("builds", {})
    rows = []
    for build, facts in found.items():
        for width, one in facts.get("widths", {}).items():
            stages = one.get("ms_per_pose", {})
            if stages:
                cells = [number(stages.get(stage)) for stage in STAGES]
                rows.append([f"{build}, {width} at a time", *cells, number(one.get("ratio"))])
    failed = [
        f"Failed: {build}{where}: {why}" for build, facts in found.items() for where, why in failures(facts)
    ]
    header = ["ms per pose", *STAGES.values(), "ratio"]
    return [*([table(header, rows)] if rows else []), *failed, line(report)] if found else []


def failures(facts: Row) -> Iterator[tuple[str, str]]:
    if "failure" in facts:
        yield "", facts["failure"]
    for width, one in facts.get("widths", {}).items():
        if "failure" in one:
            yield f", {width} at a time", one["failure"]


def counters(report: Row) -> list[str]:
    """What the hardware counts of each kernel, by width."""
    blocks = []
    for width, kernels in report["steps"].get("profile", {}).get("widths", {}).items():
        rows = [
            [
                name,
                *(count(facts.get(key)) if key == "launches" else number(facts.get(key)) for key in COUNTED),
            ]
            for name, facts in kernels.items()
        ]
        blocks += [table([f"kernels, {width} at a time", *COUNTED.values()], rows), line(report)]
    return blocks
