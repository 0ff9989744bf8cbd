# SPDX-License-Identifier: BSD-3-Clause
"""What a region is made of, and how regions of whole tetrahedra are combined."""

import functools
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import headfield as hf
from headfield.errors import HeadfieldError
from headfield.regions.region import Region, RegionError, surface_region


@functools.cache
def head():
    return hf.sphere_mesh(radii_mm=[50, 70], tags=[1, 2], edge_mm=25)


MASKS = arrays(bool, head().n_tets)


def of(mask):
    return Region(head(), np.flatnonzero(mask))


@given(MASKS, MASKS)
@settings(max_examples=50, deadline=None)
def test_regions_combine_as_masks_do(one, other):
    a, b = of(one), of(other)
    for region, mask in ((a & b, one & other), (a | b, one | other), (a - b, one & ~other), (~a, ~one)):
        assert region.is_volume
        assert region.mesh is head()
        assert region.elements.dtype == np.int32
        np.testing.assert_array_equal(region.elements, np.flatnonzero(mask))


@given(MASKS)
@settings(max_examples=20, deadline=None)
def test_centres_and_volumes_are_those_of_the_mesh(mask):
    region = of(mask)
    np.testing.assert_array_equal(region.centres_mm, head().barycentres_mm()[mask])
    np.testing.assert_array_equal(region.weights, head().volumes_mm3()[mask])
    assert len(region) == mask.sum()
    assert bool(region) == mask.any()
    assert region.unit == "mm³"


def test_points_are_where_their_weights_say():
    barycentric = np.random.default_rng(0).dirichlet(np.ones(4), 5)
    region = Region(head(), [7, 3, 3, 0, 9], barycentric)
    for i in range(5):
        place = barycentric[i] @ head().nodes_mm[head().tets[region.elements[i]]]
        np.testing.assert_allclose(region.centres_mm[i], place, rtol=1e-12)
    assert region.weights.tolist() == [1] * 5
    assert (region.unit, region.is_volume, region.normals, region.faces) == ("points", False, None, None)


def test_arrays_are_read_only_and_copies():
    elements, barycentric = np.array([1, 2, 3]), np.full((3, 4), 0.25)
    faces = np.array([[0, 1, 2]])
    surface = Region(head(), elements, barycentric, weights=[1, 2, 3], normals=np.eye(3), faces=faces)
    elements[:], barycentric[:], faces[:] = 0, 0, 0
    assert surface.elements.tolist() == [1, 2, 3]
    assert surface.barycentric.sum() == 3
    assert surface.faces.tolist() == [[0, 1, 2]]
    for region in (surface, of(head().tags == 1)):
        for name in ("elements", "barycentric", "centres_mm", "weights", "normals", "faces"):
            array = getattr(region, name)
            assert array is None or not array.flags.writeable, name


@pytest.mark.parametrize(
    ("region", "text"),
    [
        (lambda: Region(head(), [4]), r"<Region of 1 tetrahedron, 1,\d\d\d mm³>"),
        (lambda: Region(head(), []), "<Region of 0 tetrahedra, 0 mm³>"),
        (lambda: Region(head(), [4, 4], np.full((2, 4), 0.25)), "<Region of 2 points>"),
        (
            lambda: Region(head(), [4] * 3, np.full((3, 4), 0.25), weights=[1, 2, 3], faces=[[0, 1, 2]]),
            "<Region of 3 points, 6 mm²>",
        ),
    ],
)
def test_how_regions_are_shown(region, text):
    assert re.fullmatch(text, repr(region()))


