# SPDX-License-Identifier: BSD-3-Clause
"""Read the folder of a job: what is there, while it runs as well as after; nothing has to be merged."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core.arguments import is_whole
from ..core.locks import cached_property
from ..core.messages import nearest_name, plural, warn
from ..errors import ArgumentError, FileFormatError
from ..io.columns import write_columns
from .agreement import Agreement
from .export import to_hdf5, to_xarray, to_zarr
from .layout import Chunk
from .outputs import decoded
from .store import ERRORS, Damaged, Stored, chunk_path, read_chunk, record_of

__all__ = ["Results", "read_results"]

_FIELDS = ("E", "magnE")


class Results:
    """What a job has written so far; `read_results` makes it.

    Which chunks are there is looked up once; their content is read when it is asked for, and held against its
    check sum. A file that is damaged is warned of and counts as missing: `run` with `resume` makes it again.

    Attributes
    ----------
    folder : Path
    job : Job
        As the folder has it on record.
    layout : Layout
    done, missing : list of Chunk

    Examples
    --------
    See `headfield.jobs.run`.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.layout, self.job = record_of(folder)
        chunks = [self.layout[number] for number in range(len(self.layout))]
        there = [chunk_path(folder, chunk).exists() for chunk in chunks]
        self.done = [chunk for chunk, is_there in zip(chunks, there, strict=True) if is_there]
        self.missing = [chunk for chunk, is_there in zip(chunks, there, strict=True) if not is_there]
        self._agreement = Agreement()
        self._fields: tuple[Chunk, dict[str, NDArray[Any]]] | None = None

    def __len__(self) -> int:
        """How many poses are done, of all coils in all heads."""
        return sum(chunk.count for chunk in self.done)

    def __repr__(self) -> str:
        poses = plural(self.layout.poses, "pose", "poses")
        return f"<Results of {len(self):,} of {poses} in {self.folder}>"

    @property
    def heads(self) -> tuple[str, ...]:
        """Names of the heads."""
        return tuple(self.layout.counts)

    @property
    def coils(self) -> tuple[str, ...]:
        """Names of the coils."""
        return self.layout.coils

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the numbers of a pose, with their units."""
        return tuple(name for name in self.table if name not in ("head", "coil", "pose", "name"))

    @cached_property
    def table(self) -> dict[str, NDArray[Any]]:
        """Numbers of the poses that are done, in the order of the job, a row for each.

        `head`, `coil`, `pose` (its number) and `name`, and the columns of docs/outputs.md. Where fields are
        stored as float16 also `E_error` or `magnE_error`: the largest error of a pose, relative to |E| there.
        """
        rows = list(self._rows())
        if not rows:
            return {name: np.array([], kind) for name, kind in _KEYS.items()}
        return {name: np.concatenate([one[name] for one in rows]) for name in rows[0]}

    def _rows(self) -> Iterator[dict[str, NDArray[Any]]]:
        columns: dict[str, tuple[str, ...]] = {}
        for chunk in list(self.done):
            stored = self._read(chunk)
            if stored is None:
                continue
            if columns.setdefault(chunk.head, stored.columns) != stored.columns:
                raise FileFormatError(f"{self._path(chunk)}: its columns are not those of other chunks")
            keys: dict[str, Any] = {"head": [chunk.head] * chunk.count, "coil": [chunk.coil] * chunk.count}
            keys |= {"pose": range(chunk.first, chunk.first + chunk.count), "name": list(stored.names)}
            made: dict[str, NDArray[Any]] = {
                name: np.array(values, _KEYS[name]) for name, values in keys.items()
            }
            errors = [name for name in ERRORS if name in stored.arrays]
            yield made | {name: stored.arrays[name] for name in (*stored.columns, *errors)}

    def not_converged(self) -> list[tuple[str, str, int]]:
        """Head, coil and number of the poses without a field."""
        table = self.table
        bad: Any = np.flatnonzero(~table["converged"].astype(bool)) if len(table["pose"]) else []
        return [(str(table["head"][i]), str(table["coil"][i]), int(table["pose"][i])) for i in bad]

    def E(self, head: str, coil: str, pose: int) -> NDArray[np.float32]:
        """Read E (e, 3) of a pose, V/m, where it was kept: in the tetrahedra or points of the region.

        Raises
        ------
        ArgumentError
            There is no such head, coil or pose, it is not done yet, or E was not kept.
            Or its chunk is of another head, coil or options than others are, or of other poses.
        FileFormatError
            The file is damaged.
        """
        return self._field(head, coil, pose, "E")

    def magnE(self, head: str, coil: str, pose: int) -> NDArray[np.float32]:
        """Read |E| (e,) of a pose, V/m; with the errors of `E`."""
        return self._field(head, coil, pose, "magnE")

    def fields(self, chunk: Chunk) -> dict[str, NDArray[np.float32]]:
        """Read `E` (k, e, 3) and `magnE` (k, e) of the poses of a chunk, V/m, as far as they were kept."""
        if self._fields is None or self._fields[0] != chunk:
            made = decoded(self._checked(chunk, columns=False).arrays)
            self._fields = chunk, {name: made[name] for name in _FIELDS if name in made}
        return self._fields[1]

    def _field(self, head: str, coil: str, pose: int, name: str) -> NDArray[np.float32]:
        for value, known, what in ((head, self.heads, "head"), (coil, self.coils, "coil")):
            if value not in known:
                raise ArgumentError(f"there is no {what} {value!r}{nearest_name(value, known)}")
        if not is_whole(pose) or not 0 <= pose < self.layout.counts[head]:
            raise ArgumentError(f"{head} has the poses 0 to {self.layout.counts[head] - 1}, not {pose!r}")
        part = next(one for one in self.layout.parts if (one.head, one.coil) == (head, coil))
        chunk = self.layout[part.first_chunk + pose // self.layout.size]
        if chunk not in self.done:
            raise ArgumentError(f"{head}/{coil} pose {pose} is not done")
        fields = self.fields(chunk)
        if name not in fields:
            raise ArgumentError(f"{name} was not kept: outputs have keep = {list(self.job.outputs.keep)}")
        return fields[name][pose - chunk.first]

    def _path(self, chunk: Chunk) -> Path:
        return chunk_path(self.folder, chunk)

    def _read(self, chunk: Chunk) -> Stored | None:
        """Read the numbers of a chunk; None, with a warning, if it is damaged."""
        try:
            return self._checked(chunk, columns=True)
        except Damaged as problem:
            warn(f"{problem}; go on with the job, and it is made again")
            self.done.remove(chunk)
            self.missing.append(chunk)
            return None

    def _checked(self, chunk: Chunk, *, columns: bool) -> Stored:
        """Read a chunk, and see to it that it is of the poses, head, coil and options that it is to be of."""
        for first in self._firsts(chunk):
            with contextlib.suppress(Damaged):
                stored = read_chunk(self._path(first), columns=True)
                self._agreement.check(first, stored.run, str(self._path(first)))
        stored = read_chunk(self._path(chunk), columns=columns)
        stored.run.part(chunk.first, chunk.count).check_slice(stored.run, str(self._path(chunk)))
        self._agreement.check(chunk, stored.run, str(self._path(chunk)))
        return stored

    def _firsts(self, chunk: Chunk) -> list[Chunk]:
        """Return chunks that this one has to agree with: the first ones of its head, its coil, and both."""
        belongs: dict[str, Callable[[Chunk], bool]] = {
            "head": lambda one: one.head == chunk.head,
            "coil": lambda one: one.coil == chunk.coil,
            "part": lambda one: (one.head, one.coil) == (chunk.head, chunk.coil),
        }
        found = [next(filter(belongs[name], self.done), chunk) for name in self._agreement.lacks(chunk)]
        return [one for one in dict.fromkeys(found) if one != chunk]

    def to_table(self, path: str | os.PathLike[str]) -> None:
        """Write `table` to .csv or .parquet: see `headfield.io.columns.write_columns`."""
        write_columns(path, self.table)

    def to_xarray(self, *, fields: bool = False) -> Any:
        """Return an `xarray.Dataset` of the numbers, over `head`, `coil` and `pose`; nan where not done.

        Parameters
        ----------
        fields : bool
            Also E or |E|, of a job with one head, where each chunk is read when it is computed with
            (`dask`).

        Raises
        ------
        MissingPackageError
            xarray, or dask for `fields`, is not installed.
        ArgumentError
            No fields were kept, or there are several heads, whose places differ.
        """
        return to_xarray(self, fields)

    def to_hdf5(self, path: str | os.PathLike[str]) -> None:
        """Write all that is done to one .h5, a group `head/coil` for each; needs h5py."""
        to_hdf5(self, path)

    def to_zarr(self, path: str | os.PathLike[str]) -> None:
        """Write all that is done to a Zarr store, a group `head/coil` for each; needs zarr 3 or newer."""
        to_zarr(self, path)


_KEYS = {"head": np.str_, "coil": np.str_, "pose": np.int64, "name": np.str_}


def read_results(folder: str | os.PathLike[str]) -> Results:
    """Read the results of `headfield.jobs.run`, lazily: also of a job that runs, or was stopped.

    Parameters
    ----------
    folder : path

    Returns
    -------
    Results

    Raises
    ------
    FileFormatError
        It is not the folder of a job, or its record is damaged or of another version.

    Examples
    --------
    See `headfield.jobs.run`.
    """
    return Results(Path(folder))
