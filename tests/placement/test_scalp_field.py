# SPDX-License-Identifier: BSD-3-Clause
"""The lattice of distances from the scalp: its error, clearances and lifts against exact distances."""

import numpy as np
import pytest
from given.surfaces import block, directions, hull, over, plate, rigid
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import map_coordinates

from headfield import Casing, casing_distance, read_casing
from headfield.core.device import cpu
from headfield.errors import CoilError, PoseError
from headfield.heads.mesh import TetMesh
from headfield.heads.skin import skin
from headfield.placement.positions import scalp_positions
from headfield.placement.scalp import Scalp
from headfield.placement.scalp_field import ScalpField
from headfield.placement.sites import tangential_poses
from headfield.placement.touching import TouchingPoints
from headfield.poses.pose import turns

SHAPE, LOW, STEP = (7, 9, 8), np.array([-9.0, 2.0, -20.0]), 2.5


@pytest.fixture(scope="module")
def ball():
    return hull(90 * directions(2000))


@pytest.fixture(scope="module")
def field(ball):
    return ScalpField(ball)


def moved_out(poses, ways):
    moved = poses.copy()
    moved[:, :3, 3] -= ways[:, None] * moved[:, :3, 2]
    return moved


# The native lattice


@given(st.integers(0, 2**32 - 1), st.integers(1, 40))
@settings(max_examples=40, deadline=None)
def test_the_least_interpolate_is_that_of_scipy(seed, n):
    rng = np.random.default_rng(seed)
    # Values that change by no more than the way, as distances do.
    centres = rng.uniform(-30, 30, (5, 3))
    index = np.stack(np.meshgrid(*map(np.arange, SHAPE), indexing="ij"), axis=-1)
    places = LOW + STEP * index
    values = np.linalg.norm(places[..., None, :] - centres, axis=-1).min(axis=-1).astype(np.float32)
    points, poses = rng.uniform(-20, 20, (n, 3)), rigid(seed, 30, 20.0)
    placed = np.einsum("kij,pj->kpi", poses[:, :3, :3], points) + poses[:, None, :3, 3]
    at = np.moveaxis((placed - LOW) / STEP, -1, 0)
    expected = map_coordinates(values, at, order=1, mode="nearest").min(axis=1)
    lattice = cpu.DistanceLattice(values, LOW, STEP)
    np.testing.assert_allclose(lattice.least(points, poses), expected, atol=1e-3)


def test_lifts_end_where_the_least_is_first_as_wanted():
    z = STEP * np.arange(40.0)
    steps = np.where(z < 30, z - 30, np.where(z < 50, 0.25 * (z - 30), z - 45))  # two slopes, and a corner
    values = np.broadcast_to(steps, (2, 2, 40)).astype(np.float32)
    lattice = cpu.DistanceLattice(np.ascontiguousarray(values), np.zeros(3), STEP)
    poses = np.stack([over(height) for height in (10.0, 29.0, 60.0, 5.0, 0.0)])
    point = np.array([[0.0, 0, 0]])
    lifts = lattice.lifts(point, poses, 4.0, 40.0)
    np.testing.assert_allclose(lifts[:3], [36.0, 17.0, 0.0], atol=0.02)
    assert np.isnan(lifts[3:]).all()  # 41 and 46 mm
    assert np.isnan(lattice.lifts(point, poses, 70.0, 1e6)).all()  # nowhere so far


def test_threads_and_neighbours_do_not_change_bits(field):
    casing = TouchingPoints.of(plate(40.0))
    poses = np.concatenate([rigid(seed, 50, 130.0) for seed in range(4)])
    threads = cpu.max_threads()
    whole = field.clearance(casing.points_mm, poses), field.lifts(casing, poses, 3.0)
    try:
        cpu.set_threads(3)
        again = field.clearance(casing.points_mm, poses[::-1])[::-1], field.lifts(casing, poses[7:], 3.0)
    finally:
        cpu.set_threads(threads)
    np.testing.assert_array_equal(whole[0], again[0])
    np.testing.assert_array_equal(whole[1][7:], again[1])


