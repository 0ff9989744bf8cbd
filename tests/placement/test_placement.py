# SPDX-License-Identifier: BSD-3-Clause
"""Coils on the scalp: where they lie, how they slide, turn and tilt from there, and grids of candidates."""

from types import SimpleNamespace

import numpy as np
import pytest
from given.surfaces import ball_mesh, directions, hull, plate
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

import headfield as hf
from headfield import TetMesh, check_poses, place, ring, scalp_grid
from headfield.errors import CoilError, PoseError
from headfield.geometry.surface import Surface
from headfield.heads.skin import skin
from headfield.placement.place import place_on_surface

SEEDS = st.integers(0, 2**32 - 1)
FLOOR = Surface([[-200.0, -200, 90], [200, -200, 90], [0, 300, 90]], [[0, 1, 2]])


@pytest.fixture(scope="module")
def ball():
    return hull(90 * directions(600))


@pytest.fixture(scope="module")
def fine_ball():
    return hull(90 * directions(20_000))


@pytest.fixture(scope="module")
def head():
    return skin(hf.phantom_head(8))


@pytest.fixture(scope="module")
def model():
    return hf.HeadModel(hf.sphere_mesh(radii_mm=[80, 86, 92], tags=[3, 4, 5], edge_mm=14), device="cpu")


@given(SEEDS, st.floats(80, 130), st.floats(0, 50))
@settings(max_examples=40, deadline=None)
def test_a_coil_lies_flat_on_a_ball(ball, seed, radius, distance):
    outward, handle = Rotation.random(random_state=seed).as_matrix()[:, :2].T
    centre = radius * outward
    pose = place(ball, centre, centre + 30 * handle + 10 * outward, distance)
    (checked,) = check_poses(pose)
    np.testing.assert_array_equal(checked, pose)
    # The surface is made of flat triangles: 600 nodes on a sphere of 90 mm.
    np.testing.assert_allclose(pose[:3, 2], -outward, atol=0.06)
    np.testing.assert_allclose(pose[:3, 1], handle, atol=0.06)
    np.testing.assert_allclose(np.linalg.norm(pose[:3, 3]), 90 + distance, atol=1.0)


@pytest.mark.parametrize("options", [{}, {"offset_mm": (12, -9), "rotation_deg": 20, "tilt_deg": (5, -3)}])
def test_the_pose_moves_smoothly_with_the_centre(ball, options):
    angle = np.radians(np.linspace(0, 12, 61))
    centres = 92 * np.stack([np.sin(angle), 0.1 + 0 * angle, np.cos(angle)], axis=1)
    poses = np.stack([place(ball, centre, centre + [0, 50, 0], 6, **options) for centre in centres])
    step = np.abs(np.diff(poses, axis=0))
    turn, move = step[:, :3, :3].max(), step[:, :3, 3].max()
    # 0.2 degrees or 0.32 mm a step; a jump to the nearest node would be far above this: edges are 10 mm.
    assert turn < 0.04
    assert move < 2.0


@given(SEEDS)
@settings(max_examples=20, deadline=None)
def test_a_small_move_on_the_head_is_a_small_move_of_the_pose(head, seed):
    rng = np.random.default_rng(seed)
    outward = rng.normal(size=3)
    outward[2] = abs(outward[2])
    found = head.closest(outward[None] / np.linalg.norm(outward) * 95)
    centre = found.point_mm[0]
    options = {"rotation_deg": rng.uniform(-180, 180), "offset_mm": rng.uniform(-15, 15, 2)}
    here, there = (
        place(head, centre + shift, centre + [3, 60, 9], **options)
        for shift in (0, rng.normal(size=3) * 0.01)
    )
    np.testing.assert_allclose(here[:3, :3], there[:3, :3], atol=0.02)
    np.testing.assert_allclose(here[:3, 3], there[:3, 3], atol=0.5)


