# SPDX-License-Identifier: BSD-3-Clause
"""The rim of a part of a head, at which its potential is that of the whole head."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...core.device import Device
from .part import Part

__all__ = ["Rim"]


class Rim:
    """What known potentials at the rim do to the right-hand sides of a part.

    Attributes
    ----------
    nodes : ndarray (r,) int32
        Nodes of the head at which the potential has to be known.
    """

    def __init__(self, part: Part, device: Device) -> None:
        self._device = device
        known = np.flatnonzero(part.rim[: len(part.head_nodes)])
        self.nodes = part.head_nodes[known]
        self._column = np.full(len(part.head_nodes), -1, np.int32)
        self._column[known] = np.arange(len(known), dtype=np.int32)
        self._operator: tuple[Any, ...] | None = None

    def couple(
        self,
        indptr: NDArray[np.int32],
        indices: NDArray[np.int32],
        stiffness: NDArray[np.float64],
        fixed: NDArray[np.bool_],
        ends: NDArray[np.int32],
        rank: NDArray[np.int32],
    ) -> None:
        """Find what couples unknowns to those on the rim, `fixed`, in a matrix of all of them.

        `ends` (…, 2) are the nodes that each unknown lies between that is not a node of the head, and `rank`
        the places of all in the matrix.
        """
        if not len(self.nodes):
            return
        row = np.repeat(np.arange(len(fixed), dtype=np.int32), np.diff(indptr))
        coupled = np.flatnonzero(fixed[indices] & ~fixed[row])
        row, value = row[coupled], stiffness[coupled]
        place = np.empty(len(fixed), np.int64)  # number before they were put in order
        place[rank] = np.arange(len(fixed))
        at = place[indices[coupled]]
        known = len(self._column)
        while (between := at >= known).any():  # half of the potential at either end
            halves = ends[at[between] - known]
            at = np.concatenate([at[~between], *halves.T])
            row = np.concatenate([row[~between], row[between], row[between]])
            value = np.concatenate([value[~between], 0.5 * value[between], 0.5 * value[between]])
        order = np.lexsort((at, row))
        pointer = np.zeros(len(fixed) + 1, np.int32)
        np.cumsum(np.bincount(row, minlength=len(fixed)), out=pointer[1:])
        columns = self._column[at[order]]
        device = self._device
        self._operator = (
            device.indices(pointer, len(columns) + 1, row_pointer=True, own=True),
            device.indices(columns, len(self.nodes), own=True),
            device.put(value[order]),
        )

    def subtract(self, potential: Any, b: Any) -> None:
        """Take what potentials (r, W) at the rim drive out of right-hand sides b (N, W).

        They count from the first, so that a potential that is high everywhere does not hide small residuals.
        """
        if self._operator is not None:
            self._device.native.subtract_product(*self._operator, potential - potential[:1], b)
