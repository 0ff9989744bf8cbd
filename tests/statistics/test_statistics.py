# SPDX-License-Identifier: BSD-3-Clause
"""Distributions, Sobol' indices and polynomial chaos against closed forms."""

import sys

import numpy as np
import pytest

from headfield.errors import ArgumentError, MissingPackageError
from headfield.statistics import (
    Beta,
    Normal,
    PolynomialChaos,
    Uniform,
    inputs_of,
    salib_problem,
    saltelli_design,
    samples,
    sobol_indices,
    sobol_points,
)
from headfield.statistics.chaos import gauss_grid

SIGMA = (0.1, 0.4)
ISHIGAMI = [Uniform(-np.pi, np.pi)] * 3
ISHIGAMI_FIRST, ISHIGAMI_TOTAL = [0.313905, 0.442411, 0.0], [0.557589, 0.442411, 0.243684]
G_OF = np.array([0, 1, 4.5, 9, 99, 99, 99, 99.0])
G_FIRST = [0.716192, 0.179048, 0.0236758, 0.00716192, *[7.162e-5] * 4]
G_TOTAL = [0.787144, 0.242198, 0.0343169, 0.0104604, *[1.0495e-4] * 4]


def ishigami(x):
    return np.sin(x[:, 0]) * (1 + 0.1 * x[:, 2] ** 4) + 7 * np.sin(x[:, 1]) ** 2


def g_function(x):
    return ((np.abs(4 * x - 2) + G_OF) / (1 + G_OF)).prod(axis=1)


def inverse(x):
    return 1 / x[:, 0]


def test_inverse_of_a_uniform_conductivity():
    chaos = PolynomialChaos.projected(inverse, [Uniform(*SIGMA)], 4, points=40)
    expected = [4.620981, -1.792618, 0.619237, -0.209739, 0.070552]
    np.testing.assert_allclose(chaos.coefficients, expected, atol=6e-7)
    for order, std in ((1, 1.792618), (2, 1.896559), (3, 1.908121)):
        lower = PolynomialChaos.projected(inverse, [Uniform(*SIGMA)], order, points=40)
        assert abs(float(lower.std) - std) < 6e-7
    converged = PolynomialChaos.projected(inverse, [Uniform(*SIGMA)], 30)
    assert abs(float(converged.mean) - 4.620981) < 6e-7
    assert abs(float(converged.std) - 1.909590) < 6e-7


def test_inverse_of_a_beta_conductivity():
    sigma = Beta(*SIGMA)
    assert sigma.mean == 0.25
    assert abs(sigma.std - 0.0566947) < 5e-8
    chaos = PolynomialChaos.projected(inverse, [sigma], 30)
    assert abs(float(chaos.mean) - 4.235444) < 6e-7
    assert abs(float(chaos.std) - 1.083932) < 6e-7
    drawn = 1 / samples([sigma], 1 << 15)[:, 0]
    assert abs(drawn.mean() - 4.235444) < 1e-4
    assert abs(drawn.std() - 1.083932) < 1e-3


@pytest.mark.parametrize(
    "one", [Uniform(-1, 3), Beta(0.1, 0.6), Beta(2, 5, 1.5, 4), Beta(0, 1, 0.5, 0.5), Normal(3, 2)]
)
def test_polynomials_are_orthonormal_under_samples_and_quadrature(one):
    x, weights = gauss_grid([one], 12)
    assert abs(weights.sum() - 1) < 1e-13
    np.testing.assert_allclose(weights @ x, [one.mean], rtol=1e-12)
    np.testing.assert_allclose(weights @ (x - one.mean) ** 2, [one.std**2], rtol=1e-11)
    # The same moments from quantiles, which know nothing of the recurrence.
    drawn = samples([one], 1 << 14)[:, 0]
    for power in (1, 2, 3, 4):
        moment = weights @ ((x[:, 0] - one.mean) / one.std) ** power
        assert abs((((drawn - one.mean) / one.std) ** power).mean() - moment) < 0.02
    some = np.random.default_rng(0).normal(size=7)
    inside = samples([one], 64)

    def polynomial(x):
        return np.polyval(some, (x[:, 0] - one.mean) / one.std)

    chaos = PolynomialChaos.projected(polynomial, [one], 6)
    np.testing.assert_allclose(chaos.evaluate(inside), polynomial(inside), rtol=1e-9, atol=1e-9)
    assert (
        abs(chaos.variance - (weights @ polynomial(x) ** 2 - (weights @ polynomial(x)) ** 2))
        < 1e-7 * chaos.variance
    )


def test_chaos_of_ishigami():
    chaos = PolynomialChaos.projected(ishigami, ISHIGAMI, 18, points=20)
    assert abs(float(chaos.mean) - 3.5) < 1e-6
    assert abs(float(chaos.variance) - 13.844588) < 2e-5
    np.testing.assert_allclose(chaos.first, ISHIGAMI_FIRST, atol=2e-6)
    np.testing.assert_allclose(chaos.total, ISHIGAMI_TOTAL, atol=2e-6)
    assert abs(float(chaos.together([0, 2])) - 0.243684) < 2e-6


