# SPDX-License-Identifier: BSD-3-Clause
"""Many nodes held at zero, as those of electrodes are, or at other potentials, against a direct solver."""

import functools

import numpy as np
import pytest
from devices import native
from given import p1
from given.comparisons import same_bits
from given.systems import System, run, sphere

pytestmark = pytest.mark.usefixtures("each_device")

RADIUS_M = 0.08
AXES = np.concatenate([np.eye(3), -np.eye(3)])
TOL = 1e-9


def patches(nodes, degrees=25.0):
    """Six electrodes: the nodes of the outer surface around each axis, (6, n)."""
    distance = np.linalg.norm(nodes, axis=1)
    cosine = AXES @ (nodes / np.maximum(distance, 1e-6)[:, None]).T
    return (distance > 0.999 * RADIUS_M) & (cosine > np.cos(np.radians(degrees)))


# Masks (n,) of nodes (n, 3), m.
FIXED = {
    "two electrodes": lambda x: patches(x)[[2, 5]].any(axis=0),
    "six electrodes": lambda x: patches(x).any(axis=0),
    "boundary": lambda x: np.linalg.norm(x, axis=1) > 0.999 * RADIUS_M,
    "half": lambda x: x[:, 0] > 0.0,
    "every other": lambda x: np.arange(len(x)) % 2 == 0,
    "all but one": lambda x: np.arange(len(x)) != 5,
}


@functools.cache
def system(name):
    head = sphere().head
    return System(*head, fixed=FIXED[name](head[0]))


def most_iterations(reports):
    assert all(r.converged for r in reports)
    return max(r.iterations for r in reports)


@pytest.mark.parametrize("name", FIXED)
def test_agrees_with_a_direct_solver_in_no_more_iterations_than_grounded(name):
    held = system(name)
    assert len(held.others) < held.n - 10
    b = sphere().right_hand_sides(8)
    phi, reports = held.solve(b, tol=TOL)
    assert most_iterations(reports) <= most_iterations(sphere().solve(b, tol=TOL)[1])
    assert (held.residual(phi, b) <= 1.05 * TOL).all()
    for report, true in zip(reports, held.residual(phi, b), strict=True):
        assert report.residual == pytest.approx(true, rel=0.05, abs=1e-15)
    assert p1.relative(phi, held.direct(b)) < 100 * TOL
    assert not phi[held.fixed].any()


@pytest.mark.parametrize("width", native.widths)
def test_electrodes_at_potentials_by_lifting(width):
    """K g of the values g at fixed nodes goes to the right-hand side: tCS as the caller writes it."""
    held, nodes = system("six electrodes"), sphere().head[0]
    volts = np.random.default_rng(width).uniform(-1.0, 1.0, (len(AXES), width))
    g = np.ascontiguousarray(patches(nodes).T.astype(float) @ volts)
    b = -(held.k @ g)
    phi, reports = held.solve(b, tol=TOL)
    grounded = sphere().solve(sphere().right_hand_sides(1), tol=TOL)[1]
    assert most_iterations(reports) <= most_iterations(grounded)
    phi += g
    wanted = held.direct(b) + g
    assert p1.relative(phi, wanted) < 100 * TOL
    assert (phi >= g.min(axis=0) - 1e-3).all(), "the highest and lowest potentials are those of electrodes"
    assert (phi <= g.max(axis=0) + 1e-3).all()
    current = held.k @ phi  # A, into the head at every node
    size = np.abs(current).sum(axis=0)
    assert (np.linalg.norm(current[held.others], axis=0) < 1e-6 * size).all()
    assert (np.abs(current[held.fixed].sum(axis=0)) < 1e-5 * size).all(), "what goes in comes out"


def test_a_column_has_the_same_bits_at_any_width():
    held = system("six electrodes")
    b = held.right_hand_sides(16)
    alone, _ = held.solve(b[:, :1].copy(), tol=TOL)
    for width in (4, 16):
        phi, _ = held.solve(b[:, :width].copy(), tol=TOL)
        same_bits(phi[:, 0].copy(), alone[:, 0].copy())


def test_what_b_has_at_fixed_nodes_is_ignored():
    held = system("two electrodes")
    b = held.right_hand_sides(4)
    other = b.copy()
    other[held.fixed] = np.random.default_rng(1).normal(size=(held.fixed.sum(), 4)) * 1e3
    (phi, reports), (again, others) = held.solve(b, tol=TOL), held.solve(other, tol=TOL)
    np.testing.assert_array_equal(again, phi)
    assert [r.residual for r in others] == [r.residual for r in reports]


