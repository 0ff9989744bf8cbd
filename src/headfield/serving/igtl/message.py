# SPDX-License-Identifier: BSD-3-Clause
"""Messages of OpenIGTLink around their contents: header, CRC, and in version 2 a second header and metadata.

Header version 1 is that of protocols 1 and 2, header version 2 that of protocol 3. All numbers are big
endian. The CRC is CRC-64 of ECMA-182, over all that follows the header.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from ...errors import ArgumentError, MissingPackageError, NetworkError

__all__ = ["HEADER_BYTES", "Header", "Message", "crc64", "pack", "read_body", "read_header"]

_HEADER = struct.Struct(">H12s20sIIQQ")
_EXTENDED = struct.Struct(">HHII")
_COUNT = struct.Struct(">H")
_ENTRY = struct.Struct(">HHI")
HEADER_BYTES = _HEADER.size
_VERSIONS = (1, 2)
_MOST_TYPE, _MOST_NAME, _MOST_KEY = 12, 20, 65_535
_ENCODINGS = {3: "ascii", 106: "utf-8"}


@dataclass(frozen=True)
class Message:
    """A message.

    Attributes
    ----------
    type : str
        Up to 12 signs of ASCII, such as TRANSFORM.
    name : str
        Of the device, up to 20 signs of ASCII.
    content : bytes
    stamp : float
        Unix time, s; 0 if it is not known.
    version : {1, 2}
        Of the header.
    message_id : int
        Of 32 bits; only version 2 has one.
    metadata : mapping of str to str
        Only version 2 has some.
    """

    type: str
    name: str
    content: bytes = b""
    stamp: float = 0.0
    version: int = 1
    message_id: int = 0
    metadata: Mapping[str, str] = field(default_factory=dict)


class Header(NamedTuple):
    """The first 58 bytes of a message."""

    version: int
    type: str
    name: str
    stamp: float
    body_bytes: int
    crc: int


def crc64(data: bytes) -> int:
    """Return the CRC-64 of ECMA-182: 0x42F0E1EBA9EA3693, from 0, neither reflected nor inverted.

    Raises
    ------
    MissingPackageError
        fastcrc is missing.

    Examples
    --------
    >>> hex(crc64(b"123456789"))
    '0x6c40df5f0b497347'
    """
    try:
        from fastcrc import crc64 as crcs
    except ImportError as error:
        raise MissingPackageError("OpenIGTLink needs fastcrc: pip install 'headfield[serve]'") from error
    return int(crcs.ecma_182(data))


def pack(message: Message) -> bytes:
    """Return a message as it goes over the wire.

    Raises
    ------
    ArgumentError
        A type or name that is too long or not ASCII, an unknown version, metadata with version 1 or of more
        than 65,535 entries, or a time that 32 bits don't hold.
    MissingPackageError
        fastcrc is missing.

    Examples
    --------
    >>> packed = pack(Message("GET_STATUS", "coil", stamp=1.5))
    >>> len(packed), packed[34:42].hex()
    (58, '0000000180000000')
    """
    m = message
    if m.version not in _VERSIONS:
        raise ArgumentError(f"version must be 1 or 2, not {m.version!r}")
    if m.version == 1 and m.metadata:
        raise ArgumentError("messages with a header of version 1 have no metadata")
    if not (math.isfinite(m.stamp) and 0 <= m.stamp < 2**32):
        raise ArgumentError(f"the time {m.stamp!r} s is not one of 32 bits")
    if not 0 <= m.message_id < 2**32:
        raise ArgumentError(f"message_id = {m.message_id!r} is not one of 32 bits")
    body = m.content if m.version == 1 else _extended(m)
    seconds = int(m.stamp)
    fraction = int((m.stamp - seconds) * 2**32)
    kind, name = _ascii(m.type, "type", _MOST_TYPE), _ascii(m.name, "device name", _MOST_NAME)
    return _HEADER.pack(m.version, kind, name, seconds, fraction, len(body), crc64(body)) + body


def read_header(data: bytes) -> Header:
    """Read a header.

    Parameters
    ----------
    data : bytes
        58 of them.

    Raises
    ------
    NetworkError
        Not the header of a message: another length or version, or a type or name that isn't printable ASCII.

    Examples
    --------
    >>> read_header(pack(Message("STATUS", "headfield", b"12"))[:58])[1:5]
    ('STATUS', 'headfield', 0.0, 2)
    """
    if len(data) != HEADER_BYTES:
        raise NetworkError(f"{len(data)} bytes where a header of {HEADER_BYTES} begins")
    version, kind, name, seconds, fraction, size, crc = _HEADER.unpack(data)
    if version not in _VERSIONS:
        raise NetworkError(f"a header of version {version}, not of 1 or 2")
    read_type = _text(kind, "type")
    if not read_type:
        raise NetworkError("a header without a type")
    stamp = seconds + fraction / 2**32
    return Header(version, read_type, _text(name, "device name"), stamp, size, crc)


def read_body(header: Header, body: bytes) -> Message:
    """Return the message that a header and what follows it make.

    Raises
    ------
    NetworkError
        Another length than the header says, another CRC, or in version 2 sizes or texts that don't fit.
    MissingPackageError
        fastcrc is missing.

    Examples
    --------
    >>> packed = pack(Message("STRING", "note", b"abc", version=2, metadata={"unit": "V/m"}))
    >>> message = read_body(read_header(packed[:58]), packed[58:])
    >>> message.content, message.metadata
    (b'abc', {'unit': 'V/m'})
    """
    if len(body) != header.body_bytes:
        raise NetworkError(f"a {header.type} of {len(body)} bytes, not of {header.body_bytes}")
    if crc64(body) != header.crc:
        raise NetworkError(f"a {header.type} with a wrong CRC")
    about = (header.type, header.name)
    if header.version == 1:
        return Message(*about, body, header.stamp)
    if len(body) < _EXTENDED.size:
        raise NetworkError(f"a {header.type} without the second header of version 2")
    own, index_bytes, text_bytes, message_id = _EXTENDED.unpack_from(body)
    end = len(body) - index_bytes - text_bytes
    if own < _EXTENDED.size or end < own:
        raise NetworkError(f"a {header.type} whose headers are longer than itself")
    metadata = _metadata(body[end : end + index_bytes], body[end + index_bytes :])
    return Message(*about, body[own:end], header.stamp, 2, message_id, metadata)


def _extended(message: Message) -> bytes:
    if len(message.metadata) > _MOST_KEY:
        raise ArgumentError(
            f"{len(message.metadata):,} entries of metadata, at most {_MOST_KEY:,} can be sent"
        )
    index, texts = [_COUNT.pack(len(message.metadata))], []
    for key, value in message.metadata.items():
        encoding = 3 if (key + value).isascii() else 106
        first, second = key.encode(), value.encode()
        if len(first) > _MOST_KEY:
            raise ArgumentError(
                f"a key of metadata of {len(first):,} bytes, at most {_MOST_KEY:,} can be sent"
            )
        index.append(_ENTRY.pack(len(first), encoding, len(second)))
        texts += [first, second]
    head, tail = b"".join(index), b"".join(texts)
    if len(head) > _MOST_KEY:
        raise ArgumentError(f"{len(message.metadata):,} entries of metadata are too many")
    front = _EXTENDED.pack(_EXTENDED.size, len(head), len(tail), message.message_id)
    return b"".join((front, message.content, head, tail))


def _metadata(index: bytes, texts: bytes) -> dict[str, str]:
    if not index and not texts:
        return {}
    if len(index) < _COUNT.size or len(index) != _COUNT.size + _ENTRY.size * _COUNT.unpack_from(index)[0]:
        raise NetworkError(f"metadata whose index has {len(index)} bytes")
    found, at = {}, 0
    for key_bytes, encoding, value_bytes in _ENTRY.iter_unpack(index[_COUNT.size :]):
        middle, end = at + key_bytes, at + key_bytes + value_bytes
        if end > len(texts):
            raise NetworkError("metadata that are longer than the message")
        key, value = (decoded(part, encoding) for part in (texts[at:middle], texts[middle:end]))
        found[key] = value
        at = end
    if at != len(texts):
        raise NetworkError(f"{len(texts) - at} bytes after the metadata")
    return found


def decoded(text: bytes, encoding: int) -> str:
    """Return a text in one of the encodings that are known, by their MIB number: ASCII, 3, and UTF-8, 106.

    Raises
    ------
    NetworkError
    """
    if encoding not in _ENCODINGS:
        raise NetworkError(f"a text in the encoding {encoding}, not in ASCII (3) or UTF-8 (106)")
    try:
        return text.decode(_ENCODINGS[encoding])
    except UnicodeDecodeError:
        raise NetworkError(f"a text that is not {_ENCODINGS[encoding]}") from None


def _ascii(text: str, what: str, most: int) -> bytes:
    if not (text.isascii() and text.isprintable()):
        raise ArgumentError(f"{what} {text!r} is not printable ASCII")
    if len(text) > most:
        raise ArgumentError(f"{what} {text!r} has more than {most} signs")
    return text.encode("ascii")


def _text(raw: bytes, what: str) -> str:
    text = raw.partition(b"\0")[0].decode("latin-1")
    if not (text.isascii() and text.isprintable()):
        raise NetworkError(f"a header whose {what} is not printable ASCII")
    return text
