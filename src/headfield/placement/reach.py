# SPDX-License-Identifier: BSD-3-Clause
"""How far a body reaches in any direction, bounded from a table of some directions."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["Reach"]

Floats = NDArray[np.float64]

_CELLS = 8  # along each edge of a cube's face
_OTHERS = np.array([[1, 2], [2, 0], [0, 1]])
_ROUNDING = 1e-9  # relative: heights are rounded


class Reach:
    """A bound of the least and largest height of a body along any direction.

    The largest height h(d) = max x·d over the points x of a body is a convex function of d, and grows as the
    length of d does. On a face of the cube [−1, 1]³ it is tabulated at the corners of 8 x 8 squares. What is
    interpolated between these is never less than h: it is more by up to 2 % of the radius of a round body,
    and by up to a sixth of the radius of one with sharp corners.

    Parameters
    ----------
    points_mm : ndarray (n, 3)
        Of the body; none is a body that reaches nowhere.

    Examples
    --------
    >>> box = np.array([[x, y, z] for x in (-1, 1) for y in (-2, 2) for z in (0, 3)], float)
    >>> Reach(box).least_along(np.array([[0.0, 0, 1], [0, 0, -1]])).round(6) + 0.0
    array([ 0., -3.])
    """

    def __init__(self, points_mm: Floats) -> None:
        self._empty = not len(points_mm)
        if self._empty:
            return
        self._table = np.empty((6, _CELLS + 1, _CELLS + 1))
        self._middle = 0.5 * (points_mm.min(axis=0) + points_mm.max(axis=0))
        away = points_mm - self._middle
        line = np.linspace(-1.0, 1.0, _CELLS + 1)
        for face in range(6):
            corners = np.empty((_CELLS + 1, _CELLS + 1, 3))
            axis, (u, v) = face % 3, _OTHERS[face % 3]
            corners[..., axis] = 1.0 if face < 3 else -1.0
            corners[..., u], corners[..., v] = line[:, None], line
            for i, row in enumerate(corners):
                self._table[face, i] = (away @ row.T).max(axis=0)
        self._table += _ROUNDING * np.abs(points_mm).max()

    @staticmethod
    def of_voxels(filled: NDArray[np.bool_], low: Floats, step: float) -> Reach:
        """Return the reach of the filled voxels of a grid that begins at `low` (3,), mm; its rim is empty."""
        nx, ny, nz = filled.shape
        corners = np.zeros((nx + 1, ny + 1, nz + 1), bool)
        for i, j, k in np.ndindex(2, 2, 2):
            corners[i : i + nx, j : j + ny, k : k + nz] |= filled
        outmost = corners.copy()
        for axis in range(3):  # a corner between two others is never the highest one alone
            outmost &= ~(np.roll(corners, 1, axis) & np.roll(corners, -1, axis))
        return Reach(low + step * np.argwhere(outmost))

    def least_along(self, directions: Floats) -> Floats:
        """Bound the height of all points along directions (k, 3) from below, (k,); inf without points."""
        if self._empty:
            return np.full(len(directions), np.inf)
        way = -directions
        axis = np.abs(way).argmax(axis=1)
        row = np.arange(len(way))
        along = way[row, axis]
        size = np.abs(along)
        face = axis + 3 * (along < 0)
        at = (way[row[:, None], _OTHERS[axis]] / size[:, None] + 1.0) * (0.5 * _CELLS)
        cell = np.minimum(at.astype(np.int32), _CELLS - 1)
        (i, j), (s, t) = cell.T, (at - cell).T
        table = self._table
        low = (1.0 - t) * table[face, i, j] + t * table[face, i, j + 1]
        high = (1.0 - t) * table[face, i + 1, j] + t * table[face, i + 1, j + 1]
        return np.asarray(directions @ self._middle - size * ((1.0 - s) * low + s * high))
