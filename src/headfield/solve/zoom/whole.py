# SPDX-License-Identifier: BSD-3-Clause
"""The head that a zoom is a part of, as a `HeadModel` hands it on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...core.device import Device
from ...heads.mesh import TetMesh
from ..drives.coil import CoilDrive, CoilTables
from ..head import DeviceHead

__all__ = ["Whole"]


@dataclass(frozen=True, eq=False)
class Whole:
    """A head that batches are solved in.

    Attributes
    ----------
    mesh : TetMesh
    conductivity : ndarray (m,) or (m, 3, 3) float64, S/m
    head : DeviceHead
    tables : CoilTables
    threads : int
    warn_of : callable
        Warns of poses of a drive that are not plausible.
    """

    mesh: TetMesh
    conductivity: NDArray[np.float64]
    head: DeviceHead
    tables: CoilTables
    threads: int
    warn_of: Callable[[CoilDrive], None]

    @property
    def device(self) -> Device:
        return self.head.device
