# SPDX-License-Identifier: BSD-3-Clause
"""What is looked at in compressed .vtu files before a library reads them: what their blocks unpack to."""

from __future__ import annotations

import base64
import lzma
import os
import re
import xml.etree.ElementTree as ET
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ..errors import HeadfieldError
from .growth import most_unpacked

__all__ = ["check_blocks"]

_HEADERS = {"UInt32": "u4", "UInt64": "u8"}
_PIECE = 1 << 20
_MEMORY = 1 << 27  # bytes that LZMA may take by itself
_RAW = re.compile(b'<AppendedData[^>]+(?:">)')
_INFLATERS: dict[str, Callable[[], Any]] = {
    "vtkZLibDataCompressor": zlib.decompressobj,
    "vtkLZMADataCompressor": lambda: lzma.LZMADecompressor(memlimit=_MEMORY),
}


class _Data(NamedTuple):
    """Bytes of arrays, as they are or as base64."""

    content: bytes
    is_text: bool

    def length(self, count: int) -> int:
        """Return how long `count` bytes are here."""
        return -(-count // 3) * 4 if self.is_text else count

    def part(self, at: int, count: int) -> bytes:
        """Return the `count` bytes that begin at a place."""
        raw = self.content[at : at + self.length(count)]
        return base64.b64decode(raw)[:count] if self.is_text else raw


def check_blocks(path: str | os.PathLike[str], error: type[HeadfieldError]) -> None:
    """Raise `error` if the compressed arrays of a .vtu become larger than `most_unpacked` says.

    They are unpacked block by block, as the sizes that such a file states may be wrong, and nothing is kept.
    The message does not name the file.

    Raises
    ------
    ValueError, KeyError, IndexError, zlib.error, lzma.LZMAError, xml.etree.ElementTree.ParseError
        The file is damaged.
    """
    raw = Path(path).read_bytes()
    if b"compressor" not in raw:
        return
    root, appended = _parsed(raw)
    kind = root.get("compressor")
    if kind is None:
        return
    order = ">" if root.get("byte_order") == "BigEndian" else "<"
    number = np.dtype(order + _HEADERS[root.get("header_type", "UInt32")])
    left = most_unpacked(len(raw))
    for array in root.iter("DataArray"):
        form = array.get("format", "ascii")
        if form == "ascii":
            continue
        inline = _Data((array.text or "").strip().encode(), True)
        data, at = (inline, 0) if form == "binary" else (appended, int(array.get("offset", "0")))
        left -= _inflated(data, at, number, _INFLATERS[kind], left)
        if left < 0:
            raise error(
                f"its {len(raw):,} bytes unpack to more than {most_unpacked(len(raw)):,}, which no mesh does"
            )


def _parsed(raw: bytes) -> tuple[ET.Element, _Data]:
    """Return the root, and what is appended to it: base64, or bytes, which are not XML and are cut out."""
    try:
        root = ET.fromstring(raw)
    except ET.ParseError:
        start = _RAW.search(raw)
        if start is None:
            raise
        end = raw.find(b"</AppendedData>")
        root = ET.fromstring(raw[: start.end()] + raw[end:])
        return root, _Data(raw[start.end() : end].partition(b"_")[2], False)
    text = root.findtext("AppendedData", "").strip()
    return root, _Data(text[1:].encode(), True)


def _inflated(data: _Data, at: int, number: np.dtype[Any], inflater: Callable[[], Any], most: int) -> int:
    """Return how many bytes an array becomes, or some number above `most`."""
    count = int(np.frombuffer(data.part(at, number.itemsize), number)[0])
    head = (3 + count) * number.itemsize
    if head > len(data.content):
        raise ValueError(f"{count:,} blocks in {len(data.content):,} bytes")
    sizes = np.frombuffer(data.part(at, head), number)[3:].tolist()
    blocks = data.part(at + data.length(head), sum(sizes))
    found = start = 0
    for size in sizes:
        found += _count(inflater(), blocks[start : start + size], most - found)
        if found > most:
            break
        start += size
    return found


def _count(inflater: Any, block: bytes, most: int) -> int:
    """Return how many bytes a block becomes, or some number above `most`; it is never there as a whole."""
    found = 0
    while piece := inflater.decompress(block, _PIECE):
        found += len(piece)
        if found > most or inflater.eof:
            break
        block = getattr(inflater, "unconsumed_tail", b"")  # LZMA keeps it itself
    return found
