# SPDX-License-Identifier: BSD-3-Clause
"""Pictures of a search for the best pose: map, coil, angles; what is in them, and what is refused."""

import dataclasses
import sys

import numpy as np
import pytest
from matplotlib.image import imread

import headfield as hf
from headfield.pictures.target import TargetScene, spread
from headfield.pictures.target_figure import draw_target, write_target
from headfield.poses.pose import turns

RADIUS_MM, ANGLE_DEG = 92.0, 70.0


@pytest.fixture(autouse=True)
def few_pixels(monkeypatch):
    monkeypatch.setattr("headfield.pictures.figure._PIXELS", 200)
    monkeypatch.setattr("headfield.pictures.figure._DPI", 100)


@pytest.fixture(scope="module")
def scene():
    """A ball that was searched around (-0.6, 0, 0.8), where the value is largest."""
    skin = hf.skin(hf.sphere_mesh(radii_mm=[80, RADIUS_MM], tags=[2, 5], edge_mm=10))
    middle = np.array([-0.6, 0.0, 0.8])
    away = np.linalg.norm(skin.nodes_mm / RADIUS_MM - middle, axis=1)
    positions = skin.nodes_mm[away < 0.5]
    normal = positions / np.linalg.norm(positions, axis=1, keepdims=True)
    best = hf.place(skin, RADIUS_MM * middle, RADIUS_MM * middle + [0, 50, 0])
    rivals = hf.ring(best, [0, 90, 180])
    angles = np.arange(0.0, 360.0, 1.0)
    profile = 50.0 + 10.0 * np.cos(2 * np.radians(angles - ANGLE_DEG))
    profile[200:251] = np.nan
    return TargetScene(
        skin.nodes_mm,
        skin.faces,
        positions_mm=positions,
        best_at=60.0 * (normal @ middle) ** 4,
        poses=rivals @ turns(np.array([ANGLE_DEG])),
        value=60.0,
        coil=hf.figure_of_eight(spacing_mm=8),
        target_mm=70.0 * middle,
        angle_deg=ANGLE_DEG,
        angles_deg=angles,
        profile=profile,
        turn_deg=10.0,
        lost=0.02,
        shift_mm=5.0,
        lost_at_worst=0.05,
        didt=np.array([50e6]),
    )


def test_values_spread_as_far_as_they_reach():
    rng = np.random.default_rng(3)
    nodes, at, values = rng.uniform(0, 9, (60, 3)), rng.uniform(0, 6, (25, 3)), rng.uniform(1, 2, 25)
    found = spread(nodes, at, values, 2.5)
    for node, value in zip(nodes, found, strict=True):
        distance = np.linalg.norm(at - node, axis=1)
        if (distance < 2.5).any():
            weights = np.clip(1 - (distance / 2.5) ** 2, 0, None) ** 2
            assert value == pytest.approx((weights * values).sum() / weights.sum())
        else:
            assert np.isnan(value)
    assert 0 < np.isnan(found).sum() < 60
    assert np.isnan(spread(nodes, at[:0], values[:0], 2.5)).all()


def test_pieces_of_the_scalp_do_not_show(scene, monkeypatch):
    whole = spread(scene.nodes_mm, scene.positions_mm, scene.best_at, 15.0)
    monkeypatch.setattr("headfield.pictures.target._PAIRS", 1000)
    np.testing.assert_allclose(spread(scene.nodes_mm, scene.positions_mm, scene.best_at, 15.0), whole)


def test_the_scalp_has_the_map_near_positions_only(scene):
    known = np.isfinite(scene.scalp.values)
    gap = np.linalg.norm(scene.nodes_mm[:, None] - scene.positions_mm, axis=2).min(axis=1)
    assert known[gap == 0].all()
    assert gap[~known].min() > 8
    assert gap[known].max() < 25
    there = scene.scalp.values[known]
    assert scene.best_at.min() <= there.min() < there.max() < scene.best_at.max()
    assert scene.limits == (0.0, pytest.approx(scene.best_at.max()))


def test_positions_that_are_ruled_out_have_no_colour(scene):
    some = scene.best_at.copy()
    some[scene.positions_mm[:, 1] > 0] = np.nan
    half = dataclasses.replace(scene, best_at=some)
    known = np.isfinite(half.scalp.values)
    assert scene.nodes_mm[known, 1].max() < 25
    assert np.isfinite(scene.scalp.values).sum() > 1.4 * known.sum()
    none = dataclasses.replace(scene, best_at=np.full_like(some, np.nan))
    assert np.isnan(none.scalp.values).all()
    assert none.limits == (0.0, 1.0)


