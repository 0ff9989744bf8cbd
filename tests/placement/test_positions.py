# SPDX-License-Identifier: BSD-3-Clause
"""Positions spread over the scalp: how far apart, without holes, where they are; tangents to the front."""

import numpy as np
import pytest
from given.surfaces import directions, hull
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial import cKDTree

from headfield.core.device import cpu
from headfield.errors import PoseError
from headfield.geometry.surface import Surface
from headfield.placement.positions import scalp_positions, towards_front
from headfield.placement.scalp import Scalp


@pytest.fixture(scope="module")
def ball():
    return Scalp(hull(90 * directions(2000)))


@given(st.integers(0, 2**32 - 1), st.floats(0.01, 3.0))
@settings(max_examples=30, deadline=None)
def test_thinned_points_are_far_apart_and_leave_no_gap(seed, distance):
    points = np.random.default_rng(seed).normal(size=(400, 3)) * [1.0, 3.0, 0.2]
    points[::7] = points[0]
    taken = cpu.thinned(points, distance)
    assert (np.diff(taken) > 0).all()
    apart = np.linalg.norm(points[taken, None] - points[taken], axis=2) + 2 * distance * np.eye(len(taken))
    assert apart.min() >= distance
    away = np.linalg.norm(points[:, None] - points[taken], axis=2).min(axis=1)
    assert away.max() < distance


def test_thinning_of_very_many_cells_nothing_and_bad_numbers():
    assert cpu.thinned(np.zeros((0, 3)), 1.0).shape == (0,)
    far = np.array([[0, 0, 0], [1e6, 1e6, 1e6], [1e6, 1e6, 1e6 + 1e-3]])
    assert cpu.thinned(far, 0.5e-3).tolist() == [0, 1, 2]
    assert len(cpu.thinned(far, 2e-3)) == 2
    for distance in (0.0, -1.0, np.nan, np.inf):
        with pytest.raises(ValueError, match="distance must be above 0"):
            cpu.thinned(far, distance)
    with pytest.raises(ValueError, match="points holds numbers that are not finite"):
        cpu.thinned(far * np.nan, 1.0)


@pytest.mark.parametrize("spacing", [3.0, 10.0, 40.0])
def test_positions_are_even_and_without_holes(ball, spacing):
    sites = scalp_positions(ball, spacing_mm=spacing, above_mm=-np.inf)
    nearest = cKDTree(sites.point)
    assert nearest.query(sites.point, k=2)[0][:, 1].min() >= 0.8 * spacing * (1 - 1e-12)
    everywhere = ball.surface.closest(95 * directions(5000)).point_mm
    assert nearest.query(everywhere)[0].max() <= spacing
    assert ball.surface.closest(sites.point).distance_mm.max() < 1e-9


def test_positions_stay_in_their_part(ball):
    around = scalp_positions(ball, [10, 0, 120], 25.0, 4.0)
    middle = ball.surface.closest([[10, 0, 120]]).point_mm[0]
    away = np.linalg.norm(around.point - middle, axis=1)
    assert away.max() <= 25 + 1e-9
    assert away.max() > 22
    assert scalp_positions(ball, spacing_mm=8.0).point[:, 2].min() > -45.1  # the upper three quarters
    upper = scalp_positions(ball, spacing_mm=8.0, above_mm=30.0).point
    assert 30 - 1e-9 <= upper[:, 2].min() < 38
    both = scalp_positions(ball, [0, 89, 10], 30.0, 4.0, above_mm=5.0).point
    assert both[:, 2].min() > 5 - 1e-9
    with_centre = scalp_positions(ball, [0, 0, 90], None, 20.0, above_mm=-np.inf).point
    assert with_centre[:, 2].min() < -80  # a centre without a radius is no limit


def test_the_same_scalp_has_the_same_positions(ball):
    again = Scalp(Surface(ball.surface.nodes_mm, ball.surface.faces))
    for one, other in zip(
        scalp_positions(ball, spacing_mm=9.0), scalp_positions(again, spacing_mm=9.0), strict=True
    ):
        np.testing.assert_array_equal(one, other)


def test_normals_are_those_of_the_scalp(ball):
    smooth = Scalp(ball.surface, 15.0)
    sites = scalp_positions(smooth, spacing_mm=15.0)
    np.testing.assert_allclose(sites.normal, smooth.nearest(sites.point)[1], atol=1e-9)
    assert np.abs(sites.normal - ball.nearest(sites.point)[1]).max() > 1e-3


def test_tangents_are_units_towards_the_front_and_turn_smoothly_but_below_the_face():
    normals = np.concatenate([directions(20_000), np.eye(3), -np.eye(3)])
    y = towards_front(normals)
    np.testing.assert_allclose(np.linalg.norm(y, axis=1), 1, rtol=1e-12)
    np.testing.assert_allclose(np.einsum("pj,pj->p", y, normals), 0, atol=1e-12)
    far = np.abs(normals[:, 1]) < np.cos(np.radians(30))
    projected = np.array([0, 1, 0]) - normals[:, 1:2] * normals
    projected /= np.maximum(np.linalg.norm(projected, axis=1, keepdims=True), 1e-300)
    np.testing.assert_allclose(y[far], projected[far], atol=1e-12)
    pairs = cKDTree(normals).query_pairs(0.03, output_type="ndarray")
    above = (normals[pairs, 2] > -0.05).all(axis=1)
    turned = np.linalg.norm(y[pairs[:, 0]] - y[pairs[:, 1]], axis=1)
    assert turned[above].max() < 0.35
    exactly = towards_front(np.array([[0, np.sqrt(0.95), -np.sqrt(0.05)], [0, -1.0, 0]]))
    assert np.isfinite(exactly).all()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"spacing_mm": 0.4}, "spacing_mm = 0.4 must be at least 0.5"),
        ({"spacing_mm": np.nan}, "spacing_mm"),
        ({"radius_mm": 20.0}, "radius_mm needs centre_mm"),
        ({"centre_mm": [0, 0, 90], "radius_mm": 0.0}, "radius_mm = 0.0 must be above 0"),
        ({"centre_mm": [0, 0, 300], "radius_mm": 20.0}, "more than 100 mm"),
        ({"centre_mm": [0, 0], "radius_mm": 20.0}, "centre_mm must have the shape"),
        ({"above_mm": 90.5}, "no scalp within radius_mm = inf .* above_mm = 90.5"),
        ({"above_mm": np.nan}, "above_mm"),
    ],
)
def test_what_is_no_part_of_a_scalp_is_refused(ball, arguments, message):
    with pytest.raises(PoseError, match=message):
        scalp_positions(ball, **arguments)


def test_a_scalp_in_the_wrong_unit_is_refused():
    with pytest.raises(PoseError, match="positions, more than 400,000"):
        scalp_positions(Scalp(hull(900 * directions(200))), spacing_mm=1.0)
