# SPDX-License-Identifier: BSD-3-Clause
"""The casing of a coil and the scalp: how far apart, where they would touch, and how to land a coil there."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..coils.parts import CoilContent
from ..core.arguments import within
from ..errors import CoilError, PoseError
from ..geometry.surface import Surface
from ..heads.mesh import TetMesh
from ..heads.skin import skin
from ..placement.clearance import Shell, check_head
from ..placement.retreat import casing_of, cleared
from ..placement.scalp_field import scalp_field
from ..placement.touching import TouchingPoints
from ..poses.pose import check_poses

__all__ = ["Clearance", "Contacts"]

Floats = NDArray[np.float64]

_MOST_CLEAR_MM = 10.0
_APART_MM = 15.0  # places where the casing may touch; nearer ones are one place, which slides
_MOST_CONTACTS = 8
_NEAR_MM = 6.0  # more than this beyond the nearest place, a step does not reach the scalp
_PROJECTIONS, _SETTLED_MM = 100, 1e-5  # each way there and back; flat casings over flat scalps take many
_LANDED_MM = 2e-3
_LANDINGS = 8
_NO_NORMAL_MM = 0.1  # nearer to the scalp, the way to it says little of its normal


class Contacts(NamedTuple):
    """Places of casings that are near the scalp, linearised."""

    excess_mm: Floats  #: (k, 8) distance beyond what is asked for; inf where a pose has fewer places
    slopes: Floats  #: (k, 8, 6) its derivative, per mm along and per rad about the coil's own axes


class Clearance:
    """A casing that has to stay clear of a scalp.

    Parameters
    ----------
    head : TetMesh or Surface
        A head, or its skin.
    casing : Casing or Coil
        Of a coil without a casing, the positions of its sources stand for one, on the plane z = 0 if they
        are behind it.
    clear_mm : float
        The least distance, 0 to 10.

    Raises
    ------
    MeshError
        Not a head.
    CoilError
        No casing, and nothing that may stand for it.
    PoseError
        `clear_mm` is out of range.

    Examples
    --------
    >>> import headfield as hf
    >>> head = hf.sphere_mesh(radii_mm=[80, 90], tags=[2, 5], edge_mm=12)
    >>> clearance = hf.optimize.Clearance(head, hf.figure_of_eight(), clear_mm=2)
    >>> pose = hf.place(head, [0, 0, 90], [0, 50, 90], distance_mm=5)
    >>> clearance.excess(pose).round(1)
    array([3.])
    >>> clearance.excess(clearance.landed(pose)).round(2)
    array([0.])
    """

    def __init__(self, head: TetMesh | Surface, casing: object, clear_mm: float) -> None:
        check_head(head, "Clearance(head, casing, clear_mm)")
        self.scalp = skin(head)
        self.clear_mm = within(clear_mm, "clear_mm", PoseError, 0.0, _MOST_CLEAR_MM)
        surface = casing_of(casing) if isinstance(casing, CoilContent) else casing
        if surface is None:
            raise CoilError("the coil has no casing, and nothing is known of where its windings are")
        self._shell = Shell.of(surface)
        self._casing = Surface(surface.points_mm, surface.faces)  # type: ignore[attr-defined]
        self._points = TouchingPoints.of(surface).points_mm

    def excess(self, poses: ArrayLike) -> Floats:
        """Return `casing_distance` less what is asked for, (k,) mm, of poses (k, 4, 4): 0 or more is fine."""
        return self._shell.distance(self.scalp, check_poses(poses)) - self.clear_mm

    def contacts(self, poses: ArrayLike) -> Contacts:
        """Find where each casing is near the scalp, in places some 15 mm apart, the nearest first."""
        placed = check_poses(poses)
        chosen = [self._places(pose) for pose in placed]
        shape = (len(placed), _MOST_CONTACTS)
        result = Contacts(np.full(shape, np.inf), np.zeros((*shape, 6)))
        for k, (pose, points) in enumerate(zip(placed, chosen, strict=True)):
            points, there = self._settled(pose, points)
            distance = self.scalp.signed_distance(there)
            nearest = self.scalp.closest(there)
            normal = self.scalp.normals(nearest.face, nearest.weights)
            far = np.abs(distance) > _NO_NORMAL_MM
            normal[far] = (there - nearest.point_mm)[far] / distance[far, None]
            along = normal @ pose[:3, :3]
            order = np.argsort(distance)
            result.excess_mm[k, : len(points)] = distance[order] - self.clear_mm
            result.slopes[k, : len(points)] = np.concatenate([along, np.cross(points, along)], axis=1)[order]
        return result

    def _settled(self, pose: Floats, points: Floats) -> tuple[Floats, Floats]:
        """Move points (c, 3) of the casing nearer to the scalp, there and back again by shortest ways.

        Returns
        -------
        ndarray (c, 3), ndarray (c, 3)
            In the frame of the coil and in that of the head.
        """
        for _ in range(_PROJECTIONS):
            there = points @ pose[:3, :3].T + pose[:3, 3]
            on_scalp = self.scalp.closest(there).point_mm
            before = points
            points = self._casing.closest((on_scalp - pose[:3, 3]) @ pose[:3, :3]).point_mm
            if np.abs(points - before).max() < _SETTLED_MM:
                break
        return points, points @ pose[:3, :3].T + pose[:3, 3]

    def landed(self, poses: ArrayLike, drop: NDArray[np.bool_] | None = None) -> Floats:
        """Move coils along their z until the casing is as near to the scalp as it may be, within 0.002 mm.

        Parameters
        ----------
        poses : array_like (4, 4) or (k, 4, 4)
        drop : ndarray (k,) bool, optional
            Which are moved towards the head as well; by default all. The others are only moved out of it.

        Returns
        -------
        ndarray (k, 4, 4) float64

        Raises
        ------
        PoseError
            Not rigid placements, or a coil that has no way out of the head along its −z.
        """
        result = check_poses(poses)
        wanted = np.ones(len(result), bool) if drop is None else drop
        left = np.arange(len(result))
        for _ in range(_LANDINGS):
            excess = self.excess(result[left])
            off = (excess < 0.0) | (wanted[left] & (excess > _LANDED_MM))
            left, excess = left[off], excess[off]
            if not len(left):
                return result
            # The distance grows by no more than the way, and nearly as much where coils face the scalp.
            result[left, :3, 3] += (excess - 0.5 * _LANDED_MM)[:, None] * result[left, :3, 2]
        return cleared(self.scalp, self._shell, result, self.clear_mm)

    def _places(self, pose: Floats) -> Floats:
        """Choose points (c, 3) of the casing: the one nearest to the scalp, the nearest of the others, ..."""
        there = self._points @ pose[:3, :3].T + pose[:3, 3]
        distance = scalp_field(self.scalp).distance(there)
        left = np.flatnonzero(distance < distance.min() + _NEAR_MM)
        chosen: list[int] = []
        while len(left) and len(chosen) < _MOST_CONTACTS:
            chosen.append(int(left[distance[left].argmin()]))
            apart = np.linalg.norm(self._points[left] - self._points[chosen[-1]], axis=1)
            left = left[apart > _APART_MM]
        return self._points[chosen]