def test_the_centre_is_at_the_distance_along_the_normal(head):
    for centre in head.nodes_mm[head.nodes_mm[:, 2] > 20][::150]:
        for distance in (0.0, 3.5):
            pose = place(head, centre, centre + [5, 50, 5], distance)
            on_scalp = pose[:3, 3] + distance * pose[:3, 2]
            np.testing.assert_allclose(on_scalp, centre, atol=1e-9)
            assert head.signed_distance(pose[None, :3, 3])[0] == pytest.approx(distance, abs=0.1)


def test_handle_points_along_y_and_distance_is_from_the_scalp():
    nodes = np.array([[0.0, 0, 0], [100, 0, 0], [0, 100, 0], [100, 100, 0]])
    faces = np.array([[0, 1, 2], [1, 3, 2]], np.int32)
    pose = place_on_surface(nodes, faces, [40, 30, -5], [40, 80, 60], 7)
    np.testing.assert_allclose(pose, [[-1, 0, 0, 40], [0, 1, 0, 30], [0, 0, -1, 7], [0, 0, 0, 1]], atol=1e-14)


def test_a_cavity_is_not_the_scalp():
    mesh = ball_mesh([60.0, 90.0], hollow=True)
    pose = place(mesh, [0, 0, 63], [0, 50, 63], 0)  # 3 mm from the cavity, 27 mm from the scalp
    assert pose[2, 3] == pytest.approx(90, abs=1)


# Turned, tilted, slid


@given(SEEDS, st.floats(-400, 400))
@settings(max_examples=15, deadline=None)
def test_rotation_turns_as_a_ring_does(ball, seed, angle):
    outward, handle = 95 * Rotation.random(random_state=seed).as_matrix()[:, :2].T
    pose = place(ball, outward, outward + handle, rotation_deg=angle)
    np.testing.assert_allclose(pose, ring(place(ball, outward, outward + handle), [angle])[0], atol=1e-12)


def test_nothing_asked_for_is_nothing_done(ball):
    bare = place(ball, [1, 2, 95], [3, 60, 80])
    again = place(ball, [1, 2, 95], [3, 60, 80], 4, rotation_deg=0, tilt_deg=[0, 0], offset_mm=np.zeros(2))
    np.testing.assert_array_equal(again, bare)
    np.testing.assert_array_equal(place_on_surface(ball.nodes_mm, ball.faces, [1, 2, 95], [3, 60, 80]), bare)


@given(st.floats(-60, 60), st.floats(-60, 60), st.floats(-180, 180))
@settings(max_examples=20, deadline=None)
def test_a_tilt_is_about_the_coils_own_axes_and_its_centre(about_x, about_y, rotation):
    level = place(FLOOR, [3, 4, 90], [3, 80, 90], 50, rotation_deg=rotation)
    tilted = place(FLOOR, [3, 4, 90], [3, 80, 90], 50, rotation_deg=rotation, tilt_deg=(about_x, about_y))
    np.testing.assert_array_equal(tilted[:3, 3], level[:3, 3])
    expected = Rotation.from_euler("XY", [about_x, about_y], degrees=True).as_matrix()
    np.testing.assert_allclose(level[:3, :3].T @ tilted[:3, :3], expected, atol=1e-12)
    check_poses(tilted)


def test_which_side_goes_down_in_a_tilt():
    for tilt, low, high in [((20, 0), [0, 50, 0], [0, -50, 0]), ((0, 20), [-50, 0, 0], [50, 0, 0])]:
        pose = place(FLOOR, [0, 0, 90], [0, 80, 90], 50, tilt_deg=tilt)
        assert (pose[:3, :3] @ low)[2] < -15 < 15 < (pose[:3, :3] @ high)[2]


def test_a_centre_far_below_the_scalp_is_asked_about():
    with pytest.warns(UserWarning, match=r"centre_mm .* is 60 mm from the surface, .*: is it in mm\?"):
        place(FLOOR, [3, 4, 30], [3, 80, 30])


