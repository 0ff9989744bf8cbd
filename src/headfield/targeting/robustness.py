# SPDX-License-Identifier: BSD-3-Clause
"""How flat the value of a target is around a pose, and how it changes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..placement.scalp import Scalp
from ..placement.sites import Sites, tangential_poses, walked
from ..poses.pose import tilts, turns
from .aim import Aim
from .landscape import Landscape
from .outputs import Outputs
from .reciprocity import ReciprocalField
from .result import Flatness
from .starts import turn_between
from .sums import sums_at

__all__ = ["flatness_at", "gradient_at", "smeared"]

Floats = NDArray[np.float64]

_SHIFT_MM, _TURN_DEG = 5.0, 10.0  # by which trackers, hands and heads move
_STEP_MM, _STEP_DEG = 0.5, 0.5
_PAIRS = 20_000_000  # of positions that are compared at a time


def flatness_at(
    landscape: Landscape, scalp: Scalp, site: Sites, angle_deg: float, distance_mm: float
) -> Flatness:
    """Return what is lost 5 mm and 10° from a pose, without a look at what is ruled out."""
    way = 2.0 * np.pi * np.arange(8) / 8
    offsets = np.concatenate([np.zeros((1, 2)), _SHIFT_MM * np.stack([np.cos(way), np.sin(way)], axis=1)])
    poses = tangential_poses(walked(scalp, site, offsets), distance_mm)
    angles = np.array([angle_deg, angle_deg - _TURN_DEG, angle_deg + _TURN_DEG])
    values = landscape.at(poses, angles % 360.0)
    lost = (values[0, 0] - values) / max(abs(values[0, 0]), 1e-300)
    return Flatness(
        _SHIFT_MM,
        _TURN_DEG,
        _of(np.max, lost[1:, 0]),
        _of(np.mean, lost[1:, 0]),
        _of(np.max, lost[0, 1:]),
        _of(np.max, lost),
    )


def gradient_at(aim: Aim, field: ReciprocalField, outputs: Outputs, pose: Floats) -> Floats:
    """Return the gradient (6,) of the value at a pose: per mm along its axes, and per degree about them.

    By central differences of half a millimetre and half a degree, over which the value is nearly quadratic.
    """
    motions = np.tile(np.eye(4), (12, 1, 1))
    for axis in range(3):
        for side, sign in enumerate((1.0, -1.0)):
            motions[2 * axis + side, axis, 3] = sign * _STEP_MM
            motions[6 + 2 * axis + side] = _turn_about(axis, sign * _STEP_DEG)
    values = outputs.values(sums_at(aim.model, field, aim.coil, pose @ motions, aim.didt))
    return (values[::2] - values[1::2]) / (2.0 * np.repeat([_STEP_MM, _STEP_DEG], 3))


def smeared(values: Floats, poses: Floats, angles_deg: Floats, jitter: tuple[float, float]) -> Floats:
    """Return the means (p, a) of values over poses within a shift, mm, and a turn, degrees.

    Of those that are possible; where the pose itself is not, it stays so.
    """
    shift, turn = jitter
    near = np.flatnonzero(turn_between(angles_deg, angles_deg[0]) <= turn + 1e-9)
    known = ~np.isnan(values)
    filled = np.where(known, values, 0.0)
    total = sum(np.roll(filled, int(step), axis=1) for step in near)
    count = sum(np.roll(known, int(step), axis=1).astype(np.float64) for step in near)
    points, result = poses[:, :3, 3], np.full(values.shape, np.nan)
    step = max(1, _PAIRS // len(points))
    for start in range(0, len(points), step):
        part = points[start : start + step]
        distance = np.sqrt(((part[:, None] - points) ** 2).sum(axis=2))
        for row, close in enumerate(distance <= shift + 1e-9, start):
            weights = np.asarray(count)[close].sum(axis=0)
            sums = np.asarray(total)[close].sum(axis=0)
            result[row] = np.divide(sums, weights, out=np.full(len(sums), np.nan), where=weights > 0)
    return np.where(known, result, np.nan)


def _turn_about(axis: int, angle_deg: float) -> Floats:
    """Return the turn (4, 4) about an axis of the coil."""
    if axis == 2:
        return np.asarray(turns(np.array([angle_deg]))[0])
    return np.asarray(tilts(np.array([[angle_deg, 0.0] if axis == 0 else [0.0, angle_deg]]))[0])


def _of(number: Callable[..., Any], lost: Floats) -> float:
    """Return a number of what is known; nan if nothing is."""
    known = lost[~np.isnan(lost)]
    return float(number(known)) if len(known) else float("nan")
