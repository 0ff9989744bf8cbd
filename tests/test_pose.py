# SPDX-License-Identifier: BSD-3-Clause
"""Poses: what is refused and how it is said, the nearest rotation, placing on a surface."""

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.spatial import ConvexHull
from scipy.spatial.transform import Rotation

from headfield.errors import PoseError
from headfield.pose import check_poses, nearest_rotation, outer_faces, place, place_on_surface, ring

SEEDS = st.integers(0, 2**32 - 1)
COORDINATE = st.floats(-100, 100).map(lambda x: round(x, 3))


def rigid(seed=0, k=1):
    poses = np.tile(np.eye(4), (k, 1, 1))
    poses[:, :3, :3] = Rotation.random(k, random_state=seed).as_matrix()
    poses[:, :3, 3] = np.random.default_rng(seed).uniform(-100, 100, (k, 3))
    return poses


def directions(n):
    """n points on the unit sphere, evenly spread (Fibonacci)."""
    z = 1 - (2 * np.arange(n) + 1) / n
    angle = np.pi * (1 + 5**0.5) * np.arange(n)
    return np.stack([np.sqrt(1 - z**2) * np.cos(angle), np.sqrt(1 - z**2) * np.sin(angle), z], axis=1)


def ball_mesh(radii_mm, n=600, hollow=False):
    """Tetrahedra of a ball, or of what is outside its innermost radius: triangles of a sphere, extruded."""
    unit = directions(n)
    nodes = np.concatenate([radius * unit for radius in radii_mm] + [np.zeros((1, 3))])
    a, b, c = np.sort(
        ConvexHull(unit).simplices, axis=1
    ).T  # sorted, so that neighbours cut a shared side alike
    tets = [np.stack([a, b, c, np.full_like(a, len(nodes) - 1)], axis=1)] if not hollow else []
    for layer in range(len(radii_mm) - 1):
        i, o = n * layer, n * (layer + 1)
        tets += [
            np.stack([a + i, b + i, c + i, c + o], axis=1),
            np.stack([a + i, b + i, b + o, c + o], axis=1),
            np.stack([a + i, a + o, b + o, c + o], axis=1),
        ]
    elements = np.concatenate(tets).astype(np.int32)
    corner = nodes[elements]
    negative = np.linalg.det(corner[:, 1:] - corner[:, :1]) < 0
    elements[negative] = elements[negative][:, [0, 1, 3, 2]]
    return SimpleNamespace(nodes_mm=nodes, tets=elements)


@pytest.fixture(scope="module")
def ball():
    mesh = ball_mesh([90.0])
    return mesh.nodes_mm, outer_faces(mesh)


# What passes


@given(SEEDS, st.integers(1, 5))
@settings(max_examples=30, deadline=None)
def test_rigid_poses_pass_as_they_are(seed, k):
    poses = rigid(seed, k)
    checked = check_poses(poses)
    assert checked.tobytes() == poses.tobytes()
    assert not np.shares_memory(checked, poses)
    np.testing.assert_array_equal(check_poses(poses[0]), poses[:1])
    assert check_poses(poses.astype(np.float32)).dtype == np.float64
    assert check_poses(np.round(poses, 4).tolist()).shape == (k, 4, 4)


def test_sample_poses_pass(shared_data):
    poses = np.load(shared_data / "poses.npy")
    np.testing.assert_array_equal(check_poses(poses), poses)


# What is refused


def broken(change, index=2, k=4):
    poses = rigid(3, k)
    change(poses[index])
    return poses


def scale(pose):
    pose[:3, :3] *= 1.01


def shear(pose):
    pose[:3, 0] += 0.1 * pose[:3, 1]


def mirror(pose):
    pose[:3, 0] *= -1


def transpose(pose):
    pose[:] = pose.T.copy()


def metres_to_nanometres(pose):
    pose[:3, 3] = [0, 5e4, 0]


def not_a_number(pose):
    pose[0, 3] = np.nan
    pose[1, 1] = np.inf


def zero(pose):
    pose[:3, :3] = 0


def huge(pose):
    pose[:3, :3] *= 1e200


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (scale, "pose 2 of 4: axes not orthonormal, off by 0.0201"),
        (shear, "pose 2 of 4: axes not orthonormal, off by 0.1 "),
        (mirror, r"pose 2 of 4: left-handed axes \(determinant -1\)"),
        (transpose, "pose 2 of 4: last row is not 0 0 0 1, off by"),
        (metres_to_nanometres, r"pose 2 of 4: centre 5e\+04 mm from the origin"),
        (not_a_number, "pose 2 of 4: 2 of 16 entries are not finite"),
        (zero, "pose 2 of 4: axes not orthonormal, off by 1 "),
        (huge, "pose 2 of 4: axes not orthonormal, off by inf"),
    ],
)
def test_a_pose_that_is_not_rigid_is_named(change, message):
    with pytest.raises(PoseError, match=message):
        check_poses(broken(change))


