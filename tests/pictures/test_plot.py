# SPDX-License-Identifier: BSD-3-Clause
"""Pictures: the rasteriser against a direct search; what is in a picture of the cortex, and of all."""

import itertools
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.image import imread
from matplotlib.text import Text

import headfield as hf
from headfield.geometry.raster import rasterise


def slow_raster(corners, width, height):
    """Every pixel against every triangle, by solving for the weights."""
    face = np.full((height, width), -1)
    for i in range(height):
        for j in range(width):
            nearest = -np.inf
            for f, corner in enumerate(corners):
                matrix = np.vstack([corner[:, :2].T, np.ones(3)])
                if abs(np.linalg.det(matrix)) < 1e-9:
                    continue
                w = np.linalg.solve(matrix, [j, i, 1.0])
                depth = w @ corner[:, 2]
                if w.min() >= 0 and depth > nearest:
                    face[i, j], nearest = f, depth
    return face


class TestRaster:
    @settings(max_examples=30, deadline=None)
    @given(st.integers(0, 2**32 - 1), st.integers(1, 6))
    def test_against_direct_search(self, seed, count):
        corners = np.random.default_rng(seed).uniform(-4, 12, (count, 3, 3))
        face, weights = rasterise(corners, 9, 7)
        np.testing.assert_array_equal(face, slow_raster(corners, 9, 7))
        i, j = np.nonzero(face >= 0)
        at = np.einsum("pc,pcd->pd", weights[i, j], corners[face[i, j], :, :2])
        np.testing.assert_allclose(at, np.stack([j, i], axis=1), atol=1e-9)
        assert not weights[face < 0].any()

    def test_pieces_do_not_show(self, monkeypatch):
        corners = np.random.default_rng(1).uniform(0, 30, (40, 3, 3))
        whole = rasterise(corners, 30, 30)
        monkeypatch.setattr("headfield.geometry.raster._CANDIDATES", 100)
        for a, b in zip(whole, rasterise(corners, 30, 30), strict=True):
            np.testing.assert_array_equal(a, b)

    def test_nothing_to_draw(self):
        edge_on = np.array([[[0.0, 0, 0], [4, 4, 0], [2, 2, 5]], [[90.0, 90, 0], [99, 90, 0], [90, 99, 0]]])
        for corners in (edge_on, np.zeros((0, 3, 3))):
            face, _ = rasterise(corners, 5, 5)
            assert (face == -1).all()


@pytest.fixture(autouse=True)
def few_pixels(monkeypatch):
    """Coarser pictures, of the same size on paper: the tests look at large parts of them."""
    monkeypatch.setattr("headfield.pictures.figure._PIXELS", 200)
    monkeypatch.setattr("headfield.pictures.figure._PIXEL_MM", 2.0)
    monkeypatch.setattr("headfield.pictures.figure._DPI", 160)


@pytest.fixture(scope="module")
def solved():
    mesh = hf.sphere_mesh(radii_mm=[76, 82, 92], tags=[2, 4, 5], edge_mm=12)
    coil = hf.figure_of_eight(spacing_mm=12)
    model = hf.HeadModel(mesh)
    poses = np.stack(
        [model.place(coil, c, h) for c, h in (([0, 0, 95], [0, 9, 95]), ([-95, 0, 9], [-95, 9, 9]))]
    )
    return model, coil, model.solve(coil, poses, 50e6)


def strong(picture):
    """Where the picture has the colours of a large field: violet, blue well above green."""
    return (picture[..., 2] - picture[..., 1] > 0.12) & (picture[..., 1] < 0.4)


def left_of_the_scale(path):
    picture = imread(path)[..., :3]
    return picture[:, : int(0.8 * picture.shape[1])]


