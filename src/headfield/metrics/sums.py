# SPDX-License-Identifier: BSD-3-Clause
"""Sums, means and percentiles over elements, for values (m,) or (k, m) that have been checked.

The calls are those that NumPy and CuPy share. There are no matrix products, because their bits depend on how
many poses there are.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core.device import is_on_gpu
from ..errors import ArgumentError
from .arguments import percents_of

__all__ = ["above", "as_array", "average", "levels", "total"]


def total(values: Any) -> Any:
    """Sum over the elements, () or (k,), by rows: a pose gets the same bits alone and in a batch."""
    rows = values.reshape(-1, values.shape[-1])
    return rows.sum(axis=-1).reshape(values.shape[:-1])


def average(values: Any, w: Any) -> Any:
    """Return the weighted mean over the elements, () or (k,)."""
    return as_array(total(values * w) / total(w))


def levels(values: Any, w: Any, q: NDArray[np.float64]) -> Any:
    """Return the weighted percentiles (q…, k); each is one of the values."""
    # Neither CuPy's percentiles nor those of NumPy before 2 have weights.
    values, w = values[..., w > 0], w[w > 0]
    order = values.argsort(axis=-1)
    below = w[order].cumsum(axis=-1)  # weight up to each value, itself included
    found = [(below < share * below[..., -1:]).sum(axis=-1) for share in q.ravel() / 100]
    picked = [np.take_along_axis(order, i[..., None], axis=-1) for i in found]
    chosen = np.stack([np.take_along_axis(values, i, axis=-1)[..., 0] for i in picked])
    return chosen.reshape(q.shape + values.shape[:-1])


def above(values: Any, w: Any, fraction: float, percent: Any) -> tuple[Any, Any]:
    """Tell which values are at or above a fraction of a percentile; return the percentile too, () or (k,)."""
    q = percents_of(percent)
    if q.ndim:
        raise ArgumentError(f"percent must be one number, not {percent!r}")
    level = as_array(values[..., w > 0].max(axis=-1) if q == 100 else levels(values, w, q))
    return values >= fraction * level[..., None], level


def as_array(values: Any) -> Any:
    """Return a number as an array without dimensions; CuPy's numbers are arrays already."""
    return values if is_on_gpu(values) else np.asarray(values)
