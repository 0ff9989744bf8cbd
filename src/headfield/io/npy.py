# SPDX-License-Identifier: BSD-3-Clause
"""Arrays in .npy files, mapped and never unpickled."""

from __future__ import annotations

import os
import tokenize

import numpy as np
from numpy.typing import NDArray

from ..errors import HeadfieldError

__all__ = ["read_npy", "shape_of_npy"]

_DAMAGED = (
    *(ValueError, TypeError, KeyError, SyntaxError, EOFError, OverflowError, MemoryError),
    tokenize.TokenError,  # from a damaged header that resembles Python 2's
)


def read_npy(path: str | os.PathLike[str], error: type[HeadfieldError]) -> NDArray[np.generic]:
    """Read an array by mapping the file: the mapping fails where file and header disagree in size.

    `np.load` would allocate what a damaged header claims, and could be made to unpickle.

    Raises
    ------
    HeadfieldError
        Of the given type: an empty or a damaged file. The message does not name it.
    OSError
        The file can't be read.

    Examples
    --------
    >>> import tempfile
    >>> from headfield.errors import CoilError
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     np.save(folder + "/a.npy", [[1.0, 2.0]])
    ...     read_npy(folder + "/a.npy", CoilError), shape_of_npy(folder + "/a.npy")
    (array([[1., 2.]]), (1, 2))
    """
    if os.path.getsize(path) == 0:
        raise error("the file is empty")
    try:
        return np.array(np.lib.format.open_memmap(path, mode="r"))
    except _DAMAGED as problem:
        raise error(f"not a .npy array of numbers: {problem}") from None


def shape_of_npy(path: str | os.PathLike[str]) -> tuple[int, ...] | None:
    """Return the shape that a .npy file claims, or None if it is damaged."""
    try:
        return tuple(np.lib.format.open_memmap(path, mode="r").shape) if os.path.getsize(path) else None
    except _DAMAGED:
        return None