def test_the_number_of_bad_poses_is_said():
    poses = rigid(1, 6)
    poses[[1, 4, 5], :3, :3] *= -1
    with pytest.raises(PoseError, match=r"pose 1 of 6: left-handed .* \(3 poses of this kind\)"):
        check_poses(poses)


@given(SEEDS, st.floats(1e-3, 0.5))
@settings(max_examples=30, deadline=None)
def test_any_scale_beyond_the_tolerance_is_refused(seed, amount):
    pose = rigid(seed)[0]
    pose[:3, :3] *= 1 + amount
    with pytest.raises(PoseError, match="not orthonormal"):
        check_poses(pose)


@pytest.mark.parametrize(
    "poses",
    [
        np.eye(3),
        np.empty((0, 4, 4)),
        np.zeros((2, 2, 4, 4)),
        np.zeros(16),
        "pose.txt",
        None,
        [[1, 2], [3]],
        1j * np.eye(4),
    ],
)
def test_arrays_that_are_no_poses_are_refused(poses):
    for function in (check_poses, nearest_rotation):
        with pytest.raises(PoseError, match="poses"):
            function(poses)


# The nearest rotation


@given(SEEDS, arrays(float, 3, elements=st.floats(0.5, 2.0)), SEEDS)
@settings(max_examples=40, deadline=None)
def test_the_nearest_rotation_is_the_polar_factor(seed, stretch, seed_of_axes):
    pose = rigid(seed)[0]
    axes = Rotation.random(random_state=seed_of_axes).as_matrix()
    stretched = pose.copy()
    stretched[:3, :3] = (
        pose[:3, :3] @ (axes * stretch) @ axes.T
    )  # a rotation times a symmetric positive stretch
    nearest = nearest_rotation(stretched)
    np.testing.assert_allclose(nearest, pose, atol=1e-12)
    np.testing.assert_array_equal(check_poses(nearest)[0], nearest)


def test_the_nearest_rotation_keeps_shape_and_centre():
    poses = rigid(5, 3)
    poses[:, :3, :3] *= 1.2
    nearest = nearest_rotation(poses)
    assert nearest.shape == (3, 4, 4)
    np.testing.assert_array_equal(nearest[:, :, 3], poses[:, :, 3])
    np.testing.assert_allclose(nearest[:, :3, :3] * 1.2, poses[:, :3, :3], atol=1e-14)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (mirror, "pose 2 of 4: left-handed"),
        (zero, "pose 2 of 4: axes lie in a plane"),
        (not_a_number, "pose 2 of 4: 2 of 16 entries are not finite"),
        (transpose, "pose 2 of 4: last row"),
    ],
)
def test_a_pose_without_a_nearest_rotation_is_refused(change, message):
    with pytest.raises(PoseError, match=message):
        nearest_rotation(broken(change))


# Rings


def test_a_ring_turns_about_the_coil_axis():
    pose = rigid(7)[0]
    poses = check_poses(ring(pose, [0, 30, 90, -360]))
    np.testing.assert_array_equal(poses[0], pose)
    np.testing.assert_allclose(poses[3], pose, atol=1e-13)
    np.testing.assert_allclose(poses[2, :3, 0], pose[:3, 1], atol=1e-15)  # x goes to y
    np.testing.assert_array_equal(poses[:, :3, 2], np.tile(pose[:3, 2], (4, 1)))
    np.testing.assert_array_equal(poses[:, :3, 3], np.tile(pose[:3, 3], (4, 1)))
    assert poses[1, :3, 0] @ pose[:3, 0] == pytest.approx(np.cos(np.pi / 6))


@pytest.mark.parametrize("angles", [[], [np.nan], 30, [[1, 2]], "all", None])
def test_angles_that_are_no_angles_are_refused(angles):
    with pytest.raises(PoseError, match="angles_deg"):
        ring(np.eye(4), angles)


# Placing


@given(SEEDS, st.floats(80, 130), st.floats(0, 50))
@settings(max_examples=40, deadline=None)
def test_a_coil_lies_flat_on_a_ball(ball, seed, radius, distance):
    outward, handle = Rotation.random(random_state=seed).as_matrix()[:, :2].T
    centre = radius * outward
    pose = place_on_surface(*ball, centre, centre + 30 * handle + 10 * outward, distance)
    (checked,) = check_poses(pose)
    np.testing.assert_array_equal(checked, pose)
    # The surface is made of flat triangles: 600 nodes on a sphere of 90 mm.
    np.testing.assert_allclose(pose[:3, 2], -outward, atol=0.06)
    np.testing.assert_allclose(pose[:3, 1], handle, atol=0.06)
    np.testing.assert_allclose(np.linalg.norm(pose[:3, 3]), 90 + distance, atol=1.0)


