# SPDX-License-Identifier: BSD-3-Clause
"""Functions of poses whose gradients and optima are known, for what optimises them."""

import functools

import numpy as np

import headfield as hf

RADIUS_MM = 90.0


@functools.cache
def ball():
    return hf.sphere_mesh(radii_mm=[80, RADIUS_MM], tags=[2, 5], edge_mm=9)


class Hill:
    """Largest where the coil's origin is nearest to a place and its y axis along a direction.

    exp(−|x − place|² / 2 L²) (3 + y · direction) / 4.
    """

    def __init__(self, place_mm, direction, length_mm=30.0):
        self.place, self.length = np.asarray(place_mm, float), length_mm
        self.direction = np.asarray(direction, float) / np.linalg.norm(direction)
        self.calls = []

    def __call__(self, poses):
        self.calls.append(len(poses))
        turn, away = poses[:, :3, :3], poses[:, :3, 3] - self.place
        hill = np.exp(-0.5 * (away**2).sum(axis=1) / self.length**2)
        along = poses[:, :3, 1] @ self.direction
        values = hill * (3.0 + along) / 4.0
        uphill = -values[:, None] * away / self.length**2
        local = np.einsum("kji,kj->ki", turn, uphill)
        of_y = np.einsum("kji,j->ki", turn, self.direction)  # the direction in the coil's frame
        about = np.cross([0.0, 1.0, 0.0], of_y) * hill[:, None] / 4.0
        return values, np.concatenate([local, about], axis=1)


def around(k=8, seed=0, above_mm=4.0, angle=np.pi / 3):
    """Poses over the top of the ball, up to some way from it and turned by up to an angle."""
    rng = np.random.default_rng(seed)
    poses = []
    for _ in range(k):
        x, y = rng.uniform(-25, 25, 2)
        at, turn = np.array([x, y, RADIUS_MM]), rng.uniform(-angle, angle)
        poses.append(hf.place(ball(), at, at + [50 * np.sin(turn), 50 * np.cos(turn), 0], above_mm))
    return np.array(poses)


HILL = Hill([5, -10, 110], [1, 2, 0.5])
FAR = np.random.default_rng(1).normal(size=(8, 6)) * [9, 9, 9, 0.7, 0.7, 0.7]  # away from no motion at all
