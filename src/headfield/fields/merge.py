# SPDX-License-Identifier: BSD-3-Clause
"""Join the results of slices of one run."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Sequence

from ..errors import ArgumentError, FileFormatError
from ..io.atomic import check_folder, check_not_input, replacing
from ..io.regular import check_regular, ending_of
from .h5.packing import pack
from .h5.reader import opened
from .h5.writer import RowFile
from .run import Run
from .stream import H5_ENDINGS

__all__ = ["merge_results"]

_AT_A_TIME = 64  # rows between two waits for the disk


def merge_results(
    paths: Sequence[str | os.PathLike[str]],
    target: str | os.PathLike[str],
    progress: Callable[[int, int], None] | None = None,
) -> int:
    """Join .h5 of slices of one run, as `headfield solve --slice` writes them, to one of all poses.

    Files of runs that were stopped (NAME.part.h5) give the poses that are complete in them. Where two files
    have a pose, it is taken from one of them. Every pose is held against its check sum on the way. Fields
    that were packed are packed again.

    Parameters
    ----------
    paths : sequence of path
        In any order.
    target : path
        `.h5`; it appears whole or not at all.
    progress : callable, optional
        Called with (poses done, poses in all) from time to time.

    Returns
    -------
    int
        Poses in `target`.

    Raises
    ------
    ArgumentError
        No files, `target` among them, files of different runs, or poses that none of them has.
    FileFormatError
        A file that is damaged or not a result, `target` with another ending, or h5py is missing.
    StorageError
        There is too little room.
    OSError
        A file can't be read or written.

    Examples
    --------
    >>> import contextlib, io, tempfile, headfield as hf
    >>> from headfield.commands.main import main
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     hf.write_mesh(folder + "/head.msh", hf.sphere_mesh([80, 86, 92], [2, 4, 5], edge_mm=20))
    ...     hf.write_coil(folder + "/coil.ccd", hf.circular_coil())
    ...     model = hf.HeadModel(hf.read_mesh(folder + "/head.msh"))
    ...     poses = hf.ring(model.place(hf.circular_coil(), [0, 0, 92], [0, 50, 92]), [0, 10, 20])
    ...     hf.write_poses(folder + "/poses.npy", poses)
    ...     common = ["solve", *(f"{folder}/{name}" for name in ("head.msh", "coil.ccd", "poses.npy")), "-q"]
    ...     with contextlib.redirect_stdout(io.StringIO()):  # what it says of each
    ...         _ = main([*common, "--slice", "0:2", "-o", folder + "/a.h5"])
    ...         _ = main([*common, "--slice", "2:3", "-o", folder + "/b.h5"])
    ...     hf.merge_results([folder + "/b.h5", folder + "/a.h5"], folder + "/all.h5")
    ...     bool((hf.read_result(folder + "/all.h5").poses == poses).all())
    3
    True
    """
    names = [os.fspath(path) for path in paths]
    _check_names(names, target)
    runs = [_run_of(name) for name in names]
    if not runs:
        raise ArgumentError("there are no files to merge")
    for name, (run, _) in zip(names[1:], runs[1:], strict=True):
        run.check_same(runs[0][0], f"{names[0]} and {name} can't be joined: the first one")
    sources = _sources(names, runs)
    whole = dataclasses.replace(runs[0][0], first=0, count=runs[0][0].total)
    with replacing(target) as temporary, open(temporary, "rb+", buffering=0) as file:
        rows, packed = RowFile(file.fileno(), os.fspath(target), whole.total, stays=False), False
        for name, first, count in sources:
            with opened(name) as source:
                if not rows.laid_out:
                    attributes = source.attributes() | {"run": whole.text()}
                    packed = source.is_packed
                    rows.create(source.constants(), source.rows(source.names(), 0), attributes)
                for begin in range(first, first + count, _AT_A_TIME):
                    part = range(begin, min(begin + _AT_A_TIME, first + count))
                    rows.put(len(part), (source.rows(source.names(), number) for number in part))
                    if progress is not None:
                        progress(rows.done, whole.total)
        rows.finish()
        if packed:
            pack(temporary, temporary)
    return whole.total


def _check_names(names: Sequence[str], target: str | os.PathLike[str]) -> None:
    if ending_of(target) not in H5_ENDINGS:
        raise FileFormatError(f"{os.fspath(target)}: results are merged into an .h5")
    check_folder(target)
    for name in names:
        check_regular(name, FileFormatError)
        check_not_input(target, name)


def _run_of(name: str) -> tuple[Run, int]:
    """The run that a file is of, and how many of its poses are complete."""
    with opened(name) as source:
        run, count = source.run(), source.n_rows
    if run is None:
        raise FileFormatError(f"{name}: there is no record of the run in it: it was not written by solve")
    return run, min(count, run.count)


def _sources(names: Sequence[str], runs: Sequence[tuple[Run, int]]) -> list[tuple[str, int, int]]:
    """For all poses in order: the file, its first row to take, and how many."""
    taken: list[tuple[str, int, int]] = []
    total, done = runs[0][0].total, 0
    while done < total:
        here = [i for i, (run, count) in enumerate(runs) if run.first <= done < run.first + count]
        if not here:
            later = min((run.first for run, count in runs if count and run.first > done), default=total)
            raise ArgumentError(f"none of the files has the poses {done} to {later - 1} of {total}")
        run, count = runs[here[0]]
        taken.append((names[here[0]], done - run.first, run.first + count - done))
        done = run.first + count
    return taken
