# SPDX-License-Identifier: BSD-3-Clause
"""Pictures of layers, differences and montages: values, ranges of colours, panels, sides, what is refused."""

import numpy as np
import pytest

import headfield as hf
from headfield.fields.plots import difference_scene, layer_scene
from headfield.pictures.colours import diverging
from headfield.pictures.rendering import View
from headfield.pictures.setting import VIEWS, Setting, direction_of


@pytest.fixture(autouse=True)
def few_pixels(monkeypatch):
    monkeypatch.setattr("headfield.pictures.figure._PIXELS", 120)
    monkeypatch.setattr("headfield.pictures.figure._PIXEL_MM", 4.0)


@pytest.fixture(scope="module")
def solved():
    mesh = hf.sphere_mesh(radii_mm=[68, 78, 92], tags=[1, 2, 5], edge_mm=12)
    coil = hf.figure_of_eight(spacing_mm=12)
    model = hf.HeadModel(mesh)
    poses = hf.ring(model.place(coil, [0, 0, 95], [0, 50, 95]), [0, 90])
    return model, coil, model.solve(coil, poses, [50e6, 100e6])


def bars(figure):
    return [axes for axes in figure.axes if axes.get_label() == "<colorbar>"]


def limits(figure):
    return [(axes._colorbar.norm.vmin, axes._colorbar.norm.vmax) for axes in bars(figure)]


class TestLayer:
    def test_values_are_those_on_the_surface(self, solved):
        """Of E = (0, 0, z): the normal component is z n_z, and what is left lies across."""
        model, _, field = solved
        layer = hf.regions.mid_layer(model.mesh)
        parts = {
            name: layer_scene(field, 1, name).surface.values for name in ("magnE", "normal", "tangential")
        }
        e = hf.regions.mid_layer(model.mesh)
        np.testing.assert_array_equal(layer_scene(field).surface.nodes_mm, e.centres_mm)
        np.testing.assert_allclose(
            parts["magnE"] ** 2, parts["normal"] ** 2 + parts["tangential"] ** 2, rtol=1e-9
        )
        near = model.solve(solved[1], field.poses[1:], 100e6, roi=layer)
        ratio = np.linalg.norm(near.E[0], axis=1) / parts["magnE"]
        assert np.median(ratio) == pytest.approx(1.0, abs=0.03)
        on_points = layer_scene(near, 0, "normal").surface.values
        np.testing.assert_allclose(on_points, (near.E[0] * layer.normals).sum(axis=1), atol=1e-5)

    def test_the_normal_component_has_zero_in_the_middle(self, solved):
        _, coil, field = solved
        figure = hf.plot_layer(field, quantity="normal", coil=coil)
        ((low, high),) = limits(figure)
        assert low == -high
        known = layer_scene(field, 0, "normal")
        assert high == pytest.approx(
            float(hf.metrics.percentiles(np.abs(known.surface.values), known.areas_mm2, [99.9])[0])
        )
        assert "E·n" in bars(figure)[0].get_ylabel()
        assert "(V/m)" in bars(figure)[0].get_ylabel()

    def test_areas_are_counted(self, solved):
        scene = layer_scene(solved[2])
        assert scene.distribution.amounts.sum() == pytest.approx(scene.areas_mm2.sum() / 100)
        assert scene.distribution.unit == "cm²"

    def test_refused(self, solved):
        model, coil, field = solved
        with pytest.raises(hf.ArgumentError, match="one of magnE, normal, tangential"):
            hf.plot_layer(field, quantity="radial")
        with pytest.raises(hf.PoseError, match="0 to 1"):
            hf.plot_layer(field, 2)
        with pytest.raises(hf.ArgumentError, match="must be a Region"):
            hf.plot_layer(field, layer="mid")
        with pytest.raises(hf.ArgumentError, match="Field or a Result"):
            hf.plot_layer(field.E)
        part = model.solve(coil, field.poses[:1], 50e6, elements=model.mesh.tags == 5)
        with pytest.raises(hf.HeadfieldError, match="no E in gray matter"):
            hf.plot_layer(part)


