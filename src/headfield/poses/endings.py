# SPDX-License-Identifier: BSD-3-Clause
"""Formats of pose files, by the ending of their name.

| ending | read | written |
|---|---|---|
| `.npy` | (4, 4) or (k, 4, 4) | (k, 4, 4) |
| `.csv` | plain numbers, or named columns | named columns |
| `.txt` | plain numbers, or a Brainsight export | Brainsight targets |
| `.xml` | Localite InstrumentMarkers, TriggerMarkers | TriggerMarkers with dI/dt, InstrumentMarkers without |
| `.stmpx` | Softaxic | Softaxic |
| `.mrk` | ANT visor2 | ANT visor2 |
| `.mat` | SimNIBS session, TMSLIST, `matsimnibs` | SimNIBS session |

The modules in `formats` say what each file holds, and how its coil axes become headfield's: `table`,
`brainsight`, `localite`, `softaxic`, `visor`, `simnibs_mat`.
"""

from __future__ import annotations

import os

from ..errors import FileFormatError
from ..io.regular import ending_of

__all__ = ["POSE_ENDINGS", "check_ending"]

POSE_ENDINGS = (".npy", ".csv", ".txt", ".xml", ".stmpx", ".mrk", ".mat")


def check_ending(path: str | os.PathLike[str], how: str) -> str:
    """Return the ending of a path, in lower case, if poses can have it.

    Parameters
    ----------
    path : path
    how : str
        For the message: "read from" or "written to".

    Raises
    ------
    FileFormatError
        Another ending, or none.

    Examples
    --------
    >>> check_ending("targets.XML", "read from")
    '.xml'
    """
    ending = ending_of(path)
    if ending not in POSE_ENDINGS:
        known = ", ".join(POSE_ENDINGS[:-1]) + f" or {POSE_ENDINGS[-1]}"
        raise FileFormatError(f"{os.fspath(path)}: poses are {how} {known}, not {ending or 'this'}")
    return ending
