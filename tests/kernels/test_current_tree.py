# SPDX-License-Identifier: BSD-3-Clause
"""Fields of nodal currents by a tree of clusters, against direct sums in NumPy."""

import numpy as np
import pytest
from devices import native
from given.comparisons import same_bits

pytestmark = pytest.mark.usefixtures("each_device")

FIELDS = ("magnetic_field", "vector_potential")


def ball(n, seed):
    """Nodes that fill a ball of 90 mm, somewhere, and points 2 to 60 mm outside it."""
    rng = np.random.default_rng(seed)
    centre = np.array([0.02, -0.01, 0.3])
    nodes = rng.standard_normal((n, 3))
    nodes *= 0.09 * rng.random((n, 1)) ** (1 / 3) / np.linalg.norm(nodes, axis=1, keepdims=True)
    points = rng.standard_normal((100, 3))
    points *= rng.uniform(0.092, 0.15, (100, 1)) / np.linalg.norm(points, axis=1, keepdims=True)
    return nodes + centre, points + centre


def around(nodes, k, seed):
    """Currents of k dipoles near the surface and what returns around them, as that of an adjoint solve."""
    rng = np.random.default_rng(seed)
    at = nodes[np.argsort(np.linalg.norm(nodes - nodes.mean(axis=0) - [0, 0.06, 0], axis=1))[0]]
    d = nodes - at
    r = np.maximum(np.linalg.norm(d, axis=1, keepdims=True), 0.005)
    e = rng.standard_normal((k, 1, 3))
    currents = (3 * (d * e).sum(axis=-1, keepdims=True) * d / r**2 - e) / r**3
    currents[:, np.linalg.norm(d, axis=1) < 0.01] = 0
    currents[:, (d == 0).all(axis=1)] = -currents.sum(axis=1, keepdims=True)
    return np.ascontiguousarray(currents, np.float32)


def noise(nodes, k, seed):
    return np.random.default_rng(seed).standard_normal((k, len(nodes), 3)).astype(np.float32)


def direct(name, nodes, currents, points):
    currents, out = currents.astype(float), np.empty((len(points), len(currents), 3))
    for p, x in enumerate(points):
        d = x - nodes
        r = np.linalg.norm(d, axis=1)[:, None]
        if name == "magnetic_field":  # the antisymmetric part of Σ c dᵀ / |d|³
            m = np.swapaxes(currents, 1, 2) @ (d / r**3)
            out[p] = 1e-7 * (m[:, [1, 2, 0], [2, 0, 1]] - m[:, [2, 0, 1], [1, 2, 0]])
        else:
            out[p] = 1e-7 * (np.swapaxes(currents, 1, 2) @ (1 / r))[..., 0]
    return out


def errors(got, exact):
    """Relative L2 error of each functional over all points."""
    return np.linalg.norm(got - exact, axis=(0, 2)) / np.linalg.norm(exact, axis=(0, 2))


@pytest.mark.parametrize("name", FIELDS)
@pytest.mark.parametrize("make", [around, noise])
@pytest.mark.parametrize(("n", "k"), [(40000, 1), (12000, 3), (8000, 16), (700, 2)])
def test_fields_are_those_of_the_direct_sum(name, make, n, k):
    nodes, points = ball(n, seed=n + k)
    currents = make(nodes, k, seed=k)
    field = getattr(native.CurrentTree(nodes, currents), name)(points)
    assert field.dtype == np.float32
    assert field.shape == (100, k, 3)
    most = 1e-4 if make is around else 1e-5  # with so few nodes, most of what these make cancels
    assert errors(field, direct(name, nodes, currents, points)).max() < most


def test_the_tree_is_a_tree():
    """Far clusters are not summed node by node: then nothing but rounding would tell the two apart."""
    nodes, points = ball(40000, seed=5)
    currents = noise(nodes, 1, seed=5)
    near, far = points, (points - points.mean(axis=0)) * 2 + points.mean(axis=0)
    tree = native.CurrentTree(nodes, currents)
    for at in (near, far):
        assert errors(tree.magnetic_field(at), direct("magnetic_field", nodes, currents, at)).max() > 3e-7


@pytest.mark.parametrize("name", FIELDS)
def test_a_point_gets_the_same_bits_whatever_else_is_asked_for(name):
    nodes, points = ball(20000, seed=1)
    points = np.concatenate([points] * 45) * np.linspace(1, 1.01, 4500)[:, None]
    field = getattr(native.CurrentTree(nodes, around(nodes, 3, seed=1)), name)
    whole = field(points)
    order = np.random.default_rng(2).permutation(len(points))
    np.testing.assert_array_equal(field(points[order]), whole[order])
    for some in (slice(0, 1), slice(17, 34), slice(3, 4000, 7)):
        np.testing.assert_array_equal(field(np.ascontiguousarray(points[some])), whole[some])


