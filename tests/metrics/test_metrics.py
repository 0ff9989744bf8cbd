# SPDX-License-Identifier: BSD-3-Clause
"""Metrics: definitions, invariances, and what is refused."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from headfield.errors import HeadfieldError
from headfield.metrics import focality, ln_mag, peak, percentiles, rdm, relative_l2, roi_mean

FIELD = arrays(float, (6, 3), elements=st.floats(-10, 10)).filter(lambda a: np.linalg.norm(a) > 1e-3)
MAGNITUDE = arrays(float, 12, elements=st.floats(0, 100, allow_subnormal=False))
WEIGHTS = arrays(np.int64, 12, elements=st.integers(0, 5)).filter(np.any)


@settings(deadline=None)
@given(FIELD, FIELD, st.floats(0.1, 10))
def test_differences_between_fields(a, b, factor):
    assert 0 <= rdm(a, b) <= 2 + 1e-12
    assert rdm(a, b) == pytest.approx(rdm(b, a))
    assert rdm(factor * a, b) == pytest.approx(rdm(a, b), abs=1e-12)  # blind to magnitude
    assert rdm(a, -a) == pytest.approx(2)
    assert ln_mag(factor * a, a) == pytest.approx(np.log(factor), abs=1e-12)  # blind to topography
    assert ln_mag(a, b) == pytest.approx(-ln_mag(b, a), abs=1e-12)
    assert relative_l2(factor * a, a) == pytest.approx(abs(factor - 1), abs=1e-12)
    # The three are one triangle: |a − b|² from the angle and the two lengths.
    ratio = np.exp(ln_mag(a, b))
    assert relative_l2(a, b) ** 2 == pytest.approx(
        (ratio - 1) ** 2 + ratio * rdm(a, b) ** 2, rel=1e-9, abs=1e-12
    )


@pytest.mark.parametrize("metric", [rdm, ln_mag, relative_l2])
@pytest.mark.parametrize(
    ("a", "b", "message"),
    [
        (np.ones((2, 3)), np.ones((3, 2)), "same shape"),
        ([], [], "some values"),
        ([1.0], [0.0], "zero everywhere"),
        ([np.nan], [1.0], "first field: 1 value is not finite"),
        ([1.0, 1.0], [1.0, np.inf], "second field: 1 value is not finite, first .1. = inf"),
        (["a"], [1.0], "first field: not real numbers"),
        ([1j], [1.0], "first field: not real numbers"),
    ],
)
def test_fields_that_cannot_be_compared_are_refused(metric, a, b, message):
    with pytest.raises(HeadfieldError, match=message):
        metric(a, b)


@settings(deadline=None)
@given(MAGNITUDE, WEIGHTS, st.integers(0, 100))
def test_percentiles_count_an_element_as_often_as_it_weighs(magnitude, weights, percent):
    repeated = np.sort(np.repeat(magnitude, weights))
    index = max(0, -(-percent * len(repeated) // 100) - 1)
    # A cumulative weight that hits the percentage exactly may be rounded to either side.
    around = (
        repeated[max(0, index - 1) : index + 2] if percent * len(repeated) % 100 == 0 else repeated[[index]]
    )
    assert percentiles(magnitude, weights, percent) in around
    assert percentiles(magnitude, 0.5 * weights, 100) == repeated[-1]


def test_percentiles_of_several_poses_are_those_of_each():
    magnitude = np.random.default_rng(0).random((4, 50))
    weights = np.random.default_rng(1).random(50)
    both = percentiles(magnitude, weights, [50, 99.9])
    assert both.shape == (2, 4)
    for k in range(4):
        np.testing.assert_array_equal(both[:, k], percentiles(magnitude[k], weights, [50, 99.9]))


def test_peak_of_one_pose_and_of_several():
    centres = np.arange(12.0).reshape(4, 3)
    one = peak([1.0, 3.0, 3.0, 2.0], centres)
    assert (one.value, one.element) == (3.0, 1)
    np.testing.assert_array_equal(one.place_mm, [3, 4, 5])
    several = peak([[1.0, 3.0, 3.0, 2.0], [9.0, 3.0, 3.0, 2.0]], centres)
    np.testing.assert_array_equal(several.value, [3, 9])
    np.testing.assert_array_equal(several.element, [1, 0])
    np.testing.assert_array_equal(several.place_mm, centres[[1, 0]])


@settings(deadline=None)
@given(MAGNITUDE, WEIGHTS)
def test_the_mean_in_a_sphere_that_holds_all_is_the_mean(magnitude, weights):
    centres = np.arange(36.0).reshape(12, 3)
    expected = np.average(magnitude, weights=weights)
    assert roi_mean(magnitude, weights, centres, [0, 0, 0], 1e3) == pytest.approx(expected)
    several = roi_mean(np.stack([magnitude, 2 * magnitude]), weights, centres, [0, 0, 0], 1e3)
    np.testing.assert_allclose(several, [expected, 2 * expected])


def test_the_mean_in_a_sphere_takes_what_is_inside_and_weighs():
    centres = [[0, 0, 0], [3, 0, 0], [3.001, 0, 0], [0, 1, 0]]
    assert roi_mean([1, 4, 1000, 1000], [1, 2, 5, 0], centres, [0, 0, 0], 3.0) == pytest.approx(3.0)


@settings(deadline=None)
@given(MAGNITUDE, WEIGHTS, st.floats(0.01, 1))
def test_focality_is_the_weight_above_the_threshold(magnitude, weights, fraction):
    threshold = fraction * percentiles(magnitude, weights, 99.9)
    assume(threshold > 0)
    expected = sum(w for value, w in zip(magnitude, weights, strict=True) if value >= threshold)
    assert focality(magnitude, weights, fraction) == expected
    several = focality(np.stack([magnitude, 4 * magnitude]), weights, 0.5)
    np.testing.assert_array_equal(several, focality(magnitude, weights, 0.5))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: percentiles([1, 2], [1], 50), r"weights must have the shape \(2,\), not \(1,\)"),
        (lambda: percentiles([1, 2], [1, -1], 50), "weights must be 0 or more"),
        (lambda: percentiles([1, 2], [0, 0], 50), "some of them more"),
        (lambda: percentiles([1, np.nan], [1, 1], 50), "magnitude: 1 value is not finite"),
        (lambda: percentiles([], [], 50), "magnitude must have the shape"),
        (lambda: percentiles(5, 1, 50), "magnitude must have the shape"),
        (lambda: percentiles([1, 2], [1, 1], 101), "percents must be numbers from 0 to 100"),
        (lambda: percentiles([1, 2], [1, 1], -1), "percents must be numbers from 0 to 100"),
        (lambda: percentiles([1, 2], [1, 1], np.nan), "percents"),
        (lambda: peak([1, 2], [[0, 0, 0]]), r"centres_mm must have the shape \(2, 3\)"),
        (lambda: peak([1], [[0, 0, np.inf]]), "centres_mm: 1 value is"),
        (
            lambda: roi_mean([1], [1], [[0, 0, 9]], [0, 0, 0], 5),
            "no element in the sphere: the nearest is 9 mm",
        ),
        (
            lambda: roi_mean([1, 2], [0, 1], [[0, 0, 0], [0, 0, 9]], [0, 0, 0], 5),
            "no element in the sphere: the nearest is 9 mm",
        ),
        (lambda: roi_mean([1], [1], [[0, 0, 9]], [0, 0], 5), "centre_mm must have the shape"),
        (lambda: roi_mean([1], [1], [[0, 0, 9]], [0, 0, 0], -5), "radius_mm"),
        (lambda: focality([1], [1], 0), "fraction must be more than 0"),
        (lambda: focality([1], [1], 1.5), "fraction must lie between 0 and 1, not 1.5"),
        (lambda: focality([1], [1], float("nan")), "fraction = nan"),
        (lambda: focality([1], [1], 0.5, 200), "percents"),
        (
            lambda: focality([[1, 2], [0, 0]], [1, 1]),
            r"99.9 of the magnitude is 0, .* 1 of 2 poses, the first \[1\]",
        ),
        (lambda: focality([-10, -1], [1, 1]), "2 of 2 values are negative"),
    ],
)
def test_what_has_no_metric_is_refused(call, message):
    with pytest.raises(HeadfieldError, match=message):
        call()
