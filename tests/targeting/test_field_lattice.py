# SPDX-License-Identifier: BSD-3-Clause
"""Lattices of a reciprocal field hold what they are made for, wherever that is."""

import functools

import numpy as np
from given import targets
from hypothesis import given, settings
from hypothesis import strategies as st

from headfield.core.device import select
from headfield.poses.pose import turns
from headfield.targeting.lattice import FieldLattice, grids_of, sampled, tabulated
from headfield.targeting.reciprocity import ReciprocalField


@functools.cache
def field():
    share = targets.knob().weights / targets.knob().weights.sum()
    return ReciprocalField(targets.model(), targets.knob(), share[None, :, None] * [0.0, 1.0, 0.0])


@given(st.integers(1, 32), st.floats(5.0, 150.0), st.integers(0, 2**32))
@settings(max_examples=25, deadline=None)
def test_each_point_that_they_are_made_for_is_found(k, reach_mm, seed):
    """Near the head, far from it, in it, and partly so: a coarse lattice has to span the fine one."""
    rng = np.random.default_rng(seed)
    points = rng.uniform(-reach_mm, reach_mm, (100, 3))
    poses = turns(rng.uniform(0.0, 360.0, k))
    poses[:, :3, 3] = rng.uniform(-150.0, 150.0, 3) + rng.uniform(-40.0, 40.0, (k, 3))
    device = select("cpu")
    tables = tabulated(field(), points, poses, wire=False, spacing_mm=4.0, margin_mm=4.0)
    _, beyond = sampled(grids_of(tables, device), device, points, poses)
    assert beyond == 0


def test_poses_beyond_are_found_all_the_same():
    points = np.array([[0.0, 0.0, -5.0], [30.0, 0.0, -5.0]])
    poses = targets.scattered(2)
    lattice = FieldLattice(field(), points, poses[:1], select("cpu"), wire=False)
    far = poses.copy()
    far[:, :3, 3] -= 60.0 * far[:, :3, 2]
    there = lattice.sample(points, far)[0, :, :2].reshape(2, 3, 2)
    for i, pose in enumerate(far):
        exact = field().magnetic_field(points @ pose[:3, :3].T + pose[:3, 3])[0] @ pose[:3, :3]
        np.testing.assert_allclose(there[:, :, i], exact, atol=2e-3 * np.abs(exact).max())
