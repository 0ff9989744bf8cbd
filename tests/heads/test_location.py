# SPDX-License-Identifier: BSD-3-Clause
"""Which tetrahedron points lie in: against every tetrahedron one by one, and against another code."""

import functools

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.spatial import Delaunay

import headfield as hf
from headfield.geometry.triangles import point_distances
from headfield.heads.location import locate
from headfield.regions.region import RegionError

SEEDS = st.integers(0, 2**32 - 1)


@functools.cache
def head():
    return hf.sphere_mesh(radii_mm=[40, 60, 70], tags=[1, 2, 5], edge_mm=16)


def reproduced(mesh, found):
    """The points that element and weights stand for."""
    return np.einsum("pi,pij->pj", found.barycentric, mesh.nodes_mm[mesh.tets[found.element]])


def weights_in_all(mesh, points):
    """Barycentric weights (p, m, 4) of points in every tetrahedron, from inverted matrices."""
    corners = mesh.nodes_mm[mesh.tets]
    matrix = np.concatenate([corners, np.ones((mesh.n_tets, 4, 1))], axis=2)
    return np.einsum("pj,mji->pmi", np.c_[points, np.ones(len(points))], np.linalg.inv(matrix))


@given(SEEDS, st.sampled_from([None, 2, [1, 5]]))
@settings(max_examples=20, deadline=None)
def test_the_tetrahedron_is_the_first_of_all_that_hold_the_point(seed, tags):
    mesh = head()
    points = np.random.default_rng(seed).uniform(-75, 75, (40, 3))
    found = locate(mesh, points, tags)
    holds = weights_in_all(mesh, points).min(axis=2) >= 0
    if tags is not None:
        holds &= np.isin(mesh.tags, tags)
    inside = holds.any(axis=1)
    np.testing.assert_array_equal(found.distance_mm == 0, inside)
    np.testing.assert_array_equal(found.element[inside], holds.argmax(axis=1)[inside])
    assert found.element.dtype == np.int32
    np.testing.assert_allclose(reproduced(mesh, found)[inside], points[inside], rtol=0, atol=1e-9)
    assert found.barycentric.min() >= 0
    np.testing.assert_allclose(found.barycentric.sum(axis=1), 1, rtol=0, atol=1e-14)


@given(SEEDS)
@settings(max_examples=6, deadline=None)
def test_a_point_outside_goes_to_the_nearest_point_of_the_tissue(seed):
    mesh = head()
    points = np.random.default_rng(seed).uniform(-90, 90, (40, 3))
    found = locate(mesh, points, 2)
    corners = mesh.nodes_mm[mesh.tets[mesh.tags == 2]]
    faces = corners[:, [[0, 1, 2], [0, 1, 3], [0, 2, 3], [1, 2, 3]]].reshape(-1, 3, 3)
    nearest = [point_distances(faces, np.broadcast_to(p, (len(faces), 3)))[0].min() for p in points]
    outside = found.distance_mm > 0
    assert outside.any()
    np.testing.assert_allclose(found.distance_mm[outside], np.array(nearest)[outside], rtol=1e-9)
    off = np.linalg.norm(reproduced(mesh, found) - points, axis=1)
    np.testing.assert_allclose(off, found.distance_mm, rtol=0, atol=1e-9)
    assert (mesh.tags[found.element] == 2).all()


@pytest.mark.parametrize("pairs", [50, 400_000])
@pytest.mark.parametrize("corners", [1, 2, 3])
def test_on_nodes_edges_and_faces_the_lowest_number_wins(monkeypatch, corners, pairs):
    monkeypatch.setattr("headfield.heads.location._MOST_PAIRS", pairs)
    mesh = head()
    rng = np.random.default_rng(corners)
    tet = rng.permutation(mesh.n_tets)[:200]
    nodes = mesh.tets[tet][:, rng.permutation(4)[:corners]]
    found = locate(mesh, mesh.nodes_mm[nodes].mean(axis=1))
    around = [np.flatnonzero(np.isin(mesh.tets, n).sum(axis=1) == corners) for n in nodes]
    assert max(map(len, around)) > 1
    assert found.element.tolist() == [tets[0] for tets in around]
    assert not found.distance_mm.any()


