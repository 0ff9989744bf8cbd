# SPDX-License-Identifier: BSD-3-Clause
"""headfield by itself, from suite_*.json: cost against size and width, accuracy, memory."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from reporting import pictures
from reporting.markdown import Results, Row, Section, count, not_measured, number, shown, source, table
from reporting.pictures import Picture

SCRIPT = "run_suite.py"
FITTED = "phantom_"  # heads of one shape at several sizes; others are shown beside the fit
WIDTHS = (1, 8, 32)
MIB = 2.0**20
NODES, TETS = "heads.Size.track_nodes", "heads.Size.track_tetrahedra"


class Curve(NamedTuple):
    """Values of a benchmark for each head."""

    label: str
    by_head: dict[str, float]


def sections(results: Results) -> list[Section]:
    """Four sections for each device that has been measured."""
    found = []
    for title, make in (
        ("Cost against size", growth),
        ("Width of a batch", widths),
        ("Accuracy and what it costs", accuracy),
        ("Memory", memory),
    ):
        for device in ("cpu", "cuda"):
            report = results.get(f"suite_{device}")
            if report:
                found.append(titled(title, device, report, make))
            elif device == "cpu":
                found.append(Section(title, [not_measured(SCRIPT)], []))
    failed = [row for name in results if name.startswith("suite_") for row in failures(name, results[name])]
    return [*found, Section("Benchmarks that failed", failed, [])] if failed else found


def failures(name: str, report: Row) -> list[str]:
    """What failed, with its parameters and why."""
    rows = [row for row in report["results"] if "failure" in row]
    texts = [f"`{row['benchmark']}` {json.dumps(row['params'])}: {row['failure']}" for row in rows]
    return [*texts, source(SCRIPT, name, report)] if texts else []


def titled(title: str, device: str, report: Row, make: Callable[[Row, str], Section]) -> Section:
    """A section of one device; what its benchmarks did not give is said, not left out."""
    where = title if device == "cpu" else f"{title}, on a GPU"
    section = make(report, device)
    if not section.pictures:
        return Section(where, [not_measured(SCRIPT, *["--device cuda"] * (device == "cuda"))], [])
    return Section(where, [*section.blocks, source(SCRIPT, f"suite_{device}", report)], section.pictures)


def values(report: Row, benchmark: str, **params: object) -> list[tuple[Row, float]]:
    """Parameters and value of a benchmark's rows with these parameters."""
    return [
        (row["params"], row["value"])
        for row in report["results"]
        if row["benchmark"] == benchmark and "value" in row and params.items() <= row["params"].items()
    ]


def heads(report: Row, benchmark: str, per: float = 1.0, **params: object) -> dict[str, float]:
    """Values of a benchmark by head, divided by ``per``."""
    return {given["head"]: value / per for given, value in values(report, benchmark, **params)}


def against_nodes(report: Row, curves: list[Curve], fit: bool) -> list[Row]:
    """Series over the nodes of the heads, with the exponent of nodes in the name where it is fitted."""
    nodes, series = heads(report, NODES), []
    for curve in curves:
        known = [(nodes[head], value, head) for head, value in curve.by_head.items() if head in nodes]
        points = sorted([x, y] for x, y, head in known if head.startswith(FITTED))
        one: Row = {"label": curve.label, "points": points}
        one["apart"] = sorted([x, y] for x, y, head in known if not head.startswith(FITTED))
        if fit and len(points) > 1:
            x, y = np.log(points).T
            slope, level = np.polyfit(x, y, 1)
            one["label"] += f" ∝ n^{slope:.2f}"
            one["fit"] = [[float(np.exp(at)), float(np.exp(level + slope * at))] for at in x[[0, -1]]]
        if known:
            series.append(one)
    return series


def by_head(report: Row, curves: list[Curve]) -> str:
    """A table with a row for each head."""
    nodes, tets = heads(report, NODES), heads(report, TETS)
    rows = [
        [
            head,
            count(nodes[head]),
            count(tets.get(head)),
            *(number(curve.by_head.get(head)) for curve in curves),
        ]
        for head in sorted(nodes, key=lambda head: nodes[head])
    ]
    return table(["head", "nodes", "tetrahedra", *(curve.label for curve in curves)], rows)


def growth(report: Row, device: str) -> Section:
    """Seconds against nodes, set-up beside the stages of a batch."""
    setup = Curve("set-up", heads(report, "stages.HeadSetUp.time_head_model", device=device))
    solve = [
        Curve(f"solve, {width}", heads(report, "stages.Batch.time_solve", width, width=width, device=device))
        for width in WIDTHS
    ]
    whole = heads(report, "stages.EndToEnd.time_32_poses", WIDTHS[-1], device=device)
    per_pose = [*solve, Curve(f"poses to E, {WIDTHS[-1]}", whole)]
    series = [against_nodes(report, curves, fit=True) for curves in ([setup], per_pose)]
    if not all(series):
        return Section("", [], [])
    panels = [
        {"x": "nodes", "y": axis, "series": one}
        for axis, one in zip(("seconds, once for a head", "seconds per pose"), series, strict=True)
    ]
    shows = "Seconds of set-up, solve and the whole against nodes, with fitted exponents"
    picture = Picture(f"growth_{device}.svg", pictures.curves, panels, shows)
    fitted = ", ".join(f"{name.replace('_', ' ')} {value:.2f}" for name, value in report["growth"].items())
    text = (
        f"Seconds of set-up, and per pose in batches of {', '.join(map(str, WIDTHS))}. Lines and exponents "
        "are fitted to the phantoms, heads of one shape; hollow marks are other heads."
    )
    text += f" Exponents that the suite itself fits to least times: {fitted}." if fitted else ""
    return Section("", [text, shown(picture), by_head(report, [setup, *per_pose])], [picture])


