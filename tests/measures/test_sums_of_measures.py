# SPDX-License-Identifier: BSD-3-Clause
"""Sums of any measures: values, derivatives, and what is no sum."""

import numpy as np
import pytest
from given.targets import DIDT, coil, head, knob, model, scattered

import headfield as hf
from headfield.measures.sums import MeasureSum


def penalised():
    """What is to be large, less what is to be small elsewhere."""
    left, right = knob(), hf.regions.sphere(head(), [40, -8, 50], 15, 2)
    return hf.Target(left) - 0.5 * hf.Percentile(right, 90) + 3.0 * hf.Ratio(left, right)


def test_a_sum_has_the_values_and_derivatives_of_its_parts():
    total, rng = penalised(), np.random.default_rng(0)
    lengths = [sum(map(len, part.regions)) for _, part in total.parts]
    E = rng.normal(size=(3, sum(lengths), 3))
    pieces = np.split(E, np.cumsum(lengths)[:-1], axis=1)
    parts = [(factor, part, own) for (factor, part), own in zip(total.parts, pieces, strict=True)]
    assert [factor for factor, *_ in parts] == [1.0, -0.5, 3.0]
    np.testing.assert_allclose(total.values(E), sum(f * part.values(own) for f, part, own in parts))
    slopes = np.concatenate([f * part.derivatives(own) for f, part, own in parts], axis=1)
    np.testing.assert_array_equal(total.derivatives(E), slopes)
    assert len(total.regions) == 4
    assert not total.is_linear


def test_gradients_of_a_sum_are_sums():
    pose, left = scattered(2), hf.Target(knob())
    right = hf.Percentile(hf.regions.sphere(head(), [40, -8, 50], 15, 2), 90)
    both = model().gradient(left - 0.5 * right, coil(), pose, DIDT, tol=1e-9)
    one, other = (model().gradient(measure, coil(), pose, DIDT, tol=1e-9) for measure in (left, right))
    np.testing.assert_allclose(both.values, one.values - 0.5 * other.values, rtol=1e-6)
    np.testing.assert_allclose(both.pose, one.pose - 0.5 * other.pose, atol=1e-5 * np.abs(one.pose).max())


def test_signs_and_order():
    peak, target = hf.Percentile(knob(), 99), hf.Target(knob())
    E = np.ones((1, len(knob()), 3))
    twice = np.concatenate([E, E], axis=1)
    np.testing.assert_allclose((-peak).values(E), -np.sqrt(3.0))
    np.testing.assert_allclose((2 * peak - target).values(twice), np.sqrt(3.0))
    np.testing.assert_allclose((target - 2 * peak).values(twice), -np.sqrt(3.0))
    np.testing.assert_allclose((knob_and(peak)).values(twice), 2 * np.sqrt(3.0))
    assert isinstance(target + hf.Target(knob()), hf.Targets)  # which a search takes


def knob_and(peak):
    return peak + knob()


def test_what_is_no_sum_is_refused():
    peak = hf.Percentile(knob(), 99)
    with pytest.raises(TypeError):
        peak * "twice"
    with pytest.raises(hf.RegionError, match="must be a Region"):
        peak + 3.0
    with pytest.raises(hf.MeasureError, match="factor"):
        np.nan * peak
    with pytest.raises(hf.MeasureError, match="one at least"):
        MeasureSum([])
    with pytest.warns(hf.PlausibilityWarning, match="less than one in a hundred"):
        hf.Percentile(knob(), 0.99)
