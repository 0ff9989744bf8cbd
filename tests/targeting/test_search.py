# SPDX-License-Identifier: BSD-3-Clause
"""A search finds what brute force by full solves finds, within what it is told to look at."""

import functools

import numpy as np
import pytest
from given.targets import CENTRE_MM, DIDT, SMALL, coil, head, knob, model

import headfield as hf
from headfield.placement.positions import scalp_positions
from headfield.placement.scalp import Scalp
from headfield.placement.sites import tangential_poses
from headfield.poses.pose import tilts, turns
from headfield.targeting.outputs import region_of
from headfield.targeting.robustness import smeared

OTHER_MM = (-10.0, -30.0, 66.0)
BRUTE_MM, BRUTE_SPACING_MM, BRUTE_DEG = 8.0, 4.0, 10.0


@functools.cache
def other():
    return hf.regions.sphere(head(), OTHER_MM, 12, 2)


TARGETS = {
    "component": lambda: hf.Target(knob(), [0.3, 0.9, -0.2]),
    "mean |E|": lambda: hf.Target(knob()),
    "|mean E|": lambda: hf.Target(knob(), of_mean=True),
    "contrast": lambda: hf.Target(knob()) - 0.7 * hf.Target(other()),
    "exponent": lambda: hf.Target(knob(), exponent=8.0),
}


@functools.cache
def brute_fields():
    """E in both regions at all positions and angles of a fine grid, full solves of coils off the scalp."""
    sites = scalp_positions(Scalp(model().scalp, 10.0), CENTRE_MM, BRUTE_MM, BRUTE_SPACING_MM)
    base = tangential_poses(sites, 4.0)
    poses = (base[:, None] @ turns(np.arange(0.0, 360.0, BRUTE_DEG))).reshape(-1, 4, 4)
    poses = hf.retreat(model().scalp, coil().casing, poses, 0.0)
    both = region_of(head(), hf.Target(knob()) + hf.Target(other()))
    return model().solve(coil(), poses, DIDT, roi=both, tol=1e-4).E


def brute_best(target):
    """The best value of the grid."""
    e, first = brute_fields(), len(knob())
    targets = hf.Targets.of(target)
    fields = [e[:, :first] if one.region is knob() else e[:, first:] for _, one in targets.parts]
    return float(targets.values(np.concatenate(fields, axis=1)).max())


@functools.cache
def found(name="mean |E|", **options):
    return hf.search(model(), coil(), TARGETS[name](), DIDT, **(SMALL | {"rivals": 1} | options))


@pytest.mark.parametrize("name", TARGETS)
def test_nothing_that_brute_force_finds_is_better(name):
    options = {"radius_mm": BRUTE_MM, "spacing_mm": 4.0, "angle_step_deg": 20.0, "handle_over_face": True}
    best = hf.search(model(), coil(), TARGETS[name](), DIDT, rivals=2, centre_mm=CENTRE_MM, **options)
    assert best.value >= 0.995 * brute_best(TARGETS[name]())
    assert best.report.reciprocal_error < 5e-3
    assert best.report.map_error < 2e-2


@pytest.mark.parametrize("name", TARGETS)
def test_the_value_is_that_of_a_full_solve(name):
    best, targets = found(name), hf.Targets.of(TARGETS[name]())
    region = region_of(head(), targets)
    e = model().solve(coil(), best.poses, DIDT, roi=region, primary_error=0.0, tol=1e-7).E
    np.testing.assert_allclose(best.values, targets.values(e), rtol=2e-3)
    assert best.value == best.values[0] >= 0.999 * best.values.max()
    np.testing.assert_array_equal(best.pose, best.poses[0])
    assert best.report.reciprocal_error < 5e-3
    assert best.report.map_error < 2e-2
    assert best.value >= 0.999 * np.nanmax(best.map)


@pytest.mark.parametrize("name", TARGETS)
def test_the_map_has_the_values_of_its_poses(name):
    mapped = found(name, clear_mm=None, rivals=0)
    poses = (mapped.base_poses[:, None] @ turns(mapped.angles_deg)).reshape(-1, 4, 4)
    values = hf.evaluate(model(), coil(), poses, TARGETS[name](), DIDT).reshape(mapped.map.shape)
    kept = ~np.isnan(mapped.map)
    assert kept.any()
    largest = np.abs(values).max()
    # A basis of 16 fields holds the mean of |E| to a thousandth; what few tetrahedra decide, less well.
    off = {"exponent": 1e-2, "contrast": 6e-3}.get(name, 3e-3)
    np.testing.assert_allclose(mapped.map[kept], values[kept], atol=off * largest)
    assert np.ptp(values) > 0.1 * largest
    np.testing.assert_array_equal(mapped.best_at, np.nanmax(mapped.map, axis=1))


