# SPDX-License-Identifier: BSD-3-Clause
"""SimNIBS sessions: .mat files of MATLAB 5, with TMSLIST and POSITION structs.

What is read: `matsimnibs` (4, 4), `didt` (A/s) and `name` of each POSITION in a session, a TMSLIST or alone
(`simnibs_session` says how they lie in the file); or a variable `matsimnibs`, (4, 4) or (4, 4, k).

`matsimnibs` is coil to head, mm, in headfield's coil frame. A POSITION without it has only a `centre` and a
`pos_ydir`, from which a pose follows with a head: see `headfield.read_placements`.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np

from ...core.arguments import real_array
from ...errors import FileFormatError, PoseError
from ...io.atomic import replacing
from ..pose_list import PoseList
from .mat5 import read_mat5
from .raw import RawPoses, didt_of_all
from .simnibs_session import holder_of_poses, tms_lists

__all__ = ["read_simnibs_mat", "write_simnibs_mat"]

_NO_POSE = (
    "has no matsimnibs: its centre and pos_ydir give a pose only with a head, see headfield.read_placements "
    "and headfield.place"
)


def read_simnibs_mat(path: str | os.PathLike[str]) -> RawPoses:
    """Read the coil poses of a SimNIBS .mat file; see the module.

    Raises
    ------
    PoseError
        A damaged file, no coil positions, a position whose `matsimnibs` is missing or has another shape, coil
        positions in more than one variable.
    FileFormatError
        MATLAB 7.3 or 4.

    Examples
    --------
    >>> import tempfile
    >>> path = tempfile.mkdtemp() + "/session.mat"
    >>> write_simnibs_mat(path, PoseList(np.eye(4), ["M1"], didt=[1e6]))
    >>> raw = read_simnibs_mat(path)
    >>> raw.names, raw.didt, raw.kind
    (['M1'], array([1000000.]), 'SimNIBS session')
    """
    holder = holder_of_poses(read_mat5(Path(path).read_bytes()))
    if "poslist" not in holder and "pos" not in holder and isinstance(holder.get("matsimnibs"), np.ndarray):
        return _of_matrices(holder)
    names, poses, didt, notes = [], [], [], list[str]()
    listed = [(one, number) for one in tms_lists(holder) for number in range(len(one.positions))]
    for one, number in listed:
        where, position = one.where(number), one.positions[number]
        name, matrix = position.get("name"), position.get("matsimnibs")
        names.append(name if isinstance(name, str) else "")
        if not isinstance(matrix, np.ndarray) or matrix.size == 0:
            raise PoseError(f"{where} {_NO_POSE}")
        if matrix.shape != (4, 4):
            raise PoseError(f"{where}: matsimnibs has the shape {matrix.shape}, not (4, 4)")
        poses.append(real_array(matrix, where, PoseError))
        didt.append(_scalar(position.get("didt"), where, notes))
    if not poses:
        raise PoseError("no poses in this file: no POSITION in a TMSLIST")
    kind = "SimNIBS session" if "poslist" in holder else "SimNIBS TMSLIST"
    return RawPoses(np.array(poses), names, didt_of_all(didt, notes), kind, notes)


def _of_matrices(holder: dict[str, Any]) -> RawPoses:
    """Return the poses of a variable `matsimnibs`, which may have the didt and the name of a POSITION."""
    matrices = real_array(holder["matsimnibs"], "matsimnibs", PoseError)
    if matrices.size == 0:
        raise PoseError(f"this file {_NO_POSE}")
    if matrices.shape[:2] != (4, 4) or matrices.ndim > 3:
        raise PoseError(f"matsimnibs has the shape {matrices.shape}, not (4, 4) or (4, 4, k)")
    poses = np.moveaxis(matrices.reshape(4, 4, -1), 2, 0)
    notes: list[str] = []
    name, didt = holder.get("name"), _scalar(holder.get("didt"), "matsimnibs", notes)
    names = [name] if len(poses) == 1 and isinstance(name, str) else [""] * len(poses)
    return RawPoses(poses, names, didt_of_all([didt] * len(poses), notes), "matsimnibs in a .mat file", notes)


def _scalar(value: Any, where: str, notes: list[str]) -> float | None:
    """Return dI/dt of a position if it has exactly one."""
    if isinstance(value, np.ndarray) and value.size == 1:
        return float(value.ravel()[0])
    if isinstance(value, np.ndarray) and value.size > 1:
        notes.append(f"{where} has {value.size} values of dI/dt, one for each stimulator: they are not read")
    return None


def write_simnibs_mat(path: str | os.PathLike[str], poses: PoseList) -> None:
    """Write a SimNIBS session of one TMSLIST; its positions have `matsimnibs`, `name` and, if known, `didt`.

    `fnamecoil`, `fnamehead` and `pathfem` are empty, for the user to fill. Without dI/dt SimNIBS takes its
    own 1e6 A/s.

    Raises
    ------
    FileFormatError
        SciPy isn't installed.

    Examples
    --------
    >>> import tempfile, scipy.io
    >>> path = tempfile.mkdtemp() + "/session.mat"
    >>> write_simnibs_mat(path, PoseList(np.eye(4), ["M1"]))
    >>> scipy.io.loadmat(path, simplify_cells=True)["poslist"]["pos"]["name"]
    'M1'
    """
    try:
        from scipy.io import savemat  # type: ignore[import-untyped]  # optional: only writing .mat needs it
    except ImportError:
        raise FileFormatError("writing .mat needs SciPy: pip install headfield[matlab]") from None
    fields = ["type", "name", "matsimnibs"] + ([] if poses.didt is None else ["didt"])
    positions = np.empty((1, len(poses)), dtype=[(field, object) for field in fields])
    for index, (name, pose) in enumerate(zip(poses.names, poses.poses, strict=True)):
        positions[0, index]["type"], positions[0, index]["name"] = "POSITION", name
        positions[0, index]["matsimnibs"] = pose
        if poses.didt is not None:
            positions[0, index]["didt"] = float(poses.didt[index])
    lists = np.empty((1, 1), dtype=object)
    lists[0, 0] = {"type": "TMSLIST", "fnamecoil": "", "pos": positions}
    session = {"type": "SESSION", "fnamehead": "", "pathfem": "", "poslist": lists}
    with replacing(path) as temporary:
        savemat(temporary, session, appendmat=False)
