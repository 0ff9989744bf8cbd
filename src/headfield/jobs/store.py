# SPDX-License-Identifier: BSD-3-Clause
"""The folder of a job: a record, and a file of each chunk that is there whole or not at all.

A chunk is an .npz that NumPy can read. Its last 64 bytes, the comment of the archive, are the SHA-256 of what
is before them. It says what it was computed from (`Run`), so that it never stands for another head, coil,
pose or option. It is written under another name, forced to the disk, renamed, and the folder forced, too.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import io
import json
import os
import re
import secrets
import socket
import time
import tokenize
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core.version import VERSION
from ..errors import ArgumentError, FileFormatError, StorageError
from ..fields.run import Run
from ..io.npz import read_arrays
from .job import Job
from .layout import Chunk, Layout

__all__ = [
    "ERRORS",
    "Damaged",
    "Stored",
    "begin",
    "chunk_path",
    "read_chunk",
    "record_of",
    "sum_of",
    "sweep",
    "write_chunk",
]

FORMAT = 1  #: of chunks and records
RECORD = "job.json"
ERRORS = ("E_error", "magnE_error")  #: of fields in float16: numbers of a pose, beside the columns

_META = "meta"
_HASH = 64  # letters of a SHA-256
_BROKEN = (
    *(ValueError, KeyError, TypeError, EOFError, MemoryError, NotImplementedError, RuntimeError),
    *(SyntaxError, tokenize.TokenError, zipfile.BadZipFile, zlib.error),
)
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)
_PART = re.compile(r"\.\d+\.([\w-]+)\.(\d+)\.[0-9a-f]+\.part")
_OLD_S = 86_400.0  # after which what another machine has begun to write is given up
_HOST = re.sub(r"[^\w-]", "_", socket.gethostname()) or "_"
# What changes numbers, and is compared as words before chunks are compared as contents.
_SETTINGS = ("conductivity", "tensors", "recovery", "primary", "tol", "max_iterations", "outputs")


class Damaged(FileFormatError):
    """A file that was torn or changed since it was written: it is computed again."""


@dataclass(frozen=True, eq=False)
class Stored:
    """What a chunk holds.

    Attributes
    ----------
    run : Run
        What it was computed from, and which poses it holds.
    columns : tuple of str
    names : tuple of str
        Of the poses.
    refused : dict of int to str
        Why poses could not be solved at all, by number.
    arrays : dict of str to ndarray
        As `Kept.of` made them; those that were asked for.
    """

    run: Run
    columns: tuple[str, ...]
    names: tuple[str, ...]
    refused: Mapping[int, str]
    arrays: dict[str, NDArray[Any]]

    def not_converged(self) -> list[int]:
        """Numbers of the poses that have no field."""
        return (self.run.first + np.flatnonzero(~self.arrays["converged"].astype(bool))).tolist()


def chunk_path(folder: Path, chunk: Chunk) -> Path:
    """Where a chunk is, or will be."""
    return folder / chunk.head / chunk.coil / f"{chunk.first:07d}.npz"


def sum_of(path: Path) -> bytes:
    """Return the check sum at the end of a chunk, whose content is not looked at; nothing without one."""
    try:
        with open(path, "rb") as file:
            file.seek(0, os.SEEK_END)
            file.seek(max(0, file.tell() - _HASH))
            return file.read()
    except OSError:
        return b""


def write_chunk(path: Path, stored: Stored) -> bytes:
    """Write a chunk, whole or not at all, to stay through a loss of power; returns its check sum.

    Raises
    ------
    StorageError
        There is no room for it.
    OSError
    """
    meta = {
        "format": FORMAT,
        "run": json.loads(stored.run.text()),
        "columns": stored.columns,
        "names": stored.names,
        "refused": stored.refused,
    }
    held = {_META: np.frombuffer(json.dumps(meta).encode(), np.uint8)} | stored.arrays
    content = io.BytesIO()
    np.savez(content, **held)
    content.seek(-2, os.SEEK_END)
    content.write(_HASH.to_bytes(2, "little"))  # the length of the comment of the archive
    check_sum = hashlib.sha256(content.getbuffer()).hexdigest().encode()
    content.write(check_sum)
    temporary = path.with_name(f".{path.stem}.{_HOST}.{os.getpid()}.{secrets.token_hex(4)}.part")
    try:
        _make_folder(path.parent)
        _write_durably(temporary, content.getbuffer())
        os.replace(temporary, path)
        _sync_folder(path.parent)
    except OSError as error:
        if error.errno in _NO_ROOM:
            raise StorageError(f"{path}: {os.strerror(error.errno)}") from error
        raise
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
    return check_sum


def _write_durably(path: Path, data: bytes | memoryview) -> None:
    with open(path, "xb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _make_folder(folder: Path) -> None:
    """Make a folder and those above it; each name is forced to the disk."""
    if not folder.is_dir():
        _make_folder(folder.parent)
        folder.mkdir(exist_ok=True)
        _sync_folder(folder.parent)


def _sync_folder(folder: Path) -> None:
    with contextlib.suppress(OSError, AttributeError):  # not on all systems
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def read_chunk(path: Path, *wanted: str, columns: bool = False) -> Stored:
    """Read a chunk and hold it against its check sum.

    Parameters
    ----------
    path : Path
    *wanted : str
        Names of arrays; all of them if there are none.
    columns : bool
        Read the numbers of the poses, and no fields.

    Raises
    ------
    Damaged
        It is torn or changed.
    FileFormatError
        It is of another version of headfield, which has other columns.
    OSError
    """
    data = path.read_bytes()
    if hashlib.sha256(data[:-_HASH]).hexdigest().encode() != data[-_HASH:]:
        raise Damaged(f"{path}: its check sum is not that of its content")
    del data
    try:
        meta = json.loads(read_arrays(path, lambda name: name == _META)[_META].tobytes())
        version, chosen = meta["format"], [*meta["columns"], *ERRORS] if columns else wanted
        arrays = read_arrays(path, lambda name: name in chosen or (not chosen and name != _META))
    except _BROKEN as problem:
        raise Damaged(f"{path}: not a chunk of a job: {problem}") from None
    if version != FORMAT:
        raise FileFormatError(
            f"{path}: version {version!r} of chunks, and this headfield writes {FORMAT}: read it with the "
            "headfield that wrote it, or give another folder"
        )
    run = Run.parse(json.dumps(meta["run"]), str(path))
    refused = {int(pose): str(why) for pose, why in meta["refused"].items()}
    return Stored(run, tuple(meta["columns"]), tuple(meta["names"]), refused, arrays)


def begin(folder: Path, job: Job, layout: Layout) -> None:
    """Make the folder of a job with its record, or hold the record that is there against the job.

    Several processes may do it at once: one of them makes the record.

    Raises
    ------
    ArgumentError
        The folder is of another job; the message says what is not the same.
    FileFormatError
        The record is damaged, or of another version.
    """
    path = folder / RECORD
    if not path.exists():
        _make_folder(folder)
        held = {"format": FORMAT, "headfield": VERSION, "layout": layout.to_dict(), "job": job.to_dict()}
        temporary = folder / f".0.{_HOST}.{os.getpid()}.{secrets.token_hex(4)}.part"
        try:
            _write_durably(temporary, json.dumps(held, indent=1).encode())
            with contextlib.suppress(FileExistsError):
                _name_once(temporary, path)
            _sync_folder(folder)
        finally:
            temporary.unlink(missing_ok=True)
    there, other = record_of(folder)
    different = layout.differences(there)
    different += [name for name in _SETTINGS if _worded(job, name) != _worded(other, name)]
    theirs = {name: use.didt for name, use in other.coils.items()}
    different += [f"dI/dt of {n}" for n, use in job.coils.items() if theirs.get(n, use.didt) != use.didt]
    if different:
        verb = "is" if len(different) == 1 and different[0] in ("tol", "primary", "recovery") else "are"
        raise ArgumentError(f"{folder} is of another job: {', '.join(different)} {verb} not the same")


def _name_once(temporary: Path, path: Path) -> None:
    """Give a file its name unless there is one of that name."""
    try:
        os.link(temporary, path)
    except FileExistsError:
        raise
    except OSError:  # a file system without hard links
        if not path.exists():
            os.replace(temporary, path)


def _worded(job: Job, name: str) -> Any:
    value = getattr(job, name)
    return value.to_dict() if name == "outputs" else value


def record_of(folder: Path) -> tuple[Layout, Job]:
    """Read the record of a job's folder.

    Raises
    ------
    FileFormatError
        There is none, or it is damaged or of another version.
    """
    path = folder / RECORD
    if not path.is_file():
        raise FileFormatError(f"{folder} is not a folder of a job: there is no {RECORD}")
    try:
        held = json.loads(path.read_bytes())
        version = held["format"]
        if version == FORMAT:
            return Layout.from_dict(held["layout"]), Job.from_dict(held["job"])
    except (ValueError, KeyError, TypeError, RecursionError, FileFormatError) as problem:
        said = f"{path}: the record of the job is damaged: {problem}"
        raise FileFormatError(f"{said}; remove it, and the job makes it again") from None
    raise FileFormatError(f"{path}: version {version!r} of records, and this headfield reads {FORMAT}")


def sweep(folder: Path) -> int:
    """Remove what killed processes have left half-written; returns how many files.

    What a process of this machine writes that still runs stays, and so does what another machine has begun
    within a day.
    """
    removed = 0
    for path in [*folder.glob(".*.part"), *folder.glob("*/*/.*.part")]:
        match = _PART.fullmatch(path.name)
        with contextlib.suppress(OSError):
            if match is not None and _is_left(path, match[1], int(match[2])):
                path.unlink()
                removed += 1
    return removed


def _is_left(path: Path, host: str, process: int) -> bool:
    if host != _HOST:
        return time.time() - path.stat().st_mtime > _OLD_S
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return True
    except OSError:  # somebody else's
        return False
    return False
