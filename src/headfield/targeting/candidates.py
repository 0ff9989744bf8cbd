# SPDX-License-Identifier: BSD-3-Clause
"""Where a coil may go: positions on the scalp, and what is ruled out of the angles there."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..errors import PoseError
from ..heads.mesh import TetMesh
from ..heads.tissues import BRAIN
from ..placement.positions import scalp_positions
from ..placement.scalp import Scalp
from ..placement.sites import Sites, tangential_poses
from .options import SearchOptions

__all__ = ["Face", "Limits", "Positions", "positions_for"]

Floats = NDArray[np.float64]

_ROUNDING_MM = 1e-9
_LOWEST = 0.25  # of the height of the head: neck, where nobody puts a coil unless a centre is given
_TOGETHER = 64  # positions that are looked at together: what they take fits a cache
_HANDLE_MM = (50.0, 200.0)  # where along −y of a coil its handle and cable are


class Limits:
    """Where positions may be: near a centre, and outside of what is to be avoided."""

    def __init__(self, scalp: Scalp, target_mm: Floats, options: SearchOptions) -> None:
        self.radius_mm = np.inf if options.radius_mm is None else options.radius_mm
        self._avoid, self._low = options.avoid, -np.inf
        if options.centre_mm is not None:
            self.centre_mm: Floats = np.asarray(options.centre_mm)
        else:  # a target may be deep, and closest to where the neck is cut off
            nodes = scalp.surface.nodes_mm
            self._low = float(nodes[:, 2].min() + _LOWEST * np.ptp(nodes[:, 2]))
            upper = nodes[nodes[:, 2] > self._low]
            self.centre_mm = upper[np.linalg.norm(upper - target_mm, axis=1).argmin()]
        self._on_scalp = scalp.nearest(self.centre_mm[None])[0][0]

    def hold(self, points_mm: Floats) -> NDArray[np.bool_]:
        """Say which points (p, 3) of the scalp are within the limits."""
        inside = (self.away(points_mm) <= self.radius_mm + _ROUNDING_MM) & (points_mm[:, 2] > self._low)
        for point, radius in self._avoid:
            inside &= np.linalg.norm(points_mm - np.asarray(point), axis=1) > radius
        return np.asarray(inside)

    def away(self, points_mm: Floats) -> Floats:
        """Return how far points are from the centre, projected onto the scalp, mm."""
        return np.asarray(np.linalg.norm(points_mm - self._on_scalp, axis=1))


class Positions(NamedTuple):
    """Positions on a scalp, and coils there at an angle of 0: their handles point straight back."""

    sites: Sites
    poses: Floats  #: (p, 4, 4) mm
    limits: Limits


def positions_for(scalp: Scalp, target_mm: Floats, options: SearchOptions) -> Positions:
    """Return the positions of a search around the point of the scalp that is closest to a target.

    Raises
    ------
    PoseError
        All of them are in places to avoid, or the centre is far from the scalp.
    """
    limits = Limits(scalp, target_mm, options)
    if options.radius_mm is None:
        sites = scalp_positions(scalp, spacing_mm=options.spacing_mm)
    else:
        sites = scalp_positions(scalp, limits.centre_mm, options.radius_mm, options.spacing_mm)
    keep = limits.hold(sites.point)
    if not keep.any():
        raise PoseError(f"all {len(keep)} positions of the search are in places to avoid: see avoid=")
    sites = Sites(*(values[keep] for values in sites))
    return Positions(sites, tangential_poses(sites, options.distance_mm), limits)


class Face:
    """The face of a head whose axes are those of RAS: in front of the brain and below its middle.

    Handles and cables of coils have no place there. Where it is follows from the box around white and gray
    matter: the front three tenths of it and what is before, below 0.15 of its height above its middle.

    Examples
    --------
    >>> import headfield as hf
    >>> head = hf.phantom_head(edge_mm=8)
    >>> face = Face(head)
    >>> over_left_ear = np.diag([1.0, 1.0, 1.0, 1.0])
    >>> over_left_ear[:3] = [[0, 0, 1, -90], [0, 1, 0, 0], [-1, 0, 0, 0]]
    >>> back, front = np.eye(4), np.diag([-1.0, -1.0, 1.0, 1.0])
    >>> face.is_under(over_left_ear[None], np.array([back, front])).tolist()
    [[False, True]]
    """

    def __init__(self, mesh: TetMesh) -> None:
        brain = np.isin(mesh.tags, BRAIN)
        used = np.zeros(mesh.n_nodes, bool)
        used[mesh.tets[brain if brain.any() else slice(None)]] = True
        nodes = mesh.nodes_mm[used]
        low, high = nodes.min(axis=0), nodes.max(axis=0)
        middle, size = 0.5 * (low + high), high - low
        self._front = middle[1] + 0.2 * size[1]
        self._below = middle[2] + 0.15 * size[2]
        self._side = middle[0] - 0.8 * size[0], middle[0] + 0.8 * size[0]

    def is_near(self, poses: Floats) -> NDArray[np.bool_]:
        """Say at which poses (p, 4, 4), turned by some angle, the handle may be over the face."""
        x, y, z = poses[:, :3, 3].T
        reach = _HANDLE_MM[1]
        inside = (y > self._front - reach) & (z < self._below + reach)
        return np.asarray(inside & (x > self._side[0] - reach) & (x < self._side[1] + reach))

    def is_under(self, poses: Floats, motions: Floats) -> NDArray[np.bool_]:
        """Say of poses (p, 4, 4) after motions (a, 4, 4) of the coil whether the handle is over the face."""
        found = np.zeros((len(poses), len(motions)), bool)
        for start in range(0, len(poses), _TOGETHER):
            part = slice(start, start + _TOGETHER)
            origins = poses[part, :3, 3].astype(np.float32)
            handles = (poses[part, :3, :3] @ motions[:, :3, 1].T).astype(
                np.float32
            )  # (p, 3, a): +y of the coil
            for way in np.linspace(*_HANDLE_MM, 5, dtype=np.float32):
                x, y, z = np.moveaxis(origins[:, :, None] - way * handles, 1, 0)
                over = (y > self._front) & (z < self._below)
                found[part] |= over & (x > self._side[0]) & (x < self._side[1])
        return found
