# SPDX-License-Identifier: BSD-3-Clause
"""A real-time basis of a phantom, and coils over it."""

import contextlib
import functools

import numpy as np
import pytest

import headfield as hf
from headfield.placement.positions import scalp_positions
from headfield.placement.scalp import Scalp
from headfield.placement.scalp_field import ScalpField
from headfield.placement.sites import tangential_poses
from headfield.poses.pose import tilts, turns
from headfield.realtime import make, probes


@functools.cache
def model():
    return hf.HeadModel(hf.phantom_head(edge_mm=8), device="cpu", primary="edges")


@functools.cache
def knob():
    """122 tetrahedra of gray matter."""
    return hf.regions.sphere(model().mesh, [-40.0, -8.0, 50.0], 15, 2)


@functools.cache
def basis():
    return made(size=150)


@contextlib.contextmanager
def coarse_tables():
    """Bases whose random sums are tabulated in a tenth of the time: for tests that ask for no estimates."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(probes, "_STEP_MM", 10.0)
        yield


@functools.cache
def small():
    with coarse_tables():
        return hf.realtime_basis(model(), knob(), size=60)


@functools.cache
def basis_of_points():
    """At the middles of the same tetrahedra, with normals there and potentials of the whole head."""
    normals = np.tile([0.0, 0.0, 1.0], (len(knob()), 1))
    points = hf.Region(knob().mesh, knob().elements, np.full((len(knob()), 4), 0.25), normals=normals)
    with coarse_tables():
        return hf.realtime_basis(model(), points, size=150, potentials=True)


def made(**options):
    """A basis with other options for the same region, whose random sums are tabulated once for all of them.

    The tables take most of the time, and depend on the head and the region only.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(make, "probe_tables", lambda *_: tables())
        return hf.realtime_basis(model(), knob(), **options)


@functools.cache
def tables():
    return probes.probe_tables(model(), knob())


@functools.cache
def around():
    """Distances from the scalp."""
    return ScalpField(model().scalp, reach_mm=80.0)


@functools.cache
def sites():
    """Places on the upper head."""
    return scalp_positions(Scalp(model().scalp, 10.0), spacing_mm=25.0)


@functools.cache
def poses(coil, k=6, seed=0):
    """k poses of a coil over the upper head, turned and tilted, its sources 4 to 15 mm off it."""
    rng = np.random.default_rng(seed)
    some = tangential_poses(sites(), 4.0)[rng.integers(0, len(sites().point), k)]
    some = some @ turns(rng.uniform(0.0, 360.0, k)) @ tilts(rng.uniform(-8.0, 8.0, (k, 2)))
    gap = around().clearance(coil.sources().points_mm, some)
    some[:, :3, 3] -= (np.maximum(4.0 - gap, 0.0) + rng.uniform(0.0, 10.0, k))[:, None] * some[:, :3, 2]
    gap = around().clearance(coil.sources().points_mm, some)
    return some[gap > 3.5]


def relative(found, exact, region=None):
    """Relative L2 errors (k,) over a region."""
    share = (region or knob()).weights[None, :, None]
    return np.sqrt((share * (found - exact) ** 2).sum(axis=(1, 2)) / (share * exact**2).sum(axis=(1, 2)))
