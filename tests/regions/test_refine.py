# SPDX-License-Identifier: BSD-3-Clause
"""Meshes that are refined where it is asked for."""

import functools

import numpy as np
import pytest
from given.copies import WAYS
from given.mesh_quality import mesh_quality
from hypothesis import given, settings
from hypothesis import strategies as st

import headfield as hf
from headfield import regions
from headfield.errors import ArgumentError, MeshError, RegionError
from headfield.heads.checks import find_faces
from headfield.heads.tetrahedra import EDGES, FACES
from headfield.regions import refine as module


@functools.cache
def ball():
    """A ball with triangles on both surfaces, and fields of all kinds."""
    mesh = hf.sphere_mesh([40, 60], [1, 2], edge_mm=20)
    triangles = [mesh.surface(tag) for tag in (1, 2)]
    labels = np.repeat([1001, 1002], [len(some) for some in triangles])
    x = mesh.nodes_mm
    return hf.TetMesh(
        x,
        mesh.tets,
        mesh.tags,
        np.concatenate(triangles),
        labels,
        np.arange(mesh.n_nodes) + 100,
        element_ids=np.arange(mesh.n_tets) + 5000,
        element_data={"number": np.arange(mesh.n_tets)},
        node_data={"plane": x @ [1.0, -2, 3] + 4, "places": x},
        triangle_data={"label": labels, "two": np.stack([labels, -labels], axis=1)},
        tag_names={1: "white matter", 2: "gray matter"},
    )


def longest_edges(mesh):
    corners = mesh.nodes_mm[mesh.tets]
    return np.linalg.norm(corners[:, EDGES[1]] - corners[:, EDGES[0]], axis=2).max(axis=1)


def assert_same_head(fine, mesh):
    """Of the same volume per parent and tag, the same surfaces, and without a hanging node."""
    np.testing.assert_array_equal(fine.nodes_mm[: mesh.n_nodes], mesh.nodes_mm)
    assert (fine.n_flipped, fine.n_dropped_nodes) == (0, 0)
    np.testing.assert_allclose(np.bincount(fine.parent, fine.volumes_mm3()), mesh.volumes_mm3(), rtol=1e-11)
    np.testing.assert_array_equal(fine.tags, mesh.tags[fine.parent])
    assert mesh_quality(fine.nodes_mm, fine.tets, fine.tags).faults(angle=0) == []
    for tag in np.unique(mesh.tags).tolist():
        np.testing.assert_allclose(area(fine, fine.surface(tag)), area(mesh, mesh.surface(tag)), rtol=1e-11)


def area(mesh, faces):
    a, b, c = mesh.nodes_mm[faces].swapaxes(0, 1)
    return np.linalg.norm(np.cross(b - a, c - a), axis=1).sum() / 2


# Where


def test_a_region_its_mask_and_its_indices_are_the_same():
    region = regions.sphere(ball(), [0, 0, 30], radius_mm=15)
    mask = np.zeros(ball().n_tets, bool)
    mask[region.elements] = True
    fine = hf.refine(ball(), region)
    for where in (mask, region.elements, region.elements[::-1].tolist()):
        np.testing.assert_array_equal(hf.refine(ball(), where).tets, fine.tets)
    parts = np.bincount(fine.parent)
    assert (parts[mask] == 8).all()
    assert 1 < parts[~mask].max() < 8
    assert_same_head(fine, ball())


def test_points_are_the_tetrahedra_that_they_lie_in():
    points = regions.points(ball(), [[0.0, 1, 50], [3, 2, 1], [0, 1.1, 50]])
    fine = hf.refine(ball(), points)
    assert (np.bincount(fine.parent)[points.elements] == 8).all()
    np.testing.assert_array_equal(hf.refine(ball(), points.elements).tets, fine.tets)


def test_all_of_a_mesh():
    fine = hf.refine(ball(), None)
    assert fine.n_tets == 8 * ball().n_tets
    assert_same_head(fine, ball())


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from([0.01, 0.2, 0.9]), st.sampled_from([None, 9.0, 25.0]))
def test_any_tetrahedra(seed, share, edge_mm):
    chosen = np.random.default_rng(seed).random(ball().n_tets) < share
    chosen[seed % len(chosen)] = True
    fine = hf.refine(ball(), chosen, edge_mm)
    assert_same_head(fine, ball())
    if edge_mm is not None:
        assert longest_edges(fine)[chosen[fine.parent]].max() <= edge_mm


def test_a_region_with_points_on_interfaces_of_a_phantom():
    head = hf.phantom_head(edge_mm=8)
    fine = hf.refine(head, regions.sphere(head, [-40, -8, 50], radius_mm=12, tags=2), edge_mm=3)
    assert_same_head(fine, head)
    far = np.linalg.norm(head.barycentres_mm() - [-40, -8, 50], axis=1) > 50
    assert (np.bincount(fine.parent)[far] == 1).all()


