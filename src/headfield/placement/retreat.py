# SPDX-License-Identifier: BSD-3-Clause
"""Move coils out of a head until their casing is clear of it."""

from __future__ import annotations

from collections.abc import Generator

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..coils.casing import Casing
from ..coils.parts import CoilContent
from ..core.arguments import finite_number
from ..core.messages import warn
from ..errors import CoilError, PoseError
from ..geometry.surface import Surface
from ..heads.mesh import TetMesh
from ..heads.skin import skin
from ..poses.pose import check_poses
from .clearance import Shell, check_head
from .plausible import faces_away, middle

__all__ = ["casing_of", "cleared", "retreat", "shell_of"]

Floats = NDArray[np.float64]

_MOST_CLEAR_MM = 100.0
_TOLERANCE_MM = 1e-6  # of a clearance that is asked for
_ROUNDING_MM = 1e-9
_FARTHEST_MM = 300.0


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
    >>> from headfield import Surface, place
    >>> from headfield.coils.casing import Casing
    >>> floor = Surface([[-90, -90, 0], [90, -90, 0], [0, 90, 0]], [[0, 1, 2]])
    >>> bent = Casing([[-9, -9, 3], [9, -9, 3], [0, 9, 0]], [[0, 1, 2]])
    >>> pose = place(floor, [0, 0, 0], [0, 9, 0], 4)
    >>> retreat(floor, bent, pose, 2)[2, 3].round(5)
    np.float64(5.0)
    """
    check_head(mesh, "retreat(mesh, casing, poses, clear_mm)")
    moved = _retreated(skin(mesh), Shell.of(casing), check_poses(poses), _clear(clear_mm))
    return moved.reshape(np.shape(poses))


def cleared(head: Surface, shell: Shell | None, poses: Floats, clear_mm: float | None) -> Floats:
    """Move the poses clear if that is asked for, else warn of those that cut into the head."""
    if shell is None:
        return poses
    if clear_mm is not None:
        return _retreated(head, shell, poses, _clear(clear_mm))
    distance = shell.distance(head, poses)
    cut = np.flatnonzero(distance < 0)
    if len(cut):
        deepest = -distance.min()
        which = (
            "the casing cuts" if len(poses) == 1 else f"at {len(cut)} of {len(poses)} poses the casing cuts"
        )
        warn(f"{which} up to {deepest:.2g} mm into the head; clear_mm=0 (--clear-mm 0) moves the coil out")
    return poses


def shell_of(casing: object, clear_mm: float | None, tilted: bool = False) -> Shell | None:
    """Prepare the casing; None if there is none and none is needed."""
    if casing is None:
        if clear_mm is not None:
            raise CoilError("clear_mm needs the casing: casing=, a Casing (see read_casing) or a coil")
        return None
    if isinstance(casing, CoilContent) and casing.casing is None:
        return Shell.of(_stand_in(casing)) if tilted or clear_mm is not None else None
    return Shell.of(casing)


def _clear(clear_mm: float) -> float:
    clear = finite_number(clear_mm, "clear_mm", PoseError)
    if not 0 <= clear <= _MOST_CLEAR_MM:
        raise PoseError(f"clear_mm = {clear_mm!r} must be between 0 and {_MOST_CLEAR_MM:g}")
    return clear


def _retreated(head: Surface, shell: Shell, poses: Floats, clear_mm: float) -> Floats:
    """Do what `retreat` does, with arguments that are checked."""
    missing = shell.distance(head, poses) - clear_mm
    away = np.flatnonzero((missing < 0) & faces_away(middle(head.nodes_mm), poses))
    if len(away):  # it would go through the head, and be clear beyond it
        raise PoseError(
            f"pose {away[0]} of {len(poses)} turns its back to the head, into which +z points: no way out"
        )
    searches = {int(k): _first_clear(float(missing[k])) for k in np.flatnonzero(missing < 0)}
    ways = {k: next(search) or 0.0 for k, search in searches.items()}
    result = poses.copy()
    while ways:
        rows = list(ways)
        moved = poses[rows]
        moved[:, :3, 3] -= np.array(list(ways.values()))[:, None] * moved[:, :3, 2]
        for k, pose, excess in zip(rows, moved, shell.distance(head, moved) - clear_mm, strict=True):
            result[k] = pose
            way = searches[k].send(float(excess))
            if way is None:
                del ways[k]
            elif way <= _FARTHEST_MM:
                ways[k] = way
            else:
                raise PoseError(
                    f"pose {k} of {len(poses)}: the casing does not get {clear_mm:g} mm clear of the head "
                    f"within {_FARTHEST_MM:g} mm along -z"
                )
    return result


def _first_clear(missing: float) -> Generator[float | None, float, None]:
    """Yield ways (mm) that close in on where the excess, sent back for each, is 0; it is `missing` < 0 at 0.

    None once it is, to 1e-6. The excess grows by at most the way, so a step as long as what is missing does
    not pass the place. Then secants, from both sides once the place is passed (Illinois: Dowell & Jarratt,
    BIT 11:168, 1971).
    """
    aim = 0.5 * _TOLERANCE_MM
    low, below, high, above = 0.0, missing - aim, np.inf, np.nan
    way, side, least = -missing, 0, aim
    while True:
        value = (yield way) - aim
        if abs(value) <= aim + _ROUNDING_MM or way == high:
            yield None
        least *= 2.0  # along a wall the distance does not grow
        if value > 0:
            below *= 0.5 if side > 0 else 1.0
            high, above, side = way, value, 1
        else:
            above *= 0.5 if side < 0 else 1.0
            slope = min(max((value - below) / (way - low), 0.2), 1.0)
            low, below, side = way, value, -1
        if np.isinf(high):
            way = low + max(-below / slope, least)
        elif high - low > 1e-3 * _TOLERANCE_MM:
            way = low + (high - low) * below / (below - above)
        else:  # it jumps there
            way = high


def casing_of(coil: CoilContent) -> Casing | None:
    """Return the casing of a coil, or what stands for it; None if nothing is known of where the coil is."""
    if coil.casing is not None:
        return coil.casing
    return _stand_in(coil) if len(coil.sources().points_mm) else None


def _stand_in(coil: CoilContent) -> Casing:
    """Return points that stand for the casing of a coil without one: those of its face with wire behind them.

    They are the positions of its sources, moved to the plane z = 0 where they are behind it.

    Raises
    ------
    CoilError
        The coil is given by samples of its field, which do not show where it is.
    """
    points = coil.sources().points_mm
    if not len(points):
        raise CoilError(
            f"the coil {coil.name!r} has no casing and no windings that are known: give it a casing"
        )
    points[:, 2] = np.maximum(points[:, 2], 0.0)
    return Casing(points, np.repeat(np.arange(len(points))[:, None], 3, axis=1))
