# SPDX-License-Identifier: BSD-3-Clause
"""The report of benchmarks/uncertainty.py shows what was measured."""

import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"


@pytest.fixture
def reporting(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    from reporting import uncertainty

    yield uncertainty
    sys.modules.pop("reporting.uncertainty", None)


def report():
    row = {"head": "head_small", "nodes": 27_425, "threads": 2, "tetrahedra": 125, "solves": 48}
    certified = {"count": 256, "mean": 0.00125, "worst": 0.0025, "told_over_true": [16.0, 60.0]}
    full = {"certified": certified, "estimated": certified | {"told_over_true": [1.25, 4.25]}}
    full |= {"seconds_each": 0.5, "mean_off_in_standard_errors": -0.5, "std_off_in_standard_errors": 0.75}
    times = {"samples": 100_000, "values_s": 2.5, "values_of_processors_s": 2.0}
    times |= {"bounds_s": 4.5, "bounds_of_processors_s": 4.0}
    return {"rows": [row | {"made_s": 25.0, "full": full, "times": times}]}


def test_a_section_has_a_line_for_each_row(reporting):
    text = "\n".join(reporting.section({"uncertainty": report()}).blocks)
    assert (
        "| head_small | 27,425 | 2 | 125 | 48 | 25.0 | 100,000 | 2.50 | 2.00 | 4.50 | 4.00 | 0.500 |" in text
    )
    assert "| head_small | 256 | 0.125 | 0.250 | 16.0 | 60.0 | 1.25 | 4.25 | -0.500 | 0.750 |" in text


def test_without_a_file_the_section_says_how_to_make_it(reporting):
    (block,) = reporting.section({}).blocks
    assert "python benchmarks/uncertainty.py" in block
