# SPDX-License-Identifier: BSD-3-Clause
"""Read coil poses from files of navigation systems and SimNIBS, tables and NumPy arrays; see `endings`."""

from __future__ import annotations

import os

import numpy as np
from numpy.typing import NDArray

from ..core.arguments import real_array
from ..core.messages import warn
from ..errors import FileFormatError, PoseError
from ..io.npy import read_npy
from ..io.regular import check_regular
from ..io.text import read_text
from .checked import checked
from .endings import POSE_ENDINGS, check_ending, pose_ending
from .formats.brainsight import is_brainsight, read_brainsight
from .formats.invesalius import read_invesalius
from .formats.itk import read_itk
from .formats.localite import read_localite
from .formats.markups import read_markups
from .formats.nexstim import is_nexstim, read_nexstim
from .formats.raw import RawPoses, stack_of
from .formats.simnibs_mat import read_simnibs_mat
from .formats.softaxic import read_softaxic
from .formats.table import read_table
from .formats.visor import read_visor
from .plausible import doubt_metres
from .pose_list import PoseList

__all__ = ["is_pose_file", "read_pose_list", "read_poses"]

_WHICH = ("all", "targets", "samples")
_TEXT = (".txt", ".csv", ".mkss", ".nbe")
_READERS = {
    ".xml": read_localite,
    ".stmpx": read_softaxic,
    ".mrk": read_visor,
    ".mrk.json": read_markups,
    ".tfm": read_itk,
}


def read_poses(
    path: str | os.PathLike[str],
    *,
    which: str | int = "all",
    nearest_rotation: bool = False,
    skip_bad: bool = False,
    scan: str | os.PathLike[str] | None = None,
) -> NDArray[np.float64]:
    """Read coil poses: `read_pose_list` without names and dI/dt.

    Parameters
    ----------
    path, which, nearest_rotation, skip_bad, scan
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
    options = {"nearest_rotation": nearest_rotation, "skip_bad": skip_bad}
    return read_pose_list(path, which=which, scan=scan, **options).poses


def read_pose_list(
    path: str | os.PathLike[str],
    *,
    which: str | int = "all",
    nearest_rotation: bool = False,
    skip_bad: bool = False,
    scan: str | os.PathLike[str] | None = None,
) -> PoseList:
    """Read coil poses with their names and dI/dt, and check them as `check_poses` does.

    Markers of navigation systems and positions of SimNIBS sessions that hold no pose are left out with a
    warning that names them; `PoseList.left_out` remembers them, and `PoseList.indices` where the others stand
    in the file. Tables and arrays of numbers are what somebody made, pose by pose, perhaps with a dI/dt for
    each: there a pose that is not a number is an error like any other bad one, unless `skip_bad` is given.

    Parameters
    ----------
    path : path
        The ending says the format, see `headfield.poses.endings`. A .txt or .csv that begins with the header
        of a Brainsight export is read as one.
    which : {"all", "targets", "samples"}, str or int
        What to read from a Brainsight file: planned targets, recorded samples, or both, targets first. From a
        SimNIBS session: the TMSLISTs with this coil (`fnamecoil`), or the one with this index.
    nearest_rotation : bool
        Replace axes that are scaled or sheared by the nearest orthonormal ones (see
        `headfield.nearest_rotation`) instead of refusing them.
    skip_bad : bool
        Leave out what would be refused: scaled, sheared or left-handed axes, and what is no number.
    scan : path, optional
        The NIfTI image (.nii, .nii.gz) that was navigated on. Positions of Nexstim are not to be had without
        it, nor are those of InVesalius where the file does not have them in world coordinates.

    Returns
    -------
    PoseList

    Raises
    ------
    PoseError
        A damaged file, a file without poses, or a pose that is not a rigid placement; the message has its
        index in the file, and its name.
    FileFormatError
        Another ending, a file of another kind under one of these endings, or not a regular file.
    OSError
        The file can't be read.

    Warns
    -----
    UserWarning
        Markers without a pose or bad ones were left out; dI/dt is missing for some poses or has an unknown
        unit; columns were not used; a session has several coils, or conductivities.

    Examples
    --------
    >>> import tempfile
    >>> from headfield import write_poses
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_poses(folder + "/poses.xml", np.eye(4)[[2, 0, 1, 3]], names=["M1"], didt=[62e6])
    ...     read_pose_list(folder + "/poses.xml")
    <PoseList: 1 pose with dI/dt (Localite TriggerMarkers, RAS)>
    """
    ending = check_ending(path, "read from")
    check_regular(path, PoseError)
    try:
        raw = _raw(path, ending, which, scan)
        found, notes = checked(raw, nearest_rotation=nearest_rotation, skip_bad=skip_bad)
    except (PoseError, FileFormatError) as error:
        raise type(error)(f"{os.fspath(path)}: {error}") from None
    for note in notes:
        warn(f"{os.fspath(path)}: {note}")
    doubt_metres(found.poses, os.fspath(path))
    return found


def _raw(
    path: str | os.PathLike[str], ending: str, which: str | int, scan: str | os.PathLike[str] | None
) -> RawPoses:
    if ending != ".mat" and which not in _WHICH:
        raise PoseError(
            f"which = {which!r} must be one of {', '.join(_WHICH)}, or a coil or index of a SimNIBS session"
        )
    text = read_text(path, latin_1="anywhere") if ending in _TEXT else ""
    if ending in (".txt", ".csv") and is_brainsight(text):
        _refuse_scan(scan)
        return read_brainsight(text, str(which))
    if ending == ".mat":
        _refuse_scan(scan)
        return read_simnibs_mat(path, which)
    if which != "all":
        raise PoseError(f"which = {which!r} is for Brainsight files")
    if ending == ".mkss":
        return read_invesalius(text, scan)
    if ending == ".nbe" or (ending == ".txt" and is_nexstim(text)):
        return read_nexstim(text, scan)
    _refuse_scan(scan)
    if ending in _TEXT:
        return read_table(text)
    if ending == ".npy":
        array = real_array(read_npy(path, PoseError), "poses", PoseError)
        return RawPoses(stack_of(array, "the array"), [], None, "NumPy array")
    return _READERS[ending](path)


def _refuse_scan(scan: str | os.PathLike[str] | None) -> None:
    """Raise a PoseError if there is a scan for a file that has world coordinates by itself."""
    if scan is not None:
        raise PoseError("scan= (--scan) is for files of InVesalius and Nexstim, and is not used for this")


def is_pose_file(path: str | os.PathLike[str]) -> bool:
    """Tell whether a file is for `read_poses`, by its ending and, if need be, its beginning.

    Other endings than these count as poses whatever is in them. An `.xml` does if a list of Localite markers
    begins in its first 4096 bytes, a `.mat` if it begins as MATLAB files do (also those
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
    ending = pose_ending(path)
    if ending not in (".xml", ".mat"):
        return ending in POSE_ENDINGS
    check_regular(path, PoseError)
    with open(path, "rb") as file:
        start = file.read(4096)
    if ending == ".mat":
        return start.startswith(b"MATLAB")
    if start[:2] in (b"\xff\xfe", b"\xfe\xff"):
        start = start.decode("utf-16", "replace").encode()
    lists = (b"<InstrumentMarkerList", b"<TriggerMarkerList", b"<GUMMarkerList")
    return any(name in start for name in lists)
