# SPDX-License-Identifier: BSD-3-Clause
"""Slices of a head over its image: pixels against SciPy, what is in the figure, what is refused."""

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.image import imread
from matplotlib.text import Text
from scipy.ndimage import map_coordinates
from scipy.spatial.transform import Rotation

import headfield as hf
from headfield.heads.segmentation.from_labels import tissue_image
from headfield.heads.segmentation.image import given
from headfield.pictures.colours import tissue_colour
from headfield.pictures.interfaces import write_interfaces

TURNED = Rotation.from_euler("xyz", [20, -35, 50], degrees=True).as_matrix()


@pytest.fixture(scope="module")
def ball():
    return hf.sphere_mesh(radii_mm=[20, 26, 32], tags=[2, 3, 5], edge_mm=5)


def image_of_ball(centre_mm=(0.0, 0.0, 0.0), axes=TURNED, spacing_mm=(1.0, 1.5, 2.0)):
    """The same ball as labels, in a turned and, by the sign of an axis, left-handed grid."""
    shape = np.array([76, 52, 38])
    affine = np.eye(4)
    affine[:3, :3] = axes @ np.diag(spacing_mm) @ np.diag([-1, 1, 1])
    affine[:3, 3] = centre_mm - affine[:3, :3] @ ((shape - 1) / 2)
    points = np.moveaxis(np.indices(shape), 0, -1) @ affine[:3, :3].T + affine[:3, 3]
    radius = np.linalg.norm(points - centre_mm, axis=-1)
    labels = np.select([radius < 20, radius < 26, radius < 32], [2, 3, 5], 0)
    return affine, labels.astype(np.int16)


def colours(tags):
    table = {0: (1.0, 1.0, 1.0)} | {tag: to_rgb(tissue_colour(tag)) for tag in (2, 3, 5)}
    return np.array([table[tag] for tag in tags.ravel().tolist()]).reshape(*tags.shape, 3)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_each_pixel_has_the_voxel_around_it(ball, axis):
    affine, labels = image_of_ball()
    at = [3.3, -4.7, 8.1]
    shown = hf.plot_head(ball, (affine, labels), at_mm=at).axes[axis].images[0]
    drawn = np.asarray(shown.get_array())
    left, right, bottom, top = shown.get_extent()
    height, width = drawn.shape[:2]
    points = np.full((height, width, 3), at[axis])
    u, v = (d for d in range(3) if d != axis)
    points[..., u] = np.linspace(left, right, width, endpoint=False) + (right - left) / width / 2
    points[..., v] = (np.linspace(bottom, top, height, endpoint=False) + (top - bottom) / height / 2)[:, None]
    voxel = (points - affine[:3, 3]) @ np.linalg.inv(affine[:3, :3]).T
    wanted = map_coordinates(labels, np.moveaxis(voxel, -1, 0), order=0, mode="constant")
    off = (np.abs(drawn - colours(wanted)) > 1e-6).any(axis=-1)
    assert off.mean() < 1e-4  # voxels are as near as rounding decides
    assert {2, 3, 5} <= set(np.unique(wanted).tolist())


def test_without_an_image_the_tissues_of_the_mesh_are_coloured(ball):
    figure = hf.plot_head(ball, at_mm=[0, 0, 10])
    drawn = np.asarray(figure.axes[2].images[0].get_array())
    for tag, radii in ((2, (0, 20)), (3, (20, 26)), (5, (26, 32))):
        area = np.pi * (max(radii[1] ** 2 - 100, 0) - max(radii[0] ** 2 - 100, 0))
        is_it = np.abs(drawn - to_rgb(tissue_colour(tag))).max(axis=-1) < 1e-6
        left, right, bottom, top = figure.axes[2].images[0].get_extent()
        pixel = (right - left) * (top - bottom) / is_it.size
        assert is_it.sum() * pixel == pytest.approx(area, rel=0.06)


def test_the_lines_are_where_the_plane_cuts_the_interfaces(ball):
    (lines,) = hf.plot_head(ball, at_mm=[0, 0, 7]).axes[2].collections
    ends = np.concatenate(lines.get_segments())
    distance = np.hypot(np.linalg.norm(ends, axis=1), 7)
    off = np.abs(distance[:, None] - [20, 26, 32]).min(axis=1)
    assert off.max() < 0.5  # chords of an edge of 5 mm
    assert all((np.abs(distance - radius) < 0.5).sum() > 20 for radius in (20, 26, 32))


