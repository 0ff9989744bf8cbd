# SPDX-License-Identifier: BSD-3-Clause
"""Edges of a mesh and bisection at marked ones: the native loops against NumPy."""

import numpy as np
import pytest
from devices import native
from given.bisection import bisected, numbered_edges
from given.marked_meshes import marked_meshes
from hypothesis import given, settings

pytestmark = pytest.mark.usefixtures("each_device")


def native_edges(nodes, tets):
    return native.mesh_edges(tets, len(nodes))


@settings(max_examples=40)
@given(marked_meshes())
def test_edges_are_those_of_numpy(problem):
    nodes, tets, _, _ = problem
    ends, of = native_edges(nodes, tets)
    assert ends.dtype == of.dtype == np.int32
    expected = numbered_edges(tets, len(nodes))
    np.testing.assert_array_equal(ends, expected[0])
    np.testing.assert_array_equal(of, expected[1])


def test_edges_of_nothing():
    ends, of = native.mesh_edges(np.zeros((0, 4), np.int32), 5)
    assert (ends.shape, of.shape) == ((0, 2), (0, 6))


def test_a_node_that_is_named_twice_is_refused():
    with pytest.raises(ValueError, match="tets name a node twice"):
        native.mesh_edges(np.array([[0, 1, 2, 1]], np.int32), 4)


@settings(max_examples=60, deadline=None)
@given(marked_meshes())
def test_refined_meshes_are_those_of_numpy(problem):
    nodes, tets, marked, _ = problem
    fine, parent, halved = native.refine_edges(nodes, tets, *native_edges(nodes, tets), marked)
    assert fine.dtype == parent.dtype == halved.dtype == np.int32
    places, expected, expected_parent, expected_halved = bisected(nodes, tets, marked)
    np.testing.assert_array_equal(halved, expected_halved)
    np.testing.assert_array_equal(parent, expected_parent)
    # Numbering of nodes is the same, the order of the parts of a tetrahedron, and of their corners, is free.
    for some in (fine, expected):
        some.sort(axis=1)
    order, expected_order = (np.lexsort((*some.T, parent)) for some in (fine, expected))
    np.testing.assert_array_equal(fine[order], expected[expected_order])
    assert len(places) == len(nodes) + len(halved)
