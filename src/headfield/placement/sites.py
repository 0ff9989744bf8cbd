# SPDX-License-Identifier: BSD-3-Clause
"""Points of the scalp with a tangential direction each, and straight ways from one to others."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..core.arguments import finite_array
from ..core.messages import warn
from ..errors import PoseError
from .scalp import Scalp

__all__ = ["Sites", "projected", "site_at", "tangential_poses", "walked"]

Floats = NDArray[np.float64]

MAX_TO_SURFACE_MM, FAR_FROM_SURFACE_MM = 100.0, 50.0
MIN_HANDLE_ANGLE_DEG = 1.0
_STEPS = 32  # of any way, short or long, so that its end is continuous in its length
_STUCK = 0.9  # of the length of a way


class Sites(NamedTuple):
    """Points of the scalp, unit normals there, and unit tangents that will be +y of a coil."""

    point: Floats  #: (p, 3) mm
    normal: Floats  #: (p, 3)
    y: Floats  #: (p, 3)


def site_at(scalp: Scalp, centre_mm: ArrayLike, handle_mm: ArrayLike) -> Sites:
    """Project a centre onto the scalp: one site, its y along the handle's direction."""
    centre, handle = _point(centre_mm, "centre_mm"), _point(handle_mm, "handle_mm")
    site, normals = projected(scalp, centre)
    normal = normals[0]
    direction = handle - centre
    tangent = direction - (direction @ normal) * normal
    length, tangential_length = np.linalg.norm(direction), np.linalg.norm(tangent)
    if tangential_length <= np.sin(np.radians(MIN_HANDLE_ANGLE_DEG)) * length:
        raise PoseError(f"handle_mm {handle} lies within 1 degree of the normal through centre_mm {centre}")
    return Sites(site, normals, (tangent / tangential_length)[None])


def projected(scalp: Scalp, centre_mm: ArrayLike) -> tuple[Floats, Floats]:
    """Project a centre onto the scalp, which must not be far away: the point (1, 3) and the normal there."""
    centre = _point(centre_mm, "centre_mm")
    site, normals, distance = scalp.nearest(centre[None])
    gap = float(distance[0])
    if gap > MAX_TO_SURFACE_MM:
        raise PoseError(f"centre_mm {centre} is {gap:.0f} mm from the surface, more than 100 mm")
    if gap > FAR_FROM_SURFACE_MM:
        warn(
            f"centre_mm {centre} is {gap:.0f} mm from the surface, onto which it is projected: is it in mm?",
        )
    return site, normals


def walked(scalp: Scalp, site: Sites, offsets_mm: Floats) -> Sites:
    """Walk straight ways (p, 2), mm, along x and y of one site, or of a site each, to the sites (p, …) there.

    Steps along the tangent, each projected onto the surface; the tangent directions are turned with the
    normal and not about it, which makes the way a geodesic and carries y along it without twist.
    """
    point, normal, y = (np.broadcast_to(one, (len(offsets_mm), 3)) for one in site)
    step = offsets_mm / _STEPS
    gone = np.zeros(len(offsets_mm))
    for _ in range(_STEPS):
        x = np.cross(normal, y)
        there, turned, _ = scalp.nearest(point + step[:, :1] * x + step[:, 1:] * y)
        gone += np.linalg.norm(there - point, axis=1)
        y = _carried(y, normal, turned)
        point, normal = there, turned
    wanted = np.linalg.norm(offsets_mm, axis=1)
    short = np.flatnonzero(gone < _STUCK * wanted)
    if len(short):
        worst = short[np.argmin(gone[short] / wanted[short])]
        warn(
            f"{len(short)} of {len(wanted)} ways along the scalp end in a fold: the worst got "
            f"{gone[worst]:.3g} of {wanted[worst]:.3g} mm",
        )
    return Sites(point, normal, y)


def _carried(y: Floats, old: Floats, new: Floats) -> Floats:
    """Turn unit tangents (p, 3) by the smallest turn that takes the old normals to the new."""
    toward = 1.0 + np.einsum("pj,pj->p", old, new)
    if not (toward > 1e-6).all():
        raise PoseError("the surface is folded back where the coil slides")
    y = y - (np.einsum("pj,pj->p", y, new) / toward)[:, None] * (old + new)
    y = y - np.einsum("pj,pj->p", y, new)[:, None] * new  # what rounding left
    return np.asarray(y / np.linalg.norm(y, axis=1, keepdims=True))


def tangential_poses(sites: Sites, distance_mm: float) -> Floats:
    """Return poses (p, 4, 4) at a distance from the sites, z against the normals."""
    poses = np.tile(np.eye(4), (len(sites.point), 1, 1))
    poses[:, :3, 1] = sites.y
    poses[:, :3, 2] = -sites.normal
    poses[:, :3, 0] = np.cross(sites.y, -sites.normal)
    poses[:, :3, 3] = sites.point + distance_mm * sites.normal
    return poses


def _point(values: ArrayLike, name: str) -> Floats:
    point = finite_array(values, name, PoseError)
    if point.shape != (3,):
        raise PoseError(f"{name} must have the shape (3,), not {point.shape}")
    return point