def test_numbers_letters_and_a_bar(ball):
    figure = hf.plot_head(ball, image_of_ball(), name="ball.msh")
    words = [text.get_text() for text in figure.findobj(Text)]
    assert f"ball.msh\n{ball.n_nodes:,} nodes, {ball.n_tets:,} tetrahedra" in words
    left = ball.nodes_mm[ball.tets].mean(axis=1)[(ball.tags == 2)]
    left = left[left[:, 0] < 0, 0]
    titles = [axes.get_title().split(" = ") for axes in figure.axes]
    assert titles[1:] == [["coronal, y", "0 mm"], ["axial, z", "0 mm"]]
    assert titles[0][0] == "sagittal, x"
    assert float(titles[0][1].removesuffix(" mm").replace("−", "-")) == pytest.approx(left.mean(), abs=1.5)
    assert "".join(sorted(w for w in words if len(w) == 1)) == "AAIILLPPRRSS"
    assert "10 mm" in words
    ratios = {w.rsplit(" ", 1)[0]: float(w.rsplit(" ", 1)[1]) for w in words if w[-4:-3] == "."}
    _, labels = image_of_ball()
    for name, tag in (("gray matter", 2), ("CSF", 3), ("scalp", 5)):
        of_image = (labels == tag).sum() * 3.0
        assert ratios[name] == pytest.approx(ball.volumes_mm3()[ball.tags == tag].sum() / of_image, abs=6e-4)


def test_a_tissue_that_is_lost_is_shown_and_named(ball):
    affine, labels = image_of_ball()
    labels[5:8, 20:30, 10:20] = 7
    words = [text.get_text() for text in hf.plot_head(ball, (affine, labels)).findobj(Text)]
    assert "compact bone 0.000" in words


def test_the_legend_says_what_is_of_the_image_and_what_of_the_mesh(ball):
    with_image = [text.get_text() for text in hf.plot_head(ball, image_of_ball()).findobj(Text)]
    assert any("colours: voxels of the image; lines: interfaces of the mesh" in words for words in with_image)
    without = [text.get_text() for text in hf.plot_head(ball).findobj(Text)]
    assert not any("of the image" in words for words in without)


def test_what_lies_outside_of_the_mesh_is_in_the_picture(ball):
    affine, labels = image_of_ball(centre_mm=(40.0, 10.0, -5.0))
    there = np.argwhere(labels) @ affine[:3, :3].T + affine[:3, 3]
    axial = hf.plot_head(ball, (affine, labels)).axes[2]
    left, right, bottom, top = axial.get_xlim() + axial.get_ylim()
    low, high = there.min(axis=0), there.max(axis=0)
    assert left < min(low[0], -32)
    assert high[0] < right < high[0] + 12
    assert bottom < -32
    assert high[1] < top


@pytest.mark.parametrize("ending", [".png", ".pdf", ".svg"])
def test_it_is_written(ball, tmp_path, ending):
    path = tmp_path / f"head{ending}"
    write_interfaces(path, ball, tissue_image(given(image_of_ball())))
    assert path.stat().st_size > 10_000
    if ending == ".png":
        assert imread(path).shape[1] == 2400
    assert list(tmp_path.iterdir()) == [path]


def test_what_is_refused(ball, tmp_path):
    affine, labels = image_of_ball()
    for at in ([1, 2], [[0, 0, 0]], [0, 0, np.nan], "C3"):
        with pytest.raises(hf.ArgumentError, match="at_mm"):
            hf.plot_head(ball, at_mm=at)
    for image in ((affine, labels[0]), (affine, labels * 0.5), (np.zeros((4, 4)), labels)):
        with pytest.raises(hf.MeshError, match=r"image|affine"):
            hf.plot_head(ball, image)
    with pytest.raises(hf.FileFormatError, match="pictures are written as"):
        write_interfaces(tmp_path / "a.jpg", ball)
    with pytest.raises(FileNotFoundError):
        write_interfaces(tmp_path / "no" / "a.png", ball)
    assert not list(tmp_path.iterdir())


def test_a_plane_beside_the_head_is_empty(ball):
    axes = hf.plot_head(ball, image_of_ball(), at_mm=[0, 0, 90]).axes[2]
    assert (np.asarray(axes.images[0].get_array()) == 1.0).all()
    assert not axes.collections[0].get_segments()
