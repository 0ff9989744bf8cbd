# SPDX-License-Identifier: BSD-3-Clause
"""Room on the disk, looked at before there is work on what would not fit."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from ..errors import StorageError

__all__ = ["bytes_text", "check_room"]


def check_room(path: str | os.PathLike[str], more: int, kept: str) -> None:
    """Raise StorageError if a file system has less room than a file is about to need.

    A quota of a user is not seen here; writing then fails with a StorageError of its own.

    Parameters
    ----------
    path : path
        Of the file.
    more : int
        Bytes that will be added to it.
    kept : str
        What the message says of the file as it is.

    Raises
    ------
    StorageError

    Examples
    --------
    >>> check_room("field.h5", 10**18, "0 of 7 poses are in it")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ...
    headfield.errors.StorageError: field.h5: 1 EB more are needed, and ... are free; 0 of 7 poses are in it
    """
    folder = Path(path).parent
    free = shutil.disk_usage(folder).free
    if more > free:
        raise StorageError(
            f"{os.fspath(path)}: {bytes_text(more)} more are needed, and {bytes_text(free)} are free; {kept}"
        )


def bytes_text(count: float) -> str:
    """Return a number of bytes in words.

    Examples
    --------
    >>> bytes_text(20_480), bytes_text(7)
    ('20.5 kB', '7 bytes')
    """
    size, units = float(count), iter(("bytes", "kB", "MB", "GB", "TB", "PB", "EB"))
    unit = next(units)
    while size >= 1000:
        size, unit = size / 1000, next(units)
    return f"{size:.3g} {unit}"
