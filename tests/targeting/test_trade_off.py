# SPDX-License-Identifier: BSD-3-Clause
"""Numbers of focality and depth are those of the fields; the front is what nothing beats."""

import functools

import numpy as np
from given.targets import DIDT, SMALL, coil, head, knob, model

import headfield as hf
from headfield.targeting.trade_off import _front

GRAY = 2


def target():
    return hf.Target(knob())


@functools.cache
def found():
    return hf.search(model(), coil(), target(), DIDT, **(SMALL | {"rivals": 1}))


@functools.cache
def weighed(n_poses=10, least=0.8):
    return hf.trade_off(model(), found(), target(), n_poses=n_poses, least=least)


def test_the_best_pose_comes_first_and_no_other_is_better():
    np.testing.assert_array_equal(weighed().poses[0], found().pose)
    assert weighed().value[0] == weighed().value.max()
    np.testing.assert_allclose(weighed().value[0], found().value, rtol=1e-3)
    assert len(weighed()) == 10
    assert "10 poses" in repr(weighed())


def test_other_poses_give_what_is_asked_for_and_differ():
    wide, narrow = weighed(least=0.4), weighed(least=0.95)
    assert (wide.value >= 0.4 * wide.value[0] * 0.95).all()
    assert (narrow.value >= 0.95 * narrow.value[0] * 0.95).all()
    assert np.ptp(wide.value) > np.ptp(narrow.value)
    assert len(np.unique(wide.poses.round(6), axis=0)) == len(wide)


def test_numbers_are_those_of_the_fields():
    gray = hf.regions.tissue(head(), GRAY)
    rest = gray - knob()
    e = model().solve(coil(), weighed().poses, DIDT, elements=np.arange(head().n_tets)).E.astype(float)
    size = np.linalg.norm(e, axis=2)
    inside, outside = size[:, knob().elements], size[:, rest.elements]
    value = inside @ knob().weights / knob().weights.sum()
    np.testing.assert_allclose(weighed().value, value, rtol=1e-4)
    np.testing.assert_allclose(weighed().target_to_peak, weighed().value / weighed().peak)

    def peak_of(values, weights):
        order = np.argsort(values)
        share = np.cumsum(weights[order]) / weights.sum()
        return values[order[np.searchsorted(share, 0.999)]]

    for i in range(len(weighed())):
        np.testing.assert_allclose(weighed().peak[i], peak_of(outside[i], rest.weights), rtol=0.02)
        over = rest.weights[outside[i] >= value[i]].sum()
        np.testing.assert_allclose(weighed().overstimulated_mm3[i], over, rtol=0.02, atol=200.0)
        brain = size[i, gray.elements]
        hot = brain >= 0.5 * peak_of(brain, gray.weights)
        np.testing.assert_allclose(weighed().half_volume_mm3[i], gray.weights[hot].sum(), rtol=0.1)
    assert (weighed().half_depth_mm > 0.0).all()
    assert (weighed().half_depth_mm < 60.0).all()


def test_another_rest():
    right = hf.regions.tissue(head(), GRAY) & hf.regions.sphere(head(), [60, 0, 40], 50)
    other = hf.trade_off(model(), found(), target(), n_poses=3, rest=right)
    assert (other.peak < weighed().peak[0]).all()
    np.testing.assert_allclose(other.half_volume_mm3[0], weighed().half_volume_mm3[0], rtol=1e-5)


def test_progress_counts_to_the_end():
    seen = []
    hf.trade_off(model(), found(), target(), n_poses=5, progress=lambda *done: seen.append(done))
    assert seen[-1] == (5, 5)
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)


def test_nothing_beats_the_front_and_something_beats_the_others():
    rng = np.random.default_rng(0)
    value, cost = rng.normal(size=60).round(1), rng.normal(size=60).round(1)
    front = _front(value, cost)
    for i in range(60):
        beaten = ((value > value[i]) & (cost < cost[i])).any()
        assert front[i] != beaten, i
    assert 0 < front.sum() < 60
    assert weighed().on_front[0], "nothing has a larger value"