def test_nodes_on_the_surface_are_not_outside():
    mesh = head()
    found = locate(mesh, mesh.nodes_mm[np.unique(mesh.boundary())])
    assert not found.distance_mm.any()
    np.testing.assert_allclose(found.barycentric.max(axis=1), 1, rtol=0, atol=1e-9)


@given(SEEDS, st.floats(0, 3))
@settings(max_examples=25, deadline=None)
def test_tetrahedra_of_all_sizes_against_another_code(seed, spread):
    rng = np.random.default_rng(seed)
    nodes = rng.normal(size=(60, 3)) * np.exp(spread * rng.normal(size=(60, 1)))
    triangulation = Delaunay(nodes)
    corners = nodes[triangulation.simplices]
    size = np.abs(np.linalg.det(corners[:, 1:] - corners[:, :1]))
    assume((size > 1e-6 * np.linalg.norm(np.ptp(corners, axis=1), axis=1) ** 3).all())  # slivers are no mesh
    mesh = hf.TetMesh(nodes, triangulation.simplices)
    shares = rng.dirichlet(np.ones(4), 300)
    points = np.einsum("pi,pij->pj", shares, corners[rng.integers(0, len(corners), 300)])
    found = locate(mesh, points)
    np.testing.assert_array_equal(found.element, triangulation.find_simplex(points))
    np.testing.assert_allclose(reproduced(mesh, found), points, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("cubes", [1, 3, 1000])
def test_neither_the_number_of_cubes_nor_of_pairs_matters(monkeypatch, cubes):
    points = np.random.default_rng(5).uniform(-72, 72, (60, 3))
    points[:20] = points[0] + np.random.default_rng(6).normal(0, 1e-3, (20, 3))  # many in a cube
    whole = locate(head(), points, [1, 2])
    monkeypatch.setattr("headfield.heads.location._MOST_CUBES", cubes)
    monkeypatch.setattr("headfield.heads.location._MOST_PAIRS", 50)
    for one, other in zip(whole, locate(head(), points, [1, 2]), strict=True):
        np.testing.assert_array_equal(one, other)


def test_the_order_of_points_does_not_matter():
    points = np.random.default_rng(7).uniform(-72, 72, (300, 3))
    order = np.random.default_rng(8).permutation(300)
    whole, mixed = locate(head(), points), locate(head(), points[order])
    for one, other in zip(whole, mixed, strict=True):
        np.testing.assert_array_equal(one[order], other)


def test_one_point_and_none():
    mesh = head()
    assert locate(mesh, mesh.barycentres_mm()[[123]]).element.tolist() == [123]
    assert [len(part) for part in locate(mesh, np.zeros((0, 3)))] == [0, 0, 0]


def test_a_real_head(shared_data):
    """Barycentres are in their own tetrahedron, also where only gray matter counts."""
    mesh = hf.read_mesh(shared_data / "head_small.npz")
    centres = mesh.barycentres_mm()
    np.testing.assert_array_equal(locate(mesh, centres).element, np.arange(mesh.n_tets))
    gray = np.flatnonzero(mesh.tags == 2)
    np.testing.assert_array_equal(locate(mesh, centres[gray], 2).element, gray)


@pytest.mark.parametrize(
    ("points", "tags", "message"),
    [
        ([1, 2, 3], None, r"points_mm must have the shape \(n, 3\)"),
        ([[np.nan, 0, 0]], None, "points_mm: 1 value is not finite"),
        (
            [[0, 0, 0]],
            7,
            r"no tetrahedron has the tags \[7\]; the mesh has 1 white matter, 2 gray matter, 5 scalp",
        ),
        ([[0, 0, 0]], 1.5, "tags must be one or some whole numbers"),
    ],
)
def test_what_is_no_question_is_refused(points, tags, message):
    with pytest.raises(RegionError, match=message):
        locate(head(), points, tags)
