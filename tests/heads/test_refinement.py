# SPDX-License-Identifier: BSD-3-Clause
"""Meshes with some of their edges halved: they fit together, fill the same space, and keep their shapes."""

import numpy as np
import pytest
from given.bisection import as_places, bisected, mean_ratios, numbered_edges, volumes
from given.marked_meshes import ball, marked_meshes
from given.mesh_quality import faces_of
from hypothesis import given, settings

from headfield.errors import MeshError
from headfield.heads.mesh import TetMesh
from headfield.heads.read import read_mesh
from headfield.heads.refinement import Edges, refined, split_triangles


@settings(max_examples=60, deadline=None)
@given(marked_meshes())
def test_refined_meshes_fill_the_same_space_and_fit_together(problem):
    nodes, tets, marked, _ = problem
    fine = refined(nodes, tets, Edges.of_tets(tets, len(nodes)), marked)
    np.testing.assert_array_equal(fine.nodes_mm[: len(nodes)], nodes)
    size = volumes(fine.nodes_mm, fine.tets)
    assert size.min() > 0
    np.testing.assert_allclose(np.bincount(fine.parent, size), volumes(nodes, tets), rtol=1e-12)
    parts = np.bincount(fine.parent)
    assert parts.max() <= 8
    # Whoever has no edge that is halved stays as it was, and everybody else does not.
    whole = parts[fine.parent] == 1
    np.testing.assert_array_equal(fine.tets[whole], tets[fine.parent[whole]])
    keys = fine.ends.astype(np.int64) @ [len(nodes), 1]
    ends, of = numbered_edges(tets, len(nodes))
    is_halved = np.isin(ends @ [len(nodes), 1], keys)
    assert (is_halved >= marked).all()
    np.testing.assert_array_equal(parts == 1, ~is_halved[of].any(axis=1))
    # No face has a third tetrahedron, or a part of another's face on its other side.
    before, after = faces_of(tets), faces_of(fine.tets)
    assert after.count.max() <= max(2, before.count.max())
    outer = [f.nodes[f.count == 1] for f in (before, after)]
    np.testing.assert_allclose(areas(fine.nodes_mm, outer[1]), areas(nodes, outer[0]), rtol=1e-12)


def areas(nodes, faces):
    a, b, c = nodes[faces].swapaxes(0, 1)
    return np.linalg.norm(np.cross(b - a, c - a), axis=1).sum() / 2


@settings(max_examples=30, deadline=None)
@given(marked_meshes())
def test_the_order_of_tetrahedra_changes_nothing_but_numbers(problem):
    nodes, tets, marked, rng = problem
    turned = tets[rng.permutation(len(tets))][:, rng.permutation(4)]
    one, other = (
        refined(nodes, t, Edges.of_tets(t, len(nodes)), marked) for t in (tets, oriented(nodes, turned))
    )
    np.testing.assert_array_equal(one.nodes_mm, other.nodes_mm)
    np.testing.assert_array_equal(one.ends, other.ends)
    np.testing.assert_array_equal(as_places(one.nodes_mm, one.tets), as_places(other.nodes_mm, other.tets))


def oriented(nodes, tets):
    negative = volumes(nodes, tets) < 0
    tets[negative] = tets[negative][:, [1, 0, 2, 3]]
    return np.ascontiguousarray(tets)


def test_all_edges_halved_make_eight_of_each():
    nodes, tets = ball()
    fine = refined(nodes, tets, edges := Edges.of_tets(tets, len(nodes)), np.ones(len(edges.ends), bool))
    assert (np.bincount(fine.parent) == 8).all()
    np.testing.assert_allclose(
        volumes(fine.nodes_mm, fine.tets), (volumes(nodes, tets) / 8)[fine.parent], rtol=1e-12
    )


def refined_towards(node, nodes, tets, closure, times=12):
    """Halve a random edge of each tetrahedron at a node, again and again."""
    rng = np.random.default_rng(0)
    for _ in range(times):
        edges = Edges.of_tets(tets, len(nodes))
        near = edges.of[(tets == node).any(axis=1)]
        marked = np.zeros(len(edges.ends), bool)
        marked[near[np.arange(len(near)), rng.integers(0, 6, len(near))]] = True
        if closure:
            fine = refined(nodes, tets, edges, marked)
            nodes, tets = fine.nodes_mm, fine.tets
        else:
            nodes, tets, _, _ = bisected(nodes, tets, marked, closure=False)
    return nodes, tets


@pytest.mark.parametrize("node", [0, 200])
def test_shapes_stay_good_by_the_closure(node):
    worst = {
        closure: mean_ratios(*refined_towards(node, *ball(), closure)).min() for closure in (True, False)
    }
    assert mean_ratios(*ball()).min() > 0.66
    assert worst[True] > 0.25
    assert worst[False] < 0.01  # which is why there is one


def test_shapes_stay_good_in_a_head(shared_data):
    head = read_mesh(shared_data / "head_small.npz")
    node = int(np.linalg.norm(head.nodes_mm - [-40, -8, 50], axis=1).argmin())
    fine = mean_ratios(*refined_towards(node, head.nodes_mm, head.tets, closure=True))
    before = mean_ratios(head.nodes_mm, head.tets)
    assert fine.min() > min(0.16, before.min())


def test_triangles_are_cut_as_the_faces_are():
    nodes, tets = ball()
    edges = Edges.of_tets(tets, len(nodes))
    marked = np.random.default_rng(5).random(len(edges.ends)) < 0.1
    fine = refined(nodes, tets, edges, marked)
    faces = faces_of(tets)
    parts, parent = split_triangles(faces.nodes, fine)
    assert (np.diff(parent) >= 0).all()
    # All faces of the new mesh that lie in faces of the old one, and only these.
    new = faces_of(fine.tets)
    between = (new.second < 0) | (fine.parent[new.first] != fine.parent[new.second])
    expected = new.nodes[between]
    found = np.sort(parts, axis=1)
    for some in (found, expected):
        some[:] = some[np.lexsort(some.T)]
    np.testing.assert_array_equal(found, expected)
    assert len(parts) > 2 * len(faces.nodes)
    # Each part is wound as the triangle that it was cut out of.
    a, b, c = fine.nodes_mm[parts].swapaxes(0, 1)
    normal = np.cross(b - a, c - a)
    a, b, c = nodes[faces.nodes].swapaxes(0, 1)
    whole = np.cross(b - a, c - a)
    share = np.einsum("fi,fi->f", normal, whole[parent]) / np.einsum("fi,fi->f", whole, whole)[parent]
    assert share.min() > 0
    np.testing.assert_allclose(np.bincount(parent, share), 1.0, rtol=1e-12)


def test_tetrahedra_whose_parts_would_be_flat_are_named():
    nodes = np.array([[0.0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 0], [0.5, 0.5, -1.5e-10]])
    tets = np.array([[0, 1, 2, 3], [0, 2, 1, 5], [1, 4, 2, 3]], np.int32)
    TetMesh(nodes, tets)  # takes them
    edges = Edges.of_tets(tets, len(nodes))
    marked = np.zeros(len(edges.ends), bool)
    marked[edges.of[1]] = True
    one = r"1 tetrahedron is too flat to be refined: .* the first is tetrahedron "
    with pytest.raises(MeshError, match=one + "1;"):
        refined(nodes, tets, edges, marked)
    with pytest.raises(MeshError, match=one + "17;"):
        refined(nodes, tets, edges, marked, numbers=np.array([7, 17, 27], np.int32))
    assert len(refined(nodes, tets, edges, np.zeros_like(marked)).tets) == 3
