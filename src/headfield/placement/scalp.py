# SPDX-License-Identifier: BSD-3-Clause
"""The scalp as coils lie on it: closest points, and normals there or averaged over the area of contact."""

from __future__ import annotations

import itertools
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from ..errors import PoseError
from ..geometry.surface import Surface
from ..geometry.triangles import area_vectors, areas, ramp, subdivided

__all__ = ["Scalp"]

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]

_CELLS_PER_RADIUS = 6.0  # the surface is averaged from a point in each cell of a grid as fine as this
_EDGES_PER_RADIUS = 3.0  # larger triangles are subdivided first
_MOST_SAMPLES = 4_000_000
_MOST_PAIRS = 400_000  # taken at a time: some ten MB
_NEARLY_NONE = 1e-3  # of the area: the mean normal of a surface that is folded back


class Scalp:
    """A surface that coils are placed on.

    Parameters
    ----------
    surface : Surface
    smooth_mm : float
        Radius of the area that normals are averaged over, see `headfield.place`; 0: normals at the point.

    Examples
    --------
    A floor with a bump of 1 mm: beside it, the normal at a point is off, the mean hardly is.

    >>> x, y = np.meshgrid(np.arange(-30.0, 31, 5), np.arange(-30.0, 31, 5))
    >>> nodes = np.stack([x.ravel(), y.ravel(), np.where(np.hypot(x, y) < 1, 1.0, 0.0).ravel()], axis=1)
    >>> a = (np.arange(12)[:, None] * 13 + np.arange(12)).ravel()
    >>> faces = np.concatenate([np.stack([a, a + 1, a + 14], 1), np.stack([a, a + 14, a + 13], 1)])
    >>> floor = Surface(nodes, faces)
    >>> for radius in (0.0, 15.0):
    ...     _, normal, _ = Scalp(floor, radius).nearest(np.array([[2.5, 0.0, 0.0]]))
    ...     print(np.degrees(np.arccos(normal[0, 2])).round(1))
    2.3
    0.2
    """

    def __init__(self, surface: Surface, smooth_mm: float = 0.0) -> None:
        self.surface = surface
        self.smooth_mm = smooth_mm

    def nearest(self, points_mm: Floats) -> tuple[Floats, Floats, Floats]:
        """Return the closest points (p, 3) to points (p, 3), mm, unit normals (p, 3), and distances (p,).

        Raises
        ------
        PoseError
            A point has no normal, because the surface is folded back there.
        """
        found = self.surface.closest(points_mm)
        if not self.smooth_mm:
            return found.point_mm, self.surface.normals(found.face, found.weights), found.distance_mm
        return found.point_mm, self._averaged(found.point_mm), found.distance_mm

    def _averaged(self, points: Floats) -> Floats:
        vector, area = self._samples.sums(points)
        length = np.linalg.norm(vector, axis=1)
        bad = np.flatnonzero(~(length > _NEARLY_NONE * area))
        if len(bad):
            raise PoseError(
                f"the surface has no normal within smooth_mm = {self.smooth_mm:g} mm of {points[bad[0]]}: it "
                "is folded back there"
            )
        return np.asarray(vector / length[:, None])

    @property
    def _samples(self) -> _Samples:
        """Points of the surface with the area vectors around them, kept for the next coil on this surface."""
        radius, samples = _KEPT.get(self.surface, (0.0, None))
        if samples is None or radius != self.smooth_mm:
            samples = self._sampled()
            _KEPT[self.surface] = self.smooth_mm, samples
        return samples

    def _sampled(self) -> _Samples:
        longest = self.smooth_mm / _EDGES_PER_RADIUS
        about = 4 * float(areas(self.surface.triangles).sum()) / longest**2
        if about > _MOST_SAMPLES:
            raise PoseError(
                f"smooth_mm = {self.smooth_mm:g} is too little for a surface of this size: is it in mm?"
            )
        triangles = subdivided(self.surface.triangles, longest)
        return _Samples(triangles.mean(axis=1), area_vectors(triangles), self.smooth_mm)


