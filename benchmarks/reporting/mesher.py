# SPDX-License-Identifier: BSD-3-Clause
"""Heads meshed from label images, from mesher.json."""

from __future__ import annotations

from reporting.markdown import Results, Row, Section, count, not_measured, number, source, table

SCRIPT, TITLE = "mesher.py", "Heads from label images"
TISSUES = {"1": "white", "2": "gray", "3": "CSF"}


def section(results: Results) -> Section:
    """Random volumes, heads at real size, and E against a mesh of half the edge."""
    report = results.get("mesher")
    if report is None:
        return Section(TITLE, [not_measured(SCRIPT)], [])
    line = source(SCRIPT, "mesher", report)
    blocks = [
        "Random label volumes that are hard to mesh, of `tests/given/label_volumes.py`. A fault is a mesh "
        "with inverted or unjoined tetrahedra, one with an angle below 10°, or none.",
        volumes(report["volumes"]),
        line,
        "Label images of 1 mm, made from heads that were meshed before. Volumes are over those of the "
        "voxels, angles the smallest dihedral ones, distances those of the centres of interface faces from "
        "where smoothed labels are equal, in voxels.",
        heads(report["heads"]),
        line,
        "E in gray matter, of a figure-of-eight over left M1, against the recovered E on a mesh of half the "
        "edge, beside the discretisation error that headfield reports. The meshes differ in where they put "
        "interfaces, too; what is gray matter in both is compared.",
        solves(report["solves"]),
        line,
    ]
    return Section(TITLE, blocks, [])


def volumes(rows: list[Row]) -> str:
    header = ["edge in voxels", "volumes", "with faults", "smallest angle", "tetrahedra", "below 10°"]
    header += ["faces within half a voxel %", "in the worst volume %", "seconds", "most"]
    return table(
        header,
        [
            [
                number(row["edge_voxels"]),
                count(row["volumes"]),
                count(row["with_faults"]),
                number(row.get("smallest_angle")),
                count(row.get("tetrahedra")),
                count(row.get("below", {}).get("10.0")),
                number(percent(row.get("near"))),
                number(percent(row.get("least_near"))),
                number(row.get("seconds")),
                number(row.get("most_seconds")),
            ]
            for row in rows
        ],
    )


def heads(rows: list[Row]) -> str:
    header = ["head", "edge mm", "nodes", "tetrahedra", "seconds, 1 thread", "all cores", "memory GiB"]
    header += [
        "angle",
        "within half a voxel %",
        "p99",
        *(f"{name} volume" for name in TISSUES.values()),
        "faults",
    ]
    return table(header, [head(row) for row in rows])


def head(row: Row) -> list[str]:
    runs = row.get("runs", [])
    seconds = [number(run["seconds"]) for run in (runs[:1] + runs[-1:])] or ["–", "–"]
    memory = max((run["peak_mib"] / 1024 for run in runs), default=None)
    return [
        row["head"],
        number(row["edge_mm"]),
        count(row.get("nodes")),
        count(row.get("tets")),
        *seconds,
        number(memory),
        number(row.get("smallest_angle")),
        number(percent(row.get("near"))),
        number(row.get("p99")),
        *(number(row.get("voxel_ratios", {}).get(tag)) for tag in TISSUES),
        "; ".join(row["faults"]) or "none",
    ]


def solves(rows: list[Row]) -> str:
    header = ["head", "edge mm", "nodes", "at half", "iterations", "at half", "E off by %", "recovered E %"]
    header += ["reported %", "at half", "gray matter compared %"]
    return table(
        header,
        [
            [
                row["head"],
                number(row["edge_mm"]),
                *(count(nodes) for nodes in row["nodes"]),
                count(row["iterations"]),
                count(row["fine_iterations"]),
                *(
                    number(percent(row[key]))
                    for key in ("difference", "recovered_difference", "reported", "fine_reported", "compared")
                ),
            ]
            for row in rows
        ],
    )


def percent(share: float | None) -> float | None:
    return None if share is None else 100 * share
