# SPDX-License-Identifier: BSD-3-Clause
"""What real-time bases cost, and how far their frames are off, from realtime.json."""

from __future__ import annotations

from reporting.markdown import Results, Row, Section, count, not_measured, number, source, table

SCRIPT, NAME, TITLE = "realtime.py", "realtime", "Frames from a real-time basis"


def section(results: Results) -> Section:
    """Set-up and frames of each head, and errors of coils that the basis has not seen."""
    report = results.get(NAME)
    if report is None or not report["rows"]:
        return Section(TITLE, [not_measured(SCRIPT)], [])
    line, rows = source(SCRIPT, NAME, report), report["rows"]
    cost = (
        "A basis as it is made by default, for places around the hand area; frames one at a time and 32 at a "
        "time, with their error estimates and bare; 32 solves with the basis as first guess, and without; "
        "one pose of a coil that is new, its sources summed by a tree, and with a table made for it."
    )
    off = (
        "Errors of E against full solves of the same model, relative L2 over the region, of coils and poses "
        "that the basis has not seen; and the least and the largest ratio of what frames said of their error "
        "to what it is."
    )
    return Section(TITLE, [cost, costs(rows), line, off, errors(rows), line], [])


def costs(rows: list[Row]) -> str:
    header = [
        "head",
        "nodes",
        "threads",
        "places",
        "sources",
        "modes",
        "MB",
        "basis s",
        "frame ms",
        "bare ms",
        "of 32 ms",
        "bare ms",
    ]
    header += ["iterations", "with basis", "s", "with basis", "new coil s", "with table s"]
    cells = []
    for row in rows:
        frames, guess = row["frames"], row["guess"]
        cells.append(
            [row["head"], count(row["nodes"]), str(row["threads"]), count(frames["places"])]
            + [count(row["sources"]), count(row["modes"]), number(row["megabytes"]), number(row["basis_s"])]
            + [number(frames[f"{kind}_ms"]) for kind in ("single", "bare", "batch", "bare_batch")]
            + [number(guess["plain_iterations"]), number(guess["basis_iterations"])]
            + [number(guess["plain_s"]), number(guess["basis_s"])]
            + [number(row["one_pose"][f"{kind}_s"]) for kind in ("summed", "table")]
        )
    return table(header, cells)


def errors(rows: list[Row]) -> str:
    cells = []
    for row in rows:
        for one in row["accuracy"]:
            low, high = (number(x) for x in one["told_over_true"]) if one["told_over_true"] else ("–", "–")
            cells.append(
                [row["head"], one["coil"], count(one["sources"]), str(one["poses"])]
                + [number(100 * one["mean"]), number(100 * one["worst"]), low, high]
            )
    header = ["head", "coil", "its sources", "poses", "mean %", "worst %", "told / true: least", "largest"]
    return table(header, cells)
