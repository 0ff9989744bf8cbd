# SPDX-License-Identifier: BSD-3-Clause
"""3D Slicer markups (.mrk.json): the control points that have an orientation.

::

    {"@schema": "…/markups-schema-v1.0.3.json#", "markups": [{"type": "Fiducial", "coordinateSystem": "LPS",
      "controlPoints": [{"label": "M1", "position": [80, 5, 30], "positionStatus": "defined",
                         "orientation": [0, 0, -1, 0, -1, 0, -1, 0, 0]}, …]}, …]}

Positions are mm, or µm where `coordinateUnits` says so, in LPS or RAS. The orientation is a matrix, row by
row: its columns are the axes of the point in the file's coordinates ("[orientation[0], orientation[3],
orientation[6]] is the x vector", the schema says). They are taken for headfield's coil axes, since Slicer
knows of none.

Slicer writes an orientation for each point, also for one that has none: the identity in RAS. Such points, and
those that aren't placed yet, are left out with a warning.
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
from .markers import NO_AXES, NOT_SET, Markers
from .raw import LPS_TO_RAS, RawPoses

__all__ = ["read_markups", "write_markups"]

_SCHEMA = (
    "https://raw.githubusercontent.com/Slicer/Slicer/main/Modules/Loadable/Markups/Resources/Schema/"
    "markups-schema-v1.0.3.json#"
)
_MM = {"mm": 1.0, "um": 1e-3}


def read_markups(path: str | os.PathLike[str]) -> RawPoses:
    """Read the control points of a .mrk.json file that have an orientation; see the module.

    Raises
    ------
    PoseError
        Damaged JSON, another coordinate system or unit, a position or an orientation that is not 3 or 9
        numbers, or no point with an orientation.
    FileFormatError
        JSON without markups.

    Examples
    --------
    >>> import tempfile
    >>> path = tempfile.mkdtemp() + "/coil.mrk.json"
    >>> write_markups(path, PoseList([[1, 0, 0, 5], [0, -1, 0, 6], [0, 0, -1, 90], [0, 0, 0, 1]], ["M1"]))
    >>> raw = read_markups(path)
    >>> raw.names, raw.poses[0, :3, 3]
    (['M1'], array([ 5.,  6., 90.]))
    """
    content = parse_json(path)
    lists = content.get("markups") if isinstance(content, dict) else None
    if not isinstance(lists, list):
        raise FileFormatError("JSON without a list of markups, not a file of 3D Slicer")
    markers, systems = Markers("control points"), set[str]()
    for index, markup in enumerate(lists):
        where = f"markup {index}"
        if not isinstance(markup, dict):
            raise PoseError(f"{where} is not an object")
        system, unit = markup.get("coordinateSystem", "LPS"), markup.get("coordinateUnits", "mm")
        if system not in ("LPS", "RAS"):
            raise PoseError(f"{where}: coordinateSystem is {str(system)[:40]!r}, not LPS or RAS")
        factor = _MM.get(unit[0] if isinstance(unit, list) and unit else unit) if _is_text(unit) else None
        if factor is None:
            raise PoseError(f"{where}: coordinateUnits is {str(unit)[:40]!r}, not mm or um")
        systems.add(system)
        points = markup.get("controlPoints", [])
        for number, point in enumerate(points if isinstance(points, list) else []):
            _add(markers, point, system, factor, f"{where}, control point {number}")
    poses = markers.poses()
    return markers.raw(poses, f"3D Slicer markups, {' and '.join(sorted(systems))}")


def _is_text(unit: Any) -> bool:
    return isinstance(unit, str) or (isinstance(unit, list) and bool(unit) and isinstance(unit[0], str))


def _add(markers: Markers, point: Any, system: str, factor: float, where: str) -> None:
    if not isinstance(point, dict):
        raise PoseError(f"{where} is not an object")
    label = point.get("label", "")
    name = label if isinstance(label, str) else ""
    if point.get("positionStatus", "defined") != "defined":
        markers.leave_out(name, NOT_SET)
        return
    axes = point.get("orientation")
    if axes is None:
        markers.leave_out(name, NO_AXES)
        return
    place = point.get("position")
    if not isinstance(place, list) or len(place) != 3 or not isinstance(axes, list) or len(axes) != 9:
        raise PoseError(f"{where}: not 3 numbers of a position and 9 of an orientation")
    pose = np.eye(4)
    pose[:3, :3] = plain_numbers(axes, f"{where}, orientation").reshape(3, 3)
    with np.errstate(over="ignore"):
        pose[:3, 3] = plain_numbers(place, f"{where}, position") * factor
    if system == "LPS":
        with np.errstate(invalid="ignore"):  # 0 · inf is NaN, which is left out
            pose = LPS_TO_RAS @ pose
    if np.array_equal(pose[:3, :3], np.eye(3)):
        markers.leave_out(name, NO_AXES)
    else:
        markers.add(name, pose)


def write_markups(path: str | os.PathLike[str], poses: PoseList) -> None:
    """Write a list of control points with orientations, in LPS as Slicer does; exact when read back.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> path = tempfile.mkdtemp() + "/coil.mrk.json"
    >>> write_markups(path, PoseList([[0, 0, 1, -80], [0, 1, 0, -5], [-1, 0, 0, 30], [0, 0, 0, 1]], ["M1"]))
    >>> point = json.loads(pathlib.Path(path).read_text())["markups"][0]["controlPoints"][0]
    >>> point["position"], point["orientation"]
    ([80.0, 5.0, 30.0], [0.0, 0.0, -1.0, 0.0, -1.0, 0.0, -1.0, 0.0, 0.0])
    """
    points = []
    for index, (name, pose) in enumerate(zip(poses.names, poses.poses, strict=True), 1):
        lps = LPS_TO_RAS @ pose + 0.0
        points.append(
            {
                "id": str(index),
                "label": name,
                "description": "",
                "associatedNodeID": "",
                "position": lps[:3, 3].tolist(),
                "orientation": lps[:3, :3].ravel().tolist(),
                "selected": True,
                "locked": False,
                "visibility": True,
                "positionStatus": "defined",
            }
        )
    markup = {"type": "Fiducial", "coordinateSystem": "LPS", "coordinateUnits": "mm", "locked": False}
    markup |= {"labelFormat": "%N-%d", "controlPoints": points}
    with replacing(path) as temporary:
        text = json.dumps({"@schema": _SCHEMA, "markups": [markup]}, indent=1, ensure_ascii=False) + "\n"
        temporary.write_text(text, encoding="utf-8", newline="\n")
