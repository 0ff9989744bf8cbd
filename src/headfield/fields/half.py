# SPDX-License-Identifier: BSD-3-Clause
"""Fields of one pose in half precision: scaled so that nothing overflows, and with their error."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["Half", "halved", "restored"]

_LARGEST = 15  # exponent that the largest component gets: it is below 2¹⁵, and float16 goes to 65504
_LEAST = -100  # exponent of components below which there is nothing to scale: V/m of 10⁻³⁰


class Half(NamedTuple):
    """A field in half precision."""

    values: NDArray[np.float16]
    scale: float  #: a power of two; the field is `values` times this
    error: float  #: largest |error| relative to the magnitude of the same place; NaN of no field


def halved(field: NDArray[np.float32]) -> Half:
    """Store the field of one pose in half precision.

    Parameters
    ----------
    field : ndarray (e,) or (e, 3) float32

    Examples
    --------
    >>> half = halved(np.array([[1e6, 0.0, 0.0], [1.0, 2e-7, 0.0]], np.float32))
    >>> half.scale, half.error < 2**-11, restored(half.values, half.scale)[0].tolist()
    (32.0, True, [999936.0, 0.0, 0.0])
    """
    if not np.isfinite(field).all():
        return Half(np.full_like(field, np.nan, np.float16), 1.0, math.nan)
    largest = float(np.abs(field).max(initial=0.0))
    scale = math.ldexp(1.0, max(math.frexp(largest)[1], _LEAST) - _LARGEST)
    values = (field * np.float32(1.0 / scale)).astype(np.float16)
    off, size = (_size(one.astype(np.float64)) for one in (restored(values, scale) - field, field))
    return Half(values, scale, float((off[size > 0] / size[size > 0]).max(initial=0.0)))


def restored(values: NDArray[np.float16], scale: float) -> NDArray[np.float32]:
    """Return a field of half precision as float32; the scale is a power of two, so that rounds nothing."""
    return values.astype(np.float32) * np.float32(scale)


def _size(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.abs(values) if values.ndim == 1 else np.linalg.norm(values, axis=-1)
