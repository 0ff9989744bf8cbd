# SPDX-License-Identifier: BSD-3-Clause
"""Reads coils from files of every kind, told apart by the ending of the name."""

from __future__ import annotations

import os
from pathlib import Path

from ..errors import CoilError
from .coil import Coil
from .endings import WIRE_ENDINGS, coil_ending
from .formats.ccd import read_ccd
from .formats.nifti import read_coil_nifti
from .formats.tcd_read import read_tcd
from .formats.wire_text import read_wire
from .parts import CoilContent, CoilElement
from .plausible import warn_of_coil, warn_of_front
from .wire import wire_segments

__all__ = ["read_coil"]


def read_coil(path: str | os.PathLike[str]) -> Coil:
    """Read a coil from a file.

    Parameters
    ----------
    path : path
        Ends in .ccd (dipoles; see `headfield.coils.formats.ccd`), .tcd (dipoles, wire or a grid, in parts;
        see `headfield.coils.formats.tcd_read`), .nii or .nii.gz (a grid; see
        `headfield.coils.formats.nifti`). Or in .txt, .csv or .npy, with the path of its wire (see
        `read_wire`), which becomes a coil as by `wire_coil` with its defaults, named after the file.

    Returns
    -------
    Coil
        With `didt_max`, `stimulator` and `brand` where the file has them.

    Raises
    ------
    FileFormatError
        An ending that is not supported, not a regular file, a damaged NIfTI image, or nibabel is missing.
    CoilError
        A damaged file; the message has the line or the place in it.
    OSError
        The file cannot be read.

    Warns
    -----
    UserWarning
        What was left out of the file, or is dubious in it.
    PlausibilityWarning
        Sizes, moments, or a largest dI/dt that no coil for a head has; sources in front of its face, where
        the head is.

    Examples
    --------
    >>> import tempfile
    >>> from headfield import circular_coil
    >>> path = tempfile.mkdtemp() + "/coil.tcd"
    >>> circular_coil(name="round").write(path)
    >>> read_coil(path).name
    'round'
    """
    name = os.fspath(path)
    content = _READERS[coil_ending(path)](path)
    try:
        coil = Coil.of(content)
    except CoilError as problem:
        raise CoilError(f"{name}: {problem}") from None
    warn_of_coil(coil, f"{name}: ")
    warn_of_front(coil, f"{name}: ")
    return coil


def _read_wire_coil(path: str | os.PathLike[str]) -> CoilContent:
    paths = read_wire(path)
    try:
        segments = wire_segments(paths)
    except CoilError as problem:
        raise CoilError(f"{os.fspath(path)}: {problem}") from None
    return CoilContent(elements=(CoilElement(segments),), name=Path(path).stem)


_READERS = {".ccd": read_ccd, ".tcd": read_tcd, ".nii": read_coil_nifti, ".nii.gz": read_coil_nifti}
_READERS |= dict.fromkeys(WIRE_ENDINGS, _read_wire_coil)
