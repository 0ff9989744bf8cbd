# SPDX-License-Identifier: BSD-3-Clause
"""Pictures of E over threshold on the cortex: colours at the threshold, bars, and what is refused."""

import functools

import numpy as np
import pytest

import headfield as hf
from headfield import dose
from headfield.errors import ArgumentError
from headfield.pictures.activation_figure import _palette


@pytest.fixture(autouse=True)
def few_pixels(monkeypatch):
    monkeypatch.setattr("headfield.pictures.figure._PIXELS", 200)
    monkeypatch.setattr("headfield.pictures.figure._DPI", 100)


@functools.cache
def layer():
    return hf.regions.mid_layer(hf.sphere_mesh(radii_mm=[70, 78, 90], tags=[1, 2, 5], edge_mm=12))


def shown(E, **options):
    return dose.activation(E, 50.0, rule="magnitude", region=layer(), **options)


def test_the_share_that_is_red_is_the_share_that_is_activated():
    """|E| = z: the cap above 50 mm of a sphere that is seen from above, a disc of that share of the whole."""
    radius = np.linalg.norm(layer().centres_mm, axis=1).mean()
    figure = shown(np.maximum(layer().centres_mm[:, 2:], 0) * [1.0, 0, 0]).plot()
    picture = np.asarray(figure.axes[0].images[0].get_array())
    on = (picture < 0.995).any(axis=2)
    red = on & (picture[..., 0] > picture[..., 2] + 0.1)
    assert red.sum() / on.sum() == pytest.approx(1 - (50 / radius) ** 2, abs=0.06)
    rows, columns = np.nonzero(red)
    assert abs(rows.mean() - picture.shape[0] / 2) < 0.05 * picture.shape[0]
    assert abs(columns.mean() - picture.shape[1] / 2) < 0.05 * picture.shape[1]


def test_bars_are_the_area():
    found = shown(np.maximum(layer().centres_mm[:, 2:], 0) * [1.0, 0, 0])
    bars = found.plot().axes[1]
    height = np.array([bar.get_height() for bar in bars.patches])
    assert height.sum() == pytest.approx(layer().weights.sum(), rel=1e-6)
    assert f"{found.recruited[0]:,.0f} mm² of {layer().weights.sum():,.0f} mm²" in bars.get_title()


def test_colours_have_their_edge_at_the_threshold():
    for top in (1.5, 4.0):
        palette = _palette(top)
        below, above = (np.array(palette(ratio / top)[:3]) for ratio in (0.98, 1.02))
        assert below[2] > below[0]  # blue
        assert above[0] > above[2] + 0.3  # orange


@pytest.mark.parametrize("scale", [0.0, 1e-3])
def test_weak_fields_have_pictures_too(scale, tmp_path):
    figure = shown(scale * layer().centres_mm).plot()
    figure.savefig(tmp_path / "a.png")
    assert "0 mm² of" in figure.axes[1].get_title()


def test_unknown_points_are_gray():
    table = dose.ThresholdTable([-20, 20], [0, 180], [[50, 50], [50, 50]])
    change = np.where(layer().centres_mm[:, 0] > 0, 100.0, 0.0)
    found = dose.activation(layer().centres_mm, table, region=layer(), change=change, outside="nan")
    figure = found.plot()
    assert 0 < found.unknown[0] < layer().weights.sum()
    figure.canvas.draw()


def test_what_cannot_be_drawn():
    found = shown(layer().centres_mm)
    for pose in (1, -1, 0.0):
        with pytest.raises(ArgumentError, match="there are the poses 0 to 0"):
            found.plot(pose)
    with pytest.raises(ArgumentError, match="needs a region with a surface"):
        dose.activation(np.ones((4, 3)), 5.0, rule="magnitude").plot()
