# SPDX-License-Identifier: BSD-3-Clause
"""What a search says of its answer: notes, flatness, gradient, dI/dt, files; the same for anybody."""

import functools
import json

import numpy as np
import pytest
from given.comparisons import same_bits
from given.targets import CENTRE_MM, DIDT, SMALL, coil, head, knob, model, two_stimulators, wire

import headfield as hf

DIRECTION = (0.3, 0.9, -0.2)


def component():
    return hf.Target(knob(), DIRECTION)


@functools.cache
def found(target=None, **options):
    target = component() if target is None else target
    return hf.search(model(), coil(), target, DIDT, **(SMALL | {"rivals": 1} | options))


def test_an_answer_at_the_edge_is_said():
    off = found(centre_mm=(-75.0, 20.0, 40.0), radius_mm=14.0, rivals=0)
    assert any("edge of what was searched (radius_mm=14)" in note for note in off.report.notes)
    assert not any("edge" in note for note in found(radius_mm=35.0, rivals=0).report.notes)


def test_a_target_that_gets_nothing_is_said():
    against = -1.0 * hf.Target(knob())
    lost = found(against, rivals=1)
    assert any("gets nothing" in note for note in lost.report.notes)
    with pytest.raises(hf.ArgumentError, match="no dI/dt makes it positive"):
        lost.didt_for(10.0)


def test_reports_count_and_time_what_was_done():
    best = found()
    report = best.report
    assert (report.n_positions, report.n_angles) == best.map.shape == (len(best.positions_mm), 18)
    assert report.n_solves == 1 + 2 + 4  # an adjoint, the best and a rival, some poses of the map
    assert {"place", "adjoint", "field", "sweep", "refine", "certify", "flatness"} <= set(report.seconds)
    assert all(s >= 0.0 for s in report.seconds.values())
    assert np.isnan(report.discretisation_error)
    text = str(report)
    assert f"{report.n_positions} positions × 18 angles, 7 solves" in text
    assert "V/m at (" in repr(best)


def test_progress_names_each_stage():
    lines = []
    options = SMALL | {"rivals": 1, "progress": lines.append}
    hf.search(model(), coil(), hf.Target(knob()), DIDT, **options)
    text = "\n".join(lines)
    for word in ("positions on the scalp", "16 poses solved", "adjoints", "ranked", "solved in full", "lost"):
        assert word in text


def test_flatness_is_what_is_lost_beside_the_pose():
    flat = found(clear_mm=None).flatness
    assert (flat.shift_mm, flat.turn_deg) == (5.0, 10.0)
    assert -0.01 <= flat.mean_shift <= flat.worst_shift <= flat.worst
    assert 0.0 < flat.worst_turn <= flat.worst < 0.5
    pose = found(clear_mm=None).pose
    turned = hf.evaluate(model(), coil(), hf.ring(pose, [0.0, -10.0, 10.0]), component(), DIDT)
    assert flat.worst_turn == pytest.approx((1.0 - turned / turned[0]).max(), abs=2e-3)


def test_the_gradient_is_that_of_values_beside_the_pose():
    best = found(clear_mm=None)
    motions = np.tile(np.eye(4), (6, 1, 1))
    for axis in range(3):
        motions[2 * axis : 2 * axis + 2, axis, 3] = (1.0, -1.0)
    e = hf.evaluate(model(), coil(), best.pose @ motions, component(), DIDT)
    slopes = (e[::2] - e[1::2]) / 2.0
    np.testing.assert_allclose(best.gradient[:3], slopes, atol=5e-3 * np.abs(slopes).max())
    assert best.gradient[2] > 0.0, "closer to the head is more"
    assert np.abs(best.gradient[:2]).max() < 0.1 * best.gradient[2], "and aside is flat"
    about_z = hf.evaluate(model(), coil(), hf.ring(best.pose, [1.0, -1.0]), component(), DIDT)
    assert best.gradient[5] == pytest.approx((about_z[0] - about_z[1]) / 2.0, abs=2e-3 * best.value)


def test_values_are_linear_in_didt():
    best = found()
    twice = hf.search(model(), coil(), component(), 2 * DIDT, **(SMALL | {"rivals": 1}))
    assert twice.value == pytest.approx(2.0 * best.value, rel=1e-5)
    np.testing.assert_allclose(twice.map, 2.0 * best.map, rtol=1e-4, atol=1e-4)
    wanted = 0.5 * best.value
    assert best.didt_for(wanted) == pytest.approx(0.5 * DIDT)
    solved = model().solve(coil(), best.pose, best.didt_for(wanted), roi=knob()).E
    assert component().value(solved)[0] == pytest.approx(wanted, rel=2e-3)


@pytest.mark.parametrize("value", [0.0, -3.0, np.nan, "much", 1e5])
def test_values_that_no_didt_makes(value):
    with pytest.raises(hf.ArgumentError, match=r"value|% of what"):
        found().didt_for(value)


def test_several_stimulators():
    didt = np.array([[0.5 * DIDT, -0.3 * DIDT]])
    best = hf.search(model(), two_stimulators(), component(), didt, **(SMALL | {"rivals": 1}))
    e = model().solve(two_stimulators(), best.pose, didt, roi=knob(), primary_error=0.0).E
    assert best.value == pytest.approx(component().value(e)[0], rel=1e-3)
    np.testing.assert_array_equal(best.didt, didt[0])
    with pytest.raises(hf.ArgumentError, match="several stimulators"):
        best.didt_for(10.0)