class TestDifference:
    def test_values(self, solved):
        _, _, field = solved
        scene = difference_scene(field, field, 0, 1)
        np.testing.assert_allclose(
            scene.magnitude, field.magnitude[0].astype(float) - field.magnitude[1], atol=1e-6
        )
        assert scene.scale.limits == (-scene.top, scene.top)
        itself = difference_scene(field, field, 0, 0)
        assert not itself.magnitude.any()

    @pytest.mark.filterwarnings("ignore::headfield.PlausibilityWarning")
    def test_relative_where_it_says_something(self, solved):
        model, coil, field = solved
        half = model.solve(coil, field.poses[:1], 25e6)
        scene = difference_scene(field, half, relative=True)
        known = np.isfinite(scene.magnitude)
        np.testing.assert_allclose(scene.magnitude[known], 100.0, rtol=1e-4)
        top = half.scene().top
        np.testing.assert_array_equal(known, half.magnitude[0] >= 0.05 * top)
        assert 0.02 < known.mean() < 0.98
        assert scene.scale.limits == (-100.0, 100.0)
        nothing = model.solve(coil, field.poses[:1], 0.0)
        with pytest.raises(hf.ArgumentError, match="0 V/m everywhere"):
            difference_scene(field, nothing, relative=True)

    def test_the_figure_says_which_way(self, solved):
        figure = hf.plot_difference(solved[2], solved[2], 0, 1, vmax=20)
        assert limits(figure) == [(-20.0, 20.0)]
        assert "A: pose 0, dI/dt 50 A/µs; B: pose 1, dI/dt 100 A/µs" in figure.get_suptitle()

    def test_the_title_lies_within_the_figure(self, solved, tmp_path):
        path = tmp_path / ("a_long_name_" * 6 + ".h5")
        solved[2].save(path)
        result = hf.read_result(path)
        figure = hf.plot_difference(result, result, 0, 1, relative=True, dpi=30)
        figure.draw_without_rendering()
        box = figure._suptitle.get_window_extent()
        assert 0 <= box.x0 < box.x1 <= figure.bbox.width
        assert figure.axes[0].get_window_extent().y1 < box.y0  # the axes make room

    def test_another_head_is_refused(self, solved):
        other = hf.HeadModel(hf.sphere_mesh(radii_mm=[68, 78, 92], tags=[1, 2, 5], edge_mm=16))
        field = other.solve(solved[1], solved[2].poses[:1], 50e6)
        with pytest.raises(hf.ArgumentError, match="different heads"):
            hf.plot_difference(solved[2], field)


class TestMontage:
    def test_one_scale_for_all(self, solved):
        _, coil, field = solved
        figure = hf.plot_montage(field, coil=coil)
        titles = ["pose 0, dI/dt 50 A/µs", "pose 1, dI/dt 100 A/µs"]
        assert [axes.get_title() for axes in figure.axes[:2]] == titles
        tops = [field.scene(pose).top for pose in (0, 1)]
        assert tops[1] > 1.5 * tops[0]
        assert limits(figure) == [(0.0, pytest.approx(tops[1]))]
        weak, strong = (axes.images[0].get_array().min(axis=2) for axes in figure.axes[:2])
        assert (strong < 0.1).sum() > 3 * (weak < 0.1).sum()  # dark is strong, in both alike

    def test_fields_of_several_coils(self, solved):
        model, coil, field = solved
        circle = hf.circular_coil(spacing_mm=12)
        other = model.solve(circle, field.poses[:1], 50e6)
        figure = hf.plot_montage([field, other], coil=[coil, circle], titles=["8", "0"], quantity="normal")
        assert [axes.get_title() for axes in figure.axes[:2]] == ["8", "0"]
        assert figure.get_suptitle() == "dI/dt 50 A/µs"
        ((low, high),) = limits(figure)
        assert low == -high

    def test_refused(self, solved):
        _, coil, field = solved
        with pytest.raises(hf.ArgumentError, match="1 field, 1 pose, 2 coils"):
            hf.plot_montage([field], coil=[coil, coil])
        with pytest.raises(hf.ArgumentError, match="1 to 60 panels"):
            hf.plot_montage(field, [])
        with pytest.raises(hf.ArgumentError, match="1 title for 2 panels"):
            hf.plot_montage(field, titles=["one"])
        with pytest.raises(hf.PoseError, match="pose 5"):
            hf.plot_montage(field, [0, 5])
        for columns in (0, -1, 1.5):
            with pytest.raises(hf.ArgumentError, match="columns"):
                hf.plot_montage(field, columns=columns)


