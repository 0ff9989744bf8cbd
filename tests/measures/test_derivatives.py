# SPDX-License-Identifier: BSD-3-Clause
"""The derivatives of measures, against central differences in E, and where there are none."""

import functools

import numpy as np
import pytest
from given.targets import head, knob
from hypothesis import given, settings
from hypothesis import strategies as st

import headfield as hf
from headfield.measures.measure import Measure, as_measure, length_of


@functools.cache
def some():
    """Few tetrahedra, so that differences in each component of E are quick."""
    keep = np.zeros(len(knob()), bool)
    keep[:9] = True
    return knob().part(keep)


@functools.cache
def points():
    layer = hf.regions.mid_layer(head())
    return layer.part(np.linalg.norm(layer.centres_mm - [-40, -8, 50], axis=1) < 8)


def cube():
    """The mean of |E|³, as a user would write it."""
    w = some().weights / some().weights.sum()
    return hf.MeasureFunction(
        some(),
        lambda E: np.linalg.norm(E, axis=2) ** 3 @ w,
        lambda E: 3 * w[:, None] * np.linalg.norm(E, axis=2, keepdims=True) * E,
    )


SIGNED = np.linspace(-1.0, 2.0, 9)
MEASURES = {
    "mean": lambda: hf.Target(some()),
    "of points": lambda: hf.Target(points()),
    "component": lambda: hf.Target(some(), [1.0, -2.0, 0.5]),
    "normal": lambda: hf.Target(points(), -points().normals),
    "signed weights": lambda: hf.Target(some(), weights=SIGNED),
    "zero weights": lambda: hf.Target(some(), weights=np.arange(9.0), exponent=3.0),
    "mean vector": lambda: hf.Target(some(), of_mean=True),
    "exponent 2": lambda: hf.Target(some(), exponent=2.0),
    "exponent 64": lambda: hf.Target(some(), exponent=64.0),
    "sum": lambda: (
        2.0 * hf.Target(some()) - 0.3 * hf.Target(points(), [0, 1, 0]) + hf.Target(some(), exponent=8)
    ),
    "median": lambda: hf.Percentile(some(), 50),
    "least": lambda: hf.Percentile(some(), 0),
    "largest": lambda: hf.Percentile(points(), 100),
    "ratio": lambda: hf.Ratio(some(), points()),
    "ratio of others": lambda: hf.Ratio(hf.Percentile(some(), 70), hf.Ratio(points(), cube())),
    "function": cube,
}


def fields(measure, k=2, seed=0):
    return np.random.default_rng(seed).normal(size=(k, length_of(measure.regions), 3))


def differences(measure, e, step):
    """Central differences (k, p, 3), of the fourth order so that the step can be large: no rounding."""
    shape = e.shape[1:]
    slopes = np.zeros((*e.shape,))
    for at in np.ndindex(shape):
        moved = np.zeros(shape)
        moved[at] = step
        near, far = (measure.values(e + s * moved) - measure.values(e - s * moved) for s in (1.0, 2.0))
        slopes[(slice(None), *at)] = (8.0 * near - far) / (12.0 * step)
    return slopes


@pytest.mark.parametrize("name", MEASURES)
def test_derivatives_are_those_of_the_values(name):
    measure = MEASURES[name]()
    assert isinstance(measure, Measure)
    assert as_measure(measure) is measure
    e = fields(measure)
    found, expected = measure.derivatives(e), differences(measure, e, 1e-3 if "64" not in name else 3e-5)
    assert found.shape == e.shape
    assert np.abs(found - expected).max() < 1e-8 * np.abs(expected).max()
    assert np.abs(expected).max() > 0.0


@pytest.mark.parametrize("name", MEASURES)
def test_what_is_linear_has_one_derivative(name):
    measure = MEASURES[name]()
    one, other = measure.derivatives(fields(measure)), measure.derivatives(fields(measure, seed=1))
    assert (np.array_equal(one, other) and np.array_equal(one[0], one[1])) == measure.is_linear
    assert measure.is_linear == (name in ("component", "normal"))