def test_chaos_by_regression_of_two_outputs():
    x = samples(ISHIGAMI, 2048)
    both = np.stack([ishigami(x), x @ [1.0, 2.0, 0.0]], axis=1)
    chaos = PolynomialChaos.fitted(x, both, ISHIGAMI, 10)
    np.testing.assert_allclose(chaos.first, [ISHIGAMI_FIRST, [0.2, 0.8, 0.0]], atol=5e-3)
    np.testing.assert_allclose(chaos.total[0], ISHIGAMI_TOTAL, atol=5e-3)


@pytest.mark.parametrize(
    ("function", "inputs", "mean_and_variance", "first", "total"),
    [
        (ishigami, ISHIGAMI, (3.5, 13.844588), ISHIGAMI_FIRST, ISHIGAMI_TOTAL),
        (g_function, [Uniform(0, 1)] * 8, (1.0, 0.465424), G_FIRST, G_TOTAL),
    ],
)
def test_indices_by_sampling(function, inputs, mean_and_variance, first, total):
    design = saltelli_design(inputs, 1 << 13)
    found = sobol_indices(function(design.x), design)
    np.testing.assert_allclose((found.mean, found.variance), mean_and_variance, rtol=5e-3)
    np.testing.assert_allclose(found.first, first, atol=6e-3)
    np.testing.assert_allclose(found.total, total, atol=6e-3)
    # The bootstrap, which takes points for independent, is wider than the error of evenly spread ones.
    assert (np.abs(found.first - first) < np.maximum(found.first_error, 1e-5)).all()
    assert (np.abs(found.total - total) < np.maximum(found.total_error, 1e-5)).all()


def test_a_constant_has_no_variance_to_share():
    design = saltelli_design([Uniform(0, 1)] * 2, 64)
    values = np.stack([np.full(len(design.x), 0.1), design.x[:, 0]], axis=1)
    found = sobol_indices(values, design)
    assert found.first[0].tolist() == found.total[0].tolist() == [0.0, 0.0]
    np.testing.assert_allclose(found.total[1], [1, 0], atol=1e-2)


def test_points_fill_the_cube_evenly_and_follow_the_seed():
    points = sobol_points(256, 5, seed=3)
    for i in range(5):
        assert np.unique((points[:, i] * 256).astype(int)).size == 256
    assert (points == sobol_points(256, 5, seed=3)).all()
    assert (points != sobol_points(256, 5, seed=4)).all()
    assert (sobol_points(200, 5, seed=3) == points[:200]).all()


def test_inputs_of_salib():
    analyze = pytest.importorskip("SALib.analyze.sobol", reason="needs SALib: pip install 'headfield[uq]'")
    from SALib.sample import sobol

    inputs = {f"x{i}": one for i, one in enumerate(ISHIGAMI)}
    problem = salib_problem(inputs)
    shares = sobol.sample(problem, 1024, calc_second_order=False, seed=1)
    values = ishigami(inputs_of(inputs, shares))
    found = analyze.analyze(problem, values, calc_second_order=False, seed=1)
    np.testing.assert_allclose(found["S1"], ISHIGAMI_FIRST, atol=0.03)
    np.testing.assert_allclose(found["ST"], ISHIGAMI_TOTAL, atol=0.03)


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (lambda: Uniform(1, 1), "low = 1 must be less than high = 1"),
        (lambda: Beta(0.4, 0.1), "Beta: low = 0.4"),
        (lambda: Beta(0, 1, 0), "Beta: p must be more than 0"),
        (lambda: Normal(0, -1), "Normal: std"),
        (lambda: Normal(np.nan, 1), "Normal: mean"),
        (lambda: Uniform(0, np.inf), "Uniform: high"),
        (lambda: Uniform(0, 1).quantile([1.5]), "between 0 and 1"),
        (lambda: samples([], 8), "no inputs"),
        (lambda: samples([Uniform(0, 1), "x"], 8), "input 1"),
        (lambda: samples([Uniform(0, 1)], 0), "n = 0"),
        (lambda: sobol_indices(np.ones(7), saltelli_design([Uniform(0, 1)], 2)), "values must be 6"),
        (lambda: sobol_indices([np.nan] * 6, saltelli_design([Uniform(0, 1)], 2)), "not finite"),
        (lambda: PolynomialChaos.fitted(np.ones((3, 1)), np.ones(3), [Uniform(0, 1)], 5), "6 terms"),
        (lambda: PolynomialChaos.fitted(np.ones((9, 1)), np.ones(9), [Uniform(0, 2)], 5), "tell the 6 terms"),
        (lambda: PolynomialChaos.projected(inverse, [Uniform(0, 1)] * 12, 5), "fit samples instead"),
        (lambda: PolynomialChaos.projected(lambda x: np.ones(3), [Uniform(0, 1)], 1), "must return 2"),
        (lambda: PolynomialChaos.projected(inverse, [Uniform(0.1, 1)], 1).together([1]), "from 0 to 0"),
        (lambda: salib_problem([Uniform(0, 1)]), "by name"),
        (lambda: inputs_of({"a": Uniform(0, 1)}, [[2.0]]), "between 0 and 1"),
    ],
)
def test_what_is_refused(made, said):
    with pytest.raises(ArgumentError, match=said):
        made()


def test_without_scipy(monkeypatch):
    for name in ("scipy", "scipy.special", "scipy.stats"):
        monkeypatch.setitem(sys.modules, name, None)
    for call in (lambda: sobol_points(8, 1), lambda: Beta(0, 1).quantile([0.5])):
        with pytest.raises(MissingPackageError, match="headfield\\[uq\\]"):
            call()
