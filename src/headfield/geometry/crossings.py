# SPDX-License-Identifier: BSD-3-Clause
"""Crossings of a triangle surface by rays along z, which say what is inside it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..errors import MeshError
from .triangles import area_vectors, ramp

__all__ = ["Columns"]

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]

_RAY_PAIRS = 400_000  # pairs of a ray and a triangle that are taken at a time: some ten MB


class Columns:
    """Triangles sorted into square columns along z, for rays along z."""

    def __init__(self, triangles: Floats) -> None:
        low, high = triangles[..., :2].min(axis=1), triangles[..., :2].max(axis=1)
        self._low = low.min(axis=0)
        span = high.max(axis=0) - self._low
        self._width = max(float((high - low).mean()), float(span.max()) / 512, 1e-300)
        self._shape = (span / self._width).astype(np.intp) + 1
        first, last = self._cells(low), self._cells(high)
        n = last - first + 1
        face = np.repeat(np.arange(len(triangles)), n.prod(axis=1))
        place = ramp(n.prod(axis=1))
        x, y = first[face, 0] + place // n[face, 1], first[face, 1] + place % n[face, 1]
        cell = x * self._shape[1] + y
        self._faces = face[np.argsort(cell, kind="stable")]
        self._start = np.searchsorted(np.sort(cell), np.arange(self._shape.prod() + 1))
        # Edges from their lower to their upper end in y: neighbours then round alike.
        ends = np.stack([triangles, triangles[:, [1, 2, 0]]], axis=2)[..., :2]  # (f, edge, end, xy)
        upward = (ends[:, :, 0, 1] <= ends[:, :, 1, 1])[..., None]
        below = np.where(upward, ends[:, :, 0], ends[:, :, 1])
        above = np.where(upward, ends[:, :, 1], ends[:, :, 0])
        with np.errstate(divide="ignore", invalid="ignore"):
            slope = (above[..., 0] - below[..., 0]) / (above[..., 1] - below[..., 1])
        self._edges = np.stack([below[..., 0], below[..., 1], above[..., 1], slope], axis=1)  # (f, 4, edge)
        self._corner = triangles[:, 0]
        self._normal = area_vectors(triangles)
        self._z = np.stack([triangles[..., 2].min(axis=1), triangles[..., 2].max(axis=1)], axis=1)

    def _cells(self, xy: Floats) -> Ints:
        return np.clip(((xy - self._low) / self._width).astype(np.intp), 0, self._shape - 1)

    def inside(self, points: Floats) -> NDArray[np.bool_]:
        """Tell whether an odd number of triangles is above each point (p, 3)."""
        x, y = self._cells(points[:, :2]).T
        cell = x * self._shape[1] + y
        count = self._start[cell + 1] - self._start[cell]
        parts = np.searchsorted(np.cumsum(count), np.arange(_RAY_PAIRS, count.sum(), _RAY_PAIRS))
        above = np.zeros(len(points), np.intp)
        for part in filter(len, np.split(np.arange(len(points)), parts)):
            point = np.repeat(part, count[part])
            face = self._faces[np.repeat(self._start[cell[part]], count[part]) + ramp(count[part])]
            hit = self._crossed(face, points[point])
            point, face = point[hit], face[hit]
            if (np.bincount(point - part[0], minlength=len(part)) % 2).any():
                raise MeshError("the surface is not closed: nothing is inside it")
            up = self._heights(face, points[point]) > points[point, 2]
            above[part] += np.bincount(point[up] - part[0], minlength=len(part))
        return above % 2 == 1

    def _crossed(self, face: Ints, points: Floats) -> Ints:
        """Return the pairs whose triangle a line along z through the point crosses; at an edge, one of 2."""
        x, y = points[:, :1], points[:, 1:2]
        start, low, high, slope = np.moveaxis(self._edges[face], 1, 0)
        with np.errstate(invalid="ignore"):
            right = (low <= y) & (y < high) & (x < start + (y - low) * slope)
        return np.flatnonzero(right.sum(axis=1) % 2)

    def _heights(self, face: Ints, points: Floats) -> Floats:
        """Return z (p,) of the plane of each triangle at the point's x and y, within the triangle's z."""
        normal, away = self._normal[face], points[:, :2] - self._corner[face, :2]
        with np.errstate(divide="ignore", invalid="ignore"):
            z = self._corner[face, 2] - np.einsum("pj,pj->p", normal[:, :2], away) / normal[:, 2]
        z = np.where(np.isfinite(z), z, self._z[face].mean(axis=1))  # a triangle that is seen edge-on
        return np.clip(z, self._z[face, 0], self._z[face, 1])
