# SPDX-License-Identifier: BSD-3-Clause
"""Coil files of every kind, told apart by the ending of the name."""

from __future__ import annotations

import os
from pathlib import Path

from ..coil import Coil
from ..errors import CoilError, FileFormatError
from .ccd import read_ccd, write_ccd

__all__ = ["COIL_ENDINGS", "coil_ending", "read_coil", "write_coil"]

COIL_ENDINGS = (".ccd",)


def read_coil(path: str | os.PathLike[str]) -> Coil:
    """Read a coil from a file.

    Parameters
    ----------
    path : path
        A .ccd file (dipoles; see `headfield.io.ccd`).

    Returns
    -------
    Coil
        With `didt_max`, `stimulator` and `brand` where the file has them.

    Raises
    ------
    FileFormatError
        An ending that is not supported, or not a regular file.
    CoilError
        A damaged file; the message has the line.
    OSError
        The file cannot be read.

    Examples
    --------
    >>> import tempfile
    >>> from headfield import circular_coil
    >>> path = Path(tempfile.mkdtemp()) / "coil.ccd"
    >>> circular_coil(name="round").write(path)
    >>> read_coil(path).name
    'round'
    """
    coil_ending(path, "read")
    return Coil(**read_ccd(path))


def write_coil(path: str | os.PathLike[str], coil: Coil) -> None:
    """Write a coil to a file; `read_coil` gives back the same bits.

    Parameters
    ----------
    path : path
        Ends in .ccd. Appears whole or not at all.
    coil : Coil

    Raises
    ------
    FileFormatError
        Another ending.
    CoilError
        What the format can't hold: in a .ccd, other sources than dipoles, several stimulators, or a name,
        stimulator or brand with a semicolon or line break.
    """
    coil_ending(path, "written")
    metadata = {key: getattr(coil, key) for key in ("name", "didt_max", "stimulator", "brand")}
    write_ccd(path, coil.dipole_positions_mm, coil.dipole_moments, metadata)


def coil_ending(path: str | os.PathLike[str], verb: str = "read") -> str:
    """The ending of a coil file's name, one of `COIL_ENDINGS`, or a FileFormatError."""
    name = os.fspath(path).lower()
    for ending in COIL_ENDINGS:
        if name.endswith(ending):
            return ending
    known = ", ".join(COIL_ENDINGS)
    raise FileFormatError(
        f"{os.fspath(path)}: coils are {verb} as {known}, not {Path(path).suffix or 'without an ending'!r}"
    )
