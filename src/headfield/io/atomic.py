# SPDX-License-Identifier: BSD-3-Clause
"""Files that appear whole or not at all."""

from __future__ import annotations

import errno
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ..errors import ArgumentError, StorageError

__all__ = ["check_folder", "check_not_input", "replacing"]

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)
_LONGEST_STEM = 80  # bytes of the name that the temporary one repeats
_RANDOM = 8  # bytes of that name
_LONGEST_NAME = 255  # bytes, where the file system does not say
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0)  # O_EXCL follows no link either


@contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Give a temporary path beside `path`; what was written there takes its place if the block succeeds.

    A crash, an interrupt or a full disk leaves what was at `path` before, and no half-written file. The
    temporary file is there and empty, belongs to this call alone, and has the ending of `path`, by which
    libraries choose a format.

    Parameters
    ----------
    path : path
        A link is followed: the file that it points to is replaced.

    Yields
    ------
    Path

    Raises
    ------
    StorageError
        The disk is full, or a quota or a limit of sizes is reached.
    OSError
        The folder isn't there or not writable, or the path is a folder.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with replacing(Path(folder) / "a.txt") as temporary:
    ...         _ = temporary.write_text("whole")
    ...     (Path(folder) / "a.txt").read_text()
    'whole'
    """
    target = Path(path).resolve()
    if _is_folder(target):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), os.fspath(target))
    temporary = _created_beside(target)
    try:
        yield temporary
        with open(temporary, "rb+") as file:
            os.fsync(file.fileno())
        os.replace(temporary, target)
    except OSError as error:
        if error.errno in _NO_ROOM:
            raise StorageError(f"{os.fspath(path)}: {os.strerror(error.errno)}") from error
        raise
    finally:
        temporary.unlink(missing_ok=True)


def _created_beside(target: Path) -> Path:
    """Create an empty file with a name of its own in the folder of `target`.

    `tempfile.mkstemp` would create it readable by its owner only, and a process can't ask for its umask
    without changing it for all threads. Here the umask and the folder decide, as for any other file.
    """
    room = max(0, _longest_name(target.parent) - len(_temporary_name("", 2 * _RANDOM * "0", target.suffix)))
    stem = target.stem.encode("utf-8", "ignore")[: min(_LONGEST_STEM, room)].decode("utf-8", "ignore")
    while True:
        temporary = target.with_name(_temporary_name(stem, secrets.token_hex(_RANDOM), target.suffix))
        try:
            os.close(os.open(temporary, _CREATE, 0o666))
        except FileExistsError:
            continue
        except OSError as error:  # nobody has heard of the temporary name
            raise OSError(error.errno, error.strerror, os.fspath(target)) from None
        return temporary


def _temporary_name(stem: str, token: str, suffix: str) -> str:
    return f".{stem}.{token}.part{suffix}"


def _longest_name(folder: Path) -> int:
    """Return how many bytes the name of a file may have in a folder."""
    try:
        return os.pathconf(folder, "PC_NAME_MAX")
    except (AttributeError, ValueError, OSError):  # not POSIX, or a file system that does not say
        return _LONGEST_NAME


def _check_name(target: Path) -> None:
    """Raise an OSError if the name, or the temporary one that has its ending, is too long to be created."""
    most = _longest_name(target.parent)
    needed = max(
        len(os.fsencode(name))
        for name in (target.name, _temporary_name("", 2 * _RANDOM * "0", target.suffix))
    )
    if needed > most:
        raise OSError(f"{target}: its name needs {needed} bytes, the file system allows {most}")


def check_not_input(path: str | os.PathLike[str], *inputs: Any) -> None:
    """Raise ArgumentError if a file to be written is one of those that are read.

    Inputs that are no paths, such as None, are passed over.

    Examples
    --------
    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp()) / "head.msh"
    >>> file.touch()
    >>> check_not_input(file, None, file.parent)
    """
    try:
        there = os.stat(path)
    except OSError:  # nothing there, or nothing that can be reached: who writes it says so
        return
    for one in inputs:
        is_there = isinstance(one, (str, os.PathLike)) and os.path.exists(one)
        if is_there and os.path.samestat(there, os.stat(one)):
            raise ArgumentError(f"{os.fspath(path)} is an input; it would be overwritten")


def check_folder(path: str | os.PathLike[str]) -> None:
    """Raise an OSError if no file can be written to a path, before there is work on its content.

    Parameters
    ----------
    path : path
        Of the file to be written.

    Raises
    ------
    OSError
        The folder isn't there or not writable, the path is a folder, or its name is longer than the file
        system allows.

    Examples
    --------
    >>> check_folder("/no/such/folder/a.png")
    Traceback (most recent call last):
    ...
    FileNotFoundError: /no/such/folder/a.png: there is no folder /no/such/folder
    """
    target = Path(path)
    if _is_folder(target):
        raise IsADirectoryError(f"{target} is a folder")
    if not _is_folder(target.parent):
        raise FileNotFoundError(f"{target}: there is no folder {target.parent}")
    _check_name(target)
    if not os.access(target.parent, os.W_OK):
        raise PermissionError(f"{target}: the folder {target.parent} is not writable")


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:  # a name that is too long, before Python 3.12
        return False
