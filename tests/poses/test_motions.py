# SPDX-License-Identifier: BSD-3-Clause
"""Motions of coils: against the series of the exponential, and against differences."""

import numpy as np
import pytest

import headfield as hf
from headfield.poses.motions import along_motions, motions_between, moved, right_jacobians, rotations

RNG = np.random.default_rng(5)


def some(k=6, mm=20.0, rad=0.8):
    return np.concatenate([RNG.normal(size=(k, 3)) * mm, RNG.normal(size=(k, 3)) * rad], axis=1)


def cross(v):
    return np.array([[0, -v[2], v[1]], [v[2], 0, -v[0]], [-v[1], v[0], 0]])


@pytest.mark.parametrize("size", [1e-9, 5e-4, 2e-3, 0.1, 2.0])
def test_rotations_are_the_exponential(size):
    v = size * np.array([0.6, -0.64, 0.48])
    series, term = np.eye(3), np.eye(3)
    for n in range(1, 40):
        term = term @ cross(v) / n
        series = series + term
    np.testing.assert_allclose(rotations(v[None])[0], series, atol=4e-16, rtol=1e-14)


@pytest.mark.parametrize("size", [1e-9, 5e-4, 2e-3, 0.3, 2.5])
def test_jacobians_are_those_of_rotations(size):
    v = size * np.array([[0.6, -0.64, 0.48]])
    found, step = right_jacobians(v)[0], 1e-5
    for i in range(3):
        more, less = (rotations(v + s * step * np.eye(3)[i])[0] for s in (1, -1))
        turn = rotations(v)[0].T @ (more - less) / (2 * step)
        np.testing.assert_allclose(found[:, i], [turn[2, 1], turn[0, 2], turn[1, 0]], atol=1e-9)


def test_motions_are_found_again():
    start = hf.nearest_rotation(moved(np.tile(np.eye(4), (6, 1, 1)), some()))
    motions = some(rad=0.6)
    ends = moved(start, motions)
    hf.check_poses(ends)
    np.testing.assert_allclose(motions_between(start, ends), motions, atol=1e-12)
    np.testing.assert_array_equal(motions_between(start, start).round(12), 0.0)


def test_axes_stay_orthonormal():
    pose = np.eye(4)[None]
    for motion in some(200):
        pose = moved(pose, motion[None])
    off = pose[0, :3, :3].T @ pose[0, :3, :3] - np.eye(3)
    assert np.abs(off).max() < 1e-14


def test_gradients_with_respect_to_motions():
    """Of a function that knows nothing of motions: a sum over the entries of the pose."""
    poses, motions, weights = moved(np.tile(np.eye(4), (6, 1, 1)), some()), some(), RNG.normal(size=(3, 4))

    def function(where):
        return (np.sin(where[:, :3] * [1, 1, 1, 0.05]) * weights).sum(axis=(1, 2))

    def differences(at):
        slopes = []
        for i in range(6):
            step = 1e-5 * np.eye(6)[i]
            slopes.append((function(moved(poses, at + step)) - function(moved(poses, at - step))) / 2e-5)
        return np.stack(slopes, axis=1)

    ends = moved(poses, motions)
    local = np.stack(
        [
            (function(moved(ends, s)) - function(moved(ends, -s))) / 2e-5
            for s in 1e-5 * np.tile(np.eye(6)[:, None], (1, 6, 1))
        ],
        axis=1,
    )
    np.testing.assert_allclose(along_motions(local, motions), differences(motions), atol=1e-8)