def test_a_head(shared_data):
    head = hf.read_mesh(shared_data / "head_small.npz")
    gray = regions.sphere(head, [-40, -8, 50], radius_mm=10, tags=2)
    fine = hf.refine(head, gray, edge_mm=1.5)
    assert longest_edges(fine)[np.isin(fine.parent, gray.elements)].max() <= 1.5
    np.testing.assert_allclose(np.bincount(fine.parent, fine.volumes_mm3()), head.volumes_mm3(), rtol=1e-9)
    assert mesh_quality(fine.nodes_mm, fine.tets, fine.tags).faults(angle=0) == mesh_quality(
        head.nodes_mm, head.tets, head.tags
    ).faults(angle=0)


# Sizes


def test_sizes_that_grow_from_a_point():
    distance = np.linalg.norm(ball().barycentres_mm() - [0, 0, 60], axis=1)
    sizes = 2 + 0.5 * distance
    fine = hf.refine(ball(), sizes)
    assert (longest_edges(fine) <= sizes[fine.parent]).all()
    assert_same_head(fine, ball())
    np.testing.assert_array_equal(
        hf.refine(ball(), sizes.astype(np.float32).tolist()).parent[:5], fine.parent[:5]
    )


def test_sizes_are_those_of_a_region_where_they_are_infinite_elsewhere():
    region = regions.tissue(ball(), 1)
    sizes = np.full(ball().n_tets, np.inf)
    sizes[region.elements] = 11.0
    np.testing.assert_array_equal(hf.refine(ball(), sizes).tets, hf.refine(ball(), region, 11.0).tets)


def test_what_is_fine_enough_stays_as_it_is():
    fine = hf.refine(ball(), None, edge_mm=longest_edges(ball()).max())
    np.testing.assert_array_equal(fine.tets, ball().tets)
    np.testing.assert_array_equal(fine.parent, np.arange(ball().n_tets))


# What a mesh holds


def test_fields_and_names_are_inherited():
    fine, parent = refined_ball(), refined_ball().parent
    assert fine.tag_names == ball().tag_names
    np.testing.assert_array_equal(fine.element_data["number"], parent)
    np.testing.assert_array_equal(fine.element_ids, ball().element_ids[parent])
    np.testing.assert_array_equal(fine.node_ids, np.arange(fine.n_nodes) + 100)
    np.testing.assert_allclose(fine.node_data["plane"], fine.nodes_mm @ [1.0, -2, 3] + 4, atol=1e-12)
    np.testing.assert_array_equal(fine.node_data["places"], fine.nodes_mm)
    assert parent.dtype == np.int32
    assert not parent.flags.writeable


@functools.cache
def refined_ball():
    return hf.refine(ball(), regions.sphere(ball(), [0, 0, 50], radius_mm=20), edge_mm=9)


def test_triangles_are_cut_with_the_tetrahedra():
    fine = refined_ball()
    assert len(fine.triangles) > len(ball().triangles)
    np.testing.assert_array_equal(fine.triangle_data["label"], fine.triangle_tags)
    np.testing.assert_array_equal(fine.triangle_data["two"][:, 1], -fine.triangle_tags)
    faces = fine.tets[:, FACES].reshape(-1, 3)
    assert (find_faces(fine.triangles, faces, fine.n_nodes) >= 0).all()
    for tag in (1, 2):
        mine = fine.triangles[fine.triangle_tags == 1000 + tag]
        assert (find_faces(fine.surface(tag), mine, fine.n_nodes) >= 0).all()
        assert len(mine) == len(fine.surface(tag))
        before = ball().triangles[ball().triangle_tags == 1000 + tag]
        np.testing.assert_allclose(vector_volume(fine, mine), vector_volume(ball(), before), rtol=1e-12)


def vector_volume(mesh, faces):
    """What they enclose, if they are wound outward."""
    a, b, c = mesh.nodes_mm[faces].swapaxes(0, 1)
    return np.einsum("fi,fi->", a, np.cross(b, c)) / 6


@pytest.mark.parametrize("way", WAYS)
def test_the_parents_travel_along(way):
    copied = WAYS[way](refined_ball())
    np.testing.assert_array_equal(copied.parent, refined_ball().parent)
    assert not copied.parent.flags.writeable


def test_only_refined_meshes_have_parents():
    assert ball().parent is None
    assert refined_ball().crop(tags=1).parent is None


def test_a_part_of_a_head_stays_one():
    part = ball().crop(tags=1)
    assert (part.is_part, hf.refine(part, [0]).is_part) == (True, True)
    assert not refined_ball().is_part


def test_ids_without_room_for_more_are_no_error():
    mesh = hf.TetMesh(
        [[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]],
        [[0, 1, 2, 3]],
        node_ids=[1, 2, 3, np.iinfo(np.int64).max],
    )
    assert hf.refine(mesh, None).n_tets == 8


