# SPDX-License-Identifier: BSD-3-Clause
"""Softaxic (E.M.S.) stimulation maps: .stmpx, XML.

::

    <!DOCTYPE stmp>
    <stmp>
     <fmpm dataset="…">
      <fmp global="0" id="P001">
       <fp m00="…" … m22="…" x="…" y="…" z="…">

A point `fmp` has its pose in `fp`: a rotation, row by row, and a position, mm in RAS. Softaxic's axes become
headfield's by [[0, 1, 0], [-1, 0, 0], [0, 0, 1]] from the right: its z points into the head as headfield's,
its x is the prolongation of the handle.

What the points mean was worked out from the sample file. `f` lies 11 to 16 mm outside `fp`, exactly on the
pose's z axis, and the brain point `b` lies on the same axis, inside; the distance from `f` to `b` is the
"EMS_FT dist" of the file (28.24 mm where it says -28.2399). So `fp` is `f`, the coil's recorded focus,
projected onto the scalp. `fp` is read as the coil's centre, because headfield's origin is on the casing face
that touches the head.
"""

from __future__ import annotations

import os
import xml.etree.ElementTree as ET

import numpy as np

from ...errors import FileFormatError, PoseError
from ...io.atomic import replacing
from ...io.text import number, parse_xml
from ..pose_list import PoseList
from .markers import Markers
from .raw import RawPoses, turn_axes

__all__ = ["AXES", "read_softaxic", "write_softaxic"]

AXES = np.array([[0, 1, 0], [-1, 0, 0], [0, 0, 1]])
_KEYS = [f"m{row}{column}" for row in range(3) for column in range(3)]


def read_softaxic(path: str | os.PathLike[str]) -> RawPoses:
    """Read a Softaxic .stmpx file; see the module. A pose is named after the id of its point.

    Raises
    ------
    PoseError
        Damaged XML, a point without its pose, no points.
    FileFormatError
        XML of another kind.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> path = tempfile.mkdtemp() + "/map.stmpx"
    >>> write_softaxic(path, PoseList([[1, 0, 0, 5], [0, -1, 0, 6], [0, 0, -1, 90], [0, 0, 0, 1]], ["P001"]))
    >>> raw = read_softaxic(path)
    >>> raw.names, raw.poses[0, :3, 3]
    (['P001'], array([ 5.,  6., 90.]))
    """
    root = parse_xml(path)
    if root.tag != "stmp":
        raise FileFormatError(f"XML with the root <{root.tag[:40]}>, not Softaxic's <stmp>")
    markers = Markers("points")
    for index, point in enumerate(root.iter("fmp")):
        name = point.get("id") or ""
        where = f"point {index}" + (f" ({name[:40]})" if name else "")
        found = point.find("fp")
        if found is None:
            raise PoseError(f"{where}: no fp in it")
        pose = np.eye(4)
        pose[:3, :3] = np.reshape([number(found.get(key), f"{where}, {key}") for key in _KEYS], (3, 3))
        pose[:3, 3] = [number(found.get(key), f"{where}, {key}") for key in "xyz"]
        markers.add(name, pose)
    if not len(markers):
        raise PoseError("no poses in this file: no fmp in it")
    return markers.raw(turn_axes(markers.poses(), AXES), "Softaxic stimulation map")


def write_softaxic(path: str | os.PathLike[str], poses: PoseList) -> None:
    """Write a Softaxic .stmpx file: one fmp with an fp for each pose; numbers are read back exactly.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> path = tempfile.mkdtemp() + "/map.stmpx"
    >>> write_softaxic(path, PoseList(np.eye(4), ["P001"]))
    >>> print(pathlib.Path(path).read_text()[:22])
    <!DOCTYPE stmp>
    <stmp>
    """
    root = ET.Element("stmp")
    points = ET.SubElement(root, "fmpm", dataset="headfield")
    for name, pose in zip(poses.names, turn_axes(poses.poses, AXES.T), strict=True):
        values = dict(zip(_KEYS, pose[:3, :3].ravel().tolist(), strict=True))
        values |= dict(zip("xyz", pose[:3, 3].tolist(), strict=True))
        point = ET.SubElement(points, "fmp", {"global": "0", "id": name})
        ET.SubElement(point, "fp", {key: repr(value) for key, value in values.items()})
    ET.indent(root, " ")
    with replacing(path) as temporary:
        text = "<!DOCTYPE stmp>\n" + ET.tostring(root, encoding="unicode") + "\n"
        temporary.write_text(text, encoding="utf-8", newline="\n")
