# SPDX-License-Identifier: BSD-3-Clause
"""The report of benchmarks/targeting.py shows what was measured, and its errors are what they say."""

import sys
from pathlib import Path

import numpy as np
import pytest

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"


@pytest.fixture
def modules(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import targeting_rows
    from reporting import targeting

    return targeting_rows, targeting


def times(run, options, seconds):
    stages = {"place": 0.25, "adjoint": 0.5, "sweep": 0.125}
    one = {"target": "mean |E|", "options": options, "run": run, "positions": 5900, "angles": 360}
    one |= {"solves": 41, "stages": stages, "total_s": seconds, "configurations_per_s": 4.5e6}
    return one | {"sweep_error": 1e-4, "value": 1.0, "processor_s": seconds}


def report():
    searches = [times("first", "default", 4.0), times("next", "plain", 2.0)]
    row = {"head": "head_large", "nodes": 709_254, "coil": "D70", "threads": 2, "setup_s": 9.0}
    error = {"worst": 2.5e-5, "mean": 1e-5}
    agreed = {"evaluate": error, "map": {"worst": 7e-4, "mean": 3e-4}, "sweep": 1e-4, "poses": 40}
    best = {"value": 1.99, "brute": 2.0, "loss": 0.005, "poses": 40_000, "place": "M1", "depth_mm": 21.5}
    best |= {"flatness": {"worst": 0.0625}, "search_s": 5.0}
    where = {"head": "head_small", "nodes": 27_425, "coil": "D70", "sources": 964}
    return {
        "agreement": [where | {"component": agreed, "mean |E|": agreed}],
        "optima": [where | best],
        "times": [row | {"searches": searches, "solve_s_per_pose": 0.25}],
    }


def test_a_section_has_a_line_for_each_row(modules):
    text = "\n".join(modules[1].section({"targeting": report()}).blocks)
    assert "| head_small | D70 | 964 | 2.5e-05 | 1.0e-05 | 7.0e-04 | 3.0e-04 |" in text
    assert "| head_small | M1 | 21.5 | 1.99 | 2.00 | 0.50 | 40,000 | 6.25 | 5.00 |" in text
    assert (
        "| head_large | 2 | mean \\|E\\| | default | first | 5,900 × 360 | 41 | 0.250 | – | 0.500 |" in text
    )
    # 0.25 s times 5,900 × 360 poses, against 4 s
    assert "| head_large | 2 | 0.250 | 2,124,000 | 148 | 4.00 | 132,750 |" in text


def test_without_a_file_the_section_says_how_to_make_it(modules):
    (block,) = modules[1].section({}).blocks
    assert "python benchmarks/targeting.py" in block


def test_errors_are_relative_to_the_largest_value(modules):
    found = modules[0].errors(np.array([1.0, -3.9, 2.0]), np.array([1.0, -4.0, 2.2]))
    assert found["worst"] == pytest.approx(0.05)
    assert found["mean"] == pytest.approx(0.025)


def test_a_phantom(modules):
    """Values agree, the grid lies around the optimum and off the scalp, and nothing on it is much better."""
    rows = modules[0]
    of = rows.model("phantom_29k")
    row = rows.agreement(of, "phantom_29k", "figure of eight", True)
    assert row["component"]["evaluate"]["worst"] < 1e-4
    assert row["mean |E|"]["evaluate"]["worst"] < 2e-3
    assert row["component"]["map"]["worst"] < 1e-2
    assert row["component"]["poses"] == rows.AGREED
    assert "targeting_rows" in sys.modules
