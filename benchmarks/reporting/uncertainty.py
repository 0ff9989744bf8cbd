# SPDX-License-Identifier: BSD-3-Clause
"""What bases in conductivities cost, and how far they are off, from uncertainty.json."""

from __future__ import annotations

from reporting.markdown import Results, Row, Section, count, not_measured, number, source, table

SCRIPT, NAME, TITLE = "uncertainty.py", "uncertainty", "Spread by conductivities"


def section(results: Results) -> Section:
    """Set-up and samples of each head, and errors against full solves."""
    report = results.get(NAME)
    if report is None or not report["rows"]:
        return Section(TITLE, [not_measured(SCRIPT)], [])
    line, rows = source(SCRIPT, NAME, report), report["rows"]
    cost = (
        "A basis as it is made by default, to an error of 1e-3 within the published ranges of all tissues, "
        "in gray matter within 10 mm of a place under a coil; samples of the mean of |E| there, seconds and "
        "those of all processors; and one of many full solves for other conductivities, together."
    )
    off = (
        "Errors of E, relative L2 over the region, against full solves for conductivities from Beta(3, 3); "
        "the least and the largest ratio of certified bounds, and of estimates, to them; and how far mean "
        "and spread of samples of the basis are from those of the full solves, in their standard errors."
    )
    return Section(TITLE, [cost, costs(rows), line, off, errors(rows), line], [])


def costs(rows: list[Row]) -> str:
    header = ["head", "nodes", "threads", "tetrahedra", "solves", "basis s", "samples", "values s", "CPU s"]
    header += ["bounds s", "CPU s", "a full solve s"]
    cells = []
    for row in rows:
        times = row["times"]
        cells.append(
            [row["head"], count(row["nodes"]), str(row["threads"]), count(row["tetrahedra"])]
            + [count(row["solves"]), number(row["made_s"]), count(times["samples"])]
            + [number(times[f"{kind}_s"]) for kind in ("values", "values_of_processors")]
            + [number(times[f"{kind}_s"]) for kind in ("bounds", "bounds_of_processors")]
            + [number(row["full"]["seconds_each"])]
        )
    return table(header, cells)


def errors(rows: list[Row]) -> str:
    header = ["head", "full solves", "mean %", "worst %", "bound / true: least", "largest"]
    header += ["estimate / true: least", "largest", "mean off by", "spread off by"]
    cells = []
    for row in rows:
        full = row["full"]
        bound, told = full["certified"], full["estimated"]
        cells.append(
            [row["head"], count(bound["count"]), number(100 * bound["mean"]), number(100 * bound["worst"])]
            + [number(x) for x in (*bound["told_over_true"], *told["told_over_true"])]
            + [number(full[f"{kind}_off_in_standard_errors"]) for kind in ("mean", "std")]
        )
    return table(header, cells)
