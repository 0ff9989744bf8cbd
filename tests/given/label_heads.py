# SPDX-License-Identifier: BSD-3-Clause
"""Label images of balls in shells, of which volumes are known."""

import numpy as np


def ball_labels(radii_mm, labels, voxel_mm=(4.0, 4.0, 4.0), margin=3, turn=None):
    """Return affine (4, 4) and labels (nx, ny, nz) of shells around the origin, innermost first."""
    voxel_mm = np.asarray(voxel_mm, float)
    half = np.ceil(radii_mm[-1] / voxel_mm).astype(int) + margin
    affine = np.eye(4)
    affine[:3, :3] = (np.eye(3) if turn is None else turn) * voxel_mm
    affine[:3, 3] = -affine[:3, :3] @ half
    axes = [(np.arange(2 * n + 1) - n) * d for n, d in zip(half, voxel_mm, strict=True)]
    distance = np.sqrt(sum(x**2 for x in np.meshgrid(*axes, indexing="ij", sparse=True)))
    return affine, np.select([distance < radius for radius in radii_mm], labels, 0)


def shell_volumes_mm3(radii_mm):
    return 4 / 3 * np.pi * np.diff(np.array([0.0, *radii_mm]) ** 3)
