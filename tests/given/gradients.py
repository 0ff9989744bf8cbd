# SPDX-License-Identifier: BSD-3-Clause
"""A ball in which fields depend on conductivities, a place in it, and poses over it, for derivatives."""

import functools

import numpy as np

import headfield as hf
from given.motions import moved
from given.targets import coil

DIDT = 50e6


@functools.cache
def head():
    """A ball of two tissues side by side, in two shells: in it, fields depend on conductivities."""
    mesh = hf.sphere_mesh(radii_mm=[80, 86, 92], tags=[2, 4, 5], edge_mm=14)
    tags = mesh.tags.copy()
    tags[(tags == 2) & (mesh.nodes_mm[mesh.tets].mean(axis=1)[:, 0] > 12.0)] = 1
    return hf.TetMesh(mesh.nodes_mm, mesh.tets, tags)


@functools.cache
def model():
    return hf.HeadModel(head(), device="cpu")


@functools.cache
def knob():
    return hf.regions.sphere(head(), [0.0, 10.0, 58.0], 22, 2)


def scattered(k, seed=0):
    """k poses around the top of the ball, turned and tilted."""
    rng = np.random.default_rng(seed)
    poses = []
    for _ in range(k):
        top = model().place(coil(), [*rng.uniform(-25, 25, 2), 88], [*rng.uniform(-80, 80, 2), 90])
        poses.append(moved(top, [0, 0, -rng.uniform(4, 12), *rng.uniform(-0.1, 0.1, 3)]))
    return np.stack(poses)
