# SPDX-License-Identifier: BSD-3-Clause
"""The scalp's normal averaged over the area of contact: rough scalps tilt coils less."""

import numpy as np
import pytest
from given.surfaces import directions, hull, plate

import headfield as hf
from headfield.errors import PoseError
from headfield.geometry.surface import Surface
from headfield.placement.scalp import Scalp

WAY = np.radians(np.linspace(0, 25, 26))
OUTWARD = np.stack([np.sin(WAY), np.zeros(26), np.cos(WAY)], axis=1)


@pytest.fixture(scope="module")
def ball():
    """Edges of 5 mm on a sphere of 92 mm."""
    return hull(92 * directions(4500))


@pytest.fixture(scope="module")
def rough(ball):
    noise = np.random.default_rng(0).normal(0, 0.6, (len(ball.nodes_mm), 1))
    return Surface(ball.nodes_mm * (1 + noise / 92), ball.faces)


def axes(head, radius):
    return Scalp(head, radius).nearest(92 * OUTWARD)[1]


def tilt(head, radius):
    cosine = np.einsum("ki,ki->k", axes(head, radius), OUTWARD)
    return np.degrees(np.arccos(np.clip(cosine, -1, 1)))


def test_a_rough_scalp_tilts_coils_less(ball, rough):
    at_point, mean_15, mean_20 = (tilt(rough, radius).mean() for radius in (0, 15, 20))
    assert at_point > 3
    assert mean_15 < 1.5
    assert mean_20 < 1.0
    assert max(tilt(ball, radius).max() for radius in (10, 20)) < 0.05  # without noise


def test_the_axis_turns_smoothly(rough):
    mean, at_point = (np.linalg.norm(np.diff(axes(rough, r), axis=0), axis=1) for r in (15, 0))
    assert np.degrees(np.abs(mean - np.radians(1))).max() < 1.0
    assert np.degrees(np.abs(at_point - np.radians(1))).max() > 2.5
    near = [
        hf.place(rough, [3 + shift, 1, 92], [3, 60, 92], smooth_mm=10)[:3, :3] for shift in (0, 1e-4, 2e-4)
    ]
    first, second = np.abs(near[1] - near[0]).max(), np.abs(near[2] - near[1]).max()
    assert 0 < first < 1e-4
    assert second == pytest.approx(first, rel=0.05)  # it has a slope


def test_none_asked_for_is_the_normal_at_the_point(rough):
    for centre in 92 * OUTWARD[::5]:
        bare = hf.place(rough, centre, centre + [0, 50, 0])
        np.testing.assert_array_equal(hf.place(rough, centre, centre + [0, 50, 0], smooth_mm=0.0), bare)


def test_grids_clearance_and_moves_take_the_same_normal(rough):
    where = (rough, [10, 0, 91], [10, 50, 91])
    options = {"smooth_mm": 15.0, "casing": plate(30), "clear_mm": 2.0}
    grid = hf.scalp_grid(*where, 6, 6, [0, 40], distance_mm=1, **options)
    lattice = [(0, -6), (-6, 0), (0, 0), (6, 0), (0, 6)]
    for i, offset in enumerate(lattice):
        one = hf.place(*where, 1, offset_mm=offset, rotation_deg=40, **options)
        np.testing.assert_allclose(grid.poses[2 * i + 1], one, atol=1e-9)
    np.testing.assert_allclose(hf.casing_distance(rough, plate(30), grid.poses).min(), 2, atol=2e-6)


def test_the_mean_is_that_of_the_weighted_area_vectors(ball):
    """Against the sum over finely divided triangles, without grids of cells."""
    bump = Surface(ball.nodes_mm * (1 + 0.02 * np.sin(ball.nodes_mm[:, :1] / 9)), ball.faces)
    points, normals, _ = Scalp(bump, 12.0).nearest(92 * OUTWARD[::6])
    at = bump.triangles.mean(axis=1)
    steps = [(i + 1 / 3, j + 1 / 3) for i in range(12) for j in range(12 - i)]
    steps += [(i + 2 / 3, j + 2 / 3) for i in range(12) for j in range(11 - i)]
    weights = np.array([(12 - i - j, i, j) for i, j in steps]) / 12
    assert len(weights) == 144
    a, b, c = bump.triangles.swapaxes(0, 1)
    area = np.cross(b - a, c - a)
    for point, normal in zip(points, normals, strict=True):
        near = np.linalg.norm(at - point, axis=1) < 20
        samples = weights @ bump.triangles[near]
        left = np.maximum(1 - ((samples - point) ** 2).sum(axis=2) / 144, 0) ** 2
        expected = (left.sum(axis=1)[:, None] * area[near]).sum(axis=0)
        expected /= np.linalg.norm(expected)
        assert np.degrees(np.arccos(min(1.0, normal @ expected))) < 0.25


@pytest.mark.parametrize(
    ("radius", "message"),
    [
        (-1, r"smooth_mm = -1 must be 0, or between 1 and 50"),
        (0.5, r"smooth_mm = 0.5 must be 0, or"),
        (51, "smooth_mm = 51 must"),
        (np.nan, "smooth_mm = nan must be a finite number"),
        ("10", "smooth_mm = '10' must be a finite number"),
    ],
)
def test_radii_that_are_none_are_refused(ball, radius, message):
    for function in (hf.place, hf.scalp_grid):
        with pytest.raises(PoseError, match=message):
            function(ball, [0, 0, 92], [0, 50, 92], smooth_mm=radius)


def test_a_surface_in_other_units_is_refused_at_once():
    wide = Surface(1e5 * np.array([[-9.0, -9, 0], [9, -9, 0], [0, 9, 0]]), [[0, 1, 2]])
    with pytest.raises(PoseError, match=r"smooth_mm = 5 is too little for a surface of this size"):
        hf.place(wide, [0, 0, 0], [0, 9, 0], smooth_mm=5)


def test_a_surface_that_is_folded_back_has_no_mean_normal():
    square = np.array([[-40.0, -40, 0], [40, -40, 0], [40, 40, 0], [-40, 40, 0]])
    faces = [[4, 5, 6], [4, 6, 7], [0, 2, 1], [0, 3, 2]]
    both = Surface(np.concatenate([square, square + [0, 0, 1e-4]]), faces)
    assert hf.place(both, [0, 1, 5], [0, 50, 5])[2, 2] == -1
    with pytest.raises(PoseError, match="the surface has no normal within smooth_mm = 10 mm of"):
        hf.place(both, [0, 1, 5], [0, 50, 5], smooth_mm=10)


def test_angles_of_a_grid_are_centred_on_the_handle(ball):
    grid = hf.scalp_grid(ball, [0, 0, 92], [0, 50, 92], 0.0)
    straight = hf.place(ball, [0, 0, 92], [0, 50, 92])
    np.testing.assert_allclose(grid.poses[3], straight, atol=1e-12)
    np.testing.assert_allclose(grid.poses[0][:3, 1], -grid.poses[-1][:3, 1], atol=1e-12)
