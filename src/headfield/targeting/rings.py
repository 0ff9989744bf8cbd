# SPDX-License-Identifier: BSD-3-Clause
"""A coil on rings: its sources spread to points around the axis it turns about, the same for every angle.

The field that a coil takes part in is smooth where its sources are, so a source may be replaced by a few
others around it whose sum gives the same for smooth fields: polynomials of Chebyshev across the rings and
along the axis, trigonometric ones around them. Turning the coil then turns weights from point to point, and
one set of samples of the field serves all angles, distances and tilts.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .sources import CoilSources

__all__ = ["Rings", "lagrange", "trigonometric"]

Floats = NDArray[np.float64]

_PIECE = 2000  # sources that are spread together


@dataclass(frozen=True, eq=False)
class Rings:
    """Rings of points around the z axis of a coil.

    Attributes
    ----------
    radii_mm, heights_mm : ndarray (r,), (z,)
        Chebyshev points of the first kind.
    n_angles : int
        Points of a ring, even.
    points_mm : ndarray (q, 3)
        q = r z n_angles; those of a ring follow each other.

    Examples
    --------
    A dipole on rings feels a smooth field as it does itself:

    >>> rings = Rings.around(80.0, (-20.0, -5.0), 6, 3, 16)
    >>> here = np.array([[31.0, -22.0, -9.0]])
    >>> weights = rings.spread(CoilSources(here, np.array([[0.0, 0.0, 1.0]])))
    >>> field = lambda p: np.exp(p[:, 2] / 60) * np.cos(p[:, 0] / 60)
    >>> bool(abs(weights.reshape(-1, 3)[:, 2] @ field(rings.points_mm) - field(here)[0]) < 1e-4)
    True
    """

    radii_mm: Floats
    heights_mm: Floats
    n_angles: int

    @staticmethod
    def around(radius_mm: float, heights_mm: tuple[float, float], r: int, z: int, n_angles: int) -> Rings:
        """Return rings in a cylinder of a radius between two heights."""
        low, high = heights_mm
        heights = 0.5 * (low + high) + 0.5 * (high - low) * _chebyshev(z)
        return Rings(0.5 * radius_mm * (1.0 + _chebyshev(r)), heights, n_angles)

    @property
    def points_mm(self) -> Floats:
        angle = 2.0 * np.pi * np.arange(self.n_angles) / self.n_angles
        shape = (len(self.radii_mm), len(self.heights_mm), self.n_angles)
        across = np.broadcast_to(self.radii_mm[:, None, None], shape)
        z = np.broadcast_to(self.heights_mm[None, :, None], shape)
        return np.stack([across * np.cos(angle), across * np.sin(angle), z], axis=-1).reshape(-1, 3)

    def spread(self, sources: CoilSources) -> Floats:
        """Return the weights (3 q,) of the points' fields whose sum is Σ vectors · field at the sources."""
        total = np.zeros((len(self.radii_mm) * len(self.heights_mm), self.n_angles, 3))
        for start in range(0, len(sources.points_mm), _PIECE):
            x, y, z = sources.points_mm[start : start + _PIECE].T
            vectors = sources.vectors[start : start + _PIECE]
            across = lagrange(self.radii_mm, np.hypot(x, y))
            along = lagrange(self.heights_mm, z)
            ring = (across[:, :, None] * along[:, None, :]).reshape(len(x), -1)
            around = trigonometric(self.n_angles, np.arctan2(y, x))
            for axis in range(3):
                total[:, :, axis] += ring.T @ (around * vectors[:, axis, None])
        return total.reshape(-1)

    def turned(self, weights: Floats) -> Floats:
        """Return weights (n_angles, 3 q) of the coil turned from x to y by all angles of a ring."""
        first = weights.reshape(-1, self.n_angles, 3)
        rows = np.empty((self.n_angles, *first.shape))
        for j in range(self.n_angles):
            angle = 2.0 * np.pi * j / self.n_angles
            c, s = np.cos(angle), np.sin(angle)
            rows[j] = np.roll(first, j, axis=1) @ np.array([[c, s, 0.0], [-s, c, 0.0], [0.0, 0.0, 1.0]])
        return rows.reshape(self.n_angles, -1)


def _chebyshev(n: int) -> Floats:
    """Return the n Chebyshev points of the first kind in (−1, 1), ascending; 0 for one."""
    return -np.cos(np.pi * (np.arange(n) + 0.5) / n)


def lagrange(nodes: Floats, at: Floats) -> Floats:
    """Return the values (p, n) of the Lagrange polynomials of n nodes at some places (p,)."""
    away = at[:, None] - nodes
    values = np.ones((len(at), len(nodes)))
    for i in range(len(nodes)):
        others = np.arange(len(nodes)) != i
        values[:, i] = (away[:, others] / (nodes[i] - nodes[others])).prod(axis=1)
    return values


def trigonometric(n: int, angle: Floats) -> Floats:
    """Return the values (p, n) of the trigonometric cardinal functions of n even points at some angles."""
    half = 0.5 * (angle[:, None] - 2.0 * np.pi * np.arange(n) / n)
    sine = np.sin(half)
    on = np.abs(sine) < 1e-12
    values = np.sin(n * half) * np.cos(half) / (n * np.where(on, 1.0, sine))
    return np.where(on, 1.0, values)
