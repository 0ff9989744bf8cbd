# SPDX-License-Identifier: BSD-3-Clause
"""Files that appear whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["check_folder", "replacing"]


@contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Give a temporary path beside `path`; what was written there takes its place if the block succeeds.

    A crash, an interrupt or a full disk leaves what was at `path` before, and no half-written file.

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
    temporary = target.with_name(f".{target.stem[:80]}.{os.getpid()}.part{target.suffix}")
    try:
        yield temporary
        with open(temporary, "rb+") as file:
            os.fsync(file.fileno())
        os.replace(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)


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
