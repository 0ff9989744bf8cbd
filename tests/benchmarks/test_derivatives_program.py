# SPDX-License-Identifier: BSD-3-Clause
"""The reports of benchmarks/gradients.py and refine.py show what was measured."""

import importlib
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"
GRADIENTS = {
    "rows": [
        {
            "head": "head_small",
            "nodes": 27_425,
            "threads": 2,
            "times": {
                "solve": {"s": 0.5, "cpu_s": 1.0},
                "pose": {"s": 1.0, "cpu_s": 2.0, "ratio_cpu_s": 2.0},
                "component": {"s": 0.5, "cpu_s": 1.0, "ratio_cpu_s": 1.0},
                "conductivity": {"s": 1.5, "cpu_s": 3.0, "ratio_cpu_s": 3.0},
                "one": {"s": 0.25, "cpu_s": 0.5},
                "one_with_dipoles": {"s": 0.75, "cpu_s": 1.5},
            },
            "errors": {
                f"{what} {kind}": error
                for what in ("mean_magnitude", "component")
                for kind, error in (("float64", 5e-7), ("default", 2e-5))
            },
        }
    ]
}
REFINE = {
    "refinements": [
        {"head": "head_small", "target": "mean |E|", "starts": 32, "batches": 15, "poses": 427}
        | {"seconds": 12.0, "value": 27.5, "start": 27.0, "grid": 27.25, "around": 27.5}
        | {"missed_percent": 0.25, "starts_within_0.1_percent": 11, "starts_within_1_percent": 23}
        | {"best_by_batch": [27.0, 27.5], "least_clear_mm": 4.0}
    ]
}
LINES = {
    "gradients": (
        GRADIENTS,
        "| head_small | 27,425 | 2 | 0.500 | 2.00 | 1.00 | 3.00 | 0.250 | 0.750 "
        "| 5.0e-07 | 2.0e-05 | 5.0e-07 | 2.0e-05 |",
    ),
    "refine": (
        REFINE,
        "| head_small | mean \\|E\\| | 32 | 15 | 427 | 12.0 | 27.0 | 27.5 | 11 | 23 | 27.2 | 0.250 | 4.00 |",
    ),
}


@pytest.fixture
def reporting(monkeypatch, request):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    name = f"reporting.{request.param}"
    yield request.param, importlib.import_module(name)
    sys.modules.pop(name, None)


@pytest.mark.parametrize("reporting", LINES, indirect=True)
def test_a_section_has_a_line_for_each_row(reporting):
    name, module = reporting
    report, line = LINES[name]
    assert line in "\n".join(module.section({name: report}).blocks)


@pytest.mark.parametrize("reporting", LINES, indirect=True)
def test_without_a_file_the_section_says_how_to_make_it(reporting):
    name, module = reporting
    (block,) = module.section({}).blocks
    assert f"python benchmarks/{name}.py" in block
