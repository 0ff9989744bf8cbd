# SPDX-License-Identifier: BSD-3-Clause
"""The mid-layer of the cortex: spheres with a known one, its topology, and a real head."""

import functools

import numpy as np
import pytest
import scipy.sparse.linalg as spla
from given import p1
from hypothesis import given, settings
from hypothesis import strategies as st

import headfield as hf
from headfield import regions
from headfield.errors import ConvergenceError
from headfield.heads.phantom import phantom_surfaces
from headfield.regions.cortex import _TRIANGLES, _borders, _cut, _harmonic
from headfield.regions.region import RegionError

INNER, OUTER = 70.0, 78.0
MIDDLE = 2 * INNER * OUTER / (INNER + OUTER)  # where (1/a − 1/r) / (1/a − 1/b) = 1/2


@functools.cache
def shells(edge_mm):
    return hf.sphere_mesh(radii_mm=[INNER, OUTER, 90], tags=[1, 2, 3], edge_mm=edge_mm)


@functools.cache
def layer(edge_mm):
    return regions.mid_layer(shells(edge_mm))


def edge_uses(faces):
    """How often each directed, and each undirected edge is used."""
    directed = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    return [np.unique(x, axis=0, return_counts=True)[1] for x in (directed, np.sort(directed, axis=1))]


def radii(region):
    return np.linalg.norm(region.centres_mm, axis=1)


# Spheres


def test_the_layer_of_a_sphere_is_a_closed_sphere_wound_outward():
    region = layer(6)
    directed, undirected = edge_uses(region.faces)
    assert set(directed) == {1}
    assert set(undirected) == {2}
    assert len(region) - len(undirected) + len(region.faces) == 2  # Euler's number of a sphere
    corners = region.centres_mm[region.faces]
    outward = np.einsum(
        "fj,fj->f", np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), corners[:, 0]
    )
    assert (outward > 0).all()
    assert (np.einsum("pj,pj->p", region.normals, region.centres_mm) > 0.95 * radii(region)).all()


def test_the_layer_of_a_sphere_is_where_the_harmonic_function_is_a_half():
    errors = []
    for edge in (8, 4):
        region = layer(edge)
        assert np.abs(radii(region) - MIDDLE).max() < 0.12 * edge
        mean = np.average(radii(region), weights=region.weights)
        area = region.weights.sum() / (4 * np.pi * MIDDLE**2) - 1
        errors.append([abs(mean - MIDDLE), abs(area)])
    assert (np.array(errors[1]) < 0.5 * np.array(errors[0])).all()
    assert errors[1][0] < 0.05
    assert errors[1][1] < 0.005


def test_nodes_are_on_edges_of_gray_tetrahedra_at_the_level():
    """In the first one that has the edge, with weights that give a half of the function that was solved."""
    mesh, region = shells(8), layer(8)
    assert (mesh.tags[region.elements] == 2).all()
    assert ((region.barycentric > 0).sum(axis=1) == 2).all()
    ends = mesh.tets[region.elements][region.barycentric > 0].reshape(-1, 2)
    assert len(np.unique(np.sort(ends, axis=1), axis=0)) == len(ends)
    for i in range(0, len(ends), 50):
        around = (mesh.tags == 2) & (np.isin(mesh.tets, ends[i]).sum(axis=1) == 2)
        assert region.elements[i] == around.argmax()
    height = solved(mesh)
    at = np.einsum("pi,pi->p", region.barycentric, height[mesh.tets[region.elements]])
    np.testing.assert_allclose(at, 0.5, rtol=0, atol=1e-3)


def solved(mesh):
    """The harmonic function (n,) by a direct solver, NaN outside of gray matter."""
    gray = mesh.tets[mesh.tags == 2]
    inner, outer = _borders(mesh, 2, 1)
    used = np.unique(gray)
    free = np.setdiff1d(used, np.flatnonzero(inner | outer))
    k = p1.stiffness(mesh.nodes_mm, gray, np.ones(len(gray)))
    height = outer.astype(float)
    height[free] = spla.spsolve(k[free][:, free].tocsc(), -(k @ height)[free])
    height[np.setdiff1d(np.arange(mesh.n_nodes), used)] = np.nan
    return height


@pytest.mark.parametrize(
    "edge_mm", [12, 6, 4]
)  # none, some, and most of the nodes inside of the gray are free
def test_laplaces_equation_against_a_direct_solver(edge_mm):
    mesh = shells(edge_mm)
    gray = mesh.tets[mesh.tags == 2]
    used = np.unique(gray)
    inner, outer = (nodes[used] for nodes in _borders(mesh, 2, 1))
    tets = np.searchsorted(used, gray).astype(np.int32)
    height = _harmonic(mesh.nodes_mm[used], tets, inner, outer)
    np.testing.assert_allclose(height, solved(mesh)[used], rtol=0, atol=1e-6)
    assert height[inner].max() == 0
    assert height[outer].min() == 1


def test_an_equation_that_is_not_solved_is_no_layer(monkeypatch):
    monkeypatch.setattr("headfield.regions.cortex._MAX_ITERATIONS", 1)
    monkeypatch.setattr("headfield.regions.cortex._TOLERANCE", 1e-12)
    with pytest.raises(
        ConvergenceError, match=r"Laplace's equation in .* tetrahedra of gray matter: residual"
    ):
        regions.mid_layer(shells(4))