def test_a_slide_on_a_plane():
    level = place(FLOOR, [3, 4, 90], [3, 80, 90])
    slid = place(FLOOR, [3, 4, 90], [3, 80, 90], offset_mm=(10, 25), rotation_deg=37)
    np.testing.assert_allclose(slid[:3, 3], level[:3, 3] + level[:3, :2] @ [10, 25], atol=1e-12)
    np.testing.assert_allclose(slid[:3, :3], ring(level, [37])[0, :3, :3], atol=1e-12)


@given(SEEDS, st.floats(0.1, 99.9), st.floats(0, 2 * np.pi))
@settings(max_examples=15, deadline=None)
def test_a_slide_on_a_sphere_follows_a_great_circle(fine_ball, seed, way, heading):
    outward, handle = Rotation.random(random_state=seed).as_matrix()[:, :2].T
    level = place(fine_ball, 90 * outward, 90 * outward + 50 * handle, 0)
    slid = place(
        fine_ball,
        90 * outward,
        90 * outward + 50 * handle,
        0,
        offset_mm=way * np.array([np.cos(heading), np.sin(heading)]),
    )
    ahead = level[:3, :2] @ [np.cos(heading), np.sin(heading)]
    turn = Rotation.from_rotvec(np.cross(outward, ahead) * way / 90).as_matrix()
    np.testing.assert_allclose(slid[:3, 3], turn @ level[:3, 3], atol=0.2)
    np.testing.assert_allclose(slid[:3, :3], turn @ level[:3, :3], atol=0.02)  # carried without twist


def test_a_slide_and_back_again_returns(head):
    centre = np.array([-46, -8, 70])
    there = place(head, centre, centre + [0, 50, 0], 0, offset_mm=(15, 10))
    back = place(head, there[:3, 3], there[:3, 3] + 50 * there[:3, 1], 0, offset_mm=(-15, -10))
    straight = place(head, centre, centre + [0, 50, 0], 0)
    np.testing.assert_allclose(back, straight, atol=1.0)
    np.testing.assert_allclose(back[:3, :3], straight[:3, :3], atol=0.03)


def test_a_slide_that_ends_at_a_rim_is_told():
    with pytest.warns(
        UserWarning, match=r"1 of 1 ways along the scalp end in a fold: the worst got .* of 60 mm"
    ):
        place(FLOOR, [150, -190, 90], [150, 80, 90], offset_mm=(-60, 0))


# Grids


def test_a_grid_on_a_plane_is_a_square_lattice_in_order():
    angles = [0, 45, 90]
    grid = scalp_grid(FLOOR, [3, 4, 90], [3, 80, 90], 11, 5, angles, distance_mm=2)
    level = place(FLOOR, [3, 4, 90], [3, 80, 90], 2)
    lattice = [(u, v) for v in (-10, -5, 0, 5, 10) for u in (-10, -5, 0, 5, 10) if u * u + v * v <= 121]
    assert len(lattice) == 13
    positions = level[:3, 3] + lattice @ level[:3, :2].T - [0, 0, 2]
    np.testing.assert_allclose(grid.positions_mm, positions, atol=1e-12)
    assert grid.poses.shape == (39, 4, 4)
    for i, position in enumerate(positions):
        expected = ring(level, angles)
        expected[:, :3, 3] = position + [0, 0, 2]
        np.testing.assert_allclose(grid.poses[3 * i : 3 * i + 3], expected, atol=1e-12)


