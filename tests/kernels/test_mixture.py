# SPDX-License-Identifier: BSD-3-Clause
"""The block solver where each column has conductivities of its own, against matrices assembled for them."""

import functools

import numpy as np
import pytest
from devices import native
from given import p1
from given.comparisons import same_bits
from given.heads import emulated
from given.random_meshes import WIDTHS, random_tensors
from given.systems import LOOSE_TOL, System

from headfield import sphere_mesh

pytestmark = pytest.mark.usefixtures("each_device")


@functools.cache
def split(tensors):
    """A head of four tissues, its matrices by tissue, and what they are a mixture for."""
    edge = 14 if emulated(native.instruction_set) else 10
    mesh = sphere_mesh([60, 66, 72, 80], [1, 3, 4, 5], edge_mm=edge)
    sigma = np.array([np.nan, 0.126, np.nan, 1.654, 0.01, 0.465])[mesh.tags]
    if tensors:
        sigma = random_tensors(np.random.default_rng(4), sigma)
    system = System(mesh.nodes_mm * 1e-3, mesh.tets, sigma)
    number = np.unique(mesh.tags, return_inverse=True)[1]
    parts = []
    for t in range(4):
        inside = number == t
        indptr, indices, values, _ = native.assemble(
            system.head[0], np.ascontiguousarray(mesh.tets[inside]), np.ascontiguousarray(sigma[inside])
        )
        parts.append((indptr, indices, values))
    return system, number, native.Mixture(system.hierarchy, parts)


def mixed(system, mixture, factors, b, tol=1e-12):
    solver = native.Solver(system.hierarchy, b.shape[1], mixture)
    solver.mix(factors.tolist())
    phi = np.zeros_like(b)
    return phi, solver.solve(b.copy(), phi, [tol] * b.shape[1], 300)


@pytest.mark.parametrize("tensors", [False, True])
def test_factors_of_one_are_the_head_itself(tensors):
    system, _, mixture = split(tensors)
    b = system.right_hand_sides(4)
    phi, reports = mixed(system, mixture, np.ones((4, 4)), b)
    assert all(r.converged for r in reports)
    assert p1.relative(phi, system.direct(b)) < 1e-10
    untold = np.zeros_like(b)
    native.Solver(system.hierarchy, 4, mixture).solve(b.copy(), untold, [1e-12] * 4, 300)
    np.testing.assert_array_equal(untold, phi)


@pytest.mark.parametrize("tensors", [False, True])
def test_each_column_has_the_solution_of_its_own_conductivities(tensors):
    system, number, mixture = split(tensors)
    nodes, tets, sigma = system.head
    b = system.right_hand_sides(4, seed=3)
    factors = 4.0 ** np.random.default_rng(7).uniform(-1, 1, (4, 4))
    phi, reports = mixed(system, mixture, factors, b)
    assert all(r.converged for r in reports)
    for column in range(4):
        scale = factors[number, column]
        own = System(nodes, tets, sigma * (scale[:, None, None] if tensors else scale))
        one = slice(column, column + 1)
        assert p1.relative(phi[:, one], own.direct(b[:, one])) < 1e-9
        assert reports[column].residual == pytest.approx(own.residual(phi, b)[column], rel=0.05)


@pytest.mark.parametrize("width", [*WIDTHS, 64])
def test_a_column_has_the_same_bits_at_any_width_and_place(width):
    if width not in native.widths:
        pytest.skip(f"no block of this device has {width} columns")
    system, _, mixture = split(False)
    rng = np.random.default_rng(width)
    b = np.concatenate([system.right_hand_sides(32, seed=seed) for seed in (5, 6)], axis=1)
    factors = 2.0 ** rng.uniform(-1, 1, (4, 64))
    factors[:, 0] = 1.5, 0.6, 0.7, 1.2
    alone, alone_report = mixed(system, mixture, factors[:, :1], b[:, :1], LOOSE_TOL)
    neighbours = rng.permutation(np.arange(1, 64))[: width - 1]
    for place in {0, width // 2, width - 1}:
        columns = np.insert(neighbours, place, 0)
        block = np.ascontiguousarray(b[:, columns])
        phi, reports = mixed(system, mixture, factors[:, columns], block, LOOSE_TOL)
        same_bits(phi[:, place].copy(), alone[:, 0].copy())
        assert reports[place].iterations == alone_report[0].iterations


def test_what_is_no_mixture_is_refused():
    system, _, mixture = split(False)
    solver = native.Solver(system.hierarchy, 4, mixture)
    for factors, message in (
        (np.ones((3, 4)), "factors must be of 4 tissues"),
        (np.ones((4, 1)), "factors must hold a number a column"),
        (np.zeros((4, 4)), "factors must be positive"),
        (np.full((4, 4), np.inf), "factors must be positive"),
    ):
        with pytest.raises(ValueError, match=message):
            solver.mix(factors.tolist())
    with pytest.raises(ValueError, match="factors must be of 0 tissues"):
        native.Solver(system.hierarchy, 4).mix([[1.0] * 4])
    with pytest.raises(ValueError, match="tissues must hold a matrix"):
        native.Mixture(system.hierarchy, [])
    one = np.array([0, 1], np.int32), np.zeros(1, np.int32), np.ones(1)
    with pytest.raises(ValueError, match="rows"):
        native.Mixture(system.hierarchy, [one])
