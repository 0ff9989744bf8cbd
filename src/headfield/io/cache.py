# SPDX-License-Identifier: BSD-3-Clause
"""Arrays that take long to compute, kept in a folder of the user between runs.

Nothing depends on them: what is not there, damaged, or made by another build is computed again, and a folder
that can't be written to is passed over without a word. Two environment variables decide:

- `HEADFIELD_CACHE`: the folder, in place of the usual one of the system (see `cache_folder`); 0 for none.
- `HEADFIELD_CACHE_MB`: how many MB it may hold, 500 if not set; beyond it what was used least recently goes.
"""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core.digest import digest
from ..errors import ArgumentError
from .atomic import replacing
from .npz import DAMAGED, read_arrays

__all__ = ["cache_folder", "cache_limit", "kept"]

_SWITCH, _BOUND = "HEADFIELD_CACHE", "HEADFIELD_CACHE_MB"
_DEFAULT_MB = 500
_BEGINNING, _ENDING = "headfield-", ".npz"  # of the names of files: others in the folder are the user's
_STALE_S = 3600.0  # after which a temporary file belongs to nobody: its process was killed

Arrays = Mapping[str, NDArray[Any]]


def cache_folder() -> Path | None:
    """Return the folder that arrays are kept in, which need not be there yet; None if they are not kept.

    `HEADFIELD_CACHE` if that is set, and else `headfield` in the folder for caches of the system:
    `XDG_CACHE_HOME` or `~/.cache` on Linux, `~/Library/Caches` on macOS, `%LOCALAPPDATA%` on Windows.

    Examples
    --------
    >>> from unittest.mock import patch
    >>> with patch.dict(os.environ, HEADFIELD_CACHE="0"):
    ...     print(cache_folder())
    None
    """
    told = os.environ.get(_SWITCH, "")
    if told == "0":
        return None
    try:
        return Path(told).expanduser() if told else _of_system() / "headfield"
    except RuntimeError:  # the user has no home
        return None


def _of_system() -> Path:
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches"
    told = os.environ.get("LOCALAPPDATA" if sys.platform == "win32" else "XDG_CACHE_HOME", "")
    if Path(told).is_absolute():  # others are to be ignored, says the specification
        return Path(told)
    return Path.home() / ("AppData/Local" if sys.platform == "win32" else ".cache")


def cache_limit() -> int:
    """Return how many bytes may be kept.

    Raises
    ------
    ArgumentError
        `HEADFIELD_CACHE_MB` is not a whole number.

    Examples
    --------
    >>> from unittest.mock import patch
    >>> with patch.dict(os.environ, HEADFIELD_CACHE_MB="200"):
    ...     cache_limit()
    200000000
    """
    told = os.environ.get(_BOUND, "") or str(_DEFAULT_MB)
    if not (told.isascii() and told.isdigit()):
        raise ArgumentError(f"{_BOUND} must be a whole number of MB, not {told!r}")
    return int(told) * 10**6


def kept(key: str, make: Callable[[], Arrays]) -> Arrays:
    """Return the arrays that are kept under a key, or make them and keep them.

    Parameters
    ----------
    key : str
        Digest of all that the arrays depend on: the file is named after it.
    make : callable
        Computes the arrays by name; what is read from a file later has the same bits.

    Returns
    -------
    mapping of str to ndarray

    Raises
    ------
    ArgumentError
        See `cache_limit`; no other error of the folder or of its files is raised.

    Examples
    --------
    >>> import tempfile
    >>> from unittest.mock import patch
    >>> with tempfile.TemporaryDirectory() as folder, patch.dict(os.environ, HEADFIELD_CACHE=folder):
    ...     _ = kept("a", lambda: {"x": np.arange(3)})
    ...     found = kept("a", dict)["x"]
    >>> found
    array([0, 1, 2])
    """
    folder, limit = cache_folder(), cache_limit()
    if folder is None or limit == 0:
        return make()
    path = folder / f"{_BEGINNING}{key}{_ENDING}"
    found = _read(path, key)
    if found is None:
        found = make()
        with contextlib.suppress(OSError):
            _write(path, key, found)
            _make_room(folder, limit)
    return found


def _read(path: Path, key: str) -> Arrays | None:
    """Return what a file holds, or None if it is not what `_write` wrote under this key."""
    try:
        arrays = read_arrays(path, lambda name: True)
        if str(arrays.pop("digest")) != _digest(key, arrays):
            return None
    except (*DAMAGED, OSError, MemoryError):
        return None
    with contextlib.suppress(OSError):  # a folder that is only read from
        os.utime(path)  # used just now
    return arrays


def _write(path: Path, key: str, arrays: Arrays) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with replacing(path) as temporary:
        together: dict[str, Any] = {**arrays, "digest": np.array(_digest(key, arrays))}
        np.savez(temporary, **together)


def _digest(key: str, arrays: Arrays) -> str:
    return digest(key, *sorted(arrays.items()))


def _make_room(folder: Path, limit: int) -> None:
    """Remove what was used least recently until the rest fits, and what killed processes left.

    Files of other names are left alone, as the folder may be one in which the user has arrays. Other
    processes may do the same meanwhile: a file that is gone, or open on Windows, is passed over.
    """
    there, now = [], time.time()
    for entry in os.scandir(folder):
        with contextlib.suppress(OSError):
            facts = entry.stat()
            if entry.name.startswith(f".{_BEGINNING}") and entry.name.endswith(f".part{_ENDING}"):
                if now - facts.st_mtime > _STALE_S:
                    os.unlink(entry.path)
            elif entry.name.startswith(_BEGINNING) and entry.name.endswith(_ENDING):
                there.append((facts.st_mtime, entry.path, facts.st_size))
    size = sum(bytes_ for *_, bytes_ in there)
    for _, path, bytes_ in sorted(there):
        if size <= limit:
            return
        size -= bytes_
        with contextlib.suppress(OSError):
            os.unlink(path)