def test_a_pose_of_a_grid_is_that_of_place(head):
    centre, handle = [-46, -8, 70], [-46, 42, 70]
    poses, positions = scalp_grid(head, centre, handle, 12, 6, [-10, 80], distance_mm=3)
    offsets = [(u, v) for v in (-12, -6, 0, 6, 12) for u in (-12, -6, 0, 6, 12) if u * u + v * v <= 144]
    assert len(positions) == len(offsets) == 13
    check_poses(poses)
    for i in (0, 4, 6, 12):
        for j, angle in enumerate([-10, 80]):
            one = place(head, centre, handle, 3, offset_mm=offsets[i], rotation_deg=angle)
            np.testing.assert_allclose(poses[2 * i + j], one, atol=1e-12)
    assert np.abs(head.signed_distance(positions)).max() < 1e-9
    on_scalp = poses[:, :3, 3] + 3 * poses[:, :3, 2]
    np.testing.assert_allclose(on_scalp, np.repeat(positions, 2, axis=0), atol=1e-9)


def test_positions_of_a_grid_are_evenly_spread_on_a_sphere(fine_ball):
    grid = scalp_grid(fine_ball, [0, 20, 92], [0, 70, 92], 25, 5, [0])
    positions = grid.positions_mm / np.linalg.norm(grid.positions_mm, axis=1, keepdims=True)
    middle = len(positions) // 2
    arc = 90 * np.arccos(np.clip(positions @ positions.T, -1, 1))
    lattice = [(u, v) for v in range(-5, 6) for u in range(-5, 6) if u * u + v * v <= 25]
    np.testing.assert_allclose(arc[middle], 5 * np.linalg.norm(lattice, axis=1), atol=0.05)
    arc[arc < 1] = np.inf
    neighbour = arc.min(axis=1)
    assert neighbour.max() < 5.05
    assert neighbour.min() > 5 * 0.985  # (sin θ)/θ at 25 mm of 90
    np.testing.assert_allclose(grid.poses[:, :3, 2], -positions, atol=0.02)


def test_a_grid_of_radius_zero_is_the_centre_and_the_rim_is_in():
    assert scalp_grid(FLOOR, [0, 0, 90], [0, 9, 90], 0, 5).poses.shape == (7, 4, 4)
    assert len(scalp_grid(FLOOR, [0, 0, 90], [0, 9, 90], 0.3, 0.1, [0]).positions_mm) == 29


def test_a_grid_of_hundreds_of_positions_on_a_large_head(fine_ball):
    grid = scalp_grid(fine_ball, [0, 0, 90], [0, 50, 90], 30, 3)
    assert len(grid.positions_mm) == 317
    assert len(check_poses(grid.poses)) == 7 * 317


# Casings


def test_the_whole_casing_is_as_far_as_asked(ball):
    bent = SimpleNamespace(  # wings that reach 20 mm beyond the plane z = 0 at 50 mm
        points_mm=np.array(
            [[0, -20, 0], [0, 20, 0], [50, -20, 20], [50, 20, 20], [-50, -20, 20.0], [-50, 20, 20]]
        ),
        faces=np.array([[0, 1, 2], [1, 3, 2], [0, 4, 1], [1, 4, 5]]),
    )
    with pytest.warns(UserWarning, match=r"cuts up to \d.* mm .*; clear_mm=0 \(--clear-mm 0\) moves"):
        cutting = place(ball, [0, 0, 90], [0, 50, 90], 0.0, casing=bent, rotation_deg=15)
    assert hf.casing_distance(ball, bent, cutting)[0] < 0
    moved = place(ball, [0, 0, 90], [0, 50, 90], 0.0, casing=bent, clear_mm=3, rotation_deg=15)
    assert hf.casing_distance(ball, bent, moved)[0] == pytest.approx(3, abs=2e-6)
    np.testing.assert_array_equal(moved[:, :3], cutting[:, :3])
    far = place(ball, [0, 0, 90], [0, 50, 90], 40.0, casing=bent, clear_mm=3)
    np.testing.assert_array_equal(far, place(ball, [0, 0, 90], [0, 50, 90], 40.0))


