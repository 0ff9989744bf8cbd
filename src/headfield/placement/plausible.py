# SPDX-License-Identifier: BSD-3-Clause
"""Poses that can be solved but are not plausible: a coil inside the head, far from it, or facing away."""

from __future__ import annotations

import math
from typing import NamedTuple
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from ..coils.coil import Coil
from ..coils.sources import Sources
from ..core.messages import warn
from ..heads.mesh import TetMesh
from ..poses.plausible import are_in_metres
from .interior import Interior
from .reach import Reach

__all__ = ["PlausiblePoses", "faces_away", "middle"]

Floats = NDArray[np.float64]

_MOST_SOURCES = 500  # of a coil that are looked at; up to twice as many
_FAR_MM = 300.0  # from the box around the head
_FACING_AWAY = -0.2  # cosine between +z and the direction to the middle of the head
_ROUNDING = 1e-9  # relative: coordinates are rounded
_FEW = 16  # poses: for more of them arrays are faster than plain numbers
_POSES = 20_000  # looked at together
_POINTS = 30_000  # placed together: their arrays fit the cache


class PlausiblePoses:
    """What is looked at before poses in a head are solved.

    Wire counts as inside the head if it is well inside, see `Interior`: what is barely inside is not seen.

    Most poses are settled without a look at single sources: all of a coil, or each of its parts, lies behind
    a plane, and if the inside of the head does not reach through that, the wire is outside. This takes about
    a microsecond a pose, a look at all sources ten times as long and more. Loops that solve one pose at a
    time spend a millisecond or two in each solve: a few poses are first held, by plain numbers, against an
    ellipsoid around the head, which settles those over a round one.

    Examples
    --------
    >>> import headfield as hf
    >>> check = PlausiblePoses(hf.sphere_mesh(radii_mm=[80], tags=[3], edge_mm=10))
    >>> check.inside(np.array([[0, 0, 0], [0, 0, 82.0], [0, 200, 0]])).tolist()
    [True, False, False]
    """

    def __init__(self, mesh: TetMesh) -> None:
        self._box = mesh.nodes_mm.min(axis=0), mesh.nodes_mm.max(axis=0)
        self._middle = middle(mesh.nodes_mm)
        self._ellipsoid = _ellipsoid(self._middle, self._box[1] - self._middle, mesh.nodes_mm)
        self._interior = Interior(mesh)
        self._reach = Reach.of_voxels(self._interior.voxels, self._interior.low, self._interior.step)
        self._looked_at: WeakKeyDictionary[Coil, _Wire] = WeakKeyDictionary()

    def inside(self, points_mm: Floats) -> NDArray[np.bool_]:
        """Say for each point (p, 3), mm, whether it lies well inside the head."""
        return self._interior.holds(points_mm.T)

    def warn_of(self, coil: Coil, poses: Floats, first: int = 0) -> None:
        """Warn of poses (k, 4, 4) that put the coil into the head, far from it, or turn its back to it.

        Messages count them from `first`.
        """
        wire = self._wire_of(coil)
        if len(poses) <= _FEW and self._none_in_doubt(wire.front.height.item(), poses):
            return
        inside, far, away = self._seen(wire, poses)
        metres = ": are their centres in metres, not mm?" if inside.any() and are_in_metres(poses) else ""
        _warn(inside, first, f"put the wire of the coil inside the head{metres}")
        _warn(far, first, f"put the coil more than {_FAR_MM:g} mm from the head: are they in mm?")
        _warn(away, first, "turn the back of the coil to the head: +z points into the head")

    def misplaced(self, coil: Coil, poses: Floats) -> dict[int, str]:
        """Return what keeps a coil at some poses (k, 4, 4) from being over the head, by their index.

        Such poses put its wire inside the head, or the coil far from it.

        Examples
        --------
        >>> import headfield as hf
        >>> check = PlausiblePoses(hf.sphere_mesh(radii_mm=[80], tags=[3], edge_mm=10))
        >>> poses = np.stack([np.diag([1.0, -1.0, -1.0, 1.0])] * 3)
        >>> poses[:, 2, 3] = [90.0, 60.0, 500.0]
        >>> check.misplaced(hf.circular_coil(), poses)
        {1: 'the wire of the coil is inside the head', 2: 'the coil is more than 300 mm from the head'}
        """
        inside, far, _ = self._seen(self._wire_of(coil), poses)
        off = f"the coil is more than {_FAR_MM:g} mm from the head"
        words = dict.fromkeys(np.flatnonzero(far).tolist(), off)
        words |= dict.fromkeys(np.flatnonzero(inside).tolist(), "the wire of the coil is inside the head")
        return dict(sorted(words.items()))

    def _seen(self, wire: _Wire, poses: Floats) -> NDArray[np.bool_]:
        """Say of each pose whether it puts wire inside the head, is far off, and faces away: (3, k)."""
        seen = np.empty((3, len(poses)), bool)
        inside, far, away = seen
        for start in range(0, len(poses), _POSES):
            some = slice(start, start + _POSES)
            part = poses[some]
            inside[some] = self._wire_inside(wire, part)
            beyond = np.maximum(self._box[0] - part[:, :3, 3], part[:, :3, 3] - self._box[1])
            np.maximum(beyond, 0.0, out=beyond)
            far[some] = np.einsum("kd,kd->k", beyond, beyond) > _FAR_MM**2
            away[some] = faces_away(self._middle, part)
        return seen

    def _wire_of(self, coil: Coil) -> _Wire:
        """Return what is looked at of a coil; it is kept as long as the coil is."""
        wire = self._looked_at.get(coil)
        if wire is None:
            wire = self._looked_at[coil] = _Wire.of(coil)
        return wire

    def _none_in_doubt(self, front: float, poses: Floats) -> bool:
        """Say whether all poses are plausible beyond doubt, of a coil whose wire lies behind z = `front`.

        Their coils face the head, are near its middle, and the plane before their wire is clear of the
        ellipsoid around the head.
        """
        middle_x, middle_y, middle_z, a, b, c = self._ellipsoid
        for ux, x, uy, y, uz, z in poses[:, :3, 2:].reshape(-1, 6).tolist():  # +z of the coil, and its place
            x, y, z = middle_x - x, middle_y - y, middle_z - z
            depth = ux * x + uy * y + uz * z
            reach = math.sqrt((a * ux) ** 2 + (b * uy) ** 2 + (c * uz) ** 2)
            if not (depth > max(reach + front, 0.0) and x * x + y * y + z * z < _FAR_MM**2):
                return False
        return True

    def _wire_inside(self, wire: _Wire, poses: Floats) -> NDArray[np.bool_]:
        """Say for each pose whether some wire of the coil is inside the head, (k,)."""
        inside = np.zeros(len(poses), bool)
        near = np.flatnonzero(self._reached(wire.front, poses)[:, 0])
        if len(near) and len(wire.walls.height):
            through = self._reached(wire.walls, poses[near])
            near = near[(through[:, ::2] & through[:, 1::2]).any(axis=1)]
        step = max(1, _POINTS // len(wire.points)) if len(wire.points) else 1
        for start in range(0, len(near), step):
            rows = near[start : start + step]
            placed = (poses[rows, :3, :3].reshape(-1, 3) @ wire.points.T).reshape(len(rows), 3, -1)
            placed += poses[rows, :3, 3, None]
            inside[rows] = self._interior.holds_some(np.moveaxis(placed, 1, 0))
        return inside

    def _reached(self, walls: _Walls, poses: Floats) -> NDArray[np.bool_]:
        """Say for each pose and wall whether the inside of the head reaches through it, (k, w)."""
        normals = walls.normal @ np.swapaxes(poses[:, :3, :3], 1, 2)
        height = np.einsum("kwd,kd->kw", normals, poses[:, :3, 3]) + walls.height
        lowest = self._reach.least_along(normals.reshape(-1, 3)).reshape(height.shape)
        return np.asarray(lowest <= height)


class _Walls(NamedTuple):
    """Planes with all sources of a coil, or of a part of it, behind: normals (w, 3) and heights (w,), mm."""

    normal: Floats
    height: Floats


class _Wire(NamedTuple):
    """What is looked at of a coil: some of its sources (p, 3), mm, one wall before all, two for each part."""

    points: Floats
    front: _Walls
    walls: _Walls

    @classmethod
    def of(cls, coil: Coil) -> _Wire:
        """Choose a wall across +z of the coil, and two across the direction where each part is thinnest."""
        points = coil.sources().points_mm
        parts = [Sources.of([coil.source(element)]).points_mm for element in coil.elements]
        normal, height = [np.empty((0, 3))], [np.empty(0)]
        for part in filter(len, parts if len(parts) > 1 else []):
            away = part - part.mean(axis=0)
            thin = np.linalg.eigh(away.T @ away)[1][:, 0]
            normal.append(np.stack([thin, -thin]))
            height.append((part @ normal[-1].T).max(axis=0))
        front = _Walls(np.array([[0.0, 0.0, 1.0]]), points[:, 2:].max(axis=0, initial=-np.inf))
        some = points[:: max(1, len(points) // _MOST_SOURCES)].copy()
        return cls(some, front, _Walls(np.concatenate(normal), np.concatenate(height)))


def _ellipsoid(middle_mm: Floats, half_mm: Floats, nodes_mm: Floats) -> list[float]:
    """Return middle and half axes, mm, of the ellipsoid in the shape of the box that holds all nodes."""
    away = (nodes_mm - middle_mm) / half_mm
    farthest = math.sqrt(np.einsum("nd,nd->n", away, away).max())
    return [*middle_mm.tolist(), *(half_mm * (farthest * (1.0 + _ROUNDING))).tolist()]


def middle(nodes_mm: Floats) -> Floats:
    """Return the middle (3,) of the box around the nodes of a head, mm."""
    return np.asarray(0.5 * (nodes_mm.min(axis=0) + nodes_mm.max(axis=0)))


def faces_away(middle_mm: Floats, poses: Floats) -> NDArray[np.bool_]:
    """Say for each pose (k, 4, 4) whether its +z points away from the middle (3,) of the head.

    Examples
    --------
    >>> up = np.eye(4)
    >>> up[2, 3] = 90.0
    >>> faces_away(np.zeros(3), np.array([up, up @ np.diag([1, -1, -1, 1])])).tolist()
    [True, False]
    """
    to_middle = middle_mm - poses[:, :3, 3]
    cosine = np.einsum("kd,kd->k", to_middle, poses[:, :3, 2])
    return np.asarray(cosine < _FACING_AWAY * np.sqrt(np.einsum("kd,kd->k", to_middle, to_middle)))


def _warn(bad: NDArray[np.bool_], first: int, what: str) -> None:
    if bad.any():
        count = int(bad.sum())
        warn(f"{count} of {len(bad)} poses, first pose {first + int(bad.argmax())}, {what}")
