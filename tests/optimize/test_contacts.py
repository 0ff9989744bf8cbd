# SPDX-License-Identifier: BSD-3-Clause
"""Casings near a ball: distances, their derivatives, and landing."""

import functools

import numpy as np
import pytest
from given.landscapes import Hill, around, ball

import headfield as hf
from headfield.poses.motions import moved


@functools.cache
def clearance(clear_mm=4.0):
    return hf.optimize.Clearance(ball(), hf.figure_of_eight(), clear_mm)


def test_excess_is_the_distance_less_what_is_asked_for():
    poses = around(above_mm=9.0)
    expected = hf.casing_distance(ball(), hf.figure_of_eight(), poses) - 4.0
    np.testing.assert_allclose(clearance().excess(poses), expected, rtol=1e-12)


def test_the_nearest_contact_is_where_the_surfaces_are_nearest():
    poses = moved(
        around(above_mm=5.0), np.random.default_rng(0).normal(size=(8, 6)) * [2, 2, 0, 0.05, 0.05, 1]
    )
    contacts = clearance().contacts(poses)
    exact = clearance().excess(poses)
    assert (contacts.excess_mm[:, 0] - exact >= -1e-9).all()
    assert (contacts.excess_mm[:, 0] - exact < 0.06).all()
    assert (np.diff(contacts.excess_mm, axis=1)[np.isfinite(contacts.excess_mm[:, 1:])] >= 0).all()
    step = 0.02
    for i, size in enumerate([step, step, step, step / 50, step / 50, step / 50]):
        motion = np.zeros((8, 6))
        motion[:, i] = size
        change = (clearance().excess(moved(poses, motion)) - clearance().excess(moved(poses, -motion))) / 2
        np.testing.assert_allclose(contacts.slopes[:, 0, i] * size, change, atol=0.15 * step)


def test_landed_coils_touch():
    poses = around(above_mm=9.0)
    poses[::2] = moved(poses[::2], np.tile([0.0, 0, 12, 0.1, 0, 0], (4, 1)))  # into the head
    landed = clearance().landed(poses)
    excess = clearance().excess(landed)
    assert excess.min() >= 0.0
    assert excess.max() <= 2e-3
    np.testing.assert_allclose(landed[:, :3, :3], poses[:, :3, :3])
    way = landed[:, :3, 3] - poses[:, :3, 3]
    np.testing.assert_allclose(np.cross(way, poses[:, :3, 2]), 0, atol=1e-9)


def test_only_those_that_may_come_nearer_do():
    poses = around(3, above_mm=9.0)
    some = np.array([True, False, False])
    poses[2] = moved(poses[2:], np.array([[0, 0, 8.0, 0, 0, 0]]))[0]
    excess = clearance().excess(clearance().landed(poses, some))
    assert excess[0] <= 2e-3
    assert excess[1] == clearance().excess(poses)[1] > 1.0
    assert 0 <= excess[2] <= 2e-3


def test_gradients_of_landed_coils_are_differences():
    hill = Hill([6, -12, 70], [1, 2, 0])
    landed, poses = hf.optimize.Landed(hill, clearance()), around(6, above_mm=9.0)
    values, gradients = landed(poses)
    np.testing.assert_allclose(values, hill(clearance().landed(poses))[0], rtol=1e-12)
    for i, size in enumerate([0.5, 0.5, 0.5, 0.01, 0.01, 0.01]):
        motion = np.zeros((6, 6))
        motion[:, i] = size
        change = (landed(moved(poses, motion))[0] - landed(moved(poses, -motion))[0]) / 2
        # The ball has corners, and landing is to 0.002 mm.
        np.testing.assert_allclose(gradients[:, i] * size, change, atol=4e-4)
    assert np.abs(gradients[:, :2] * 0.5).max() > 5e-3


BAD = {
    "no function": (lambda: hf.optimize.Landed(3), hf.ArgumentError, "function of poses, not int"),
    "no clearance": (lambda: hf.optimize.Landed(len), hf.ArgumentError, "landing needs a Clearance"),
    "an array": (lambda: hf.optimize.Clearance(np.eye(4), hf.figure_of_eight(), 2), hf.MeshError, "head"),
    "no casing": (lambda: hf.optimize.Clearance(ball(), 3, 2), hf.CoilError, "casing"),
    "far": (
        lambda: hf.optimize.Clearance(ball(), hf.figure_of_eight(), 11),
        hf.PoseError,
        "between 0 and 10",
    ),
    "a mirror": (lambda: clearance().excess(np.diag([1.0, 1, -1, 1])), hf.PoseError, "left-handed"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_arguments_are_named(case):
    make, error, message = BAD[case]
    with pytest.raises(error, match=message):
        make()