class TestLook:
    def test_vmax_is_the_end_of_the_colours(self, solved):
        figure = solved[2].plot(vmax=42.0)
        assert limits(figure) == [(0.0, 42.0)]
        slices = [axes for axes in figure.axes if " = " in axes.get_title()]
        assert {axes.images[1].norm.vmax for axes in slices} == {42.0}

    @pytest.mark.parametrize("vmax", [0, -1, np.nan, "high"])
    def test_bad_vmax(self, solved, vmax):
        with pytest.raises(hf.ArgumentError, match="vmax"):
            solved[2].plot(vmax=vmax)

    def test_dpi(self, solved, tmp_path):
        from matplotlib.image import imread

        for dpi in (50, 100):
            solved[2].plot_cortex(tmp_path / f"{dpi}.png", dpi=dpi)
        sizes = [imread(tmp_path / f"{dpi}.png").shape[:2] for dpi in (50, 100)]
        assert np.array(sizes[1]) == pytest.approx(2 * np.array(sizes[0]), abs=2)
        with pytest.raises(hf.ArgumentError, match="dpi"):
            solved[2].plot_cortex(tmp_path / "p.png", dpi=1e6)

    @pytest.mark.parametrize("view", VIEWS)
    def test_sides(self, solved, view):
        scene = solved[2].scene(view=view)
        np.testing.assert_array_equal(scene.outward, VIEWS[view])
        # What is up in the picture: the top of the head, or its front.
        up = View.along(scene.outward, scene.scalp.nodes_mm).axes[1]
        assert up.tolist() == ([0, 1, 0] if view in ("top", "bottom") else [0, 0, 1])

    def test_bad_views_and_targets(self, solved):
        mesh = solved[0].mesh
        with pytest.raises(hf.ArgumentError, match="'coil', 'left'"):
            direction_of("above")
        with pytest.raises(hf.ArgumentError, match="no direction"):
            direction_of([0, 0, 0])
        with pytest.raises(hf.ArgumentError, match="pose of the coil is not known"):
            Setting(mesh, view="coil")
        with pytest.raises(hf.ArgumentError, match="target_mm"):
            Setting(mesh, target_mm=[1, 2])

    def test_a_target_is_marked_where_it_is(self, solved):
        figure = solved[2].plot(target_mm=[10, 20, 60], view="top")
        marks = [line for line in figure.axes[0].lines if line.get_gid() == "target"]
        assert {(float(m.get_xdata()[0]), float(m.get_ydata()[0])) for m in marks} == {(10.0, 20.0)}


def test_colours_of_both_signs_are_alike_in_lightness():
    """As many steps of lightness on either side of white, and equal ones (relative luminance, IEC 61966)."""
    colours = diverging()(np.linspace(0, 1, 257))[:, :3]
    linear = np.where(colours <= 0.04045, colours / 12.92, ((colours + 0.055) / 1.055) ** 2.4)
    lightness = 116 * np.cbrt(linear @ [0.2126, 0.7152, 0.0722]) - 16
    np.testing.assert_allclose(lightness[:128], lightness[:128:-1], atol=2.0)
    steps = np.diff(lightness)
    np.testing.assert_allclose(steps[:128], steps[:128].mean(), rtol=0.35)
