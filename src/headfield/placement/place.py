# SPDX-License-Identifier: BSD-3-Clause
"""Places coils on the scalp: at a point, slid, turned and tilted from there, and in grids around it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..coils.parts import CoilContent
from ..core.arguments import finite_array, finite_number
from ..core.messages import warn
from ..errors import CoilError, PoseError
from ..geometry.surface import Surface
from ..heads.mesh import TetMesh
from ..heads.skin import skin
from ..poses.pose import MAX_TRANSLATION_MM, check_poses, turns
from .clearance import Shell, check_head, retreated, stand_in
from .sites import site_at, tangential_poses, walked

__all__ = ["ScalpGrid", "place", "place_on_surface", "retreat", "scalp_grid"]

Floats = NDArray[np.float64]

MAX_SLIDE_MM = 100.0
MAX_CLEAR_MM = 100.0
MAX_GRID_POSES = 100_000
_FACE_RADIUS_MM = 40.0  # of the part of the plane z = 0 that any coil has


class ScalpGrid(NamedTuple):
    """Candidate poses of `scalp_grid`."""

    poses: Floats  #: (p · a, 4, 4) mm; pose i a + j has position i and angle j
    positions_mm: Floats  #: (p, 3), on the scalp


def place(
    mesh: TetMesh | Surface,
    centre_mm: ArrayLike,
    handle_mm: ArrayLike,
    distance_mm: float = 4.0,
    *,
    rotation_deg: float = 0.0,
    tilt_deg: ArrayLike = (0.0, 0.0),
    offset_mm: ArrayLike = (0.0, 0.0),
    casing: object = None,
    clear_mm: float | None = None,
) -> Floats:
    """Place a coil on the scalp: tangential, at a distance, turned by a handle direction; then move it.

    `centre_mm` is projected onto the closest point of the outer surface (a point inside a triangle, not a
    node), and the normal there is interpolated between the area-weighted normals of the nodes, so the pose
    moves smoothly with a centre near the scalp (a target far below it shows the facets). The coil's centre
    lies `distance_mm` outside that point along the normal, and +z points along it into the head.

    From there, in this order: the coil slides along the scalp by `offset_mm`, turns about its own z by
    `rotation_deg`, tilts about its own centre by `tilt_deg`, and moves out along its own −z as far as
    `clear_mm` asks for.

    Parameters
    ----------
    mesh : TetMesh or Surface
        The head (surfaces of cavities inside it are left out), or its skin as `headfield.skin` finds
        it.
    centre_mm : array_like (3,)
        A point on or near the scalp, or a target below it, mm.
    handle_mm : array_like (3,)
        A point, mm, towards which the coil's +y axis points from `centre_mm`: the prolongation of the
        handle. The handle itself is on the other side of the centre.
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

    Returns
    -------
    ndarray (4, 4) float64
        Coil to head, mm.

    Raises
    ------
    PoseError
        Points that are not three finite numbers, a centre more than 100 mm from the surface, a handle
        direction within 1 degree of the normal, a distance that is negative or not finite, angles or offsets
        out of range.
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
    >>> mesh = TetMesh([[0, 0, 0], [90, 0, 0], [0, 90, 0], [0, 0, 90]], [[0, 1, 2, 3]])
    >>> pose = place(mesh, [40, 40, 40], [40, 90, 40])
    >>> print((pose[:3, 2] * 3**0.5).round(6), pose[:3, 3].round(3))  # 30 + 4/√3
    [-1. -1. -1.] [32.309 32.309 32.309]
    """
    distance = _distance(distance_mm)
    rotation = finite_number(rotation_deg, "rotation_deg", PoseError)
    tilt, offset = _two(tilt_deg, "tilt_deg", 90.0), _two(offset_mm, "offset_mm", MAX_SLIDE_MM)
    shell = _shell(casing, clear_mm, bool(tilt.any()))
    head = skin(mesh)
    site = site_at(head, centre_mm, handle_mm)
    if offset.any():
        site = walked(head, site, offset[None])
    pose = tangential_poses(site, distance)[0]
    if rotation:
        pose = pose @ turns(np.array([rotation]))[0]
    if tilt.any():
        pose[:3, :3] = pose[:3, :3] @ _tilt(*np.radians(tilt))
    if shell is None and tilt.any():
        _warn_of_face(head, pose)
    return _cleared(head, shell, pose[None], clear_mm)[0] + 0.0  # no negative zeros


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


def scalp_grid(
    mesh: TetMesh | Surface,
    centre_mm: ArrayLike,
    handle_mm: ArrayLike,
    radius_mm: float = 20.0,
    spacing_mm: float = 5.0,
    angles_deg: ArrayLike = (0.0, 30.0, 60.0, 90.0, 120.0, 150.0),
    *,
    distance_mm: float = 4.0,
    casing: object = None,
    clear_mm: float | None = None,
) -> ScalpGrid:
    """Make candidate poses around a point of the scalp: a grid of positions, a number of angles at each.

    The pose of position (u, v) and angle a is that of `place` with ``offset_mm=(u, v), rotation_deg=a``: the
    positions are a square grid in the coil's x and y with the centre on one of them, laid onto the scalp
    along straight ways from the centre, so that their distance from the centre along the scalp is exact; on
    a sphere of 90 mm, neighbours 20 mm away from the centre are 0.8 % closer than `spacing_mm`. The handle's
    direction is carried along without twist.

    Parameters
    ----------
    mesh, centre_mm, handle_mm, distance_mm, casing, clear_mm
        See `place`.
    radius_mm : float
        Largest distance of a position from the centre along the scalp, mm, at most 100.
    spacing_mm : float
        Of the grid, mm.
    angles_deg : array_like (a,)
        Rotations from the handle's direction, as in `ring`, degrees. The default is half a turn: the other
        half only reverses E.

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
    distance, shell = _distance(distance_mm), _shell(casing, clear_mm)
    angles = finite_array(angles_deg, "angles_deg", PoseError)
    if angles.ndim != 1 or not len(angles):
        raise PoseError(f"angles_deg must have the shape (a,), not {angles.shape}")
    offsets = _lattice(radius_mm, spacing_mm, len(angles))
    head = skin(mesh)
    sites = walked(head, site_at(head, centre_mm, handle_mm), offsets)
    poses = (tangential_poses(sites, distance)[:, None] @ turns(angles)).reshape(-1, 4, 4)
    return ScalpGrid(_cleared(head, shell, poses, clear_mm) + 0.0, sites.point)


