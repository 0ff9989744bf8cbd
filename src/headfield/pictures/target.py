# SPDX-License-Identifier: BSD-3-Clause
"""What a picture of a search for the best pose shows, as arrays: the scalp, the coil, a profile of angles."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..coils.coil import Coil
from ..core.locks import cached_property
from ..poses.pose import turns
from .coil_shape import CoilShape, coil_shape, outline
from .scene import rate_of
from .shells import Shell

__all__ = ["TargetScene"]

Floats = NDArray[np.float64]

_REACH = 1.6  # spacings of positions, from which a node of the scalp takes values
_PAIRS = 20_000_000  # of nodes and positions that are compared at a time
_STANDARD = 0.45  # of its largest component: smaller ones of a direction are left out of the view from there
_ARROW_MM, _MARK_MM = 30.0, 9.0
_LEAST_HANDLE_MM = 60.0


@dataclass(frozen=True, eq=False)
class TargetScene:
    """A search for the pose of a coil that reaches a target best.

    Attributes
    ----------
    nodes_mm, faces : ndarray (n, 3), (f, 3)
        The scalp.
    positions_mm : ndarray (p, 3)
        Of the search, on the scalp.
    best_at : ndarray (p,)
        The best value there over all angles, V/m; nan where none is possible.
    poses : ndarray (r, 4, 4)
        The best pose and its rivals, mm.
    value : float
        Of the best pose, V/m.
    coil : Coil
    target_mm : ndarray (3,)
        The middle of the target.
    angle_deg : float
        Of the handle at the best pose, clockwise as seen from outside; straight back at 0.
    angles_deg, profile : ndarray (a,)
        Values at the best position, V/m, at angles of a whole turn; nan where they are ruled out.
    turn_deg, lost : float
        What share of the value is lost so many degrees from the best angle, and at worst beside it.
    shift_mm, lost_at_worst : float
    didt : ndarray (s,)
        A/s, of each stimulator.
    """

    nodes_mm: Floats
    faces: NDArray[np.intp]
    positions_mm: Floats
    best_at: NDArray[np.floating]
    poses: Floats
    value: float
    coil: Coil
    target_mm: Floats
    angle_deg: float
    angles_deg: Floats
    profile: Floats
    turn_deg: float
    lost: float
    shift_mm: float
    lost_at_worst: float
    didt: Floats

    @cached_property
    def scalp(self) -> Shell:
        """The scalp with the map of the best values at its nodes; nan away from positions."""
        known = np.isfinite(self.best_at)
        values = spread(self.nodes_mm, self.positions_mm[known], self.best_at[known], self._reach_mm)
        return Shell(self.nodes_mm, self.faces, values)

    @property
    def _reach_mm(self) -> float:
        """How far from positions the map is coloured: at least an edge of the scalp."""
        edge = np.linalg.norm(self.nodes_mm[self.faces[:, 0]] - self.nodes_mm[self.faces[:, 1]], axis=1)
        return max(_REACH * spacing(self.positions_mm), float(np.median(edge)))

    @property
    def limits(self) -> tuple[float, float]:
        """The values at the ends of the colours, V/m."""
        known = self.best_at[np.isfinite(self.best_at)]
        low, high = min(float(known.min(initial=0.0)), 0.0), float(known.max(initial=0.0))
        return low, high if high > low else low + 1.0

    @property
    def outward(self) -> Floats:
        """Unit vector (3,) from the best pose to the eye, along its axis."""
        return -self.poses[0, :3, 2]

    @property
    def side(self) -> Floats:
        """Unit vector (3,) to an eye that sees the best pose and all of the head.

        From the left, the top, the front, …, or from between two or three of these, whichever is nearest.

        Examples
        --------
        >>> from headfield.coils.layouts import figure_of_eight
        >>> nothing, pose = np.zeros((0, 3)), np.diag([1.0, 1, 1, 1])
        >>> pose[:3, :3] = [[0, 0.8, 0.6], [1, 0, 0], [0, 0.6, -0.8]]  # over the left half of the top
        >>> scene = TargetScene(nothing, nothing, nothing, nothing, pose[None], 0.0,
        ...     figure_of_eight(), nothing, 0.0, nothing, nothing, 10.0, 0.0, 5.0, 0.0, nothing)
        >>> scene.side.round(3).tolist()
        [-0.707, 0.0, 0.707]
        """
        large = np.abs(self.outward) > _STANDARD * np.abs(self.outward).max()
        side = np.where(large, np.sign(self.outward), 0.0)
        return np.asarray(side / np.linalg.norm(side))

    @cached_property
    def shape(self) -> CoilShape:
        """What there is to see of the best coil, where it is."""
        return coil_shape(self.coil).placed(self.poses[0])

    @cached_property
    def coil_lines(self) -> list[Floats]:
        """Lines (p, 3), mm, of the best coil: its wire, or else the outline of its casing."""
        if self.shape.wire or self.coil.casing is None:
            return self.shape.wire
        return [self._placed(outline(self.coil.casing.points_mm))]

    @property
    def size_mm(self) -> float:
        """How far the coil reaches from its centre, mm."""
        away = np.linalg.norm(self.shape.points_mm - self.poses[0, :3, 3], axis=1)
        return max(_LEAST_HANDLE_MM, float(away.max(initial=0.0)))

    @property
    def handle(self) -> Floats:
        """From the centre of the coil along its handle (2, 3), mm."""
        return self._placed(np.array([[0.0, 0, 0], [0, -self.size_mm, 0]]))

    @property
    def arrow(self) -> Floats:
        """From the centre of the coil along its +y (2, 3), mm."""
        return self._placed(np.array([[0.0, 0, 0], [0, _ARROW_MM, 0]]))

    @property
    def rival_marks(self) -> Floats:
        """From the centre of each rival along its handle (r - 1, 2, 3), mm."""
        centre = self.poses[1:, :3, 3]
        return np.stack([centre, centre - _MARK_MM * self.poses[1:, :3, 1]], axis=1)

    def turned_handle(self, radius_mm: float) -> Floats:
        """Return an arc (q, 3), mm, from the handle straight back, at an angle of 0, to where it is."""
        way = turns(np.linspace(-(self.angle_deg % 360.0), 0.0, 121))[:, :3, :3]
        return self._placed(way @ np.array([0.0, -radius_mm, 0.0]))

    def ruled_out(self) -> list[tuple[float, float]]:
        """Return the ranges of angles, degrees, that have no value.

        Examples
        --------
        >>> from types import SimpleNamespace
        >>> some = SimpleNamespace(angles_deg=np.arange(4) * 90.0, profile=np.array([np.nan, 1, 2, np.nan]))
        >>> TargetScene.ruled_out(some)
        [(-45.0, 45.0), (225.0, 315.0)]
        """
        out = np.isnan(self.profile)
        half = 180.0 / max(len(out), 1)
        edges = np.flatnonzero(np.diff(np.concatenate([[False], out, [False]])))
        return [
            (float(self.angles_deg[first]) - half, float(self.angles_deg[after - 1]) + half)
            for first, after in edges.reshape(-1, 2)
        ]

    def title(self) -> str:
        """Return a line of text: how good the best pose is."""
        x, y, z = self.poses[0, :3, 3]
        text = (
            f"best pose: {self.value:.3g} V/m at {rate_of(self.didt)}, "
            f"coil at ({x:.0f}, {y:.0f}, {z:.0f}) mm, handle at {self.angle_deg:.0f}°; "
            f"{100 * self.lost_at_worst:.2g} % less at worst {self.shift_mm:g} mm and {self.turn_deg:g}° away"
        )
        return text.replace("-", "−")

    def _placed(self, points_mm: Floats) -> Floats:
        matrix = self.poses[0]
        return np.asarray(points_mm @ matrix[:3, :3].T + matrix[:3, 3])


def spacing(positions_mm: Floats) -> float:
    """Return how far nine tenths of positions (p, 3) have a neighbour within, mm; 0 of a single one.

    Examples
    --------
    >>> spacing(np.array([[0.0, 0, 0], [4, 0, 0], [8, 0, 0]]))
    4.0
    """
    if len(positions_mm) < 2:
        return 0.0
    some = positions_mm[:: -(-len(positions_mm) // 200)]
    squares = ((some[:, None] - positions_mm) ** 2).sum(axis=2)
    return float(np.sqrt(np.quantile(np.partition(squares, 1, axis=1)[:, 1], 0.9)))


def spread(nodes_mm: Floats, at_mm: Floats, values: NDArray[np.floating], reach_mm: float) -> Floats:
    """Return means (n,) at nodes over the values (p,) of near places, the nearest counting most.

    Parameters
    ----------
    nodes_mm, at_mm : ndarray (n, 3), (p, 3)
    values : ndarray (p,)
    reach_mm : float
        Places farther away don't count; a node without any is nan.

    Examples
    --------
    >>> places = np.array([[1.0, 0, 0], [-1, 0, 0]])
    >>> spread(np.array([[0.0, 0, 0], [9.0, 0, 0]]), places, np.array([2.0, 4]), 3.0)
    array([ 3., nan])
    """
    result = np.full(len(nodes_mm), np.nan)
    if not len(at_mm):
        return result
    low, high = at_mm.min(axis=0) - reach_mm, at_mm.max(axis=0) + reach_mm
    near = np.flatnonzero(((nodes_mm >= low) & (nodes_mm <= high)).all(axis=1))
    for some in np.array_split(near, max(1, len(near) * len(at_mm) // _PAIRS)):
        squares = sum((nodes_mm[some, d, None] - at_mm[:, d]) ** 2 for d in range(3))
        weights = np.maximum(1.0 - np.asarray(squares) / reach_mm**2, 0.0) ** 2
        with np.errstate(invalid="ignore"):
            result[some] = weights @ values / weights.sum(axis=1)
    return result
