# SPDX-License-Identifier: BSD-3-Clause
"""Coil positions that are poses only on a head: a point on the scalp or an electrode, and a direction."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..core.messages import warn
from ..errors import FileFormatError, PoseError
from ..io.regular import check_regular, ending_of
from .formats.mat5 import read_mat5
from .formats.raw import NoPoses
from .formats.simnibs_session import chosen_lists, holder_of_poses, tms_lists, unread

__all__ = ["Placement", "read_placements"]

_DISTANCE_MM = 4.0  # what SimNIBS takes where a POSITION has no distance (its manual: POSITION)


@dataclass(frozen=True)
class Placement:
    """Where a coil shall be put on a head.

    Attributes
    ----------
    name : str
        May be empty.
    centre : tuple of 3 float, or str
        A point, mm, to be projected onto the scalp, or the name of an EEG electrode position.
    handle : tuple of 3 float, str or None
        A point, mm, or an electrode, towards which the coil's y axis shall point, the prolongation of the
        handle. None if the file says nothing of it.
    distance_mm : float
        Of the coil's casing from the scalp.
    didt : float or None
        Rate of change of the coil current, A/s, if the file has it.

    Examples
    --------
    >>> Placement("M1", "C3", (-46.0, 42.0, 70.0), 4.0, None).centre
    'C3'
    """

    name: str
    centre: tuple[float, float, float] | str
    handle: tuple[float, float, float] | str | None
    distance_mm: float
    didt: float | None


def read_placements(path: str | os.PathLike[str], *, which: str | int = "all") -> list[Placement]:
    """Read the positions of a SimNIBS session that have a `centre` and no `matsimnibs`.

    Parameters
    ----------
    path : path
        A .mat file, see `headfield.poses.formats.simnibs_mat`.
    which : "all", or str or int
        Of several TMSLISTs, the one with this coil (`fnamecoil`) or this index.

    Returns
    -------
    list of Placement
        At least one. The distance is 4 mm where the file has none, as SimNIBS takes it.

    Raises
    ------
    PoseError
        A damaged file, no such position, or a centre, `pos_ydir` or distance that is neither three finite
        numbers nor the name of an electrode (the message has the position).
    FileFormatError
        Not a .mat file, or MATLAB 7.3 or 4.
    OSError
        The file can't be read.

    Warns
    -----
    UserWarning
        Other positions have a `matsimnibs`, and aren't returned: `read_pose_list` reads them. The session has
        several coils, or conductivities.

    Examples
    --------
    >>> import tempfile, scipy.io
    >>> path = tempfile.mkdtemp() + "/session.mat"
    >>> scipy.io.savemat(path, {"pos": {"centre": "C3", "pos_ydir": [-46, 42, 70], "didt": 2e6}})
    >>> read_placements(path)
    [Placement(name='', centre='C3', handle=(-46.0, 42.0, 70.0), distance_mm=4.0, didt=2000000.0)]
    """
    if ending_of(path) != ".mat":
        raise FileFormatError(f"{os.fspath(path)}: positions to be placed are read from .mat")
    check_regular(path, PoseError)
    try:
        found, posed = [], 0
        lists = chosen_lists(tms_lists(holder_of_poses(read_mat5(Path(path).read_bytes()))), which)
        for one in lists:
            for number, position in enumerate(one.positions):
                if one.matrix(number) is not None:
                    posed += 1
                else:
                    found.append(_placement(position, one.where(number)))
        if not found:
            raise NoPoses(
                f"no position to be placed: {posed} have a matsimnibs, and are read by read_pose_list"
            )
    except (PoseError, FileFormatError) as error:
        raise type(error)(f"{os.fspath(path)}: {error}") from None
    notes = unread(lists)
    if posed:
        notes.append(f"{posed} of {posed + len(found)} positions have a matsimnibs: not placed")
    for note in notes:
        warn(f"{os.fspath(path)}: {note}")
    return found


def _placement(position: dict[str, Any], where: str) -> Placement:
    name, centre = position.get("name"), _point(position, "centre", where)
    if centre is None:
        raise PoseError(f"{where} has neither matsimnibs nor centre")
    distance = _number(position, "distance", where)
    return Placement(
        name if isinstance(name, str) else "",
        centre,
        _point(position, "pos_ydir", where),
        _DISTANCE_MM if distance is None else distance,
        _number(position, "didt", where),
    )


def _point(position: dict[str, Any], key: str, where: str) -> tuple[float, float, float] | str | None:
    """Return three numbers or a name; None where there is nothing."""
    value = position.get(key)
    if isinstance(value, tuple) and len(value) == 1:  # a name in a cell
        value = value[0]
    if isinstance(value, str):
        return value.strip() or None
    if value is None or np.size(value) == 0:
        return None
    if isinstance(value, np.ndarray) and value.size == 3 and np.isfinite(value).all():
        x, y, z = map(float, value.ravel())
        return x, y, z
    raise PoseError(f"{where}: {key} is neither three finite numbers nor the name of an electrode")


def _number(position: dict[str, Any], key: str, where: str) -> float | None:
    value = position.get(key)
    if value is None or np.size(value) == 0 or (isinstance(value, str) and not value.strip()):
        return None
    if isinstance(value, np.ndarray) and value.size == 1 and np.isfinite(value).all():
        return float(value.ravel()[0])
    raise PoseError(f"{where}: {key} is not one finite number")
