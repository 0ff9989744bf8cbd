# SPDX-License-Identifier: BSD-3-Clause
"""The tetrahedra of several regions, each once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...core.device import on_host
from ...regions.region import Region

__all__ = ["Folded"]


class Folded:
    """Tetrahedra of regions, in which E at several places of a measure may be one E.

    Attributes
    ----------
    every : ndarray (P,) int32
        Those of all regions, one region after the other; of points the ones that they lie in.
    elements : ndarray (e,) int32
        Ascending, each once.

    Examples
    --------
    >>> import headfield as hf
    >>> head = hf.sphere_mesh(radii_mm=[80], tags=[2], edge_mm=30)
    >>> both = Folded([hf.Region(head, [3, 5]), hf.Region(head, [1, 3])])
    >>> both.every.tolist(), both.elements.tolist()
    ([3, 5, 1, 3], [1, 3, 5])
    >>> both.sums(np.ones((1, 4, 3)))[0, :, 0].tolist()
    [1.0, 2.0, 1.0]
    """

    def __init__(self, regions: Sequence[Region]) -> None:
        self.every: NDArray[np.int32] = np.concatenate([region.elements for region in regions])
        self.elements, count = np.unique(self.every, return_counts=True)
        self._order = np.argsort(self.every, kind="stable")
        self._begin = np.concatenate([[0], np.cumsum(count)[:-1]])

    @property
    def count(self) -> int:
        """Places of the measure."""
        return len(self.every)

    def sums(self, weights: Any) -> NDArray[np.float64]:
        """Return the sums (k, e, 3) over each tetrahedron of weights (k, P, 3)."""
        rows = np.asarray(on_host(weights), np.float64)[:, self._order]
        if len(self.elements) == len(self.every):
            return rows
        return np.add.reduceat(rows, self._begin, axis=1)
