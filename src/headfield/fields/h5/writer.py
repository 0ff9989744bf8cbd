# SPDX-License-Identifier: BSD-3-Clause
"""Write the rows of a results .h5: a failed write raises once, and what was complete before stays so."""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import FileFormatError, HeadfieldError, StorageError
from ...io.descriptor import read_at, write_at
from ...io.room import check_room
from ..arrays import FieldArrays
from ..run import MESH_ARRAYS
from .layout import Place, lay_out
from .rows import (
    DEVICE,
    FACTS,
    FIELDS,
    MARKS,
    REPORTED,
    bytes_of,
    checksum,
    mark_of,
    name_bytes,
    whole_rows,
)
from .storage import Storage, stored_fields

__all__ = ["AS_IT_IS", "Named", "RowFile", "constants_of", "row_of"]

#: E and |E| in float32, as they were always stored.
AS_IT_IS = Storage()

#: Arrays by name: those of one row, or those that all rows share.
Named = Mapping[str, NDArray[Any]]


class RowFile:
    """An open file that rows are put into, in order.

    Parameters
    ----------
    descriptor : int
        Of a file that can be read and written; the caller closes it.
    path : str
        What messages call the file.
    k : int
        Rows when all are there.
    stays : bool
        Whether rows stay if one after them can't be written; else messages don't count them.

    Attributes
    ----------
    done : int
        Rows that are complete.
    """

    def __init__(self, descriptor: int, path: str, k: int, *, stays: bool = True) -> None:
        self._descriptor, self._path, self._k, self._stays = descriptor, path, k, stays
        self._places: dict[str, Place] = {}
        self.done = 0

    @property
    def laid_out(self) -> bool:
        """Whether the file has its structure: its first rows say which arrays there are."""
        return bool(self._places)

    def create(self, constants: Named, row: Named, attributes: Mapping[str, Any]) -> None:
        """Lay the file out for constants, such as the mesh, and for k rows of the kind of `row`."""
        arrays = {name: (values.shape, values.dtype) for name, values in constants.items()}
        arrays |= {name: ((self._k, *values.shape), values.dtype) for name, values in row.items()}
        arrays[MARKS] = ((self._k, 2), np.dtype(np.uint64))
        sums = {name: checksum([values]) for name, values in constants.items()}
        made = lay_out(arrays, {"format": "headfield", **attributes}, sums)
        self.check_room(made.size)
        with self._typed():
            os.ftruncate(self._descriptor, 0)
            os.ftruncate(self._descriptor, made.size)
        # Arrays and what HDF5 wrote may share a page. The file's signature comes last: without it nobody
        # takes the file for one of HDF5.
        signature = made.pages[0][:8]
        for offset, page in made.pages.items():
            self._put(memoryview(page)[8 if offset == 0 else 0 : made.size - offset], offset or 8)
        for name, values in constants.items():
            self._put(bytes_of(values), made.places[name].offset)
        if "residual" in row:  # a row that never comes must not look like a perfect one
            self._put(bytes_of(np.full(self._k, np.nan)), made.places["residual"].offset)
        self._put(memoryview(signature), 0)
        self._places, self.done = {name: made.places[name] for name in (*row, MARKS)}, 0

    def go_on(self, places: Mapping[str, Place], done: int) -> None:
        """Go on after `done` rows of a file that was laid out; FileFormatError if it is for other rows."""
        for name, place in places.items():
            if place.shape[:1] != (self._k,):
                raise FileFormatError(
                    f"{self._path}: {name} has the shape {place.shape}, where {self._k} poses are to be"
                )
        self._places, self.done = dict(places), done

    def put(self, count: int, rows: Iterable[Named]) -> None:
        """Write `count` rows; they are complete, and counted, when all their bytes are on the disk.

        Raises
        ------
        StorageError
            The disk is full, or a quota or a limit is reached. The rows before these are whole.
        FileFormatError
            The rows are not what the file was laid out for.
        """
        each = sum(self._places[name].row_bytes for name in (*FACTS, *FIELDS) if name in self._places)
        self.check_room(count * each)
        marks = np.array([self._put_row(self.done + i, row) for i, row in enumerate(rows)], np.uint64)
        with self._typed():
            _sync(self._descriptor)  # a mark must not reach the disk before what it stands for
        self._put(bytes_of(marks), self._places[MARKS].offset + 16 * self.done)
        self.done += len(marks)

    def finish(self) -> None:
        """Raise an error unless all rows are complete and on the disk."""
        if self.done != self._k:
            raise HeadfieldError(f"{self.done} of {self._k} poses were written to {self._path}")
        with self._typed():
            os.fsync(self._descriptor)

    def complete(self) -> int:
        """Count the rows that the file itself says are complete."""
        if not self.laid_out:
            return 0
        first = self._places[MARKS].offset

        def marks(part: slice) -> NDArray[np.uint64]:
            size = 16 * (part.stop - part.start)
            found = read_at(self._descriptor, size, first + 16 * part.start)
            return np.frombuffer(found.ljust(size, b"\0"), np.uint64).reshape(-1, 2)

        return whole_rows(self._k, marks)

    def _put_row(self, number: int, row: Named) -> tuple[int, int]:
        """Write a row; returns its marks."""
        different = row.keys() ^ (self._places.keys() - {MARKS})
        for name, values in row.items():
            if name not in different and (values.shape, values.dtype) != self._places[name].of_row:
                different.add(name)
        if different:
            raise FileFormatError(f"{self._path}: pose {number} has another {', '.join(sorted(different))}")
        return self._put_group(FACTS, number, row), self._put_group(FIELDS, number, row)

    def _put_group(self, names: Sequence[str], number: int, row: Named) -> int:
        crc = 0
        for name in names:
            if name in row:
                place = self._places[name]
                data = bytes_of(row[name])
                crc = zlib.crc32(data, crc)
                self._put(data, place.offset + number * place.row_bytes)
        return mark_of(crc)

    def _put(self, data: memoryview, offset: int) -> None:
        with self._typed():
            write_at(self._descriptor, data, offset)

    def check_room(self, size: int) -> None:
        """Raise StorageError if there is less room than for so many more bytes."""
        check_room(self._path, size, self._kept())

    @contextmanager
    def _typed(self) -> Iterator[None]:
        """Make a StorageError of what the system says against a write."""
        try:
            yield
        except OSError as error:
            raise StorageError(f"{self._path}: {error.strerror or error}; {self._kept()}") from error

    def _kept(self) -> str:
        return f"{self.done} of {self._k} poses are in it" if self._stays else "nothing was changed"


