# SPDX-License-Identifier: BSD-3-Clause
"""The frame in which a navigator says where the coil is, and what it is in the head."""

from __future__ import annotations

import os

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..core.arguments import finite_array
from ..core.messages import warn
from ..errors import PoseError
from ..poses.formats.invesalius import AXES, pose_of_invesalius, rotation_of
from ..poses.formats.scan import read_scan
from ..poses.pose import check_pose, faults
from .cortex_file import moved

__all__ = ["NavigatorFrame"]

Floats = NDArray[np.float64]

_AGREE_DEG = 2.0  # between the axes of T_rot and those of the angles


class NavigatorFrame:
    """Makes poses in the head of what InVesalius says; options are those of `InVesaliusConnection`.

    Examples
    --------
    >>> frame = NavigatorFrame()
    >>> frame.pose([0, 0, 94], [0, 0, 0], np.eye(3))[:3, 2] + 0.0  # into the head
    array([ 0.,  0., -1.])
    """

    def __init__(
        self,
        to_head: ArrayLike | None = None,
        scan: str | os.PathLike[str] | None = None,
        axes: ArrayLike | None = None,
        by_angles: bool = False,
    ) -> None:
        self.to_head: Floats = np.eye(4) if to_head is None else check_pose(to_head)
        self._axes = AXES if axes is None else rotation_in(axes, "axes")
        self._scan = None if scan is None else read_scan(scan)
        self._by_angles, self._told = by_angles, False

    def vectors(self, E: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return vectors (p, 3) of the head along the axes of this frame."""
        return np.asarray(E @ self.to_head[:3, :3].astype(np.float32))

    def points(self, points_mm: Floats) -> Floats:
        """Return points (p, 3) of the head in this frame."""
        return moved(np.asarray(np.linalg.inv(self.to_head), np.float64), points_mm)

    def pose(self, position: ArrayLike, orientation: ArrayLike | None, T_rot: ArrayLike) -> Floats:
        """Return the pose (4, 4) of the coil in the head."""
        where = finite_array(position, "position", PoseError)
        if where.shape != (3,):
            raise PoseError(f"position must be three numbers, mm, not of shape {where.shape}")
        own = pose_of_invesalius(where, self._turned(orientation, T_rot), self._scan, self._axes)
        return check_pose(self.to_head @ own)

    def _turned(self, orientation: ArrayLike | None, T_rot: ArrayLike) -> Floats:
        """Return the rotation (3, 3) that counts, and warn once if the other one is not the same."""
        if orientation is None:
            if self._by_angles:
                raise PoseError("orientation is None, where three angles are needed")
            return rotation_in(T_rot, "T_rot")
        angles = finite_array(orientation, "orientation", PoseError)
        if angles.shape != (3,):
            raise PoseError(f"orientation must be three angles, degrees, not of shape {angles.shape}")
        turned, told = rotation_of(angles), rotation_in(T_rot, "T_rot")
        apart = np.degrees(np.arccos(np.clip((np.trace(turned.T @ told) - 1.0) / 2.0, -1.0, 1.0)))
        if apart > _AGREE_DEG and not self._told:
            self._told = True
            taken, other = ("orientation", "T_rot") if self._by_angles else ("T_rot", "orientation")
            warn(
                f"T_rot and the angles of orientation differ by {apart:.1f}°: {taken} is taken; see "
                f"whether the coil is where it should be, or take the other (rotation={other!r})"
            )
        return turned if self._by_angles else told


def rotation_in(values: ArrayLike, name: str) -> Floats:
    """Return axes (3, 3) if they are a rotation; PoseError says what is wrong with them."""
    axes = finite_array(values, name, PoseError)
    if axes.shape != (3, 3):
        raise PoseError(f"{name} must be a rotation of the shape (3, 3), not {axes.shape}")
    pose = np.eye(4)
    pose[:3, :3] = axes
    for fault in faults(pose[None]).values():
        raise PoseError(f"{name}: {fault}")
    return axes
