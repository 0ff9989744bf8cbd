# SPDX-License-Identifier: BSD-3-Clause
"""The endings of coil files."""

from __future__ import annotations

import os
from pathlib import Path

from ..errors import FileFormatError

__all__ = ["COIL_ENDINGS", "WIRE_ENDINGS", "coil_ending"]

COIL_ENDINGS = (".ccd", ".tcd", ".nii.gz", ".nii")
WIRE_ENDINGS = (".txt", ".csv", ".npy")  # of the path of a wire: read as a coil, never written


def coil_ending(path: str | os.PathLike[str], verb: str = "read") -> str:
    """Return the ending of a coil file's name; raise FileFormatError unless coils are so read, or written."""
    name = os.fspath(path).lower()
    endings = COIL_ENDINGS + (WIRE_ENDINGS if verb == "read" else ())
    for ending in endings:
        if name.endswith(ending):
            return ending
    known = ", ".join(endings)
    raise FileFormatError(
        f"{os.fspath(path)}: coils are {verb} as {known}, not {Path(path).suffix or 'without an ending'!r}"
    )
