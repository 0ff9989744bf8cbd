# SPDX-License-Identifier: BSD-3-Clause
"""What recovery gains and costs, from recovery.json."""

from __future__ import annotations

from reporting import pictures
from reporting.markdown import Results, Row, Section, count, not_measured, number, shown, source, table
from reporting.pictures import Picture

SCRIPT, TITLE = "recovery.py", "Recovered fields"
KINDS = ("elements", "patch", "interface")
PARTS = {"inside": "white matter away from gray", "white": "white matter", "gray": "gray matter"}


def section(results: Results) -> Section:
    """Errors of elements and recovered fields in spheres, their orders, and the cost on heads."""
    report = results.get("recovery")
    if report is None:
        return Section(TITLE, [not_measured(SCRIPT)], [])
    told = (
        "Relative L2 error of E in layers of a sphere against the exact field, per cent: of linear elements, "
        "with patch recovery, and with interface recovery; and what is estimated for the elements over what "
        "they are off by."
    )
    line = source(SCRIPT, "recovery", report)
    blocks = [told, errors(report), line]
    drawn = picture(report)
    blocks += [shown(drawn), "Orders, by the edges of each sphere:", orders(report), line]
    if report["costs"]:
        blocks += ["32 poses in gray matter, interface recovery:", costs(report), line]
    return Section(TITLE, blocks, [drawn])


def errors(report: Row) -> str:
    header = ["edge mm", "radius mm", "nodes"]
    for part in PARTS.values():
        header += [f"{part}: elements", "patch", "interface", "estimate over truth"]
    rows = []
    for row in report["spheres"]:
        cells = [number(row["edge_mm"]), number(row["radius_mm"]), count(row["nodes"])]
        for part in PARTS:
            cells += [number(100 * row[part][kind]) for kind in KINDS] + [number(row[part]["effectivity"])]
        rows.append(cells)
    return table(header, rows)


def orders(report: Row) -> str:
    rows = [
        [f"{PARTS[part]}, radius {number(sphere['radius_mm'])} mm", *(number(sphere[part][k]) for k in KINDS)]
        for sphere in report["orders"]
        for part in PARTS
    ]
    return table(["order", *KINDS], rows)


def costs(report: Row) -> str:
    header = [
        "head",
        "nodes",
        "tetrahedra",
        "operator s, once",
        "solve s",
        "recovery s",
        "share of the solve",
    ]
    rows = [
        [
            row["head"],
            count(row["nodes"]),
            count(row["elements"]),
            *(number(row[key]) for key in ("build_s", "solve_s", "recovery_s")),
            f"{100 * row['share']:.0f} %",
        ]
        for row in report["costs"]
    ]
    return table(header, rows)


def picture(report: Row) -> Picture:
    """Error in gray and white matter over the edge, of the whole head."""
    largest = max(row["radius_mm"] for row in report["spheres"])
    rows = [row for row in report["spheres"] if row["radius_mm"] == largest]
    panels = [
        {
            "x": "edge mm",
            "y": f"error of E in {PARTS[part]}, %",
            "series": [
                {"label": kind, "points": [[row["edge_mm"], 100 * row[part][kind]] for row in rows]}
                for kind in KINDS
            ],
        }
        for part in ("white", "gray")
    ]
    shows = "Relative error of E in a sphere over the edge, of elements and of recovered fields"
    return Picture("recovery.svg", pictures.curves, panels, shows)