def test_quantities_of_didt():
    text = hf.search(model(), coil(), component(), "50 A/µs", **(SMALL | {"rivals": 0}))
    assert text.value == found(rivals=0).value


def test_files_of_poses(tmp_path):
    best = found(rivals=3)
    for ending in (".csv", ".npy"):
        path = tmp_path / f"best{ending}"
        best.save(path)
        read = hf.read_poses(path)
        np.testing.assert_allclose(read, best.poses, atol=1e-5)
    listed = hf.read_pose_list(tmp_path / "best.csv")
    assert len(best.poses) > 1
    assert list(listed.names) == ["best", *(f"rival {i}" for i in range(1, len(best.poses)))]
    np.testing.assert_allclose(listed.didt, DIDT)


def test_a_file_of_numbers(tmp_path):
    best = found(rivals=3)
    best.save(tmp_path / "best.json")
    told = json.loads((tmp_path / "best.json").read_text(encoding="utf-8"))
    assert told == json.loads(json.dumps(best.to_dict()))
    assert told["pose"] == best.pose.tolist()
    assert told["value_V_per_m"] == best.value
    assert len(told["rivals"]) == len(best.poses) - 1 > 0
    assert told["report"]["discretisation_error"] is None
    json.dumps(found(rivals=0).to_dict(), allow_nan=False)


def test_a_file_of_the_map(tmp_path):
    best = found()
    best.save_map(tmp_path / "map.csv")
    header, *_ = (tmp_path / "map.csv").read_text(encoding="utf-8").splitlines()
    assert header.split(",")[:5] == ["x_mm", "y_mm", "z_mm", "0_deg", "20_deg"]
    rows = np.loadtxt(tmp_path / "map.csv", delimiter=",", skiprows=1)
    np.testing.assert_allclose(rows[:, :3], best.positions_mm, rtol=1e-4)
    np.testing.assert_allclose(rows[:, 3:], best.map, rtol=1e-4, atol=1e-4)
    with pytest.raises(hf.ArgumentError, match=r"map\.txt: maps are written to \.csv"):
        best.save_map(tmp_path / "map.txt")
    with pytest.raises(hf.HeadfieldError, match="best"):
        best.save(tmp_path / "best.nothing")


# The same for anybody


def test_the_same_bits_again_and_with_any_number_of_threads():
    few = SMALL | {"radius_mm": 10.0, "rivals": 1}
    one, two = (hf.HeadModel(head(), device="cpu", threads=threads) for threads in (1, 2))
    results = [hf.search(each, coil(), hf.Target(knob()), DIDT, **few) for each in (one, one, two)]
    for other in results[1:]:
        for name in ("pose", "poses", "values", "map", "base_poses", "gradient"):
            same_bits(getattr(results[0], name), getattr(other, name))
        assert results[0].flatness == other.flatness


@pytest.mark.filterwarnings("ignore:the samples of")
def test_a_sampled_coil_is_found_where_its_source_coil_is():
    few = {"radius_mm": 10.0, "spacing_mm": 7.0, "angle_step_deg": 30.0, "rivals": 1}
    limits = [[-150.0, 150.0], [-130.0, 130.0], [-20.0, 200.0]]
    sampled = coil().sampled([4.0] * 3, limits)
    source, table = (hf.search(model(), one, component(), DIDT, **few) for one in (coil(), sampled))
    assert table.value == pytest.approx(source.value, rel=1e-2)
    np.testing.assert_allclose(table.map, source.map, atol=1e-2 * np.nanmax(source.map))


def test_wire():
    best = hf.search(model(), wire(), component(), -DIDT, **(SMALL | {"rivals": 2}))
    assert best.report.reciprocal_error < 2e-3
    distance = hf.casing_distance(model().scalp, hf.Casing(*_plane(wire())), best.pose)
    assert distance[0] >= -1e-5


def _plane(what):
    """A triangle for each of a few places of the wire, in the plane that it must stay behind."""
    places = what.sources().segments.points_mm[::8] * [1.0, 1.0, 0.0]
    corners = np.concatenate([places, places + [0.1, 0, 0], places + [0, 0.1, 0]])
    n = len(places)
    return corners, np.stack([np.arange(n), np.arange(n) + n, np.arange(n) + 2 * n], axis=1)


def test_a_whole_head():
    best = found(hf.Target(knob()), radius_mm=None, spacing_mm=20.0, rivals=0)
    low, high = best.positions_mm.min(axis=0), best.positions_mm.max(axis=0)
    assert (high - low > 120.0).sum() >= 2
    assert not any("edge" in note for note in best.report.notes)
    local = found(hf.Target(knob()), rivals=0)
    assert best.value == pytest.approx(local.value, rel=0.01)
    assert np.linalg.norm(best.pose[:3, 3] - CENTRE_MM) < 60.0


def test_a_value_with_an_error_of_its_own():
    refined = found(hf.Target(knob()), rivals=1, zoom_error=0.1, radius_mm=10.0)
    report = refined.report
    assert 0.0 < report.discretisation_error <= 0.1
    assert "zoom" in report.seconds
    zoom = model().zoom(knob(), coil(), refined.pose, DIDT, error=0.1)
    expected = hf.Target(knob()).value(zoom.solve(coil(), refined.pose, DIDT).E)[0]
    assert refined.value == pytest.approx(expected, rel=1e-5)
    assert refined.value != refined.values[0]