@pytest.mark.parametrize("name", [n for n in MEASURES if "function" not in n and "ratio" not in n])
def test_huge_and_tiny_fields_overflow_nothing(name):
    measure = MEASURES[name]()
    e = fields(measure)
    for scale in (1e300, 1e-300):  # the derivative of what grows as E does is the same
        np.testing.assert_allclose(measure.derivatives(scale * e), measure.derivatives(e), rtol=1e-12)


@settings(deadline=None, max_examples=30)
@given(st.integers(1, 5), st.sampled_from(sorted(MEASURES)), st.sampled_from([np.float32, np.float64]))
def test_each_pose_has_its_own_number(k, name, dtype):
    measure = MEASURES[name]()
    e = fields(measure, k).astype(dtype)
    values, slopes = measure.values(e), measure.derivatives(e)
    assert (values.shape, slopes.shape) == ((k,), e.shape)
    assert (values.dtype, slopes.dtype) == (np.float64, np.float64)
    for i in range(k):
        np.testing.assert_allclose(measure.values(e[i : i + 1])[0], values[i], rtol=1e-13)
        np.testing.assert_allclose(measure.derivatives(e[i : i + 1])[0], slopes[i], rtol=1e-12, atol=1e-15)


def test_a_percentile_is_that_of_the_metrics():
    e, percents = fields(hf.Target(knob()), 7), [0, 1, 25, 50, 99, 100]
    expected = hf.metrics.percentiles(np.linalg.norm(e, axis=2), knob().weights, percents)
    found = [hf.Percentile(knob(), q).values(e) for q in percents]
    np.testing.assert_allclose(found, expected, rtol=1e-15)


def test_equal_elements_share_no_percentile():
    e = np.zeros((1, 9, 3))
    e[..., 2] = -3.0
    slopes = hf.Percentile(some(), 40).derivatives(e)
    assert slopes[0, 0].tolist() == [0.0, 0.0, -1.0]
    assert not slopes[0, 1:].any()


def test_of_a_region_it_is_the_mean():
    e = fields(hf.Target(knob()))
    np.testing.assert_array_equal(as_measure(knob()).values(e), hf.Target(knob()).values(e))


def test_a_ratio_is_a_ratio():
    ratio = hf.Ratio(some(), 2.0 * hf.Target(points()))
    e = fields(ratio)
    expected = hf.Target(some()).values(e[:, :9]) / hf.Target(points()).values(e[:, 9:]) / 2.0
    np.testing.assert_allclose(ratio.values(e), expected, rtol=1e-13)
    assert [len(region) for region in ratio.regions] == [9, len(points())]
    assert repr(cube()) == "<MeasureFunction: <lambda> of 9 elements>"
    assert repr(hf.Percentile(some(), 99.9)) == "<Percentile: 99.9 % of |E| in 9 elements>"


# Where there is no derivative


def dark(at=(1, 4)):
    """Fields of which one element of one pose is 0."""
    e = fields(hf.Target(some()), 3)
    e[at] = 0.0
    return e


def test_places_without_derivative_are_named():
    with pytest.raises(hf.MeasureError, match=r"\|E\| is 0 in tetrahedron 4 of the region at pose 1"):
        hf.Target(some()).derivatives(dark())
    at_points = fields(hf.Target(points()))
    at_points[0, 2] = 0.0
    with pytest.raises(hf.MeasureError, match=r"0 in point 2 of the region at pose 0"):
        hf.Target(points()).derivatives(at_points)
    with pytest.raises(hf.MeasureError, match="tetrahedron 4 of the region at pose 1"):
        hf.Percentile(some(), 0).derivatives(dark())
    with pytest.raises(hf.MeasureError, match="the mean of E is 0 at pose 0"):
        hf.Target(some(), of_mean=True).derivatives(np.zeros((2, 9, 3)))
    with pytest.raises(hf.MeasureError, match="0 in all of the region at pose 0"):
        hf.Target(some(), exponent=2.0).derivatives(np.zeros((2, 9, 3)))
    with pytest.raises(hf.MeasureError, match="denominator of a ratio is 0 at pose 0"):
        hf.Ratio(some(), some()).derivatives(np.zeros((1, 18, 3)))


