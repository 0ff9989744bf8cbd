# SPDX-License-Identifier: BSD-3-Clause
"""What values by reciprocity are off by, what searches cost and what they miss, from targeting.json."""

from __future__ import annotations

from reporting.markdown import Results, Row, Section, count, not_measured, number, source, table

SCRIPT, NAME, TITLE = "targeting.py", "targeting", "Targeting"
STAGES = ("place", "design", "adjoint", "field", "sweep", "refine", "certify", "flatness")


def section(results: Results) -> Section:
    """Agreement with full solves, optima against brute force, and seconds of the stages of a search."""
    report = results.get(NAME)
    if report is None:
        return Section(TITLE, [not_measured(SCRIPT)], [])
    line, blocks = source(SCRIPT, NAME, report), list[str]()
    if report["agreement"]:
        told = (
            "Values of a ball of gray matter, against full solves of the same poses with ∂A/∂t summed over "
            "the sources: the largest and the mean difference, relative to the largest value. Those of the "
            "map are from sums that stand for all angles, and from lifts off the scalp by a lattice of "
            "distances."
        )
        blocks += [told, agreement(report["agreement"]), line]
    if report["optima"]:
        told = (
            "What a search finds for the mean |E|, against the best of a grid of 1 mm and 2° within 8 mm of "
            "it: how much of that is missed, per cent. Below 0 the search found more than the grid has."
        )
        blocks += [told, optima(report["optima"]), line]
    if report["times"]:
        told = (
            "Seconds of searches over the whole scalp, by stage. *Default* keeps casings off the scalp, "
            "refines the best and solves nine poses in full; *plain* does none of that. The first search on "
            "a head prepares its scalp, the next one finds it prepared."
        )
        beside = (
            "Beside it: full solves of all these poses, in batches of 32, from the seconds of one batch. "
            "Published (another machine, another head): 2.1 million poses in up to 15 minutes on a laptop "
            "by the auxiliary dipole method (Gomez et al., NeuroImage 228:117696, 2021)."
        )
        blocks += [told, times(report["times"]), line, beside, brute(report["times"]), line]
    return Section(TITLE, blocks or [not_measured(SCRIPT)], [])


def percent(value: float) -> str:
    return number(100 * value)


def scientific(value: float) -> str:
    return f"{value:.1e}"


def agreement(rows: list[Row]) -> str:
    header = ["head", "coil", "sources"]
    for kind in ("component", "mean |E|"):
        name = kind.replace("|", "\\|")
        header += [f"{name}, evaluate: worst", "mean", f"{name}, map: worst", "mean"]
    cells = []
    for row in rows:
        found = [row[kind][way] for kind in ("component", "mean |E|") for way in ("evaluate", "map")]
        each = [scientific(one[key]) for one in found for key in ("worst", "mean")]
        cells.append([row["head"], row["coil"], count(row["sources"]), *each])
    return table(header, cells)


def optima(rows: list[Row]) -> str:
    header = ["head", "target", "below the scalp mm", "found V/m", "grid V/m", "missed %"]
    header += ["poses of the grid", "lost 5 mm and 10° away, worst %", "search s"]
    cells = []
    for row in rows:
        values = [number(row[key]) for key in ("depth_mm", "value", "brute")]
        rest = [f"{100 * row['loss']:.2f}", count(row["poses"]), percent(row["flatness"]["worst"])]
        cells.append([row["head"], row["place"], *values, *rest, number(row["search_s"])])
    return table(header, cells)


def times(rows: list[Row]) -> str:
    header = ["head", "threads", "value", "options", "search", "positions × angles", "solves", *STAGES]
    header += ["total s", "million poses per s of the sweep"]
    cells = []
    for row in rows:
        for one in row["searches"]:
            what = [row["head"], str(row["threads"]), one["target"].replace("|", "\\|")]
            what += [one["options"], one["run"], f"{count(one['positions'])} × {one['angles']}"]
            stages = [number(one["stages"].get(stage)) for stage in STAGES]
            fast = number(1e-6 * one["configurations_per_s"])
            cells.append([*what, str(one["solves"]), *stages, number(one["total_s"]), fast])
    return table(header, cells)


def brute(rows: list[Row]) -> str:
    header = ["head", "threads", "s per pose of full solves", "poses", "hours", "search s", "ratio"]
    cells = []
    for row in rows:
        one = next(s for s in row["searches"] if s["options"] == "default" and s["run"] == "first")
        poses = one["positions"] * one["angles"]
        whole = row["solve_s_per_pose"] * poses
        figures = [number(row["solve_s_per_pose"]), count(poses), number(whole / 3600.0)]
        ratio = count(whole / one["total_s"])
        cells.append([row["head"], str(row["threads"]), *figures, number(one["total_s"]), ratio])
    return table(header, cells)
