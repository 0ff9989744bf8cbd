# SPDX-License-Identifier: BSD-3-Clause
"""Coil poses from and to files: of navigation systems, of SimNIBS, tables and NumPy arrays.

| ending | read | written |
|---|---|---|
| `.npy` | (4, 4) or (k, 4, 4) | (k, 4, 4) |
| `.csv` | plain numbers, or named columns | named columns |
| `.txt` | plain numbers, or a Brainsight export | Brainsight targets |
| `.xml` | Localite InstrumentMarkers, TriggerMarkers | TriggerMarkers with dI/dt, InstrumentMarkers without |
| `.stmpx` | Softaxic | Softaxic |
| `.mrk` | ANT visor2 | ANT visor2 |
| `.mat` | SimNIBS session, TMSLIST, `matsimnibs` | SimNIBS session |

What each holds, and how its coil axes become headfield's, is in the module of the format: `pose_table`,
`brainsight`, `localite`, `softaxic`, `visor`, `simnibs_mat`.
"""

from __future__ import annotations

import os
import tokenize
import unicodedata
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..core.arguments import finite_array
from ..core.messages import warn
from ..errors import FileFormatError, PoseError
from ..io.atomic import replacing
from ..io.regular import check_regular, ending_of
from ..io.text import read_text
from . import pose as _pose
from .formats.brainsight import is_brainsight, read_brainsight, write_brainsight
from .formats.localite import read_localite, write_localite
from .formats.raw import RawPoses
from .formats.simnibs_mat import read_simnibs_mat, write_simnibs_mat
from .formats.softaxic import read_softaxic, write_softaxic
from .formats.table import read_table, write_table
from .formats.visor import read_visor, write_visor
from .pose_list import PoseList

__all__ = ["is_pose_file", "read_pose_list", "read_poses", "write_poses"]

_ENDINGS = (".npy", ".csv", ".txt", ".xml", ".stmpx", ".mrk", ".mat")
_NO_DIDT = (".npy", ".txt", ".stmpx", ".mrk")
_NO_LETTERS = "\ufffe\uffff"  # not in XML, nor are control characters and halves of surrogate pairs
_WHICH = ("all", "targets", "samples")


def read_poses(path: str | os.PathLike[str], *, nearest_rotation: bool = False) -> NDArray[np.float64]:
    """Read coil poses: `read_pose_list` without names and dI/dt.

    Parameters
    ----------
    path, nearest_rotation
        See `read_pose_list`.

    Returns
    -------
    ndarray (k, 4, 4) float64
        Coil to head, mm.

    Raises
    ------
    PoseError, FileFormatError, OSError
        See `read_pose_list`.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     np.savetxt(folder + "/poses.csv", [np.eye(4).ravel()] * 3, delimiter=",")
    ...     read_poses(folder + "/poses.csv").shape
    (3, 4, 4)
    """
    return _read(path, "all", nearest_rotation).poses


def read_pose_list(
    path: str | os.PathLike[str], *, which: str = "all", nearest_rotation: bool = False
) -> PoseList:
    """Read coil poses with their names and dI/dt, and check them as `check_poses` does.

    Parameters
    ----------
    path : path
        The ending says the format, see the module. A .txt that begins with a Brainsight header is one.
    which : {"all", "targets", "samples"}
        Of a Brainsight file: the planned targets, the recorded samples, or both, targets first.
    nearest_rotation : bool
        Replace axes that are scaled or sheared by the nearest orthonormal ones (see
        `headfield.nearest_rotation`) instead of refusing them.

    Returns
    -------
    PoseList

    Raises
    ------
    PoseError
        A damaged file, no poses, or a pose that is no rigid placement.
    FileFormatError
        Another ending, another kind of file under one of these, or not a regular file.
    OSError
        The file can't be read.

    Warns
    -----
    UserWarning
        Markers that hold no pose and were left out, dI/dt that is missing for some poses or in an unknown
        unit, columns that are not used.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_poses(folder + "/poses.xml", np.eye(4)[[2, 0, 1, 3]], names=["M1"], didt=[62e6])
    ...     read_pose_list(folder + "/poses.xml")
    <PoseList: 1 pose with dI/dt (Localite TriggerMarkers, RAS)>
    """
    return _read(path, which, nearest_rotation)


def _read(path: str | os.PathLike[str], which: str, nearest: bool) -> PoseList:
    ending = _ending(path, "read from")
    if which not in _WHICH:
        raise PoseError(f"which = {which!r} is none of {', '.join(_WHICH)}")
    check_regular(path, PoseError)
    try:
        raw = _raw(path, ending, which)
        poses = _pose.nearest_rotation(raw.poses) if nearest else raw.poses
        found = PoseList(poses, tuple(raw.names), raw.didt, raw.kind)
    except (PoseError, FileFormatError) as error:
        raise type(error)(f"{os.fspath(path)}: {error}") from None
    for note in raw.notes:
        warn(f"{os.fspath(path)}: {note}")
    return found


def _raw(path: str | os.PathLike[str], ending: str, which: str) -> RawPoses:
    if ending == ".txt":
        text = read_text(path)
        if is_brainsight(text):
            return read_brainsight(text, which)
    if which != "all":
        raise PoseError(f"which = {which!r} is for Brainsight files")
    if ending == ".txt":
        return read_table(text)
    if ending == ".csv":
        return read_table(read_text(path))
    if ending == ".npy":
        return RawPoses(_read_npy(path), [], None, "NumPy array")
    readers = {".xml": read_localite, ".stmpx": read_softaxic, ".mrk": read_visor, ".mat": read_simnibs_mat}
    return readers[ending](path)


