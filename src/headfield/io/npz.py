# SPDX-License-Identifier: BSD-3-Clause
"""Archives of NumPy arrays (.npz), whose sizes are looked at before memory is taken for them.

`np.load` would inflate whatever an archive holds. Here the directory of the archive is bounded first, then
what all wanted arrays take unpacked, then each array is held against its own header.
"""

from __future__ import annotations

import io
import math
import os
import tokenize
import zipfile
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .growth import GROWTH, most_unpacked

__all__ = ["DAMAGED", "read_arrays"]

#: What the reading of a damaged archive raises, besides OSError and MemoryError.
DAMAGED = (
    ValueError,
    TypeError,
    OverflowError,
    KeyError,
    IndexError,
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    NotImplementedError,
    RuntimeError,
    SyntaxError,
    tokenize.TokenError,
)

_LARGEST_DIRECTORY = 1 << 20  # bytes: ten thousand names; the objects made of them take ten times as much
_LONGEST_HEADER = 1 << 14  # bytes of an array; NumPy takes 10,000
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # the two that NumPy writes
_HEADERS: dict[int, Callable[..., Any]] = {
    1: np.lib.format.read_array_header_1_0,
    2: np.lib.format.read_array_header_2_0,
}


class _Bounded(io.BufferedReader):
    """A file that does not give more than `most` bytes at once, as `zipfile` reads a directory."""

    most: int | None = _LARGEST_DIRECTORY

    def read(self, size: int | None = -1, /) -> bytes:
        if self.most is None:
            return super().read(size)
        found = super().read(self.most + 1 if size is None or size < 0 else min(size, self.most + 1))
        if len(found) > self.most:
            raise ValueError(f"its directory has more than {self.most:,} bytes")
        return found


def read_arrays(path: str | os.PathLike[str], wanted: Callable[[str], bool]) -> dict[str, NDArray[Any]]:
    """Read the arrays of a .npz whose names are wanted.

    Parameters
    ----------
    path : path
    wanted : callable
        Told the name of an array, without ".npy", says whether it is to be read.

    Returns
    -------
    dict of str to ndarray
        In the order of the file.

    Raises
    ------
    ValueError, zipfile.BadZipFile, zlib.error, EOFError, MemoryError, NotImplementedError, RuntimeError, \
SyntaxError, tokenize.TokenError, OSError
        The file is damaged, holds Python objects, or its arrays would take more than 64 times its size (and
        more than 64 MiB).

    Examples
    --------
    >>> import tempfile
    >>> path = tempfile.mkdtemp() + "/a.npz"
    >>> np.savez_compressed(path, nodes=np.eye(3), other=[1])
    >>> list(read_arrays(path, lambda name: name == "nodes"))
    ['nodes']
    """
    with _Bounded(io.FileIO(path)) as file, zipfile.ZipFile(file) as archive:
        file.most = None
        infos = {name.removesuffix(".npy"): name for name in archive.namelist() if name.endswith(".npy")}
        chosen = {key: archive.getinfo(name) for key, name in infos.items() if wanted(key)}
        _check_total(list(chosen.values()), os.path.getsize(path))
        return {key: _array(archive, key, info) for key, info in chosen.items()}


def _check_total(infos: list[zipfile.ZipInfo], size: int) -> None:
    """Raise ValueError if the arrays can't all lie in the file, whose entries may share bytes, or grow."""
    packed = sum(info.compress_size for info in infos)
    if packed > size:
        raise ValueError(f"its arrays take {packed:,} bytes, the file has {size:,}")
    unpacked = sum(info.file_size for info in infos)
    if unpacked > most_unpacked(size):
        raise ValueError(
            f"its arrays would take {unpacked:,} bytes, {unpacked / size:.0f} times the file; no mesh "
            f"shrinks to less than a {GROWTH}th"
        )


def _array(archive: zipfile.ZipFile, key: str, info: zipfile.ZipInfo) -> NDArray[Any]:
    """Read one array, after its header was compared with its size: no memory is taken before."""
    if info.compress_type not in _METHODS:
        raise ValueError(f"array {key!r} is compressed by method {info.compress_type}; NumPy writes 0 and 8")
    with archive.open(info) as stream:
        start = io.BytesIO(stream.read(_LONGEST_HEADER))
    version = np.lib.format.read_magic(start)
    if version[0] not in _HEADERS:
        raise ValueError(f"array {key!r} has .npy version {version}")
    shape, _, dtype = _HEADERS[version[0]](start)
    if dtype.hasobject:
        raise ValueError(f"array {key!r} holds Python objects, which can run any program: it is not opened")
    if min(shape, default=0) < 0 or math.prod(shape) * dtype.itemsize + start.tell() != info.file_size:
        raise ValueError(f"array {key!r} of shape {shape} and {dtype} does not fit the file")
    with archive.open(info) as stream:
        array: NDArray[Any] = np.lib.format.read_array(stream, allow_pickle=False)
        return array
