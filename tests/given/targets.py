# SPDX-License-Identifier: BSD-3-Clause
"""A phantom, small coils over it, and a target below its left motor knob, for searches."""

import functools

import numpy as np

import headfield as hf
from headfield.placement.positions import scalp_positions
from headfield.placement.scalp import Scalp
from headfield.placement.sites import tangential_poses
from headfield.poses.pose import tilts, turns

CENTRE_MM = (-40.0, -8.0, 50.0)
DIDT = 50e6
SMALL = {"radius_mm": 20.0, "spacing_mm": 7.0, "angle_step_deg": 20.0}  # of searches that take a second


@functools.cache
def head():
    return hf.phantom_head(edge_mm=8)


@functools.cache
def model():
    return hf.HeadModel(head(), device="cpu")


@functools.cache
def coil():
    """A small figure-of-eight: the field around it is soon tabulated."""
    sizes = {"inner_radius_mm": 10.0, "outer_radius_mm": 20.0, "separation_mm": 42.0, "spacing_mm": 5.0}
    return hf.figure_of_eight(**sizes, didt_max=170e6)


@functools.cache
def knob():
    """122 tetrahedra of gray matter."""
    return hf.regions.sphere(head(), CENTRE_MM, 15, 2)


@functools.cache
def wire():
    """Loops in both directions that lie at two heights: a figure-of-eight of wire."""
    angle = np.linspace(0.0, 2.0 * np.pi, 41)
    loops = [
        np.stack([x + r * np.cos(angle), r * np.sin(angle), np.full(41, -4.0 - 0.1 * r)], axis=1)
        for x in (-21.0, 21.0)
        for r in (10.0, 15.0, 20.0)
    ]
    return hf.wire_coil(loops, turns=[1, 1, 1, -1, -1, -1], max_segment_mm=None, didt_max=150e6)


@functools.cache
def two_stimulators():
    """Dipoles that one stimulator drives, and wire that another one drives."""
    places = np.array([[-30.0, 5.0, -6.0], [25.0, -10.0, -8.0], [0.0, 30.0, -7.0]])
    moments = 1e-2 * np.array([[0.1, 0.0, 1.0], [0.0, -0.2, -1.2], [0.3, 0.1, 0.8]])
    parts = [
        hf.CoilElement(hf.Dipoles(places, moments)),
        hf.CoilElement(wire().elements[0].source, stimulator=1),
    ]
    return hf.Coil(elements=parts, stimulators=[hf.Stimulator("one"), hf.Stimulator("two")])


@functools.cache
def scattered(k, seed=0):
    """k poses within 25 mm of the target's place on the scalp, 8 to 16 mm off it, turned and tilted."""
    rng = np.random.default_rng(seed)
    scalp = Scalp(model().scalp, 10.0)
    sites = scalp_positions(scalp, CENTRE_MM, 25.0, 6.0)
    poses = tangential_poses(sites, 4.0)[rng.integers(0, len(sites.point), k)]
    motion = np.tile(np.eye(4), (k, 1, 1))
    motion[:, 2, 3] = -rng.uniform(4.0, 12.0, k)
    return poses @ turns(rng.uniform(0.0, 360.0, k)) @ tilts(rng.uniform(-6.0, 6.0, (k, 2))) @ motion
