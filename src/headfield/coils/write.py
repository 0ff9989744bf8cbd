# SPDX-License-Identifier: BSD-3-Clause
"""Writes coils to files of every kind, told apart by the ending of the name."""

from __future__ import annotations

import os

from .endings import coil_ending
from .formats.ccd import write_ccd
from .formats.nifti import write_coil_nifti
from .formats.tcd_write import write_tcd
from .parts import CoilContent

__all__ = ["write_coil"]


def write_coil(path: str | os.PathLike[str], coil: CoilContent) -> None:
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
        write_ccd(path, coil)
    else:
        write_coil_nifti(path, coil)