def test_the_native_lattice_refuses_bad_arguments():
    values, points, poses = np.zeros((2, 3, 4), np.float32), np.zeros((1, 3)), np.eye(4)[None]
    for given_values, low, step, message in (
        (values[0], LOW, STEP, "values must have shape"),
        (values[:1], LOW, STEP, "two points along each axis"),
        (values, LOW + np.nan, STEP, "low holds numbers that are not finite"),
        (values, LOW, 0.0, "step must be above 0"),
    ):
        with pytest.raises(ValueError, match=message):
            cpu.DistanceLattice(np.ascontiguousarray(given_values), low, step)
    lattice = cpu.DistanceLattice(values, LOW, STEP)
    for bad_points, bad_poses, message in (
        (points[:0], poses, "points holds none"),
        (points + np.nan, poses, "points holds numbers that are not finite"),
        (points, poses[0], "poses must have shape"),
        (points, poses + np.inf, "poses holds numbers that are not finite"),
    ):
        with pytest.raises(ValueError, match=message):
            lattice.least(bad_points, bad_poses)
    with pytest.raises(ValueError, match="clear and farthest must be finite"):
        lattice.lifts(points, poses, np.nan, 1.0)
    with pytest.raises(TypeError):
        cpu.DistanceLattice(values.astype(float), LOW, STEP)


# Distances


def test_distances_are_within_the_stated_error(ball, field):
    radius = np.random.default_rng(0).uniform(0, 150, 4000)
    points = radius[:, None] * directions(4000)[np.random.default_rng(1).permutation(4000)]
    exact, interpolated = ball.signed_distance(points), field.distance(points)
    near = (exact > -10) & (exact < 15)
    assert np.abs(interpolated - exact)[near].max() < 0.3 < field.error_mm
    assert interpolated[exact < -10].max() < -10 + field.error_mm
    outside = exact > 15  # the lattice ends there
    assert interpolated[outside].min() > 15 - field.error_mm
    assert (interpolated - exact)[outside].max() < field.error_mm


def test_finer_lattices_are_closer(ball):
    points = 92 * directions(1500)
    exact = ball.signed_distance(points)
    errors = [np.sqrt(np.mean((ScalpField(ball, h, 6.0).distance(points) - exact) ** 2)) for h in (8.0, 4.0)]
    assert errors[1] < 0.5 * errors[0]


@pytest.mark.parametrize("casing", [plate(45.0), block([-60, -30, -15], [60, 30, 0])])
def test_clearances_are_those_of_casings(ball, field, casing):
    sites = scalp_positions(Scalp(ball), spacing_mm=30.0, above_mm=-np.inf)
    poses = np.concatenate([tangential_poses(sites, way) for way in (1.0, 6.0, 12.0)])
    touching = TouchingPoints.of(casing)
    difference = field.clearance(touching.points_mm, poses) - casing_distance(ball, casing, poses)
    assert difference.min() >= -field.error_mm
    assert difference.max() <= field.error_mm + touching.cover_mm
    assert np.abs(difference).max() < 1.0  # far from the bound: over a ball the points in question are near


def test_lifted_casings_are_clear(ball, field):
    sites = scalp_positions(Scalp(ball), spacing_mm=40.0, above_mm=-np.inf)
    bent = Casing(
        [[-60, -40, 12], [60, -40, 12], [60, 40, 12], [-60, 40, 12], [0, 0, 0]],
        [[0, 1, 4], [1, 2, 4], [2, 3, 4], [3, 0, 4]],
    )
    poses = tangential_poses(sites, 1.0)
    touching = TouchingPoints.of(bent)
    lifts = field.lifts(bent, poses, 5.0)
    assert (lifts > 0).all()
    exact = casing_distance(ball, bent, moved_out(poses, lifts))
    assert np.abs(exact - 5.0).max() < 1.0 < field.error_mm + touching.cover_mm
    np.testing.assert_array_equal(field.lifts(touching, poses, 5.0), lifts)
    assert (field.lifts(bent, moved_out(poses, lifts + 0.1), 5.0) == 0).all()
    assert np.isnan(field.lifts(bent, over(20.0), 5.0)).all()  # 70 mm deep


