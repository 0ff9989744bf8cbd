# SPDX-License-Identifier: BSD-3-Clause
"""A table of numbers of poses that grows while they are solved, and appears when all are in it."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import FileFormatError
from ...fields.field import Field
from ...fields.run import Run
from ...io.atomic import check_folder
from ...io.columns import check_table, write_columns
from ...io.locked import LockedFile
from .columns import REPORTED
from .kept import Kept

__all__ = ["GrowingTable"]

_MOST_RECORD = 1 << 30  # bytes, of some million poses


class GrowingTable:
    """A .csv or .parquet with a row for each pose of a run; it appears whole or not at all.

    Until then TABLE.run beside it has a line for each pose that was solved, after one that says what the run
    computes: a run of the same goes on after them, however the one before ended. A line that was torn is
    solved again.

    Parameters
    ----------
    path : path
    kept : Kept
    run : Run
        What is computed, and which of its poses.
    names : sequence of str
        What all poses of the run are called; empty where they have no names.
    resume : bool
        Go on after the poses that a run of the same has solved, if there was one.

    Attributes
    ----------
    done : int
        Poses that are complete.
    not_converged : list of int
        Those of them that did not converge, by number in the run.
    files : list of str
        The table, once it is there.

    Raises
    ------
    FileFormatError
        Another ending; pyarrow is missing; what lies there is no record.
    ArgumentError
        What lies there is of another run.
    StorageError
        Another run writes there.
    OSError
        The folder is not there or not writable, or lines of a stopped run lie there and `resume` was not
        asked for.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        kept: Kept,
        run: Run,
        names: Sequence[str] = (),
        *,
        resume: bool = False,
    ) -> None:
        check_table(path)
        check_folder(path)
        self._path, self._kept, self._run, self._names = Path(path), kept, run, names
        self._rows: list[list[Any]] = []
        self.files: list[str] = []
        self._record = self._path.with_name(f"{self._path.name}.run")
        self._file = LockedFile(self._record)
        try:
            self._find_what_is_kept(resume)
        except BaseException:
            self._file.close(remove=self._file.created)
            raise

    @property
    def done(self) -> int:
        return len(self._rows)

    @property
    def not_converged(self) -> list[int]:
        good = self._kept.columns.index("converged")
        return [self._run.first + i for i, row in enumerate(self._rows) if not row[good]]

    def _find_what_is_kept(self, resume: bool) -> None:
        whole = self._file.read(_MOST_RECORD).rpartition(b"\n")[0]
        first, *lines = whole.decode("utf-8", "replace").split("\n")
        if not lines:
            self._file.write(f"{self._run.text()}\n".encode())
            return
        if not resume:
            raise FileExistsError(
                f"{self._record} holds {len(lines)} poses of a run that was stopped: go on with --resume, or "
                "remove it"
            )
        there = Run.parse(first, str(self._record))
        self._run.check_same(there, str(self._record))
        self._run.check_slice(there, str(self._record))
        self._rows = [self._row(i, line) for i, line in enumerate(lines)]
        if self.done > self._run.count:
            raise self._damaged()
        self._file.cut(len(whole) + 1)

    def _row(self, i: int, line: str) -> list[Any]:
        try:
            number, *row = json.loads(line)
        except (ValueError, TypeError, RecursionError):
            raise self._damaged() from None
        plain = all(isinstance(value, (int, float)) for value in row)
        if number != i or len(row) != len(self._kept.columns) or not plain:
            raise self._damaged()
        return row

    def _damaged(self) -> FileFormatError:
        return FileFormatError(f"{self._record}: its record of the run is damaged")

    def columns(self) -> dict[str, NDArray[Any]]:
        """The table as far as it is there: `pose`, `name` where poses have names, and those of `Kept`."""
        first, count = self._run.first, self.done
        made: dict[str, NDArray[Any]] = {"pose": np.arange(first, first + count)}
        if self._names:
            made["name"] = np.array(self._names[first : first + count], str)
        for j, name in enumerate(self._kept.columns):
            made[name] = np.array([row[j] for row in self._rows], REPORTED.get(name, np.dtype(np.float64)))
        return made

    def __enter__(self) -> GrowingTable:
        return self

    def write(self, field: Field) -> dict[str, NDArray[Any]]:
        """Add the poses of a batch, and return their numbers; they survive the end of the process."""
        found = self._kept.of(field)
        rows = [list(row) for row in zip(*(found[name].tolist() for name in self._kept.columns), strict=True)]
        lines = (json.dumps([self.done + i, *row]) + "\n" for i, row in enumerate(rows))
        self._file.append("".join(lines).encode())
        self._rows += rows
        return found

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        whole = kind is None and self.done == self._run.count
        try:
            if whole:
                write_columns(self._path, self.columns(), self._run.text())
                self.files.append(str(self._path))
        except BaseException:
            whole = False
            raise
        finally:
            self._file.close(remove=whole or not self.done)
