# SPDX-License-Identifier: BSD-3-Clause
"""What stands around a field in a picture: scalp, coil at its pose, target; and where the eye is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..coils.coil import Coil
from ..core.arguments import finite_array
from ..core.locks import cached_property
from ..errors import ArgumentError, MeshError
from ..heads.mesh import TetMesh
from .coil_shape import CoilShape, coil_shape
from .shells import Shell, shell_of

__all__ = ["VIEWS", "Setting", "checked_point", "direction_of"]

Floats = NDArray[np.float64]

#: Sides that a head can be seen from, and where the eye is then.
VIEWS = {
    "left": (-1.0, 0.0, 0.0),
    "right": (1.0, 0.0, 0.0),
    "front": (0.0, 1.0, 0.0),
    "back": (0.0, -1.0, 0.0),
    "top": (0.0, 0.0, 1.0),
    "bottom": (0.0, 0.0, -1.0),
}
_HANDLE_MM = 60.0
_BEYOND = (1.6, 25.0)  # times how far the coil reaches back, but not more mm beyond: the handle ends there


@dataclass(frozen=True, eq=False)
class Setting:
    """What stands around a field, and where it is seen from.

    Parameters
    ----------
    head : TetMesh
        Whose scalp is shown.
    matrix : ndarray (4, 4), optional
        The pose: coil to head, mm.
    coil : Coil, optional
        Needs a pose.
    target_mm : array_like (3,), optional
        A place to mark.
    view : str or array_like (3,), optional
        One of `VIEWS`, "coil", or the direction from the head to the eye. If not given, the coil's axis, or
        whatever faces the peak.

    Raises
    ------
    ArgumentError
        A coil, or a view from it, without a pose; a view or a target that is none.

    Examples
    --------
    >>> from headfield.heads.phantom import sphere_mesh
    >>> ball = sphere_mesh([50, 60], tags=[2, 5], edge_mm=20)
    >>> Setting(ball, view="left").outward(np.zeros(3)).tolist()
    [-1.0, 0.0, 0.0]
    """

    head: TetMesh
    _: KW_ONLY
    matrix: Floats | None = None
    coil: Coil | None = None
    target_mm: ArrayLike | None = None
    view: str | ArrayLike | None = None

    def __post_init__(self) -> None:
        if self.coil is not None and self.matrix is None:
            raise ArgumentError("the coil can't be drawn: the pose is not known")
        if isinstance(self.view, str) and self.view == "coil" and self.matrix is None:
            raise ArgumentError("view 'coil': the pose of the coil is not known")
        direction_of(self.view)
        if self.target_mm is not None:
            checked_point(self.target_mm, "target_mm")

    @cached_property
    def target(self) -> Floats | None:
        """The place that is marked (3,), mm."""
        return None if self.target_mm is None else checked_point(self.target_mm, "target_mm")

    @cached_property
    def scalp(self) -> Shell:
        """The outermost surface of the head, without values."""
        try:
            faces = self.head.skin()
        except MeshError:  # there are only electrodes
            faces = self.head.boundary()
        return shell_of(self.head.nodes_mm, faces, np.full(len(faces), np.nan))

    @cached_property
    def shape(self) -> CoilShape | None:
        """What there is to see of the coil, where it is; None without a coil."""
        if self.coil is None or self.matrix is None:
            return None
        return coil_shape(self.coil).placed(self.matrix)

    @cached_property
    def handle(self) -> Floats | None:
        """From the centre of the coil along its handle (2, 3), mm; None if the pose is not known."""
        if self.matrix is None:
            return None
        length = _HANDLE_MM
        points = np.empty((0, 3)) if self.coil is None else self.coil.sources().points_mm
        if not len(points) and self.coil is not None and self.coil.casing is not None:
            points = self.coil.casing.points_mm  # of a coil that is known by its A
        if len(points):
            reach = max(-float(points[:, 1].min()), 10.0)
            length = min(_BEYOND[0] * reach, reach + _BEYOND[1])
        return np.stack([self.matrix[:3, 3], self.matrix[:3, 3] - length * self.matrix[:3, 1]])

    def outward(self, place_mm: Floats) -> Floats:
        """Return the unit vector (3,) from the head to the eye; over a place (3,) if nothing else is said."""
        asked = direction_of(self.view)
        if asked is not None:
            return asked
        if self.matrix is not None:
            return -self.matrix[:3, 2]
        nodes = self.scalp.nodes_mm
        away: Floats = place_mm - (nodes.min(axis=0) + nodes.max(axis=0)) / 2
        return away / np.linalg.norm(away) if away.any() else np.array([0.0, 0.0, 1.0])

    def points_mm(self) -> Floats:
        """All points that a picture is to hold, (p, 3)."""
        points = [self.scalp.nodes_mm]
        if self.shape is not None:
            points.append(self.shape.points_mm)
        if self.handle is not None:
            points.append(self.handle)
        if self.target is not None:
            points.append(self.target[None])
        return np.concatenate(points)


def direction_of(view: str | ArrayLike | None) -> Floats | None:
    """Return the unit vector (3,) from the head to the eye; None for the coil's axis or none.

    Raises
    ------
    ArgumentError
        No such view, or no direction.

    Examples
    --------
    >>> direction_of([0, 0, 2]), direction_of("coil") is None
    (array([0., 0., 1.]), True)
    """
    if view is None or (isinstance(view, str) and view == "coil"):
        return None
    if isinstance(view, str):
        if view not in VIEWS:
            raise ArgumentError(f"view {view!r}: {_listed(['coil', *VIEWS])} or a direction (3,) is needed")
        return np.array(VIEWS[view])
    direction = checked_point(view, "view")
    length = float(np.linalg.norm(direction))
    if length == 0:
        raise ArgumentError("view (0, 0, 0) is no direction")
    return direction / length


def checked_point(values: ArrayLike, name: str) -> Floats:
    """Return three finite numbers as float64; ArgumentError for anything else."""
    point = finite_array(values, name, ArgumentError)
    if point.shape != (3,):
        raise ArgumentError(f"{name} must be three numbers, not {point.shape}")
    return np.asarray(point, np.float64)


def _listed(names: Sequence[str]) -> str:
    return ", ".join(repr(name) for name in names)
