# SPDX-License-Identifier: BSD-3-Clause
"""Localite TMS Navigator: InstrumentMarker, TriggerMarker and GUMMarker files (.xml).

::

    <InstrumentMarkerList coordinateSpace="RAS">
        <InstrumentMarker alwaysVisible="false" index="0" selected="false">
            <Marker additionalInformation="" color="#ff0000" description="M1" set="true">
                <Matrix4D data00="…" … data33="1.0"/>

A TriggerMarkerList has TriggerMarker elements with the Matrix4D and the attributes of Marker in them, and
`<Value key="valueA" response="62.0"/>` for dI/dt, in the unit that `<responseDescription id="valueA"
unit="A/us"/>` states.

A GUMMarkerList, of newer versions, has `<Element type="InstrumentMarker">` with an InstrumentMarker in it
that has the attributes of Marker and the Matrix4D itself. Elements of other types (entries, targets,
landmarks) are left out, with a warning.

Positions are mm in the coordinate space that the list names; LPS becomes RAS by diag(-1, -1, 1) from the
left. Localite's coil axes become headfield's by [[0, 0, 1], [0, -1, 0], [1, 0, 0]] from the right: Localite's
x points into the head, its y against the prolongation of the handle. In the sample files of both spaces the z
axis so found lies within 38 degrees of the direction to the head's middle, and the hand area's hotspot has
its y axis at 45 degrees to the midline, forward and inward, as it is stimulated.

A marker with `set="false"`, or whose matrix is the identity, zero or not a number, holds no pose: the camera
did not see the coil when the pulse came. It is left out, with a warning.
"""

from __future__ import annotations

import math
import os
import xml.etree.ElementTree as ET

import numpy as np

from ...errors import FileFormatError, PoseError
from ...io.atomic import replacing
from ...io.text import number, parse_xml
from ..pose_list import PoseList
from .markers import NOT_SET, Markers
from .raw import LPS_TO_RAS, RawPoses, turn_axes

__all__ = ["AXES", "read_localite", "write_localite"]

AXES = np.array([[0, 0, 1], [0, -1, 0], [1, 0, 0]])  # its own inverse
_LISTS = {
    "InstrumentMarkerList": "InstrumentMarker",
    "TriggerMarkerList": "TriggerMarker",
    "GUMMarkerList": "Element",
}
_NO_RESPONSE = ("", "-", "null", "n/a")
_UNITS = {"a/us": 1e6, "a/µs": 1e6, "a/μs": 1e6, "a/s": 1.0}  # both signs for micro


def read_localite(path: str | os.PathLike[str]) -> RawPoses:
    """Read a Localite .xml file; see the module.

    A trigger without a description is named after its time, "26098 ms".

    Raises
    ------
    PoseError
        Damaged XML, a coordinate space other than LPS and RAS, a marker without its matrix, or no marker with
        a pose.
    FileFormatError
        XML of another kind.

    Examples
    --------
    >>> import tempfile
    >>> path = tempfile.mkdtemp() + "/markers.xml"
    >>> write_localite(path, PoseList([[1, 0, 0, 5], [0, -1, 0, 6], [0, 0, -1, 90], [0, 0, 0, 1]], ["M1"]))
    >>> raw = read_localite(path)
    >>> raw.names, raw.poses[0, :3, 3], raw.kind
    (['M1'], array([ 5.,  6., 90.]), 'Localite InstrumentMarkers, RAS')
    """
    root = parse_xml(path)
    if root.tag not in _LISTS:
        raise FileFormatError(f"XML with the root <{root.tag[:40]}>, not a list of Localite markers")
    space = (root.get("coordinateSpace") or "").upper()
    if space not in ("LPS", "RAS"):
        raise PoseError(f"coordinateSpace is {space!r}, not LPS or RAS")
    tag = _LISTS[root.tag]
    markers = Markers(f"{tag}s")
    for index, element in enumerate(root.findall(tag)):
        _add(markers, element, f"{tag} {index}")
    poses = markers.poses()
    if space == "LPS":
        poses = LPS_TO_RAS @ poses
    kind = "GUMMarker" if tag == "Element" else tag
    raw = markers.raw(turn_axes(poses, AXES), f"Localite {kind}s, {space}")
    notes = list(raw.notes)
    return raw._replace(didt=_in_amperes(root, raw.didt, notes), notes=notes)


