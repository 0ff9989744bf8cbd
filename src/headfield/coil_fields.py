# SPDX-License-Identifier: BSD-3-Clause
"""A and B of a coil at points: what Coil.vector_potential and Coil.magnetic_field are made of."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ._real import vectors
from .errors import CoilError
from .pose import check_pose

if TYPE_CHECKING:
    from .coil import Coil

__all__ = ["field_of_coil"]


def field_of_coil(
    coil: Coil, quantity: str, points_mm: ArrayLike, pose: ArrayLike | None, stimulator: int | None
) -> NDArray[np.float64]:
    """A or B, as `quantity` says, at points (p, 3), mm, in their frame; per A. Raises and warns as Coil does.

    Examples
    --------
    >>> from headfield import Coil
    >>> field_of_coil(Coil([[0, 0, -50.0]], [[0, 0, 1.0]]), "B", [[0, 0, 50.0]], None, None)
    array([[0.    , 0.    , 0.0002]])
    """
    points = vectors(points_mm, "points_mm", CoilError)
    if stimulator is not None and stimulator not in range(coil.n_stimulators):
        raise CoilError(f"stimulator {stimulator!r} is none of the {coil.n_stimulators} of this coil")
    matrix = np.eye(4) if pose is None else check_pose(pose)
    here = (points - matrix[:3, 3]) @ matrix[:3, :3] if pose is not None else points
    sources, outside = coil.sources(stimulator), 0
    if quantity == "A":
        field, outside = sources.vector_potential(here)
    else:
        field = sources.magnetic_field(here)
    bad = np.flatnonzero(~np.isfinite(field).all(axis=1))
    if len(bad):
        where = np.array2string(points[bad[0]], precision=6)
        raise CoilError(
            f"{quantity} is not finite at {len(bad)} points, first point {bad[0]} at {where} mm: on a source"
        )
    if outside:
        warnings.warn(
            f"{outside} of {len(here)} points lie outside the sampled A, which is taken as 0 there",
            stacklevel=3,
        )
    return field if pose is None else field @ matrix[:3, :3].T
