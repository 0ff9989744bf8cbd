# SPDX-License-Identifier: BSD-3-Clause
"""The tabulated primary field: its error against the direct sum is measured, stated, and kept."""

import functools

import numpy as np
import pytest
from given import p1
from given.heads import emulated
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from headfield import (
    Coil,
    CoilElement,
    Dipoles,
    Segments,
    Stimulator,
    circular_coil,
    figure_of_eight,
    spiral_path,
    wire_coil,
)
from headfield.coils.potential import Primary
from headfield.coils.tree_sums import TREE_ERROR
from headfield.core.device import select

pytestmark = pytest.mark.usefixtures("each_device", "nothing_kept")

RATE = 1e6  # A/s
REACH = 0.11  # a little further than `points_below`


def scale():
    """Of windings: where a GPU is emulated the table of a whole coil would take half a minute."""
    return 0.3 if emulated(select("auto").name) else 1.0


def small_coil(seed=0):
    rng, s = np.random.default_rng(seed), scale()
    positions = rng.uniform([-60 * s, -30 * s, -12], [60 * s, 30 * s, -3], (60, 3))
    return Coil(positions, rng.normal(size=(60, 3)) * 1e-3)


def eight():
    return figure_of_eight(inner_radius_mm=28.0 * scale(), outer_radius_mm=43.5 * scale(), spacing_mm=9.0)


def circular():
    return circular_coil(inner_radius_mm=27.0 * scale(), outer_radius_mm=62.0 * scale(), spacing_mm=9.0)


COILS = {
    "figure of eight": eight,
    "circular": circular,
    "random": small_coil,
    "one dipole": lambda: Coil([[0, 0, -5]], [[0.2, 0.1, 1.0]]),
    "far dipoles": lambda: Coil([[0, 0, -400], [300, 0, 0]], [[0, 0, 1], [1, 0, 0]]),
}


def build(coil, bound):
    return Primary.build(coil, REACH, bound, select("auto"))


@functools.cache
def built(name, bound):
    return build(COILS[name](), bound)


def sampled(primary, nodes, poses, width=None):
    device = select("auto")
    out = device.put(np.full((len(nodes), 3, width or len(poses)), np.nan, np.float32))
    primary.sample(device.put(nodes), poses, np.full((len(poses), 1), RATE), out)
    return device.get(out)


def direct(coil, nodes, pose):
    turn = pose[:3, :3]
    positions = (coil.dipole_positions_mm @ turn.T + pose[:3, 3]) * 1e-3
    return p1.dipole_rate(nodes, positions, coil.dipole_moments @ turn.T, RATE)


def points_below(n, seed=0):
    """Random points (m) of a half ball 4 mm to 10 cm below the casing: where heads are."""
    rng = np.random.default_rng(seed)
    return rng.uniform([-0.08, -0.08, 0.004], [0.08, 0.08, 0.1], (n, 3))


@pytest.mark.parametrize("bound", [1e-2, 1e-3, 1e-4])
@pytest.mark.parametrize("name", COILS)
def test_error_is_within_the_bound(name, bound):
    primary = built(name, bound)
    assert 0 <= primary.error <= bound
    points = points_below(4000)
    exact = direct(primary.coil, points, np.eye(4))
    error = np.linalg.norm(sampled(primary, points, np.eye(4)[None])[:, :, 0] - exact, axis=1)
    # `error` is relative to the size of A on the lattice that holds a point, here to that at its depth
    shells = np.digitize(points[:, 2], [0.01, 0.02, 0.04, 0.07])
    for shell in range(5):
        size = np.sqrt((exact[shells == shell] ** 2).sum(1).mean())
        assert error[shells == shell].max() <= 3 * bound * size
        assert np.sqrt((error[shells == shell] ** 2).mean()) <= bound * size


@pytest.mark.parametrize("reach", [0.1, 0.4])
def test_wire_is_tabulated_however_far_the_table_reaches(reach):
    """Far away A of a figure-8 is small, and the error relative to it: lattices have to keep off further."""
    if reach > 0.1 and scale() < 1.0:
        pytest.skip("a table that large takes a quarter of a minute in emulation")
    radii = 36.0 * scale(), 40.0 * scale()
    turns = [spiral_path(*radii, 1, centre_mm=(side, 0, -6)) for side in (45, -45)]
    coil = wire_coil(turns, turns=[1, -1], closed=True, max_segment_mm=4.0)
    primary = Primary.build(coil, reach, 1e-3, select("auto"))
    assert 0 < primary.error <= 1e-3
    points = points_below(1000)
    exact = RATE * coil.vector_potential(points * 1e3)
    assert p1.relative(sampled(primary, points, np.eye(4)[None])[:, :, 0], exact) < 1e-3


def test_a_tighter_bound_is_tighter():
    points = points_below(2000)
    exact = direct(COILS["figure of eight"](), points, np.eye(4))
    errors = [
        p1.relative(sampled(built("figure of eight", bound), points, np.eye(4)[None])[:, :, 0], exact)
        for bound in (1e-2, 1e-3, 1e-4)
    ]
    assert errors[0] > errors[1] > errors[2]


def test_no_bound_takes_the_direct_sum():
    primary = build(small_coil(), 0.0)
    assert primary.error == 0.0
    points, pose = points_below(300), np.eye(4)
    pose[:3, :3] = Rotation.from_rotvec([0.1, 0.2, -2.0]).as_matrix()
    pose[:3, 3] = [5.0, -10.0, -8.0]
    assert (
        p1.relative(sampled(primary, points, pose[None])[:, :, 0], direct(primary.coil, points, pose)) < 1e-7
    )


