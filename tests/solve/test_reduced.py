# SPDX-License-Identifier: BSD-3-Clause
"""The reduced model in conductivities, on a small problem that is known: dense matrices, exact snapshots."""

import numpy as np
import pytest

from headfield.solve.uncertainty.reduced import Reduced

PARTS, PLACES, UNKNOWNS = 3, 60, 20


class Problem:
    """Fields in R^m with a conductivity for each third of it; gradients are the columns of a matrix."""

    def __init__(self, snapshots, seed=0):
        rng = np.random.default_rng(seed)
        self.part = np.arange(PLACES) % PARTS
        self.gradient, self.rate = rng.normal(size=(PLACES, UNKNOWNS)), rng.normal(size=PLACES)
        self.rng = rng
        factors = np.vstack([np.ones(PARTS), self.draw(snapshots - 1)])
        fields = np.array([self.field(r) for r in factors])
        self.norm = np.linalg.norm(fields[0])
        steps = (fields[1:] - fields[0]).T / self.norm
        basis, self.steps = np.linalg.qr(steps)
        self.fields = np.vstack([fields[0] / self.norm, basis.T])
        known = np.hstack([np.ones((snapshots, 1)), np.vstack([np.zeros(snapshots - 1), self.steps.T])])
        energies = np.array(
            [self.fields[:, self.part == t] @ self.fields[:, self.part == t].T for t in range(PARTS)]
        )
        self.reduced = Reduced(energies, factors, known)
        self.fluxes = factors[:, self.part] * fields / self.norm

    def draw(self, count):
        return 3.0 ** self.rng.uniform(-1, 1, (count, PARTS))

    def field(self, factors):
        """E = −rate − gradient φ of least Σ σ E²."""
        root = np.sqrt(factors[self.part])
        phi = np.linalg.lstsq(root[:, None] * self.gradient, -root * self.rate, rcond=None)[0]
        return -self.rate - self.gradient @ phi


@pytest.mark.parametrize("snapshots", [2, 5, 9])
def test_bounds_are_the_error_and_what_the_fluxes_lack(snapshots):
    """By Pythagoras: ‖σE_N − q‖² = ‖E_N − E‖² + ‖q − σE‖², in the norms of σ and 1/σ."""
    problem = Problem(snapshots)
    r = problem.draw(6)
    coefficients = problem.reduced.solve(r)
    bounds = problem.reduced.bounds(r, coefficients)
    for factors, row, bound in zip(r, coefficients, bounds, strict=True):
        sigma, true = factors[problem.part], problem.field(factors) / problem.norm
        error = np.sqrt((sigma * (row @ problem.fields - true) ** 2).sum())
        weighed = (problem.fluxes / np.sqrt(sigma)).T
        lacking = np.linalg.lstsq(weighed, np.sqrt(sigma) * true, rcond=None)[1]
        assert error > 1e-6
        assert bound**2 == pytest.approx(error**2 + lacking.sum(), rel=1e-9)


def test_the_least_energy_of_all_combinations():
    problem = Problem(5)
    r = problem.draw(1)
    best, sigma = problem.reduced.solve(r)[0], r[0][problem.part]
    energy = (sigma * (best @ problem.fields) ** 2).sum()
    for _ in range(20):
        other = best + np.concatenate([[0.0], 1e-3 * problem.rng.normal(size=len(best) - 1)])
        assert (sigma * (other @ problem.fields) ** 2).sum() > energy


def test_snapshots_are_met_exactly():
    problem = Problem(6)
    found = problem.reduced.solve(problem.reduced.factors)
    np.testing.assert_allclose(found, problem.reduced.coefficients, atol=1e-12)
    assert problem.reduced.bounds(problem.reduced.factors, found).max() < 1e-12


def test_derivatives_of_the_coefficients():
    problem = Problem(6)
    r, step = problem.draw(3), 1e-6
    slopes = problem.reduced.derivatives(r, problem.reduced.solve(r))
    for t in range(PARTS):
        way = step * np.eye(PARTS)[t]
        ahead, behind = problem.reduced.solve(r + way), problem.reduced.solve(r - way)
        np.testing.assert_allclose(slopes[:, t], (ahead - behind) / (2 * step), rtol=1e-6, atol=1e-9)
