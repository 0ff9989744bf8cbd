# SPDX-License-Identifier: BSD-3-Clause
"""Lay out an HDF5 file before there is data for it.

The HDF5 library keeps changes in a cache, and ends the process when it can't write them at last: on a full
disk, say. So it only makes the structure here, in memory, where that can't fail. All bytes are then written
to places that are known from the start: a failed write is an OSError like any other, nothing that was written
is moved, and the file can be read at any time.
"""

from __future__ import annotations

import io
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...errors import FileFormatError

__all__ = ["Place", "Structure", "lay_out", "needed_h5py"]

_PAGE = 4096
_LARGE = 1 << 16  # bytes of an array that begins at a whole page


@dataclass(frozen=True)
class Place:
    """Where an array lies in the file, row after row."""

    offset: int
    shape: tuple[int, ...]
    dtype: np.dtype[Any]

    @property
    def row_bytes(self) -> int:
        """Bytes of one row, which is all of `shape` but its first number."""
        return math.prod(self.shape[1:]) * self.dtype.itemsize

    @property
    def of_row(self) -> tuple[tuple[int, ...], np.dtype[Any]]:
        """Shape and dtype of one row."""
        return self.shape[1:], self.dtype


class _Pages(io.RawIOBase):
    """A file in memory of which only the pages exist that were written."""

    def __init__(self) -> None:
        super().__init__()
        self.pages: dict[int, bytearray] = {}
        self.size = 0
        self._at = 0

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        self._at = offset + {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self.size}[whence]
        return self._at

    def tell(self) -> int:
        return self._at

    def truncate(self, size: int | None = None) -> int:
        self.size = self._at if size is None else size
        return self.size

    def write(self, data: Any) -> int:
        view = memoryview(data).cast("B")
        for page, inside, part in self._parts(len(view)):
            self.pages.setdefault(page, bytearray(_PAGE))[inside] = view[part]
        self._at += len(view)
        self.size = max(self.size, self._at)
        return len(view)

    def readinto(self, buffer: Any) -> int:
        view = memoryview(buffer).cast("B")
        for page, inside, part in self._parts(len(view)):
            found = self.pages.get(page)
            view[part] = bytes(part.stop - part.start) if found is None else found[inside]
        self._at += len(view)
        return len(view)

    def _parts(self, count: int) -> list[tuple[int, slice, slice]]:
        """The pages that `count` bytes from here on lie in, with the parts of the page and of the bytes."""
        parts, done = [], 0
        while done < count:
            page, begin = divmod(self._at + done, _PAGE)
            size = min(count - done, _PAGE - begin)
            parts.append((page, slice(begin, begin + size), slice(done, done + size)))
            done += size
        return parts


@dataclass(frozen=True)
class Structure:
    """An HDF5 file without the content of its arrays.

    Attributes
    ----------
    size : int
        Bytes of the whole file.
    pages : dict of int to bytes
        What HDF5 wrote, by where it begins; all else is arrays.
    places : dict of str to Place
        Where each array lies.
    """

    size: int
    pages: dict[int, bytes]
    places: dict[str, Place]


def lay_out(
    arrays: Mapping[str, tuple[tuple[int, ...], Any]],
    attributes: Mapping[str, Any],
    checksums: Mapping[str, int],
) -> Structure:
    """Make the structure of a file that holds arrays of known sizes.

    Parameters
    ----------
    arrays : mapping of str to (shape, dtype)
        Names such as "mesh/tets".
    attributes : mapping of str to object
        Attributes of the file.
    checksums : mapping of str to int
        CRC-32 of some of the arrays, which become their attribute `crc32`.

    Raises
    ------
    FileFormatError
        h5py is not installed.

    Examples
    --------
    >>> made = lay_out({"E": ((10**9, 1000, 3), np.float32)}, {"format": "headfield"}, {})
    >>> made.size > 12 * 10**12, sum(map(len, made.pages.values())) < 20_000
    (True, True)
    """
    h5py = needed_h5py("writing")
    memory, places = _Pages(), {}
    early = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    early.set_layout(h5py.h5d.CONTIGUOUS)
    early.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
    early.set_fill_time(h5py.h5d.FILL_TIME_NEVER)
    on_pages = {"alignment_threshold": _LARGE, "alignment_interval": _PAGE}
    with h5py.File(memory, "w", libver=("earliest", "v108"), **on_pages) as file:
        file.attrs.update(attributes)
        for name, (shape, dtype) in arrays.items():
            kind = np.dtype(dtype)
            folder, _, last = name.rpartition("/")
            group = file.require_group(folder) if folder else file
            space, stored = h5py.h5s.create_simple(shape), h5py.h5t.py_create(kind, logical=True)
            made = h5py.h5d.create(group.id, last.encode(), stored, space, dcpl=early)
            places[name] = Place(made.get_offset() or 0, shape, kind)
            if name in checksums:
                file[name].attrs["crc32"] = np.uint32(checksums[name])
    pages = {number * _PAGE: bytes(page) for number, page in memory.pages.items()}
    return Structure(memory.size, pages, places)


def needed_h5py(doing: str) -> Any:
    """Import h5py, which is optional; `doing` is "reading" or "writing"."""
    try:
        import h5py  # type: ignore[import-untyped]
    except ImportError as error:
        raise FileFormatError(f"{doing} .h5 needs h5py: pip install 'headfield[hdf5]'") from error
    return h5py
