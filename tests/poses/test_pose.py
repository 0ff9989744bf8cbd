# SPDX-License-Identifier: BSD-3-Clause
"""Poses: what is refused and how it is said, the nearest rotation, rings."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.spatial.transform import Rotation

from headfield.errors import PoseError
from headfield.poses.pose import check_poses, nearest_rotation, ring

SEEDS = st.integers(0, 2**32 - 1)


def rigid(seed=0, k=1):
    poses = np.tile(np.eye(4), (k, 1, 1))
    poses[:, :3, :3] = Rotation.random(k, random_state=seed).as_matrix()
    poses[:, :3, 3] = np.random.default_rng(seed).uniform(-100, 100, (k, 3))
    return poses


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


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e300, 2e4])
@pytest.mark.parametrize("entry", range(12))
def test_one_bad_entry_of_a_few_poses_is_seen(entry, value):
    """Few poses are looked at one by one, many by arrays: both refuse the same."""
    few = np.stack([np.eye(4)] * 3)
    few[1].ravel()[entry] = value
    for poses in (few, np.concatenate([few, *[few[:1]] * 20])):
        with pytest.raises(PoseError, match=f"pose 1 of {len(poses)}: "):
            check_poses(poses)


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(-6, -2))
def test_few_poses_are_refused_where_many_are(seed, size):
    rng = np.random.default_rng(seed)
    pose = np.eye(4)
    pose[:3, :3] = Rotation.random(random_state=seed).as_matrix() + 10.0**size * rng.normal(size=(3, 3))

    def verdict(poses):
        try:
            return len(check_poses(poses)) > 0
        except PoseError:
            return False

    assert verdict(pose) == verdict(np.stack([pose] * 20))
