# SPDX-License-Identifier: BSD-3-Clause
"""Points that stand for a casing: those of it that touch a head first."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..coils.casing import Casing
from ..geometry.surface import Surface
from ..geometry.triangles import area_vectors, subdivided
from .clearance import surface_of

__all__ = ["TouchingPoints"]

Floats = NDArray[np.float64]

_MOST = 12_000
_FINE_MM = 2.5  # the longest edge of triangles that points are taken from, within these shares of the extent:
_FINE_SHARE, _COARSE_SHARE = 1 / 100, 1 / 40
_BACK = -0.3  # z of the normals of triangles that look away from the head
_ASIDE = 0.2  # of the way along z that a way aside counts
_GROWTH = 1.1  # of cells, at least, until their points are few enough


class TouchingPoints(NamedTuple):
    """Points of a casing, one in each cell of a lattice, towards +z, where the head is.

    Of a closed casing the triangles whose normals look back, more than 17° from sideways, are left out: a
    head that is not hollow touches others first.

    Examples
    --------
    >>> plate = Casing([[-90, -50, 0], [90, -50, 0], [0, 50, 0]], [[0, 1, 2]])
    >>> points = TouchingPoints.of(plate)
    >>> 1000 < len(points.points_mm) <= 12_000, points.cover_mm < 4
    (True, True)
    """

    points_mm: Floats  #: (c, 3), at most 12,000, in the coil frame
    cover_mm: float  #: every other point of those triangles is within this of a point

    @staticmethod
    def of(casing: object) -> TouchingPoints:
        """Choose points of a casing, or of the casing of a coil; CoilError as for `casing_distance`."""
        given = surface_of(casing)
        checked = Casing(given.points_mm, given.faces)
        corners = checked.points_mm[checked.faces]
        extent = max(float(np.ptp(corners.reshape(-1, 3), axis=0).max()), 1e-3)
        cell = min(max(_FINE_MM, _FINE_SHARE * extent), _COARSE_SHARE * extent)
        fine = subdivided(_facing(checked, corners), cell)
        edge = np.linalg.norm(fine[:, [1, 2, 0]] - fine, axis=2).max()
        points = fine.reshape(-1, 3)
        chosen, group = _one_per_cell(points, cell)
        while len(chosen) > _MOST:
            cell *= max((len(chosen) / _MOST) ** 0.5, _GROWTH)
            chosen, group = _one_per_cell(points, cell)
        away = np.linalg.norm(points - points[chosen[group]], axis=1).max()
        return TouchingPoints(points[chosen], float(away + edge / 3**0.5))


def _facing(casing: Casing, corners: Floats) -> Floats:
    """Leave out triangles that look back, if it is known where they look: the casing is closed."""
    normals = area_vectors(corners)
    closed = np.linalg.norm(normals.sum(axis=0)) <= 1e-6 * np.abs(normals).sum()
    if not closed or Surface(casing.points_mm, casing.faces).is_wound_inward:
        return corners
    facing = normals[:, 2] >= _BACK * np.linalg.norm(normals, axis=1)
    return corners[facing] if facing.any() else corners


def _one_per_cell(points: Floats, edge: float) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the point of each cell that stands for it, and the cell of each point.

    That is the one farthest along z, and of those as far the one in the middle: a point that is off the
    middle must lie farther by a share of that.
    """
    place = (points - points.min(axis=0)) / edge
    cell = np.floor(place).astype(np.int64)
    _, ny, nz = cell.max(axis=0) + 1
    _, group = np.unique((cell[:, 0] * ny + cell[:, 1]) * nz + cell[:, 2], return_inverse=True)
    aside = np.linalg.norm((place - cell - 0.5)[:, :2], axis=1)
    order = np.lexsort((_ASIDE * aside - place[:, 2], group))
    return order[np.flatnonzero(np.diff(group[order], prepend=-1))], group