def _read_npy(path: str | os.PathLike[str]) -> NDArray[np.generic]:
    """Map the file, which holds its size against its header, and never unpickles."""
    if os.path.getsize(path) == 0:
        raise PoseError("the file is empty")
    try:
        return np.array(np.lib.format.open_memmap(path, mode="r"))
    except (ValueError, TypeError, KeyError, SyntaxError, EOFError, OverflowError, MemoryError) as error:
        raise PoseError(f"not a .npy array of numbers: {error}") from None
    except tokenize.TokenError as error:  # from the header of a damaged file that resembles Python 2's
        raise PoseError(f"not a .npy array of numbers: {error}") from None


def write_poses(
    path: str | os.PathLike[str],
    poses: ArrayLike | PoseList,
    names: Sequence[str] | None = None,
    didt: ArrayLike | None = None,
    *,
    coordinates: str = "NIfTI:Scanner",
) -> None:
    """Write coil poses; the ending says the format.

    Parameters
    ----------
    path : path
        `.npy`, `.csv` (named columns), `.txt` (Brainsight), `.xml` (Localite: TriggerMarkers if there is
        dI/dt, else InstrumentMarkers), `.stmpx` (Softaxic), `.mrk` (ANT visor2) or `.mat` (a SimNIBS session,
        needs SciPy). Overwritten if it exists, and complete or not there.
    poses : PoseList or array_like (4, 4) or (k, 4, 4)
        Coil to head, mm.
    names : sequence of str, optional
        One for each pose; by default those of the PoseList, or "pose 0", "pose 1", …. `.npy` holds none.
    didt : array_like (k,), optional
        dI/dt, A/s; by default that of the PoseList. `.csv`, `.xml` and `.mat` hold it.
    coordinates : str
        For `.txt`: the coordinate system that Brainsight shall take the positions in, "NIfTI:Scanner" or
        "NIfTI:Aligned", as the header of the image says that the head mesh follows.

    Raises
    ------
    PoseError
        A pose that `check_poses` refuses, names or dI/dt that aren't one for each pose, a name with control
        characters, or one that the format can't hold.
    FileFormatError
        Another ending, or .mat without SciPy.
    OSError
        The file can't be written.

    Warns
    -----
    UserWarning
        There is dI/dt, and the format holds none.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_poses(folder + "/targets.txt", np.eye(4), names=["M1"], coordinates="NIfTI:Aligned")
    ...     read_pose_list(folder + "/targets.txt").names
    ('M1',)
    """
    ending = _ending(path, "written to")
    if not isinstance(poses, PoseList):
        poses = PoseList(_pose.check_poses(poses))
    rates = poses.didt if didt is None else finite_array(didt, "didt", PoseError)
    whole = PoseList(poses.poses, poses.names if names is None else names, rates)
    for index, name in enumerate(whole.names):
        if any(letter in _NO_LETTERS or unicodedata.category(letter) in ("Cc", "Cs") for letter in name):
            raise PoseError(f"names[{index}] = {name[:40]!r} has characters that aren't text")
    if whole.didt is not None and ending in _NO_DIDT:
        warn(f"{os.fspath(path)}: a {ending} file holds no dI/dt: it isn't written")
    if ending == ".npy":
        with replacing(path) as temporary, open(temporary, "wb") as file:
            np.save(file, whole.poses, allow_pickle=False)
    elif ending == ".txt":
        write_brainsight(path, whole, coordinates)
    else:
        writers = {".csv": write_table, ".xml": write_localite, ".stmpx": write_softaxic}
        writers |= {".mrk": write_visor, ".mat": write_simnibs_mat}
        writers[ending](path, whole)


def is_pose_file(path: str | os.PathLike[str]) -> bool:
    """Whether this file is for `read_poses`: by its ending and, if others share that, its beginning.

    `.npy`, `.csv`, `.txt`, `.stmpx` and `.mrk` are poses to headfield whatever is in them. `.xml` is if a
    list of Localite markers begins in its first 4096 bytes, `.mat` if it begins as a MATLAB file does (also
    one of version 7.3, so that the reader says what is wrong with it).

    Raises
    ------
    FileFormatError
        Not a regular file.
    OSError
        The file can't be read.

    Examples
    --------
    >>> is_pose_file("head.msh"), is_pose_file("poses.csv")
    (False, True)
    """
    ending = ending_of(path)
    if ending not in (".xml", ".mat"):
        return ending in _ENDINGS
    check_regular(path, PoseError)
    with open(path, "rb") as file:
        start = file.read(4096)
    if ending == ".mat":
        return start.startswith(b"MATLAB")
    return b"<InstrumentMarkerList" in start or b"<TriggerMarkerList" in start


def _ending(path: str | os.PathLike[str], how: str) -> str:
    ending = ending_of(path)
    if ending not in _ENDINGS:
        known = ", ".join(_ENDINGS[:-1]) + f" or {_ENDINGS[-1]}"
        raise FileFormatError(f"{os.fspath(path)}: poses are {how} {known}, not {ending or 'this'}")
    return ending
