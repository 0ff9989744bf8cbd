# SPDX-License-Identifier: BSD-3-Clause
"""Contents of small messages of OpenIGTLink: TRANSFORM, STRING, STATUS, CAPABILITY, and answers RTS_."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...core.arguments import real_array
from ...errors import ArgumentError, NetworkError, PoseError
from .message import decoded

__all__ = [
    "Status",
    "answer",
    "capability",
    "read_answer",
    "read_capability",
    "read_status",
    "read_string",
    "read_transform",
    "status",
    "string",
    "transform",
]

_STATUS = struct.Struct(">Hq20s")
_STRING = struct.Struct(">HH")
_MOST_STRING = 65_535
_TYPE_BYTES = 12
_TRANSFORM_BYTES = 48


def transform(matrix: ArrayLike) -> bytes:
    """Return the content of a TRANSFORM: 12 float32, the columns of the axes and the translation.

    Parameters
    ----------
    matrix : array_like (4, 4)
        Its last row is not sent.

    Raises
    ------
    PoseError
        Another shape.

    Examples
    --------
    >>> read_transform(transform(np.eye(4))).tolist() == np.eye(4).tolist()
    True
    """
    values = real_array(matrix, "matrix", PoseError)
    if values.shape != (4, 4):
        raise PoseError(f"matrix must have the shape (4, 4), not {values.shape}")
    return values[:3].T.astype(">f4").tobytes()


def read_transform(content: bytes) -> NDArray[np.float64]:
    """Return the matrix (4, 4) float64 of a TRANSFORM; it may be no rotation, nor finite.

    Raises
    ------
    NetworkError
        Another length than 48 bytes.
    """
    if len(content) != _TRANSFORM_BYTES:
        raise NetworkError(f"a TRANSFORM of {len(content)} bytes, not of {_TRANSFORM_BYTES}")
    matrix = np.eye(4)
    with np.errstate(invalid="ignore"):  # bits that are no number
        matrix[:3] = np.frombuffer(content, ">f4").reshape(4, 3).T
    return matrix


def string(text: str) -> bytes:
    """Return the content of a STRING, in ASCII where that will do, else in UTF-8.

    Raises
    ------
    ArgumentError
        More than 65,535 bytes.

    Examples
    --------
    >>> string("E"), read_string(string("µ"))
    (b'\\x00\\x03\\x00\\x01E', 'µ')
    """
    encoded = text.encode()
    if len(encoded) > _MOST_STRING:
        raise ArgumentError(f"a STRING of {len(encoded):,} bytes, at most {_MOST_STRING:,} can be sent")
    return _STRING.pack(3 if text.isascii() else 106, len(encoded)) + encoded


def read_string(content: bytes) -> str:
    """Return the text of a STRING.

    Raises
    ------
    NetworkError
        A length that doesn't fit, or another encoding.
    """
    if len(content) < _STRING.size:
        raise NetworkError(f"a STRING of {len(content)} bytes")
    encoding, size = _STRING.unpack_from(content)
    if size != len(content) - _STRING.size:
        raise NetworkError(f"a STRING of {len(content) - _STRING.size} bytes, not of {size}")
    return decoded(content[_STRING.size :], encoding)


class Status(NamedTuple):
    """A STATUS: 1 is OK, the protocol lists the others."""

    code: int
    text: str = ""
    name: str = ""
    subcode: int = 0


def status(said: Status) -> bytes:
    """Return the content of a STATUS.

    Raises
    ------
    ArgumentError
        A name of more than 20 signs or not ASCII, a text with a NUL, or codes that are too large.

    Examples
    --------
    >>> read_status(status(Status(15, "Actuator A is disabled.", "ACTUATOR_DISABLED", 10)))
    Status(code=15, text='Actuator A is disabled.', name='ACTUATOR_DISABLED', subcode=10)
    """
    if not said.name.isascii() or len(said.name) > 20:
        raise ArgumentError(f"the name {said.name!r} of a status is not ASCII of up to 20 signs")
    if "\0" in said.text:
        raise ArgumentError("the text of a status holds a NUL")
    if not (0 <= said.code < 2**16 and -(2**63) <= said.subcode < 2**63):
        raise ArgumentError(f"the codes {said.code} and {said.subcode} of a status are not of 16 and 64 bits")
    front = _STATUS.pack(said.code, said.subcode, said.name.encode("ascii"))
    return front + said.text.encode() + b"\0"


def read_status(content: bytes) -> Status:
    """Return what a STATUS says; a text that is not UTF-8 with marks in it.

    Raises
    ------
    NetworkError
        Less than 30 bytes.
    """
    if len(content) < _STATUS.size:
        raise NetworkError(f"a STATUS of {len(content)} bytes, at least {_STATUS.size} are needed")
    code, subcode, name = _STATUS.unpack_from(content)
    name, text = (raw.partition(b"\0")[0] for raw in (name, content[_STATUS.size :]))
    return Status(code, text.decode("utf-8", "replace"), name.decode("ascii", "replace"), subcode)


def capability(types: Sequence[str]) -> bytes:
    """Return the content of a CAPABILITY: the types of messages that are understood, 12 bytes each.

    Examples
    --------
    >>> read_capability(capability(["TRANSFORM", "GET_STATUS"]))
    ['TRANSFORM', 'GET_STATUS']
    """
    for name in types:
        if not name.isascii() or len(name) > _TYPE_BYTES:
            raise ArgumentError(f"the type {name!r} is not ASCII of up to {_TYPE_BYTES} signs")
    return b"".join(name.encode("ascii").ljust(_TYPE_BYTES, b"\0") for name in types)


def read_capability(content: bytes) -> list[str]:
    """Return the types that a CAPABILITY lists.

    Raises
    ------
    NetworkError
        No multiple of 12 bytes.
    """
    if len(content) % _TYPE_BYTES:
        raise NetworkError(f"a CAPABILITY of {len(content)} bytes, no multiple of {_TYPE_BYTES}")
    names = (content[at : at + _TYPE_BYTES] for at in range(0, len(content), _TYPE_BYTES))
    return [name.partition(b"\0")[0].decode("ascii", "replace") for name in names]


def answer(ok: bool) -> bytes:
    """Return the content of an answer RTS_ to a query: 0 for what was done, 1 for what could not be.

    Examples
    --------
    >>> read_answer(answer(True)), read_answer(answer(False))
    (True, False)
    """
    return b"\0" if ok else b"\1"


def read_answer(content: bytes) -> bool:
    """Return whether an RTS_ says that a query was done.

    Raises
    ------
    NetworkError
        Not one byte.
    """
    if len(content) != 1:
        raise NetworkError(f"an RTS_ of {len(content)} bytes, not of one")
    return content == b"\0"