def test_a_guess_is_zero_at_fixed_nodes():
    held = system("two electrodes")
    b = held.right_hand_sides(4)
    phi, cold = held.solve(b, tol=TOL)
    solver = native.Solver(held.hierarchy, 4)
    warm = phi * (1 + 1e-4)
    assert not warm[held.fixed].any()
    reports = solver.solve(b.copy(), warm, [TOL] * 4, 100)
    assert 0 < most_iterations(reports) < most_iterations(cold)
    assert p1.relative(warm, phi) < 100 * TOL
    anything = np.full_like(phi, np.nan)
    solver.solve(b.copy(), anything, [TOL] * 4, 100, guessed=False)
    same_bits(anything, phi)


@pytest.mark.parametrize("dtype", [bool, np.uint8])
def test_masks_of_both_dtypes_mark_the_same_nodes(dtype):
    held = system("six electrodes")
    hierarchy = native.Hierarchy(*held.matrix(), (held.fixed * 3).astype(dtype), 0.04)
    assert hierarchy.levels == held.hierarchy.levels
    b = held.right_hand_sides(1)
    same_bits(run(native.Solver(hierarchy, 1), b, TOL, 100)[0], held.solve(b, tol=TOL)[0])


def test_a_part_that_is_fixed_as_a_whole_leaves_the_rest_alone():
    nodes, tets, sigma = sphere().head
    n, ground = len(nodes), np.arange(len(nodes)) == 0
    two = np.concatenate([nodes, nodes + 0.3]), np.concatenate([tets, tets + n]), np.tile(sigma, 2)
    both = System(*two, fixed=np.concatenate([ground, np.ones(n, bool)]))
    b = sphere().right_hand_sides(4)
    phi, reports = both.solve(np.concatenate([b, np.ones_like(b)]), tol=TOL)
    alone, wanted = sphere().solve(b, tol=TOL)
    assert not phi[n:].any()
    assert p1.relative(phi[:n], alone) < 100 * TOL
    assert most_iterations(reports) <= most_iterations(wanted)


@pytest.mark.parametrize("width", [1, 8])
def test_nothing_is_free(width):
    held = System(*sphere().head, fixed=np.s_[:])
    phi, reports = held.solve(held.right_hand_sides(width))
    assert not phi.any()
    assert all((r.iterations, r.residual, r.converged) == (0, 0.0, True) for r in reports)


def test_fixed_nodes_may_lie_in_metal():
    """What the electrodes conduct does not matter: their rows are cut off."""
    nodes, tets, sigma = sphere().head
    held = system("half")
    metal = np.where(held.fixed[tets].all(axis=1), 1e12, sigma)
    b = held.right_hand_sides(4)
    phi, reports = System(nodes, tets, metal, fixed=held.fixed).solve(b, tol=TOL)
    wanted, expected = held.solve(b, tol=TOL)
    assert p1.relative(phi, wanted) < 100 * TOL
    assert most_iterations(reports) <= most_iterations(expected)


def test_two_fixed_nodes_of_a_chain():
    """Resistors in a row between two batteries' ends: the potential is a straight line."""
    n = 1200
    degree = np.full(n, 2.0)
    degree[[0, -1]] = 1.0
    indptr = np.concatenate([[0], np.cumsum(degree + 1)]).astype(np.int32)
    column = np.arange(n)[:, None] + [-1, 0, 1]
    inside = (column >= 0) & (column < n)
    values = np.where(column == np.arange(n)[:, None], degree[:, None], -1.0)[inside]
    matrix = indptr, column[inside].astype(np.int32), values
    fixed = np.isin(np.arange(n), [0, n - 1])
    b = np.zeros((n, 1))
    b[n - 2] = 5.0  # -K g, g = 5 V at the last node
    phi, reports = run(native.Solver(native.Hierarchy(*matrix, fixed, 0.04), 1), b, 1e-12, 300)
    assert reports[0].converged
    phi[n - 1] += 5.0
    np.testing.assert_allclose(phi[:, 0], np.linspace(0.0, 5.0, n), rtol=0, atol=1e-7)
