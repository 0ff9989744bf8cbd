# SPDX-License-Identifier: BSD-3-Clause
"""A small head, a small coil and poses over it."""

import functools

import numpy as np
from conftest import EMULATED

import headfield as hf

POINTS_MM = np.array([[60, 20, 95], [-70, 0, 90], [0, 80, 90], [10, -60, 100], [90, 10, 70], [-20, -30, 120]])


@functools.cache
def model():
    return hf.HeadModel(hf.sphere_mesh(radii_mm=[80, 86, 92], tags=[3, 4, 5], edge_mm=20))


@functools.cache
def coil():
    """A small one: where a GPU is emulated its table takes two seconds, that of a whole one ten."""
    return hf.figure_of_eight(inner_radius_mm=8.0, outer_radius_mm=16.0, separation_mm=34.0, spacing_mm=8.0)


@functools.cache
def poses(k):
    """k different poses around the sphere."""
    rng = np.random.default_rng(k)
    places = POINTS_MM[np.arange(k) % len(POINTS_MM)] + rng.normal(size=(k, 3))
    return np.array([model().place(coil(), c, c + rng.normal(size=3)) for c in places])


def emulated(device):
    """Whether kernels for GPUs run on the CPU, where the finest meshes of a series take too long."""
    return EMULATED and device == "cuda"
