# SPDX-License-Identifier: BSD-3-Clause
"""InVesalius Navigator: markers (.mkss), tab-separated text with named columns.

::

    ##INVESALIUS3_MARKER_FILE_0
    x<tab>y<tab>z<tab>alpha<tab>beta<tab>gamma<tab>r<tab>…<tab>label<tab>…<tab>x_world<tab>…<tab>gamma_world
    95.2<tab>…

`x_world` … `gamma_world` are the position, mm, and three Euler angles, degrees, in the world coordinates of
the NIfTI image, RAS (InVesalius's wiki: Markers File Format). A project of DICOM images has none ("None").
`x` … `gamma` are InVesalius's own coordinates: mm along the axes of the image, to the right, *backward* and
up; y is counted from the last voxel, so that y of the image is (n - 1) times the voxel's size minus y
(invesalius3, pull request 385). With the image (`scan`) they become world coordinates, and the file's own are
held against them: there were versions that wrote wrong ones.

The angles are those of "sxyz": turns about the fixed axes x, then y, then z, so that the matrix is Rz(gamma)
Ry(beta) Rx(alpha). Turning y over changes the sign of positions, not the angles. That is as in xcoord (MIT
licence), whose author V. H. Souza works on InVesalius's navigation. By xcoord, the coil's x axis is its
direction, the prolongation of the handle, as Nexstim's "Dir."; z points away from the head: it looks for the
brain at -z. Headfield's axes follow by [[0, 1, 0], [1, 0, 0], [0, 0, -1]] from the right.

Markers without angles, or with three that are zero, such as landmarks, are left out with a warning.

JSON with a list of markers that have these keys is read as well.
"""

from __future__ import annotations

import csv
import os
from typing import Any

import numpy as np

from ...core.messages import plural
from ...errors import FileFormatError, PoseError
from ...io.json_text import json_of
from ...io.text import number
from .markers import NO_AXES, Markers
from .raw import RawPoses, turn_axes
from .scan import Scan, read_scan

__all__ = ["AXES", "pose_of_invesalius", "read_invesalius", "rotation_of"]

_FIRST = "##INVESALIUS3_MARKER_FILE_"
_OWN = ("x", "y", "z", "alpha", "beta", "gamma")
_WORLD = tuple(f"{key}_world" for key in _OWN)
_NONE = ("", "none", "null", "nan")
#: From headfield's coil axes to InVesalius's, from the right; its own inverse.
AXES = np.array([[0, 1, 0], [1, 0, 0], [0, 0, -1]])
_NO_WORLD = "no world coordinates, for which scan= (--scan) is needed"
_AGREE_MM = 0.5  # positions are printed with one or more decimals
_Row = dict[str, Any]


def read_invesalius(text: str, scan: str | os.PathLike[str] | None = None) -> RawPoses:
    """Read the markers in the text of a .mkss file that have an orientation; see the module.

    Parameters
    ----------
    text : str
    scan : path, optional
        The NIfTI image that was navigated on.

    Raises
    ------
    PoseError
        No columns x … gamma, text where a number is needed, or no marker with an orientation, or none with
        world coordinates where there is no scan.
    FileFormatError
        A file of another kind.

    Examples
    --------
    >>> columns = "x y z alpha beta gamma label x_world y_world z_world alpha_world beta_world gamma_world"
    >>> row = '60 90 150 0 0 90 "M1" -46 -8 70 0 0 90'
    >>> text = "\\n".join([_FIRST + "0", "\\t".join(columns.split()), "\\t".join(row.split())])
    >>> raw = read_invesalius(text)
    >>> raw.names, raw.poses[0, :3, 3], raw.poses[0, :3, 1].round(12) + 0.0
    (['M1'], array([-46.,  -8.,  70.]), array([0., 1., 0.]))
    """
    rows = _rows(text)
    grid = None if scan is None else read_scan(scan)
    markers, differences = Markers("markers"), list[float]()
    for where, row in rows:
        _add(markers, row, where, grid, differences)
    poses = markers.poses()
    apart = [value for value in differences if not value <= _AGREE_MM]
    notes = []
    if apart:
        notes.append(
            f"the world coordinates of {plural(len(apart), 'marker is', 'markers are')} up to "
            f"{max(apart):.3g} mm off those that follow from the scan, which are taken"
        )
    space = "world coordinates" if grid is None else "placed by the scan"
    return markers.raw(turn_axes(poses, AXES), f"InVesalius markers, {space}", notes)


