# SPDX-License-Identifier: BSD-3-Clause
"""The fields that a coil makes in a target from different places: what sums of |E| are spanned by."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..poses.pose import turns
from .aim import Aim
from .outputs import Outputs

__all__ = ["DESIGN_POSES", "design_poses", "farthest", "outputs_for"]

Floats = NDArray[np.float64]

#: Poses that are solved so that |E| in a target is known for all: their fields span those of others.
DESIGN_POSES = 16
_BEYOND_MM = 30.0  # farther from the target than the nearest position: fields from there are weak


def design_poses(poses: Floats, target_mm: Floats) -> Floats:
    """Choose poses (d, 4, 4) that differ, near a target, from poses (p, 4, 4) at an angle of 0.

    Half as many places as poses, each the farthest from those before it, at two angles a quarter turn apart.
    """
    distance = np.linalg.norm(poses[:, :3, 3] - target_mm, axis=1)
    near = np.flatnonzero(distance <= distance.min() + _BEYOND_MM)
    chosen = near[farthest(poses[near, :3, 3], int(distance[near].argmin()), DESIGN_POSES // 2)]
    angles = np.array([[22.5, 112.5], [67.5, 157.5]])[np.arange(len(chosen)) % 2]
    return np.concatenate([poses[i] @ turns(pair) for i, pair in zip(chosen, angles, strict=True)])


def farthest(marks: Floats, first: int, count: int) -> list[int]:
    """Choose some of marks (n, d), from a first one on, each the farthest from all before it.

    Examples
    --------
    >>> farthest(np.array([[0.0], [1.0], [5.0], [9.0]]), 0, 3)
    [0, 3, 2]
    """
    chosen, gap = [first], np.full(len(marks), np.inf)
    while len(chosen) < min(count, len(marks)):
        gap = np.minimum(gap, np.linalg.norm(marks - marks[chosen[-1]], axis=1))
        chosen.append(int(gap.argmax()))
    return chosen


def outputs_for(aim: Aim, poses: Floats) -> tuple[Outputs, int]:
    """Return the sums that targets are made of, and how many poses were solved to find them.

    `poses` (d, 4, 4) are solved if some target is of |E|.
    """
    if all(target.functionals() is not None for _, target in aim.targets.parts):
        return Outputs.spanned(aim.targets, aim.region, None), 0
    fields = aim.model.solve(aim.coil, poses, aim.rates, roi=aim.region).E
    return Outputs.spanned(aim.targets, aim.region, fields), len(poses)
