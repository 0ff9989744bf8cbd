# SPDX-License-Identifier: BSD-3-Clause
"""Write coil poses to files; the ending of the name says the format, see `endings`."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from ..core.arguments import finite_array
from ..core.messages import warn
from ..errors import PoseError
from ..io.atomic import replacing
from .endings import WRITTEN_ENDINGS, check_ending
from .formats.brainsight import write_brainsight
from .formats.itk import write_itk
from .formats.localite import write_localite
from .formats.markups import write_markups
from .formats.simnibs_mat import write_simnibs_mat
from .formats.softaxic import write_softaxic
from .formats.table import write_table
from .formats.visor import write_visor
from .pose import check_poses
from .pose_list import PoseList

__all__ = ["write_poses"]

_NO_DIDT = (".npy", ".txt", ".stmpx", ".mrk", ".mrk.json", ".tfm")
_NO_LETTERS = "\ufffe\uffff"  # not in XML, nor are control characters and halves of surrogate pairs


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
        dI/dt, else InstrumentMarkers), `.stmpx` (Softaxic), `.mrk` (ANT visor2), `.mrk.json` (3D Slicer
        markups), `.tfm` (ITK transform, one pose) or `.mat` (a SimNIBS session, needs SciPy). A file that is
        there is replaced; the new one appears whole or not at all.
    poses : PoseList or array_like (4, 4) or (k, 4, 4)
        Coil to head, mm.
    names : sequence of str, optional
        One for each pose; by default those of the PoseList, or "pose 0", "pose 1", …. `.npy` holds none.
    didt : array_like (k,), optional
        dI/dt, A/s; by default that of the PoseList. `.csv`, `.xml` and `.mat` hold it.
    coordinates : str
        For `.txt`: the coordinate system in which Brainsight shall read the positions, "NIfTI:Scanner" or
        "NIfTI:Aligned": the one of the image's header that the head mesh follows.

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
        There is dI/dt, which the format can't hold.

    Examples
    --------
    >>> import tempfile
    >>> from headfield import read_pose_list
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_poses(folder + "/targets.txt", np.eye(4), names=["M1"], coordinates="NIfTI:Aligned")
    ...     read_pose_list(folder + "/targets.txt").names
    ('M1',)
    """
    ending = check_ending(path, "written to", WRITTEN_ENDINGS)
    if not isinstance(poses, PoseList):
        poses = PoseList(check_poses(poses))
    rates = poses.didt if didt is None else finite_array(didt, "didt", PoseError)
    whole = PoseList(poses.poses, poses.names if names is None else names, rates)
    for index, name in enumerate(whole.names):
        if any(letter in _NO_LETTERS or unicodedata.category(letter) in ("Cc", "Cs") for letter in name):
            raise PoseError(f"names[{index}] = {name[:40]!r} has characters that aren't text")
    if whole.didt is not None and ending in _NO_DIDT:
        warn(f"{os.fspath(path)}: a {ending} file can't hold dI/dt: it is left out")
    if ending == ".npy":
        with replacing(path) as temporary, open(temporary, "wb") as file:
            np.save(file, whole.poses, allow_pickle=False)
    elif ending == ".txt":
        write_brainsight(path, whole, coordinates)
    else:
        writers = {".csv": write_table, ".xml": write_localite, ".stmpx": write_softaxic}
        writers |= {
            ".mrk": write_visor,
            ".mrk.json": write_markups,
            ".tfm": write_itk,
            ".mat": write_simnibs_mat,
        }
        writers[ending](path, whole)
