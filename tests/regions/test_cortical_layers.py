# SPDX-License-Identifier: BSD-3-Clause
"""Layers of the cortex at any depth, and columns of points that correspond: spheres, where both are known."""

import functools

import numpy as np
import pytest

import headfield as hf
from headfield import regions
from headfield.errors import ArgumentError, RegionError
from headfield.regions import cortex as module

INNER, OUTER = 70.0, 78.0
DEPTHS = np.array([0.06, 0.15, 0.35, 0.65, 0.94])


@functools.cache
def shells(edge_mm):
    return hf.sphere_mesh(radii_mm=[INNER, OUTER, 90], tags=[1, 2, 3], edge_mm=edge_mm)


@functools.cache
def cortex(edge_mm):
    return regions.Cortex(shells(edge_mm))


def radius_of(depth):
    """Where (1/a − 1/r) / (1/a − 1/b) is the depth."""
    return 1 / ((1 - depth) / INNER + depth / OUTER)


def radii(points):
    return np.linalg.norm(points, axis=-1)


# Layers


@pytest.mark.parametrize("depth", [0.02, 0.15, 0.35, 0.5, 0.94, 0.999])
def test_layers_of_a_sphere_are_closed_spheres_at_their_depths(depth):
    errors = []
    for edge in (8, 4):
        layer = cortex(edge).layer(depth)
        edges = np.sort(layer.faces[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2), axis=1)
        assert set(np.unique(edges, axis=0, return_counts=True)[1]) == {2}
        assert np.abs(radii(layer.centres_mm) - radius_of(depth)).max() < 0.05 * edge
        errors.append(abs(layer.weights.sum() / (4 * np.pi * radius_of(depth) ** 2) - 1))
    assert errors[1] < 0.5 * errors[0] < 0.02


def test_the_middle_is_the_mid_layer_to_the_bit_and_functions_are_methods():
    for one, other in (
        (cortex(6).layer(), regions.mid_layer(shells(6))),
        (cortex(6).layer(0.35), regions.cortical_layer(shells(6), 0.35)),
    ):
        for name in ("elements", "barycentric", "weights", "normals", "faces"):
            np.testing.assert_array_equal(getattr(one, name), getattr(other, name))


def test_laplaces_equation_is_solved_once(monkeypatch):
    solved = []
    original = module._harmonic
    monkeypatch.setattr(module, "_harmonic", lambda *a: solved.append(1) or original(*a))
    one = regions.Cortex(shells(8))
    for depth in DEPTHS.tolist():
        one.layer(depth)
    one.columns(DEPTHS)
    assert solved == [1]


@pytest.mark.parametrize("depth", [0, 1, -0.2, 1.5])
def test_depths_beyond_the_cortex_are_refused(depth):
    with pytest.raises(RegionError, match=r"depth must lie between 0, at white matter, and 1, .*not "):
        regions.cortical_layer(shells(8), depth)


@pytest.mark.parametrize("depth", [np.nan, "pia", None, True])
def test_depths_are_numbers(depth):
    with pytest.raises(RegionError, match=r"depth = .* must be a finite number"):
        regions.cortical_layer(shells(8), depth)


# Columns


def test_columns_of_a_sphere_are_its_radii():
    for edge, off_mm in ((8, 0.25), (4, 0.04)):
        columns = cortex(edge).columns(DEPTHS)
        points, start = columns.points_mm, columns.start.centres_mm
        assert np.abs(radii(points) - radius_of(DEPTHS)[:, None]).max() < off_mm
        cosine = (points * start).sum(axis=2) / (radii(points) * radii(start))
        assert np.degrees(np.arccos(np.clip(cosine, -1, 1))).max() < 0.05
        assert np.abs(columns.reached - DEPTHS[:, None]).max() < 1e-3
        assert not columns.missed.any()


def test_points_of_columns_are_where_the_region_says_and_stand_for_the_start():
    columns = cortex(6).columns([0.2, 0.8], start=0.4)
    start = cortex(6).layer(0.4)
    assert columns.region.unit == "mm²"
    assert (shells(6).tags[columns.region.elements] == 2).all()
    for index, depth in enumerate((0.2, 0.8)):
        layer = columns.layer(index)
        np.testing.assert_array_equal(layer.centres_mm, columns.points_mm[index])
        np.testing.assert_array_equal(layer.weights, start.weights)
        np.testing.assert_array_equal(layer.faces, start.faces)
        outward = layer.centres_mm / radii(layer.centres_mm)[:, None]
        assert (layer.normals * outward).sum(axis=1).min() > 0.99
        assert np.median(radii(layer.centres_mm)) == pytest.approx(radius_of(depth), abs=0.05)


