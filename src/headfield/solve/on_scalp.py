# SPDX-License-Identifier: BSD-3-Clause
"""Coils on the scalp of a model's head."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..coils.coil import Coil
from ..core.locks import cached_property
from ..geometry.surface import Surface
from ..heads.mesh import TetMesh
from ..heads.skin import skin
from ..placement.grid import ANGLES_DEG, ScalpGrid, scalp_grid
from ..placement.place import place
from .drives.coil import coil_to_place

__all__ = ["OnScalp"]


class OnScalp:
    """What `HeadModel` is built on: a head whose scalp is found once, for all coils that are placed on it."""

    mesh: TetMesh

    def place(
        self,
        coil: Coil,
        centre_mm: ArrayLike,
        handle_mm: ArrayLike,
        distance_mm: float = 4.0,
        *,
        rotation_deg: float = 0.0,
        tilt_deg: ArrayLike = (0.0, 0.0),
        offset_mm: ArrayLike = (0.0, 0.0),
        clear_mm: float | None = None,
        smooth_mm: float = 0.0,
    ) -> NDArray[np.float64]:
        """Find the pose of a coil on the scalp: `headfield.place` with the coil as its `casing`.

        Parameters
        ----------
        coil : Coil
            Its casing face is the plane z = 0 of the coil frame.
        centre_mm, handle_mm : array_like (3,)
            Where the coil's centre goes, and a point that its +y axis, the prolongation of the handle,
            points to from there, mm (`Subject.point` finds them by names and from MNI space).
        distance_mm, rotation_deg, tilt_deg, offset_mm, clear_mm, smooth_mm
            See `headfield.place`.

        Returns
        -------
        ndarray (4, 4) float64, mm

        Raises
        ------
        CoilError, PoseError
        """
        at = (self.scalp, centre_mm, handle_mm, distance_mm)
        moved: dict[str, Any] = {"rotation_deg": rotation_deg, "tilt_deg": tilt_deg, "offset_mm": offset_mm}
        return place(*at, **moved, casing=coil_to_place(coil), clear_mm=clear_mm, smooth_mm=smooth_mm)

    def scalp_grid(
        self,
        coil: Coil,
        centre_mm: ArrayLike,
        handle_mm: ArrayLike,
        radius_mm: float = 20.0,
        spacing_mm: float = 5.0,
        angles_deg: ArrayLike = ANGLES_DEG,
        *,
        distance_mm: float = 4.0,
        clear_mm: float | None = None,
        smooth_mm: float = 0.0,
    ) -> ScalpGrid:
        """Make candidate poses around a point, see `headfield.scalp_grid`; `coil` as in `place`."""
        at = (self.scalp, centre_mm, handle_mm, radius_mm, spacing_mm, angles_deg)
        rest: dict[str, Any] = {"distance_mm": distance_mm, "clear_mm": clear_mm, "smooth_mm": smooth_mm}
        return scalp_grid(*at, **rest, casing=coil_to_place(coil))

    @cached_property
    def scalp(self) -> Surface:
        """The outer surface of the head, found once: that takes a second on a large head."""
        return skin(self.mesh)