class TestPlotCortex:
    @pytest.mark.parametrize("pose", [0, 1])
    def test_the_field_is_under_the_coil(self, solved, tmp_path, pose):
        solved[2].plot_cortex(tmp_path / "p.png", pose=pose)
        picture = left_of_the_scale(tmp_path / "p.png")
        rows, columns = np.nonzero(strong(picture))
        brain = picture.max(axis=2) - picture.min(axis=2) > 0.03
        centre = np.argwhere(brain).mean(axis=0)
        assert len(rows) > 500
        assert abs(rows.mean() - centre[0]) < 0.1 * len(picture)
        assert abs(columns.mean() - centre[1]) < 0.1 * len(picture)

    def test_any_coil_is_drawn(self, solved, tmp_path):
        _, _, field = solved
        wire = hf.wire_coil(hf.spiral_path(20, 40, 5, centre_mm=(0, 0, -6)), closed=True)
        grid = hf.SampledPotential(np.full((3, 3, 3, 3), 1e-7), np.diag([90.0, 90, 90, 1]))
        dark = []
        known_by_A = hf.Coil(elements=[hf.CoilElement(grid)])
        for i, coil in enumerate((wire, known_by_A)):
            field.plot_cortex(tmp_path / f"{i}.png", coil=coil)
            dark.append((imread(tmp_path / f"{i}.png")[..., :3].max(axis=2) < 0.25).sum())
        assert dark[0] > dark[1] + 300

    def test_the_coil_is_drawn(self, solved, tmp_path):
        _, coil, field = solved
        field.plot_cortex(tmp_path / "with.png", coil=coil)
        field.plot_cortex(tmp_path / "without.png")
        blue = []
        for name in ("with.png", "without.png"):
            picture = left_of_the_scale(tmp_path / name)
            blue.append((picture[..., 2] - picture[..., 0] > 0.05).sum())  # one wing's dipoles, over cream
        assert blue[0] > blue[1] + 300

    def test_same_input_same_picture(self, solved, tmp_path):
        _, coil, field = solved
        for name in ("a.png", "b.png"):
            field.plot_cortex(tmp_path / name, coil=coil)
        assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()

    def test_part_of_the_head(self, solved, tmp_path):
        model, coil, field = solved
        mesh = model.mesh
        half = (mesh.tags == 2) & (mesh.barycentres_mm()[:, 0] > 0)
        part = model.solve(coil, field.poses[:1], 50e6, elements=half)
        part.plot_cortex(tmp_path / "part.png")
        field.plot_cortex(tmp_path / "whole.png")
        colour = [strong(left_of_the_scale(tmp_path / name)).sum() for name in ("part.png", "whole.png")]
        assert 0 < colour[0] < 0.8 * colour[1]
        bone = model.solve(coil, field.poses[:1], 50e6, elements=mesh.tags == 4)
        with pytest.raises(hf.HeadfieldError, match="leaves them out"):
            bone.plot_cortex(tmp_path / "bone.png")

    @pytest.mark.parametrize("ending", [".pdf", ".svg"])
    def test_other_formats(self, solved, tmp_path, ending):
        solved[2].plot_cortex(tmp_path / f"p{ending}", tags=[5])
        assert (tmp_path / f"p{ending}").stat().st_size > 1000

    def test_bad_arguments(self, solved, tmp_path):
        field = solved[2]
        with pytest.raises(hf.FileFormatError, match="xyz"):
            field.plot_cortex(tmp_path / "p.xyz")
        for pose in (-1, 2, 0.5, None):
            with pytest.raises(hf.PoseError, match="poses 0 to 1"):
                field.plot_cortex(tmp_path / "p.png", pose=pose)
        with pytest.raises(hf.HeadfieldError, match="no tissue"):
            field.plot_cortex(tmp_path / "p.png", tags=(77,))
        with pytest.raises(FileNotFoundError, match="there is no folder"):
            field.plot_cortex(tmp_path / "missing" / "p.png")
        (tmp_path / "p.png").mkdir()
        with pytest.raises(IsADirectoryError):
            field.plot_cortex(tmp_path / "p.png")
        assert [path.name for path in tmp_path.iterdir()] == ["p.png"]

    def test_without_matplotlib(self, solved, tmp_path, monkeypatch):
        monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
        with pytest.raises(hf.HeadfieldError, match=r"headfield\[plot\]"):
            solved[2].plot_cortex(tmp_path / "p.png")
        with pytest.raises(hf.HeadfieldError, match=r"headfield\[plot\]"):
            solved[2].plot()

    def test_pyplot_is_left_alone(self, solved, tmp_path):
        before = set(sys.modules)
        solved[2].plot_cortex(tmp_path / "p.png")
        assert "matplotlib.pyplot" not in set(sys.modules) - before