def test_a_part_of_a_layer_has_the_columns_of_the_whole():
    whole = cortex(6).columns([0.2, 0.8], start=0.4)
    near = cortex(6).layer(0.4) & regions.sphere(shells(6), [0, 0, 74], 25)
    part = cortex(6).columns([0.2, 0.8], start=near)
    place = [np.flatnonzero((whole.start.centres_mm == point).all(axis=1))[0] for point in near.centres_mm]
    np.testing.assert_allclose(part.points_mm, whole.points_mm[:, place], atol=1e-6)


def test_the_start_may_be_one_of_the_depths():
    columns = cortex(6).columns([0.2, 0.4, 0.8], start=0.4)
    np.testing.assert_allclose(columns.points_mm[1], columns.start.centres_mm, atol=2e-3)


def test_a_sulcus_without_fluid_is_told():
    """Gray matter with white matter on both sides in one half: the depth falls again on the way outward."""
    mesh = shells(4)
    r = radii(mesh.barycentres_mm())
    tags = np.where((mesh.tags == 3) & (r < 84) & (mesh.barycentres_mm()[:, 2] > 20), 1, mesh.tags)
    columns = regions.Cortex(hf.TetMesh(mesh.nodes_mm, mesh.tets, tags)).columns([0.2, 0.9], start=0.2)
    assert 0 < columns.missed.sum() < len(columns)
    assert (np.abs(columns.reached[:, columns.missed] - [[0.2], [0.9]]).max(axis=0) > 0.02).all()
    assert np.median(columns.reached[1, columns.missed]) < 0.88
    assert np.isfinite(columns.points_mm).all()


def test_split_tells_depths_apart():
    columns = cortex(8).columns([0.2, 0.8])
    values = np.arange(2 * 2 * len(columns)).reshape(2, -1)
    assert columns.split(values).shape == (2, 2, len(columns))
    np.testing.assert_array_equal(columns.split(values)[1, 1], values[1, len(columns) :])
    assert columns.split(np.zeros((3, 2 * len(columns), 3))).shape == (3, 2, len(columns), 3)
    with pytest.raises(ArgumentError, match=r"2 depths of .* points must have the shape"):
        columns.split(np.zeros(5))
    with pytest.raises(ArgumentError, match="index"):
        columns.layer(2)


def test_a_real_head(shared_data):
    mesh = hf.read_mesh(shared_data / "head_small.npz")
    whole = regions.Cortex(mesh)
    near = whole.layer(0.35) & regions.sphere(mesh, [-37, -21, 58], 25)
    columns = whole.columns([0.15, 0.35, 0.75], start=near)
    assert len(near) > 300
    assert columns.missed.mean() < 0.5  # its gray matter is one tetrahedron thick, and fluid is missing
    good = ~columns.missed
    long_mm = radii(columns.points_mm[2] - columns.points_mm[0])[good]
    assert 1.0 < np.median(long_mm) < 8.0


@pytest.mark.parametrize(
    ("depths", "start", "message"),
    [
        ([0.8, 0.2], 0.5, "depths must be one or several numbers, ascending"),
        ([], 0.5, "depths must be one or several numbers, ascending"),
        ([0.2, 1.0], 0.5, r"depths\[1\] must lie between 0"),
        ([0.2, np.nan], 0.5, "depths: 1 value is not finite"),
        ([0.2], 1.2, "start must lie between 0"),
    ],
)
def test_columns_that_cannot_be(depths, start, message):
    with pytest.raises(RegionError, match=message):
        cortex(8).columns(depths, start)


def test_columns_start_at_points_of_gray_matter():
    tissue, white = regions.tissue(shells(8), 2), regions.points(shells(8), [0, 0, 10])
    with pytest.raises(RegionError, match="start must be a region of points"):
        cortex(8).columns([0.5], tissue)
    with pytest.raises(RegionError, match="1 of 1 points are not in gray matter"):
        cortex(8).columns([0.5], white)
    with pytest.raises(RegionError, match="the region is of another mesh"):
        cortex(8).columns([0.5], cortex(6).layer())
