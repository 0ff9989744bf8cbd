# SPDX-License-Identifier: BSD-3-Clause
"""Sums of tabulated fields over sources: right, with bits that depend on no other pose and no thread."""

import numpy as np
import pytest
from devices import native
from scipy.spatial.transform import Rotation

pytestmark = pytest.mark.usefixtures("each_device")
FIELDS = 24


def cubic(points, seed=0):
    """Values (…, 3, 24) at points (…, 3) of polynomials that are cubic along each axis."""
    rng = np.random.default_rng(seed)
    powers = points[..., None] ** np.arange(4)
    a, b, c = (powers[..., d, :] @ rng.normal(size=(4, 3 * FIELDS)) for d in range(3))
    return (a * b * c).reshape(*points.shape[:-1], 3, FIELDS)


def table(origin, step, shape, good=None, factor=1.0):
    axes = [origin[d] + step * np.arange(shape[d]) for d in range(3)]
    values = factor * cubic(np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1))
    cells = np.ones(np.array(shape) - 1, np.uint8) if good is None else good
    return tuple(origin), step, values.astype(np.float32), cells


def coil(n=300, k=5, seed=1):
    """Points and vectors of sources around the origin of a coil, and poses near the middle of tables."""
    rng = np.random.default_rng(seed)
    points, vectors = rng.uniform(-0.2, 0.2, (n, 3)), rng.normal(size=(n, 3))
    poses = np.tile(np.eye(4), (k, 1, 1))
    poses[:, :3, :3] = Rotation.random(k, random_state=seed).as_matrix()
    poses[:, :3, 3] = rng.uniform(-0.1, 0.1, (k, 3))
    return points, vectors, poses


def plain(points, vectors, poses):
    placed = np.einsum("kij,qj->kqi", poses[:, :3, :3], points) + poses[:, None, :3, 3]
    turned = np.einsum("kij,qj->kqi", poses[:, :3, :3], vectors)
    return np.einsum("kqdc,kqd->kc", cubic(placed), turned)


def test_cubic_fields_are_summed_as_they_are():
    points, vectors, poses = coil()
    found = native.table_sums([table([-1, -1, -1], 0.1, (21, 22, 23))], points, vectors, poses)
    exact = plain(points, vectors, poses)
    assert found.shape == (len(poses), FIELDS)
    assert np.abs(found - exact).max() < 3e-6 * np.abs(exact).max()


def test_the_first_table_that_is_good_counts():
    points, vectors, poses = coil()
    good = np.zeros((20, 20, 20), np.uint8)
    good[10:] = 1  # where x > 0 the first is good: it has twice the field
    first = table([-1, -1, -1], 0.1, (21, 21, 21), good, factor=2.0)
    second = table([-1, -1, -1], 0.125, (17, 17, 17))
    found = native.table_sums([first, second], points, vectors, poses)
    for i, pose in enumerate(poses):
        ahead = points @ pose[0, :3] + pose[0, 3] > 0
        exact = sum(
            share * plain(points[some], vectors[some], poses[i : i + 1])[0]
            for share, some in ((2.0, ahead), (1.0, ~ahead))
        )
        assert np.abs(found[i] - exact).max() < 3e-6 * np.abs(exact).max()


def test_sources_beyond_the_tables_are_not_a_number():
    points, vectors, poses = coil()
    poses[2, 0, 3] = 0.9
    every = [table([-1, -1, -1], 0.1, (21, 21, 21))]
    found = native.table_sums(every, points, vectors, poses)
    assert np.isnan(found).all(axis=1).tolist() == [False, False, True, False, False]
    assert not np.isnan(np.delete(found, 2, axis=0)).any()
    assert np.isnan(native.table_sums([], points, vectors, poses)).all()
    poses[0, 0, 3] = np.nan
    assert np.isnan(native.table_sums(every, points, vectors, poses)[0]).all()
    assert not native.table_sums(every, points[:0], vectors[:0], poses).any()


def test_bits_depend_on_no_other_pose_and_no_thread():
    points, vectors, poses = coil(n=1000, k=7)
    tables, most = [table([-1, -1, -1], 0.1, (21, 21, 21))], native.max_threads()
    whole = native.table_sums(tables, points, vectors, poses)
    try:
        for threads in (1, 4):
            native.set_threads(threads)
            for i in range(len(poses)):
                one = native.table_sums(tables, points, vectors, poses[i : i + 1])
                np.testing.assert_array_equal(one[0], whole[i])
    finally:
        native.set_threads(most)


def test_damaged_tables_are_refused():
    points, vectors, poses = coil()
    origin, step, values, good = table([-1, -1, -1], 0.1, (5, 6, 7))
    for bad in ((origin, 0.0, values, good), (origin, step, values[..., :8].copy(), good)):
        with pytest.raises(ValueError, match=r"step|values"):
            native.table_sums([bad], points, vectors, poses)
    with pytest.raises(ValueError, match="good"):
        native.table_sums([(origin, step, values, good[1:])], points, vectors, poses)
