# SPDX-License-Identifier: BSD-3-Clause
"""Pictures of a zoom: what is in them, where the plane lies, what is refused."""

import sys

import numpy as np
import pytest
from matplotlib.collections import LineCollection
from matplotlib.image import imread

import headfield as hf
from headfield.pictures.refined import LevelErrors, RefinedScene, draw_refined, write_refined

LEVELS = [LevelErrors(1000, 0.08, 0.2), LevelErrors(4000, 0.04, 0.15), LevelErrors(20000, 0.018, 0.1)]


@pytest.fixture(scope="module")
def scene():
    """A ball of which an inner one, flat in z, is the region."""
    ball = hf.sphere_mesh(radii_mm=[20, 26, 32], tags=[2, 3, 5], edge_mm=5)
    region = np.linalg.norm(ball.barycentres_mm() * [1, 1, 2], axis=1) < 15
    near = np.zeros(ball.n_nodes, bool)
    near[ball.tets[region]] = True
    rim = np.linalg.norm(ball.nodes_mm, axis=1) > 31.9
    return RefinedScene(ball, region, near[ball.tets].any(axis=1), rim, LEVELS, 0.02, 0.019)


def test_the_plane_cuts_most_of_the_region(scene):
    axis, at_mm = scene.plane()
    assert axis == 2
    assert abs(at_mm) < 1
    turned = hf.TetMesh(scene.mesh.nodes_mm[:, [2, 0, 1]], scene.mesh.tets, scene.mesh.tags)
    other = RefinedScene(turned, scene.region, scene.quadratic, scene.rim, LEVELS, 0.02, 0.019)
    assert other.plane() == (0, pytest.approx(at_mm))


def lines(axes):
    """Linear, quadratic, rim, region: segments (s, 2, 2), mm."""
    return [np.array(one.get_segments()) for one in axes.collections if isinstance(one, LineCollection)]


def test_the_slice_shows_elements_region_and_rim(scene):
    axes = draw_refined(scene).axes[0]
    linear, quadratic, rim, region = (np.linalg.norm(one, axis=2) for one in lines(axes))
    assert rim.min() > 31
    assert (region > 10).all()
    assert region.max() < 20
    assert quadratic.max() < 25 < linear.max()
    outer = np.array(lines(axes)[2])
    length = np.linalg.norm(outer[:, 1] - outer[:, 0], axis=1).sum()
    assert length == pytest.approx(2 * np.pi * 32, rel=0.02)  # once around
    assert [text.get_text() for text in axes.texts] == ["L", "R", "P", "A", "10 mm\n"]
    assert axes.get_title() == "the refined mesh, axial, z = 0 mm"


def test_errors_are_drawn_against_unknowns(scene):
    figure = draw_refined(scene)
    axes = figure.axes[1]
    assert (axes.get_xscale(), axes.get_yscale()) == ("log", "log")
    drawn = {line.get_label(): np.array(line.get_xydata()) for line in axes.lines}
    np.testing.assert_allclose(
        drawn["linear elements would be off by"], [[one.unknowns, 100 * one.linear] for one in LEVELS]
    )
    np.testing.assert_allclose(
        drawn["quadratic elements, mean of poses"], [[one.unknowns, 100 * one.quadratic] for one in LEVELS]
    )
    assert drawn["asked for: 2 %"][0, 1] == 2.0
    np.testing.assert_allclose(drawn["last level, the pose that is off most: 1.9 %"], [[20000, 1.9]])
    assert "NOT" not in figure._suptitle.get_text()


@pytest.mark.parametrize(("levels", "error"), [(LEVELS, 0.03), ([LevelErrors(1000, None, 0.2)], np.inf)])
def test_an_error_that_was_not_reached_is_told(scene, tmp_path, levels, error):
    short = RefinedScene(scene.mesh, scene.region, scene.quadratic, scene.rim, levels, 0.02, error)
    assert "(NOT the 2 % asked for)" in draw_refined(short)._suptitle.get_text()
    write_refined(short, tmp_path / "zoom.png")
    assert imread(tmp_path / "zoom.png").std() > 0.1


def test_a_zoom_draws_itself(tmp_path):
    head = hf.sphere_mesh(radii_mm=[80, 86, 92], tags=[2, 4, 5], edge_mm=12)
    model, coil = hf.HeadModel(head, threads=1), hf.figure_of_eight()
    target = hf.regions.sphere(head, [0, 0, 70], radius_mm=15, tags=2)
    zoom = model.zoom(target, coil, model.place(coil, [0, 0, 92], [0, 50, 92]), error=0.03)
    scene = zoom.scene()
    assert scene.mesh is zoom.mesh
    volume = scene.mesh.volumes_mm3()[scene.region].sum()
    assert volume == pytest.approx(target.weights.sum())
    first, second = zoom.report.levels[:2]
    assert scene.levels[0].quadratic == pytest.approx(np.hypot(second.change, second.error))
    assert [one.linear for one in scene.levels] == [one.linear_error for one in zoom.report.levels]
    assert first.error is None
    assert len(zoom.plot().axes) == 2
    zoom.write_picture(tmp_path / "zoom.svg")
    assert b"<svg" in (tmp_path / "zoom.svg").read_bytes()[:2000]
    with pytest.raises(hf.FileFormatError, match="pictures are written as"):
        zoom.write_picture(tmp_path / "zoom.gif")


def test_without_matplotlib_it_says_what_to_install(scene, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(hf.MissingPackageError, match=r"headfield\[plot\]"):
        draw_refined(scene)
