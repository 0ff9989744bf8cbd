# SPDX-License-Identifier: BSD-3-Clause
"""Metrics of a region against loops over poses and elements, on every device; a pose alone and in a batch."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headfield.errors import HeadfieldError
from headfield.metrics import (
    centre_of_gravity,
    component,
    focality,
    half_value,
    mean,
    normal_tangential,
    off_target,
    overlap,
    percentiles,
    roi_mean,
)

PERCENT = 97.3  # no cumulative sum of few whole weights hits it, so that rounding can't decide


@pytest.fixture(scope="module")
def put(each_device):
    """Function that puts an array where the device of the test wants it."""
    if each_device == "cpu":
        return np.asarray
    import cupy

    return cupy.asarray


def region(seed, poses=4, count=60):
    """Magnitudes with many ties, whole weights with zeros, depths, centres, a target."""
    rng = np.random.default_rng(seed)
    magnitude = rng.integers(1, 12, (poses, count)) / 4.0
    weights = rng.integers(0, 4, count).astype(float)
    weights[:2] = 1
    target = rng.random(count) < 0.3
    target[:2] = True, False
    return magnitude, weights, rng.random(count) * 20 + 1, rng.normal(0, 30, (count, 3)), target


def in_batch(put, metric, values):
    """A metric of k poses, as NumPy arrays; each pose alone must give the same bits, and the same kind."""
    whole = metric(put(values))
    alone = [metric(put(v)) for v in values]
    named = isinstance(whole, tuple)
    found = []
    for i, part in enumerate(whole if named else [whole]):
        assert type(part) is type(put(values))
        assert part.dtype == np.float64
        ones = [one[i] if named else one for one in alone]
        assert all(one.shape == part.shape[1:] for one in ones)
        part, ones = on_host(part), [on_host(one) for one in ones]
        np.testing.assert_array_equal(part, np.stack(ones))
        found.append(part)
    return type(whole)(*found) if named else found[0]


def on_host(array):
    return array if isinstance(array, (np.ndarray, np.generic)) else array.get()


def close(found, expected):
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=0)


def level_by_loops(magnitude, weights, percent):
    """The first of the sorted values at which the weight so far is the percentage of all."""
    pairs, so_far = sorted((v, w) for v, w in zip(magnitude, weights, strict=True) if w > 0), 0.0
    for value, weight in pairs:
        so_far += weight
        if so_far >= percent / 100 * sum(weights):
            return value
    return pairs[-1][0]


def hot_by_loops(magnitude, weights, fraction, percent):
    threshold = fraction * level_by_loops(magnitude, weights, percent)
    return [i for i, v in enumerate(magnitude) if v >= threshold and weights[i] > 0]


def mean_by_loops(magnitude, weights, chosen):
    mass = math.fsum(magnitude[i] * weights[i] for i in chosen)
    return mass / math.fsum(weights[i] for i in chosen)


@pytest.mark.parametrize("seed", range(5))
def test_means(put, seed):
    magnitude, weights, _, centres, _ = region(seed)
    everything = range(len(weights))
    found = in_batch(put, lambda v: mean(v, weights), magnitude)
    close(found, [mean_by_loops(m, weights, everything) for m in magnitude])
    near = [i for i in everything if math.dist(centres[i], (5, 0, 0)) <= 40]
    found = in_batch(put, lambda v: roi_mean(v, weights, centres, [5, 0, 0], 40), magnitude)
    close(found, [mean_by_loops(m, weights, near) for m in magnitude])


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("each", [False, True])
def test_components(put, seed, each):
    rng = np.random.default_rng(seed)
    field = rng.normal(size=(4, 30, 3))
    directions = rng.normal(size=3)
    if each:
        directions = rng.normal(size=(30, 3)) * 10.0 ** rng.integers(-3, 4, (30, 1))
    along = in_batch(put, lambda e: component(e, directions), field)
    normal, tangential = in_batch(put, lambda e: normal_tangential(e, directions), field)
    np.testing.assert_array_equal(normal, along)
    for k, m in np.ndindex(along.shape):
        d = [float(x) for x in (directions[m] if each else directions)]
        length = math.sqrt(math.fsum(x * x for x in d))
        dot = math.fsum(a * b for a, b in zip(field[k, m], d, strict=True)) / length
        assert along[k, m] == pytest.approx(dot, rel=1e-12, abs=1e-14)
        a, b = field[k, m], d
        cross = math.hypot(a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0])
        assert tangential[k, m] == pytest.approx(cross / length, rel=1e-12, abs=1e-14)


def test_components_of_a_field_along_and_across_the_normal(put):
    normals = np.eye(3)[[0, 1, 2, 0]] * [[1.0], [1e-170], [1e170], [3.0]]
    field = np.array([[2, 0, 0], [0, -3, 0], [3, 4, 0], [1, 2, 2]], np.float32)
    normal, tangential = (on_host(part) for part in normal_tangential(put(field), put(normals)))
    close(normal, [2, -3, 0, 1])
    close(tangential, [0, 0, 5, math.sqrt(8)])
    close(on_host(component(put(field), put(np.array([0.0, 5, 0])))), [0, -3, 4, 2])


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("percent", [PERCENT, 100.0])
def test_half_values(put, seed, percent):
    magnitude, weights, depth, _, _ = region(seed)
    found = in_batch(put, lambda v: half_value(v, weights, depth, percent), magnitude)
    for k, m in enumerate(magnitude):
        hot = hot_by_loops(m, weights, 0.5, percent)
        volume, deepest = math.fsum(weights[i] for i in hot), max(depth[i] for i in hot)
        close([found.volume[k], found.depth_mm[k], found.spread[k]], [volume, deepest, volume / deepest])
    close(in_batch(put, lambda v: focality(v, weights, 0.5, percent), magnitude), found.volume)


def test_half_values_are_of_the_maximum_unless_something_else_is_asked_for(put):
    magnitude, weights = np.r_[10.0, np.full(999, 4.0)], np.ones(1000)
    assert on_host(half_value(put(magnitude), weights, np.r_[3.0, np.full(999, 7.0)]).depth_mm) == 3
    assert on_host(half_value(put(magnitude), weights, np.r_[3.0, np.full(999, 7.0)], 99.0).depth_mm) == 7
    weights[1:] = 1e20  # the weight of the maximum is lost in the sum of all
    assert on_host(half_value(put(magnitude), weights, np.r_[3.0, np.full(999, 7.0)]).volume) == 1


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("fraction", [0.0, 0.5, 1.0])
def test_centres_of_gravity(put, seed, fraction):
    magnitude, weights, _, centres, _ = region(seed)
    found = in_batch(put, lambda v: centre_of_gravity(v, weights, centres, fraction, PERCENT), magnitude)
    for k, m in enumerate(magnitude):
        hot = hot_by_loops(m, weights, fraction, PERCENT)
        mass = math.fsum(m[i] * weights[i] for i in hot)
        expected = [math.fsum(m[i] * weights[i] * centres[i, d] for i in hot) / mass for d in range(3)]
        np.testing.assert_allclose(found[k], expected, rtol=0, atol=1e-12 * 30)


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 10**6), st.floats(0, 1), st.tuples(*[st.floats(-100, 100)] * 3))
def test_a_centre_of_gravity_moves_with_the_elements_and_not_with_the_unit(put, seed, fraction, shift):
    magnitude, weights, _, centres, _ = region(seed, poses=1)
    here = on_host(centre_of_gravity(put(magnitude), weights, centres, fraction))
    moved = on_host(centre_of_gravity(put(4 * magnitude), 3 * weights, centres + shift, fraction))
    np.testing.assert_allclose(moved, here + shift, rtol=0, atol=1e-10)
    assert (here >= centres.min(axis=0)).all()
    assert (here <= centres.max(axis=0)).all()


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("fraction", [0.5, 0.75])
def test_overlaps(put, seed, fraction):
    magnitude, weights, _, _, target = region(seed)
    found = in_batch(put, lambda v: overlap(v, weights, target, fraction, PERCENT), magnitude)
    aimed = [i for i, inside in enumerate(target) if inside and weights[i] > 0]
    of_target = math.fsum(weights[i] for i in aimed)
    for k, m in enumerate(magnitude):
        hot = hot_by_loops(m, weights, fraction, PERCENT)
        of_hot = math.fsum(weights[i] for i in hot)
        both = math.fsum(weights[i] for i in set(hot) & set(aimed))
        close(found.dice[k], 2 * both / (of_hot + of_target))
        close([found.target_hot[k], found.hot_in_target[k]], [both / of_target, both / of_hot])


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 10**6), st.floats(0.01, 1))
def test_dice_is_the_harmonic_mean_of_the_shares_and_one_of_the_hot_region_itself(put, seed, fraction):
    magnitude, weights, _, _, target = region(seed, poses=1)
    dice, target_hot, hot_in_target = (
        float(on_host(part)[0]) for part in overlap(put(magnitude), weights, target, fraction)
    )
    assert 0 <= min(target_hot, hot_in_target) <= dice <= max(target_hot, hot_in_target) <= 1
    assert dice * (target_hot + hot_in_target) == pytest.approx(2 * target_hot * hot_in_target, rel=1e-12)
    hot = magnitude[0] >= fraction * percentiles(magnitude[0], weights, 99.9)
    of_itself = overlap(put(magnitude[0]), weights, put(hot), fraction)
    assert [float(on_host(part)) for part in of_itself] == [1, 1, 1]


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("fraction", [0.5, 1.0, 1.25])
def test_exposure_outside_of_a_target(put, seed, fraction):
    magnitude, weights, _, _, target = region(seed)
    found = in_batch(put, lambda v: off_target(v, weights, put(target), fraction), magnitude)
    aimed, other = np.flatnonzero(target & (weights > 0)), np.flatnonzero(~target & (weights > 0))
    for k, m in enumerate(magnitude):
        inside = mean_by_loops(m, weights, aimed)
        close(found.exposed[k], math.fsum(weights[i] for i in other if m[i] >= fraction * inside))
        close(found.ratio[k], mean_by_loops(m, weights, other) / inside)


def test_large_batches_have_the_bits_of_their_poses(put):
    """Longer than what is summed in one piece, and with weights that round."""
    rng = np.random.default_rng(0)
    magnitude, weights = rng.random((3, 40_001)).astype(np.float32), rng.random(40_001)
    depth, centres, target = rng.random(40_001) + 1, rng.normal(size=(40_001, 3)), rng.random(40_001) < 0.1
    means = in_batch(put, lambda v: mean(v, weights), magnitude)
    in_columns = put(np.asfortranarray(magnitude))
    np.testing.assert_array_equal(on_host(mean(in_columns, weights)), means)
    in_batch(put, lambda v: roi_mean(v, weights, centres, [0, 0, 0], 1.0), magnitude)
    in_batch(put, lambda v: focality(v, weights), magnitude)
    in_batch(put, lambda v: half_value(v, weights, depth), magnitude)
    in_batch(put, lambda v: centre_of_gravity(v, weights, centres, 0.5), magnitude)
    in_batch(put, lambda v: overlap(v, weights, target), magnitude)
    in_batch(put, lambda v: off_target(v, weights, target), magnitude)


MASK, ZERO_POSE = [True, False], [[1.0, 2.0], [0.0, 0.0]]
X = [[1.0, 0, 0], [1, 0, 0]]


@pytest.mark.parametrize(
    ("metric", "values", "others", "message"),
    [
        (mean, [1, 2], [[1, -1]], "weights must be 0 or more"),
        (mean, [1, 2], [[1]], r"weights must have the shape \(2,\)"),
        (mean, [1, np.inf], [[1, 1]], "magnitude: .* not finite"),
        (component, [1.0, 2], [[1, 0, 0]], r"E must have the shape \(m, 3\) or \(k, m, 3\), not \(2,\)"),
        (component, np.ones((2, 4)), [[1, 0, 0]], "E must have the shape"),
        (component, np.ones((0, 3)), [[1, 0, 0]], "E must have the shape"),
        (component, [[1, 0, np.nan]], [[1, 0, 0]], "E: .* not finite"),
        (component, X, [[1, 0]], r"direction must have the shape \(3,\) or \(2, 3\), not \(2,\)"),
        (component, X, [np.ones((3, 3))], "direction must have the shape"),
        (component, X, [[0, 0, 0]], r"direction: 1 of 1 vectors are zero, the first \[0\]"),
        (component, X, [[0, 0, np.inf]], "direction: 1 value is not finite"),
        (normal_tangential, X, [[[0, 0, 1], [0, 0, 0]]], r"normals: 1 of 2 vectors are zero, .* \[1\]"),
        (normal_tangential, X, [np.ones((2, 2))], "normals must have the shape"),
        (half_value, [1, 2], [[1, 1], [1]], r"depth_mm must have the shape \(2,\), not \(1,\)"),
        (half_value, [1, 2], [[1, 1], [1, -3]], "depth_mm: 1 of 2 values are negative, the least -3 mm"),
        (half_value, [1, 2], [[1, 1], [1, np.nan]], "depth_mm: 1 value is not finite"),
        (half_value, [-1, 2], [[1, 1], [1, 1]], "magnitude: 1 of 2 values are negative, the least -1"),
        (half_value, ZERO_POSE, [[1, 1], [1, 1]], r"percentile 100.0 .* is 0.*, in 1 of 2 poses, .* \[1\]"),
        (half_value, [0, 0, 1], [[5, 5, 1], [1, 1, 1], 50], "percentile 50 of the magnitude is 0"),
        (half_value, [[1, 1], [0.5, 2]], [[1, 1], [1, 0]], "the half-value depth is 0 mm.* in 1 of 2 poses"),
        (half_value, [1, 2], [[1, 0], [0, 9]], "the half-value depth is 0 mm.* in 1 of 1 poses"),
        (half_value, [1, 2], [[1, 1], [1, 1], 101], "percents must be numbers from 0 to 100"),
        (half_value, [1, 2], [[1, 1], [1, 1], [50, 60]], "percent must be one number"),
        (focality, [1, 2], [[1, 1], "half"], "fraction = 'half' must be a finite number"),
        (focality, [1, 2], [[1, 1], 0.5, [50, 60]], "percent must be one number"),
        (centre_of_gravity, ZERO_POSE, [[1, 1], X], r"0 everywhere.*, in 1 of 2 poses, the first \[1\]"),
        (centre_of_gravity, [1, 0], [[0, 1], X], "0 everywhere.*, in 1 of 1 poses"),
        (centre_of_gravity, [1, -2], [[1, 1], X], "magnitude: 1 of 2 values are negative"),
        (centre_of_gravity, [1, 2], [[1, 1], X[:1]], r"centres_mm must have the shape \(2, 3\)"),
        (centre_of_gravity, [1, 2], [[1, 1], X, -0.1], "fraction must lie between 0 and 1, not -0.1"),
        (centre_of_gravity, [1, 2], [[1, 1], X, 1.1], "fraction must lie between 0 and 1, not 1.1"),
        (overlap, [1, 2], [[1, 1], [1, 0]], r"target must be a mask of bool .* \(2,\), not int64 in"),
        (overlap, [1, 2], [[1, 1], [True]], r"target must be a mask of bool in the shape \(2,\), .* \(1,\)"),
        (overlap, [1, 2], [[1, 1], [False, False]], "target is empty: 0 elements"),
        (overlap, [1, 2], [[0, 1], MASK], "target is empty: 1 element of weight 0 in all"),
        (overlap, [1, -2], [[1, 1], MASK], "magnitude: 1 of 2 values are negative"),
        (overlap, ZERO_POSE, [[1, 1], MASK], r"no region is hot, in 1 of 2 poses, the first \[1\]"),
        (overlap, [1, 2], [[1, 1], MASK, 0], "fraction must be more than 0"),
        (off_target, [1, 2], [[1, 1], [True, True]], "target covers all elements that have weight"),
        (off_target, [1, 2], [[1, 0], MASK], "target covers all elements that have weight"),
        (off_target, [1, 2], [[1, 1], [False, False]], "target is empty"),
        (off_target, [[1, 2], [0, 2]], [[1, 1], MASK], r"in the target is 0.*, in 1 of 2 poses, .* \[1\]"),
        (off_target, [1, 2], [[1, 1], MASK, 0], "fraction must be more than 0"),
        (off_target, [1, 2], [[1, 1], MASK, np.nan], "fraction = nan"),
        (off_target, [1, 2], [[-1, 1], MASK], "weights must be 0 or more"),
    ],
)
def test_what_has_no_metric_is_refused(put, metric, values, others, message):
    values = put(np.asarray(values, float))
    with pytest.raises(HeadfieldError, match=message):
        metric(values, *others)
