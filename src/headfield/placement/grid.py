# SPDX-License-Identifier: BSD-3-Clause
"""Candidate poses around a point of the scalp: a grid of positions, a number of angles at each."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..core.arguments import finite_array, finite_number
from ..errors import PoseError
from ..poses.pose import turns
from .options import MAX_SLIDE_MM, Head, first_site, given_distance
from .retreat import cleared, shell_of
from .sites import tangential_poses, walked

__all__ = ["ANGLES_DEG", "ScalpGrid", "scalp_grid"]

Floats = NDArray[np.float64]

ANGLES_DEG = (-90.0, -60.0, -30.0, 0.0, 30.0, 60.0, 90.0)
_MOST_POSES = 100_000


class ScalpGrid(NamedTuple):
    """Candidate poses of `scalp_grid`."""

    poses: Floats  #: (p · a, 4, 4) mm; pose i a + j has position i and angle j
    positions_mm: Floats  #: (p, 3), on the scalp


def scalp_grid(
    mesh: Head,
    centre_mm: ArrayLike | str,
    handle_mm: ArrayLike | str,
    radius_mm: float = 20.0,
    spacing_mm: float = 5.0,
    angles_deg: ArrayLike = ANGLES_DEG,
    *,
    distance_mm: float = 4.0,
    casing: object = None,
    clear_mm: float | None = None,
    smooth_mm: float = 0.0,
) -> ScalpGrid:
    """Make candidate poses around a point of the scalp: a grid of positions, a number of angles at each.

    The pose of position (u, v) and angle a is that of `place` with ``offset_mm=(u, v), rotation_deg=a``: the
    positions are a square grid in the coil's x and y with the centre on one of them, laid onto the scalp
    along straight ways from the centre, so that their distance from the centre along the scalp is exact; on
    a sphere of 90 mm, neighbours 20 mm away from the centre are 0.8 % closer than `spacing_mm`. The handle's
    direction is carried along without twist.

    Parameters
    ----------
    mesh, centre_mm, handle_mm, distance_mm, casing, clear_mm, smooth_mm
        See `place`.
    radius_mm : float
        Largest distance of a position from the centre along the scalp, mm, at most 100.
    spacing_mm : float
        Of the grid, mm.
    angles_deg : array_like (a,)
        Rotations from the handle's direction, as in `ring`, degrees. The default is half a turn, −90 to 90 in
        steps of 30, centred on the handle. The other half reverses E for a figure-8 of two equal wings only:
        of real ones |E| differs by 6 to 12 % in gray matter when they are turned, that of an H1 coil by 64 %;
        E of a round coil is not reversed at all (`docs/checks.md`). Where that matters, give a whole turn.

    Returns
    -------
    ScalpGrid
        `poses` (p · a, 4, 4), positions outer and angles inner, and `positions_mm` (p, 3). Positions are in
        rows of ascending v (y, the handle's direction), and in each row of ascending u (x).

    Raises
    ------
    PoseError
        As for `place`; a radius or spacing out of range, angles that are not a ≥ 1 finite numbers, or more
        than 100,000 poses.
    CoilError
        See `place`.

    Warns
    -----
    UserWarning
        As for `place`, with the number of poses.

    Examples
    --------
    >>> from headfield import Surface
    >>> floor = Surface([[-90, -90, 0], [90, -90, 0], [0, 90, 0]], [[0, 1, 2]])
    >>> grid = scalp_grid(floor, [0, 0, 0], [0, 50, 0], radius_mm=5, angles_deg=[0, 90])
    >>> grid.positions_mm.round(9)[:, :2] + 0.0  # x of the coil is −x of the floor
    array([[ 0., -5.],
           [ 5.,  0.],
           [ 0.,  0.],
           [-5.,  0.],
           [ 0.,  5.]])
    >>> grid.poses.shape
    (10, 4, 4)
    """
    distance, shell = given_distance(distance_mm), shell_of(casing, clear_mm)
    angles = finite_array(angles_deg, "angles_deg", PoseError)
    if angles.ndim != 1 or not len(angles):
        raise PoseError(f"angles_deg must have the shape (a,), not {angles.shape}")
    offsets = _lattice(radius_mm, spacing_mm, len(angles))
    scalp, site = first_site(mesh, centre_mm, handle_mm, smooth_mm)
    sites = walked(scalp, site, offsets)
    poses = (tangential_poses(sites, distance)[:, None] @ turns(angles)).reshape(-1, 4, 4)
    return ScalpGrid(cleared(scalp.surface, shell, poses, clear_mm) + 0.0, sites.point)


def _lattice(radius_mm: float, spacing_mm: float, n_angles: int) -> Floats:
    """Return offsets (p, 2) of the positions of a grid, in rows of ascending y, x ascending in each."""
    radius = finite_number(radius_mm, "radius_mm", PoseError)
    spacing = finite_number(spacing_mm, "spacing_mm", PoseError)
    if not 0 <= radius <= MAX_SLIDE_MM:
        raise PoseError(f"radius_mm = {radius_mm!r} must be between 0 and {MAX_SLIDE_MM:g}")
    if not spacing > 0:
        raise PoseError(f"spacing_mm = {spacing_mm!r} must be above 0")
    cells = radius / spacing * (1 + 1e-9)  # a position on the rim is in
    about = np.pi * cells * cells * n_angles
    if about > _MOST_POSES:
        raise PoseError(f"spacing_mm = {spacing:g} makes about {about:.3g} poses, more than {_MOST_POSES:,}")
    line = np.arange(-int(cells), int(cells) + 1)
    v, u = np.meshgrid(line, line, indexing="ij")
    within = u**2 + v**2 <= cells**2
    return spacing * np.stack([u[within], v[within]], axis=1).astype(np.float64)
