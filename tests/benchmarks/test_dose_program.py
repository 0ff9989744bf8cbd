# SPDX-License-Identifier: BSD-3-Clause
"""The report of benchmarks/dose.py shows what was measured."""

import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"


@pytest.fixture
def reporting(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    from reporting import dose

    yield dose
    sys.modules.pop("reporting.dose", None)


def report():
    places = [
        {"tetrahedra": 200, "estimate": 0.0625, "changed_by_zoom": -0.03125, "zoom_error": 0.01},
        {"tetrahedra": 220, "estimate": 0.03125, "changed_by_zoom": 0.0078125, "zoom_error": 0.01},
    ]
    intensity = {
        "mso": 32.5,
        "errors_mso": {"placement": 1.5, "conductivity": 0.25, "discretisation": 1.25},
        "conductivity_if_alone_mso": 2.25,
        "seconds": {"first": 1.5, "plain": 0.5, "placement": 4.5, "conductivity": 12.5},
    }
    sums = {"pulses": 10_000, "poses": 500, "tetrahedra": 60_000, "seconds": 30.5, "seconds_of_solves": 28.5}
    sums |= {"peak_bytes": 50e6, "bytes_of_all_fields": 360e6}
    row = {"head": "head_small", "nodes": 27_425, "tetrahedra": 164_205, "threads": 2}
    return {"rows": [row | {"discretisation": places, "intensity": intensity, "map": sums}]}


def test_a_section_has_a_line_for_each_row(reporting):
    text = "\n".join(reporting.section({"dose": report()}).blocks)
    assert "| head_small | 2 | 3.12 | 6.25 | 0.781 | 3.12 | 0.395 | 0.500 |" in text
    assert (
        "| head_small | 164,205 | 2 | 1.50 | 0.500 | 4.50 | 12.5 | 32.5 | 1.25 | 1.50 | 0.250 | 2.25 |"
        in text
    )
    assert "| head_small | 10,000 | 500 | 60,000 | 30.5 | 28.5 | 50.0 | 360 |" in text


def test_without_a_file_the_section_says_how_to_make_it(reporting):
    (block,) = reporting.section({}).blocks
    assert "python benchmarks/dose.py" in block
