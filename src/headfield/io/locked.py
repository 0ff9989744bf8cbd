# SPDX-License-Identifier: BSD-3-Clause
"""A file that one process at a time writes to, and that outlives it."""

from __future__ import annotations

import importlib
import os
import stat
from pathlib import Path
from typing import Any

from ..errors import FileFormatError, StorageError
from .descriptor import read_at, write_at

__all__ = ["LockedFile"]


def _module(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError:
        return None


fcntl, msvcrt = _module("fcntl"), _module("msvcrt")  # POSIX has the one, Windows the other
_FLAGS = os.O_RDWR | os.O_CREAT
for _name in ("O_NOFOLLOW", "O_NONBLOCK", "O_BINARY"):  # those that the system has
    _FLAGS |= getattr(os, _name, 0)
_NAMES_STAY = os.name == "nt"  # Windows neither renames nor removes a file that is open
_BEYOND = 1 << 43  # what Windows locks, nobody else can read: a byte that no result has


class LockedFile:
    """A regular file, created if it isn't there, that no other process has opened in this way.

    The lock ends with the process, however that ends. Links are not followed, as somebody else could have
    planted them in a folder that is shared.

    Parameters
    ----------
    path : Path

    Attributes
    ----------
    descriptor : int
        Open for reading and writing.
    created : bool
        Whether the file was not there, or empty.

    Raises
    ------
    StorageError
        Another process writes to the file.
    FileFormatError
        It is a link, a folder, a pipe or a device.
    OSError

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = LockedFile(Path(folder) / "a.part")
    ...     try:
    ...         LockedFile(Path(folder) / "a.part")
    ...     except StorageError as error:
    ...         print(str(error).rpartition("/")[2])
    ...     file.close(remove=True)
    a.part: another run is writing it
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.descriptor = self._opened()
        self.created = os.fstat(self.descriptor).st_size == 0

    def _opened(self) -> int:
        while True:
            try:
                if not hasattr(os, "O_NOFOLLOW"):
                    self._check_no_link()
                descriptor = os.open(self._path, _FLAGS, 0o666)
            except OSError:
                self._check_no_link()
                raise
            try:
                if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                    raise FileFormatError(f"{self._path}: not a regular file")
                _lock(descriptor, self._path)
                if self._is(descriptor):
                    return descriptor
            except BaseException:
                os.close(descriptor)
                raise
            os.close(descriptor)  # it was finished and got its final name, or was removed, just now

    def _check_no_link(self) -> None:
        if os.path.islink(self._path):
            raise FileFormatError(f"{self._path} is a link; results are not written through it")

    def _is(self, descriptor: int) -> bool:
        """Whether the path still stands for the open file."""
        try:
            return os.path.samestat(os.stat(self._path, follow_symlinks=False), os.fstat(descriptor))
        except FileNotFoundError:
            return False

    def begins_with_data(self) -> bool:
        """Whether the file holds something, and not the zeros of one that was never finished."""
        return bool(read_at(self.descriptor, 8, 0).strip(b"\0"))

    def read(self, most: int) -> bytes:
        """Return what is in the file, up to `most` bytes."""
        data = b""
        while len(data) < most and (piece := read_at(self.descriptor, most - len(data), len(data))):
            data += piece
        return data

    def cut(self, size: int) -> None:
        """Take away what is behind the first `size` bytes."""
        os.ftruncate(self.descriptor, size)

    def write(self, data: bytes) -> None:
        """Replace what is in the file."""
        self.cut(0)
        self.append(data)

    def append(self, data: bytes) -> None:
        """Add to the end; StorageError if that can't be done."""
        try:
            write_at(self.descriptor, data, os.fstat(self.descriptor).st_size)
        except OSError as error:
            raise StorageError(f"{self._path}: {error.strerror or error}") from error

    def rename(self, path: Path) -> None:
        """Give the file its final name, in place of what has that; nothing is written to it any more."""
        if _NAMES_STAY:
            self._let_go()
        os.replace(self._path, path)

    def close(self, remove: bool = False) -> None:
        """Close the file, and remove it if asked for and if it is still there under its name."""
        try:
            if remove and self.descriptor >= 0 and self._is(self.descriptor):
                if _NAMES_STAY:
                    self._let_go()
                self._path.unlink(missing_ok=True)
        finally:
            self._let_go()

    def _let_go(self) -> None:
        descriptor, self.descriptor = self.descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)


def _lock(descriptor: int, path: Path) -> None:
    try:
        if fcntl is not None:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        elif msvcrt is not None:
            os.lseek(descriptor, _BEYOND, os.SEEK_SET)
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
    except (BlockingIOError, PermissionError):  # what the two say of a lock that another process has
        raise StorageError(f"{path}: another run is writing it") from None
    except OSError:
        pass  # a file system without locks: then nothing is known of others
