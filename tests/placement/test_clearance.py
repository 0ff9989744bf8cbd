# SPDX-License-Identifier: BSD-3-Clause
"""How far casings are from the skin, how deep they cut, and moving them clear."""

import re
from types import SimpleNamespace

import numpy as np
import pytest
from given.surfaces import block, box, directions, hull, over, plate, rigid
from hypothesis import given, settings
from hypothesis import strategies as st

from headfield import (
    Casing,
    Coil,
    casing_distance,
    figure_of_eight,
    read_casing,
    read_coil,
    retreat,
    sphere_mesh,
)
from headfield.errors import CoilError, MeshError, PoseError
from headfield.geometry.surface import Surface
from headfield.geometry.triangles import pair_distances, point_distances
from headfield.heads.mesh import TetMesh
from headfield.heads.skin import skin
from headfield.placement.clearance import Shell

SEEDS = st.integers(0, 2**32 - 1)
INF = np.full(1, np.inf)


# Two triangles


def sampled(triangle, n=24):
    u, v = np.meshgrid(np.arange(n + 1) / n, np.arange(n + 1) / n)
    weights = np.stack([u, v, 1 - u - v])[:, u + v <= 1 + 1e-12]
    return weights.T @ triangle


@given(SEEDS)
@settings(max_examples=60, deadline=None)
def test_the_distance_of_two_triangles_is_that_of_their_points(seed):
    rng = np.random.default_rng(seed)
    first, second = rng.normal(size=(2, 3, 3))
    second += rng.normal(size=3) * rng.uniform(0, 2)
    (distance,), (depth,) = pair_distances(first[None], second[None], INF)
    a, b = sampled(first), sampled(second)
    least = np.linalg.norm(a[:, None] - b, axis=2).min()
    assert distance <= least + 1e-12
    assert distance >= least - 0.3  # 1/24 of edges of some 3
    if depth > 0:
        assert distance == 0
        assert least < 0.3
    (swapped,), (same,) = pair_distances(second[None], first[None], INF)
    assert (swapped, same) == pytest.approx((distance, depth), abs=1e-12)


@given(SEEDS)
@settings(max_examples=60, deadline=None)
def test_triangles_cross_if_and_only_if_both_sides_are_reached(seed):
    """An edge through a point of a triangle crosses it; shortened to one side of the plane it does not."""
    rng = np.random.default_rng(seed)
    triangle = rng.normal(size=(3, 3))
    through = rng.dirichlet([2, 2, 2]) @ triangle
    normal = np.cross(triangle[1] - triangle[0], triangle[2] - triangle[0])
    normal /= np.linalg.norm(normal)
    up = through + 0.5 * normal + rng.normal(size=3) * 0.02
    down = through - (up - through) * 0.4
    third = up + 0.1 * rng.normal(size=3)
    (distance,), (depth,) = pair_distances(triangle[None], np.stack([up, down, third])[None], INF)
    assert distance == 0
    assert 0 < depth <= 0.7
    above = np.stack([up, through + 0.2 * (up - through), third])
    lift = max(0.0, -((above - through) @ normal).min()) + 0.01
    (distance,), (depth,) = pair_distances(triangle[None], above[None] + lift * normal, INF)
    assert depth == 0
    assert distance > 0


def test_triangles_that_touch_or_lie_in_a_plane():
    first = np.array([[0, 0, 0], [4, 0, 0], [0, 4, 0.0]])
    for second, expected in [
        ([[1, 1, 0], [1, 1, 5], [2, 1, 5]], 0),  # a corner on the inside
        ([[4, 0, 0], [8, 0, 0], [8, 4, 3]], 0),  # a shared corner
        ([[1, 1, 0], [9, 1, 0], [1, 9, 0]], 0),  # overlapping in the plane
        ([[5, 0, 0], [9, 0, 0], [5, 4, 0]], 1),  # beside it in the plane
        ([[0, 0, 2], [4, 0, 2], [0, 4, 2]], 2),  # parallel
        ([[-1, 1, 3], [5, 1, 3], [2, -9, 9]], 3),  # an edge over the inside
        ([[2, 3, 0.5]] * 3, 0.5**0.5 * 1),  # a point
    ]:
        (distance,), (depth,) = pair_distances(first[None], np.array([second], float), INF)
        assert depth == 0
        if len({tuple(corner) for corner in second}) > 1:
            assert distance == pytest.approx(expected, abs=1e-12)
        else:
            assert distance == point_distances(first[None], np.array(second[:1], float))[0]


