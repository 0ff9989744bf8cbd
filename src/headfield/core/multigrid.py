# SPDX-License-Identifier: BSD-3-Clause
"""The multigrid hierarchy of a matrix on a device."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .device import Device

__all__ = ["Prolongation", "hierarchy_of"]

_STRENGTH = 0.04  # strong couplings of the aggregation, see docs/numerics.md


Prolongation = tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.float64], int]


def hierarchy_of(
    device: Device,
    matrix: tuple[Any, Any, Any],
    fixed: NDArray[np.bool_],
    prolongation: Prolongation | None = None,
) -> Any:
    """Build the hierarchy of a symmetric matrix with some rows held at zero.

    Parameters
    ----------
    matrix : tuple
        Row pointer, columns and values of all rows, on the device.
    fixed : ndarray (n,) bool
        Rows held at zero, one at least: a matrix of currents without a ground has no inverse.
    prolongation : tuple, optional
        From the second level to the first, in place of one by aggregates: row pointer (n + 1,), columns,
        values and the number of columns, of NumPy arrays. Rows that are held at zero are empty.

    Returns
    -------
    native Hierarchy
    """
    return device.native.Hierarchy(*matrix, device.put(fixed), _STRENGTH, prolongation)