# Cutting tetrahedra


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=50, deadline=None)
def test_every_way_to_cut_a_tetrahedron(seed):
    """Triangles lie in the level set of a linear function, face uphill, and have its area."""
    rng = np.random.default_rng(seed)
    nodes = rng.normal(size=(4, 3))
    tets = np.array([[0, 1, 2, 3]], np.int32)
    if np.linalg.det(nodes[1:] - nodes[0]) < 0:
        tets = tets[:, [1, 0, 2, 3]]
    slope = rng.normal(size=3)
    height = nodes @ slope
    height += 0.5 - rng.uniform(height.min(), height.max())
    tet, ends, faces = _cut(tets, height, 0.5)
    assert not tet.any()
    share = ((0.5 - height[ends[:, 0]]) / (height[ends[:, 1]] - height[ends[:, 0]]))[:, None]
    assert (share >= 0).all()
    assert (share <= 1).all()
    corners = ((1 - share) * nodes[ends[:, 0]] + share * nodes[ends[:, 1]])[faces]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    uphill = normals @ slope / np.linalg.norm(slope)
    np.testing.assert_allclose(uphill, np.linalg.norm(normals, axis=1), rtol=1e-6, atol=1e-12)
    points = corners.reshape(-1, 3) @ np.linalg.svd(slope[None])[2][1:].T  # in the plane of the cut
    assert normals_area(normals) == pytest.approx(hull_area(points), rel=1e-6, abs=1e-12)


def normals_area(normals):
    return np.linalg.norm(normals, axis=1).sum() / 2


def hull_area(points):
    """Area of the convex hull of points of a plane, by angles around their mean."""
    away = points - points.mean(axis=0)
    x, y = away[np.argsort(np.arctan2(away[:, 1], away[:, 0]))].T
    return abs(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))) / 2


def test_all_but_two_ways_are_in_the_table():
    assert sorted(_TRIANGLES) == list(range(1, 15))


def test_nodes_exactly_on_the_level_leave_no_hole():
    """Gray matter one edge thick with its inner nodes at 1/2: a surface of the same shape, close to them."""
    mesh = shells(8)
    gray = mesh.tets[mesh.tags == 2]
    inner, outer = _borders(mesh, 2, 1)
    height = np.where(inner, 0.0, np.where(outer, 1.0, 0.5))
    _, _, faces = _cut(gray, height, 0.5)
    directed, undirected = edge_uses(faces)
    assert set(directed) == {1}
    assert set(undirected) == {2}


# Other heads


def test_the_phantom_has_a_closed_layer_between_its_surfaces():
    mesh = hf.phantom_head(edge_mm=6)
    region = regions.mid_layer(mesh)
    assert set(edge_uses(region.faces)[1]) == {2}
    white, gray = phantom_surfaces(region.centres_mm)[:, :2].T
    depth = (radii(region) - white) / (gray - white)
    assert 0.4 < np.average(depth, weights=region.weights) < 0.6
    assert ((depth > 0) & (depth < 1)).mean() > 0.995  # along the radius, which runs beside steep walls


def test_tags_may_be_several_and_others():
    mesh = shells(8)
    swapped = np.array([0, 7, 9, 3])[mesh.tags]
    swapped[(mesh.tags == 2) & (mesh.barycentres_mm()[:, 0] < 0)] = 8
    other = regions.mid_layer(hf.TetMesh(mesh.nodes_mm, mesh.tets, swapped), gray=[8, 9], white=7)
    np.testing.assert_array_equal(other.centres_mm, layer(8).centres_mm)


def test_the_layer_ends_where_white_matter_reaches_through():
    mesh = shells(6)
    tags = mesh.tags.copy()
    tags[(mesh.tags == 2) & (mesh.barycentres_mm()[:, 2] < -55)] = 1
    mesh = hf.TetMesh(mesh.nodes_mm, mesh.tets, tags)
    inner, outer = _borders(mesh, 2, 1)
    seam = np.intersect1d(mesh.surface(1), mesh.surface(3))
    assert inner[seam].any()
    assert not outer[seam].any()
    region = regions.mid_layer(mesh)
    directed, undirected = edge_uses(region.faces)
    assert set(directed) == {1}
    assert set(undirected) == {1, 2}
    assert region.centres_mm[open_nodes(region.faces), 2].max() < -40
    assert region.weights.sum() < layer(6).weights.sum()


def open_nodes(faces):
    directed = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    edges, count = np.unique(np.sort(directed, axis=1), axis=0, return_counts=True)
    return np.unique(edges[count == 1])


def test_a_real_head(shared_data):
    mesh = hf.read_mesh(shared_data / "head_small.npz")
    region = regions.mid_layer(mesh)
    directed, undirected = edge_uses(region.faces)
    assert set(directed) == {1}
    assert set(undirected) <= {1, 2}
    assert (undirected == 2).mean() > 0.9
    assert (mesh.tags[region.elements] == 2).all()
    thickness = mesh.volumes_mm3()[mesh.tags == 2].sum() / region.weights.sum()
    assert 1.5 < thickness < 8


@pytest.mark.parametrize(
    ("gray", "white", "message"),
    [
        (2, 4, r"no tetrahedron has the tags \[4\]; the mesh has 1 white matter, 2 gray"),
        ([2, 1], 1, r"gray = \[2, 1\] and white = 1 have tags in common"),
        (3, 1, "gray matter, tags 3, touches no white matter, tags 1"),
        (1, 2, "gray matter, tags 1, touches nothing but white matter, tags 2"),
        (2, 1.5, "tags must be one or some whole numbers"),
    ],
)
def test_heads_without_a_cortex_are_refused(gray, white, message):
    with pytest.raises(RegionError, match=message):
        regions.mid_layer(shells(12), gray, white)
