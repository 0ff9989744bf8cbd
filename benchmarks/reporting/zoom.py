# SPDX-License-Identifier: BSD-3-Clause
"""What a zoom is off by, says it is off by, and costs, from zoom.json and zoom_times.json."""

from __future__ import annotations

from reporting.markdown import Results, Row, Section, count, not_measured, number, source, table

SCRIPT, TITLE = "zoom.py", "Zoom"
LINEAR = {
    "elements": "linear elements",
    "patch": "linear, patch recovery",
    "interface": "linear, interface recovery",
}
REGIONS = {
    "deep": "white matter, below 0.7 of the radius",
    "layer": "gray matter",
    "facets": "gray matter, on its outer surface",
    "steep": "ball of one tissue, a dipole beside it",
}


def section(results: Results) -> Section:
    """Errors on heads and in spheres with the errors that are reported, and times beside the head's."""
    report, clock = results.get("zoom"), results.get("zoom_times")
    blocks: list[str] = []
    if report is not None:
        line = source(SCRIPT, "zoom", report)
        if report["heads"]:
            blocks += on_heads(report, line)
        if report["spheres"]:
            told = (
                "In spheres, against the exact field: what polyhedra are off from spheres is part of it, and "
                "no refinement takes it away, and no estimate knows it."
            )
            blocks += [told, spheres(report), line]
    if clock is not None:
        told = (
            "Times beside those of the head: the set-up, with the solve of the head for four poses; and "
            "what the zoom adds to a pose in batches of 32, over ∂A/∂t, right-hand side and solve of the "
            "head in the same call."
        )
        blocks += [told, times(clock), source(SCRIPT, "zoom_times", clock)]
    return Section(TITLE, blocks or [not_measured(SCRIPT)], [])


def on_heads(report: Row, line: str) -> list[str]:
    told = (
        "Gray matter within 20 or 10 mm of the peak of |E|, four poses: relative L2 error of E at 8,000 "
        "points, per cent; the bias of |E| at the strongest 5 % of them; work is nonzeros × iterations, "
        "relative to the head's. The error reported over the true one is that of all poses together, and the "
        "least and the largest of one."
    )
    truths = (
        "The truths, and what they say they are off by themselves, per cent. Errors above are distances d "
        "from a truth that is off by t; on nested meshes the error would be √(d² + t²), so that one near t "
        "means little."
    )
    others = (
        "Twelve other poses, turned by 7.5° to 172.5°, on a mesh made for one pose and on one made for all "
        "of them, 3 % asked for: error, per cent."
    )
    rims = (
        "How far E with a margin is from E with one of 40 mm, per cent, 5 % asked for: what the potential at "
        "the rim costs."
    )
    found = [told, errors(report), line, truths, truth(report), line, others, poses(report), line]
    return found + ([rims, margins(report), line] if any(row["margins"] for row in report["heads"]) else [])


def percent(value: float) -> str:
    return number(100 * value)


def signed(value: float) -> str:
    """Per cent with a sign and a digit behind the point."""
    return f"{100 * value:+.1f}"


def regions(report: Row) -> list[tuple[Row, Row]]:
    return [(head, region) for head in report["heads"] for region in head["regions"]]


def errors(report: Row) -> str:
    header = ["head", "radius mm", "E of", "unknowns", "work", "error", "reported"]
    header += ["reported over true", "bias of the strongest"]
    rows = []
    for head, region in regions(report):
        where = [head["head"], number(region["radius_mm"])]
        for kind, name in LINEAR.items():
            found = region["linear"][kind]
            sizes = [count(head["unknowns"]), "1.00"]
            rows.append([*where, name, *sizes, percent(found["error"]), "", "", signed(found["bias"])])
        found = region["uniform"]
        sizes = [count(found["unknowns"]), number(found["relative_work"])]
        told = [percent(found["error"]), "", "", signed(found["bias"])]
        rows.append([*where, "linear, divided into eight around it", *sizes, *told])
        rows += [[*where, *zoom(found)] for found in region["zooms"]]
    return table(header, rows)


def zoom(found: Row) -> list[str]:
    """Cells of a zoom: what was asked for, sizes, errors, bias."""
    low, high = found["effectivity"]
    over = f"{number(found['reported'] / found['error'])} ({number(low)}–{number(high)})"
    name = f"zoom, {number(100 * found['asked'])} % asked for" + ("" if found["reached"] else ", not reached")
    sizes = [count(found["unknowns"]), number(found["relative_work"])]
    told = [percent(found["error"]), percent(found["reported"])]
    return [name, *sizes, *told, over, signed(found["bias"])]


def truth(report: Row) -> str:
    rows = [
        [
            head["head"],
            number(region["radius_mm"]),
            count(region["elements"]),
            count(region["truth"]["unknowns"]),
            percent(region["truth"]["reported"]),
        ]
        for head, region in regions(report)
    ]
    return table(["head", "radius mm", "tetrahedra of the region", "unknowns", "reported"], rows)


def poses(report: Row) -> str:
    rows = [
        [
            head["head"],
            number(region["radius_mm"]),
            *(
                percent(region["others"][mesh][key])
                for mesh in ("one", "all")
                for key in ("error", "reported")
            ),
        ]
        for head, region in regions(report)
    ]
    header = ["head", "radius mm", "made for one: error", "reported", "made for all: error", "reported"]
    return table(header, rows)


def margins(report: Row) -> str:
    heads = [head for head in report["heads"] if head["margins"]]
    header = ["head", *(f"{number(row['margin_mm'])} mm" for row in heads[0]["margins"])]
    return table(
        header, [[head["head"], *(percent(row["off"]) for row in head["margins"])] for head in heads]
    )


def spheres(report: Row) -> str:
    header = ["edges mm", "region", "E of", "unknowns", "error", "reported", "reported over true"]
    rows = []
    for row in report["spheres"]:
        for name, region in row["regions"].items():
            where = [number(row["edge_mm"]), REGIONS[name]]
            for kind, label in LINEAR.items():
                error = percent(region["linear"][kind]["error"])
                rows.append([*where, label, count(region["nodes"]), error, "", ""])
            for found in region["zooms"]:
                low, high = found["effectivity"]
                over = f"{number(found['reported'] / found['error'])} ({number(low)}–{number(high)})"
                label = f"zoom, {number(100 * found['asked'])} % asked for"
                told = [percent(found["error"]), percent(found["reported"]), over]
                rows.append([*where, label, count(found["unknowns"]), *told])
    return table(header, rows)


def times(report: Row) -> str:
    header = [
        "head",
        "set-up s",
        "radius mm",
        "asked for %",
        "unknowns",
        "set-up of the zoom s",
        "to the head's",
    ]
    header += ["s per pose, head", "s per pose, zoom adds", "to the head's"]
    rows = [
        [
            head["head"],
            number(head["setup_s"]),
            number(row["radius_mm"]),
            percent(row["asked"]),
            count(row["unknowns"]),
            *(number(row[key]) for key in ("setup_s", "setup_ratio", "head_s", "zoom_s", "ratio")),
        ]
        for head in report["heads"]
        for row in head["zooms"]
    ]
    return table(header, rows)
