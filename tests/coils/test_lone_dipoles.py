# SPDX-License-Identifier: BSD-3-Clause
"""A coil of one dipole at many poses is summed side by side: the same ∂A/∂t as of a sum over sources."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from headfield import Coil
from headfield.coils.potential import Primary
from headfield.core.device import select

pytestmark = pytest.mark.usefixtures("each_device")


def placements(k, seed=0):
    poses = np.tile(np.eye(4), (k, 1, 1))
    poses[:, :3, :3] = Rotation.random(k, random_state=seed).as_matrix()
    poses[:, :3, 3] = np.random.default_rng(seed).uniform(-20, 20, (k, 3)) + [0, 0, 140]
    return poses


def sampled(coil, nodes_mm, poses, rates, width):
    device = select("auto")
    out = device.put(np.full((len(nodes_mm), 3, width), np.nan, np.float32))
    found = Primary.build(coil, 0.3, 0.0, device).sample(device.put(1e-3 * nodes_mm), poses, rates, out)
    return device.get(out), found


def test_each_column_is_the_potential_of_its_dipole():
    coil, poses = Coil([[1.0, 2.0, -3.0]], [[0.1, -0.4, 1.0]]), placements(5)
    nodes = np.random.default_rng(1).uniform(-90, 90, (2500, 3))
    rates = np.linspace(-1e6, 2e6, 5)[:, None]
    out, found = sampled(coil, nodes, poses, rates, 8)
    for column, pose in enumerate(poses):
        exact = rates[column, 0] * coil.vector_potential(nodes, pose)
        assert np.abs(out[:, :, column] - exact).max() <= 1e-6 * np.abs(exact).max()
    assert not out[:, :, 5:].any()
    assert found == (0, 0)


def test_nodes_close_to_a_dipole_are_counted():
    coil, poses = Coil([[0.0, 0.0, 0.0]], [[0.0, 0.0, 1.0]]), placements(2)
    nodes = np.concatenate([poses[1:, :3, 3], poses[1:, :3, 3] + [0, 0, 2.9], [[0.0, 0.0, 0.0]]])
    out, found = sampled(coil, nodes, poses, np.full((2, 1), 1e6), 2)
    assert found.summed == 2
    assert not np.isfinite(out[0, :, 1]).any()
    assert np.isfinite(out[1:]).all()