# Casings


@pytest.fixture(scope="module")
def ball():
    return hull(90 * directions(600))


def test_a_plate_over_a_ball(ball):
    heights = np.array([90.0, 95, 120, 300])
    poses = np.stack([over(h) for h in heights])
    np.testing.assert_allclose(
        casing_distance(ball, plate(60), poses), heights - ball.nodes_mm[:, 2].max(), atol=1e-9
    )
    assert casing_distance(ball, plate(60), poses[1]).shape == (1,)


def test_a_plate_that_cuts_a_ball(ball):
    """Its corners are outside; the middle, where the triangles are subdivided, is the deepest."""
    depth = -casing_distance(ball, plate(100), np.stack([over(89), over(80), over(20)]))
    top = ball.nodes_mm[:, 2].max()
    np.testing.assert_allclose(depth, [top - 89, top - 80, top - 20], atol=1.5)
    assert (depth > 0).all()


def test_a_casing_inside_the_head_is_as_deep_as_its_deepest_corner(ball):
    small = plate(2.5)  # too small to be subdivided
    poses = np.stack([over(60), over(0), over(-60)])
    corners = np.einsum("kij,pj->kpi", poses[:, :3, :3], small.points_mm) + poses[:, None, :3, 3]
    expected = np.stack([ball.closest(c).distance_mm for c in corners]).max(axis=1)
    np.testing.assert_allclose(casing_distance(ball, small, poses), -expected, atol=1e-12)


def test_a_spike_of_the_head_through_a_casing_without_a_corner_inside():
    spike = hull([[-0.3, -0.2, 5], [0.3, -0.2, 5], [0, 0.3, 5], [0, 0, -4]])
    triangle = Casing([[-3, -3, 0], [3, -3, 0], [0, 3, 0]], [[0, 1, 2]])  # too small to be subdivided
    poses = np.stack([np.eye(4)] * 3)
    poses[:, 2, 3] = [0, -3, -6]
    distance = casing_distance(spike, triangle, poses)
    assert -5 < distance[0] < distance[1] < 0
    assert distance[2] == pytest.approx(2, abs=1e-12)


def brute_force(casing, poses, head):
    """All pairs of triangles, all corners."""
    result = []
    for pose in poses:
        first = Shell.of(casing)._triangles @ pose[:3, :3].T + pose[:3, 3]
        corners = first.reshape(-1, 3)
        inside = head.inside(corners)
        if inside.any():
            result.append(-np.abs(head.signed_distance(corners[inside])).max())
            continue
        i, j = np.divmod(np.arange(len(first) * len(head.faces)), len(head.faces))
        distance, depth = pair_distances(first[i], head.triangles[j], np.full(len(i), np.inf))
        result.append(distance.min() - depth.max())
    return np.array(result)


@given(SEEDS)
@settings(max_examples=25, deadline=None)
def test_the_pruned_distance_is_that_of_all_pairs(seed):
    rng = np.random.default_rng(seed)
    head = hull(rng.normal(size=(60, 3)) * [20, 25, 30])
    corners = rng.uniform(-1, 1, (30, 1, 3)) * [30, 20, 4] + rng.normal(size=(30, 3, 3)) * 5
    casing = SimpleNamespace(points_mm=corners.reshape(-1, 3), faces=np.arange(90).reshape(-1, 3))
    poses = rigid(seed, 6, 60.0)
    poses[3:, :3, :3] *= 1.0002  # passes as rigid
    np.testing.assert_allclose(
        casing_distance(head, casing, poses), brute_force(casing, poses, head), atol=1e-9
    )