def retreat(mesh: TetMesh | Surface, casing: object, poses: ArrayLike, clear_mm: float) -> Floats:
    """Move poses out along their −z until the whole casing is at least `clear_mm` from the skin.

    A pose that is clear already is left as it is. The others are moved to where the distance first is
    `clear_mm`, within 1e-6 mm; in a deep fold there may be a place before it.

    Parameters
    ----------
    mesh : TetMesh or Surface
    casing : Casing or Coil
        See `casing_distance`.
    poses : array_like (4, 4) or (k, 4, 4)
        Coil to head, mm.
    clear_mm : float
        0 or more.

    Returns
    -------
    ndarray (4, 4) or (k, 4, 4) float64
        The shape of `poses`.

    Raises
    ------
    MeshError
        `mesh` is not a head, as in the order (poses, casing, mesh, clear_mm) of earlier versions.
    PoseError
        Not rigid placements, `clear_mm` out of range, or no such place within 300 mm.
    CoilError
        See `casing_distance`.

    Examples
    --------
    >>> from headfield.coils.casing import Casing
    >>> floor = Surface([[-90, -90, 0], [90, -90, 0], [0, 90, 0]], [[0, 1, 2]])
    >>> bent = Casing([[-9, -9, 3], [9, -9, 3], [0, 9, 0]], [[0, 1, 2]])
    >>> pose = place(floor, [0, 0, 0], [0, 9, 0], 4)
    >>> retreat(floor, bent, pose, 2)[2, 3].round(5)
    np.float64(5.0)
    """
    check_head(mesh, "retreat(mesh, casing, poses, clear_mm)")
    moved = retreated(skin(mesh), Shell.of(casing), check_poses(poses), _clear(clear_mm))
    return moved.reshape(np.shape(poses))