def _rows(text: str) -> list[tuple[str, _Row]]:
    """Return the markers, each after words for where it is."""
    if text.lstrip()[:1] in ("{", "["):
        return _json_rows(text)
    lines = text.split("\n")
    if not lines[0].startswith(_FIRST):
        raise FileFormatError(f"not an InVesalius marker file: it does not begin with {_FIRST}")
    reader = csv.reader(lines[1:], delimiter="\t")
    columns, rows = list[str](), []
    try:
        for cells in reader:
            if not any(cell.strip() for cell in cells):
                continue
            if not columns:
                columns = [cell.strip() for cell in cells]
                missing = [key for key in _OWN if key not in columns]
                if missing:
                    raise PoseError(f"line {reader.line_num + 1}: no column {missing[0]}")
            else:
                rows.append((f"line {reader.line_num + 1}", dict(zip(columns, cells, strict=False))))
    except csv.Error as error:
        raise PoseError(f"line {reader.line_num + 1}: {error}") from None
    return rows


def _json_rows(text: str) -> list[tuple[str, _Row]]:
    content = json_of(text)
    listed = content.get("markers") if isinstance(content, dict) else content
    if not isinstance(listed, list) or not all(isinstance(one, dict) for one in listed):
        raise FileFormatError("JSON without a list of markers")
    return [(f"marker {index}", one) for index, one in enumerate(listed)]


def _add(markers: Markers, row: _Row, where: str, grid: Scan | None, differences: list[float]) -> None:
    label = row.get("label")
    name = label.strip() if isinstance(label, str) else ""
    own, world = _values(row, _OWN, where), _values(row, _WORLD, where)
    if own is None or not own[3:].any():
        markers.leave_out(name, NO_AXES)
    elif grid is not None:
        pose = _in_scan(_matrix(own), grid)
        if world is not None:
            differences.append(float(np.abs(pose[:3, 3] - world[:3]).max()))
        markers.add(name, pose)
    elif world is not None:
        markers.add(name, _matrix(world))
    else:
        markers.leave_out(name, _NO_WORLD)


def _values(row: _Row, keys: tuple[str, ...], where: str) -> np.ndarray | None:
    """Return the numbers of these keys, or None if one of them has none."""
    texts = [row.get(key) for key in keys]
    words = ["" if text is None or isinstance(text, bool) else str(text).strip() for text in texts]
    if any(word.lower() in _NONE for word in words):
        return None
    return np.array([number(word, f"{where}, {key}") for word, key in zip(words, keys, strict=True)])


def pose_of_invesalius(
    position_mm: np.ndarray, rotation: np.ndarray, scan: Scan | None = None, axes: np.ndarray = AXES
) -> np.ndarray:
    """Return the pose (4, 4), coil to head, of a position (3,) and axes (3, 3) as InVesalius has them.

    With a scan they are in its own coordinates, else in world coordinates; see the module. `axes` (3, 3)
    makes headfield's axes of the coil's, from the right.

    Examples
    --------
    >>> pose = pose_of_invesalius(np.array([-46.0, -8, 70]), rotation_of(np.array([0.0, 0, 90])))
    >>> pose[:3, 1].round(12) + 0.0
    array([0., 1., 0.])
    """
    own = np.eye(4)
    own[:3, :3], own[:3, 3] = rotation, position_mm
    world = own if scan is None else _in_scan(own, scan)
    return np.asarray(turn_axes(world[None], axes)[0])


def rotation_of(angles_deg: np.ndarray) -> np.ndarray:
    """Return the rotation (3, 3) of three angles (3,), degrees; see the module.

    Examples
    --------
    >>> rotation_of(np.array([0.0, 0, 90])).round(12)[:, 0]
    array([0., 1., 0.])
    """
    with np.errstate(invalid="ignore"):
        a, b, c = np.radians(angles_deg)
        (ca, cb, cc), (sa, sb, sc) = np.cos([a, b, c]), np.sin([a, b, c])
    about_x = np.array([[1, 0, 0], [0, ca, -sa], [0, sa, ca]])
    about_y = np.array([[cb, 0, sb], [0, 1, 0], [-sb, 0, cb]])
    about_z = np.array([[cc, -sc, 0], [sc, cc, 0], [0, 0, 1]])
    return np.asarray(about_z @ about_y @ about_x)


def _matrix(values: np.ndarray) -> np.ndarray:
    """Return the matrix of a position and three angles in degrees."""
    pose = np.eye(4)
    pose[:3, :3] = rotation_of(values[3:])
    pose[:3, 3] = values[:3]
    return pose


def _in_scan(own: np.ndarray, grid: Scan) -> np.ndarray:
    """Return the matrix in world coordinates of one in InVesalius's own."""
    there = own.copy()
    there[1, 3] = grid.steps_mm[1] * (grid.shape[1] - 1) - own[1, 3]
    with np.errstate(invalid="ignore"):
        return np.asarray(grid.to_world @ there)