def test_a_lifted_map_has_the_values_of_poses_that_are_clear():
    few = {"radius_mm": 14.0, "angle_step_deg": 40.0}
    mapped = found("component", distance_mm=0.5, clear_mm=1.5, rivals=0, refine=False, **few)
    poses = (mapped.base_poses[:, None] @ turns(mapped.angles_deg)).reshape(-1, 4, 4)
    clear = hf.retreat(model().scalp, coil().casing, poses, 1.5)
    lift = np.linalg.norm(clear[:, :3, 3] - poses[:, :3, 3], axis=1)
    assert lift.max() > 1.0, "some have to be lifted"
    values = hf.evaluate(model(), coil(), clear, TARGETS["component"](), DIDT).reshape(mapped.map.shape)
    kept = ~np.isnan(mapped.map)
    # Lifts are those of a lattice of distances, off by a tenth of a millimetre or so.
    np.testing.assert_allclose(mapped.map[kept], values[kept], atol=1.5e-2 * np.abs(values).max())


@pytest.mark.parametrize("clear_mm", [0.0, 3.0])
def test_the_casing_is_off_the_scalp(clear_mm):
    best = found("mean |E|", clear_mm=clear_mm)
    distance = hf.casing_distance(model().scalp, coil().casing, best.poses)
    assert (distance >= clear_mm - 1e-5).all()
    assert (distance <= 4.0 + 1e-5).all()


def test_a_casing_that_would_cut_is_lifted_and_said():
    best = found("mean |E|", distance_mm=0.0, clear_mm=2.0, radius_mm=10.0)
    (note,) = (note for note in best.report.notes if "lifted" in note)
    lift = float(note.split("lifted by ")[1].split(" mm")[0])
    assert lift >= 2.0
    assert hf.casing_distance(model().scalp, coil().casing, best.pose)[0] == pytest.approx(2.0, abs=1e-4)
    cutting = found("mean |E|", distance_mm=0.0, clear_mm=None, rivals=0, radius_mm=10.0)
    assert np.nanmax(cutting.map) > np.nanmax(best.map)


def angle_of(result):
    """The angle of the best pose against that of the nearest position at 0, degrees."""
    at = np.linalg.norm(result.base_poses[:, :3, 3] - result.pose[:3, 3], axis=1).argmin()
    base = result.base_poses[at]
    x, y = base[:3, 0] @ result.pose[:3, 1], base[:3, 1] @ result.pose[:3, 1]
    return np.degrees(np.arctan2(-x, y)) % 360.0


def test_handles_stay_in_their_sector():
    free = angle_of(found("component", clear_mm=None, rivals=0, handle_over_face=True)) % 360.0
    low = (free + 30.0) // 1.0
    sector = (low, low + 80.0)
    best = found("component", clear_mm=None, rivals=0, handle_over_face=True, handle_deg=sector)
    inside = (best.angles_deg - low) % 360.0 <= 80.0
    assert np.isnan(best.map[:, ~inside]).all()
    assert not np.isnan(best.map[:, inside]).any()
    assert (angle_of(best) - low + 2.0) % 360.0 <= 80.0 + 4.0  # a position nearby is not quite there
    assert best.report.ruled_out == pytest.approx(np.mean(~inside))


def test_a_sector_without_a_whole_degree():
    options = {"angle_step_deg": 7.5, "handle_deg": (7.2, 7.8), "radius_mm": 6.0, "rivals": 0}
    assert found("component", handle_over_face=True, **options).angle_deg == 7.5  # what was ranked is kept


def test_handles_keep_off_the_face():
    face = {"centre_mm": (0.0, 75.0, 45.0), "radius_mm": 25.0, "clear_mm": None, "rivals": 0, "refine": False}
    target = hf.Target(hf.regions.sphere(head(), [0, 50, 45], 12, 2))
    free, kept = (
        hf.search(model(), coil(), target, DIDT, handle_over_face=over, **(SMALL | face))
        for over in (True, False)
    )
    assert not np.isnan(free.map).any()
    gone = np.isnan(kept.map)
    assert 0.1 < gone.mean() < 0.9
    np.testing.assert_allclose(kept.map[~gone], free.map[~gone], rtol=1e-5)
    # Handles point along −y of the coil: those that are gone point down, or ahead.
    poses = kept.base_poses[:, None] @ turns(kept.angles_deg)
    down = -poses[..., :3, 1] @ np.array([0.0, 0.0, -1.0])
    assert down[gone].mean() > 0.2 > down[~gone].mean()


