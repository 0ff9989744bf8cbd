# SPDX-License-Identifier: BSD-3-Clause
"""Where the sources of a basis lie around a head, and the points in it where coils are compared with them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..core.device import cpu
from ..errors import MeshError
from ..geometry.surface import Surface

__all__ = ["Around", "Patch", "Shell", "around"]

Floats = NDArray[np.float64]

_STEP_MM = 6.0  # of the lattice that points are looked for on
_SETTLED, _OFF_MM = 6, 0.3  # times points are moved, and how far off they may be in the end
_MOST_POINTS = 4_000_000
_FINE, _COARSE = 0.6, 1.5  # of the spacing: in a patch and outside of it
_FEWEST = 4  # points of a surface


class Shell(NamedTuple):
    """A closed surface around a head, and one inside it, as points.

    The outer one lies so far off that it has no folds where the head has cavities; the inner one lies a
    fixed way inside of it, so that it passes over the openings of cavities too.
    """

    points_mm: Floats  #: (n, 3)
    normals: Floats  #: (n, 3) outward unit vectors
    inner_mm: Floats  #: (m, 3)


class Patch(NamedTuple):
    """Where coils will be: sources lie closer together around it, and farther apart elsewhere."""

    centre_mm: Floats  #: (3,) on the scalp
    reach_mm: float


class Around(NamedTuple):
    """Both surfaces as points that lie much closer together than sources do."""

    outer_mm: Floats  #: (p, 3)
    normals: Floats  #: (p, 3) of the outer ones
    inner_mm: Floats  #: (i, 3)

    def shell(self, spacing_mm: float, inner_spacing_mm: float, patch: Patch | None = None) -> Shell:
        """Return points with least distances; with a patch, of other distances in and outside of it."""
        chosen = _spread(self.outer_mm, spacing_mm, patch)
        inner = self.inner_mm[_spread(self.inner_mm, inner_spacing_mm, patch)]
        return Shell(self.outer_mm[chosen], self.normals[chosen], inner)


def around(scalp: Surface, off_mm: float, depth_mm: float) -> Around:
    """Find points at a distance from a scalp and, about `depth_mm` inside of it, others.

    Parameters
    ----------
    scalp : Surface
        Closed, normals outward.
    off_mm : float
        From the scalp to the outer points.
    depth_mm : float
        From a smooth scalp to the inner points.

    Raises
    ------
    MeshError
        A head of another size than one in mm, or of no inside.

    Examples
    --------
    >>> import headfield as hf
    >>> ball = hf.skin(hf.sphere_mesh(radii_mm=[80, 90], tags=[2, 5], edge_mm=10))
    >>> shell = around(ball, 30.0, 18.0).shell(40.0, 30.0)
    >>> bool(abs(np.linalg.norm(shell.points_mm, axis=1) - 120).max() < 1.0)
    True
    >>> bool(abs(np.linalg.norm(shell.inner_mm, axis=1) - 72).max() < 2.0)
    True
    """
    points = _lattice(scalp, off_mm + _STEP_MM)
    distance = scalp.signed_distance(points)
    outer, normals = _offset(scalp, points[np.abs(distance - off_mm) < _STEP_MM], off_mm)
    if len(outer) < _FEWEST:
        raise MeshError(f"no surface lies {off_mm:g} mm off the scalp: is the head in mm?")
    inner = _within(outer, points[distance < 0.0], off_mm + depth_mm)
    if len(inner) < _FEWEST:
        raise MeshError(f"the head has no points {depth_mm:g} mm below its scalp: is it in mm?")
    return Around(outer, normals, inner)


def _spread(points: Floats, spacing_mm: float, patch: Patch | None) -> NDArray[np.intp]:
    """Choose some of many points, about a distance apart."""
    if patch is None:
        return np.asarray(cpu.thinned(points, spacing_mm), np.intp)
    near = np.linalg.norm(points - patch.centre_mm, axis=1) <= patch.reach_mm
    fine, rest = np.flatnonzero(near), np.flatnonzero(~near)
    if not len(fine):
        return _spread(points, spacing_mm, None)
    fine = fine[cpu.thinned(np.ascontiguousarray(points[fine]), _FINE * spacing_mm)]
    if len(rest):
        rest = rest[cpu.thinned(np.ascontiguousarray(points[rest]), _COARSE * spacing_mm)]
        gap, _ = _nearest(points[fine], points[rest])
        rest = rest[gap >= spacing_mm]
    return np.concatenate([fine, rest])


def _lattice(scalp: Surface, beyond_mm: float) -> Floats:
    """Return the points (p, 3) of a lattice around a scalp."""
    low, high = scalp.nodes_mm.min(axis=0) - beyond_mm, scalp.nodes_mm.max(axis=0) + beyond_mm
    axes = [np.arange(a, b + _STEP_MM, _STEP_MM) for a, b in zip(low, high, strict=True)]
    if np.prod([float(len(axis)) for axis in axes]) > _MOST_POINTS:
        raise MeshError(f"the head is {np.ptp(scalp.nodes_mm, axis=0).max():.0f} mm long: is it in mm?")
    return np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)


def _offset(scalp: Surface, points: Floats, off_mm: float) -> tuple[Floats, Floats]:
    """Move points outside of a scalp to a distance from it; return those that got there, and normals."""
    normals = np.zeros_like(points)
    for _ in range(_SETTLED):
        found = scalp.closest(points)
        away = points - found.point_mm
        normals = away / np.maximum(np.linalg.norm(away, axis=1), 1e-9)[:, None]
        points = found.point_mm + off_mm * normals
    there = np.abs(scalp.signed_distance(points) - off_mm) < _OFF_MM
    return np.ascontiguousarray(points[there]), normals[there]


def _within(outer: Floats, points: Floats, way_mm: float) -> Floats:
    """Return points so far from the nearest outer ones, near to the given ones inside."""
    distance, _ = _nearest(outer, points)
    points = points[np.abs(distance - way_mm) < _STEP_MM]
    for _ in range(_SETTLED):
        _, at = _nearest(outer, points)
        away = points - outer[at]
        points = outer[at] + way_mm * away / np.linalg.norm(away, axis=1)[:, None]
    distance, _ = _nearest(outer, points)
    return np.ascontiguousarray(points[np.abs(distance - way_mm) < _STEP_MM / 2])


def _nearest(outer: Floats, points: Floats) -> tuple[Floats, NDArray[np.intp]]:
    """Return how far each point (p, 3) is from the nearest outer one, and which that is."""
    flat = cpu.Triangles(np.repeat(outer[:, None], 3, axis=1))  # triangles that are points
    at, _, distance = flat.closest(np.ascontiguousarray(points))
    return distance, at