def test_distances_of_many_poses_do_not_depend_on_each_other(ball):
    casing = block([-40, -20, -15], [40, 20, 0])
    poses = rigid(5, 40, 130.0)
    together = casing_distance(ball, casing, poses)
    assert (together > 0).any()
    assert (together < 0).any()
    np.testing.assert_allclose(
        together, [casing_distance(ball, casing, pose)[0] for pose in poses], atol=1e-12
    )


@given(SEEDS, st.floats(0.1, 60))
@settings(max_examples=25, deadline=None)
def test_head_and_coil_moved_as_one_and_the_coil_moved_alone(seed, way):
    head = box([-50, -60, -70], [50, 60, 70])
    casing = block([-40, -20, -15], [40, 20, 0])
    pose, motion, aside = rigid(seed, 3, 110.0)
    distance = casing_distance(head, casing, pose)
    turned = Surface(head.nodes_mm @ motion[:3, :3].T + motion[:3, 3], head.faces)
    again = casing_distance(turned, casing, motion @ pose)
    np.testing.assert_allclose(again, distance, atol=1e-9)
    moved = pose.copy()
    moved[:3, 3] += way * aside[:3, 0]
    if distance > 0 and casing_distance(head, casing, moved) > 0:
        assert abs(casing_distance(head, casing, moved) - distance) <= way + 1e-9


def test_two_boxes_apart_in_closed_form():
    head, casing = box([-50, -60, -70], [50, 60, 70]), block([-40, -20, -15], [40, 20, 0])
    turned = over(80)  # the casing is then at z from 80 to 95
    beside = over(90, x=100)  # and here its edge at x = 60, z = 90 is next to the head's at x = 50, z = 70
    np.testing.assert_allclose(
        casing_distance(head, casing, np.stack([turned, beside])), [10, np.hypot(10, 20)], atol=1e-9
    )
    assert casing_distance(head, casing, over(70))[0] == pytest.approx(0, abs=1e-12)


def test_a_coil_stands_for_its_casing_and_needs_one(ball):
    coil = SimpleNamespace(name="", casing=plate(30))
    assert casing_distance(ball, coil, over(100)) == casing_distance(ball, plate(30), over(100))
    bare = Coil([[0, 0, -5]], [[0, 0, 1]], name="bare")
    with pytest.raises(CoilError, match="'bare' has no casing: give it one"):
        casing_distance(ball, bare, over(100))
    for nothing in (None, 3, ball.triangles):
        with pytest.raises(CoilError, match="casing"):
            casing_distance(ball, nothing, over(100))
    with pytest.raises(CoilError, match="casing faces must be indices of its 4 points"):
        casing_distance(ball, SimpleNamespace(points_mm=np.zeros((4, 3)), faces=[[0, 1, 4]]), over(100))
    with pytest.raises(PoseError, match="left-handed"):
        casing_distance(ball, plate(30), np.diag([1, 1, -1, 1]))


def test_the_sample_coil_at_the_sample_poses(shared_data):
    casing = read_casing(shared_data / "coils" / "MagStim_D70.stl")
    coil = read_coil(shared_data / "coils" / "MagStim_D70.ccd")
    inside = Surface(casing.points_mm, casing.faces).inside(coil.dipole_positions_mm)
    assert inside.mean() > 0.85  # the file is in the coil frame, and rounder than the coil of the other one
    head = np.load(shared_data / "head_small.npz")
    surface = skin(TetMesh(head["nodes"], head["tets"]))
    poses = np.load(shared_data / "poses.npy")[::25]
    distance = casing_distance(surface, casing, poses)
    assert distance.min() > 2
    inward = poses.copy()
    inward[:, :3, 3] += 12 * poses[:, :3, 2]
    assert (casing_distance(surface, casing, inward) < -3).all()