def _cleared(head: Surface, shell: Shell | None, poses: Floats, clear_mm: float | None) -> Floats:
    """Move the poses clear if that is asked for, else warn of those that cut into the head."""
    if shell is None:
        return poses
    if clear_mm is not None:
        return retreated(head, shell, poses, _clear(clear_mm))
    distance = shell.distance(head, poses)
    cut = np.flatnonzero(distance < 0)
    if len(cut):
        deepest = -distance.min()
        which = (
            "the casing cuts" if len(poses) == 1 else f"at {len(cut)} of {len(poses)} poses the casing cuts"
        )
        warn(f"{which} up to {deepest:.2g} mm into the head; clear_mm=0 moves the coil out")
    return poses


def _warn_of_face(head: Surface, pose: Floats) -> None:
    """Warn if the head reaches through the middle of the plane z = 0."""
    x, y, z = ((head.nodes_mm - pose[:3, 3]) @ pose[:3, :3]).T
    depth = -z[np.hypot(x, y) <= _FACE_RADIUS_MM].min(initial=0.0)
    if depth > 1e-3:
        warn(
            f"tilted so, the head reaches {depth:.2g} mm through the plane of the casing (z = 0) within "
            f"{_FACE_RADIUS_MM:g} mm of its centre; a larger distance_mm, or casing and clear_mm, avoids that"
        )


def _shell(casing: object, clear_mm: float | None, tilted: bool = False) -> Shell | None:
    """Prepare the casing; None if there is none and none is needed."""
    if casing is None:
        if clear_mm is not None:
            raise CoilError("clear_mm needs the casing: casing=, a Casing (see read_casing) or a coil")
        return None
    if isinstance(casing, CoilContent) and casing.casing is None:
        return Shell.of(stand_in(casing)) if tilted or clear_mm is not None else None
    return Shell.of(casing)


def _clear(clear_mm: float) -> float:
    clear = finite_number(clear_mm, "clear_mm", PoseError)
    if not 0 <= clear <= MAX_CLEAR_MM:
        raise PoseError(f"clear_mm = {clear_mm!r} must be between 0 and {MAX_CLEAR_MM:g}")
    return clear


def _distance(distance_mm: float) -> float:
    distance = finite_array(distance_mm, "distance_mm", PoseError)
    if distance.shape != () or not 0 <= distance <= MAX_TRANSLATION_MM:
        raise PoseError(f"distance_mm = {distance_mm!r} must be a number, 0 or more")
    return float(distance)


def _two(values: ArrayLike, name: str, largest: float) -> Floats:
    two = finite_array(values, name, PoseError)
    if two.shape != (2,):
        raise PoseError(f"{name} must be two numbers, along or about x and y, not of shape {two.shape}")
    if np.linalg.norm(two) > largest:
        raise PoseError(f"{name} = {two.tolist()} is more than {largest:g} in all")
    return two


def _tilt(about_x: float, about_y: float) -> Floats:
    """Return the turn (3, 3) about x, then about the new y, radians."""
    c, s = np.cos(about_x), np.sin(about_x)
    first = np.array([[1, 0, 0], [0, c, -s], [0, s, c]])
    c, s = np.cos(about_y), np.sin(about_y)
    return first @ np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]])


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
    if about > MAX_GRID_POSES:
        raise PoseError(
            f"spacing_mm = {spacing:g} makes about {about:.3g} poses, more than {MAX_GRID_POSES:,}"
        )
    line = np.arange(-int(cells), int(cells) + 1)
    v, u = np.meshgrid(line, line, indexing="ij")
    within = u**2 + v**2 <= cells**2
    return spacing * np.stack([u[within], v[within]], axis=1).astype(np.float64)
