# SPDX-License-Identifier: BSD-3-Clause
"""Coils side by side for one target."""

import functools

import numpy as np
import pytest
from given.targets import SMALL, coil, knob, model, two_stimulators, wire

import headfield as hf

WANTED = 20.0
FEW = SMALL | {"radius_mm": 12.0, "rivals": 1}


@functools.cache
def weak():
    return hf.Coil(elements=coil().elements, didt_max=30e6, name="weak")


@functools.cache
def unlimited():
    return hf.circular_coil(spacing_mm=12.0, name="unlimited")


def target():
    return hf.Target(knob(), [0.3, 0.9, -0.2])


@functools.cache
def compared():
    return hf.compare_coils(model(), [weak(), unlimited(), coil(), wire()], target(), WANTED, **FEW)


def by_name(comparison, one):
    (i,) = (i for i, result in enumerate(comparison.results) if result.coil is one)
    return i


@pytest.mark.parametrize("make", [weak, unlimited, coil, wire])
def test_each_is_searched_as_it_is_alone(make):
    alone = hf.search(model(), make(), target(), 1e6, **FEW)
    i = by_name(compared(), make())
    np.testing.assert_allclose(compared().results[i].value, alone.value, rtol=1e-6)
    np.testing.assert_allclose(compared().results[i].pose, alone.pose, atol=1e-9)
    assert compared().didt[i] == pytest.approx(1e6 * WANTED / alone.value)


def test_at_the_rate_that_a_coil_needs_the_target_gets_what_is_wanted():
    i = by_name(compared(), coil())
    solved = model().solve(coil(), compared().results[i].pose, compared().didt[i], roi=knob()).E
    assert target().value(solved)[0] == pytest.approx(WANTED, rel=2e-3)
    assert compared().mso_percent[i] == pytest.approx(100.0 * compared().didt[i] / 170e6)


def test_the_one_that_needs_least_of_its_range_comes_first():
    mso = compared().mso_percent
    known = mso[~np.isnan(mso)]
    assert len(known) == 3
    assert (np.diff(known) >= 0.0).all()
    assert np.isnan(mso[by_name(compared(), unlimited())])
    assert compared().value == WANTED


def test_coils_that_do_not_reach_it():
    reached = compared().reached
    assert reached[by_name(compared(), coil())]
    assert reached[by_name(compared(), unlimited())]
    assert not compared().reached[by_name(compared(), weak())]


def test_it_prints_a_line_for_each():
    lines = str(compared()).splitlines()
    assert len(lines) == 5
    assert "%MSO" in lines[0]
    assert sum("weak" in line for line in lines) == 1
    assert "–" in next(line for line in lines if "unlimited" in line)


def test_coils_of_several_stimulators():
    both = hf.compare_coils(model(), [two_stimulators(), coil()], target(), WANTED, **FEW)
    i = by_name(both, two_stimulators())
    result = both.results[i]
    didt = np.full((1, 2), both.didt[i])
    solved = model().solve(two_stimulators(), result.pose, didt, roi=knob()).E
    assert target().value(solved)[0] == pytest.approx(WANTED, rel=2e-3)
    assert np.isnan(both.mso_percent[i])


def test_sizes_are_compared_too():
    """The ways that |E| can be are found with the first coil, and have to do for the others."""
    first = hf.compare_coils(model(), [coil(), unlimited()], knob(), WANTED, **FEW)
    other = hf.compare_coils(model(), [unlimited(), coil()], knob(), WANTED, **FEW)
    for one in (coil(), unlimited()):
        a, b = (c.results[by_name(c, one)] for c in (first, other))
        assert a.value == pytest.approx(b.value, rel=1e-2)
        assert max(a.report.reciprocal_error, b.report.reciprocal_error) < 2e-2
