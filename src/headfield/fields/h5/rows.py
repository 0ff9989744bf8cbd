# SPDX-License-Identifier: BSD-3-Clause
"""Rows of a results .h5: what a pose consists of, and the mark that says that all of it is there.

`complete` (k, 2) uint64 is zero until a row is whole. Then it holds 2³² + the CRC-32 of the row's facts, and
of its fields: that the mark is there and that it fits what is there are seen at once.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...core.messages import quoted, warn

__all__ = [
    "DEVICE",
    "FACTS",
    "FIELDS",
    "HALF_ERRORS",
    "MARKS",
    "NAME",
    "REPORTED",
    "bytes_of",
    "checksum",
    "mark_of",
    "name_bytes",
    "whole_rows",
]

#: Numbers of a pose that its `SolveReport` has.
REPORTED = ("residual", "tolerance", "iterations", "converged", "discretisation_error")
#: What fields of half precision are off by, and what they are to be multiplied by.
HALF_ERRORS = ("E_float16_error", "magnE_float16_error")
HALF_SCALES = ("E_float16_scale", "magnE_float16_scale")
#: Arrays of one row per pose, in the order in which a check sum goes through them; some may be absent.
FACTS = ("poses", "didt", *REPORTED, "device", "names", *HALF_ERRORS, *HALF_SCALES)
FIELDS = (
    "elements/E",
    "elements/magnE",
    "elements/local_error",
    "nodes/v",
    "elements/E_float16",
    "elements/magnE_float16",
)
MARKS = "complete"
#: Texts of a pose: its device, and its name in UTF-8, which is cut to this length.
DEVICE, NAME = np.dtype("S8"), np.dtype("S128", metadata={"h5py_encoding": "utf-8"})

_AT_A_TIME = 1 << 14  # marks


def bytes_of(array: NDArray[Any]) -> memoryview:
    """The bytes of an array in its own order of memory, without a copy where that is C's.

    Examples
    --------
    >>> bytes_of(np.array([1], "<u2")).tobytes()
    b'\\x01\\x00'
    """
    return np.ascontiguousarray(array).reshape(-1).view(np.uint8).data


def name_bytes(name: str) -> NDArray[Any]:
    """A name as it is kept, (), cut between two letters where it is too long.

    Examples
    --------
    >>> name_bytes("M1 é").item()
    b'M1 \\xc3\\xa9'
    """
    text = name.encode("utf-8", "replace")
    if len(text) > NAME.itemsize:
        text = text[: NAME.itemsize].decode("utf-8", "ignore").encode()
        warn(f"the name {quoted(name)} of a pose is cut to {len(text)} bytes")
    return np.array(text, NAME)


def checksum(arrays: Iterable[NDArray[Any]]) -> int:
    """CRC-32 of arrays one after the other."""
    crc = 0
    for array in arrays:
        crc = zlib.crc32(bytes_of(array), crc)
    return crc


def mark_of(crc: int) -> int:
    """What stands for a check sum where 0 means that there is none yet."""
    return (1 << 32) | crc


def whole_rows(count: int, marks: Callable[[slice], NDArray[np.uint64]]) -> int:
    """Count the rows before the first one that is not complete, of `count`; `marks` reads some of them.

    Examples
    --------
    >>> marks = np.array([[1 << 32, 1 << 32], [1 << 32, 1 << 33], [1 << 32, 0]], np.uint64)
    >>> whole_rows(3, marks.__getitem__)
    1
    """
    done = 0
    while done < count:
        part = marks(slice(done, min(done + _AT_A_TIME, count)))
        bad = np.flatnonzero((part >> np.uint64(32) != 1).any(axis=1))
        if len(bad):
            return done + int(bad[0])
        done += len(part)
    return done
