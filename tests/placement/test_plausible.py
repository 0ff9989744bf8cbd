# SPDX-License-Identifier: BSD-3-Clause
"""Poses that can't be meant are said; those that can are not."""

import functools
import gc
import warnings

import numpy as np
import pytest

import headfield as hf
from headfield.placement.plausible import PlausiblePoses
from headfield.placement.reach import Reach


@functools.cache
def coil():
    return hf.figure_of_eight(spacing_mm=8.0)


@functools.cache
def mesh():
    return hf.sphere_mesh(radii_mm=[70, 80, 90], tags=[3, 4, 5], edge_mm=12)


def above(mm, turn=(1.0, -1.0, -1.0)):
    """The coil over the top of the sphere, its casing face so far from the scalp."""
    pose = np.diag([*turn, 1.0])
    pose[2, 3] = 90.0 + mm
    return pose


def said(poses, of=None):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        PlausiblePoses(mesh()).warn_of(of or coil(), np.array(poses))
    return [str(w.message) for w in caught]


def test_coils_on_the_scalp_are_plausible():
    grid = hf.scalp_grid(
        mesh(), [0, 0, 95], [0, 50, 95], radius_mm=40, spacing_mm=10, casing=coil(), clear_mm=2
    )
    assert not said(grid.poses)
    assert not said([above(0), above(4), above(200)])


def test_wire_inside_the_head_is_said():
    (message,) = said([above(4), above(-30), above(-50)])
    assert message == "2 of 3 poses, first pose 1, put the wire of the coil inside the head"
    wire = hf.wire_coil([[0, 0, 0], [20, 0, 0], [0, 20, 0]], closed=True)
    assert said([above(-40)], wire)


def test_a_coil_far_away_is_said():
    (message,) = said([above(4), above(310)])
    assert (
        message == "1 of 2 poses, first pose 1, put the coil more than 300 mm from the head: are they in mm?"
    )


def test_a_coil_that_looks_away_is_said():
    (message,) = said([above(30), above(30, (1, 1, 1))])
    assert message.startswith("1 of 2 poses, first pose 1, turn the back of the coil to the head")


def test_inside_is_inside_the_scalp():
    points = np.random.default_rng(0).normal(size=(4000, 3)) * 60
    inside = PlausiblePoses(mesh()).inside(points)
    radius = np.linalg.norm(points, axis=1)
    assert inside[radius < 50].all()
    assert not inside[radius > 90].any()


def test_a_solve_says_so():
    model = hf.HeadModel(mesh())
    with pytest.warns(UserWarning, match="inside the head") as caught:
        model.solve(coil(), above(-40))
    assert caught[0].filename == __file__
    with pytest.warns(UserWarning, match="back of the coil"):
        next(model.iter_solve(coil(), above(30, (1, 1, 1))))


# The bounds that settle most poses, against a look at each source of each pose.


def coils():
    """Coils of several shapes: flat, of bent wings, of wire in front of its plane, of parts, of one point."""
    wing = hf.Dipoles([[60, 0, -5.0], [70, 5, -5], [66, -9, -5]], np.eye(3))
    parts = [wing, hf.Dipoles([[0, 0, -90.0]], np.ones((1, 3)))]
    cap = hf.spiral_path(70, 90, 4, height_mm=40.0)
    return {
        "flat": coil(),
        "bent": hf.bent_figure_of_eight(angle_deg=120, spacing_mm=8.0),
        "cap": hf.wire_coil(cap, closed=False, max_segment_mm=None),
        "parts": hf.Coil(elements=[hf.CoilElement(part) for part in parts]),
        "one": hf.Coil([[0, 0, -5.0]], [[0, 0, 1.0]]),
    }


def some_poses(k, seed):
    """Poses around the head: near and far, along the scalp and in any direction."""
    random = np.random.default_rng(seed)
    poses = np.tile(np.eye(4), (k, 1, 1))
    poses[:, :3, :3] = np.linalg.qr(random.normal(size=(k, 3, 3)))[0]
    poses[:, :3, 0] *= np.linalg.det(poses[:, :3, :3])[:, None]
    inward = -poses[:, :3, 2]
    inward[::4] = random.normal(size=inward[::4].shape)
    inward /= np.linalg.norm(inward, axis=1)[:, None]
    poses[:, :3, 3] = inward * random.uniform(20, 160, (k, 1))
    return poses


