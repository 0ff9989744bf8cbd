# SPDX-License-Identifier: BSD-3-Clause
"""Read the variables of a MATLAB 5 file (.mat), so that a damaged file is an error and nothing worse.

`scipy.io.loadmat` (1.17) reads these files too, but a type number of 15 in a file of 256 bytes, or 200,000
nested cells, end the Python process, and a cell array that claims 2e9 entries takes 15 GB. So the part of the
format that sessions need is read here, and every length is held against the bytes that are there. Files are
written with SciPy. Format: MathWorks, MAT-File Format (version 5), 2019.
"""

from __future__ import annotations

import math
import struct
import zlib
from typing import Any

import numpy as np

from ...errors import FileFormatError, PoseError

__all__ = ["read_mat5"]

_HEADER_BYTES = 128
_MAX_BYTES = 1 << 26  # of all variables together, decompressed: no list of poses is larger
_MAX_DEPTH = 32
_MATRIX, _COMPRESSED = 14, 15
_INT8, _INT32, _UINT32 = 1, 5, 6
_TYPES = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8", 13: "u8"}
_TEXTS = {1: "utf-8", 2: "utf-8", 16: "utf-8", 4: "utf-16", 17: "utf-16", 18: "utf-32"}
_CELL, _STRUCT, _CHAR, _FIRST_NUMBER, _LAST_NUMBER = 1, 2, 4, 6, 15
_COMPLEX = 0x800


def read_mat5(data: bytes) -> dict[str, Any]:
    """Read the variables of a MATLAB 5 file.

    Parameters
    ----------
    data : bytes
        The whole file.

    Returns
    -------
    dict
        By name: an array of numbers as an ndarray, a line of text as str, a cell array as a tuple of its
        values, a struct array as a list of dicts, both in MATLAB's order. Sparse and complex arrays, objects
        and functions are None: no list of poses has them.

    Raises
    ------
    FileFormatError
        Another version of the format: 7.3 (HDF5) or 4.
    PoseError
        A damaged file, or one with more than 64 MiB of variables.

    Examples
    --------
    >>> import io, scipy.io
    >>> file = io.BytesIO()
    >>> scipy.io.savemat(file, {"S": {"name": "M1", "didt": 1e6}})
    >>> read_mat5(file.getvalue())
    {'S': [{'name': 'M1', 'didt': array([[1000000.]])}]}
    """
    order = _byte_order(data)
    variables: dict[str, Any] = {}
    try:
        left, position = _MAX_BYTES, _HEADER_BYTES
        while position < len(data):
            kind, content, position = _element(memoryview(data), position, order)
            if kind == _COMPRESSED:
                content = _inflate(content, left)
                kind, content, _ = _element(content, 0, order)
            left -= len(content)
            if left < 0:
                raise PoseError(f"more than {_MAX_BYTES >> 20} MiB of variables")
            if kind == _MATRIX:
                name, value = _matrix(content, order, 0)
                variables[name] = value
    except (struct.error, zlib.error, ValueError, IndexError) as error:
        if isinstance(error, PoseError):
            raise
        raise PoseError(f"damaged MATLAB 5 file: {error}") from None
    return variables


def _byte_order(data: bytes) -> str:
    if data[:8] == b"\x89HDF\r\n\x1a\n" or data[124:128] in (b"\x00\x02IM", b"\x02\x00MI"):
        raise FileFormatError("a MATLAB 7.3 file; save it again with save(..., '-v7')")
    order = {b"\x00\x01IM": "<", b"\x01\x00MI": ">"}.get(data[124:128])
    if order is None:
        raise FileFormatError("not a MATLAB 5 file (saved with -v6 or -v7)")
    return order


def _inflate(content: memoryview, most: int) -> memoryview:
    inflater = zlib.decompressobj()
    plain = inflater.decompress(content, max(most, 1))
    if inflater.unconsumed_tail:
        raise PoseError(f"more than {_MAX_BYTES >> 20} MiB of variables")
    return memoryview(plain)