@pytest.mark.parametrize("name", FIELDS)
def test_a_functional_gets_the_same_bits_whatever_its_neighbours(name):
    nodes, points = ball(20000, seed=3)
    currents = around(nodes, 5, seed=3)
    whole = getattr(native.CurrentTree(nodes, currents), name)(points)
    for some in (slice(0, 1), slice(2, 5)):
        part = getattr(native.CurrentTree(nodes, np.ascontiguousarray(currents[some])), name)(points)
        np.testing.assert_array_equal(part, whole[:, some])


def test_any_number_of_threads_gives_the_same_bits():
    nodes, points = ball(30000, seed=4)
    points = np.concatenate([points * s for s in np.linspace(1, 1.1, 25)])
    currents, found = around(nodes, 2, seed=4), []
    before = native.max_threads()
    try:
        for threads in (1, 2, 5):
            native.set_threads(threads)
            tree = native.CurrentTree(nodes, currents)
            found.append(np.stack([getattr(tree, name)(points) for name in FIELDS]))
    finally:
        native.set_threads(before)
    for other in found[1:]:
        np.testing.assert_array_equal(other, found[0])


@pytest.mark.parametrize("name", FIELDS)
def test_a_node_on_a_point_is_left_out(name):
    nodes, _ = ball(9000, seed=6)
    currents = noise(nodes, 2, seed=6)
    at = nodes[:50] + 3e-7
    field = getattr(native.CurrentTree(nodes, currents), name)
    assert np.isfinite(field(nodes)).all()
    for i in range(0, 50, 7):
        others = np.delete(np.arange(len(nodes)), i)
        expected = direct(name, nodes[others], currents[:, others], at[i : i + 1])
        assert errors(field(at[i : i + 1]), expected).max() < 1e-4


@pytest.mark.parametrize("name", FIELDS)
def test_a_node_on_a_point_counts_where_every_one_does(name):
    """There the sum is not a number, a tenth of a micrometre beside it huge, elsewhere what it is without."""
    nodes, points = ball(9000, seed=6)
    currents = noise(nodes, 1, seed=6)
    field = getattr(native.CurrentTree(nodes, currents), name)
    assert np.isnan(field(nodes[:50], True)).any(axis=(1, 2)).all()
    beside = nodes[:50] + 1e-7
    every, without = (np.abs(field(beside, each)).max(axis=(1, 2)) for each in (True, False))
    assert (every > 10.0 * without).all()
    same_bits(field(points, True), field(points))


@pytest.mark.parametrize("name", FIELDS)
def test_few_nodes_and_no_points(name):
    nodes, points = ball(2, seed=7)
    for n in (0, 1, 2):
        currents = noise(nodes[:n], 3, seed=7)
        field = getattr(native.CurrentTree(nodes[:n], currents), name)
        np.testing.assert_allclose(
            field(points), direct(name, nodes[:n], currents, points), rtol=2e-5, atol=1e-12
        )
        assert field(np.zeros((0, 3))).shape == (0, 3, 3)


def test_nodes_in_one_place_make_one_leaf():
    nodes = np.full((6000, 3), 0.25)
    currents = noise(nodes, 1, seed=8)
    point = np.array([[0.25, 0.25, 0.3]])
    got = native.CurrentTree(nodes, currents).vector_potential(point)
    np.testing.assert_allclose(got[0, 0], 1e-7 / 0.05 * currents[0].sum(axis=0, dtype=float), rtol=1e-4)


def test_bad_numbers_are_refused_by_name():
    nodes, _ = ball(10, seed=9)
    tree = native.CurrentTree(nodes, noise(nodes, 1, seed=9))
    for bad in (np.nan, np.inf):
        spoilt = nodes.copy()
        spoilt[3, 1] = bad
        with pytest.raises(ValueError, match="nodes must be finite; node 3 is not"):
            native.CurrentTree(spoilt, noise(nodes, 1, seed=9))
        with pytest.raises(ValueError, match="points must be finite; point 3 is not"):
            tree.magnetic_field(spoilt)
    with pytest.raises(ValueError, match="nodes are farther apart"):
        native.CurrentTree(np.array([[-1.7e308] * 3, [1.7e308] * 3]), np.ones((1, 2, 3), np.float32))
    with pytest.raises(ValueError, match="points are farther apart"):
        tree.magnetic_field(np.array([[-1.7e308] * 3, [1.7e308] * 3]))
    for k in (0, 65):
        with pytest.raises(ValueError, match=f"currents must be those of 1 to 64 functionals, not {k}"):
            native.CurrentTree(nodes, np.ones((k, 10, 3), np.float32))


@pytest.mark.parametrize("name", FIELDS)
def test_points_of_other_shapes_and_kinds_are_refused_by_name(name):
    nodes, points = ball(10, seed=10)
    field = getattr(native.CurrentTree(nodes, noise(nodes, 1, seed=10)), name)
    for bad in (points[0], points[:, :2].copy(), points[None]):
        with pytest.raises(ValueError, match="points must have shape"):
            field(bad)
    for wrong in (points.astype(np.float32), points.tolist(), None, points[:, ::-1]):
        with pytest.raises(TypeError, match="points"):
            field(wrong)
