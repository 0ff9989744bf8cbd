# SPDX-License-Identifier: BSD-3-Clause
"""What `HeadModel` is built on: a head whose tissues' conductivities can be told apart."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..coils.coil import Coil
from ..heads.mesh import TetMesh
from .drives.coil import CoilDrive
from .head import DeviceHead
from .mixed import MixedHead

__all__ = ["ByTissue"]


class ByTissue:
    """A head that is solved for many conductivities of its tissues."""

    mesh: TetMesh
    conductivity: NDArray[np.float64]
    _head: DeviceHead
    _drive: Callable[[Coil, ArrayLike, ArrayLike, float | str], CoilDrive]
    _warn_of: Callable[[CoilDrive], None]

    def by_tissue(self, part: NDArray[np.int32]) -> MixedHead:
        """Return what solves the head for conductivities of its parts that differ from solve to solve.

        Parameters
        ----------
        part : ndarray (m,) int
            Of each tetrahedron, from 0.
        """
        return self._head.mixed(part)

    def driven(
        self, coil: Coil, pose: ArrayLike, didt: ArrayLike, primary_error: float | str = 1e-3
    ) -> CoilDrive:
        """Return a coil at poses as a drive of the head; warn of poses that are not plausible.

        Raises
        ------
        CoilError, PoseError, ArgumentError
        """
        drive = self._drive(coil, pose, didt, primary_error)
        self._warn_of(drive)
        return drive
