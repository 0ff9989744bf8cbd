# SPDX-License-Identifier: BSD-3-Clause
"""Positions that are spread evenly over any part of the scalp, up to the whole head."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..core.arguments import finite_number
from ..core.device import cpu
from ..errors import PoseError
from ..geometry.triangles import areas
from .scalp import Scalp
from .sites import Sites, projected

__all__ = ["scalp_positions", "towards_front"]

Floats = NDArray[np.float64]

_LEAST_SPACING_MM = 0.5
_MOST_POSITIONS = 400_000
_CLOSEST = 0.8  # of the spacing: no two positions are closer
# A point of a triangle is no farther from its middle than two thirds of the longest edge: with the 0.8 above
# that is less than the spacing.
_FINEST = 0.3
_LOWEST = 0.25  # of the height of the head: the neck
_FAN_COSINE = 3**0.5 / 2  # of 30°: closer to ±y the tangent turns away from the projection of y
_OPPOSITE = 1e-3  # length of the sum of two unit vectors that have no direction between them


def scalp_positions(
    scalp: Scalp,
    centre_mm: ArrayLike | None = None,
    radius_mm: float | None = None,
    spacing_mm: float = 4.0,
    *,
    above_mm: float | None = None,
) -> Sites:
    """Spread positions evenly over the scalp, all of it or the part around a point.

    Points are laid onto the triangles, dense and by a fixed sequence, and taken one after the other unless a
    taken one is within 0.8 of the spacing (Poisson-disk sampling by dart throwing: Cook, ACM Trans. Graph.
    5:51, 1986). So no two positions are closer than that, and no point of the scalp is farther than the
    spacing from a position. The same scalp has the same positions.

    Parameters
    ----------
    scalp : Scalp
        Its `smooth_mm` holds for the normals.
    centre_mm : array_like (3,), optional
        A point on or near the scalp, mm, onto which it is projected; without it, positions are anywhere.
    radius_mm : float, optional
        The largest straight distance of a position from the projected centre, mm; needs `centre_mm`.
    spacing_mm : float
        0.5 or more.
    above_mm : float, optional
        Only positions with a larger z; without it and without a radius, z is above the lowest quarter of the
        scalp's box, which leaves out the neck. −inf: no limit.

    Returns
    -------
    Sites
        `point` (p, 3) mm, `normal` (p, 3), and `y` (p, 3), see `towards_front`.

    Raises
    ------
    PoseError
        Numbers out of range, a radius without a centre, no scalp there, or about more than 400,000 positions.

    Examples
    --------
    >>> import headfield as hf
    >>> ball = Scalp(hf.skin(hf.sphere_mesh(radii_mm=[80, 90], tags=[2, 5], edge_mm=10)))
    >>> cap = scalp_positions(ball, [0, 0, 90], 30.0, 10.0)
    >>> len(cap.point) in range(30, 45), float(np.abs(cap.point - [0, 0, 90]).max()) <= 30
    (True, True)
    """
    spacing = finite_number(spacing_mm, "spacing_mm", PoseError)
    if not spacing >= _LEAST_SPACING_MM:
        raise PoseError(f"spacing_mm = {spacing_mm!r} must be at least {_LEAST_SPACING_MM:g}")
    centre, radius, low = _region(scalp, centre_mm, radius_mm, above_mm)
    triangles = scalp.surface.triangles[_touched(scalp.surface.triangles, centre, radius, low)]
    about = float(areas(triangles).sum()) / spacing**2
    if about > _MOST_POSITIONS:
        raise PoseError(
            f"spacing_mm = {spacing:g} makes about {about:.3g} positions, more than {_MOST_POSITIONS:,}"
        )
    points = _candidates(triangles, _FINEST * spacing)
    points = points[(points[:, 2] > low) & (np.linalg.norm(points - centre, axis=1) <= radius)]
    if not len(points):
        raise PoseError(
            f"there is no scalp within radius_mm = {radius:g} of the centre and above_mm = {low:g}"
        )
    point, normal, _ = scalp.nearest(points[cpu.thinned(points, _CLOSEST * spacing)])
    return Sites(point, normal, towards_front(normal))


def towards_front(normals: Floats) -> Floats:
    """Return unit tangents (p, 3) towards +y, the front in a head frame with x right, y front and z up.

    They are the projection of +y onto the tangent plane. Within 30° of ±y that turns fast, and has no
    direction at ±y itself: there it gives way, smoothly, to the direction in which the way from the back over
    the top goes on, normal × x, which is up at the back of the head and down on the forehead. The two are
    opposite below ±y, on the face and the neck, where the direction jumps: on a closed surface no field of
    tangents is smooth everywhere.

    Examples
    --------
    >>> towards_front(np.array([[0.0, 0, 1], [0, 1, 0], [0, -1, 0], [1, 0, 0]])).round(9) + 0.0
    array([[ 0.,  1.,  0.],
           [ 0.,  0., -1.],
           [ 0.,  0.,  1.],
           [ 0.,  1.,  0.]])
    """
    nx, ny, nz = normals.T
    forward = np.array([0.0, 1.0, 0.0]) - ny[:, None] * normals
    over = np.stack([np.zeros_like(nx), nz, -ny], axis=1)
    share = np.clip((np.abs(ny) - _FAN_COSINE) / (1.0 - _FAN_COSINE), 0.0, 1.0)[:, None]
    share = share * share * (3.0 - 2.0 * share)
    tangent = (1.0 - share) * _units(forward) + share * _units(over)
    opposite = np.linalg.norm(tangent, axis=1) < _OPPOSITE
    tangent[opposite] = over[opposite]
    tangent -= np.einsum("pj,pj->p", tangent, normals)[:, None] * normals  # what rounding left
    return _units(tangent)


def _units(vectors: Floats) -> Floats:
    """Scale vectors (p, 3) to length 1, but for those of no length."""
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.where(length > 0, length, 1.0))


def _region(
    scalp: Scalp, centre_mm: ArrayLike | None, radius_mm: float | None, above_mm: float | None
) -> tuple[Floats, float, float]:
    """Return the projected centre (3,), the radius, infinite without one, and the height of the lowest."""
    nodes = scalp.surface.nodes_mm
    if centre_mm is None and radius_mm is not None:
        raise PoseError("radius_mm needs centre_mm, which it is measured from")
    radius = np.inf if radius_mm is None else finite_number(radius_mm, "radius_mm", PoseError)
    if not radius > 0:
        raise PoseError(f"radius_mm = {radius_mm!r} must be above 0")
    centre = nodes[0] if centre_mm is None else projected(scalp, centre_mm)[0][0]
    if above_mm is None:
        z = nodes[:, 2]
        low = z.min() + _LOWEST * np.ptp(z) if radius_mm is None else -np.inf
    else:
        low = -np.inf if above_mm == -np.inf else finite_number(above_mm, "above_mm", PoseError)
    return centre, float(radius), float(low)


def _touched(triangles: Floats, centre: Floats, radius: float, low: float) -> NDArray[np.bool_]:
    """Tell which triangles may reach into the region."""
    near = triangles[..., 2].max(axis=1) > low
    if np.isfinite(radius):
        edge = np.linalg.norm(triangles[:, [1, 2, 0]] - triangles, axis=2).max(axis=1)
        near &= np.linalg.norm(triangles[:, 0] - centre, axis=1) <= radius + edge
    return np.asarray(near)


def _candidates(triangles: Floats, longest_mm: float) -> Floats:
    """Return the middles (c, 3) of n² equal parts of each triangle, none of them with a longer edge.

    The parts are like the triangle, or like it turned by half a turn.
    """
    edge = np.linalg.norm(triangles[:, [1, 2, 0]] - triangles, axis=2).max(axis=1)
    number = np.maximum(np.ceil(edge / longest_mm), 1.0).astype(np.intp)
    parts = []
    for n in np.unique(number):
        upright = np.array([(i + 1 / 3, j + 1 / 3) for i in range(n) for j in range(n - i)])
        turned = np.array([(i + 2 / 3, j + 2 / 3) for i in range(n - 1) for j in range(n - 1 - i)])
        second, third = (np.concatenate([upright, turned.reshape(-1, 2)]) / n).T
        weights = np.stack([1.0 - second - third, second, third], axis=1)
        parts.append((weights @ triangles[number == n]).reshape(-1, 3))
    return np.concatenate([np.empty((0, 3)), *parts])
