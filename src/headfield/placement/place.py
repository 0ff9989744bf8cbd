# SPDX-License-Identifier: BSD-3-Clause
"""Places coils on the scalp: at a point, slid, turned and tilted from there."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..core.arguments import finite_number
from ..core.messages import warn
from ..errors import PoseError
from ..geometry.surface import Surface
from ..poses.pose import tilts, turns
from .options import MAX_SLIDE_MM, Head, first_site, given_distance, two_numbers
from .retreat import cleared, shell_of
from .sites import tangential_poses, walked

__all__ = ["place", "place_on_surface"]

Floats = NDArray[np.float64]

_FACE_RADIUS_MM = 40.0  # of the part of the plane z = 0 that any coil has


def place(
    mesh: Head,
    centre_mm: ArrayLike | str,
    handle_mm: ArrayLike | str,
    distance_mm: float = 4.0,
    *,
    rotation_deg: float = 0.0,
    tilt_deg: ArrayLike = (0.0, 0.0),
    offset_mm: ArrayLike = (0.0, 0.0),
    casing: object = None,
    clear_mm: float | None = None,
    smooth_mm: float = 0.0,
) -> Floats:
    """Place a coil on the scalp: tangential, at a distance, turned by a handle direction; then move it.

    `centre_mm` is projected onto the closest point of the outer surface (a point inside a triangle, not a
    node), and the normal there is interpolated between the area-weighted normals of the nodes, so the pose
    moves smoothly with a centre near the scalp (a target far below it shows the facets). With `smooth_mm` it
    is the mean normal of the area around that point. The coil's centre lies `distance_mm` outside that point
    along the normal, and +z points along it into the head.

    From there, in this order: the coil slides along the scalp by `offset_mm`, turns about its own z by
    `rotation_deg`, tilts about its own centre by `tilt_deg`, and moves out along its own −z as far as
    `clear_mm` asks for.

    Parameters
    ----------
    mesh : TetMesh, Surface or Subject
        The head (surfaces of cavities inside it are left out), its skin as `headfield.skin` finds it, or a
        subject, whose electrodes and MNI coordinates can then be named.
    centre_mm : array_like (3,), or str with a Subject
        A point on or near the scalp, or a target below it, mm. Of a subject also ``"C3"`` or
        ``"mni:-37,-21,58"``, see `Subject.point`.
    handle_mm : array_like (3,), or str with a Subject
        A point, mm, towards which the coil's +y axis points from `centre_mm`: the prolongation of the
        handle (SimNIBS: pos_ydir). The handle itself is on the other side of the centre.
    distance_mm : float
        From scalp to casing (the plane z = 0) along the normal at the centre, mm; hair is about 4 mm.
    rotation_deg : float
        From x to y, degrees, as in `ring`: clockwise as seen from outside the head.
    tilt_deg : array_like (2,)
        About x (from y to z: the tip away from the handle goes towards the head), then about the new y
        (from z to x: the side at −x goes towards the head), degrees, within ±90. The coil's centre stays
        where it is, so one side of the casing comes nearer to the head: see `clear_mm`.
    offset_mm : array_like (2,)
        Way along the scalp in the direction of x and of y, mm, at most 100. These are the axes before
        `rotation_deg`, so that a rotation turns the coil on the spot. The way is a straight one on the
        surface (32 short steps along the tangent, each projected), and takes the axes along without twist.
    casing : Casing or Coil, optional
        The casing in the coil frame, an object with `points_mm` and `faces`; or a coil. If that has none,
        `tilt_deg` and `clear_mm` take the points of the plane z = 0 in front of its windings instead.
    clear_mm : float, optional
        Least distance between any point of the casing and the skin, mm: where it is smaller, the coil moves
        out along its −z until it is not. Needs `casing`.
    smooth_mm : float
        0, or the radius R, 1 to 50 mm, of the area of contact over which the normal is averaged: the area
        vectors of the surface, weighted by (1 − r²/R²)² at a distance r from the point. A coil rests on an
        area, and scalps from segmentations are rough: on a sphere of 92 mm with edges of 5 mm and noise of
        0.6 mm, z is off by 4.1° on average, with 10, 15 and 20 mm by 2.6°, 1.1° and 0.7° (0.02° without
        noise). Less than twice the edges of the scalp does not help.

    Returns
    -------
    ndarray (4, 4) float64
        Coil to head, mm.

    Raises
    ------
    PoseError
        Points that are not three finite numbers, a centre more than 100 mm from the surface, a handle
        direction within 1 degree of the normal, a distance that is negative or not finite, angles, offsets
        or a radius out of range, names without a Subject.
    HeadfieldError
        See `Subject.point`.
    CoilError
        `clear_mm` without a casing, or a casing that is not a triangle surface.

    Warns
    -----
    UserWarning
        The casing cuts into the head, and `clear_mm` is not given. Without a casing this is looked for only
        if the coil is tilted, and in the plane z = 0 within 40 mm of the centre. Or: the coil did not get
        as far as `offset_mm`, because of a fold in the surface.

    Examples
    --------
    >>> from headfield import TetMesh
    >>> mesh = TetMesh([[0, 0, 0], [90, 0, 0], [0, 90, 0], [0, 0, 90]], [[0, 1, 2, 3]])
    >>> pose = place(mesh, [40, 40, 40], [40, 90, 40])
    >>> print((pose[:3, 2] * 3**0.5).round(6), pose[:3, 3].round(3))  # 30 + 4/√3
    [-1. -1. -1.] [32.309 32.309 32.309]
    """
    distance = given_distance(distance_mm)
    rotation = finite_number(rotation_deg, "rotation_deg", PoseError)
    tilt, offset = two_numbers(tilt_deg, "tilt_deg", 90.0), two_numbers(offset_mm, "offset_mm", MAX_SLIDE_MM)
    shell = shell_of(casing, clear_mm, bool(tilt.any()))
    scalp, site = first_site(mesh, centre_mm, handle_mm, smooth_mm)
    if offset.any():
        site = walked(scalp, site, offset[None])
    pose = tangential_poses(site, distance)[0]
    if rotation:
        pose = pose @ turns(np.array([rotation]))[0]
    if tilt.any():
        pose = pose @ tilts(tilt[None])[0]
    if shell is None and tilt.any():
        _warn_of_face(scalp.surface, pose)
    return cleared(scalp.surface, shell, pose[None], clear_mm)[0] + 0.0  # no negative zeros


def place_on_surface(
    nodes_mm: ArrayLike,
    faces: ArrayLike,
    centre_mm: ArrayLike,
    handle_mm: ArrayLike,
    distance_mm: float = 4.0,
) -> Floats:
    """Place a coil on a triangle surface, as `place` does.

    Parameters
    ----------
    nodes_mm : array_like (n, 3)
        Nodes, mm.
    faces : array_like (f, 3) int
        Triangles, wound so that the normals point outward; see `TetMesh.skin`.
    centre_mm, handle_mm, distance_mm
        See `place`.

    Returns
    -------
    ndarray (4, 4) float64
        Coil to head, mm.

    Raises
    ------
    MeshError
        Not a triangle surface.
    PoseError
        See `place`.

    Examples
    --------
    >>> nodes, faces = np.array([[0.0, 0, 0], [10, 0, 0], [0, 10, 0]]), np.array([[0, 1, 2]])
    >>> place_on_surface(nodes, faces, [2, 3, 1], [2, 9, 0])
    array([[-1.,  0.,  0.,  2.],
           [ 0.,  1.,  0.,  3.],
           [ 0.,  0., -1.,  4.],
           [ 0.,  0.,  0.,  1.]])
    """
    return place(Surface(nodes_mm, faces), centre_mm, handle_mm, distance_mm)


def _warn_of_face(head: Surface, pose: Floats) -> None:
    """Warn if the head reaches through the middle of the plane z = 0."""
    x, y, z = ((head.nodes_mm - pose[:3, 3]) @ pose[:3, :3]).T
    depth = -z[np.hypot(x, y) <= _FACE_RADIUS_MM].min(initial=0.0)
    if depth > 1e-3:
        warn(
            f"tilted so, the head reaches {depth:.2g} mm through the plane of the casing (z = 0) within "
            f"{_FACE_RADIUS_MM:g} mm of its centre; a larger distance_mm, or casing and clear_mm, avoids that"
        )
