# SPDX-License-Identifier: BSD-3-Clause
"""Regions made of tissues, spheres, masks, points and surfaces."""

import functools

import numpy as np
import pytest
from given.surfaces import directions, hull

import headfield as hf
from headfield import regions
from headfield.geometry.surface import Surface
from headfield.regions.region import RegionError


@functools.cache
def head():
    return hf.sphere_mesh(radii_mm=[40, 60, 70], tags=[1, 2, 5], edge_mm=12)


# Whole tetrahedra


@pytest.mark.parametrize("tags", [2, [2], (1, 5), np.array([1, 2, 5])])
def test_tissues(tags):
    region = regions.tissue(head(), tags)
    np.testing.assert_array_equal(region.elements, np.flatnonzero(np.isin(head().tags, tags)))


def test_the_volume_of_a_tissue_converges_to_that_of_its_shell():
    exact = 4 / 3 * np.pi * (60**3 - 40**3)
    error = [
        regions.tissue(hf.sphere_mesh([40, 60, 70], [1, 2, 5], edge), 2).weights.sum() / exact - 1
        for edge in (12, 6)
    ]
    assert abs(error[1]) < 0.3 * abs(error[0]) < 0.01


@pytest.mark.parametrize("tags", [None, 2, [1, 5]])
def test_a_sphere_has_the_barycentres_that_are_in_it(tags):
    centre, radius = np.array([10.0, -20, 30]), 33.3
    region = regions.sphere(head(), centre, radius, tags)
    inside = ((head().barycentres_mm() - centre) ** 2).sum(axis=1) <= radius**2
    if tags is not None:
        inside &= np.isin(head().tags, tags)
    np.testing.assert_array_equal(region.elements, np.flatnonzero(inside))


def test_a_sphere_that_is_too_small_says_what_is_near():
    centre = head().barycentres_mm()[17] + [0, 0, 0.01]
    assert regions.sphere(head(), centre, 0.011).elements.tolist() == [17]
    with pytest.raises(
        RegionError, match=r"no barycentre lies within 0\.009 mm of .*: the nearest is 0\.01 mm"
    ):
        regions.sphere(head(), centre, 0.009)
    with pytest.raises(
        RegionError, match=r"no barycentre of the tissues \[5\] lies within 30 mm of \(0, 0, 0\)"
    ):
        regions.sphere(head(), [0, 0, 0], 30, tags=5)


def test_points_in_metres_are_asked_about():
    with pytest.warns(UserWarning, match=r"3 points span 0\.0[0-9]* mm: are they in metres\?"):
        regions.points(head(), np.array([[10, 0, 0], [0, 20, 0], [0, 0, 30]]) * 1e-3)


def test_masks_and_indices():
    mask = head().tags == 2
    for chosen in (mask, np.flatnonzero(mask)[::-1], np.repeat(np.flatnonzero(mask), 2).tolist()):
        np.testing.assert_array_equal(regions.mask(head(), chosen).elements, np.flatnonzero(mask))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: regions.tissue(head(), 3), r"no tetrahedron has the tags \[3\]; the mesh has 1 white"),
        (lambda: regions.tissue(head(), [1, 3, 9]), r"the tags \[3, 9\]"),
        (lambda: regions.tissue(head(), None), "tags must be one or some whole numbers"),
        (lambda: regions.tissue(head(), []), "tags must be one or some whole numbers"),
        (lambda: regions.tissue("head", 1), "mesh must be a TetMesh"),
        (lambda: regions.sphere(head(), [0, 0], 5), r"centre_mm must have the shape \(3,\)"),
        (lambda: regions.sphere(head(), [0, 0, np.inf], 5), "centre_mm: 1 value is not finite"),
        (lambda: regions.sphere(head(), [0, 0, 0], 0), "radius_mm must be more than 0"),
        (lambda: regions.sphere(head(), [0, 0, 0], "5"), "radius_mm = '5' must be a finite number"),
        (lambda: regions.sphere(head(), [0, 0, 0], 5, tags=3), r"the tags \[3\]"),
        (lambda: regions.mask(head(), [True]), r"a mask must have the shape \(\d+,\), not \(1,\)"),
        (lambda: regions.mask(head(), head().tags == 3), "the mask holds no tetrahedron"),
        (lambda: regions.mask(head(), (head().tags == 2) * 1), "a mask must be bool: 0 and 1"),
        (lambda: regions.mask(head(), []), "indices of tetrahedra must be one or some whole numbers"),
        (lambda: regions.mask(head(), [0, -1]), "elements: 1 are outside of 0…"),
        (lambda: regions.mask(head(), [0.0]), "not float64 of shape"),
        (lambda: regions.mask("head", [0]), "mesh must be a TetMesh"),
    ],
)
def test_what_is_no_region_is_refused(make, message):
    with pytest.raises(RegionError, match=message):
        make()


# Points


def test_points_stay_where_they_are_in_their_order():
    xyz = np.random.default_rng(0).uniform(-35, 35, (50, 3))
    region = regions.points(head(), xyz)
    np.testing.assert_allclose(region.centres_mm, xyz, rtol=0, atol=1e-9)
    assert region.weights.tolist() == [1] * 50
    assert region.unit == "points"


