# SPDX-License-Identifier: BSD-3-Clause
"""Steps of quadratic models, against SciPy; and what models learn."""

import numpy as np
import pytest

from headfield.optimize.quadratic import best_steps, learnt

RNG = np.random.default_rng(7)


def problems(k=12, n=6, c=5):
    roots = RNG.normal(size=(k, n, n))
    curvatures = roots @ np.swapaxes(roots, 1, 2) + 0.3 * np.eye(n)
    excess = np.abs(RNG.normal(size=(k, c)))
    excess[:, 0], excess[:, -1] = 0.0, np.inf
    return RNG.normal(size=(k, n)) * 3, curvatures, excess, RNG.normal(size=(k, c, n)), np.full((k, n), 0.8)


def test_steps_are_the_best_there_are():
    optimize = pytest.importorskip("scipy.optimize")
    gradients, curvatures, excess, slopes, bounds = problems()
    bounds[:, 2] = 0.0  # a motion that is not free
    found = best_steps(gradients, curvatures, excess, slopes, bounds)
    assert (np.abs(found) <= bounds).all()
    assert not found[:, 2].any()
    left = excess[:, :-1] + np.einsum("kcn,kn->kc", slopes[:, :-1], found)
    assert left.min() > -1e-5
    for g, b, e, a, limit, step in zip(gradients, curvatures, excess, slopes, bounds, found, strict=True):

        def loss(s, g=g, b=b):
            return 0.5 * s @ b @ s - g @ s

        constraint = {"type": "ineq", "fun": lambda s, e=e, a=a: e[:-1] + a[:-1] @ s}
        best = optimize.minimize(
            loss, np.zeros(6), bounds=[(-v, v) for v in limit], constraints=constraint, tol=1e-12
        )
        assert loss(step) == pytest.approx(best.fun, abs=1e-5 * max(1.0, abs(best.fun)))


def test_without_limits_it_is_newtons_step():
    gradients, curvatures, _, slopes, bounds = problems()
    found = best_steps(gradients, curvatures, np.full((12, 5), np.inf), slopes, 100 * bounds)
    np.testing.assert_allclose(np.einsum("kij,kj->ki", curvatures, found), gradients, atol=1e-9)


def test_a_quadratic_function_is_learnt():
    _, true, *_ = problems(3)
    known = np.tile(np.eye(6), (3, 1, 1))
    for _ in range(300):
        steps = RNG.normal(size=(3, 6))
        known = learnt(known, steps, np.einsum("kij,kj->ki", true, steps))
    np.testing.assert_allclose(known, true, rtol=1e-3, atol=1e-3)


def test_what_curves_up_leaves_the_model_concave():
    known = np.tile(np.eye(6), (1, 1, 1))
    for _ in range(20):
        steps = RNG.normal(size=(1, 6))
        known = learnt(known, steps, -steps)
    assert np.linalg.eigvalsh(known).min() > 0.0
    np.testing.assert_array_equal(learnt(known, np.zeros((1, 6)), np.zeros((1, 6))), known)
    np.testing.assert_array_equal(learnt(known, steps, np.full((1, 6), np.nan)), known)