def _element(data: memoryview, position: int, order: str) -> tuple[int, memoryview, int]:
    """Return the type and content of a data element, and where the next one begins."""
    kind, length = struct.unpack_from(order + "II", data, position)
    start, following = position + 8, position + 8 + length
    if kind >> 16:  # a small element: its content is in the second half of the tag
        kind, length = kind & 0xFFFF, kind >> 16
        start, following = position + 4, position + 8
        if length > 4:
            raise PoseError(f"damaged MATLAB 5 file: a small element of {length} bytes")
    elif kind != _COMPRESSED:
        following += -length % 8
    if start + length > len(data):
        raise PoseError(f"damaged MATLAB 5 file: it ends {start + length - len(data)} bytes too early")
    return kind, data[start : start + length], following


def _matrix(data: memoryview, order: str, depth: int) -> tuple[str, Any]:
    """Return the name and value of an array."""
    if not len(data):  # how an empty array may be written
        return "", np.zeros((0, 0))
    if depth > _MAX_DEPTH:
        raise PoseError(f"cells and structs nested more than {_MAX_DEPTH} deep")
    kind, flags, position = _element(data, 0, order)
    if kind != _UINT32 or len(flags) != 8:
        raise PoseError("damaged MATLAB 5 file: an array without flags")
    flag = struct.unpack(order + "I", flags[:4])[0]
    sort = flag & 0xFF
    if sort > _LAST_NUMBER:  # functions and objects, whose elements follow in another order
        return "", None
    kind, dims, position = _element(data, position, order)
    if kind != _INT32 or len(dims) < 8 or len(dims) % 4 or len(dims) > 128:
        raise PoseError("damaged MATLAB 5 file: an array without dimensions")
    shape = np.frombuffer(dims, order + "i4").tolist()
    if min(shape) < 0:
        raise PoseError(f"damaged MATLAB 5 file: an array of {shape} entries")
    _, name, position = _element(data, position, order)
    value: Any = None
    if sort == _CELL:
        value = tuple(_children(data, position, order, math.prod(shape), depth))
    elif sort == _STRUCT:
        value = _structs(data, position, order, math.prod(shape), depth)
    elif sort == _CHAR:
        value = _text(*_element(data, position, order)[:2], order, shape)
    elif _FIRST_NUMBER <= sort <= _LAST_NUMBER and not flag & _COMPLEX:
        kind, numbers, _ = _element(data, position, order)
        if kind not in _TYPES:
            raise PoseError(f"damaged MATLAB 5 file: numbers of type {kind}")
        value = np.frombuffer(numbers, order + _TYPES[kind]).reshape(shape, order="F")
    return str(name, "utf-8", "replace"), value


def _children(data: memoryview, position: int, order: str, count: int, depth: int) -> list[Any]:
    if count > (len(data) - position) // 8:  # an element takes 8 bytes at least
        raise PoseError(f"damaged MATLAB 5 file: {count} entries in {len(data) - position} bytes")
    values = []
    for _ in range(count):
        kind, content, position = _element(data, position, order)
        if kind != _MATRIX:
            raise PoseError(f"damaged MATLAB 5 file: an entry of type {kind}")
        values.append(_matrix(content, order, depth + 1)[1])
    return values


def _structs(data: memoryview, position: int, order: str, count: int, depth: int) -> list[dict[str, Any]]:
    _, content, position = _element(data, position, order)
    width = struct.unpack(order + "i", content)[0]
    _, names, position = _element(data, position, order)
    if width <= 0 or len(names) % width:
        raise PoseError(f"damaged MATLAB 5 file: field names of {width} bytes in {len(names)}")
    texts = [bytes(names[i : i + width]) for i in range(0, len(names), width)]
    fields = [text.split(b"\0")[0].decode("utf-8", "replace") for text in texts]
    if not fields:
        return []
    values = _children(data, position, order, count * len(fields), depth)
    return [
        dict(zip(fields, values[i : i + len(fields)], strict=True))
        for i in range(0, len(values), len(fields))
    ]


def _text(kind: int, content: memoryview, order: str, shape: list[int]) -> str | None:
    """Return a line of text; None for several lines, whose letters MATLAB stores column by column."""
    if shape[0] > 1 or len(shape) > 2:
        return None
    if not len(content):
        return ""
    if kind not in _TEXTS:
        raise PoseError(f"damaged MATLAB 5 file: text of type {kind}")
    encoding = _TEXTS[kind]
    if encoding != "utf-8":
        encoding += "-le" if order == "<" else "-be"
    return str(content, encoding, "replace")
