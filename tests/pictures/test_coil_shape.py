# SPDX-License-Identifier: BSD-3-Clause
"""What is drawn of a coil is what its model says, and does not hide the field."""

import matplotlib.collections
import numpy as np
import pytest
from matplotlib.image import imread

import headfield as hf
from headfield.pictures import figure as figures
from headfield.pictures.coil_shape import coil_lines, coil_shape
from headfield.pictures.rendering import render
from headfield.pictures.setting import Setting


@pytest.fixture(autouse=True)
def few_pixels(monkeypatch):
    monkeypatch.setattr("headfield.pictures.figure._PIXELS", 250)
    monkeypatch.setattr("headfield.pictures.figure._DPI", 100)


def test_wire_is_drawn_along_its_path():
    path = hf.spiral_path(20, 40, 5, centre_mm=(0, 0, -6))
    (line,) = coil_shape(hf.wire_coil(path, closed=False)).wire
    radius = np.linalg.norm(line[:, :2], axis=1)
    assert radius.min() == pytest.approx(20, abs=0.5)
    assert radius.max() == pytest.approx(40, abs=0.5)
    length = np.linalg.norm(np.diff(line, axis=0), axis=1).sum()
    assert length == pytest.approx(2 * np.pi * 30 * 5, rel=0.03)
    np.testing.assert_allclose(line[[0, -1]], path[[0, -1]], atol=1.0)


def test_a_closed_ring_is_closed_and_two_rings_are_two():
    angle = np.linspace(0, 2 * np.pi, 61)[:-1]
    ring = np.stack([30 * np.cos(angle), 30 * np.sin(angle), np.full(60, -5.0)], axis=1)
    lines = [hf.wire_coil(ring + [x, 0, 0], closed=True).elements[0] for x in (-40, 40)]
    shape = coil_shape(hf.Coil(elements=lines))
    assert len(shape.wire) == 2
    for line in shape.wire:
        np.testing.assert_array_equal(line[0], line[-1])
        assert np.linalg.norm(np.diff(line, axis=0), axis=1).max() < 4.0


def test_each_dipole_is_a_loop_around_it_and_weak_ones_are_left_out():
    places = np.array([[0.0, 0, -5], [10, 0, -5], [20, 0, -5], [30, 0, -5]])
    moments = np.array([[0, 0, 4e-3], [1e-3, 0, 0], [0, 0, -2e-3], [0, 0, 1e-5]])
    shape = coil_shape(hf.Coil(places, moments))
    np.testing.assert_allclose(shape.loops[:, :-1].mean(axis=1), places[:3], atol=1e-9)
    np.testing.assert_allclose(shape.strength, [1.0, 0.25, -0.5])
    out = shape.loops - places[:3, None]
    assert np.abs(np.einsum("dpi,di->dp", out, moments[:3])).max() < 1e-9  # across the moment
    areas = np.linalg.norm(out, axis=2).max(axis=1) ** 2
    np.testing.assert_allclose(areas / areas[0], [1.0, 0.25, 0.5])


def test_the_coil_is_where_its_pose_is():
    coil = hf.figure_of_eight(spacing_mm=12)
    pose = hf.ring(np.diag([1.0, -1, -1, 1]), [30])[0]
    pose[:3, 3] = [5, 6, 90]
    placed = coil_shape(coil).placed(pose)
    np.testing.assert_allclose(placed.loops[:, :-1].mean(axis=1), coil.placed(pose)[0], atol=1e-9)
    back = (placed.casing.nodes_mm - pose[:3, 3]) @ pose[:3, :3]
    np.testing.assert_allclose(back, coil.casing.points_mm, atol=1e-9)


def test_pictures_of_lines_show_casing_or_sources():
    bare = hf.Coil([[0, 0, -5.0]], [[0, 0, 1e-3]])
    assert [len(line) for line in coil_lines(bare)] == [13]
    grid = hf.SampledPotential(np.full((3, 3, 3, 3), 1e-7), np.diag([90.0, 90, 90, 1]))
    assert coil_lines(hf.Coil(elements=[hf.CoilElement(grid)])) == []


@pytest.fixture(scope="module")
def model():
    return hf.HeadModel(hf.sphere_mesh(radii_mm=[76, 82, 92], tags=[2, 4, 5], edge_mm=12))