def test_colours_begin_below_zero_where_values_do(scene):
    signed = dataclasses.replace(scene, best_at=scene.best_at - 50)
    assert signed.limits[0] == pytest.approx(scene.best_at.min() - 50)


def test_the_eye_is_on_the_side_of_the_best_pose(scene):
    np.testing.assert_allclose(scene.side, np.array([-1, 0, 1]) / np.sqrt(2))
    np.testing.assert_allclose(scene.outward, [-0.6, 0, 0.8], atol=0.05)


def test_the_arc_goes_clockwise_from_straight_back_to_the_handle(scene):
    arc = scene.turned_handle(40.0)
    centre = scene.poses[0, :3, 3]
    first, last = arc[0] - centre, arc[-1] - centre
    np.testing.assert_allclose(np.linalg.norm(arc - centre, axis=1), 40.0)
    np.testing.assert_allclose(first / 40, [0, -1, 0], atol=0.05)
    np.testing.assert_allclose(last / 40, -scene.poses[0, :3, 1], atol=1e-9)
    assert first @ last / 1600 == pytest.approx(np.cos(np.radians(ANGLE_DEG)))
    assert np.cross(first, last) @ scene.outward < 0  # clockwise for an eye outside
    handle = scene.handle[1] - scene.handle[0]
    np.testing.assert_allclose(handle / np.linalg.norm(handle), last / 40, atol=1e-9)
    wide = dataclasses.replace(scene, angle_deg=300.0).turned_handle(40.0)
    assert np.linalg.norm(np.diff(wide, axis=0), axis=1).sum() == pytest.approx(
        40 * np.radians(300), rel=1e-3
    )


def test_ruled_out_angles_are_hatched(scene):
    assert scene.ruled_out() == [(199.5, 250.5)]
    (axes,) = [one for one in draw_target(scene).axes if "over the angle" in one.get_title()]
    spans = [(one.get_x(), one.get_width()) for one in axes.patches if one.get_hatch()]
    assert spans == [(199.5, pytest.approx(51.0))]
    assert "hatched: ruled out" in axes.get_title()
    free = dataclasses.replace(scene, profile=np.nan_to_num(scene.profile, nan=45.0))
    assert free.ruled_out() == []
    assert "hatched" not in "".join(one.get_title() for one in draw_target(free).axes)


def test_the_profile_has_the_best_angle_and_what_is_beside_it(scene):
    (axes,) = [one for one in draw_target(scene).axes if "over the angle" in one.get_title()]
    curve, mark = (np.array(line.get_xydata()) for line in axes.lines)
    np.testing.assert_array_equal(curve[:-1, 1], scene.profile)
    np.testing.assert_array_equal(mark, [[ANGLE_DEG, 60.0]])
    bands = [(one.get_x(), one.get_width()) for one in axes.patches if not one.get_hatch()]
    assert (60.0, 20.0) in bands
    assert "60 V/m at 70°, 2 % less at most ±10° away" in axes.get_title()
    assert "V/m" in axes.get_ylabel()
    assert "(°)" in axes.get_xlabel()


def test_the_figure_shows_map_coil_and_rivals(scene):
    figure = draw_target(scene)
    titles = [axes.get_title() for axes in figure.axes]
    whole, close = (
        titles.index("best value over all angles, on the scalp"),
        titles.index("the best coil, seen along its axis"),
    )
    words = [text.get_text() for text in figure.axes[close].texts]
    assert {"70°", "straight back", "handle", "y", "20 mm"} <= set(words)
    names = figure.axes[whole].get_legend_handles_labels()[1]
    assert names == ["rivals, with their handles", "target, below the scalp", "best pose"]
    lines = np.concatenate([line.get_xydata() for line in figure.axes[close].lines])
    left, right, bottom, top = (*figure.axes[close].get_xlim(), *figure.axes[close].get_ylim())
    assert ((lines > [left, bottom]) & (lines < [right, top])).all()
    assert "best pose: 60 V/m at dI/dt 50 A/µs" in figure._suptitle.get_text()
    assert any("V/m" in axes.get_xlabel() for axes in figure.axes)  # of the colours
    pixels = figure.axes[whole].images[0].get_array()
    assert (np.ptp(pixels, axis=2) > 0.2).mean() > 0.05  # coloured
    assert ((np.ptp(pixels, axis=2) < 0.01) & (pixels[..., 0] < 0.9)).mean() > 0.2  # gray


