# SPDX-License-Identifier: BSD-3-Clause
"""How far a coil's casing is from the skin, or how deep it cuts into the head."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..coils.casing import Casing
from ..core.device import cpu
from ..errors import CoilError, MeshError
from ..geometry.surface import Surface
from ..geometry.tree import Balls, Side, near_pairs, reduced
from ..geometry.triangles import pair_distances, subdivided
from ..heads.mesh import TetMesh
from ..heads.skin import skin
from ..poses.pose import check_poses

__all__ = ["Shell", "casing_distance", "check_head", "surface_of"]

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]

_LONGEST_EDGE_MM = 12.0
_MOST_EDGES = 40.0  # across the casing: a casing of any size has so many triangles at most
_POSES = 16  # taken at a time
_SCOUT_LEVEL = 2  # of the balls around the casing: one point of sixteen triangles
_LEAF_PAIRS = 20_000
_ALTERNATIONS = 6
_DEEPEST = 8  # corners of a pose whose depth is found at a time


def casing_distance(mesh: TetMesh | Surface, casing: object, poses: ArrayLike) -> Floats:
    """Measure the smallest distance between a coil's casing and the skin per pose; negative where they cut.

    Exact where the casing is clear of the head: the distance of the closest two points of the two surfaces.
    Where it is not, the depth of the deepest corner of the casing's triangles, large ones (above 12 mm)
    subdivided, below the skin. Where they cut without a corner inside the head, the longest way that two
    crossing triangles have to be moved apart along a normal of theirs.

    Parameters
    ----------
    mesh : TetMesh or Surface
        The head; or its skin (`headfield.skin`), which saves finding it again.
    casing : Casing or Coil
        An object with `points_mm` (p, 3) and `faces` (f, 3) in the coil frame, open or closed; or a coil that
        has one as its `casing`.
    poses : array_like (4, 4) or (k, 4, 4)
        Coil to head, mm.

    Returns
    -------
    ndarray (k,) float64, mm
        0 if they touch.

    Raises
    ------
    MeshError
        `mesh` is not a head, as in the order (casing, poses, mesh) of earlier versions.
    CoilError
        A coil without a casing, or not a triangle surface.
    PoseError
        Not rigid placements.

    Examples
    --------
    >>> from headfield.coils.casing import Casing
    >>> floor = Surface([[-90, -90, 0], [90, -90, 0], [0, 90, 0]], [[0, 1, 2]])
    >>> plate = Casing([[-9, -9, -1], [9, -9, -1], [0, 9, -1]], [[0, 1, 2]])
    >>> over = np.diag([1.0, -1.0, -1.0, 1.0])  # z down
    >>> over[2, 3] = 4
    >>> casing_distance(floor, plate, over)
    array([5.])
    """
    check_head(mesh, "casing_distance(mesh, casing, poses)")
    return Shell.of(casing).distance(skin(mesh), check_poses(poses))


def check_head(mesh: object, call: str) -> None:
    """Raise MeshError unless this is a head; the message has the call as it should be."""
    if not isinstance(mesh, (TetMesh, Surface)):
        kind = type(mesh).__name__
        raise MeshError(f"{call}: the head comes first, a TetMesh or its skin (Surface), not a {kind}")


def surface_of(casing: object) -> Any:
    """Return a casing, or that of a coil, with `points_mm` and `faces`; CoilError if it has none."""
    surface = getattr(casing, "casing", casing)
    if surface is None:
        name = getattr(casing, "name", "")
        raise CoilError(
            f"the coil {name!r} has no casing: give it one (read_casing), or rely on the plane z = 0 of "
            "the coil frame, the face that touches the head"
        )
    if not (hasattr(surface, "points_mm") and hasattr(surface, "faces")):
        kind = type(surface).__name__
        raise CoilError(f"casing must have points_mm and faces (see read_casing), not be a {kind}")
    return surface


class Shell:
    """A casing prepared for many distances: its large triangles subdivided, bounds around them.

    Parameters
    ----------
    points_mm : array_like (p, 3)
        In the coil frame, mm.
    faces : array_like (f, 3) int
        Triangles as indices of points; one that repeats its only index is a point.

    Raises
    ------
    CoilError
        As for `Casing`.
    """

    def __init__(self, points_mm: ArrayLike, faces: ArrayLike) -> None:
        casing = Casing(points_mm, faces)  # type: ignore[arg-type]
        corners = casing.points_mm[casing.faces]
        extent = float(np.ptp(corners.reshape(-1, 3), axis=0).max())
        corners = subdivided(corners, max(_LONGEST_EDGE_MM, extent / _MOST_EDGES))
        self._balls = Balls.around(corners)
        self._triangles = corners[self._balls.order]
        self._points, index = np.unique(corners.reshape(-1, 3), axis=0, return_inverse=True)
        self._surface = Surface(self._points, index.reshape(-1, 3))
        # Points that show most cuts: a few spread over the casing, and one of each connected part.
        corner = np.ascontiguousarray(index.reshape(-1, 3)[:, [0, 1, 2, 2]], np.int32)
        part = cpu.node_parts(corner, len(self._points))
        some = self._balls.point[min(_SCOUT_LEVEL, len(self._balls.point) - 1)]
        self._scouts = np.concatenate([some, self._points[np.unique(part, return_index=True)[1]]])

    @staticmethod
    def of(casing: object) -> Shell:
        """Prepare a casing, or the casing of a coil."""
        surface = surface_of(casing)
        return Shell(surface.points_mm, surface.faces)

    def distance(self, head: Surface, poses: Floats) -> Floats:
        """Measure what `casing_distance` does, for poses (k, 4, 4) as `check_poses` returns them."""
        parts = [poses[i : i + _POSES] for i in range(0, len(poses), _POSES)]
        return np.concatenate([self._distance(head, part) for part in parts])

    def _distance(self, head: Surface, poses: Floats) -> Floats:
        scouts = _placed(self._scouts, poses)
        cut = np.flatnonzero(head.inside(scouts.reshape(-1, 3)).reshape(len(poses), -1).any(axis=1))
        distance = np.zeros(len(poses))
        distance[cut] = -self._depth(head, poses[cut])
        rest = np.flatnonzero(distance == 0)
        if len(rest):
            distance[rest], crossing = self._separation(head, poses[rest])
            cut, crossing = rest[crossing > 0], crossing[crossing > 0]
            depth = self._depth(head, poses[cut])
            distance[cut] = -np.where(depth > 0, depth, crossing)
        return distance

    def _separation(self, head: Surface, poses: Floats) -> tuple[Floats, Floats]:
        """Return the distance of the surfaces (k,), and how deep they cross (k,), see `pair_distances`."""
        bound, crossing = np.full(len(poses), np.inf), np.zeros(len(poses))
        distance = bound.copy()

        def leaf(group: Ints, ball: Ints, face: Ints) -> None:
            for start in range(0, len(group), _LEAF_PAIRS):
                part = slice(start, start + _LEAF_PAIRS)
                k, skin_side = group[part], head.triangles[face[part]]
                turn = np.swapaxes(poses[k, :3, :3], 1, 2)
                casing_side = self._triangles[ball[part]] @ turn + poses[k, None, :3, 3]
                apart, depth = pair_distances(casing_side, skin_side, bound[k])
                np.maximum.at(crossing, k, depth)
                np.minimum.at(distance, k, apart)
                np.minimum(bound, distance, out=bound)

        bound[:], direction = self._nearly(head, poses)
        centre, point = self._balls.moved(poses)
        along = (direction[:, None] @ poses[:, :3, :3])[:, 0]  # in the coil frame
        low = (self._triangles @ along.T).min(axis=1) + np.einsum("kj,kj->k", poses[:, :3, 3], direction)
        side = Side(self._balls.radius, centre, point, reduced(low, np.minimum))
        near_pairs(head.boxes, head.highest(direction), side, bound, leaf)
        return distance, crossing

    def _nearly(self, head: Surface, poses: Floats) -> tuple[Floats, Floats]:
        """Find a distance (k,) and direction (k, 3) from the skin to the casing that are nearly the closest.

        From the coil's centre to the closest point of the skin, from there to that of the casing, and so on.
        """
        turn, origin = poses[:, :3, :3], poses[:, :3, 3]
        casing = origin
        for _ in range(_ALTERNATIONS):
            on_skin = head.closest(casing).point_mm
            back = (turn.swapaxes(1, 2) @ (on_skin - origin)[..., None])[..., 0]
            casing = (turn @ self._surface.closest(back).point_mm[..., None])[..., 0] + origin
        away = casing - on_skin
        length = np.linalg.norm(away, axis=1)
        return length, away / np.where(length > 0, length, 1.0)[:, None]

    def _depth(self, head: Surface, poses: Floats) -> Floats:
        """Return how deep (k,) the deepest corner is inside the head; 0 if all are outside.

        A skin point that is the closest to one corner bounds the depth of all others. Those that this leaves
        in the running are taken a few at a time, the ones that may be deepest first.
        """
        depth = np.zeros(len(poses))
        corners = _placed(self._points, poses)
        inside = head.inside(corners.reshape(-1, 3))
        pose = np.flatnonzero(inside) // len(self._points)
        points = corners.reshape(-1, 3)[inside]
        at_most = np.full(len(points), np.inf)
        while len(points):
            order = np.lexsort((-at_most, pose))
            pose, points, at_most = pose[order], points[order], at_most[order]
            rank = np.arange(len(pose)) - np.searchsorted(pose, pose)
            taken = np.flatnonzero(rank < _DEEPEST)
            nearest = head.closest(points[taken])
            np.maximum.at(depth, pose[taken], nearest.distance_mm)
            for i in range(_DEEPEST):  # the i-th skin point of each pose
                of_rank = np.flatnonzero(rank[taken] == i)
                at = np.full((len(poses), 3), np.inf)
                at[pose[taken[of_rank]]] = nearest.point_mm[of_rank]
                at_most = np.minimum(at_most, np.linalg.norm(points - at[pose], axis=1))
            left = np.flatnonzero((rank >= _DEEPEST) & (at_most > depth[pose]))
            pose, points, at_most = pose[left], points[left], at_most[left]
        return depth


def _placed(points: Floats, poses: Floats) -> Floats:
    """Place points (p, 3) of the coil frame by each pose: (k, p, 3)."""
    return np.asarray(points @ np.swapaxes(poses[:, :3, :3], 1, 2) + poses[:, None, :3, 3])
