# SPDX-License-Identifier: BSD-3-Clause
"""Pictures: the rasteriser against a direct search, and what is in a picture of the cortex."""

import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.image import imread

import headfield as hf
from headfield._raster import rasterise
from headfield.plot import plot_cortex


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
        monkeypatch.setattr("headfield._raster._CANDIDATES", 100)
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
    monkeypatch.setattr("headfield.plot._PIXELS", 400)


@pytest.fixture(scope="module")
def solved():
    mesh = hf.sphere_mesh(radii_mm=[76, 82, 92], tags=[2, 4, 5], edge_mm=12)
    coil = hf.figure_of_eight(spacing_mm=12)
    model = hf.HeadModel(mesh)
    poses = np.stack(
        [model.place(coil, c, h) for c, h in (([0, 0, 95], [0, 9, 95]), ([-95, 0, 9], [-95, 9, 9]))]
    )
    return model, coil, model.solve(coil, poses, 50e6)


def redness(picture):
    """Where the picture is strongly coloured as a large field is."""
    return (picture[..., 0] - picture[..., 2] > 0.35) & (picture[..., 1] < 0.5)


class TestPlotCortex:
    @pytest.mark.parametrize("pose", [0, 1])
    def test_the_field_is_under_the_coil(self, solved, tmp_path, pose):
        _, _, field = solved
        plot_cortex(field, tmp_path / "p.png", pose=pose)
        picture = imread(tmp_path / "p.png")[..., :3]
        rows, columns = np.nonzero(redness(picture[:, : int(0.8 * picture.shape[1])]))
        brain = (picture.max(axis=2) - picture.min(axis=2) > 0.03)[:, : int(0.8 * picture.shape[1])]
        centre = np.argwhere(brain).mean(axis=0)
        assert len(rows) > 500
        assert abs(rows.mean() - centre[0]) < 0.1 * len(picture)
        assert abs(columns.mean() - centre[1]) < 0.1 * len(picture)

    def test_any_coil_is_drawn(self, solved, tmp_path):
        _, _, field = solved
        wire = hf.wire_coil(hf.spiral_path(20, 40, 5, centre_mm=(0, 0, -6)), closed=True)
        grid = hf.SampledPotential(np.ones((3, 3, 3, 3)), np.diag([90.0, 90, 90, 1]))
        two = [hf.CoilElement(wire.elements[0].source, i) for i in range(2)]
        drawn = []
        for i, elements in enumerate((wire.elements, [hf.CoilElement(grid)], two)):
            coil = hf.Coil(elements=elements, stimulators=[hf.Stimulator()] * (2 if elements is two else 1))
            plot_cortex(field, tmp_path / f"{i}.png", coil=coil)
            drawn.append((tmp_path / f"{i}.png").read_bytes())
        assert drawn[0] != drawn[1]
        assert drawn[0] == drawn[2]

    def test_the_coil_is_drawn(self, solved, tmp_path):
        _, coil, field = solved
        plot_cortex(field, tmp_path / "with.png", coil=coil)
        plot_cortex(field, tmp_path / "without.png")
        dark = [
            (imread(tmp_path / name)[..., :3].max(axis=2) < 0.25).sum()
            for name in ("with.png", "without.png")
        ]
        assert dark[0] > dark[1] + 2000

    def test_same_input_same_picture(self, solved, tmp_path):
        _, coil, field = solved
        for name in ("a.png", "b.png"):
            plot_cortex(field, tmp_path / name, coil=coil)
        assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()

    def test_part_of_the_head(self, solved, tmp_path):
        model, coil, field = solved
        mesh = model.mesh
        half = (mesh.tags == 2) & (mesh.barycentres_mm()[:, 0] > 0)
        part = model.solve(coil, field.poses[:1], 50e6, elements=half)
        plot_cortex(part, tmp_path / "part.png")
        plot_cortex(field, tmp_path / "whole.png")
        colour = [redness(imread(tmp_path / name)[:, :900]).sum() for name in ("part.png", "whole.png")]
        assert 0 < colour[0] < 0.8 * colour[1]
        bone = model.solve(coil, field.poses[:1], 50e6, elements=mesh.tags == 4)
        with pytest.raises(hf.HeadfieldError, match="leaves it out"):
            plot_cortex(bone, tmp_path / "bone.png")

    def test_no_field_is_no_error(self, solved, tmp_path):
        model, coil, field = solved
        plot_cortex(model.solve(coil, field.poses[:1], 0.0), tmp_path / "zero.png")
        assert not redness(imread(tmp_path / "zero.png")[:, :900]).any()

    @pytest.mark.parametrize("ending", [".pdf", ".svg"])
    def test_other_formats(self, solved, tmp_path, ending):
        plot_cortex(solved[2], tmp_path / f"p{ending}", tags=[5])
        assert (tmp_path / f"p{ending}").stat().st_size > 1000

    def test_bad_arguments(self, solved, tmp_path):
        field = solved[2]
        with pytest.raises(hf.FileFormatError, match="xyz"):
            plot_cortex(field, tmp_path / "p.xyz")
        for pose in (-1, 2, 0.5, None):
            with pytest.raises(hf.PoseError, match="poses 0 to 1"):
                plot_cortex(field, tmp_path / "p.png", pose=pose)
        with pytest.raises(hf.HeadfieldError, match="no tissue"):
            plot_cortex(field, tmp_path / "p.png", tags=(77,))
        with pytest.raises(FileNotFoundError):
            plot_cortex(field, tmp_path / "missing" / "p.png")
        assert not list(tmp_path.iterdir())

    def test_without_matplotlib(self, solved, tmp_path, monkeypatch):
        monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
        with pytest.raises(hf.HeadfieldError, match=r"headfield\[plot\]"):
            plot_cortex(solved[2], tmp_path / "p.png")

    def test_pyplot_is_left_alone(self, solved, tmp_path):
        before = set(sys.modules)
        plot_cortex(solved[2], tmp_path / "p.png")
        assert "matplotlib.pyplot" not in set(sys.modules) - before