def test_the_coil_does_not_hide_the_map(scene):
    """Its dipoles are discs that one sees through; lines are those of its casing, handle and angle."""
    for coil in (scene.coil, scene.coil.with_casing(None)):
        shown = dataclasses.replace(scene, coil=coil)
        assert len(shown.coil_lines) == (coil.casing is not None)
        whole, _, close, *_ = draw_target(shown).axes
        for axes in (whole, close):
            (discs,) = axes.collections
            assert len(discs.get_paths()) == len(shown.shape.loops) > 50
            assert 0 < np.max(discs.get_alpha()) <= 0.3
            assert len(axes.lines) < 20


def test_rivals_behind_the_head_are_not_drawn(scene):
    behind = scene.poses.copy()
    behind[1:, :3, :] *= np.array([-1, 1, -1])[:, None]
    figure = draw_target(dataclasses.replace(scene, poses=behind))
    names = [name for axes in figure.axes for name in axes.get_legend_handles_labels()[1]]
    assert "best pose" in names
    assert "rivals, with their handles" not in names


def test_a_coil_without_windings_shows_its_casing(scene):
    corners = [[x, y, 0.0] for x in (-50, 50) for y in (-30, 30)]
    casing = hf.Casing(corners, [[0, 1, 2], [1, 3, 2]])
    samples = hf.figure_of_eight(spacing_mm=20).sampled(12.0)
    bare = hf.Coil(elements=samples.elements, casing=casing)
    (line,) = dataclasses.replace(scene, coil=bare).coil_lines
    inverse = np.linalg.inv(scene.poses[0])
    flat = line @ inverse[:3, :3].T + inverse[:3, 3]
    np.testing.assert_allclose(np.ptp(flat, axis=0), [100, 60, 0], atol=1e-9)


def test_it_is_written_or_refused(scene, tmp_path, monkeypatch):
    write_target(scene, tmp_path / "target.png")
    assert imread(tmp_path / "target.png").shape[1] == 1200
    with pytest.raises(hf.FileFormatError, match="pictures are written as"):
        write_target(scene, tmp_path / "target.gif")
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(hf.MissingPackageError, match=r"headfield\[plot\]"):
        draw_target(scene)


@pytest.fixture(scope="module")
def found():
    """A search for a mean vector, which needs few solves."""
    head = hf.phantom_head(edge_mm=8)
    model, knob = hf.HeadModel(head, threads=1), hf.regions.sphere(head, [-40, -8, 50], 12, 2)
    target = hf.Target(knob, of_mean=True)
    options = {"radius_mm": 20, "spacing_mm": 10, "rivals": 2, "handle_deg": [-80, 80]}
    return knob, hf.search(model, hf.figure_of_eight(spacing_mm=8), target, 50e6, **options)


def test_a_search_says_its_angle_and_profile(found):
    knob, result = found
    straight = (result.pose @ turns(np.array([-result.angle_deg]))[0])[:3]
    assert straight[1, 1] > 0.5  # +y to the front: the handle points back
    assert np.linalg.det([straight[:, 1], straight[:, 2], [0, 1, 0]]) == pytest.approx(
        0, abs=5e-3
    )  # carried from the grid
    assert abs((result.angle_deg + 180) % 360 - 180) <= 80
    assert result.profile.shape == (360,)
    assert np.nanmax(result.profile) == pytest.approx(result.value, rel=2e-3)
    degree = round(result.angle_deg) % 360
    assert result.profile[degree] == pytest.approx(np.nanmax(result.profile), rel=1e-3)
    assert np.isnan(result.profile[81:280]).all()
    assert np.isfinite(result.profile[:81]).all()
    np.testing.assert_allclose(result.target_mm, np.average(knob.centres_mm, axis=0, weights=knob.weights))


def test_a_search_draws_itself(found, tmp_path):
    _, result = found
    scene = result.scene()
    assert scene.scalp.faces.shape == result.scalp.faces.shape
    assert scene.ruled_out() == [(80.5, 279.5)]
    assert len(result.plot().axes) == 4  # with the one of the colours
    result.write_picture(tmp_path / "target.svg")
    assert b"<svg" in (tmp_path / "target.svg").read_bytes()[:2000]
    facts = result.to_dict()
    assert facts["angle_deg"] == result.angle_deg
    assert facts["report"]["lift_mm"] == result.report.lift_mm >= 0
