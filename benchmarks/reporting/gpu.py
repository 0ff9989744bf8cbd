# SPDX-License-Identifier: BSD-3-Clause
"""What was measured on a GPU, from compare_gpu_*.json and gpu_check.json, or that nothing was."""

from __future__ import annotations

import compare_gpu

from reporting.markdown import (
    Results,
    Row,
    Section,
    circumstances,
    command,
    count,
    number,
    revision,
    source,
    table,
)

TITLE = "On a GPU"
NOTHING = (
    "Nothing has been measured on a GPU yet: `python benchmarks/compare_gpu.py` will, or "
    "`benchmarks/gpu_check.sh OUT` with tests and a profile."
)


def nothing(results: Results) -> bool:
    """Whether there is no figure of any GPU."""
    return not any(name in ("suite_cuda", "gpu_check") or on_a_gpu(name, results[name]) for name in results)


def on_a_gpu(name: str, report: Row) -> bool:
    return name.startswith("compare_gpu") and report["arguments"].get("device") != "cpu"


def section(results: Results) -> Section:
    """Comparisons and the check of everything that needs a GPU."""
    if nothing(results):
        return Section(TITLE, [NOTHING], [])
    blocks = []
    for name, report in results.items():
        if on_a_gpu(name, report):
            blocks += comparison(name, report)
    if "gpu_check" in results:
        blocks += check(results["gpu_check"])
    return Section(TITLE, blocks or ["Benchmarks of the suite on a GPU are above."], [])


def summary(results: Results) -> list[str]:
    """For README.md: the fastest headfield on each head, or that there is none."""
    if nothing(results):
        return [NOTHING]
    texts = []
    for name, report in results.items():
        rows = compare_gpu.rows_of(report["runs"]) if on_a_gpu(name, report) else []
        ours = [row for row in rows if row["run"]["solver"] == "headfield" and row.get("median_s")]
        if ours:
            fastest = min(ours, key=lambda row: row["median_s"])
            texts.append(
                f"On a GPU, {fastest['width']} poses at a time take {number(1e3 * fastest['median_s'])} ms "
                f"per pose, to E in gray matter of a head of {count(report['problem']['nodes'])} nodes: "
                f"{command('compare_gpu.py', report)}, {', '.join(circumstances(report))}."
            )
    return texts


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


def check(report: Row) -> list[str]:
    """The steps of gpu_check.sh, and bytes and seconds of each kernel as the hardware counts them."""
    steps = report["steps"]
    rows = [
        [name, "ok" if facts["ok"] else "FAILED", number(facts.get("seconds")), str(facts.get("said", ""))]
        for name, facts in steps.items()
    ]
    line = f"<sub>`benchmarks/gpu_check.sh OUT` → `results/gpu_check.json`, {revision(report)}</sub>"
    blocks = [table(("step", "", "s", "said"), rows), line]
    kernels = steps.get("profile", {}).get("kernels", {})
    if kernels:
        header = ("kernel, width", "launches", "microseconds", "megabytes", "gb_per_s")
        found = [
            [name, count(facts["launches"]), *(number(facts[key]) for key in header[2:])]
            for name, facts in kernels.items()
        ]
        blocks += [table(header, found), line]
    return blocks
