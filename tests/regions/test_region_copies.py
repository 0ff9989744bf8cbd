# SPDX-License-Identifier: BSD-3-Clause
"""Regions that are pickled and copied."""

import functools

import pytest
from given.copies import WAYS, assert_same_regions

from headfield import regions, sphere_mesh

KINDS = {
    "tetrahedra": lambda mesh: regions.tissue(mesh, 2),
    "no tetrahedra": lambda mesh: regions.tissue(mesh, 2) - regions.tissue(mesh, 2),
    "points": lambda mesh: regions.points(mesh, [[0.0, 0, 50], [1, 2, 3]]),
    "surface": regions.mid_layer,
}


@functools.cache
def head():
    return sphere_mesh(radii_mm=[70, 78, 90], tags=[1, 2, 3], edge_mm=12)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("kind", KINDS)
def test_a_copy_has_the_same_closed_arrays(kind, way):
    region = KINDS[kind](head())
    assert region.weights.flags.writeable is False
    copied = WAYS[way](region)
    assert_same_regions(region, copied)
    assert repr(copied) == repr(region)


@pytest.mark.parametrize("way", WAYS)
def test_regions_that_travel_together_keep_one_mesh(way):
    gray, ball = WAYS[way]((regions.tissue(head(), 2), regions.sphere(head(), [0, 0, 74], radius_mm=20)))
    assert gray.mesh is ball.mesh
    assert len(gray & ball) == len(regions.tissue(head(), 2) & regions.sphere(head(), [0, 0, 74], 20)) > 0
