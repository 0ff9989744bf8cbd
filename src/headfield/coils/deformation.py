# SPDX-License-Identifier: BSD-3-Clause
"""Flexible coils: rigid motions of their parts, each by a parameter with a range."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..core.arguments import finite_array, finite_number
from ..errors import CoilError
from .records import Record, keep

__all__ = ["Deformation", "DeformationRange", "checked_values", "motion", "motion_rates"]

_AXES = ("x", "y", "z")


@dataclass(frozen=True)
class DeformationRange:
    """A parameter of a flexible coil, mm or degrees: its value at rest, and what it may take.

    Raises
    ------
    CoilError
        Numbers that are not finite, or an initial value outside the range.

    Examples
    --------
    >>> DeformationRange(0.0, -25.0, 25.0).check(30.0, "parameter 0")
    Traceback (most recent call last):
    ...
    headfield.errors.CoilError: parameter 0 of the coil is 30, outside its range from -25 to 25
    """

    initial: float
    low: float
    high: float

    def __post_init__(self) -> None:
        for name in ("initial", "low", "high"):
            object.__setattr__(self, name, finite_number(getattr(self, name), name, CoilError))
        if not self.low <= self.high:
            raise CoilError(f"a deformation range from {self.low:g} to {self.high:g} is empty")
        self.check(self.initial, "the initial value")

    def check(self, value: float, what: str) -> float:
        """Return the value, or raise an error that says what is outside the range."""
        number = finite_number(value, what, CoilError)
        if not self.low <= number <= self.high:
            raise CoilError(
                f"{what} of the coil is {number:g}, outside its range from {self.low:g} to {self.high:g}"
            )
        return number


@dataclass(frozen=True, eq=False, repr=False)
class Deformation(Record):
    """A rigid motion of parts of a coil by one parameter.

    Parameters
    ----------
    kind : {"x", "y", "z", "rot2p"}
        A shift along an axis of the coil frame, mm; or a turn about the line from `point1_mm` to `point2_mm`,
        degrees, by the right-hand rule.
    parameter : int
        Which parameter of the coil says how far.
    point1_mm, point2_mm : array_like (3,), optional
        Of "rot2p" only, mm.

    Raises
    ------
    CoilError
        Another kind, a negative parameter, points that are missing, too close or not finite.

    Examples
    --------
    >>> turn = Deformation("rot2p", 0, [0, 0, 0], [0, 0, 1])
    >>> turn.matrix(90.0)[:3, :3].round(12) + 0.0
    array([[ 0., -1.,  0.],
           [ 1.,  0.,  0.],
           [ 0.,  0.,  1.]])
    """

    kind: str
    parameter: int
    point1_mm: ArrayLike | None = None
    point2_mm: ArrayLike | None = None

    def __post_init__(self) -> None:
        if self.kind not in (*_AXES, "rot2p"):
            raise CoilError(f"a deformation is 'x', 'y', 'z' or 'rot2p', not {self.kind!r}")
        if isinstance(self.parameter, bool) or not isinstance(self.parameter, int) or self.parameter < 0:
            raise CoilError(f"a deformation's parameter is an index, not {self.parameter!r}")
        points = (self.point1_mm, self.point2_mm)
        if self.kind != "rot2p":
            if any(p is not None for p in points):
                raise CoilError(f"a shift along {self.kind} has no points")
            return
        for name, point in zip(("point1_mm", "point2_mm"), points, strict=True):
            array = finite_array(() if point is None else point, name, CoilError)
            if array.shape != (3,):
                raise CoilError(f"{name} of a rotation must have the shape (3,), not {array.shape}")
            keep(self, **{name: array})
        if np.linalg.norm(np.asarray(self.point2_mm) - np.asarray(self.point1_mm)) < 1e-6:
            raise CoilError("the two points of a rotation are the same")

    def matrix(self, value: float) -> NDArray[np.float64]:
        """Return the motion (4, 4), mm, for a value of the parameter (Rodrigues' formula for a turn)."""
        motion = np.eye(4)
        if self.kind in _AXES:
            motion[_AXES.index(self.kind), 3] = value
            return motion
        start = np.asarray(self.point1_mm)
        x, y, z = (np.asarray(self.point2_mm) - start) / np.linalg.norm(np.asarray(self.point2_mm) - start)
        cross = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
        angle = np.radians(value)
        motion[:3, :3] += np.sin(angle) * cross + (1.0 - np.cos(angle)) * cross @ cross
        motion[:3, 3] = start - motion[:3, :3] @ start
        return motion

    def rate(self) -> NDArray[np.float64]:
        """Return how points move with the parameter (4, 4), per mm or degree: times a point, mm and 1.

        Examples
        --------
        >>> turn = Deformation("rot2p", 0, [0, 0, 0], [0, 0, 1])
        >>> np.degrees(turn.rate() @ [1.0, 0.0, 0.0, 1.0]).round(9) + 0.0
        array([0., 1., 0., 0.])
        """
        rate = np.zeros((4, 4))
        if self.kind in _AXES:
            rate[_AXES.index(self.kind), 3] = 1.0
            return rate
        start = np.asarray(self.point1_mm)
        axis = np.asarray(self.point2_mm) - start
        x, y, z = np.radians(axis / np.linalg.norm(axis))
        rate[:3, :3] = [[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]]
        rate[:3, 3] = -rate[:3, :3] @ start
        return rate


def checked_values(ranges: Sequence[DeformationRange], values: Sequence[float] | None) -> tuple[float, ...]:
    """Check one value per parameter against its range, and return them; None stands for the initial values.

    Raises
    ------
    CoilError
        Another number of values, or one outside its range.
    """
    if values is None:
        return tuple(r.initial for r in ranges)
    if len(values) != len(ranges):
        raise CoilError(f"{len(values)} values, the coil has {len(ranges)} deformation parameters")
    return tuple(r.check(v, f"parameter {i}") for i, (r, v) in enumerate(zip(ranges, values, strict=True)))


def motion(
    deformations: Sequence[Deformation], indices: Sequence[int], values: Sequence[float]
) -> NDArray[np.float64]:
    """Return the motion (4, 4) of a part: its deformations one after the other, each about axes at rest.

    Examples
    --------
    >>> shifts = [Deformation("x", 0), Deformation("z", 1)]
    >>> motion(shifts, [0, 1], [2.0, 3.0])[:3, 3]
    array([2., 0., 3.])
    """
    matrix = np.eye(4)
    for i in indices:
        matrix = deformations[i].matrix(values[deformations[i].parameter]) @ matrix
    return matrix


def motion_rates(
    deformations: Sequence[Deformation], indices: Sequence[int], values: Sequence[float]
) -> list[tuple[int, NDArray[np.float64]]]:
    """Return how a part that is moved by `motion` moves with parameters: (parameter, rate (4, 4)) of each.

    A rate times where a point of the part is now, mm and 1, is its motion per mm or degree. A parameter of
    several deformations comes as often.

    Examples
    --------
    >>> shifts = [Deformation("x", 0), Deformation("z", 1)]
    >>> [(parameter, rate[:3, 3].tolist()) for parameter, rate in motion_rates(shifts, [0, 1], [2.0, 3.0])]
    [(0, [1.0, 0.0, 0.0]), (1, [0.0, 0.0, 1.0])]
    """
    rates = []
    for place, i in enumerate(indices):
        after = motion(deformations, indices[place + 1 :], values)
        rates.append((deformations[i].parameter, after @ deformations[i].rate() @ np.linalg.inv(after)))
    return rates
