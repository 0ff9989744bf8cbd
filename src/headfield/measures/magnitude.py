# SPDX-License-Identifier: BSD-3-Clause
"""E as measures take it, and the derivative of |E| with respect to E, which is its direction."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..core.arguments import plain_array
from ..core.device import on_host
from ..errors import MeasureError, RegionError
from ..regions.region import Region

__all__ = ["directions", "fields_in", "finite_results", "named", "sizes"]

Floats = NDArray[np.float64]


def fields_in(E: ArrayLike, count: int) -> Floats:
    """Check fields (k, count, 3), V/m, and return them as float64, on the host.

    Raises
    ------
    RegionError
        Another shape: a field in another region.
    MeasureError
        Values that are not finite.
    """
    field = np.asarray(on_host(E), np.float64)
    if field.ndim != 3 or field.shape[1:] != (count, 3):
        raise RegionError(f"E must have the shape (k, {count}, 3), not {field.shape}")
    return finite_results(field, field.shape, "E")


def finite_results(values: Any, shape: tuple[int, ...], name: str) -> Floats:
    """Check numbers of which there is a row for each pose; return them as float64, on the host.

    Raises
    ------
    MeasureError
        Another shape, no real numbers, or some that are not finite; it names the first pose.
    """
    array = plain_array(on_host(values), name, MeasureError, truth=False)
    if array.dtype.kind not in "fiu" or array.shape != shape:
        raise MeasureError(f"{name} must be real numbers of shape {shape}, not {array.dtype} {array.shape}")
    bad = ~np.isfinite(array).all(axis=tuple(range(1, array.ndim)))
    if bad.any():
        raise MeasureError(f"{name}: not finite at pose {bad.argmax()} ({bad.sum()} of {len(bad)} poses)")
    return array.astype(np.float64, copy=False)


def sizes(field: Floats) -> Floats:
    """Return |E| (k, p) of fields (k, p, 3), without overflow or underflow."""
    most = np.abs(field).max(axis=-1, keepdims=True, initial=0.0)
    scaled = field / np.where(most > 0.0, most, 1.0)
    return np.asarray(most[..., 0] * np.sqrt((scaled * scaled).sum(axis=-1)))


def directions(field: Floats, counts: NDArray[np.bool_], where: Callable[[int], str]) -> Floats:
    """Return E / |E| (k, p, 3), the derivative of |E|; 0 where an element does not count.

    Parameters
    ----------
    field : ndarray (k, p, 3)
    counts : ndarray (p,) or (k, p) bool
        Of which elements the derivative is needed.
    where : callable
        Names an element in the message of an error: see `named`.

    Raises
    ------
    MeasureError
        |E| is 0 in an element that counts: it has no derivative there.
    """
    most = np.abs(field).max(axis=-1, initial=0.0)
    counts = np.broadcast_to(counts, most.shape)
    zero = counts & (most == 0.0)
    if zero.any():
        k, i = np.argwhere(zero)[0].tolist()
        raise MeasureError(f"|E| is 0 in {where(i)} of the region at pose {k}: no derivative there")
    scaled = np.where(counts[..., None], field / np.where(most > 0.0, most, 1.0)[..., None], 0.0)
    length = np.sqrt((scaled * scaled).sum(axis=-1, keepdims=True))
    return np.asarray(scaled / np.where(length > 0.0, length, 1.0))


def named(region: Region) -> Callable[[int], str]:
    """Return how to call the i-th element of a region in a message."""
    kind = "tetrahedron" if region.is_volume else "point"
    return lambda i: f"{kind} {i}"
