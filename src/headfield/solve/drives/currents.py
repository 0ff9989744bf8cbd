# SPDX-License-Identifier: BSD-3-Clause
"""Currents that flow into the nodes of a mesh."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ...core.arguments import finite_array
from ...core.device import is_on_gpu, on_host
from ...errors import ArgumentError, DeviceError
from ..operators import Operators

__all__ = ["NodalCurrents"]

_BALANCE = 1e-9  # of the sum of |currents| that may be left over: rounding
_MOST = 1e6  # A, a million times what stimulators drive through a head


class NodalCurrents:
    """k right-hand sides b (k, n): the current, A, that a source feeds into each node of the mesh.

    Nothing leaves a head, so the currents of a source have to sum to zero.

    Raises
    ------
    ArgumentError
        Not finite numbers, another shape, or currents that do not sum to zero.
    DeviceError
        A CuPy array, but the model is on the CPU.
    """

    first = 0
    poses = None
    didt = None
    has_primary = False
    primary_error = 0.0

    def __init__(self, currents: ArrayLike, n_nodes: int, device: str) -> None:
        self.on_gpu = is_on_gpu(currents)
        if self.on_gpu and device != "cuda":
            raise DeviceError("the currents are a CuPy array, but the model is on the CPU: see device='cuda'")
        rows = finite_array(on_host(currents), "currents", ArgumentError)
        if rows.ndim == 1:
            rows = rows[None]
        if rows.ndim != 2 or rows.shape[1] != n_nodes or not len(rows):
            raise ArgumentError(f"currents must have the shape (k, {n_nodes}), not {rows.shape}")
        total, size = rows.sum(axis=1), np.abs(rows).sum(axis=1)
        bad = np.flatnonzero(np.abs(total) > _BALANCE * size)
        if len(bad):
            raise ArgumentError(
                f"the currents of {len(bad)} of {len(rows)} sources do not sum to zero; the first is source "
                f"{bad[0]} with {total[bad[0]]:.3g} A in all"
            )
        largest = np.abs(rows).max(axis=1)
        if largest.max() > _MOST:
            raise ArgumentError(
                f"a current of {largest.max():g} A is above {_MOST:g}, which nothing feeds in"
            )
        # Solved for currents of at most 1 A, so that the smallest ones are not lost in squares.
        self.scale = largest
        self.rows = np.divide(rows, largest[:, None], out=np.zeros_like(rows), where=largest[:, None] > 0.0)

    def __len__(self) -> int:
        return len(self.rows)

    def primary(self, head: Operators, part: slice, adot: Any) -> None:
        """Fill nothing: no field is induced."""

    def load(self, head: Operators, part: slice, adot: Any, b: Any) -> None:
        """Fill the currents of a batch."""
        head.to_columns(self.rows[part], np.ones(len(self.scale[part])), b)
