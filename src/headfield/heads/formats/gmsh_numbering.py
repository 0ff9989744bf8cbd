# SPDX-License-Identifier: BSD-3-Clause
"""The ids of a Gmsh file, of nodes or elements, which may have gaps and any order."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import MeshError

__all__ = ["Numbering"]


class Numbering:
    """Turns ids of a file into indices from 0. An id that the file lacks becomes one outside 0 … count − 1.

    Parameters
    ----------
    ids : ndarray, (n,), integer
    what : str
        What the ids are of, for messages: "node" or "element".

    Raises
    ------
    MeshError
        An id comes twice.

    Examples
    --------
    >>> Numbering(np.array([7, 5, 9]), "node").places(np.array([5, 9, 6])).tolist()
    [1, 2, -1]
    """

    def __init__(self, ids: NDArray[Any], what: str) -> None:
        self.count = len(ids)
        self.low = int(ids.min()) if self.count else 0
        self.contiguous = not self.count or (
            int(ids[-1]) - int(ids[0]) == self.count - 1 and bool((np.diff(ids) == 1).all())
        )
        if self.contiguous:
            return
        self.order = np.argsort(ids, kind="stable").astype(np.int32)
        self.sorted = ids[self.order]
        again = self.sorted[1:] == self.sorted[:-1]
        if again.any():
            first = self.sorted[again.argmax()]
            raise MeshError(f"{int(again.sum()):,} {what} ids come twice; the first is {first}")

        # Gaps are few as a rule, and then a table is faster than a search. Its ends catch what is outside.
        self.table: NDArray[np.int32] | None = None
        span = int(self.sorted[-1]) - self.low + 1
        if span <= 16 * self.count:
            self.table = np.full(span + 2, -1, np.int32)
            self.table[ids - self.low + 1] = np.arange(self.count, dtype=np.int32)

    def places(self, ids: NDArray[Any]) -> NDArray[Any]:
        """Return the index of each id, whatever its shape; `ids` is used up."""
        if self.contiguous:
            # In the ids' own integer type: a wild id stays wild, or wraps to another value out of range.
            ids -= ids.dtype.type(self.low)
            return ids
        if self.table is not None:
            return self.table.take(ids - ids.dtype.type(self.low) + ids.dtype.type(1), mode="clip")
        place = np.searchsorted(self.sorted, ids).clip(max=self.count - 1)
        return np.where(self.sorted[place] == ids, self.order[place], np.int32(-1))
