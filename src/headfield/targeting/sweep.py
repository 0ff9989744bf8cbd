# SPDX-License-Identifier: BSD-3-Clause
"""The sums of a target at many positions of a coil, at all angles, from its reciprocal field.

What is done at a position does not grow with the head: the field is sampled at some hundred points around the
coil, and a product with the weights of the coil at each angle gives the sums.
"""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ..core.device import Device
from ..poses.pose import turns
from .aim import Aim
from .lattice import FieldLattice, products
from .reciprocity import ReciprocalField
from .rings import Rings, lagrange
from .sources import Kinds, exact_sums, kinds_of

__all__ = ["OnRings", "Scheme", "TurnedSources", "lifted", "scheme_for"]

Floats = NDArray[np.float64]

# Points of a ring, rings across, and rings along the axis: from few to many.
_RINGS = ((24, 8, 4), (24, 12, 6), (36, 16, 8))
_RING_ERROR = 1e-3  # relative to the largest sum: what is taken for good at once
_WORST_RINGS = 5e-3
_RINGS_MM, _SOURCES_MM = 5.0, 4.0  # steps of lattices
_ROOM_MM = 0.5  # beyond the coil, so that no source lies on the rim of the cylinder
_ANGLES = 16  # of a coil that is not put on rings: its sums have less than half as many waves in a turn
_MARKED, _MARKS = 800, 10_000_000  # sources at a pose, and at all, by which the lattice is laid out
_CHECKED = 8  # positions where sums are held against those of the coil itself, at an angle and a lift each
_UPRIGHT, _ON_THE_SPOT = np.eye(4), np.zeros(1)
_LIFTS = 6  # heights at which sums are found, and interpolated between


class Scheme(Protocol):
    """How sums over a coil are found at all angles of many positions.

    Attributes
    ----------
    n_angles : int
        Evenly in a turn; between them sums are trigonometric polynomials.
    error : float
        The largest error of some sums, relative to the largest sum.
    n_points : int
        Lattice points of the reciprocal field.
    heights_mm : ndarray (h,)
        How far coils are lifted, ascending from 0; between them sums are polynomials.
    """

    n_angles: int
    error: float
    n_points: int
    heights_mm: Floats

    def sums(self, poses: Floats, lifted: bool = False) -> NDArray[np.float32]:
        """Return the sums (p, n_angles, l, k) at poses (p, 4, 4): on the spot, l = 1, or at all heights."""
        ...


def scheme_for(
    aim: Aim,
    field: ReciprocalField,
    poses: Floats,
    *,
    tilt: Floats = _UPRIGHT,
    most_lift_mm: float = 0.0,
    margin_mm: float = 0.0,
) -> Scheme:
    """Return how sums over a coil are found around some poses (p, 4, 4) at an angle of 0.

    A coil whose sources lie behind its face goes on rings; others, which reach around the head, as they are.
    `tilt` (4, 4) is a motion of the coil in its frame before it is turned.
    """
    if aim.coil.sources().sampled:
        return FromNodes(aim, field, tilt, most_lift_mm)
    kinds = kinds_of(aim.coil, aim.didt)
    around = _Around(field, poses, aim.model.computes_on, tilt, most_lift_mm, margin_mm)
    found: Scheme | None = None
    if kinds.moved(tilt).points_mm[:, 2].max() <= 0.0:
        for counts in _RINGS:
            found = OnRings(around, kinds, counts)
            if found.error <= _RING_ERROR:
                return found
    if found is not None and found.error <= _WORST_RINGS:
        return found
    return TurnedSources(around, kinds)


class _Around:
    """What a scheme is made around."""

    def __init__(
        self,
        field: ReciprocalField,
        poses: Floats,
        device: Device,
        tilt: Floats,
        most_lift_mm: float,
        margin_mm: float,
    ) -> None:
        self.field, self.poses, self.device, self.tilt = field, poses, device, tilt
        self.most_lift_mm, self.margin_mm = most_lift_mm, margin_mm

    def lattices(
        self, kinds: Kinds, points: list[Floats], poses: Floats, spacing_mm: float
    ) -> list[FieldLattice]:
        """Return a lattice for each kind of sources a coil has, around the points of that kind."""
        made = []
        for (wire, _), own in zip(kinds.present(), points, strict=True):
            more = {"spacing_mm": spacing_mm, "margin_mm": self.margin_mm}
            made.append(FieldLattice(self.field, own, poses, self.device, wire=wire, **more))
        return made

    def error(self, scheme: Scheme, kinds: Kinds) -> float:
        """Return the largest error of some sums of a scheme, relative to the largest of them."""
        n = min(_CHECKED, len(self.poses))
        some = np.linspace(0, len(self.poses) - 1, n).round().astype(int)
        angle, heights = np.arange(n) * 7 % scheme.n_angles, scheme.heights_mm
        lift = 0.5 * (heights + np.roll(heights, -1))[np.arange(n) % len(heights)]  # between two of them
        turned = self.poses[some] @ turns(360.0 * angle / scheme.n_angles) @ self.tilt
        turned[:, :3, 3] -= lift[:, None] * turned[:, :3, 2]
        exact = exact_sums(self.field, kinds, turned)
        found = scheme.sums(self.poses[some], len(heights) > 1)[np.arange(n), angle]
        between = np.einsum("nh,nhk->nk", lagrange(heights, lift), found)
        return float(np.abs(between - exact).max() / np.abs(exact).max())


