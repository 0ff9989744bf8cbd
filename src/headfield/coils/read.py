# SPDX-License-Identifier: BSD-3-Clause
"""Reads coils from files of every kind, told apart by the ending of the name."""

from __future__ import annotations

import os

import numpy as np

from ..core.messages import warn
from ..errors import CoilError
from .coil import Coil
from .endings import coil_ending
from .formats.ccd import read_ccd
from .formats.nifti import read_coil_nifti
from .formats.tcd_read import read_tcd
from .sources import EXTENT_MM

__all__ = ["read_coil"]

_READERS = {".ccd": read_ccd, ".tcd": read_tcd, ".nii": read_coil_nifti, ".nii.gz": read_coil_nifti}


def read_coil(path: str | os.PathLike[str]) -> Coil:
    """Read a coil from a file.

    Parameters
    ----------
    path : path
        Ends in .ccd (dipoles; see `headfield.coils.formats.ccd`), .tcd (dipoles, wire or a grid, in parts;
        see `headfield.coils.formats.tcd_read`), .nii or .nii.gz (a grid; see
        `headfield.coils.formats.nifti`).

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

    Examples
    --------
    >>> import tempfile
    >>> from headfield import circular_coil
    >>> path = tempfile.mkdtemp() + "/coil.tcd"
    >>> circular_coil(name="round").write(path)
    >>> read_coil(path).name
    'round'
    """
    content = _READERS[coil_ending(path)](path)
    try:
        coil = Coil.of(content)
    except CoilError as problem:
        raise CoilError(f"{os.fspath(path)}: {problem}") from None
    _warn_of_size(path, coil)
    return coil


def _warn_of_size(path: str | os.PathLike[str], coil: Coil) -> None:
    """Warn of a coil of a size that no head is stimulated with: most often it is in other units."""
    sources = coil.sources()
    points = sources.points_mm
    if len(points) < 2 or sources.sampled:
        return
    extent = float(np.ptp(points, axis=0).max())
    if 0.0 < extent < EXTENT_MM[0] or extent > EXTENT_MM[1]:
        unit = "m" if coil_ending(path) == ".ccd" else "mm"
        warn(
            f"{os.fspath(path)}: the coil is {extent:.3g} mm across; are its positions in {unit}?",
        )
