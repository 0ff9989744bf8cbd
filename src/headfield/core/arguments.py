# SPDX-License-Identifier: BSD-3-Clause
"""What callers pass, as real numbers, or an error that names the argument."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from ..errors import HeadfieldError

__all__ = ["finite_array", "real_array", "vectors"]


def real_array(values: ArrayLike, name: str, error: type[HeadfieldError]) -> np.ndarray:
    """A new float64 array in C order; `error` if the values are not real numbers (NaN and inf are)."""
    try:
        array = np.asarray(values)
        if array.dtype.kind == "c":  # the cast would drop the imaginary part
            raise TypeError("complex values")
        return np.array(array, dtype=np.float64, order="C")
    except (TypeError, ValueError, OverflowError) as problem:
        raise error(f"{name}: not real numbers: {problem}") from None


def finite_array(values: ArrayLike, name: str, error: type[HeadfieldError]) -> np.ndarray:
    """`real_array` without NaN and inf."""
    array = real_array(values, name, error)
    bad = np.argwhere(~np.isfinite(array))
    if len(bad):
        index = tuple(bad[0].tolist())
        first = f", first {list(index)} = {array[index]}" if index else f": {array}"
        raise error(f"{name}: {len(bad)} values are not finite{first}")
    return array


def vectors(values: ArrayLike, name: str, error: type[HeadfieldError]) -> np.ndarray:
    """`finite_array` of the shape (n, 3)."""
    array = finite_array(values, name, error)
    if array.ndim != 2 or array.shape[1] != 3:
        raise error(f"{name} must have the shape (n, 3), not {array.shape}")
    return array


def finite_number(value: float, name: str, error: type[HeadfieldError]) -> float:
    """A finite real number that was passed as one: no text, no array."""
    if not isinstance(value, (int, float, np.integer, np.floating)):
        raise error(f"{name} = {value!r} must be a finite number")
    try:
        number = float(value)
    except OverflowError:  # a whole number of more than 308 digits
        raise error(f"{name} must be a finite number, not one beyond {np.finfo(float).max:g}") from None
    if not math.isfinite(number):
        raise error(f"{name} = {value!r} must be a finite number")
    return number