def test_the_field_is_nearer_to_the_exact_one():
    mesh = hf.sphere_mesh([70, 80], [1, 2], edge_mm=14)
    region = regions.sphere(mesh, [0, 0, 45], radius_mm=15)
    fine = hf.refine(mesh, regions.sphere(mesh, [0, 0, 45], radius_mm=25), edge_mm=5)
    dipole_mm, moment = [20, 0, 120], [0, 1, 0]
    coil = hf.Coil([dipole_mm], [moment])
    sigma, off = np.where(mesh.tags == 1, 0.3, 0.5), []
    for some, of in ((mesh, sigma), (fine, sigma[fine.parent])):
        own = np.arange(mesh.n_tets) if some.parent is None else some.parent
        at = np.flatnonzero(np.isin(own, region.elements))
        e = hf.HeadModel(some, conductivity=of).solve(coil, np.eye(4), 1e6, primary_error=0.0).E[0, at]
        exact = hf.analytic.sphere_tms_field(some.barycentres_mm()[at], [dipole_mm], [moment], 1e6)
        off.append(np.linalg.norm(e - exact) / np.linalg.norm(exact))
    assert off[1] < 0.25 * off[0]


# Refused


@pytest.mark.parametrize(
    ("where", "error", "says"),
    [
        (np.zeros(1280, bool), RegionError, "holds no tetrahedron"),
        (np.ones(7, bool), RegionError, r"shape \(1280,\)"),
        ([1280], RegionError, "outside of 0…1279"),
        ([-1], RegionError, "outside of 0…1279"),
        ([], RegionError, "indices"),
        ("gray", RegionError, "indices"),
        (np.ones(1280, int), RegionError, "a mask must be bool"),
        ([0.5, 0.5], ArgumentError, r"shape \(1280,\), not \(2,\)"),
        (np.full((1280, 1), 2.0), ArgumentError, "shape"),
        (np.where(np.arange(1280) < 1278, 3.0, np.nan), ArgumentError, "2 are not, .* tetrahedron 1278, nan"),
        (np.zeros(1280), ArgumentError, "1,280 are not, .* tetrahedron 0, 0.0"),
        (np.full(1280, -2.0), ArgumentError, "above 0"),
        (np.full(1280, 1e-3), ArgumentError, "such a fine mesh .* the most are 5e\\+07"),
    ],
)
def test_where_is_checked(where, error, says):
    with pytest.raises(error, match=says):
        hf.refine(ball(), where)


@pytest.mark.parametrize(
    ("edge_mm", "says"),
    [
        (0, "edge_mm must be more than 0"),
        (-1.0, "edge_mm = -1.0 must be 0 or more"),
        (np.nan, "finite"),
        (np.inf, "finite"),
        ("1", "finite number"),
        (True, "finite number"),
        (0.02, r"would have 9\.\d+e\+11 tetrahedra or more"),
        (1e-300, "or more; the most are"),
    ],
)
def test_lengths_are_checked(edge_mm, says):
    with pytest.raises(ArgumentError, match=says):
        hf.refine(ball(), None, edge_mm)


def test_other_things_are_refused():
    other = hf.sphere_mesh([40, 61], [1, 2], edge_mm=20)
    with pytest.raises(RegionError, match="of another mesh"):
        hf.refine(ball(), regions.tissue(other, 1))
    with pytest.raises(RegionError, match="the region is empty"):
        hf.refine(ball(), regions.tissue(ball(), 1) - regions.tissue(ball(), 1))
    with pytest.raises(RegionError, match="must be a TetMesh"):
        hf.refine(ball().nodes_mm, None)
    with pytest.raises(ArgumentError, match="says already"):
        hf.refine(ball(), np.ones(ball().n_tets), 3.0)


def test_no_round_is_begun_that_would_be_too_large(monkeypatch):
    monkeypatch.setattr(module, "MOST_TETS", 6 * 1280)
    with pytest.raises(ArgumentError, match=r"would have 8\.96e\+03 tetrahedra or more"):
        hf.refine(ball(), None)
    monkeypatch.undo()
    monkeypatch.setattr(module, "free_memory", lambda: 200 * 5000.0)
    with pytest.raises(ArgumentError, match=r"fit into the free memory, 5e\+03"):
        hf.refine(ball(), None)


def test_tetrahedra_too_flat_are_named_as_in_the_mesh_that_was_given():
    # The first halves will do, so that the second round finds it, with other numbers.
    nodes = [[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1], [0.1, 0.6, -3.5e-10]]
    mesh = hf.TetMesh(nodes, [[0, 1, 2, 3], [0, 2, 1, 4]])
    assert hf.refine(mesh, None).n_tets == 16
    with pytest.raises(MeshError, match=r"too flat to be refined: .* the first is tetrahedron 1;"):
        hf.refine(mesh, None, edge_mm=0.2)
