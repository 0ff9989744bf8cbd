# SPDX-License-Identifier: BSD-3-Clause
"""Slopes of the vector potential, and the pull of currents on a coil, against differences and plain sums."""

import functools

import numpy as np
import pytest
from devices import native
from given.comparisons import close
from given.motions import difference, moved
from given.sources import sources
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from headfield.coils.lattices import stencil

pytestmark = pytest.mark.usefixtures("each_device")


def parts(rng, d, w):
    """A coil of d dipoles and w pieces of wire, above the plane z = 0.1."""
    places = rng.uniform([-0.08, -0.08, 0.1], [0.08, 0.08, 0.12], (d + w, 3))
    vectors = rng.normal(size=(d + w, 3))
    return sources(places[:d], 1e-2 * vectors[:d], places[d:], 0.1 * vectors[d:])


@given(st.integers(1, 200), st.integers(0, 100), st.integers(0, 100), st.integers(0, 2**32))
@settings(max_examples=25, deadline=None)
def test_slopes_are_those_of_the_sum(n, d, w, seed):
    rng = np.random.default_rng(seed)
    coil = parts(rng, d, w)
    points, vectors = rng.uniform(-0.07, 0.07, (n, 3)), rng.normal(size=(n, 3))
    both = coil.slopes(points, vectors)
    assert both.dtype == np.float64
    np.testing.assert_array_equal(both[:, :3], coil.vector_potential(points))
    slopes = [
        difference(lambda t, a=axis: (vectors * coil.vector_potential(points + t * a)).sum(axis=1), 4e-4)
        for axis in np.eye(3)
    ]
    assert close(both[:, 3:], np.stack(slopes, axis=1), 1e-8) or not d + w
    rounded = coil.slopes_float32(points, vectors)
    assert rounded.dtype == np.float32
    assert close(rounded, both, 1e-5) or not d + w


def placed(rng, k):
    poses = np.tile(np.eye(4), (k, 1, 1))
    poses[:, :3, :3] = Rotation.random(k, random_state=int(rng.integers(2**31))).as_matrix()
    poses[:, :3, 3] = rng.uniform(-0.01, 0.01, (k, 3))
    return poses


def pulled(grid, nodes, pose, currents):
    """Σ c · A of one pose, as `sample` has A."""
    out = np.empty((len(nodes), 3, 1), np.float32)
    grid.sample(nodes, pose[None], np.ones(1), out)
    return float((out[:, :, 0].astype(np.float64) * currents).sum())


@pytest.mark.parametrize("width", native.widths[:4])
def test_pull_without_a_lattice_is_that_of_the_sources(width):
    rng = np.random.default_rng(width)
    coil, k, n = parts(rng, 20, 30), max(1, width - 1), 700
    grid, poses, nodes = (
        native.Grid([], coil),
        placed(rng, max(1, width - 1)),
        rng.uniform(-0.05, 0.05, (n, 3)),
    )
    currents = rng.normal(size=(n, 3, width)).astype(np.float32)
    found = grid.pull(nodes, poses, currents)
    assert found.shape == (k, 7)
    for pose, row, c in zip(poses, found, np.moveaxis(currents, 2, 0), strict=False):
        own = (nodes - pose[:3, 3]) @ pose[:3, :3], c.astype(np.float64) @ pose[:3, :3]
        both = coil.slopes(*own)
        force = -both[:, 3:]
        torque = np.cross(both[:, :3], own[1]) + np.cross(own[0], force)
        exact = np.concatenate([[(own[1] * both[:, :3]).sum()], force.sum(axis=0), torque.sum(axis=0)])
        size = np.abs(own[1] * both[:, :3]).sum(), np.abs(force).sum(), np.abs(torque).sum()
        assert (np.abs(row - exact) <= 1e-6 * np.repeat(size, [1, 3, 3])).all()


