# SPDX-License-Identifier: BSD-3-Clause
"""The endings of coil files."""

from __future__ import annotations

import os
from pathlib import Path

from ..errors import FileFormatError

__all__ = ["COIL_ENDINGS", "coil_ending"]

COIL_ENDINGS = (".ccd", ".tcd", ".nii.gz", ".nii")


def coil_ending(path: str | os.PathLike[str], verb: str = "read") -> str:
    """Return the ending of a coil file's name; raise FileFormatError unless it is one of `COIL_ENDINGS`."""
    name = os.fspath(path).lower()
    for ending in COIL_ENDINGS:
        if name.endswith(ending):
            return ending
    known = ", ".join(COIL_ENDINGS)
    raise FileFormatError(
        f"{os.fspath(path)}: coils are {verb} as {known}, not {Path(path).suffix or 'without an ending'!r}"
    )