def test_the_pose_moves_smoothly_with_the_centre(ball):
    angle = np.radians(np.linspace(0, 60, 601))
    centres = 92 * np.stack([np.sin(angle), 0.1 + 0 * angle, np.cos(angle)], axis=1)
    poses = np.stack([place_on_surface(*ball, centre, centre + [0, 50, 0]) for centre in centres])
    step = np.abs(np.diff(poses, axis=0))
    turn, move = step[:, :3, :3].max(), step[:, :3, 3].max()
    # 0.1 degrees or 0.16 mm a step; the edges are 10 mm, so a jump to the nearest node would be far above
    # this.
    assert turn < 0.02
    assert move < 1.0


def test_handle_points_along_y_and_distance_is_from_the_scalp():
    nodes = np.array([[0.0, 0, 0], [100, 0, 0], [0, 100, 0], [100, 100, 0]])
    faces = np.array([[0, 1, 2], [1, 3, 2]], np.int32)
    pose = place_on_surface(nodes, faces, [40, 30, -5], [40, 80, 60], 7)
    np.testing.assert_allclose(pose, [[-1, 0, 0, 40], [0, 1, 0, 30], [0, 0, -1, 7], [0, 0, 0, 1]], atol=1e-14)


@given(arrays(float, (4, 3), elements=COORDINATE))
@settings(max_examples=200, deadline=None)
def test_the_closest_point_of_a_triangle_satisfies_the_variational_inequality(points):
    from headfield.pose import _closest

    triangle, point = points[:3], points[3]
    face, weights = _closest(triangle[None], point)
    closest = weights @ triangle
    assert face == 0
    assert weights.sum() == pytest.approx(1)
    assert weights.min() >= -1e-12
    # p is closest in a convex set if and only if (x − p)·(v − p) ≤ 0 for all corners v. Needles lose some
    # digits.
    size = np.abs(points).max() + np.abs(triangle - point).max() + 1e-300
    slack = ((triangle - closest) @ (point - closest)).max()
    area = np.linalg.norm(np.cross(triangle[1] - triangle[0], triangle[2] - triangle[0]))
    if area > 1e-6 * size**2 or area == 0:
        assert slack <= 1e-8 * size**2


def test_the_closest_of_many_triangles_is_found(ball):
    from headfield.pose import _closest

    nodes, faces = ball
    triangles = nodes[faces]
    for point in 120 * directions(7):
        face, weights = _closest(triangles, point)
        found = np.linalg.norm(weights @ triangles[face] - point)
        u, v = np.meshgrid(np.linspace(0, 1, 12), np.linspace(0, 1, 12))
        inside = np.stack([u, v, 1 - u - v])[:, u + v <= 1]
        sampled = np.linalg.norm(np.einsum("ws,fwj->fsj", inside, triangles) - point, axis=2).min()
        assert sampled - 0.5 < found <= sampled + 1e-9


def test_a_cavity_is_not_the_scalp():
    mesh = ball_mesh([60.0, 90.0], hollow=True)
    faces = outer_faces(mesh)
    assert len(faces) == 2 * 600 - 4  # one closed surface of 600 nodes (Euler)
    np.testing.assert_allclose(np.linalg.norm(mesh.nodes_mm[faces], axis=2), 90)
    pose = place(mesh, [0, 0, 63], [0, 50, 63], 0)  # 3 mm from the cavity, 27 mm from the scalp
    assert pose[2, 3] == pytest.approx(90, abs=1)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([0, 0], [0, 50, 0]), r"centre_mm must have the shape \(3,\)"),
        (([0, 0, np.nan], [0, 50, 0]), r"centre_mm: 1 values are not finite, first \[2\] = nan"),
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
    nodes = np.array([[-200.0, -200, 90], [200, -200, 90], [0, 300, 90]])
    with pytest.raises(PoseError, match=message):
        place_on_surface(nodes, np.array([[0, 1, 2]], np.int32), *arguments)


def test_a_sample_head_takes_a_coil(shared_data):
    head = np.load(shared_data / "head_small.npz")
    mesh = SimpleNamespace(nodes_mm=head["nodes"].astype(float), tets=head["tets"])
    pose = place(mesh, [-38, -20, 60], [-38, 30, 60])  # a target in the left motor cortex
    check_poses(pose)
    assert pose[:3, 2] @ (mesh.nodes_mm.mean(axis=0) - pose[:3, 3]) > 80  # z into the head
    assert pose[1, 1] > 0.9