def _add(markers: Markers, element: ET.Element, where: str) -> None:
    """Add the marker in an element of the list."""
    body: ET.Element | None = element
    if element.tag == "InstrumentMarker":
        body = element.find("Marker")
    elif element.tag == "Element":
        kind = element.get("type") or ""
        body = element.find("InstrumentMarker")
        if kind != "InstrumentMarker":
            inner = next(iter(element), element)
            markers.leave_out(inner.get("description") or "", f"another type ({kind[:40] or 'none'})")
            return
    if body is None:
        raise PoseError(f"{where}: no marker in it")
    time = body.get("recordingTime")
    name = body.get("description") or (f"{time} ms" if time else "")
    if (body.get("set") or "").lower() == "false":
        markers.leave_out(name, NOT_SET)
    else:
        markers.add(name, _matrix(body, where), _value_a(body, where), seconds=_seconds(time))


def _seconds(time: str | None) -> float:
    """Return a recordingTime, ms since the recording began, in s; nan where there is none."""
    try:
        value = float(time or math.nan) * 1e-3
    except ValueError:
        return math.nan
    return value if math.isfinite(value) else math.nan


def _matrix(marker: ET.Element, where: str) -> np.ndarray:
    data = next(marker.iter("Matrix4D"), None)
    if data is None:
        raise PoseError(f"{where}: no Matrix4D")
    keys = [f"data{row}{column}" for row in range(4) for column in range(4)]
    return np.array([number(data.get(key), f"{where}, {key}") for key in keys]).reshape(4, 4)


def _value_a(marker: ET.Element, where: str) -> float | None:
    for value in marker.iterfind("ResponseValues/Value[@key='valueA']"):
        response = value.get("response")
        if response is not None and response.strip().lower() in _NO_RESPONSE:
            return None
        return number(response, f"{where}, valueA")
    return None


def _in_amperes(root: ET.Element, didt: np.ndarray | None, notes: list[str]) -> np.ndarray | None:
    """Return dI/dt in A/s, or None, with a note, where its unit is not one that we know."""
    if didt is None:
        return None
    units = [one.get("unit", "") for one in root.iter("responseDescription") if one.get("id") == "valueA"]
    factor = _UNITS.get(units[0].strip().lower()) if units else None
    if factor is None:
        stated = f"is {units[0][:20]!r}" if units else "isn't stated"
        notes.append(f"the unit of valueA {stated}, where A/us is known: dI/dt is not read")
        return None
    return didt * factor


def write_localite(path: str | os.PathLike[str], poses: PoseList) -> None:
    """Write a Localite .xml file in RAS: TriggerMarkers where the poses have dI/dt, else InstrumentMarkers.

    Numbers are printed with all their digits, so that they are read back exactly (dI/dt to the last digit but
    one, because it is written in A/µs).

    Examples
    --------
    >>> import tempfile
    >>> path = tempfile.mkdtemp() + "/triggers.xml"
    >>> write_localite(path, PoseList(np.diag([-1, 1, -1, 1]), ["M1"], didt=[62e6]))
    >>> read_localite(path).didt
    array([62000000.])
    """
    matrices = turn_axes(poses.poses, AXES)
    if poses.didt is None:
        root = ET.Element("InstrumentMarkerList", coordinateSpace="RAS")
        for index, (name, matrix) in enumerate(zip(poses.names, matrices, strict=True)):
            of_list = {"alwaysVisible": "false", "index": str(index), "selected": "false"}
            of_body = {"additionalInformation": "", "color": "#ff0000", "description": name, "set": "true"}
            marker = ET.SubElement(root, "InstrumentMarker", of_list)
            _add_matrix(ET.SubElement(marker, "Marker", of_body), matrix)
    else:
        root = ET.Element("TriggerMarkerList", coordinateSpace="RAS", isOnlineReading="false")
        described = {"id": "valueA", "name": "Value A (di/dt)", "unit": "A/us"}
        ET.SubElement(ET.SubElement(root, "ResponseParameters"), "responseDescription", described)
        for name, matrix, didt in zip(poses.names, matrices, poses.didt, strict=True):
            of_marker = {"color": "#ffafaf", "description": name, "selected": "false", "set": "true"}
            marker = ET.SubElement(root, "TriggerMarker", of_marker | {"visibility": "true"})
            value = {"key": "valueA", "response": repr(float(didt) / 1e6)}
            ET.SubElement(ET.SubElement(marker, "ResponseValues"), "Value", value)
            _add_matrix(marker, matrix)
    ET.indent(root, "    ")
    with replacing(path) as temporary:
        ET.ElementTree(root).write(temporary, encoding="UTF-8", xml_declaration=True)


def _add_matrix(marker: ET.Element, matrix: np.ndarray) -> None:
    data = {f"data{row}{column}": repr(float(matrix[row, column])) for row in range(4) for column in range(4)}
    ET.SubElement(marker, "Matrix4D", data)
