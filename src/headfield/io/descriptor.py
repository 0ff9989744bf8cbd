# SPDX-License-Identifier: BSD-3-Clause
"""Bytes for a place in an open file."""

from __future__ import annotations

import os

__all__ = ["write_at"]


def write_at(descriptor: int, data: bytes | memoryview, offset: int) -> None:
    """Write all bytes from `offset` on; the system may take them in pieces. OSError if it refuses one.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryFile() as file:
    ...     write_at(file.fileno(), b"ab", 3)
    ...     file.read()
    b'\\x00\\x00\\x00ab'
    """
    while len(data):
        written = os.pwrite(descriptor, data, offset)
        data, offset = data[written:], offset + written
