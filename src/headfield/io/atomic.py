# SPDX-License-Identifier: BSD-3-Clause
"""Files that appear whole or not at all."""

from __future__ import annotations

import errno
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..errors import StorageError

__all__ = ["check_folder", "replacing"]

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)

_LONGEST_STEM = 80  # bytes of the name that the temporary one repeats; file systems allow 255 in all


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
        The folder isn't there or not writable.

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
    stem = target.stem.encode("utf-8", "ignore")[:_LONGEST_STEM].decode("utf-8", "ignore")
    while True:
        temporary = target.with_name(f".{stem}.{secrets.token_hex(8)}.part{target.suffix}")
        try:
            os.close(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666))
        except FileExistsError:
            continue
        return temporary


def check_folder(path: str | os.PathLike[str]) -> None:
    """Raise an OSError if no file can be written to a path, before there is work on its content.

    Parameters
    ----------
    path : path
        Of the file to be written.

    Raises
    ------
    OSError
        The folder isn't there or not writable, or the path is a folder.

    Examples
    --------
    >>> check_folder("/no/such/folder/a.png")
    Traceback (most recent call last):
    ...
    FileNotFoundError: /no/such/folder/a.png: there is no folder /no/such/folder
    """
    target = Path(path)
    if target.is_dir():
        raise IsADirectoryError(f"{target} is a folder")
    if not target.parent.is_dir():
        raise FileNotFoundError(f"{target}: there is no folder {target.parent}")
    if not os.access(target.parent, os.W_OK):
        raise PermissionError(f"{target}: the folder {target.parent} is not writable")