def widths(report: Row, device: str) -> Section:
    """Seconds per pose against the width of the batch, for each head."""
    nodes = heads(report, NODES)
    curves: dict[str, list[list[float]]] = {}
    for given, value in values(report, "stages.Batch.time_solve", device=device):
        curves.setdefault(given["head"], []).append([given["width"], value / given["width"]])
    order = sorted(curves, key=lambda head: nodes.get(head, 0))
    series: list[Row] = [{"label": head, "points": sorted(curves[head])} for head in order]
    if not any(len(one["points"]) > 1 for one in series):
        return Section("", [], [])
    every = sorted({int(width) for one in series for width, _ in one["points"]})
    panel = {"x": "poses at a time", "y": "seconds of the solve per pose", "series": series, "ticks": every}
    shows = "Seconds of the solve per pose against poses at a time"
    picture = Picture(f"width_{device}.svg", pictures.curves, [panel], shows)
    rows = []
    for one in series:
        seconds = dict(one["points"])
        rows.append([one["label"], *(number(seconds.get(width)) for width in every)])
    header = ["s per pose", *(f"{width} at a time" for width in every)]
    return Section("", [shown(picture), table(header, rows)], [picture])


def accuracy(report: Row, device: str) -> Section:
    """Errors of the mesh and of the linear solve against seconds per pose."""
    panels, blocks = [], []
    for kind, knob, unit, axis in (
        ("Sphere", "edge_mm", "mm", "error of E in the sphere"),
        ("Tolerance", "tol", "", "error of E by the linear solve"),
    ):
        errors = {p[knob]: v for p, v in values(report, f"accuracy.{kind}.track_error", device=device)}
        seconds = values(report, f"accuracy.{kind}.track_seconds_per_pose", device=device)
        found = [(p[knob], v, errors[p[knob]]) for p, v in seconds if p[knob] in errors]
        if not found:
            continue
        found.sort(reverse=True)
        names = [f"{at:g} {unit}".strip() for at, _, _ in found]
        series = {"label": "", "points": [[v, error] for _, v, error in found], "names": names}
        panels.append({"x": "seconds per pose", "y": axis + ", relative L2", "series": [series]})
        header = [{"edge_mm": "edges", "tol": "tolerance"}[knob], "s per pose", "error, relative L2"]
        rows = [[name, number(v), number(error)] for name, (_, v, error) in zip(names, found, strict=True)]
        blocks.append(table(header, rows))
    if not panels:
        return Section("", [], [])
    shows = "Error of E against seconds per pose, by edge length of the mesh and by tolerance of the solve"
    picture = Picture(f"accuracy_{device}.svg", pictures.curves, panels, shows)
    text = (
        "Left, a sphere of three layers against the exact field, for several lengths of edges; right, one "
        "mesh at several tolerances against a far smaller one. Seconds are from poses to E, in batches of 32."
    )
    for _, value in values(
        report, "accuracy.AccuracyPerSecond.track_seconds_per_pose_at_5_percent", device=device
    ):
        text += f" An error of 5 % takes {number(value)} s per pose, between edges interpolated."
    return Section("", [text, shown(picture), *blocks], [picture])


def memory(report: Row, device: str) -> Section:
    """Peak memory of the process against nodes, and bytes for each node."""
    peaks = [
        Curve("set-up, MiB", heads(report, "memory.Peak.peakmem_head_model", MIB, device=device)),
        Curve("batch of 32, MiB", heads(report, "memory.Peak.peakmem_batch", MIB, device=device)),
    ]
    per_node = [
        Curve("held, bytes per node", heads(report, "memory.PerNode.track_held", device=device)),
        Curve("peak of set-up, bytes per node", heads(report, "memory.PerNode.track_peak", device=device)),
    ]
    short = [Curve(curve.label.partition(",")[0], curve.by_head) for curve in peaks]
    series = against_nodes(report, short, fit=False)
    if not series:
        return Section("", [], [])
    for one in series:
        one["points"], one["apart"] = sorted(one["points"] + one["apart"]), []
    panel = {"x": "nodes", "y": "peak memory of the process, MiB", "series": series}
    shows = "Peak memory against nodes, of a set-up and of a batch of 32 poses"
    picture = Picture(f"memory_{device}.svg", pictures.curves, [panel], shows)
    text = (
        "Peak resident memory of the process, interpreter and mesh included, and what a model itself takes."
    )
    return Section("", [text, shown(picture), by_head(report, [*peaks, *per_node])], [picture])
