# SPDX-License-Identifier: BSD-3-Clause
"""Bytes of a place in an open file."""

from __future__ import annotations

import os

__all__ = ["read_at", "write_at"]

_POSIX = hasattr(os, "pread") and hasattr(os, "pwrite")


def write_at(descriptor: int, data: bytes | memoryview, offset: int) -> None:
    """Write all bytes from `offset` on; the system may take them in pieces. OSError if it refuses one.

    Where the system has no `pwrite`, as Windows, the position of the descriptor moves.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryFile() as file:
    ...     write_at(file.fileno(), b"ab", 3)
    ...     file.read()
    b'\\x00\\x00\\x00ab'
    """
    if not _POSIX:
        os.lseek(descriptor, offset, os.SEEK_SET)
    while len(data):
        written = os.pwrite(descriptor, data, offset) if _POSIX else os.write(descriptor, data)
        data, offset = data[written:], offset + written


def read_at(descriptor: int, size: int, offset: int) -> bytes:
    """Return up to `size` bytes from `offset` on, as `os.pread` does, fewer at the end of the file.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryFile() as file:
    ...     write_at(file.fileno(), b"abcd", 0)
    ...     read_at(file.fileno(), 9, 2)
    b'cd'
    """
    if _POSIX:
        return os.pread(descriptor, size, offset)
    os.lseek(descriptor, offset, os.SEEK_SET)
    return os.read(descriptor, size)
