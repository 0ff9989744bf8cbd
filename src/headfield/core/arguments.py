# SPDX-License-Identifier: BSD-3-Clause
"""What callers pass, as real numbers, or an error that names the argument."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import HeadfieldError

__all__ = [
    "finite_array",
    "finite_number",
    "not_negative",
    "positive",
    "real_array",
    "vectors",
    "whole",
    "whole_numbers",
    "within",
]


def real_array(values: ArrayLike, name: str, error: type[HeadfieldError]) -> np.ndarray:
    """Return a new float64 array in C order; raise `error` unless it holds real numbers (NaN and inf are)."""
    try:
        array = np.asarray(values)
        if array.dtype.kind == "c":  # the cast would drop the imaginary part
            raise TypeError("complex values")
        return np.array(array, dtype=np.float64, order="C")
    except (TypeError, ValueError, OverflowError) as problem:
        raise error(f"{name}: not real numbers: {problem}") from None


def finite_array(values: ArrayLike, name: str, error: type[HeadfieldError]) -> np.ndarray:
    """Do what `real_array` does, and refuse NaN and inf."""
    array = real_array(values, name, error)
    finite = np.isfinite(array)
    if not finite.all():
        bad = np.argwhere(~finite)
        index = tuple(bad[0].tolist())
        first = f", first {list(index)} = {array[index]}" if index else f": {array}"
        raise error(f"{name}: {len(bad)} values are not finite{first}")
    return array


def vectors(values: ArrayLike, name: str, error: type[HeadfieldError]) -> np.ndarray:
    """Do what `finite_array` does, and refuse shapes other than (n, 3)."""
    array = finite_array(values, name, error)
    if array.ndim != 2 or array.shape[1] != 3:
        raise error(f"{name} must have the shape (n, 3), not {array.shape}")
    return array


def finite_number(value: Any, name: str, error: type[HeadfieldError]) -> float:
    """Return a finite real number; refuse text and arrays."""
    if not isinstance(value, (int, float, np.integer, np.floating)):
        raise error(f"{name} = {value!r} must be a finite number")
    try:
        number = float(value)
    except OverflowError:  # a whole number of more than 308 digits
        raise error(f"{name} must be a finite number, not one beyond {np.finfo(float).max:g}") from None
    if not math.isfinite(number):
        raise error(f"{name} = {value!r} must be a finite number")
    return number


def not_negative(value: Any, name: str, error: type[HeadfieldError]) -> float:
    """Return a finite number of 0 or more."""
    number = finite_number(value, name, error)
    if number < 0:
        raise error(f"{name} = {value!r} must be 0 or more")
    return number


def positive(value: Any, name: str, error: type[HeadfieldError]) -> float:
    """Return a finite number above 0."""
    number = not_negative(value, name, error)
    if number == 0:
        raise error(f"{name} must be more than 0")
    return number


def within(value: Any, name: str, error: type[HeadfieldError], low: float, high: float) -> float:
    """Return a finite number from `low` to `high`."""
    number = finite_number(value, name, error)
    if not low <= number <= high:
        raise error(f"{name} must lie between {low:g} and {high:g}, not {number:g}")
    return number


def whole(value: Any, name: str, error: type[HeadfieldError], most: int) -> int:
    """Return a whole number from 1 to `most`."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or not 1 <= value <= most:
        raise error(f"{name} = {value!r} must be a whole number from 1 to {most}")
    return int(value)


def whole_numbers(values: ArrayLike, name: str, error: type[HeadfieldError]) -> NDArray[np.int64]:
    """Return the distinct values of one or several whole numbers, ascending.

    Examples
    --------
    >>> from headfield.errors import RegionError
    >>> whole_numbers([3, 1, 3], "tags", RegionError).tolist(), whole_numbers(2, "tags", RegionError).tolist()
    ([1, 3], [2])
    """
    try:
        array = np.atleast_1d(np.asarray(values))
    except ValueError as problem:
        raise error(f"{name}: {problem}") from None
    if array.ndim != 1 or array.dtype.kind not in "iu" or not len(array):
        raise error(f"{name} must be one or some whole numbers, not {array.dtype} of shape {array.shape}")
    return np.unique(array.astype(np.int64))
