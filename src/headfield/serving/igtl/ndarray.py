# SPDX-License-Identifier: BSD-3-Clause
"""Contents of NDARRAY messages of OpenIGTLink: `>B B` scalar type and dimensions, uint16 sizes, the data."""

from __future__ import annotations

import math
import struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import ArgumentError, NetworkError

__all__ = ["MOST_IN_A_ROW", "in_rows", "ndarray", "read_ndarray"]

_DTYPES = {2: "i1", 3: "u1", 4: "i2", 5: "u2", 6: "i4", 7: "u4", 10: "f4", 11: "f8", 13: "c16"}
_CODES = {np.dtype(name): code for code, name in _DTYPES.items()}
MOST_IN_A_ROW = 65_535
_MOST_DIMENSIONS = 255


def ndarray(array: NDArray[Any]) -> bytes:
    """Return the content of an NDARRAY.

    Parameters
    ----------
    array : ndarray
        int8 to uint32, float32, float64 or complex128.

    Raises
    ------
    ArgumentError
        Another dtype, no dimension, or a size above 65,535.

    Examples
    --------
    >>> content = ndarray(np.arange(60.0).reshape(5, 4, 3))
    >>> len(content), read_ndarray(content).shape
    (488, (5, 4, 3))
    """
    code = _CODES.get(array.dtype.newbyteorder("="))
    if code is None:
        raise ArgumentError(f"an NDARRAY can't hold {array.dtype}")
    if not 1 <= array.ndim <= _MOST_DIMENSIONS or max(array.shape) > MOST_IN_A_ROW:
        raise ArgumentError(f"an NDARRAY can't have the shape {array.shape}: sizes go to {MOST_IN_A_ROW:,}")
    front = struct.pack(f">BB{array.ndim}H", code, array.ndim, *array.shape)
    return front + array.astype(array.dtype.newbyteorder(">")).tobytes()


def read_ndarray(content: bytes) -> NDArray[Any]:
    """Return the array of an NDARRAY, in the byte order of the machine.

    Raises
    ------
    NetworkError
        An unknown type of numbers, or a length that doesn't fit.
    """
    if len(content) < 2:
        raise NetworkError(f"an NDARRAY of {len(content)} bytes")
    code, dimensions = content[:2]
    if code not in _DTYPES:
        raise NetworkError(f"an NDARRAY with numbers of type {code}")
    start = 2 + 2 * dimensions
    if not dimensions or len(content) < start:
        raise NetworkError(f"an NDARRAY of {len(content)} bytes with {dimensions} dimensions")
    shape = struct.unpack_from(f">{dimensions}H", content, 2)
    dtype = np.dtype(_DTYPES[code])
    if len(content) - start != math.prod(shape) * dtype.itemsize:
        raise NetworkError(f"an NDARRAY of {len(content) - start} bytes that says it has the shape {shape}")
    values = np.frombuffer(content, dtype.newbyteorder(">"), offset=start).astype(dtype)
    try:
        return values.reshape(shape)
    except ValueError as problem:  # NumPy has fewer dimensions
        raise NetworkError(f"an NDARRAY with {dimensions} dimensions: {problem}") from None


def in_rows(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return a list of numbers (p,) as an array that an NDARRAY can hold.

    A size is a uint16: more than 65,535 numbers become rows of one length, as few as will do, and the last
    row ends in NaN where there are not enough.

    Examples
    --------
    >>> in_rows(np.zeros(5, np.float32)).shape, in_rows(np.zeros(100_001, np.float32)).shape
    ((5,), (2, 50001))
    """
    rows = -(-len(values) // MOST_IN_A_ROW)
    if rows <= 1:
        return values
    columns = -(-len(values) // rows)
    table = np.full(rows * columns, np.nan, np.float32)
    table[: len(values)] = values
    return table.reshape(rows, columns)
