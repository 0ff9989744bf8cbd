# SPDX-License-Identifier: BSD-3-Clause
"""What a target gets from E, by hand."""

import functools

import numpy as np
import pytest
from given.targets import head, knob

import headfield as hf

RNG = np.random.default_rng(3)


@functools.cache
def other():
    return hf.regions.sphere(head(), [40, -8, 50], 15, 2)


@functools.cache
def layer():
    """Points of a surface, with normals."""
    return hf.regions.mid_layer(head())


def fields(region, k=3):
    return np.random.default_rng(0).normal(size=(k, len(region), 3))


def mean(values, region):
    """Σ w v / Σ w, element by element."""
    total = sum(w * v for w, v in zip(region.weights, values, strict=True))
    return total / sum(region.weights)


def test_of_a_region_the_mean_of_the_size():
    e = fields(knob())
    expected = [mean([np.sqrt(v @ v) for v in one], knob()) for one in e]
    np.testing.assert_allclose(hf.Target(knob()).value(e), expected, rtol=1e-12)
    np.testing.assert_allclose(hf.Targets.of(knob()).values(e), expected, rtol=1e-12)


def test_a_component_has_its_sign_and_no_length():
    e, d = fields(knob()), np.array([1.0, -2.0, 0.5])
    expected = [mean(one @ d / np.sqrt(d @ d), knob()) for one in e]
    np.testing.assert_allclose(hf.Target(knob(), d).value(e), expected, rtol=1e-12)
    np.testing.assert_allclose(hf.Target(knob(), -7.0 * d).value(e), np.negative(expected), rtol=1e-12)


def test_directions_of_each_element():
    e, d = fields(knob()), RNG.normal(size=(len(knob()), 3))
    expected = [mean([v @ u / np.sqrt(u @ u) for v, u in zip(one, d, strict=True)], knob()) for one in e]
    np.testing.assert_allclose(hf.Target(knob(), d).value(e), expected, rtol=1e-12)


def test_normals_of_points_on_a_surface():
    region = layer()
    e = fields(region, 2)
    expected = [mean([-(v @ n) for v, n in zip(one, region.normals, strict=True)], region) for one in e]
    assert np.ptp(region.weights) > 0.0, "points that stand for areas of their own"
    np.testing.assert_allclose(hf.Target(region, -region.normals).value(e), expected, rtol=1e-9)


def test_the_mean_vector_is_no_longer_than_the_mean_of_lengths():
    e = fields(knob())
    expected = [np.linalg.norm([mean(one[:, i], knob()) for i in range(3)]) for one in e]
    np.testing.assert_allclose(hf.Target(knob(), of_mean=True).value(e), expected, rtol=1e-12)
    assert (hf.Target(knob(), of_mean=True).value(e) < hf.Target(knob()).value(e)).all()


@pytest.mark.parametrize("exponent", [1.0, 2.0, 8.0])
def test_exponents_come_closer_to_the_largest(exponent):
    e = fields(knob())
    sizes = np.linalg.norm(e, axis=2)
    expected = [mean(one**exponent, knob()) ** (1.0 / exponent) for one in sizes]
    found = hf.Target(knob(), exponent=exponent).value(e)
    np.testing.assert_allclose(found, expected, rtol=1e-12)
    assert (found <= sizes.max(axis=1)).all()


@pytest.mark.parametrize("direction", [None, (0.0, 0.0, 1.0)])
def test_weights_have_signs_and_are_shared_by_their_sizes(direction):
    e, weights = fields(knob()), RNG.normal(size=len(knob()))
    assert weights.min() < 0.0 < weights.max()
    each = np.linalg.norm(e, axis=2) if direction is None else e[..., 2]
    volumes = knob().weights * weights
    expected = [(volumes * one).sum() / np.abs(volumes).sum() for one in each]
    np.testing.assert_allclose(
        hf.Target(knob(), direction, weights=weights).value(e), expected, rtol=1e-12, atol=1e-15
    )


@pytest.mark.parametrize("options", [{"direction": [1.0, 2.0, 3.0]}, {"of_mean": True}])
def test_functionals_are_what_the_value_is_made_of(options):
    e, target = fields(knob()), hf.Target(knob(), **options)
    sums = np.stack([(e * w).sum(axis=(1, 2)) for w in target.functionals()], axis=-1)
    np.testing.assert_allclose(target.of_sums(sums), target.value(e), rtol=1e-12)
    assert len(target.functionals()) == (3 if "of_mean" in options else 1)
    assert hf.Target(knob()).functionals() is None


def test_targets_are_sums():
    a, b = hf.Target(knob()), hf.Target(other(), [0, 1, 0])
    e = fields(knob()), fields(other())
    both = np.concatenate(e, axis=1)
    one, two = a.value(e[0]), b.value(e[1])
    for targets, expected in (
        (a + b, one + two),
        (a - 0.5 * b, one - 0.5 * two),
        (-a + 2 * (b * 3), -one + 6 * two),
        (0.25 * (a + b), 0.25 * one + 0.25 * two),
        (-(a - b), two - one),
    ):
        np.testing.assert_allclose(targets.values(both), expected, rtol=1e-12)
    assert repr(a - 0.5 * b) == ("<Targets: 1 mean |E| in 122 tetrahedra - 0.5 mean E · d in 126 tetrahedra>")


BAD = {
    "an array": (lambda: hf.Target(np.arange(4)), "must be a Region"),
    "nothing": (lambda: hf.Target(knob() - knob()), "holds nothing"),
    "a flat direction": (lambda: hf.Target(knob(), [0, 0, 0]), "no length"),
    "a direction in a plane": (lambda: hf.Target(knob(), [1, 0]), r"\(3,\) or \(122, 3\), not \(2,\)"),
    "directions of others": (lambda: hf.Target(knob(), np.ones((5, 3))), r"\(122, 3\), not \(5, 3\)"),
    "a direction of nan": (lambda: hf.Target(knob(), [0, np.nan, 1]), "direction"),
    "weights of others": (lambda: hf.Target(knob(), weights=np.ones(3)), r"\(122,\) numbers"),
    "weights of zero": (lambda: hf.Target(knob(), weights=np.zeros(122)), "not all zero"),
    "weights of inf": (lambda: hf.Target(knob(), weights=np.full(122, np.inf)), "weights"),
    "a small exponent": (lambda: hf.Target(knob(), exponent=0.5), "exponent"),
    "a large exponent": (lambda: hf.Target(knob(), exponent=100), "exponent"),
    "an exponent of a component": (lambda: hf.Target(knob(), [1, 0, 0], exponent=2), "an exponent is of"),
    "an exponent and signs": (
        lambda: hf.Target(knob(), weights=np.linspace(-1, 1, 122), exponent=2),
        "weights of 0 or more",
    ),
    "a direction and a mean": (lambda: hf.Target(knob(), [1, 0, 0], of_mean=True), "either a direction"),
    "no targets": (lambda: hf.Targets([]), "no target"),
    "a region in a sum": (lambda: hf.Targets([(1.0, knob())]), "must be a Target, not Region"),
    "a factor of nan": (lambda: np.nan * hf.Target(knob()), "factor"),
    "a number for a target": (lambda: hf.Targets.of(3.0), "not float"),
    "E of others": (lambda: hf.Target(knob()).value(np.zeros((2, 5, 3))), r"\(k, 122, 3\), not \(2, 5, 3\)"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_targets_are_named(case):
    make, message = BAD[case]
    with pytest.raises(hf.RegionError, match=message):
        make()
