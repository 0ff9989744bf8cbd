# SPDX-License-Identifier: BSD-3-Clause
"""SimNIBS sessions: .mat files of MATLAB 5, with TMSLIST and POSITION structs.

What is read: `matsimnibs` (4, 4), `didt` (A/s) and `name` of each POSITION in a session, a TMSLIST or alone
(`simnibs_session` says how they lie in the file); or a variable `matsimnibs`; or the one variable of a shape
that poses have, (4, 4), (4, 4, k) or (k, 4, 4), or a cell array of (4, 4).

`matsimnibs` is coil to head, mm, in headfield's coil frame. A POSITION without it has only a `centre` and a
`pos_ydir`, from which a pose follows with a head: see `headfield.read_placements`. Beside others such a
position is left out with a warning, and so is one whose `matsimnibs` is zero or not a number.
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
from .markers import Markers
from .mat5 import read_mat5
from .raw import NoPoses, RawPoses, didt_of_all, stack_of
from .simnibs_session import (
    TmsList,
    chosen_lists,
    has_positions,
    holder_of_poses,
    refuse_choice,
    tms_lists,
    unread,
)

__all__ = ["read_simnibs_mat", "write_simnibs_mat"]

_NO_POSE = (
    "has no matsimnibs: its centre and pos_ydir give a pose only with a head, see headfield.read_placements "
    "and headfield.place"
)


def read_simnibs_mat(path: str | os.PathLike[str], which: str | int = "all") -> RawPoses:
    """Read the coil poses of a SimNIBS .mat file, or of one with an array of poses; see the module.

    Parameters
    ----------
    path : path
    which : "all", or str or int
        Of several TMSLISTs, those with this coil (`fnamecoil`), or the one with this index.

    Raises
    ------
    PoseError
        A damaged file, no coil positions, none with a `matsimnibs`, one of another shape, coil positions in
        more than one variable, no list that `which` names.
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
    variables = read_mat5(Path(path).read_bytes())
    alone = _array_alone(variables)
    if alone is not None:
        refuse_choice(which)
        return RawPoses(stack_of(alone[1], alone[0]), [], None, "array in a .mat file")
    holder = holder_of_poses(variables)
    if "poslist" not in holder and "pos" not in holder and isinstance(holder.get("matsimnibs"), np.ndarray):
        refuse_choice(which)
        return _of_matrices(holder)
    lists = chosen_lists(tms_lists(holder), which)
    if not any(one.positions for one in lists):
        raise PoseError("no poses in this file: no POSITION in a TMSLIST")
    markers, coils, notes = Markers("positions"), list[str](), unread(lists)
    for one in lists:
        for number in range(len(one.positions)):
            if _add(markers, one, number, notes):
                coils.append(one.coil)
    if not markers.names and all(left.reason == "no matsimnibs" for left in markers.left_out):
        first = next(one for one in lists if one.positions)
        raise NoPoses(f"{first.where(0)} {_NO_POSE}")
    kind = "SimNIBS session" if "poslist" in holder else "SimNIBS TMSLIST"
    return markers.raw(markers.poses(), kind, notes)._replace(coils=coils if any(coils) else ())


def _array_alone(variables: dict[str, Any]) -> tuple[str, np.ndarray] | None:
    """Return the name and value of the one variable that has the shape of poses, in a file of no session."""
    arrays = {name: value for name, value in variables.items() if isinstance(value, np.ndarray)}
    for name, value in variables.items():  # cell arrays of matrices
        if isinstance(value, tuple) and value and all(np.shape(item) == (4, 4) for item in value):
            arrays[name] = np.stack(value)
    shaped = {
        name: real_array(value, name, PoseError)
        for name, value in arrays.items()
        if value.size and (value.shape[:2] == (4, 4) or value.shape[1:] == (4, 4)) and value.ndim in (2, 3)
    }
    if not shaped or has_positions(variables):
        return None
    if len(shaped) > 1:
        raise PoseError(f"no poses in this file that are known as such: {' and '.join(shaped)[:80]} could be")
    return next(iter(shaped.items()))


def _add(markers: Markers, one: TmsList, number: int, notes: list[str]) -> bool:
    """Add a POSITION; returns whether it has a pose."""
    where, position = one.where(number), one.positions[number]
    name, matrix = position.get("name"), one.matrix(number)
    name = name if isinstance(name, str) else ""
    if matrix is None:
        return markers.leave_out(name, "no matsimnibs")
    if matrix.shape != (4, 4):
        raise PoseError(f"{where}: matsimnibs has the shape {matrix.shape}, not (4, 4)")
    didt = _scalar(position.get("didt"), where, notes)
    return markers.add(name, real_array(matrix, where, PoseError), didt, identity=True)


def _of_matrices(holder: dict[str, Any]) -> RawPoses:
    """Return the poses of a variable `matsimnibs`, which may have the didt and the name of a POSITION."""
    matrices = real_array(holder["matsimnibs"], "matsimnibs", PoseError)
    if matrices.size == 0:
        raise NoPoses(f"this file {_NO_POSE}")
    poses = stack_of(matrices, "matsimnibs")
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