def quadratic(spacing=0.01, n=24):
    """A lattice of an A that is a polynomial of degree two: cubic polynomials have it exactly."""
    axis = spacing * (np.arange(n) - n // 2)
    x = np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), axis=-1)
    rng = np.random.default_rng(5)
    linear, square = rng.normal(size=(3, 3)), rng.normal(size=(3, 3, 3))

    def potential(p):
        return p @ linear + 10.0 * np.einsum("...i,ijk,...j->...k", p, square, p)

    values = np.zeros((n, n, n, 4), np.float32)
    values[..., :3] = potential(x)
    good = np.ones((n - 1,) * 3, np.uint8)
    return ((axis[0],) * 3, (spacing,) * 3, values, good), potential


def test_pull_is_the_derivative_of_what_is_interpolated():
    lattice, potential = quadratic()
    rng = np.random.default_rng(1)
    grid, nodes = native.Grid([lattice], parts(rng, 0, 0)), rng.uniform(-0.05, 0.05, (600, 3))
    poses, currents = placed(rng, 3), rng.normal(size=(600, 3, 4)).astype(np.float32)
    found = grid.pull(nodes, poses, currents)

    for pose, row, c in zip(poses, found, np.moveaxis(currents, 2, 0), strict=False):

        def value(axis, amount, pose=pose, c=c):
            there = moved(pose, amount * np.eye(6)[axis])
            x = (nodes - there[:3, 3]) @ there[:3, :3]
            return float((potential(x) @ there[:3, :3].T * c).sum())

        slopes = [difference(functools.partial(value, axis), 1e-2) for axis in range(6)]
        exact = np.array([value(0, 0.0), *slopes])
        np.testing.assert_allclose(row, exact, rtol=2e-5, atol=2e-5 * np.abs(exact).max())
        assert row[0] == pytest.approx(pulled(grid, nodes, pose, c), rel=1e-5)


def test_pull_has_the_bits_of_a_pose_by_itself():
    lattice, _ = quadratic()
    rng = np.random.default_rng(2)
    cells = np.zeros((23,) * 3, bool)
    cells[8:15, 8:15, 8:15] = True
    lattice = (*lattice[:2], lattice[2] * stencil(cells)[..., None], cells.astype(np.uint8))
    grid, nodes = native.Grid([lattice], parts(rng, 9, 7)), rng.uniform(-0.07, 0.07, (515, 3))
    poses, currents = placed(rng, 8), rng.normal(size=(515, 3, 8)).astype(np.float32)
    together = grid.pull(nodes, poses, currents)
    for j in range(8):
        own = np.ascontiguousarray(currents[:, :, j : j + 1])
        np.testing.assert_array_equal(grid.pull(nodes, poses[j : j + 1], own)[0], together[j])


def test_pull_of_no_nodes_is_nothing():
    grid = native.Grid([], parts(np.random.default_rng(0), 3, 3))
    pull = grid.pull(np.empty((0, 3)), np.eye(4)[None], np.empty((0, 3, 1), np.float32))
    np.testing.assert_array_equal(pull, np.zeros((1, 7)))


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        ((np.zeros((4, 2)), np.eye(4)[None], np.zeros((4, 3, 4), np.float32)), "nodes"),
        ((np.zeros((4, 3)), np.eye(3)[None], np.zeros((4, 3, 4), np.float32)), "poses"),
        ((np.zeros((4, 3)), np.eye(4)[None], np.zeros((3, 3, 4), np.float32)), "currents"),
        ((np.zeros((4, 3)), np.eye(4)[None], np.zeros((4, 3, 3), np.float32)), "columns, not 3"),
        ((np.zeros((4, 3)), np.tile(np.eye(4), (5, 1, 1)), np.zeros((4, 3, 4), np.float32)), "more poses"),
    ],
)
def test_pull_names_a_bad_argument(arguments, name):
    grid = native.Grid([], parts(np.random.default_rng(0), 3, 3))
    with pytest.raises(ValueError, match=name):
        grid.pull(*arguments)


def test_slopes_name_a_bad_argument():
    coil = parts(np.random.default_rng(0), 3, 3)
    with pytest.raises(ValueError, match="vectors"):
        coil.slopes(np.zeros((4, 3)), np.zeros((3, 3)))
    with pytest.raises(ValueError, match="points"):
        coil.slopes_float32(np.zeros((4, 2)), np.zeros((4, 3)))