def shown(figure):
    """The texts of a figure, without the labels of ticks beyond the limits, which exist but are not drawn."""
    beyond = set()
    for axis in (axis for axes in figure.axes for axis in (axes.xaxis, axes.yaxis)):
        low, high = sorted(axis.get_view_interval())
        for tick in [*axis.get_major_ticks(), *axis.get_minor_ticks()]:
            if not low <= tick.get_loc() <= high or not axis.axes.axison:
                beyond |= {tick.label1, tick.label2}
    texts = [t for t in figure.findobj(Text) if t.get_visible() and t.get_text().strip() and t not in beyond]
    return [t for t in texts if t.get_window_extent().width > 0]


class TestPlot:
    def test_what_is_in_it(self, solved):
        _, coil, field = solved
        figure = field.plot(pose=1, coil=coil)
        cortex, histogram, *slices = (axes for axes in figure.axes if axes.get_label() != "<colorbar>")
        assert len(cortex.collections) > 2
        gray = field.mesh.tags == 2
        volume = field.mesh.volumes_mm3()[gray]
        bars = sum(bar.get_height() for bar in histogram.patches)
        assert bars == pytest.approx(volume.sum() * 1e-3)
        expected = hf.metrics.percentiles(field.magnitude[1, gray], volume, [50, 99, 99.9])
        assert [line.get_xdata()[0] for line in histogram.lines] == pytest.approx(expected.tolist())
        assert [text.get_text() for text in histogram.get_legend().get_texts()] == [
            f"{p} %: {v:.3g} V/m" for p, v in zip(("50", "99", "99.9"), expected, strict=True)
        ]
        place = hf.metrics.peak(field.magnitude[1, gray], field.mesh.barycentres_mm()[gray]).place_mm
        assert [axes.get_title() for axes in slices] == [
            f"{name} = {x:.0f} mm".replace("-", "−")
            for name, x in zip(("sagittal, x", "coronal, y", "axial, z"), place, strict=True)
        ]
        title = figure.get_suptitle()
        assert "pose 1 of 2" in title
        assert "dI/dt 50 A/µs" in title
        assert f"peak {expected[2]:.3g} V/m" in title

    def test_one_scale_of_colours_and_of_millimetres(self, solved):
        _, coil, field = solved
        figure = field.plot(coil=coil)
        figure.draw_without_rendering()
        gray = field.mesh.tags == 2
        top = hf.metrics.percentiles(field.magnitude[0, gray], field.mesh.volumes_mm3()[gray], 99.9)
        slices = [axes for axes in figure.axes if " = " in axes.get_title()]
        per_mm = []
        for axes in slices:
            assert axes.images[1].norm.vmax == pytest.approx(float(top))
            per_mm.append(axes.get_window_extent().width / np.diff(axes.get_xlim())[0])
        assert per_mm == pytest.approx([per_mm[0]] * 3, rel=1e-3)

    @pytest.mark.filterwarnings("ignore::headfield.PlausibilityWarning")
    @pytest.mark.parametrize("didt", [50e6, 1e3])
    def test_no_text_covers_another(self, solved, didt):
        model, coil, field = solved
        figure = model.solve(coil, field.poses, didt).plot(pose=1, coil=coil)
        figure.draw_without_rendering()
        boxes = [(text.get_text(), text.get_window_extent()) for text in shown(figure)]
        assert len(boxes) > 25
        width, height = figure.bbox.size
        cut_off = [text for text, b in boxes if b.x0 < 0 or b.y0 < 0 or b.x1 > width or b.y1 > height]
        assert not cut_off
        pairs = itertools.combinations(boxes, 2)
        overlap = [(a, b) for (a, x), (b, y) in pairs if x.shrunk(0.98, 0.98).overlaps(y.shrunk(0.98, 0.98))]
        assert not overlap

    def test_a_notebook_shows_it(self, solved):
        figure = solved[2].plot()
        assert figure._repr_png_().startswith(b"\x89PNG")

    @pytest.mark.filterwarnings("ignore::headfield.PlausibilityWarning")
    def test_no_field_is_no_error(self, solved):
        model, coil, field = solved
        figure = model.solve(coil, field.poses[:1], 0.0).plot()
        slices = [axes for axes in figure.axes if " = " in axes.get_title()]
        assert [np.nanmax(axes.images[1].get_array()) for axes in slices] == [0, 0, 0]
        figure.draw_without_rendering()