class _Samples:
    """Area vectors at points, merged in the cells of a fine grid and sorted into cells of a coarse one.

    A merged vector is the sum, at the mean point by area, so flat parts of a surface stay as they are.
    """

    def __init__(self, points: Floats, vectors: Floats, radius: float) -> None:
        self._radius, self._low = radius, points.min(axis=0)
        cell = self._cell(points, radius / _CELLS_PER_RADIUS)
        _, fine = np.unique(_row_by_row(cell, cell.max(axis=0) + 1), return_inverse=True)
        area = np.linalg.norm(vectors, axis=1)
        total = np.bincount(fine, area)
        kept = np.flatnonzero(total > 0)
        mean = [np.bincount(fine, area * x)[kept] / total[kept] for x in points.T]
        merged = [np.bincount(fine, v)[kept] for v in vectors.T]
        place = np.stack(mean, axis=1)
        cell = self._cell(place, radius)
        self._shape = cell.max(axis=0) + 1
        key = _row_by_row(cell, self._shape)
        order = np.argsort(key, kind="stable")
        self._key, self._place = key[order], place[order]
        self._values = np.stack([*merged, total[kept]], axis=1)[order]

    def _cell(self, points: Floats, edge: float) -> Ints:
        return np.floor((points - self._low) / edge).astype(np.intp)

    def sums(self, points: Floats) -> tuple[Floats, Floats]:
        """Return weighted sums of area vectors (p, 3) and areas (p,) around points (p, 3).

        The weight (1 − r²/R²)² falls to 0 at the radius R with its slope, so that the sums move smoothly.
        """
        point, start, count = self._rows(points)
        sums = np.zeros((4, len(points)))
        cuts = np.searchsorted(np.cumsum(count), np.arange(_MOST_PAIRS, count.sum(), _MOST_PAIRS))
        for part in np.split(np.arange(len(point)), cuts):
            p = np.repeat(point[part], count[part])
            sample = np.repeat(start[part], count[part]) + ramp(count[part])
            away = self._place[sample] - points[p]
            left = 1.0 - np.einsum("si,si->s", away, away) / self._radius**2
            near = np.flatnonzero(left > 0.0)  # of the cells around a point most is beyond the radius
            p, left = p[near], left[near] ** 2
            for total, value in zip(sums, self._values.take(sample[near], axis=0).T, strict=True):
                total += np.bincount(p, left * value, len(points))
        return sums[:3].T, sums[3]

    def _rows(self, points: Floats) -> tuple[Ints, Ints, Ints]:
        """Return the rows of three cells along z around points: point, first sample and count of each."""
        x, y, z = self._cell(points, self._radius).T
        nx, ny, nz = self._shape
        low, high = np.clip(z - 1, 0, nz - 1), np.clip(z + 1, 0, nz - 1)
        rows = []
        for i, j in itertools.product((-1, 0, 1), repeat=2):
            there = np.flatnonzero((x + i >= 0) & (x + i < nx) & (y + j >= 0) & (y + j < ny))
            row = ((x + i) * ny + y + j)[there] * nz
            start = np.searchsorted(self._key, row + low[there])
            rows.append((there, start, np.searchsorted(self._key, row + high[there], side="right") - start))
        point, start, count = (np.concatenate(each) for each in zip(*rows, strict=True))
        order = np.argsort(point, kind="stable")  # so that the sum at a point does not depend on the others
        return point[order], start[order], count[order]


_KEPT: WeakKeyDictionary[Surface, tuple[float, _Samples]] = WeakKeyDictionary()


def _row_by_row(cell: Ints, shape: Ints) -> Ints:
    """Number cells (n, 3) of a grid; those in a row along z follow each other."""
    return np.asarray((cell[:, 0] * shape[1] + cell[:, 1]) * shape[2] + cell[:, 2])