def test_points_within_reach_are_moved_to_the_tissue():
    xyz = np.outer([39.0, 50, 61], [0.48, 0.6, 0.64])
    region = regions.points(head(), xyz, tags=2, reach_mm=3)
    assert (head().tags[region.elements] == 2).all()
    moved = np.linalg.norm(region.centres_mm - xyz, axis=1)
    assert moved[1] < 1e-9
    radius = np.linalg.norm(region.centres_mm, axis=1)
    assert 0.2 < moved[0] < 1.001  # the spheres are made of flat triangles: up to a millimetre inside
    assert 1 < moved[2] < 3
    assert radius[2] < 60.001


def test_points_beyond_reach_are_counted():
    xyz = [[0, 0, 50.0], [0, 0, 72], [0, 0, 75], [0, 0, 71]]
    with pytest.raises(RegionError) as caught:
        regions.points(head(), xyz)
    assert str(caught.value).startswith(
        "of 4 points 3 lie outside of the mesh; the farthest is point 2 at (0, 0, 75)"
    )
    away = float(str(caught.value).split(", ")[-1].split()[0])
    assert away == pytest.approx(5, abs=0.5)
    message = r"of 4 points 1 lies outside of the mesh by more than reach_mm = 3 mm; the farthest is point 2"
    with pytest.raises(RegionError, match=message):
        regions.points(head(), xyz, reach_mm=3)
    with pytest.raises(
        RegionError, match=r"of 4 points 4 lie outside of the tetrahedra of the tissues \[1\]"
    ):
        regions.points(head(), xyz, tags=1)
    assert len(regions.points(head(), xyz, reach_mm=6)) == 4


def test_one_point_needs_no_list_and_one_that_is_off_hears_of_reach_mm():
    one = regions.points(head(), [3, 4, 5])
    np.testing.assert_array_equal(one.centres_mm, regions.points(head(), [[3, 4, 5]]).centres_mm)
    with pytest.raises(RegionError, match=r"mm away \(those up to reach_mm= away are moved"):
        regions.points(head(), [0, 0, 75], tags=2)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: regions.points(head(), np.zeros((0, 3))), "there are no points"),
        (lambda: regions.points(head(), [0, 0]), r"points_mm must have the shape \(n, 3\)"),
        (lambda: regions.points(head(), [[0, 0, 0]], reach_mm=-1), "reach_mm = -1 must be 0 or more"),
        (
            lambda: regions.points(head(), [[0, 0, 0]], reach_mm=np.nan),
            "reach_mm = nan must be a finite number",
        ),
        (lambda: regions.points(head(), [[0, 0, 0]], tags=[8]), r"the tags \[8\]"),
        (lambda: regions.points("head", [[0, 0, 0]]), "mesh must be a TetMesh"),
    ],
)
def test_points_that_are_none_are_refused(make, message):
    with pytest.raises(RegionError, match=message):
        make()


# Surfaces


def test_a_sphere_of_triangles_in_the_head():
    ball = hull(50 * directions(800))
    region = regions.surface(head(), ball.nodes_mm, ball.faces, tags=2)
    np.testing.assert_allclose(region.centres_mm, ball.nodes_mm, rtol=0, atol=1e-9)
    assert region.weights.sum() == pytest.approx(4 * np.pi * 50**2, rel=0.01)
    assert region.weights.std() < 0.1 * region.weights.mean()
    assert (np.einsum("pj,pj->p", region.normals, ball.nodes_mm) > 49.8).all()
    np.testing.assert_array_equal(region.faces, ball.faces)
    assert region.unit == "mm²"


def test_nodes_are_moved_but_areas_are_those_of_the_surface_that_was_given():
    ball = hull(60.5 * directions(300))
    region = regions.surface(head(), ball.nodes_mm, ball.faces, tags=2)
    assert np.linalg.norm(region.centres_mm, axis=1).max() < 60.001
    triangles = Surface(ball.nodes_mm, ball.faces).triangles
    area = np.linalg.norm(np.cross(*(triangles[:, i] - triangles[:, 0] for i in (1, 2))), axis=1).sum() / 2
    assert region.weights.sum() == pytest.approx(area, rel=1e-12)
    with pytest.raises(
        RegionError, match=r"of 300 points 300 lie outside .* by more than reach_mm = 0\.1 mm"
    ):
        regions.surface(head(), ball.nodes_mm, ball.faces, tags=2, reach_mm=0.1)


@pytest.mark.parametrize(
    ("nodes", "faces", "error", "message"),
    [
        (50 * directions(8), [[0, 1, 2]], RegionError, "5 nodes are in no triangle"),
        (
            hull(50 * directions(9)).nodes_mm,
            hull(50 * directions(9)).faces[:, ::-1],
            RegionError,
            "wound inward",
        ),
        (50 * directions(3), [[0, 1, 3]], RegionError, "surface faces must be indices of its 3 nodes"),
        (50 * directions(3)[:, :2], [[0, 1, 2]], RegionError, r"nodes_mm must have the shape \(n, 3\)"),
        (np.zeros((0, 3)), np.zeros((0, 3), int), RegionError, "surface faces must have the shape"),
        (
            50 * directions(3),
            [[0, 1, 1], [0, 2, 2]],
            RegionError,
            "3 of 3 nodes of the surface have no normal",
        ),
    ],
)
def test_surfaces_that_are_none_are_refused(nodes, faces, error, message):
    with pytest.raises(error, match=message):
        regions.surface(head(), nodes, faces)