def one_by_one(check, coil, poses):
    """Whether poses put a source well inside the head: each source held against voxels and skin."""
    points = coil.sources().points_mm
    points = points[:: max(1, len(points) // 500)]
    interior = check._interior
    skin = hf.skin(mesh())
    bad = np.zeros(len(poses), bool)
    for i, pose in enumerate(poses):
        placed = points @ pose[:3, :3].T + pose[:3, 3]
        index = np.floor((placed - interior.low) / interior.step).astype(int)
        within = ((index >= 0) & (index < interior.voxels.shape)).all(axis=1)
        placed, index = placed[within], index[within]
        deep = interior.voxels[tuple(index.T)]
        bad[i] = skin.inside(placed[deep]).any()
    return bad


@pytest.mark.parametrize("name", coils())
def test_the_count_is_that_of_a_look_at_each_pose(name, monkeypatch):
    coil, poses = coils()[name], some_poses(700, 5)
    monkeypatch.setattr("headfield.placement.plausible._POSES", 300)  # several parts
    monkeypatch.setattr("headfield.placement.plausible._POINTS", 5000)
    expected = one_by_one(PlausiblePoses(mesh()), coil, poses)
    assert 20 < expected.sum() < 600
    first = f"{expected.sum()} of 700 poses, first pose {expected.argmax()}, put the wire"
    assert any(message.startswith(first) for message in said(poses, coil))
    assert not any("put the wire" in message for message in said(poses[~expected], coil))


def ellipsoid():
    """A head of three different widths, beside the origin."""
    ball = mesh()
    return hf.TetMesh(ball.nodes_mm * [0.8, 1.2, 1.0] + [15.0, -10, 20], ball.tets, ball.tags)


@pytest.mark.parametrize("name", coils())
@pytest.mark.parametrize("head", [mesh, ellipsoid])
def test_what_is_said_of_a_pose_is_what_is_said_of_it_among_many(head, name):
    """Few poses are first held against an ellipsoid, many never: both say the same."""
    coil, poses = coils()[name], some_poses(300, 8)
    poses[::10, :3, 3] *= 4.0  # some are far
    check = PlausiblePoses(head())

    def verdicts(some):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            check.warn_of(coil, some)
        return [str(w.message).split(", ", 2)[2] for w in caught]  # without how many, and which first

    front = check._wire_of(coil).front.height.item()
    settled = [check._none_in_doubt(front, pose[None]) for pose in poses]
    assert 20 < sum(settled) < 280
    for pose, beyond_doubt in zip(poses, settled, strict=True):
        among_many = verdicts(np.stack([pose] * 20))
        assert verdicts(pose[None]) == among_many
        assert not (beyond_doubt and among_many)


def test_a_coil_of_samples_has_no_wire_that_is_known():
    grid = hf.SampledPotential(np.full((3, 3, 3, 3), 1e-7), np.diag([9.0, 9, 9, 1]))
    assert not said([above(4), above(-50)], hf.Coil(elements=[hf.CoilElement(grid)]))


def test_coils_that_are_gone_are_forgotten():
    check = PlausiblePoses(mesh())
    for _ in range(3):
        check.warn_of(hf.circular_coil(), above(4)[None])
    gc.collect()
    assert not check._looked_at


@pytest.mark.parametrize(("kind", "slack"), [("round", 0.02), ("a few points", 0.18)])
@pytest.mark.parametrize("seed", range(3))
def test_the_reach_of_a_body_is_a_bound_and_a_near_one(seed, kind, slack):
    random = np.random.default_rng(seed)
    points = random.normal(size=(4000 if kind == "round" else 6, 3))
    if kind == "round":
        points *= 80.0 / np.linalg.norm(points, axis=1)[:, None]
    else:
        points *= random.uniform(1, 100, 3)
    radius = np.linalg.norm(points, axis=1).max()
    points += random.uniform(-200, 200, 3)
    corners = [[1, 1, 0], [1, -1, 1]]  # of the cube that directions are sorted into
    directions = np.concatenate([random.normal(size=(2000, 3)), np.eye(3), -np.eye(3), corners])
    bound = Reach(points).least_along(directions)
    exact = (points @ directions.T).min(axis=0)
    assert (bound <= exact).all()
    assert (bound >= exact - slack * radius * np.linalg.norm(directions, axis=1) - 1e-5).all()
    assert np.isposinf(Reach(points[:0]).least_along(directions)).all()


def test_the_reach_of_voxels_is_that_of_all_their_corners():
    filled = np.zeros((9, 8, 7), bool)
    filled[1:-1, 1:-1, 1:-1] = np.random.default_rng(1).random((7, 6, 5)) < 0.3
    low, step = np.array([-10.0, 5.0, 3.0]), 4.0
    ends = np.array(list(np.ndindex(2, 2, 2)))
    every = low + step * (np.argwhere(filled)[:, None] + ends).reshape(-1, 3)
    directions = np.random.default_rng(2).normal(size=(500, 3))
    expected = Reach(every).least_along(directions)
    np.testing.assert_allclose(
        Reach.of_voxels(filled, low, step).least_along(directions), expected, atol=1e-9
    )
