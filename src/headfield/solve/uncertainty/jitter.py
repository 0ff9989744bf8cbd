# SPDX-License-Identifier: BSD-3-Clause
"""Coils that are not quite where they are said to be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...core.arguments import finite_array
from ...errors import ArgumentError

__all__ = ["PoseJitter", "as_jitter"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class PoseJitter:
    """By how much a coil may be off, along and about its own axes: standard deviations of normal deviations.

    Parameters
    ----------
    shift_mm : float or array_like (3,)
        Along x, y and z of the coil, mm; one number for all three.
    turn_deg : float or array_like (3,)
        About them, through the coil's origin, degrees.

    Raises
    ------
    ArgumentError
        Negative numbers, other than one or three, or nothing but zeros.

    Examples
    --------
    A tracker good to 1.5 mm, of which nothing along the axis, as the coil rests on the scalp, and to 3°:

    >>> import headfield as hf
    >>> hf.PoseJitter([1.5, 1.5, 0], 3).std.round(4).tolist()
    [1.5, 1.5, 0.0, 0.0524, 0.0524, 0.0524]
    """

    shift_mm: ArrayLike = 0.0
    turn_deg: ArrayLike = 0.0

    def __post_init__(self) -> None:
        for name in ("shift_mm", "turn_deg"):
            given = finite_array(getattr(self, name), name, ArgumentError)
            if given.shape not in ((), (3,)):
                raise ArgumentError(f"{name} must be one number or three, not {given.shape}")
            if (given < 0.0).any():
                raise ArgumentError(f"{name}: standard deviations must be 0 or more, not {given.min():g}")
            object.__setattr__(self, name, np.broadcast_to(given, 3).copy())
        if not self.std.any():
            raise ArgumentError("a PoseJitter of 0 mm and 0° is none: give shift_mm or turn_deg")

    @property
    def std(self) -> Floats:
        """Standard deviations (6,): mm along x, y, z, then rad about them."""
        return np.concatenate([np.asarray(self.shift_mm), np.radians(self.turn_deg)])


def as_jitter(placement: Any) -> PoseJitter:
    """Return what was given as a PoseJitter: that, or a pair of mm and degrees.

    Examples
    --------
    >>> as_jitter((2, 5)).turn_deg.tolist()
    [5.0, 5.0, 5.0]
    """
    if isinstance(placement, PoseJitter):
        return placement
    if not isinstance(placement, (tuple, list)) or len(placement) != 2:
        raise ArgumentError(f"placement must be a PoseJitter, or (mm, degrees), not {placement!r}")
    return PoseJitter(*placement)
