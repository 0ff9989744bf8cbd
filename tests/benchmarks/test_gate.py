# SPDX-License-Identifier: BSD-3-Clause
"""The deterministic gate sees what has moved, either way, and what is missing; its counts add up."""

import copy
import json
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"


@pytest.fixture
def gate(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import gate

    return gate


@pytest.fixture
def committed():
    return json.loads((BENCHMARKS / "gate.json").read_text())


def test_what_was_committed_has_not_moved(gate, committed):
    assert gate.compare(committed, committed) == []


@pytest.mark.parametrize("factor", [0.9, 1.1])
def test_a_number_that_moves_either_way_is_named(gate, committed, factor):
    for name in committed["sphere"]:
        found = copy.deepcopy(committed)
        found["sphere"][name] *= factor
        (line,) = gate.compare(found, committed)
        assert line.startswith(f"sphere: {name} ")


def test_a_digit_of_rounding_is_let_through_and_a_count_is_not(gate, committed):
    found = copy.deepcopy(committed)
    found["sphere"]["relative L2 error of E"] *= 1.0 + 1e-5
    assert gate.compare(found, committed) == []
    found["sphere"]["nonzeros"] += 1
    assert len(gate.compare(found, committed)) == 1


def test_what_is_not_a_number_missing_or_new_is_named(gate, committed):
    found = copy.deepcopy(committed)
    found["sphere"]["operator complexity"] = float("nan")
    del found["sphere"]["levels"]
    found["sphere"]["extra"] = 1.0
    lines = gate.compare(found, committed)
    assert [
        word in " ".join(lines) for word in ("nan", "levels is not measured", "extra is not committed")
    ] == [True] * 3
    assert len(lines) == 3


def test_counts_of_a_solve_add_up(gate):
    """An iteration more costs what `per_iteration` says, and a check in float64 now and then."""
    costs = sys.modules["costs"]
    levels = [(1000, 14000, 5000, 9000), (100, 3000, 0, 0)]

    def total(iterations):
        return sum(cost.bytes for cost in costs.solve(levels, 8, iterations).values())

    size, flops = costs.per_iteration(levels, 8)
    assert total(4) - total(3) == pytest.approx(size)
    check = total(7) - total(6) - size
    assert check > 0.0
    assert total(13) - total(7) == pytest.approx(6 * size + check)
    matrices = 3 * (8 * 14000 + 4 * 1001) + 8 * 14000 + 4 * 1001
    assert size > matrices + 15 * 4 * 8 * 1000  # four products with A, and more than 15 vectors, at the least
    assert flops > 2 * 4 * 14000 * 8