@given(st.integers(0, 2**32))
@settings(max_examples=15, deadline=None)
def test_any_pose_is_the_coil_turned_and_shifted(seed):
    rng = np.random.default_rng(seed)
    pose = np.eye(4)
    pose[:3, :3] = Rotation.random(rng=rng).as_matrix()
    pose[:3, 3] = rng.uniform(-200, 200, 3)  # mm
    in_coil = points_below(300, seed)
    nodes = in_coil @ pose[:3, :3].T + pose[:3, 3] * 1e-3
    primary = built("random", 1e-3)
    assert p1.relative(sampled(primary, nodes, pose[None])[:, :, 0], direct(primary.coil, nodes, pose)) < 1e-3


def test_near_the_wire_and_out_of_reach_the_sum_is_taken():
    primary = built("random", 1e-3)
    rng = np.random.default_rng(1)
    near = primary.coil.dipole_positions_mm * 1e-3 + rng.normal(size=(60, 3)) * 5e-4
    far = rng.normal(size=(100, 3))
    far *= 0.5 / np.linalg.norm(far, axis=1, keepdims=True)
    for points in (near, far):
        exact = direct(primary.coil, points, np.eye(4))
        error = np.linalg.norm(sampled(primary, points, np.eye(4)[None])[:, :, 0] - exact, axis=1)
        assert (error <= 1e-4 * np.linalg.norm(exact, axis=1).max()).all()


@pytest.mark.parametrize("bound", [0.0, 1e-3])
def test_width_order_and_neighbours_do_not_matter(bound):
    primary = built("random", bound) if bound else build(small_coil(), 0.0)
    rng = np.random.default_rng(2)
    poses = np.tile(np.eye(4), (7, 1, 1))
    poses[:, :3, :3] = Rotation.random(7, rng=rng).as_matrix()
    poses[:, :3, 3] = rng.uniform(-20, 20, (7, 3))
    points = points_below(200)
    together = sampled(primary, points, poses, 8)
    assert not together[:, :, 7].any(), "a column without a pose is zero"
    for k, pose in enumerate(poses):
        np.testing.assert_array_equal(sampled(primary, points, pose[None], 4)[:, :, 0], together[:, :, k])
    np.testing.assert_array_equal(sampled(primary, points, poses[::-1], 32)[:, :, :7], together[:, :, 6::-1])


def test_building_twice_by_other_threads_gives_the_same_bits():
    points, pose, native = points_below(500), np.eye(4)[None], select("auto").native
    before = native.max_threads()
    try:
        native.set_threads(3 if before == 1 else 1)
        again = build(COILS["random"](), 1e-3)
    finally:
        native.set_threads(before)
    assert again.error == built("random", 1e-3).error
    np.testing.assert_array_equal(sampled(again, points, pose), sampled(built("random", 1e-3), points, pose))


def test_poses_are_left_alone():
    pose = np.eye(4)[None] * 1.0
    pose[0, :3, 3] = [1, 2, 3]
    before = pose.copy()
    sampled(built("random", 1e-3), points_below(10), pose)
    np.testing.assert_array_equal(pose, before)


def wire_and_dipoles():
    """Of two stimulators: 2,400 pieces of wire, and 3,000 dipoles."""
    rng = np.random.default_rng(7)
    turn = np.linspace(0, 40 * np.pi, 2401)
    helix = np.stack([np.cos(turn) * 40, np.sin(turn) * 40, -5 - turn / 8], axis=1)
    wire = Segments(0.5 * (helix[1:] + helix[:-1]), np.diff(helix, axis=0))
    layer = Dipoles(rng.uniform([-60, -60, -30], [60, 60, -5], (3000, 3)), rng.normal(size=(3000, 3)) * 1e-6)
    return Coil(
        elements=[CoilElement(wire), CoilElement(layer, stimulator=1)], stimulators=[Stimulator()] * 2
    )


@pytest.mark.parametrize("coil", [eight, wire_and_dipoles])
def test_sums_by_a_tree_are_those_over_each_source(coil):
    """Within their bound, of A itself where a source is close; the same bits beside other nodes and poses."""
    summed, plain = build(coil(), "summed"), build(coil(), 0.0)
    assert (summed.error, plain.error) == (TREE_ERROR, 0.0)
    nodes, where = points_below(2000), turned()
    width = 4
    got, expected = rates_of(summed, nodes, where, width), rates_of(plain, nodes, where, width)
    assert (got[:, :, len(where) :] == 0.0).all()
    for c in range(len(where)):
        size = np.linalg.norm(expected[:, :, c].astype(float), axis=1)
        mean = np.sqrt((size**2).mean())
        off = np.linalg.norm(got[:, :, c].astype(float) - expected[:, :, c], axis=1)
        assert off.any()
        assert (off < TREE_ERROR * np.maximum(mean, size)).all()
        assert np.sqrt((off**2).mean()) < 0.2 * TREE_ERROR * mean
        some = rates_of(summed, nodes[c::7], where[[c]], 1, c)
        np.testing.assert_array_equal(some[:, :, 0], got[c::7, :, c])


def turned():
    """Three poses that keep the coil above the nodes."""
    where = np.tile(np.eye(4), (3, 1, 1))
    where[1, :3, :3] = Rotation.from_euler("z", 50, degrees=True).as_matrix()
    where[2, :3, 3] = [7.0, -3.0, 20.0]
    return where


def rates_of(primary, nodes, where, width, first=0):
    device = select("auto")
    out = device.put(np.full((len(nodes), 3, width), np.nan, np.float32))
    rates = np.array([[1e6, -3e5], [2e5, 1e6], [1e6, 1e6]])[
        first : first + len(where), : primary.coil.n_stimulators
    ]
    found = primary.sample(device.put(nodes), where, np.ascontiguousarray(rates), out)
    assert found == (0, primary.coil.n_stimulators * len(nodes) * len(where))
    return device.get(out)