def _sync(descriptor: int) -> None:
    getattr(os, "fdatasync", os.fsync)(descriptor)


def constants_of(arrays: FieldArrays) -> dict[str, NDArray[Any]]:
    """What an .h5 holds once for all poses: the mesh, and the tetrahedra that E is given in."""
    made = {f"mesh/{name}": np.asarray(getattr(arrays.mesh, name)) for name in MESH_ARRAYS}
    return made if arrays.elements is None else made | {"elements/index": arrays.elements}


def row_of(arrays: FieldArrays, i: int, storage: Storage = AS_IT_IS) -> dict[str, NDArray[Any]]:
    """What an .h5 holds of pose i; its fields are NaN if it did not converge."""
    known: dict[str, Any] = {"poses": arrays.poses, "didt": arrays.didt}
    known |= {name: getattr(arrays.report, name) for name in REPORTED}
    row = {name: np.asarray(values[i]) for name, values in known.items() if values is not None}
    row["device"] = np.array(arrays.report.device.encode(), DEVICE)
    if arrays.names:
        row["names"] = name_bytes(arrays.names[i])
    good = arrays.report.converged[i]
    row |= stored_fields(arrays.E[i] if good else np.full_like(arrays.E[i], np.nan), storage)
    fields = {"elements/local_error": arrays.local_error, "nodes/v": arrays.potential}
    for name, values in fields.items():
        if values is not None and storage.keep != "magnE":
            row[name] = values[i] if good else np.full_like(values[i], np.nan)
    return row
