# SPDX-License-Identifier: BSD-3-Clause
"""Nexstim NBS (eXimia): exported stimulations (.nbe, or the same as .txt), tab-separated text.

::

    Coordinate system: MRI coordinate system
    Landmarks (mm)
    <tab>x<tab>y<tab>z<tab>Landmark Type
    <tab>84.6<tab>107.3<tab>201.5<tab>MRI landmark: Nose/Nasion
    …
    <tab><tab><tab>Time<tab>…<tab>Coil<tab><tab><tab>Coil<tab><tab><tab>Coil<tab><tab><tab>EF max.…
    <tab><tab>ID<tab>(ms)<tab>…<tab>Loc.<tab><tab><tab>Normal<tab><tab><tab>Dir.<tab><tab><tab>Loc.…
    <tab><tab><tab><tab>…<tab>x<tab>y<tab>z<tab>x<tab>y<tab>z<tab>x<tab>y<tab>z<tab>x<tab>y<tab>z…
    <tab><tab>1.2.11.<tab>96286<tab>…<tab>130.6<tab>192.5<tab>103.7<tab>0.7584<tab>…

No manual is public. What the columns mean is known from an export that xcoord (V. H. Souza, MIT licence)
shows, and from an answer of Nexstim's support that is public:

- z runs towards the nose, y to the top of the head, as the support says, and x to the left: in the export the
  left ear has the larger x. So (-x, z, y) goes to the right, forward and up.
- "Loc." is at the bottom of the coil, "Normal" points away from the head (support). In the export the maximum
  of E lies 23.5 mm from "Loc.", against the normal. "Dir." points to the direction of the stimulation; there
  it goes forward and to the middle over the left hand area, so it is the prolongation of a handle that points
  backward and outward, as it is held there. Headfield's z is -Normal, its y is Dir., x = y × z.
- Coordinates are mm from an edge of the image, so the image is needed (`scan`), and they can be used with no
  other. xcoord takes x from n voxels and y and z from the middle of the first voxel; whether it is that or
  the edge isn't known, so **positions are right to a voxel**, which a warning says.

The landmarks are held against that: they must lie in the image, the left ear left of the right one, the nose
in front of both. Stimulations without numbers ("-") are left out with a warning. Numbers may have decimal
commas. Intensities are not read: they are in % of the stimulator's output.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator

import numpy as np

from ...errors import FileFormatError, PoseError
from ...io.text import decimals, number, with_point
from .markers import Markers
from .raw import RawPoses, settle_rounding
from .scan import Scan, read_scan

__all__ = ["is_nexstim", "read_nexstim"]

_SYSTEM = re.compile(r"^[ \t]*Coordinate system:(.*)$", re.M)
_TURN = np.array([[-1.0, 0, 0], [0, 0, 1], [0, 1, 0]])  # from left, up, forward to right, forward, up
_COLUMNS = ("Loc.", "Normal", "Dir.")
_NONE = ("", "-")


def is_nexstim(text: str) -> bool:
    """Tell an export of Nexstim by its first lines.

    Examples
    --------
    >>> is_nexstim("****\\nSubject 1\\n****\\n\\nCoordinate system: MRI coordinate system\\n")
    True
    >>> is_nexstim("# Coordinate system: World\\n")
    False
    """
    return _SYSTEM.search(text[:4096]) is not None


def read_nexstim(text: str, scan: str | os.PathLike[str] | None) -> RawPoses:
    """Read the stimulations in the text of a Nexstim export; see the module.

    Parameters
    ----------
    text : str
    scan : path or None
        The NIfTI image that was navigated on.

    Raises
    ------
    PoseError
        No scan, another coordinate system than the image's, landmarks that can't be those of the scan, no
        columns for the coil, text where a number is needed, or no stimulation with a pose.
    FileFormatError
        A file of another kind, or a scan that can't be read.

    Examples
    --------
    >>> read_nexstim("Coordinate system: MRI coordinate system\\n", None)
    Traceback (most recent call last):
    ...
    headfield.errors.PoseError: Nexstim counts from the edges of its image: scan= (--scan) must name the NIfTI
    """
    system = _SYSTEM.search(text)
    if system is None:
        raise FileFormatError("not an export of Nexstim: it states no coordinate system")
    stated = system[1].strip()
    if stated.lower() != "mri coordinate system":
        raise PoseError(f"coordinate system {stated[:40]!r}; export it in the MRI coordinate system")
    if scan is None:
        raise PoseError("Nexstim counts from the edges of its image: scan= (--scan) must name the NIfTI")
    grid = read_scan(scan)
    lines = [[with_point(cell.strip()) for cell in line.split("\t")] for line in text.split("\n")]
    _check_landmarks(_landmarks(lines), grid)
    markers = Markers("stimulations")
    for where, name, cells in _stimulations(lines):
        _add(markers, where, name, cells, grid)
    poses = settle_rounding(markers.poses(), markers.printed)
    step = grid.steps_mm.max()
    note = f"Nexstim's coordinates are known to a voxel of the scan only: positions may be {step:.2g} mm off"
    return markers.raw(poses, "Nexstim stimulations, placed by the scan", [note])


def _landmarks(lines: list[list[str]]) -> dict[str, np.ndarray]:
    """Return the landmarks of the MRI, by their names."""
    found = {}
    for index, cells in enumerate(lines, 1):
        kind, _, name = cells[-1].partition("MRI landmark:")
        if name and not kind and len(cells) >= 4:
            found[name.strip().lower()] = np.array([number(word, f"line {index}") for word in cells[-4:-1]])
    return found


def _check_landmarks(landmarks: dict[str, np.ndarray], grid: Scan) -> None:
    """Raise an error if the landmarks do not lie in the scan, or not as the axes are taken to go."""
    three = [landmarks[name] for name in ("nose/nasion", "left ear", "right ear") if name in landmarks]
    if len(three) == 3:
        nose, left, right = three
        if not (left[0] > right[0] and nose[2] > max(left[2], right[2])):
            raise PoseError("its landmarks don't lie as in Nexstim's coordinates: x leftward, z to the nose")
    size = grid.steps_mm * grid.shape
    for name, point in landmarks.items():
        there = size * [1, 0, 0] + _TURN @ point
        if not ((there >= -1) & (there <= size + 1)).all():
            raise PoseError(f"the landmark {name[:40]!r} does not lie in the scan: it is another image")


def _stimulations(lines: list[list[str]]) -> Iterator[tuple[str, str, list[str]]]:
    """Yield the nine cells of each stimulation, after words for where it is, and its ID."""
    starts: list[int] = []
    id_at, names = 0, list[str]()
    for index, cells in enumerate(lines, 1):
        if "Coil" in cells:  # the first line of a head of columns; the second says which of the coil they are
            names = list(cells)
            continue
        if not any(cells):
            continue
        if names:
            starts = [
                at for at, word in enumerate(cells) if word in _COLUMNS and names[at : at + 1] == ["Coil"]
            ]
            if [cells[at] for at in starts] != list(_COLUMNS):
                raise PoseError(f"line {index}: no columns for the coil's Loc., Normal and Dir.")
            id_at, names = (cells.index("ID") if "ID" in cells else 0), []
        elif starts:
            if len(cells) <= starts[0]:  # the next subject or session
                starts = []
            elif cells[starts[0]] not in ("x", "(mm)"):
                if len(cells) < starts[-1] + 3:
                    raise PoseError(f"line {index}: {len(cells)} columns where {starts[-1] + 3} are needed")
                values = [cells[at + i] for at in starts for i in range(3)]
                yield f"line {index}", cells[id_at].strip("."), values


def _add(markers: Markers, where: str, name: str, cells: list[str], grid: Scan) -> None:
    if any(word in _NONE for word in cells):
        markers.leave_out(name, "no coil location")
        return
    place, normal, along = np.reshape([number(word, where) for word in cells], (3, 3))
    pose = np.eye(4)
    with np.errstate(invalid="ignore", over="ignore"):
        pose[:3, 3] = grid.steps_mm * grid.shape * [1, 0, 0] + _TURN @ place
        pose[:3, 1], pose[:3, 2] = _TURN @ along, -(_TURN @ normal)
        across = np.cross(pose[:3, 1], pose[:3, 2])
        pose[:3, 0] = across / (np.linalg.norm(across) or 1.0)
        pose = grid.to_world @ pose
    markers.add(name, pose, printed=decimals(cells[3:]))
