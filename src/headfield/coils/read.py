# SPDX-License-Identifier: BSD-3-Clause
"""Coil files of every kind, told apart by the ending of the name."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from ..core.messages import warn
from ..errors import CoilError, FileFormatError
from .coil import Coil
from .formats.ccd import read_ccd, write_ccd
from .formats.nifti import left_out, read_coil_nifti, write_coil_nifti
from .formats.tcd_read import read_tcd
from .formats.tcd_write import write_tcd
from .sources import SampledPotential

__all__ = ["COIL_ENDINGS", "coil_ending", "read_coil", "write_coil"]

COIL_ENDINGS = (".ccd", ".tcd", ".nii.gz", ".nii")
_PLAUSIBLE_MM = (1.0, 2000.0)  # the largest extent of the sources of a coil


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
    >>> path = Path(tempfile.mkdtemp()) / "coil.tcd"
    >>> circular_coil(name="round").write(path)
    >>> read_coil(path).name
    'round'
    """
    ending = coil_ending(path, "read")
    if ending == ".ccd":
        try:
            coil = Coil(**read_ccd(path))
        except CoilError as problem:
            raise (
                problem if str(path) in str(problem) else CoilError(f"{os.fspath(path)}: {problem}")
            ) from None
    else:
        coil = read_tcd(path) if ending == ".tcd" else read_coil_nifti(path)
    _warn_of_size(path, coil)
    return coil


def _warn_of_size(path: str | os.PathLike[str], coil: Coil) -> None:
    """A coil that no head is stimulated with is most often one in other units."""
    sources = coil.sources()
    points = sources.points_mm
    if len(points) < 2 or sources.sampled:
        return
    extent = float(np.ptp(points, axis=0).max())
    if 0.0 < extent < _PLAUSIBLE_MM[0] or extent > _PLAUSIBLE_MM[1]:
        unit = "m" if coil_ending(path) == ".ccd" else "mm"
        warn(
            f"{os.fspath(path)}: the coil is {extent:.3g} mm across; are its positions in {unit}?",
        )


def write_coil(path: str | os.PathLike[str], coil: Coil) -> None:
    """Write a coil to a file.

    Parameters
    ----------
    path : path
        Ends in .tcd (holds every coil; `read_coil` gives back the same bits), .ccd (only dipoles of one
        stimulator, bit for bit), .nii.gz or .nii (A on a grid; a coil that is not sampled on one grid is
        sampled first). A flexible coil is written as it lies now. Appears whole or not at all.
    coil : Coil

    Raises
    ------
    FileFormatError
        Another ending, or nibabel is missing.
    CoilError
        What the format can't hold: in a .ccd, other sources than dipoles, several stimulators, or a name,
        stimulator or brand with a semicolon or line break; in a .tcd, a grid of more than 16 million numbers.

    Warns
    -----
    UserWarning
        What a .ccd or NIfTI file leaves out, such as flexible parts. (Neither has a casing.)
    """
    ending = coil_ending(path, "written")
    if ending == ".tcd":
        write_tcd(path, coil)
    elif ending == ".ccd":
        _write_ccd(path, coil)
    else:
        write_coil_nifti(path, coil)


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


def _write_ccd(path: str | os.PathLike[str], coil: Coil) -> None:
    if coil.n_segments or any(isinstance(e.source, SampledPotential) for e in coil.elements):
        raise CoilError(
            f"{os.fspath(path)}: a .ccd file holds dipoles only. Wire of a flat coil can be turned into "
            "them, coil.reduced(n) or convert --dipoles N; all else can't: write .tcd or .nii.gz"
        )
    positions_mm, moments = coil.dipole_positions_mm, coil.dipole_moments
    lost = left_out(coil)
    if lost:
        warn(f"{os.fspath(path)}: a .ccd file does not hold {', '.join(lost)}")
    keys = ("name", "didt_max", "stimulator", "brand", "limits_mm", "resolution_mm")
    write_ccd(path, positions_mm, moments, {key: getattr(coil, key) for key in keys})