def bent_wire():
    """Wire of one's own over the focus: four long arcs along the head, as those of an H coil."""
    t = np.linspace(-1.0, 1.0, 50)
    arcs = [
        np.stack([100 * np.sin(t), np.full_like(t, y), 94 - 100 * np.cos(t)], axis=1)
        for y in (-9.0, -3.0, 3.0, 9.0)
    ]
    return hf.wire_coil(np.concatenate([arcs[0], arcs[2][::-1], arcs[1], arcs[3][::-1]]), closed=True)


COILS = {
    "figure of eight": hf.figure_of_eight,
    "circular": hf.circular_coil,
    "double cone": hf.double_cone,
    "own wire": bent_wire,
    "dipoles": lambda: hf.figure_of_eight().with_casing(None),
}


def painted(figure, path):
    figures.save(figure, path)
    return imread(path)[..., :3]


@pytest.mark.parametrize("name", COILS)
def test_the_focus_is_not_hidden(model, tmp_path, monkeypatch, name):
    """Where the field is among the strongest, the picture is nearly the same with and without the coil."""
    monkeypatch.setattr("headfield.pictures.figure._PIXELS", 400)  # as many as the figure has on paper
    coil = COILS[name]()
    field = model.solve(coil, model.place(coil, [0, 0, 95], [0, 50, 95], clear_mm=0), 50e6)
    scene = field.scene(coil=coil)
    surface, setting, outward, scale = scene.surface, scene.setting, scene.outward, scene.scale
    figure = figures.new_figure((4.0, 4.0))
    axes = figure.add_subplot()
    figures.draw_surface(axes, surface, setting, outward, scale)
    with_coil = painted(figure, tmp_path / "with.png")
    for artist in [*axes.collections, *axes.texts, *axes.lines, *axes.images[1:]]:
        artist.remove()
    without = painted(figure, tmp_path / "without.png")
    drawn = render(surface, setting, outward, lambda v: np.ones((len(v), 3)), 250)
    axes.images[0].set_data(np.repeat((drawn.values >= 0.7 * scale.top)[..., None], 3, axis=2) * 1.0)
    hot = painted(figure, tmp_path / "hot.png").min(axis=2)
    hot = (hot > 0.99) & (np.abs(without - 1).max(axis=2) > 0.1)
    change = np.abs(with_coil - without).max(axis=2)
    assert (change > 0.15).sum() > 300  # the coil is there
    assert hot.sum() > 100
    assert (change[hot] > 0.1).mean() < 0.02


def test_casing_wire_and_dipoles_are_drawn_each_their_way(model):
    def kinds(coil):
        field = model.solve(coil, model.place(coil, [0, 0, 95], [0, 50, 95]), 50e6)
        scene = field.scene(coil=coil)
        axes = figures.new_figure((4.0, 4.0)).add_subplot()
        figures.draw_surface(axes, scene.surface, scene.setting, scene.outward, scene.scale)
        discs = [c for c in axes.collections if isinstance(c, matplotlib.collections.PolyCollection)]
        return len(axes.images) - 1, sum(len(c.get_paths()) for c in discs)

    eight = hf.figure_of_eight(spacing_mm=12)
    casing, discs = kinds(eight)
    assert casing == 1
    assert 0.5 * eight.n_dipoles < discs <= eight.n_dipoles
    assert kinds(bent_wire()) == (0, 0)


def test_the_handle_reaches_beyond_what_is_seen_of_a_coil():
    head, eight = hf.sphere_mesh(radii_mm=[80], tags=[5], edge_mm=30), hf.figure_of_eight(spacing_mm=12)
    sampled = eight.sampled(10.0, [[-60, 60], [-60, 60], [0, 60]])  # A is all that is known, and a casing
    for coil in (eight, sampled):
        handle = Setting(head, matrix=np.eye(4), coil=coil).handle
        assert handle[1, 1] < coil.casing.points_mm[:, 1].min()
        np.testing.assert_array_equal(handle[:, [0, 2]], 0.0)


def test_what_lies_behind_the_head_is_not_drawn(model):
    coil = hf.figure_of_eight(spacing_mm=12).with_casing(None)
    field = model.solve(coil, model.place(coil, [0, 0, 95], [0, 50, 95]), 50e6)
    counts = []
    for view in ("top", "bottom"):
        scene = field.scene(coil=coil, view=view)
        axes = figures.new_figure((4.0, 4.0)).add_subplot()
        figures.draw_surface(axes, scene.surface, scene.setting, scene.outward, scene.scale)
        discs = [c for c in axes.collections if isinstance(c, matplotlib.collections.PolyCollection)]
        counts.append(sum(len(c.get_paths()) for c in discs))
    assert counts[1] < 0.35 * counts[0]
