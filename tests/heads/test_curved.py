# SPDX-License-Identifier: BSD-3-Clause
"""Smooth interfaces: where middles of edges go, which of them stay, and that no tetrahedron turns over."""

from __future__ import annotations

import numpy as np
import pytest
from given.random_meshes import random_mesh
from hypothesis import given, settings
from hypothesis import strategies as st

from headfield.heads.curved import interface_midpoints, moved_nodes
from headfield.heads.phantom import phantom_head, phantom_surfaces, sphere_mesh
from headfield.heads.tetrahedra import EDGES, volumes

CUBE = np.array([[i, j, k] for i in (0, 1) for j in (0, 1) for k in (0, 1)])
# The six tetrahedra around the diagonal of a cube, corners as in CUBE.
KUHN = np.array([[0, 4, 6, 7], [0, 6, 2, 7], [0, 2, 3, 7], [0, 3, 1, 7], [0, 1, 5, 7], [0, 5, 4, 7]])


def edges_of(tets):
    """The edges of tetrahedra, each once."""
    return np.unique(np.sort(tets[:, EDGES.T].reshape(-1, 2), axis=1), axis=0)


def lattice(counts):
    """Cubes of 1 mm, each of six tetrahedra: nodes, tetrahedra, and their centres."""
    grid = np.array(counts) + 1
    corners = np.stack(np.meshgrid(*map(np.arange, counts), indexing="ij"), -1).reshape(-1, 3)
    index = np.ravel_multi_index((corners[:, None] + CUBE).transpose(2, 0, 1), grid)
    nodes = np.stack(np.meshgrid(*map(np.arange, grid), indexing="ij"), -1).reshape(-1, 3).astype(float)
    tets = index[:, KUHN].reshape(-1, 4).astype(np.int32)
    assert (volumes(nodes, tets) > 0).all()
    return nodes, tets, nodes[tets].mean(axis=1)


def halved(nodes, tets, tags, edges, places):
    """The mesh with new nodes at some places on edges of which no two belong to one tetrahedron."""
    for number, (a, b) in enumerate(edges, len(nodes)):
        around = np.flatnonzero((tets == a).any(axis=1) & (tets == b).any(axis=1))
        other = tets[around]
        tets[around] = np.where(other == b, number, other)
        tets = np.concatenate([tets, np.where(other == a, number, other)])
        tags = np.concatenate([tags, tags[around]])
    return np.concatenate([nodes, places]), tets.astype(np.int32), tags


def apart(tets, edges):
    """Some of the edges, of which no two belong to one tetrahedron."""
    taken, found = set(), []
    for edge in edges.tolist():
        around = np.flatnonzero(np.isin(tets, edge).sum(axis=1) == 2).tolist()
        if not taken.intersection(around):
            taken.update(around)
            found.append(edge)
    return np.array(found)


@pytest.mark.parametrize(("edge_mm", "share"), [(12.0, 0.04), (6.0, 0.01)])
def test_middles_on_a_sphere_are_nearer_to_it_than_those_of_facets_by_two_orders(edge_mm, share):
    mesh = sphere_mesh([50, 60], [1, 2], edge_mm)
    edges = edges_of(mesh.tets)
    radii = np.linalg.norm(mesh.nodes_mm, axis=1)
    inner, outer = ((np.abs(radii - r) < 1e-9)[edges].all(axis=1) for r in (50, 60))
    places = interface_midpoints(mesh.nodes_mm, mesh.tets, mesh.tags, edges)
    straight = mesh.nodes_mm[edges].mean(axis=1)
    off, was = (np.abs(np.linalg.norm(x[inner], axis=1) - 50) for x in (places, straight))
    assert off.max() < share * was.max()
    assert was.max() > 0.005 * edge_mm
    assert (places[~inner] == straight[~inner]).all(), "an edge moved that is on no interface"
    assert outer.any()


def test_folds_are_followed_to_a_fifth_of_what_facets_miss():
    mesh = phantom_head(4.0)
    edges = edges_of(mesh.tets)
    radii = np.linalg.norm(mesh.nodes_mm, axis=1)
    surfaces = phantom_surfaces(mesh.nodes_mm + 1e-9)
    places = interface_midpoints(mesh.nodes_mm, mesh.tets, mesh.tags, edges)
    for k in (0, 1):
        on = (np.abs(radii - surfaces[:, k]) < 1e-6)[edges].all(axis=1)
        off, was = (
            np.abs(np.linalg.norm(x[on], axis=1) - phantom_surfaces(x[on])[:, k])
            for x in (places, mesh.nodes_mm[edges].mean(axis=1))
        )
        assert np.median(off) < 0.2 * np.median(was)


