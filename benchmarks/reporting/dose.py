# SPDX-License-Identifier: BSD-3-Clause
"""What intensities and sums over sessions cost, and how good their errors are, from dose.json."""

from __future__ import annotations

from reporting.markdown import Results, Row, Section, count, not_measured, number, source, table

SCRIPT, NAME, TITLE = "dose.py", "dose", "Intensities and doses"


def section(results: Results) -> Section:
    """Errors of means of |E| beside zooms, seconds of intensities, and of sums over pulses."""
    report = results.get(NAME)
    if report is None or not report["rows"]:
        return Section(TITLE, [not_measured(SCRIPT)], [])
    line, rows = source(SCRIPT, NAME, report), report["rows"]
    errors = (
        "The mean of |E| in gray matter within 10 mm of a place under a coil: the error that an intensity is "
        "given by the size of the tetrahedra, beside what a zoom to 1 % changes, %, over places."
    )
    strong = (
        "An intensity at one place by the field at motor threshold at another: seconds with the mesh as it "
        "is (the first call builds what recovers E), with sampled placement, and with sampled "
        "conductivities; and errors, %MSO. Conductivities alone: if they were drawn for each place apart."
    )
    sums = (
        "Sums over pulses in the brain, each different pose solved once, beside the solves of these poses by "
        "`iter_solve`; the most memory that NumPy had, beside all fields."
    )
    blocks = [errors, estimates(rows), line, strong, intensities(rows), line, sums, maps(rows), line]
    return Section(TITLE, blocks, [])


def estimates(rows: list[Row]) -> str:
    header = ["head", "places", "estimate: least", "largest", "by zoom: least", "largest"]
    header += ["zoom / estimate: root mean square", "largest"]
    cells = []
    for row in rows:
        found = row["discretisation"]
        told = [100 * one["estimate"] for one in found]
        true = [100 * abs(one["changed_by_zoom"]) for one in found]
        ratios = [b / a for a, b in zip(told, true, strict=True)]
        mean = (sum(one**2 for one in ratios) / len(ratios)) ** 0.5
        cells.append(
            [row["head"], count(len(found))]
            + [number(x) for x in (min(told), max(told), min(true), max(true), mean, max(ratios))]
        )
    return table(header, cells)


def intensities(rows: list[Row]) -> str:
    header = ["head", "tetrahedra", "threads", "first s", "next s", "placement s", "conductivity s"]
    header += ["%MSO", "by mesh", "by placement", "by conductivity", "conductivities alone"]
    cells = []
    for row in rows:
        one = row["intensity"]
        seconds, errors = one["seconds"], one["errors_mso"]
        cells.append(
            [row["head"], count(row["tetrahedra"]), str(row["threads"])]
            + [number(seconds[name]) for name in ("first", "plain", "placement", "conductivity")]
            + [number(one["mso"])]
            + [number(errors[name]) for name in ("discretisation", "placement", "conductivity")]
            + [number(one["conductivity_if_alone_mso"])]
        )
    return table(header, cells)


def maps(rows: list[Row]) -> str:
    header = ["head", "pulses", "poses", "tetrahedra", "s", "solves alone s", "most MB", "all fields MB"]
    cells = []
    for row in rows:
        one = row["map"]
        cells.append(
            [row["head"], count(one["pulses"]), count(one["poses"]), count(one["tetrahedra"])]
            + [number(one["seconds"]), number(one["seconds_of_solves"])]
            + [number(one["peak_bytes"] / 1e6), number(one["bytes_of_all_fields"] / 1e6)]
        )
    return table(header, cells)