def test_a_tilted_coil_is_not_pushed_into_the_head_without_a_word(ball):
    where = (ball, [0, 0, 90], [0, 50, 90])
    place(*where, 4.0, tilt_deg=(8, 0))  # 94 cos 8° = 93.1
    with pytest.warns(UserWarning, match=r"the head reaches .* mm through the plane of the casing \(z = 0\)"):
        place(*where, 4.0, tilt_deg=(0, 20))  # 94 cos 20° = 88.3
    with pytest.warns(UserWarning, match="the casing cuts up to"):
        place(*where, 4.0, tilt_deg=(0, 20), casing=plate(45))
    pose = place(*where, 4.0, tilt_deg=(0, 20), casing=plate(45), clear_mm=2)
    assert hf.casing_distance(ball, plate(45), pose)[0] == pytest.approx(2, abs=2e-6)


def test_poses_of_a_grid_that_cut_are_counted_or_cleared(ball):
    where = (ball, [0, 0, 90], [0, 50, 90], 6, 6, [0, 45])
    low = plate(30, z=4.0)
    with pytest.warns(UserWarning, match=r"at 10 of 10 poses the casing cuts up to 3\.\d mm into the head"):
        scalp_grid(*where, distance_mm=0.5, casing=low)
    grid = scalp_grid(*where, distance_mm=0.5, casing=low, clear_mm=1)
    np.testing.assert_allclose(hf.casing_distance(ball, low, grid.poses), 1, atol=2e-6)


def test_a_model_places_with_the_casing_of_the_coil(model):
    coil = hf.figure_of_eight()
    centre, handle = [0, 0, 95], [0, 50, 95]
    pose = model.place(coil, centre, handle, 5.0, rotation_deg=30, tilt_deg=(3, 2), offset_mm=(5, 6))
    np.testing.assert_array_equal(
        pose,
        place(model.mesh, centre, handle, 5.0, rotation_deg=30, tilt_deg=(3, 2), offset_mm=(5, 6)),
    )
    clear = model.place(coil, centre, handle, 0.5, tilt_deg=(25, 0), clear_mm=2.0)
    casing = coil.casing
    if casing is not None:
        assert hf.casing_distance(model.mesh, casing, clear)[0] == pytest.approx(2, abs=2e-6)
    grid = model.scalp_grid(coil, centre, handle, 5, 5, [0, 90])
    expected = scalp_grid(model.mesh, centre, handle, 5, 5, [0, 90])
    np.testing.assert_array_equal(grid.poses, expected.poses)
    np.testing.assert_array_equal(grid.positions_mm, expected.positions_mm)
    for function in (model.place, model.scalp_grid):
        with pytest.raises(CoilError, match="coil must be a Coil"):
            function(None, centre, handle)


@pytest.mark.filterwarnings("ignore::headfield.PlausibilityWarning")
def test_a_coil_without_a_casing_keeps_the_face_in_front_of_its_dipoles_clear(model):
    at = np.array([[40.0, 0, -9], [-40, 0, -9], [0, 30, -2], [0, 0, 6]])  # the last one is beyond the face
    coil = hf.Coil(at, np.ones((4, 3)))
    assert coil.casing is None
    pose = model.place(coil, [0, 0, 92], [0, 50, 92], 1.0, tilt_deg=(0, 15), clear_mm=3.0)
    face = np.array([*at[:3] * [1, 1, 0], at[3]])
    distance = skin(model.mesh).signed_distance(face @ pose[:3, :3].T + pose[:3, 3])
    assert distance.min() == pytest.approx(3.0, abs=2e-6)
    with pytest.warns(UserWarning, match="the casing cuts"):
        model.place(coil, [0, 0, 92], [0, 50, 92], 1.0, tilt_deg=(0, 15))


