# SPDX-License-Identifier: BSD-3-Clause
"""Reading heads from files, from read_msh.json."""

from __future__ import annotations

from reporting.markdown import Results, Section, not_measured, number, source, table

SCRIPT = "read_msh.py"


def section(results: Results) -> Section:
    """Seconds of each layout of a .msh file."""
    report = results.get("read_msh")
    if report is None:
        return Section("Reading heads", [not_measured(SCRIPT)], [])
    rows = [
        [name, *(number(layout[key]) for key in ("megabytes", "seconds", "fromfile_seconds", "ratio"))]
        for name, layout in report["layouts"].items()
    ]
    header = (".msh layout", "MB", "s", "s of numpy.fromfile", "ratio")
    size = f"{report['nodes']:,} nodes and {report['elements']:,} elements, median of {report['repeats']}."
    return Section("Reading heads", [size, table(header, rows), source(SCRIPT, "read_msh", report)], [])
