# SPDX-License-Identifier: BSD-3-Clause
"""How much a compressed file may hold: a few kilobytes of zeros must not become all the memory."""

from __future__ import annotations

import gzip
import os
import zlib

from ..errors import HeadfieldError

__all__ = ["GROWTH", "check_gzip", "most_unpacked"]

# Meshes of heads shrink to a third, a regular grid with 19 fields of zeros to a 26th; Deflate alone would let
# a file become 1032 times as large.
GROWTH = 64
_SMALL = 1 << 26  # bytes that any file may become
_PIECE = 1 << 20


def most_unpacked(size: int) -> int:
    """Return how many bytes the content of a compressed file of `size` bytes may take.

    Examples
    --------
    >>> most_unpacked(900_000), most_unpacked(10_000_000)
    (67108864, 640000000)
    """
    return max(_SMALL, GROWTH * size)


def check_gzip(path: str | os.PathLike[str], error: type[HeadfieldError]) -> None:
    """Raise `error` if a gzip file is damaged or becomes larger than `most_unpacked` says.

    It is unpacked piece by piece, as the size that such a file states may be wrong, and nothing is kept. The
    message does not name the file.
    """
    size = os.path.getsize(path)
    most, found = most_unpacked(size), 0
    try:
        with gzip.open(path) as stream:
            while piece := stream.read(_PIECE):
                found += len(piece)
                if found > most:
                    raise error(
                        f"its {size:,} bytes unpack to more than {most:,}, which no file of this kind does"
                    )
    except (EOFError, zlib.error, gzip.BadGzipFile) as problem:
        raise error(f"damaged gzip file: {problem}") from None