def test_positions_to_avoid():
    free = found(rivals=0)
    ball = (free.pose[:3, 3], 12.0)
    kept = found(rivals=0, avoid=((tuple(ball[0]), 12.0),))
    apart = np.linalg.norm(kept.positions_mm - ball[0], axis=1)
    assert (np.linalg.norm(free.positions_mm - ball[0], axis=1) < 12.0).any()
    assert (apart > 12.0).all()
    assert kept.value < free.value


def test_the_best_of_several_tilts():
    pairs = ((0.0, 0.0), (10.0, 0.0), (0.0, -10.0))
    options = {"clear_mm": None, "rivals": 0, "handle_over_face": True, "refine": False}
    all_of_them = found("component", tilts_deg=pairs, **options)
    single = [found("component", tilts_deg=(pair,), **options) for pair in pairs]
    maps = np.stack([one.map for one in single])
    largest = maps.max()
    np.testing.assert_allclose(all_of_them.map, maps.max(axis=0), atol=1e-4 * largest)
    which = int(maps.max(axis=(1, 2)).argmax())
    assert np.unique(maps.argmax(axis=0)).size > 1
    np.testing.assert_allclose(all_of_them.pose, single[which].pose, atol=1e-9)
    position, angle = np.unravel_index(maps[which].argmax(), maps[which].shape)
    expected = single[0].base_poses[position] @ turns(single[0].angles_deg[[angle]])[0]
    np.testing.assert_allclose(all_of_them.pose, expected @ tilts(np.array([pairs[which]]))[0], atol=1e-9)


def test_jitter_ranks_by_means_over_what_is_near():
    options = {"clear_mm": None, "rivals": 0, "refine": False, "handle_over_face": True}
    plain, shaken = (found("component", jitter=jitter, **options) for jitter in (None, (9.0, 20.0)))
    points = plain.base_poses[:, :3, 3]
    i = int(np.linalg.norm(points - points.mean(axis=0), axis=1).argmin())
    near = np.linalg.norm(points - points[i], axis=1) <= 9.0
    assert 1 < near.sum() < len(points)
    wide = np.mean([np.roll(plain.map.astype(float), s, axis=1) for s in (-1, 0, 1)], axis=0)
    np.testing.assert_allclose(shaken.map[i], wide[near].mean(axis=0), rtol=1e-5, atol=1e-4)
    assert np.nanmax(shaken.map) < np.nanmax(plain.map)
    np.testing.assert_allclose(
        smeared(plain.map.astype(float), plain.base_poses, plain.angles_deg, (9.0, 20.0)),
        shaken.map,
        rtol=1e-5,
        atol=1e-4,
    )


def test_refining_between_positions_helps():
    coarse, fine = (found("component", rivals=0, refine=refine) for refine in (False, True))
    assert fine.value > coarse.value
    assert fine.value >= np.nanmax(fine.map) * 0.9999


def test_without_rivals_nothing_is_solved_in_full():
    quick, slow = found("component", rivals=0), found("component", rivals=3)
    assert len(quick.poses) == 1
    assert 2 <= len(slow.poses) <= 4  # rivals may end at the same pose
    assert np.isnan(quick.report.reciprocal_error)
    assert quick.report.n_solves == 1
    assert slow.report.n_solves == 1 + len(slow.poses) + 4  # and some of the map
    assert quick.value == pytest.approx(slow.value, rel=2e-3)


def test_rivals_lie_apart_from_each_other():
    best = found("mean |E|", rivals=4)
    assert (np.diff(best.values[1:]) <= 0.0).all()
    assert best.value >= best.values.max() * (1.0 - 1e-3)  # of ties, the handle that points back comes first
    for i in range(len(best.poses)):
        for j in range(i):
            shift = np.linalg.norm(best.poses[i, :3, 3] - best.poses[j, :3, 3])
            turn = np.degrees(np.arccos(np.clip(best.poses[i, :3, 1] @ best.poses[j, :3, 1], -1, 1)))
            assert shift > 7.0 or turn > 30.0
