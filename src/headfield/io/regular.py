# SPDX-License-Identifier: BSD-3-Clause
"""Checks of paths before files are opened: reading a pipe could block for ever, and a device never end."""

from __future__ import annotations

import os
import stat

from ..errors import FileFormatError, HeadfieldError

__all__ = ["check_regular", "ending_of"]


def ending_of(path: str | os.PathLike[str]) -> str:
    """Return the last ending of a file's name, in lower case, with its dot; "" without one.

    Examples
    --------
    >>> ending_of("A/Head.MSH"), ending_of("coil.nii.gz"), ending_of("head")
    ('.msh', '.gz', '')
    """
    return os.path.splitext(os.fspath(path))[1].lower()


def check_regular(path: str | os.PathLike[str], error: type[HeadfieldError]) -> None:
    """Raise FileFormatError unless a path is a regular file or a link to one, before it is opened.

    Parameters
    ----------
    path : path
    error : type of HeadfieldError
        Raised for what can't be a path: with a NUL byte, or invalid Unicode.

    Raises
    ------
    FileFormatError
        The path is a folder, pipe, socket or device.
    OSError
        There is no such file.

    Examples
    --------
    >>> from headfield.errors import CoilError
    >>> check_regular(os.devnull, CoilError)
    Traceback (most recent call last):
    ...
    headfield.errors.FileFormatError: /dev/null: not a regular file
    """
    name = os.fspath(path)  # refuses an int, which os.stat would take for a file descriptor
    try:
        mode = os.stat(name).st_mode
    except ValueError as problem:
        raise error(f"{name!r} is not a path: {problem}") from None
    if not stat.S_ISREG(mode):
        raise FileFormatError(f"{name}: not a regular file")
