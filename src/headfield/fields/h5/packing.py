# SPDX-License-Identifier: BSD-3-Clause
"""Pack a results .h5 that is whole: the same bits of its fields, by HDF5's own filters shuffle and gzip."""

from __future__ import annotations

import io
import os
import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import StorageError
from ...io.atomic import replacing
from ...io.growth import GROWTH
from ...io.room import check_room
from .layout import needed_h5py
from .reader import ResultFile, opened
from .rows import FACTS, FIELDS, MARKS, NAME, checksum

__all__ = ["pack"]

_LEVEL = 4  # of gzip; more takes longer and saves nothing
_UNPACKED = 3  # the mask that says that a row went through neither of the two filters


class _Careful(io.RawIOBase):
    """A file whose first failed write is remembered: HDF5 would end the process for it."""

    def __init__(self, file: io.RawIOBase) -> None:
        super().__init__()
        self._file = file
        self.problem: OSError | None = None

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def truncate(self, size: int | None = None) -> int:
        return self._file.truncate(size)

    def readinto(self, buffer: Any) -> int:
        view = memoryview(buffer).cast("B")
        read = self._file.readinto(view) or 0
        view[read:] = bytes(len(view) - read)
        return len(view)

    def write(self, data: Any) -> int:
        left = memoryview(data).cast("B")
        size = len(left)
        try:
            while self.problem is None and len(left):
                left = left[self._file.write(left) :]
        except OSError as problem:
            self.problem = problem
        return size


def pack(source: str | os.PathLike[str], target: str | os.PathLike[str]) -> None:
    """Write the rows of a whole results .h5 once more, packed; the file appears whole or not at all.

    Every pose is held against its check sum on the way, and keeps it. A row that would be packed to less than
    readers believe in, such as one of zeros, stays as it is.

    Parameters
    ----------
    source, target : path
        They may be the same.

    Raises
    ------
    FileFormatError
        `source` is damaged.
    StorageError
        There is too little room; there has to be room for all of it once more.
    """
    h5py = needed_h5py("writing")
    check_room(target, os.path.getsize(source), "nothing was changed")
    with (
        opened(os.fspath(source)) as there,
        replacing(target) as temporary,
        open(temporary, "rb+", buffering=0) as file,
    ):
        careful = _Careful(file)
        with h5py.File(careful, "w", libver=("earliest", "v108")) as made:
            _copy(there, made)
        if careful.problem is not None:
            why = careful.problem.strerror or careful.problem
            raise StorageError(f"{os.fspath(target)}: {why}; nothing was changed") from careful.problem


def _copy(there: ResultFile, made: Any) -> None:
    run = there.run()
    made.attrs.update({"format": "headfield", **there.attributes()})
    made.attrs.update({} if run is None else {"run": run.text()})
    for name, values in there.constants().items():
        made.create_dataset(name, data=values).attrs["crc32"] = np.uint32(checksum([values]))
    facts = [name for name in there.names() if name in FACTS]
    for name in facts:
        made.create_dataset(name, data=there.array(name), dtype=NAME if name == "names" else None)
    names = [name for name in there.names() if name in FIELDS]
    rows = {name: _laid_out(made, name, there.n_rows, row) for name, row in there.rows(names, 0).items()}
    for i in range(there.n_rows):
        for name, values in there.rows(names, i).items():
            _put(rows[name], i, values)
    made.create_dataset(MARKS, data=there.array(MARKS)[: there.n_rows])


def _laid_out(made: Any, name: str, count: int, row: NDArray[Any]) -> Any:
    how = {"chunks": (1, *row.shape), "shuffle": True, "compression": "gzip", "compression_opts": _LEVEL}
    return made.create_dataset(name, (count, *row.shape), row.dtype, **how)


def _put(dataset: Any, i: int, values: NDArray[Any]) -> None:
    """Write a row as HDF5's filters would; they are not asked to, so that it is known what comes of it."""
    raw = np.ascontiguousarray(values)
    shuffled = raw.reshape(-1).view(np.uint8).reshape(-1, raw.itemsize).T.tobytes()
    packed = zlib.compress(shuffled, _LEVEL)
    small = GROWTH * len(packed) < 2 * raw.nbytes
    offset = (i, *[0] * raw.ndim)
    if small or len(packed) >= raw.nbytes:
        dataset.id.write_direct_chunk(offset, raw.tobytes(), filter_mask=_UNPACKED)
    else:
        dataset.id.write_direct_chunk(offset, packed)
