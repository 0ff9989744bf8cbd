# SPDX-License-Identifier: BSD-3-Clause
"""What refinement of poses by gradients finds, beside brute force, from refine.json."""

from __future__ import annotations

from reporting.markdown import Results, Row, Section, count, not_measured, number, source, table

SCRIPT, NAME, TITLE = "refine.py", "refine", "Refinement of poses by gradients"


def section(results: Results) -> Section:
    """Values from many starts together, beside grids of poses."""
    report = results.get(NAME)
    if report is None or not report["refinements"]:
        return Section(TITLE, [not_measured(SCRIPT)], [])
    text = (
        "Starts around a target, refined together, casings clear of the scalp: the best start, the best "
        "value found, how many starts ended within 0.1 % and 1 % of it; the best of all tangential poses "
        "0.5 mm and 1° apart, and by how much the best of poses half a millimetre and a degree around what "
        "was found (six motions) is above it. V/m."
    )
    return Section(TITLE, [text, lines(report["refinements"]), source(SCRIPT, NAME, report)], [])


def lines(rows: list[Row]) -> str:
    header = ["head", "target", "starts", "batches", "solves", "s", "best start", "found", "within 0.1 %"]
    header += ["within 1 %", "best tangential", "missed %", "clear mm"]
    cells = []
    for row in rows:
        cells.append(
            [row["head"], row["target"].replace("|", "\\|"), str(row["starts"]), str(row["batches"])]
            + [count(row["poses"])]
            + [number(row[name]) for name in ("seconds", "start", "value")]
            + [str(row[f"starts_within_{share}_percent"]) for share in ("0.1", "1")]
            + [number(row["grid"]), number(row["missed_percent"]), number(row["least_clear_mm"])]
        )
    return table(header, cells)