def test_clearances_and_lifts_over_a_sample_head(shared_data):
    head = np.load(shared_data / "head_small.npz")
    scalp = skin(TetMesh(head["nodes"], head["tets"], head["tags"]))
    field = ScalpField(scalp)
    casing = read_casing(shared_data / "coils" / "MagStim_D70.stl")
    sites = scalp_positions(Scalp(scalp, 15.0), spacing_mm=35.0, above_mm=0.0)
    poses = (tangential_poses(sites, 4.0)[:, None] @ turns(np.array([0.0, 70.0, 200.0]))).reshape(-1, 4, 4)
    touching = TouchingPoints.of(casing)
    found, exact = field.clearance(touching.points_mm, poses), casing_distance(scalp, casing, poses)
    difference = (found - exact)[exact > -5]
    assert len(difference) > 50
    assert difference.min() >= -field.error_mm
    assert difference.max() <= field.error_mm + touching.cover_mm
    lifts = field.lifts(casing, poses, 4.0)
    clear = casing_distance(scalp, casing, moved_out(poses, lifts))
    assert (clear > 4.0 - field.error_mm - touching.cover_mm).all()
    lifted = lifts > 0
    assert lifted.any()
    assert np.abs(clear[lifted] - 4.0).max() <= field.error_mm + touching.cover_mm
    assert np.sqrt(np.mean((clear[lifted] - 4.0) ** 2)) < 1.0


# Touching points


def test_touching_points_cover_what_looks_at_the_head():
    casing = block([-60, -30, -15], [60, 30, 0])
    touching = TouchingPoints.of(casing)
    assert 1000 < len(touching.points_mm) <= 12_000
    front = np.random.default_rng(0).uniform([-60, -30, 0], [60, 30, 0], (2000, 3))
    away = np.linalg.norm(front[:, None] - touching.points_mm, axis=2).min(axis=1)
    assert away.max() <= touching.cover_mm < 15
    back = (touching.points_mm[:, 2] == -15) & (np.abs(touching.points_mm[:, :2]) < [50, 20]).all(axis=1)
    assert not back.any()
    inward = block([-60, -30, -15], [60, 30, 0])
    inward.faces = inward.faces[:, ::-1]
    assert TouchingPoints.of(inward).points_mm[:, 2].min() == -15  # where it looks is not known


def test_casings_of_points():
    points = Casing(np.eye(3), [[0, 0, 0], [1, 1, 1]])
    assert TouchingPoints.of(points).points_mm.tolist() == [[0, 1, 0], [1, 0, 0]]


# What is refused


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((0.1,), "spacing_mm = 0.1 must be between 0.5 and 10"),
        ((3.0, -1.0), "reach_mm = -1.0 must be between 0 and 100"),
        ((0.5, 100.0), "points, more than 40,000,000: is the surface in mm"),
    ],
)
def test_lattices_out_of_range_are_refused(ball, arguments, message):
    with pytest.raises(PoseError, match=message):
        ScalpField(ball, *arguments)


def test_bad_casings_and_clearances_are_refused(field):
    with pytest.raises(CoilError, match="points_mm holds no points"):
        field.clearance(np.zeros((0, 3)), over(95))
    with pytest.raises(CoilError, match="points_mm"):
        field.clearance([[np.nan, 0, 0]], over(95))
    with pytest.raises(CoilError, match="casing must have points_mm and faces"):
        field.lifts(3, over(95), 1.0)
    for clear in (-1.0, 21.0, np.nan):
        with pytest.raises(PoseError, match="clear_mm"):
            field.lifts(plate(9.0), over(95), clear)
    with pytest.raises(PoseError):
        field.clearance(np.zeros((1, 3)), 2 * np.eye(4))
