# SPDX-License-Identifier: BSD-3-Clause
"""What callers pass, as real numbers, or an error that names the argument."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..core.messages import plural
from ..errors import HeadfieldError

__all__ = [
    "finite_array",
    "finite_number",
    "is_whole",
    "not_negative",
    "plain_array",
    "positive",
    "real_array",
    "truth",
    "vectors",
    "whole",
    "whole_numbers",
    "within",
]


_TRUTH = (bool, np.bool_)
# What messages call the values of dtypes that are not numbers.
_CALLED = {
    "c": "complex values",
    "O": "Python objects",
    "U": "text",
    "S": "bytes",
    "M": "dates",
    "m": "differences of dates",
}


def plain_array(
    values: ArrayLike, name: str, error: type[HeadfieldError], *, truth: bool = True
) -> NDArray[Any]:
    """Return what was passed as an array, perhaps the same; raise `error` if that fails or a value is masked.

    A masked array is taken as the values under its mask otherwise: by all that NumPy does with it.

    Parameters
    ----------
    values : array_like
    name : str
        For the message.
    error : type of HeadfieldError
    truth : bool
        Whether an array of True and False will do. Among numbers, where they would become 1 and 0 in silence,
        they never do.

    Examples
    --------
    >>> from headfield.errors import ArgumentError
    >>> plain_array(np.ma.masked_less([3, -1, 2], 0), "values", ArgumentError)
    Traceback (most recent call last):
    ...
    headfield.errors.ArgumentError: values: 1 of 3 values are masked
    """
    try:
        kinds = _kinds(values) if isinstance(values, (list, tuple)) else {type(values)}
        if any(issubclass(kind, np.ma.MaskedArray) for kind in kinds):
            hidden = np.ma.getmaskarray(np.ma.asarray(values))
            if hidden.any():
                raise error(f"{name}: {hidden.sum()} of {hidden.size} values are masked")
            values = np.ma.getdata(values)
        array = np.asarray(values)
    except (TypeError, ValueError, OverflowError) as problem:
        if isinstance(problem, HeadfieldError):
            raise
        raise error(f"{name}: not an array: {problem}") from None
    if not truth if array.dtype.kind == "b" else not kinds.isdisjoint(_TRUTH):
        raise error(f"{name}: True and False are not numbers")
    return array


def _kinds(values: list[Any] | tuple[Any, ...]) -> set[type]:
    """Return the types of what is in lists, and in the lists in them."""
    kinds = set(map(type, values))
    if not kinds.isdisjoint((list, tuple)):
        kinds.update(*(_kinds(value) for value in values if isinstance(value, (list, tuple))))
    return kinds


def real_array(values: ArrayLike, name: str, error: type[HeadfieldError]) -> np.ndarray:
    """Return a new float64 array in C order; raise `error` unless it holds real numbers (NaN and inf are)."""
    array = plain_array(values, name, error, truth=False)
    if array.dtype.kind not in "fiu":  # a cast would take text, times and objects, or drop an imaginary part
        raise error(f"{name}: not real numbers: {_CALLED.get(array.dtype.kind, array.dtype)}")
    return np.array(array, dtype=np.float64, order="C")


def finite_array(values: ArrayLike, name: str, error: type[HeadfieldError]) -> np.ndarray:
    """Do what `real_array` does, and refuse NaN and inf."""
    array = real_array(values, name, error)
    finite = np.isfinite(array)
    if not finite.all():
        bad = np.argwhere(~finite)
        index = tuple(bad[0].tolist())
        first = f", first {list(index)} = {array[index]}" if index else f": {array}"
        raise error(f"{name}: {plural(len(bad), 'value is', 'values are')} not finite{first}")
    return array


def vectors(values: ArrayLike, name: str, error: type[HeadfieldError]) -> np.ndarray:
    """Do what `finite_array` does, and refuse shapes other than (n, 3)."""
    array = finite_array(values, name, error)
    if array.ndim != 2 or array.shape[1] != 3:
        raise error(f"{name} must have the shape (n, 3), not {array.shape}")
    return array


def finite_number(value: Any, name: str, error: type[HeadfieldError]) -> float:
    """Return a finite real number that was passed as one: no text, no array, not True or False."""
    if not (is_whole(value) or isinstance(value, (float, np.floating))):
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


def is_whole(value: Any) -> bool:
    """Whether this is a whole number; True and False are none, nor is a difference of dates.

    Examples
    --------
    >>> is_whole(3), is_whole(np.uint8(3)), is_whole(True), is_whole(3.0), is_whole(np.timedelta64(3, "s"))
    (True, True, False, False, False)
    """
    if isinstance(value, (bool, np.timedelta64)):  # which Python and NumPy count as integers
        return False
    return isinstance(value, (int, np.integer))


def truth(value: Any, name: str, error: type[HeadfieldError]) -> bool:
    """Return True or False that was passed as one: "no" would be taken for True otherwise."""
    if not isinstance(value, _TRUTH):
        raise error(f"{name} must be True or False, not {value!r}")
    return bool(value)


def within(value: Any, name: str, error: type[HeadfieldError], low: float, high: float) -> float:
    """Return a finite number from `low` to `high`."""
    number = finite_number(value, name, error)
    if not low <= number <= high:
        raise error(f"{name} must lie between {low:g} and {high:g}, not {number:g}")
    return number


def whole(value: Any, name: str, error: type[HeadfieldError], most: int, least: int = 1) -> int:
    """Return a whole number from `least` to `most`."""
    if not is_whole(value) or not least <= value <= most:
        raise error(f"{name} = {value!r} must be a whole number from {least} to {most}")
    return int(value)


def whole_numbers(values: ArrayLike, name: str, error: type[HeadfieldError]) -> NDArray[np.int64]:
    """Return the distinct values of one or several whole numbers, ascending.

    Examples
    --------
    >>> from headfield.errors import RegionError
    >>> whole_numbers([3, 1, 3], "tags", RegionError).tolist(), whole_numbers(2, "tags", RegionError).tolist()
    ([1, 3], [2])
    """
    array = np.atleast_1d(plain_array(values, name, error, truth=False))
    if array.ndim != 1 or array.dtype.kind not in "iu" or not len(array):
        raise error(f"{name} must be one or some whole numbers, not {array.dtype} of shape {array.shape}")
    return np.unique(array.astype(np.int64))
