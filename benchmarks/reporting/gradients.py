# SPDX-License-Identifier: BSD-3-Clause
"""What derivatives of measures cost beside solves, and how they compare with differences: gradients.json."""

from __future__ import annotations

from reporting.markdown import Results, Row, Section, count, not_measured, number, source, table

SCRIPT, NAME, TITLE = "gradients.py", "gradients", "Derivatives of measures of E"
ERRORS = tuple(
    f"{what} {kind}" for what in ("mean_magnitude", "component") for kind in ("float64", "default")
)


def section(results: Results) -> Section:
    """Times of each head beside those of a solve alone, and errors against central differences."""
    report = results.get(NAME)
    if report is None or not report["rows"]:
        return Section(TITLE, [not_measured(SCRIPT)], [])
    line, rows = source(SCRIPT, NAME, report), report["rows"]
    text = (
        "32 poses around a target: values and derivatives by poses and dI/dt, of the mean of |E| and of "
        "a component, and by conductivities too, as multiples of the processor time of a solve for E there; "
        "seconds of one pose alone, and with derivatives by each of its dipoles. Errors of derivatives by "
        "poses, relative to their length, against central differences of solves of the same kind: with A "
        "summed in float64 and solved to 1e-12, and by default."
    )
    return Section(TITLE, [text, lines(rows), line], [])


def lines(rows: list[Row]) -> str:
    header = [
        "head",
        "nodes",
        "threads",
        "solve s",
        "\\|E\\| ×",
        "component ×",
        "σ too ×",
        "one pose s",
        "dipoles s",
    ]
    header += ["\\|E\\| off", "default", "component off", "default"]
    cells = []
    for row in rows:
        times = row["times"]
        ratios = [number(times[name]["ratio_cpu_s"]) for name in ("pose", "component", "conductivity")]
        cells.append(
            [row["head"], count(row["nodes"]), str(row["threads"]), number(times["solve"]["s"]), *ratios]
            + [number(times[name]["s"]) for name in ("one", "one_with_dipoles")]
            + [f"{row['errors'][name]:.1e}" for name in ERRORS]
        )
    return table(header, cells)