def test_a_surface_that_is_refined_unevenly_again_and_again_stays_round():
    """Normals at nodes where facets of several sizes meet are good enough: new nodes stay on the sphere."""
    mesh = sphere_mesh([50, 60], [1, 2], 14.0)
    nodes, tets, tags = mesh.nodes_mm.copy(), mesh.tets.copy(), mesh.tags.copy()
    rng = np.random.default_rng(0)
    for _ in range(3):
        ends = edges_of(tets)
        on = (np.abs(np.linalg.norm(nodes, axis=1) - 50) < 1.0) & (nodes[:, 2] > 30)
        some = apart(tets, rng.permutation(ends[on[ends].all(axis=1)]))
        was = 50 - np.linalg.norm(nodes[some].mean(axis=1), axis=1)
        nodes, tets, tags = halved(nodes, tets, tags, some, interface_midpoints(nodes, tets, tags, some))
        off = np.abs(np.linalg.norm(nodes[-len(some) :], axis=1) - 50)
        assert np.median(off) < 0.12 * np.median(was)
        assert off.max() < 0.15 * was.max()
        assert (volumes(nodes, tets) > 0).all()


def test_planes_creases_and_rims_stay():
    nodes, tets, centres = lattice((4, 4, 4))
    edges = edges_of(tets)
    straight = nodes[edges].mean(axis=1)
    plane = np.where(centres[:, 2] < 2, 1, 2)
    np.testing.assert_allclose(interface_midpoints(nodes, tets, plane, edges), straight, atol=1e-12)
    box = np.where((centres[:, :2] < 2).all(axis=1), 1, 2)  # two planes at 90°
    np.testing.assert_allclose(interface_midpoints(nodes, tets, box, edges), straight, atol=1e-12)
    one = np.ones(len(tets), int)
    assert (interface_midpoints(nodes, tets, one, edges) == straight).all()
    assert interface_midpoints(nodes, tets, plane, edges[:0]).shape == (0, 3)


def test_edges_at_a_third_tissue_and_beside_it_stay():
    """A wavy interface moves, but for where the tissue above changes."""
    nodes, tets, centres = lattice((8, 4, 4))
    inside = (nodes[:, 2] > 0) & (nodes[:, 2] < 4)
    nodes[inside, 2] += 0.2 * np.cos(1.3 * nodes[inside, 0])
    edges = edges_of(tets)
    level = (centres[:, 2] < 2).astype(int)
    two, three = 1 - level, np.where(level == 0, 1 + (centres[:, 0] > 4), 0)
    straight = nodes[edges].mean(axis=1)
    moved = [(interface_midpoints(nodes, tets, tags, edges) != straight).any(axis=1) for tags in (two, three)]
    beside = (nodes[edges, 0] == 4).any(axis=1)
    assert (moved[0] & beside).any()
    assert not (moved[1] & beside).any()
    assert (moved[1][~beside] <= moved[0][~beside]).all()
    assert moved[1].any()


def test_the_order_of_nodes_in_edges_and_of_tags_does_not_matter():
    mesh = sphere_mesh([50, 60], [1, 2], 12.0)
    edges = edges_of(mesh.tets)
    places = interface_midpoints(mesh.nodes_mm, mesh.tets, mesh.tags, edges)
    again = interface_midpoints(mesh.nodes_mm, mesh.tets, 9 - mesh.tags, edges[::-1, ::-1])[::-1]
    np.testing.assert_allclose(again, places, rtol=0, atol=1e-12)


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32), size=st.floats(0, 10))
def test_no_movement_turns_a_tetrahedron_over(seed, size):
    rng = np.random.default_rng(seed)
    nodes, tets = random_mesh(rng, 20)
    moves = size * rng.normal(size=nodes.shape) * (rng.uniform(size=(len(nodes), 1)) < 0.5)
    moved = moved_nodes(nodes, tets, moves)
    assert (volumes(moved, tets) >= 0.3 * volumes(nodes, tets)).all()
    assert (moved[~moves.any(axis=1)] == nodes[~moves.any(axis=1)]).all()
    step = np.linalg.norm(moved - nodes, axis=1)
    assert (step <= np.linalg.norm(moves, axis=1) + 1e-12).all()


def test_small_movements_are_made_in_full():
    nodes, tets, _ = lattice((3, 3, 3))
    moves = 0.05 * np.random.default_rng(1).uniform(-1, 1, nodes.shape)
    assert (moved_nodes(nodes, tets, moves) == nodes + moves).all()
    assert (moved_nodes(nodes, tets, np.zeros_like(nodes)) == nodes).all()


def test_a_tetrahedron_that_was_inside_out_is_left_as_it_was():
    nodes, moves = np.array([[0.0, 0, 0], [2, 0, 0], [0, 2, 0], [0, 0, 3]]), np.zeros((4, 3))
    moves[3] = 0, 0, 1
    assert (moved_nodes(nodes, np.array([[0, 2, 1, 3]], np.int32), moves) == nodes).all()
