# SPDX-License-Identifier: BSD-3-Clause
"""Formats of pose files, by the ending of their name.

| ending | read | written |
|---|---|---|
| `.npy` | (4, 4), (k, 4, 4) or (4, 4, k) | (k, 4, 4) |
| `.csv` | numbers, printed matrices, named columns, Brainsight saved by a spreadsheet | named columns |
| `.txt` | numbers, printed matrices, exports of Brainsight and Nexstim | Brainsight targets |
| `.xml` | Localite InstrumentMarkers, TriggerMarkers, GUMMarkers | TriggerMarkers or InstrumentMarkers |
| `.stmpx` | Softaxic | Softaxic |
| `.mrk` | ANT visor2 | ANT visor2 |
| `.mrk.json` | 3D Slicer markups | 3D Slicer markups |
| `.tfm` | ITK transform | ITK transform, of one pose |
| `.mkss` | InVesalius markers | |
| `.nbe` | Nexstim export | |
| `.mat` | SimNIBS session, TMSLIST, `matsimnibs`, one array | SimNIBS session |

The modules in `formats` say what each file holds, and how its coil axes become headfield's: `table`,
`printed`, `brainsight`, `localite`, `softaxic`, `visor`, `markups`, `itk`, `invesalius`, `nexstim`,
`simnibs_mat`.
"""

from __future__ import annotations

import os

from ..errors import FileFormatError
from ..io.regular import ending_of

__all__ = ["POSE_ENDINGS", "WRITTEN_ENDINGS", "check_ending", "pose_ending"]

WRITTEN_ENDINGS = (".npy", ".csv", ".txt", ".xml", ".stmpx", ".mrk", ".mrk.json", ".tfm", ".mat")
POSE_ENDINGS = (*WRITTEN_ENDINGS, ".mkss", ".nbe")


def pose_ending(path: str | os.PathLike[str]) -> str:
    """Return the ending of a path, in lower case; 3D Slicer's markups have .mrk.json, or .mkp.json as well.

    Examples
    --------
    >>> pose_ending("coil.MRK.json"), pose_ending("coil.mkp.json"), pose_ending("a.b.csv")
    ('.mrk.json', '.mrk.json', '.csv')
    """
    markups = os.fspath(path).lower().endswith((".mrk.json", ".mkp.json"))
    return ".mrk.json" if markups else ending_of(path)


def check_ending(path: str | os.PathLike[str], how: str, endings: tuple[str, ...] = POSE_ENDINGS) -> str:
    """Return the ending of a path, in lower case, if poses can have it.

    Parameters
    ----------
    path : path
    how : str
        For the message: "read from" or "written to".
    endings : tuple of str
        Which it may be.

    Raises
    ------
    FileFormatError
        Another ending, or none.

    Examples
    --------
    >>> check_ending("targets.XML", "read from")
    '.xml'
    """
    ending = pose_ending(path)
    if ending not in endings:
        known = ", ".join(endings[:-1]) + f" or {endings[-1]}"
        raise FileFormatError(f"{os.fspath(path)}: poses are {how} {known}, not {ending or 'this'}")
    return ending
