# SPDX-License-Identifier: BSD-3-Clause
"""Calls of meshio that can neither end the process nor raise anything but errors of this package.

`meshio.read` prints what it could not read and then exits. So the reader of the format itself is called here,
which raises instead. What meshio leaves out of a file it says on the standard error itself; that stays, as
nothing could hold it back without holding back what other threads print.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from ..core.messages import in_one_line
from ..errors import FileFormatError, HeadfieldError, MeshError
from .growth import check_gzip
from .hdf5 import check_hdf5
from .regular import ending_of
from .vtu import check_blocks
from .xml import check_dolfin, check_entities, check_xdmf

__all__ = ["check_content", "check_known", "contained", "formats_of", "needed_meshio", "read_content"]

_MODULES = {"dolfin-xml": "dolfin"}  # where the module of a format is not called as the format
_LONGEST_REASON = 300
# What is looked at first, in this order, by the ending of the name.
_CHECKS = {
    ".vtu": (check_entities, check_blocks),
    ".xdmf": (check_entities, check_xdmf),
    ".xmf": (check_entities, check_xdmf),
    ".xml": (check_entities, check_dolfin),
    ".gz": (check_gzip,),
    **dict.fromkeys((".h5m", ".hmf", ".med", ".cgns", ".e", ".exo", ".ex2"), (check_hdf5,)),
}


def needed_meshio(path: str | os.PathLike[str]) -> Any:
    """Import meshio for a file of a format that only it knows.

    It is imported here and not with this module, because .msh and .npz do without it: so headfield works
    where there is nothing but NumPy, and `import headfield` takes a quarter less time.

    Raises
    ------
    FileFormatError
        meshio is not installed.
    """
    try:
        import meshio  # type: ignore[import-untyped]
    except ImportError as problem:
        raise FileFormatError(
            f"{os.fspath(path)}: this format needs meshio (pip install meshio): {problem}"
        ) from None
    return meshio


def formats_of(path: str | os.PathLike[str]) -> list[str]:
    """Return what meshio calls the formats of files with this ending; none if it knows no such ending.

    Raises
    ------
    FileFormatError
        meshio is not installed.

    Examples
    --------
    >>> formats_of("a.vtu"), formats_of("b.vol.gz"), formats_of("c.docx")
    (['vtu'], ['netgen'], [])
    """
    known = needed_meshio(path).extension_to_filetypes
    ending, formats = "", []
    for suffix in reversed(Path(path).suffixes):
        ending = (suffix + ending).lower()
        formats += known.get(ending, [])
    return formats


def check_known(path: str | os.PathLike[str]) -> None:
    """Raise FileFormatError unless meshio is there and knows a format of this ending.

    Examples
    --------
    >>> check_known("a.vtu")
    >>> check_known("c.docx")
    Traceback (most recent call last):
    ...
    headfield.errors.FileFormatError: c.docx: no mesh format is known by this file name ending
    """
    if not formats_of(path):
        raise FileFormatError(f"{os.fspath(path)}: no mesh format is known by this file name ending")


def check_content(path: str | os.PathLike[str]) -> None:
    """Look at a file before meshio reads it, for what its readers would not survive.

    To be called in `contained("read")`, too.

    Raises
    ------
    MeshError
        Content that unpacks to all the memory, XML entities, or data that are said to lie in other files,
        outside of the folder of this one.
    Exception
        Whatever a damaged file leads to.
    """
    for check in _CHECKS.get(ending_of(path), ()):
        check(path, MeshError)


def read_content(path: str | os.PathLike[str]) -> Any:
    """Read a file by meshio's reader of its format; to be called in `contained("read")`.

    Returns
    -------
    meshio.Mesh

    Raises
    ------
    FileFormatError
        No format is known by the ending of the name, or meshio is not installed.
    Exception
        Whatever the reader of the format makes of a damaged file.
    """
    meshio = needed_meshio(path)
    problems = []
    for name in formats_of(path):
        reader = getattr(getattr(meshio, _MODULES.get(name, name), None), "read", None)
        if reader is None:
            continue
        try:
            return reader(os.fspath(path))
        except meshio.ReadError as problem:  # another format of this ending may fit
            problems.append(problem)
    if problems:
        raise problems[-1]
    raise FileFormatError(f"{os.fspath(path)}: no mesh format is known by this file name ending")


@contextlib.contextmanager
def contained(doing: str) -> Iterator[None]:
    """Turn whatever meshio raises in the block into a MeshError, its exits too.

    Parameters
    ----------
    doing : {"read", "write"}
        OSError passes if it is "write": the disk is full, or the folder is read-only. meshio's readers raise
        it for damaged files too.

    Raises
    ------
    MeshError
        Says what meshio said, without the name of the file.

    Examples
    --------
    >>> with contained("read"):
    ...     raise KeyError("cells")
    Traceback (most recent call last):
    ...
    headfield.errors.MeshError: meshio could not read it: 'cells'
    """
    try:
        with np.errstate(all="ignore"):
            yield
    except HeadfieldError:
        raise
    except MemoryError as error:  # in a file, mostly a count far beyond what is there
        if doing == "write":
            raise
        raise MeshError(f"meshio could not {doing} it: it asks for too much memory: {error}") from error
    except (Exception, SystemExit) as error:
        if doing == "write" and isinstance(error, OSError):
            raise
        raise MeshError(f"meshio could not {doing} it: {in_one_line(error)[:_LONGEST_REASON]}") from error
