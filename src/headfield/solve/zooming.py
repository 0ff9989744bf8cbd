# SPDX-License-Identifier: BSD-3-Clause
"""Refined parts of a model's head."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..coils.coil import Coil
from ..heads.mesh import TetMesh
from ..regions.region import Region
from .drives.coil import CoilDrive, CoilTables
from .head import DeviceHead
from .zoom.make import make_zoom
from .zoom.options import ZoomOptions
from .zoom.report import ZoomLevel
from .zoom.whole import Whole
from .zoom.zoom import Zoom

__all__ = ["Zooming"]


class Zooming:
    """What `HeadModel` is built on: a head of which parts are refined."""

    mesh: TetMesh
    conductivity: NDArray[np.float64]
    threads: int
    _head: DeviceHead
    _tables: CoilTables
    _warn_of: Callable[[CoilDrive], None]
    _drive: Callable[[Coil, ArrayLike, ArrayLike, float | str], CoilDrive]

    def zoom(
        self,
        roi: Region,
        coil: Coil,
        poses: ArrayLike,
        didt: ArrayLike = 1e6,
        *,
        error: float = 0.02,
        margin_mm: float | None = None,
        max_unknowns: int = 2_000_000,
        smooth: bool = False,
        potential: ArrayLike | None = None,
        primary_error: float | str = 1e-3,
        progress: Callable[[ZoomLevel], None] | None = None,
    ) -> Zoom:
        """Refine the head around a region until E there is as good as is asked for.

        Parameters
        ----------
        roi : Region
            Tetrahedra or points of the mesh: see `headfield.regions`.
        coil, poses, didt
            What it is refined for, see `solve`; of more than 16 poses 16, evenly spaced in the list.
        error : float
            Relative L2 error of E over the region, from 0.003 to 0.5.
        margin_mm : float, optional
            How far what is solved again reaches beyond the region, mm: 10; 15 below 1.5 %, 25 below 0.8 %.
        max_unknowns : int
            Refinement ends before there are more, with a warning.
        smooth : bool
            Put new nodes on interfaces onto a smooth surface through those of the mesh, not onto facets.
        potential : array_like (k, n), optional
            First guess of the potential of these poses in the whole head, V: `Field.potential`.
        primary_error, progress
            See `solve`; `progress` gets the `ZoomLevel` of each level.

        Returns
        -------
        Zoom
            Its `solve` and `iter_solve` give E in the region for any coil and poses.

        Raises
        ------
        RegionError
            Of another mesh, empty, or one that takes more than `max_unknowns` as it is.
        CoilError, PoseError, ArgumentError, DeviceError, MeshError
        """
        options = ZoomOptions(error=error, margin_mm=margin_mm, max_unknowns=max_unknowns, smooth=smooth)
        drive = self._drive(coil, poses, didt, primary_error)
        whole = Whole(self.mesh, self.conductivity, self._head, self._tables, self.threads, self._warn_of)
        return make_zoom(whole, roi, drive, options, potential, progress)
