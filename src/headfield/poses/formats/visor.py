# SPDX-License-Identifier: BSD-3-Clause
"""ANT Neuro visor2: coil targets in .mrk files, JSON.

::

    {"TargetMarkers": [{"CoilTarget": {
        "Name": "M1", "CoordinateSystem": "ASSOCIATED_IMAGE", "PositionalUnit": "mm",
        "CoilAxesConvention": "simnibs",
        "CoilPose": {"RigidTransformMatrix4x4": [[…], […], […], [0, 0, 0, 1]]}}}]}

The convention "simnibs" is headfield's coil frame. ASSOCIATED_IMAGE means the world coordinates of the image:
in the sample file some are negative, which voxel indices can't be, and the z axes point into the head.
"""

from __future__ import annotations

import json
import os
from typing import Any

import numpy as np

from ...errors import FileFormatError, PoseError
from ...io.atomic import replacing
from ...io.json_text import parse_json, plain_numbers
from ..pose_list import PoseList
from .markers import Markers
from .raw import RawPoses

__all__ = ["read_visor", "write_visor"]

_MM = {"mm": 1.0, "m": 1000.0}


def read_visor(path: str | os.PathLike[str]) -> RawPoses:
    """Read the coil targets of a visor2 .mrk file; see the module. Positions in metres become mm.

    Raises
    ------
    PoseError
        Damaged JSON, a target with another coordinate system, unit or convention of axes, a matrix that is
        not 4x4 numbers, or no coil targets.
    FileFormatError
        JSON without TargetMarkers.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> path = tempfile.mkdtemp() + "/targets.mrk"
    >>> write_visor(path, PoseList([[1, 0, 0, 5], [0, -1, 0, 6], [0, 0, -1, 90], [0, 0, 0, 1]], ["M1"]))
    >>> raw = read_visor(path)
    >>> raw.names, raw.poses[0, :3, 3]
    (['M1'], array([ 5.,  6., 90.]))
    """
    content = parse_json(path)
    markers = content.get("TargetMarkers") if isinstance(content, dict) else None
    if not isinstance(markers, list):
        raise FileFormatError("JSON without a list of TargetMarkers, not a visor2 marker file")
    found = Markers("TargetMarkers")
    for index, marker in enumerate(markers):
        target = marker.get("CoilTarget") if isinstance(marker, dict) else None
        if isinstance(target, dict):
            name = target.get("Name", "")
            found.add(name if isinstance(name, str) else "", _pose(target, f"target marker {index}"))
        else:
            found.leave_out("", "no CoilTarget")
    if not found.names and all(one.reason == "no CoilTarget" for one in found.left_out):
        raise PoseError(f"no poses in this file: no CoilTarget in {len(markers)} TargetMarkers")
    return found.raw(found.poses(), "ANT visor2 coil targets")


def _pose(target: dict[str, Any], where: str) -> np.ndarray:
    system, unit = target.get("CoordinateSystem"), target.get("PositionalUnit")
    axes = target.get("CoilAxesConvention")
    if system != "ASSOCIATED_IMAGE":
        raise PoseError(f"{where}: CoordinateSystem is {str(system)[:40]!r}; export it as ASSOCIATED_IMAGE")
    if axes != "simnibs":
        raise PoseError(f"{where}: CoilAxesConvention is {str(axes)[:40]!r}; export it as simnibs")
    if not isinstance(unit, str) or unit not in _MM:
        raise PoseError(f"{where}: PositionalUnit is {str(unit)[:40]!r}, not mm or m")
    holder = target.get("CoilPose")
    rows = holder.get("RigidTransformMatrix4x4") if isinstance(holder, dict) else None
    rows = rows if isinstance(rows, list) else []
    if [len(row) if isinstance(row, list) else 0 for row in rows] != [4] * 4:
        raise PoseError(f"{where}: RigidTransformMatrix4x4 is not 4 rows of 4 numbers")
    numbers = (value for row in rows for value in row)
    pose = plain_numbers(numbers, f"{where}: RigidTransformMatrix4x4").reshape(4, 4)
    with np.errstate(over="ignore"):
        pose[:3, 3] *= _MM[unit]
    return pose


def write_visor(path: str | os.PathLike[str], poses: PoseList) -> None:
    """Write coil targets in the image's world coordinates to a visor2 .mrk file; exact when read back.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> path = tempfile.mkdtemp() + "/targets.mrk"
    >>> write_visor(path, PoseList(np.eye(4), ["M1"]))
    >>> json.loads(pathlib.Path(path).read_text())["TargetMarkers"][0]["CoilTarget"]["PositionalUnit"]
    'mm'
    """
    targets = [
        {
            "CoilTarget": {
                "Name": name,
                "CoordinateSystem": "ASSOCIATED_IMAGE",
                "PositionalUnit": "mm",
                "CoilAxesConvention": "simnibs",
                "CoilInfo": {"Type": "", "Id": ""},
                "CoilPose": {"RigidTransformMatrix4x4": pose.tolist()},
            }
        }
        for name, pose in zip(poses.names, poses.poses, strict=True)
    ]
    content = {"Configuration": {"SourceInfo": {"AppName": "headfield"}}, "TargetMarkers": targets}
    with replacing(path) as temporary:
        text = json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
        temporary.write_text(text, encoding="utf-8", newline="\n")
