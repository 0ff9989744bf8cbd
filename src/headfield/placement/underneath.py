# SPDX-License-Identifier: BSD-3-Clause
"""What lies under a coil: how far scalp and cortex are, and how thick the tissues between them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..core.messages import plural
from ..errors import RegionError
from ..geometry.surface import Surface
from ..heads.mesh import TetMesh
from ..heads.rays import Crossed, crossed
from ..heads.selection import check_mesh
from ..heads.skin import skin
from ..heads.subject import Subject
from ..heads.tissue_words import tags_of
from ..heads.tissues import BRAIN, head_tags
from ..poses.pose import check_poses

__all__ = ["ScalpGeometry", "scalp_geometry"]

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]

_INSIDE_MM = 100.0  # how deep in a head the centre of a coil may be
_DEEP_MM = 150.0  # below the scalp: as far as the cortex is looked for
_GAP_MM = 1e-6  # between pieces of a line: larger ones are air


@dataclass(frozen=True, eq=False)
class ScalpGeometry:
    """What lies under a coil at k poses; the axis is the line through the coil's centre along its z.

    Attributes
    ----------
    scalp_mm : ndarray (k, 3)
        The point where the axis enters the head. Not a number, as all that depends on it, for a coil whose
        axis misses the head.
    coil_to_scalp_mm : ndarray (k,)
        From the coil's centre to that point, along the axis; negative if the centre is inside the head.
    coil_to_nearest_scalp_mm : ndarray (k,)
        From the coil's centre to the nearest point of the scalp; negative inside.
    scalp_to_cortex_mm : ndarray (k,)
        From the point of the scalp to the cortex, along the axis; not a number if that misses the cortex
        (it is looked for down to 150 mm).
    scalp_to_nearest_cortex_mm : ndarray (k,)
        From the point of the scalp to the nearest point of the cortex: the scalp-to-cortex distance as most
        papers have it.
    tags : ndarray (t,) int
        The tissues of the head.
    thickness_mm : ndarray (k, t)
        How much of the axis between scalp and cortex lies in each tissue; cavities are in none of them. Not a
        number if the axis misses the cortex.
    """

    scalp_mm: Floats
    coil_to_scalp_mm: Floats
    coil_to_nearest_scalp_mm: Floats
    scalp_to_cortex_mm: Floats
    scalp_to_nearest_cortex_mm: Floats
    tags: NDArray[np.int64]
    thickness_mm: Floats

    def __repr__(self) -> str:
        return f"<ScalpGeometry of {plural(len(self.scalp_mm), 'pose', 'poses')}>"


def scalp_geometry(
    head: TetMesh | Subject, poses: ArrayLike, *, cortex: int | ArrayLike | None = None
) -> ScalpGeometry:
    """Measure how far scalp and cortex are from a coil, and how thick the tissues are under it.

    All is exact for the tetrahedra of the mesh, to rounding (1e-9 mm): the pieces of the axis in tetrahedra,
    and the closest points of the triangles between cortex and the rest. How far the mesh is from the head
    is another matter: on a sphere of radius r, triangles with edges h lie up to h²/6r inside.

    Parameters
    ----------
    head : TetMesh or Subject
    poses : array_like (4, 4) or (k, 4, 4)
        Coil to head, mm.
    cortex : int or array_like of int, optional
        Tags of what is the cortex from outside; by default white and gray matter (1, 2).

    Returns
    -------
    ScalpGeometry

    Raises
    ------
    RegionError
        Not a mesh, or the head has no such tissue.
    PoseError
        Not rigid placements.

    Examples
    --------
    >>> import headfield as hf
    >>> ball = hf.sphere_mesh(radii_mm=[70, 80, 92], tags=[2, 3, 5], edge_mm=6)
    >>> pose = hf.place(ball, [0, 0, 92], [0, 50, 92], 4)
    >>> under = hf.scalp_geometry(ball, pose)
    >>> under.coil_to_scalp_mm.round(3), under.scalp_to_cortex_mm.round(1)
    (array([4.]), array([22.]))
    >>> under.tags, under.thickness_mm.round(1)
    (array([2, 3, 5]), array([[ 0., 10., 12.]]))
    """
    if isinstance(head, Subject):
        head = head.mesh()
    check_mesh(head)
    checked = check_poses(poses)
    present = head_tags(head.tags)
    wanted = BRAIN if cortex is None else tags_of(head, cortex, "cortex")
    of_cortex = sorted(set(wanted) & set(present))
    if not of_cortex:
        raise RegionError(f"the head has no tissue {list(wanted)} to take for the cortex; it has {present}")
    origin, axis = checked[:, :3, 3], checked[:, :3, 2]
    tets = np.flatnonzero(np.isin(head.tags, present))
    above = skin(head).signed_distance(origin)
    behind = -_INSIDE_MM if above.min() < 0 else 0.0
    pieces = crossed(head, origin, axis, (behind, float(above.max()) + _DEEP_MM), tets)
    scalp_at = _entry(pieces, len(checked))
    cortex_at = _first(pieces, np.isin(head.tags[pieces.tet], of_cortex), scalp_at)
    scalp = origin + scalp_at[:, None] * axis
    nearest = np.full(len(checked), np.nan)
    hit = np.flatnonzero(np.isfinite(scalp_at))
    if len(hit):
        surface = Surface(head.nodes_mm, head.surface(of_cortex))
        nearest[hit] = surface.closest(scalp[hit]).distance_mm
    return ScalpGeometry(
        scalp,
        scalp_at,
        above,
        cortex_at - scalp_at,
        nearest,
        np.array(present),
        _thickness(pieces, head.tags[pieces.tet], present, scalp_at, cortex_at),
    )


def _entry(pieces: Crossed, k: int) -> Floats:
    """Return where each of k lines enters the head (k,): the part of it that ends ahead of the coil."""
    line, begin, end = pieces.line, pieces.begin_mm, pieces.end_mm
    starts = np.ones(len(line), bool)
    starts[1:] = (line[1:] != line[:-1]) | (begin[1:] > end[:-1] + _GAP_MM)
    first = np.flatnonzero(starts)
    last = np.append(first, len(line))[1:] - 1
    rows = first[end[last] > 0][::-1]  # backwards: of several values for one place the last one stays
    result = np.full(k, np.nan)
    result[line[rows]] = begin[rows]
    return result


def _first(pieces: Crossed, chosen: NDArray[np.bool_], start: Floats) -> Floats:
    """Return where each line first enters a chosen tetrahedron behind its start (k,)."""
    rows = np.flatnonzero(chosen & (pieces.begin_mm >= start[pieces.line] - _GAP_MM))[::-1]
    result = np.full(len(start), np.nan)
    result[pieces.line[rows]] = pieces.begin_mm[rows]
    return result


def _thickness(
    pieces: Crossed, tags: NDArray[np.integer], present: list[int], start: Floats, stop: Floats
) -> Floats:
    """Return the length (k, t) of each line between start and stop that lies in each tissue."""
    low, high = start[pieces.line], stop[pieces.line]
    length = np.maximum(np.minimum(pieces.end_mm, high) - np.maximum(pieces.begin_mm, low), 0.0)
    column = np.searchsorted(present, tags)
    flat = np.bincount(pieces.line * len(present) + column, length, len(start) * len(present))
    return np.asarray(flat.reshape(len(start), len(present)), np.float64)