# Surfaces


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=20, deadline=None)
def test_areas_and_normals_of_the_nodes_of_a_surface(seed):
    """Against a loop over triangles."""
    mesh, faces = head(), head().boundary()
    rng = np.random.default_rng(seed)
    used = np.unique(faces)
    faces = np.searchsorted(used, faces)
    nodes = mesh.nodes_mm[used] + rng.normal(0, 3, (len(used), 3))
    region = surface_region(mesh, np.zeros(len(used), int), np.full((len(used), 4), 0.25), nodes, faces)
    areas, sums = np.zeros(len(used)), np.zeros((len(used), 3))
    for a, b, c in faces:
        vector = np.cross(nodes[b] - nodes[a], nodes[c] - nodes[a]) / 2
        for node in (a, b, c):
            areas[node] += np.linalg.norm(vector) / 3
            sums[node] += vector
    np.testing.assert_allclose(region.weights, areas, rtol=1e-12)
    np.testing.assert_allclose(
        region.normals, sums / np.linalg.norm(sums, axis=1)[:, None], rtol=1e-9, atol=1e-12
    )
    assert region.unit == "mm²"


def test_a_node_without_a_normal_is_refused():
    nodes = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [5, 5, 5.0]])
    for faces, first in (([[0, 1, 2]], 3), ([[0, 1, 2], [0, 2, 1], [0, 1, 3]], 2)):
        with pytest.raises(RegionError, match=rf"1 of 4 nodes of the surface .*node {first} at"):
            surface_region(head(), [0] * 4, np.full((4, 4), 0.25), nodes, np.array(faces))


# What is refused

QUARTERS = np.full((2, 4), 0.25)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([1, 1],), "ascend, each once"),
        (([3, 1],), "ascend, each once"),
        (([0, 10**6],), r"elements: 1 are outside of 0…\d+; the first is 1000000"),
        (([-1],), "elements: 1 are outside"),
        (([0.5],), r"elements must be integers of shape \(n,\), not float64"),
        (([[0, 1]],), r"elements must be integers of shape \(n,\), not int64 of \(1, 2\)"),
        (([[0], [0, 1]],), "elements: "),
        (([1, 2], np.full((2, 3), 1 / 3)), r"barycentric must have the shape \(2, 4\), not \(2, 3\)"),
        (([1, 2], QUARTERS * 1.01), "barycentric: 2 points have weights below 0 or not adding up to 1"),
        (([1, 2], [[0.25] * 4, [1.5, -0.5, 0, 0]]), "barycentric: 1 point"),
        (([1, 2], QUARTERS * np.nan), "barycentric: 8 values are not finite"),
    ],
)
def test_indices_and_weights_of_no_mesh_are_refused(arguments, message):
    with pytest.raises(RegionError, match=message):
        Region(head(), *arguments)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"weights": [1, -1]}, "weights: 1 are below 0"),
        ({"weights": [1]}, r"weights must have the shape \(2,\)"),
        ({"normals": [[1, 0, 0], [2, 0, 0]]}, "normals must be of length 1"),
        ({"faces": [[0, 1, 2]]}, "faces: 1 are outside of 0…1; the first is 2"),
        ({"faces": [[0, 1]]}, r"faces must be integers of shape \(n, 3\)"),
    ],
)
def test_what_does_not_fit_the_points_is_refused(given, message):
    with pytest.raises(RegionError, match=message):
        Region(head(), [1, 2], QUARTERS, **given)
    with pytest.raises(RegionError, match="need points"):
        Region(head(), [1, 2], **given)


def test_what_can_not_be_combined_is_refused():
    volume, points = of(head().tags == 1), Region(head(), [1, 2], QUARTERS)
    for operation in (
        lambda: volume - points,
        lambda: volume | points,
        lambda: points | volume,
        lambda: ~points,
    ):
        with pytest.raises(
            RegionError, match="only regions of whole tetrahedra can be combined so, not <Region of 2 p"
        ):
            operation()
    other = Region(hf.sphere_mesh([50], [1], 25), [0])
    with pytest.raises(RegionError, match="the regions are of different meshes"):
        volume | other
    with pytest.raises(TypeError, match="unsupported operand"):
        volume & head().tags


def test_errors_are_what_callers_catch():
    assert issubclass(RegionError, HeadfieldError)
    assert issubclass(RegionError, ValueError)
    with pytest.raises(RegionError, match=r"mesh must be a TetMesh .* not str"):
        Region("head.msh", [0])
