# SPDX-License-Identifier: BSD-3-Clause
"""The report of benchmarks/realtime.py shows what was measured."""

import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"


@pytest.fixture
def reporting(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    from reporting import realtime

    yield realtime
    sys.modules.pop("reporting.realtime", None)


def report():
    accuracy = {"coil": "D70", "sources": 964, "poses": 16, "mean": 0.00125, "worst": 0.0025}
    accuracy |= {"told_over_true": [1.25, 2.75], "not_told": 0, "ready_s": 0.1}
    frames = {"single_ms": 3.0, "bare_ms": 2.0, "batch_ms": 0.5, "bare_batch_ms": 0.25, "places": 20_000}
    guess = {"plain_s": 4.0, "plain_iterations": 8.0, "basis_s": 2.0, "basis_iterations": 4.25}
    row = {"head": "head_small", "nodes": 27_425, "threads": 2, "sources": 352, "basis_s": 12.0}
    row |= {"modes": 122, "one_pose": {"summed_s": 0.5, "table_s": 1.5, "iterations": 9}}
    return {"rows": [row | {"megabytes": 42.0, "accuracy": [accuracy], "frames": frames, "guess": guess}]}


def test_a_section_has_a_line_for_each_row(reporting):
    text = "\n".join(reporting.section({"realtime": report()}).blocks)
    assert (
        "| head_small | 27,425 | 2 | 20,000 | 352 | 122 | 42.0 | 12.0 | 3.00 | 2.00 | 0.500 | 0.250 |" in text
    )
    assert "| 8.00 | 4.25 | 4.00 | 2.00 | 0.500 | 1.50 |" in text
    assert "| head_small | D70 | 964 | 16 | 0.125 | 0.250 | 1.25 | 2.75 |" in text


def test_without_a_file_the_section_says_how_to_make_it(reporting):
    (block,) = reporting.section({}).blocks
    assert "python benchmarks/realtime.py" in block