# Moving out


@given(SEEDS, st.floats(0, 20))
@settings(max_examples=8, deadline=None)
def test_a_coil_moves_out_just_as_far_as_is_asked(seed, clear):
    rng = np.random.default_rng(seed)
    head = hull(rng.normal(size=(80, 3)) * 40)
    casing = block([-40, -20, -15], [40, 20, 0])
    pose = rigid(seed)[0]
    pose[:3, 3] = -pose[:3, 2] * rng.uniform(40, 120)  # nearer, the middle of some heads is behind it
    moved = retreat(head, casing, pose, clear)
    before, after = casing_distance(head, casing, np.stack([pose, moved]))
    assert after >= clear - 1e-9
    if before >= clear:
        np.testing.assert_array_equal(moved, pose)
    else:
        assert after <= clear + 2e-6
    way = pose[:3, 3] - moved[:3, 3]
    np.testing.assert_allclose(way, (way @ pose[:3, 2]) * pose[:3, 2], atol=1e-9)
    np.testing.assert_array_equal(moved[:, :3], pose[:, :3])


def test_poses_move_out_one_by_one(ball):
    poses = np.stack([over(200), over(60), over(90)])
    moved = retreat(ball, plate(50), poses, 3)
    assert moved.shape == (3, 4, 4)
    np.testing.assert_array_equal(moved[0], poses[0])
    np.testing.assert_allclose(moved[1:, 2, 3], ball.nodes_mm[:, 2].max() + 3, atol=1e-6)


def test_along_a_wall_to_its_end():
    wall, beside = box([-50, -60, -70], [50, 60, 70]), block([52, -10, -5], [60, 10, 0])
    pose = np.diag([1.0, -1.0, -1.0, 1.0])
    distance = casing_distance(wall, beside, pose)
    assert distance[0] == pytest.approx(2)
    moved = retreat(wall, beside, pose, 3)
    assert moved[2, 3] == pytest.approx(70 + 5**0.5, abs=1e-5)  # 2 mm beside and √5 above its edge


def test_no_way_out_and_no_clearance(ball):
    behind = plate(50, z=400)  # beyond the head: moving out takes it through
    with pytest.raises(PoseError, match=r"pose 1 of 2: the casing does not get 50 mm clear .* within 300 mm"):
        retreat(ball, behind, np.stack([over(800), over(290)]), 50)
    for bad in (-1, np.nan, 101, None, "1"):
        with pytest.raises(PoseError, match="clear_mm"):
            retreat(ball, plate(50), over(90), bad)


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        (lambda head, coil, pose: casing_distance(coil, pose, head), "casing_distance(mesh, casing, poses)"),
        (lambda head, coil, pose: casing_distance(pose, coil, head), "casing_distance(mesh, casing, poses)"),
        (lambda head, coil, pose: retreat(pose, coil, head, 2.0), "retreat(mesh, casing, poses, clear_mm)"),
        (lambda head, coil, pose: retreat(coil, pose, head, 2.0), "retreat(mesh, casing, poses, clear_mm)"),
    ],
    ids=["distance from casing", "distance from poses", "retreat of poses", "retreat of casing"],
)
def test_arguments_in_another_order_are_refused_with_the_right_one(ball, call, expected):
    for coil in (figure_of_eight(), plate(30)):
        for head in (ball, sphere_mesh(radii_mm=[90], tags=[5], edge_mm=30)):
            with pytest.raises(MeshError, match=re.escape(expected + ": the head comes first")):
                call(head, coil, over(100))


def test_arguments_may_come_by_name(ball):
    expected = casing_distance(ball, plate(30), over(100))
    assert casing_distance(casing=plate(30), poses=over(100), mesh=ball) == expected
    moved = retreat(poses=over(90), casing=plate(30), mesh=ball, clear_mm=2.0)
    np.testing.assert_array_equal(moved, retreat(ball, plate(30), over(90), 2.0))
