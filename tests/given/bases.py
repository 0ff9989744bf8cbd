# SPDX-License-Identifier: BSD-3-Clause
"""A real-time basis of a phantom, and coils over it."""

import functools

import numpy as np

import headfield as hf
from headfield.placement.positions import scalp_positions
from headfield.placement.scalp import Scalp
from headfield.placement.scalp_field import ScalpField
from headfield.placement.sites import tangential_poses
from headfield.poses.pose import tilts, turns


@functools.cache
def model():
    return hf.HeadModel(hf.phantom_head(edge_mm=8), device="cpu", primary="edges")


@functools.cache
def knob():
    """122 tetrahedra of gray matter."""
    return hf.regions.sphere(model().mesh, [-40.0, -8.0, 50.0], 15, 2)


@functools.cache
def basis():
    return hf.realtime_basis(model(), knob(), size=150)


@functools.cache
def poses(coil, k=6, seed=0):
    """k poses of a coil over the upper head, turned and tilted, its sources 4 to 15 mm off it."""
    rng = np.random.default_rng(seed)
    surface = model().scalp
    sites = scalp_positions(Scalp(surface, 10.0), spacing_mm=25.0)
    some = tangential_poses(sites, 4.0)[rng.integers(0, len(sites.point), k)]
    some = some @ turns(rng.uniform(0.0, 360.0, k)) @ tilts(rng.uniform(-8.0, 8.0, (k, 2)))
    gap = ScalpField(surface, reach_mm=80.0).clearance(coil.sources().points_mm, some)
    some[:, :3, 3] -= (np.maximum(4.0 - gap, 0.0) + rng.uniform(0.0, 10.0, k))[:, None] * some[:, :3, 2]
    gap = ScalpField(surface, reach_mm=80.0).clearance(coil.sources().points_mm, some)
    return some[gap > 3.5]


def relative(found, exact, region=None):
    """Relative L2 errors (k,) over a region."""
    share = (region or knob()).weights[None, :, None]
    return np.sqrt((share * (found - exact) ** 2).sum(axis=(1, 2)) / (share * exact**2).sum(axis=(1, 2)))