class OnRings:
    """A coil on rings of points, whose sums at all angles are one product; see `Scheme`."""

    def __init__(self, around: _Around, kinds: Kinds, counts: tuple[int, int, int]) -> None:
        self.n_angles, across, along = counts
        self.heights_mm = _levels(around.most_lift_mm)
        # A coil is lifted along its own z, and then tilted with the rest of it.
        lifted_coils = [kinds.moved(around.tilt @ lifted(height)) for height in self.heights_mm]
        points = np.concatenate([one.points_mm for one in lifted_coils])
        low, high = points[:, 2].min() - _ROOM_MM, min(points[:, 2].max() + _ROOM_MM, 0.0)
        radius = float(np.hypot(points[:, 0], points[:, 1]).max()) + _ROOM_MM
        rings = Rings.around(radius, (float(low), float(high)), across, along, self.n_angles)
        self._points, n_kinds = rings.points_mm, len(kinds.present())
        self._weights = [
            np.concatenate([rings.turned(rings.spread(one.present()[i][1])) for one in lifted_coils])
            for i in range(n_kinds)
        ]
        self._weights = [weights.astype(np.float32) for weights in self._weights]
        self._k = len(around.field)
        self._lattices = around.lattices(kinds, [self._points] * len(self._weights), around.poses, _RINGS_MM)
        self.n_points = sum(lattice.n_points for lattice in self._lattices)
        self.error = around.error(self, kinds)

    def sums(self, poses: Floats, lifted: bool = False) -> NDArray[np.float32]:
        """Return the sums (p, n_angles, l, k) at poses (p, 4, 4), on the spot or at all heights."""
        angles, levels = self.n_angles, len(self.heights_mm) if lifted else 1
        result = np.empty((len(poses), angles, levels, self._k), np.float32)
        step = self._lattices[0].widest
        for start in range(0, len(poses), step):
            part = slice(start, min(start + step, len(poses)))
            found: Any = 0.0
            for lattice, weights in zip(self._lattices, self._weights, strict=True):
                rows = weights[: levels * angles]  # those of no lift come first
                found = found + products(rows, lattice.sample(self._points, poses[part]))
            there = found[:, :, : part.stop - start].reshape(self._k, levels, angles, part.stop - start)
            result[part] = np.transpose(there, (3, 2, 1, 0))
        return result


class TurnedSources:
    """A coil by its own sources, turned to one angle after the other; see `Scheme`."""

    n_angles = _ANGLES

    def __init__(self, around: _Around, kinds: Kinds) -> None:
        self._turns = turns(360.0 * np.arange(_ANGLES) / _ANGLES) @ around.tilt
        self._kinds, self._k = [kind for _, kind in kinds.present()], len(around.field)
        self.heights_mm = _levels(around.most_lift_mm)
        turned = _at_heights(around.poses[:, None] @ self._turns, self.heights_mm)
        most = max(_MARKED, _MARKS // len(turned))
        some = [kind.points_mm[:: -(-len(kind.points_mm) // most)] for kind in self._kinds]
        self._lattices = around.lattices(kinds, some, turned, _SOURCES_MM)
        self.n_points = sum(lattice.n_points for lattice in self._lattices)
        self.error = around.error(self, kinds)

    def sums(self, poses: Floats, lifted: bool = False) -> NDArray[np.float32]:
        """Return the sums (p, n_angles, l, k) at poses (p, 4, 4), on the spot or at all heights."""
        flat = _at_heights(poses[:, None] @ self._turns, self.heights_mm if lifted else _ON_THE_SPOT)
        result = np.empty((len(flat), self._k), np.float32)
        step = self._lattices[0].widest
        for start in range(0, len(flat), step):
            part = flat[start : start + step]
            found: Any = 0.0
            for lattice, kind in zip(self._lattices, self._kinds, strict=True):
                weights = kind.vectors.astype(np.float32).reshape(1, -1)
                there = products(weights, lattice.sample(kind.points_mm, part))
                found = found + there[:, 0, : len(part)]
            result[start : start + step] = found.T
        return result.reshape(len(poses), _ANGLES, -1, self._k)


class FromNodes:
    """A coil whose sources are not known, by its ∂A/∂t at all nodes, which is slow; see `Scheme`."""

    n_angles = _ANGLES
    n_points = 0
    error = 0.0  # but for that of the samples of A, which full solves have too

    def __init__(self, aim: Aim, field: ReciprocalField, tilt: Floats, most_lift_mm: float) -> None:
        self.heights_mm = _levels(most_lift_mm)
        self._aim, self._field = aim, field
        self._turns = turns(360.0 * np.arange(_ANGLES) / _ANGLES) @ tilt

    def sums(self, poses: Floats, lifted: bool = False) -> NDArray[np.float32]:
        """Return the sums (p, n_angles, l, k) at poses (p, 4, 4), on the spot or at all heights."""
        aim = self._aim
        flat = _at_heights(poses[:, None] @ self._turns, self.heights_mm if lifted else _ON_THE_SPOT)
        found = aim.model.primary_sums(self._field.currents, aim.coil, flat, aim.rates)
        return found.astype(np.float32).reshape(len(poses), _ANGLES, -1, len(self._field))


def _at_heights(turned: Floats, heights_mm: Floats) -> Floats:
    """Return poses (p, a, 4, 4) lifted to each of h heights, flat: (p a h, 4, 4)."""
    motions = np.stack([lifted(height) for height in heights_mm])
    return np.asarray((turned[:, :, None] @ motions).reshape(-1, 4, 4))


def lifted(lift_mm: float) -> Floats:
    """Return the motion (4, 4) of a coil that is lifted off the head."""
    motion = np.eye(4)
    motion[2, 3] = -lift_mm
    return motion


def _levels(most_mm: float) -> Floats:
    """Return the heights between 0 and the most at which sums are found."""
    if not most_mm:
        return np.zeros(1)
    return 0.5 * most_mm * (1.0 - np.cos(np.pi * np.arange(_LIFTS) / (_LIFTS - 1)))
