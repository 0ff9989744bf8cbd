# SPDX-License-Identifier: BSD-3-Clause
"""Read coil poses from files of navigation systems and SimNIBS, tables and NumPy arrays; see `endings`."""

from __future__ import annotations

import os
import tokenize

import numpy as np
from numpy.typing import NDArray

from ..core.messages import warn
from ..errors import FileFormatError, PoseError
from ..io.regular import check_regular, ending_of
from ..io.text import read_text
from .endings import POSE_ENDINGS, check_ending
from .formats.brainsight import is_brainsight, read_brainsight
from .formats.localite import read_localite
from .formats.raw import RawPoses
from .formats.simnibs_mat import read_simnibs_mat
from .formats.softaxic import read_softaxic
from .formats.table import read_table
from .formats.visor import read_visor
from .plausible import doubt_metres
from .pose import nearest_rotation as nearest_rotation_of
from .pose_list import PoseList

__all__ = ["is_pose_file", "read_pose_list", "read_poses"]

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
        The ending says the format, see `headfield.poses.endings`. A .txt that begins with the header of a
        Brainsight export is read as one.
    which : {"all", "targets", "samples"}
        What to read from a Brainsight file: planned targets, recorded samples, or both, targets first.
    nearest_rotation : bool
        Replace axes that are scaled or sheared by the nearest orthonormal ones (see
        `headfield.nearest_rotation`) instead of refusing them.

    Returns
    -------
    PoseList

    Raises
    ------
    PoseError
        A damaged file, a file without poses, or a pose that is not a rigid placement.
    FileFormatError
        Another ending, a file of another kind under one of these endings, or not a regular file.
    OSError
        The file can't be read.

    Warns
    -----
    UserWarning
        Markers without a pose were left out; dI/dt is missing for some poses or has an unknown unit; columns
        were not used.

    Examples
    --------
    >>> import tempfile
    >>> from headfield import write_poses
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_poses(folder + "/poses.xml", np.eye(4)[[2, 0, 1, 3]], names=["M1"], didt=[62e6])
    ...     read_pose_list(folder + "/poses.xml")
    <PoseList: 1 pose with dI/dt (Localite TriggerMarkers, RAS)>
    """
    return _read(path, which, nearest_rotation)


def _read(path: str | os.PathLike[str], which: str, nearest: bool) -> PoseList:
    ending = check_ending(path, "read from")
    if which not in _WHICH:
        raise PoseError(f"which = {which!r} must be one of {', '.join(_WHICH)}")
    check_regular(path, PoseError)
    try:
        raw = _raw(path, ending, which)
        poses = nearest_rotation_of(raw.poses) if nearest else raw.poses
        found = PoseList(poses, tuple(raw.names), raw.didt, raw.kind)
    except (PoseError, FileFormatError) as error:
        raise type(error)(f"{os.fspath(path)}: {error}") from None
    for note in raw.notes:
        warn(f"{os.fspath(path)}: {note}")
    doubt_metres(found.poses, os.fspath(path))
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
    """Read an array by mapping the file: the mapping fails where file and header disagree in size.

    `np.load` would allocate what a damaged header claims, and could be made to unpickle.
    """
    if os.path.getsize(path) == 0:
        raise PoseError("the file is empty")
    try:
        return np.array(np.lib.format.open_memmap(path, mode="r"))
    except (ValueError, TypeError, KeyError, SyntaxError, EOFError, OverflowError, MemoryError) as error:
        raise PoseError(f"not a .npy array of numbers: {error}") from None
    except tokenize.TokenError as error:  # from the header of a damaged file that resembles Python 2's
        raise PoseError(f"not a .npy array of numbers: {error}") from None


def is_pose_file(path: str | os.PathLike[str]) -> bool:
    """Tell whether a file is for `read_poses`, by its ending and, if need be, its beginning.

    `.npy`, `.csv`, `.txt`, `.stmpx` and `.mrk` count as poses whatever is in them. An `.xml` does if a list
    of Localite markers begins in its first 4096 bytes, a `.mat` if it begins as MATLAB files do (also those
    of version 7.3, so that the reader can say what is wrong with them).

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
        return ending in POSE_ENDINGS
    check_regular(path, PoseError)
    with open(path, "rb") as file:
        start = file.read(4096)
    if ending == ".mat":
        return start.startswith(b"MATLAB")
    return b"<InstrumentMarkerList" in start or b"<TriggerMarkerList" in start
