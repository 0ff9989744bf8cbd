# SPDX-License-Identifier: BSD-3-Clause
"""What a page shows of a region, and |E| there."""

import numpy as np
import pytest

import headfield as hf
from headfield.regions.cortex import mid_layer
from headfield.serving.web.shown import Shown


@pytest.fixture(scope="module")
def mesh():
    return hf.phantom_head(edge_mm=8)


def test_of_whole_tetrahedra_the_outside(mesh):
    """A linear |E| comes out as it is, up to the size of an element; a constant exactly."""
    ball = hf.regions.sphere(mesh, [-40, -8, 50], radius_mm=30)
    shown = Shown(ball)
    np.testing.assert_allclose(shown.values(np.full(len(ball), 3.0)), 3.0, rtol=1e-6)
    x = shown.values(100.0 + ball.centres_mm[:, 0]) - 100.0
    assert np.abs(x - shown.points_mm[:, 0]).max() < 12
    away = shown.points_mm - [-40, -8, 50]
    assert (np.einsum("pd,pd->p", away, shown.normals) > 0).mean() > 0.9  # outward
    assert len(shown.faces) < 2 * len(shown.points_mm)


def test_loose_points(mesh):
    points = hf.regions.points(mesh, [[-40, -8, 50], [-40, -8, 40]])
    shown = Shown(points)
    assert shown.faces.shape == (0, 3)
    assert shown.values(np.array([1.0, np.nan])).tolist() == [1.0, -1.0]


def test_nothing_to_show(mesh, monkeypatch):
    with pytest.raises(hf.RegionError, match="nothing to show"):
        Shown(hf.regions.sphere(mesh, [-40, -8, 50], radius_mm=9) & hf.regions.tissue(mesh, 5))
    monkeypatch.setattr("headfield.serving.web.shown.MOST_POINTS", 100)
    with pytest.raises(hf.RegionError, match=r"show a part, such as mid-layer:X,Y,Z,R"):
        Shown(mid_layer(mesh))


def test_values_of_another_region(mesh):
    with pytest.raises(hf.RegionError, match="must have the shape"):
        Shown(mid_layer(mesh)).values(np.ones(3))