# What is refused


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([0, 0], [0, 50, 0]), r"centre_mm must have the shape \(3,\)"),
        (([0, 0, np.nan], [0, 50, 0]), r"centre_mm: 1 value is not finite, first \[2\] = nan"),
        (([0, 0, 90], ["a", "b", "c"]), "handle_mm: not real numbers"),
        (([0, 0, 90], [0, 0, 200]), "handle_mm .* within 1 degree of the normal"),
        (([0, 0, 90], [0, 0, 90]), "handle_mm .* within 1 degree of the normal"),
        (([0, 0, 250], [0, 50, 250]), "centre_mm .* is 160 mm from the surface"),
        (([0, 0, 90], [0, 50, 90], -1), "distance_mm = -1"),
        (([0, 0, 90], [0, 50, 90], np.inf), "distance_mm: .* inf"),
        (([0, 0, 90], [0, 50, 90], [1, 2]), "distance_mm"),
        (([0, 0, 90], [0, 50, 90], None), "distance_mm"),
    ],
)
def test_places_that_are_no_places_are_refused(arguments, message):
    with pytest.raises(PoseError, match=message):
        place_on_surface(FLOOR.nodes_mm, FLOOR.faces, *arguments)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rotation_deg": np.nan}, "rotation_deg = nan must be a finite number"),
        ({"rotation_deg": "a"}, "rotation_deg = 'a'"),
        ({"tilt_deg": 5}, "tilt_deg must be two numbers, along or about x and y"),
        ({"tilt_deg": (70, 70)}, r"tilt_deg = \[70.0, 70.0\] is more than 90"),
        ({"offset_mm": (1, 2, 3)}, "offset_mm must be two numbers"),
        ({"offset_mm": (0, 101)}, r"offset_mm = \[0.0, 101.0\] is more than 100"),
        ({"offset_mm": (0, np.inf)}, "offset_mm: 1 value is not finite"),
        ({"clear_mm": -1, "casing": plate(9)}, "clear_mm = -1 must be between 0 and 100"),
    ],
)
def test_moves_that_are_no_moves_are_refused(options, message):
    with pytest.raises(PoseError, match=message):
        place(FLOOR, [0, 0, 90], [0, 50, 90], **options)


def test_clearance_needs_a_casing():
    for function in (place, scalp_grid):
        with pytest.raises(CoilError, match="clear_mm needs the casing"):
            function(FLOOR, [0, 0, 90], [0, 50, 90], clear_mm=2)
        with pytest.raises(CoilError, match="casing must have points_mm and faces"):
            function(FLOOR, [0, 0, 90], [0, 50, 90], casing=[1, 2, 3])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"radius_mm": -1}, "radius_mm = -1 must be between 0 and 100"),
        ({"radius_mm": 101}, "radius_mm = 101"),
        ({"radius_mm": None}, "radius_mm = None"),
        ({"spacing_mm": 0}, "spacing_mm = 0 must be above 0"),
        ({"spacing_mm": 1e-300}, "spacing_mm = 1e-300 makes about .* poses, more than 100,000"),
        ({"spacing_mm": 0.1}, r"spacing_mm = 0.1 makes about 8.8e\+05 poses, more than 100,000"),
        ({"angles_deg": []}, "angles_deg must have the shape"),
        ({"angles_deg": 30}, "angles_deg must have the shape"),
        ({"angles_deg": [np.nan]}, "angles_deg: 1 value is not finite"),
        ({"distance_mm": -4}, "distance_mm = -4"),
    ],
)
def test_grids_that_are_no_grids_are_refused(options, message):
    with pytest.raises(PoseError, match=message):
        scalp_grid(FLOOR, [0, 0, 90], [0, 50, 90], **options)


def test_a_sample_head_takes_a_coil(shared_data):
    head = np.load(shared_data / "head_small.npz")
    mesh = TetMesh(head["nodes"], head["tets"])
    pose = place(mesh, [-38, -20, 60], [-38, 30, 60])  # a target in the left motor cortex
    check_poses(pose)
    assert pose[:3, 2] @ (mesh.nodes_mm.mean(axis=0) - pose[:3, 3]) > 80  # z into the head
    assert pose[1, 1] > 0.9
    grid = scalp_grid(mesh, [-38, -20, 60], [-38, 30, 60])
    assert len(check_poses(grid.poses)) == 49 * 7
