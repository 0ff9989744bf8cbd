# SPDX-License-Identifier: BSD-3-Clause
"""A and B of sources at points, in the frame of the points."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..core.arguments import vectors
from ..core.messages import plural, warn
from ..errors import CoilError
from ..poses.pose import check_pose
from .sources import Sources

__all__ = ["field_at"]


def field_at(
    sources: Sources, quantity: str, points_mm: ArrayLike, pose: ArrayLike | None
) -> NDArray[np.float64]:
    """A or B, as `quantity` says, per A of current, at points (p, 3), mm.

    Parameters
    ----------
    sources : Sources
        In the frame of their coil.
    quantity : {"A", "B"}
        Vector potential, T·m per A, or magnetic field, T per A.
    pose : array_like (4, 4), optional
        Coil to the frame of the points, mm; None if they are in that of the coil.

    Raises
    ------
    CoilError, PoseError

    Examples
    --------
    >>> from headfield import Coil
    >>> field_at(Coil([[0, 0, -50.0]], [[0, 0, 1.0]]).sources(), "B", [[0, 0, 50.0]], None)
    array([[0.    , 0.    , 0.0002]])
    """
    points = vectors(points_mm, "points_mm", CoilError)
    matrix = np.eye(4) if pose is None else check_pose(pose)
    here = (points - matrix[:3, 3]) @ matrix[:3, :3] if pose is not None else points
    outside = 0
    if quantity == "A":
        field, outside = sources.vector_potential(here)
    else:
        field = sources.magnetic_field(here)
    bad = np.flatnonzero(~np.isfinite(field).all(axis=1))
    if len(bad):
        where = np.array2string(points[bad[0]], precision=6)
        raise CoilError(
            f"{quantity} is not finite at {plural(len(bad), 'point', 'points')}, first point {bad[0]} at "
            f"{where} mm: on a source"
        )
    if outside:
        warn(f"{outside} of {len(here)} points lie outside the sampled A, which is taken as 0 there")
    return field if pose is None else field @ matrix[:3, :3].T