def test_an_element_of_no_field_may_not_count():
    weights = np.ones(9)
    weights[4] = 0.0
    for target in (hf.Target(some(), weights=weights), hf.Target(some(), exponent=2.0)):
        assert not target.derivatives(dark())[1, 4].any()
        assert target.derivatives(dark())[0, 3].any()
    assert hf.Target(some(), [0, 0, 1]).derivatives(dark())[1, 4, 2] > 0.0
    assert np.isfinite(hf.Percentile(some(), 100).derivatives(dark())).all()


def broken(values=None, derivatives=None):
    right = cube()
    return hf.MeasureFunction(some(), values or right.values, derivatives or right.derivatives)


def with_nan(array, k):
    array = np.array(array)
    array[k] = np.nan
    return array


BAD = {
    "nan": (lambda: broken(lambda E: with_nan(np.ones(3), 2)).values(dark()), "not finite at pose 2"),
    "a sum": (lambda: broken(lambda E: 3.0).values(dark()), r"shape \(3,\), not float64 \(\)"),
    "complex": (lambda: broken(lambda E: np.ones(3) * 1j).values(dark()), "real numbers"),
    "text": (lambda: broken(lambda E: ["a", "b", "c"]).values(dark()), "real numbers"),
    "nothing": (lambda: broken(lambda E: None).values(dark()), "real numbers"),
    "slopes of nan": (
        lambda: broken(derivatives=lambda E: with_nan(E, 1)).derivatives(dark()),
        r"derivatives of a measure: not finite at pose 1 \(1 of 3 poses\)",
    ),
    "slopes of sizes": (
        lambda: broken(derivatives=lambda E: E[..., 0]).derivatives(dark()),
        r"shape \(3, 9, 3\), not float64 \(3, 9\)",
    ),
    "E of nan": (lambda: hf.Target(some()).derivatives(with_nan(dark(), 2)), "E: not finite at pose 2"),
    "no function": (
        lambda: hf.MeasureFunction(some(), 3.0, len),
        "values must be a function of E",
    ),
    "no derivatives": (lambda: hf.MeasureFunction(some(), len, None), "derivatives must be a function"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_measures_are_named(case):
    make, message = BAD[case]
    with pytest.raises(hf.MeasureError, match=message):
        make()


REGIONS = {
    "no region": (lambda: hf.MeasureFunction(3, len, len), "must be a Region"),
    "no regions": (lambda: hf.MeasureFunction([], len, len), "must be a Region"),
    "a percentile of nothing": (lambda: hf.Percentile(some() - some(), 50), "holds nothing"),
    "a percentile of a number": (lambda: hf.Percentile(4, 50), "must be a Region"),
    "a percent": (lambda: hf.Percentile(some(), 101), "percent must lie between 0 and 100, not 101"),
    "a ratio of numbers": (lambda: hf.Ratio(some(), 2.0), "a measure must be .* not float"),
    "E of another region": (lambda: hf.Percentile(some(), 50).values(np.ones((2, 8, 3))), r"\(k, 9, 3\)"),
    "E of both": (lambda: hf.Ratio(some(), some()).values(np.ones((2, 9, 3))), r"\(k, 18, 3\)"),
}


@pytest.mark.parametrize("case", REGIONS)
def test_bad_regions_are_named(case):
    make, message = REGIONS[case]
    with pytest.raises(hf.RegionError, match=message):
        make()
