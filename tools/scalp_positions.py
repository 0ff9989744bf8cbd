# SPDX-License-Identifier: BSD-3-Clause
"""Electrodes of the 10-10 system on a scalp that is given by distances: for `make_template.py`.

Arcs over the scalp are divided as Oostenveld and Praamstra 2001, doi 10.1016/S1388-2457(00)00527-7, say.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Point = NDArray[np.float64]
Distance = Callable[[NDArray[np.float64]], NDArray[np.float64]]  # points (p, 3), mm, to mm, negative inside

# Rays towards the four landmarks: where they start, and which way they go.
LANDMARKS = {
    "Nz": ((0, 0, -42), (0, 1, 0)),
    "Iz": ((0, 0, -24), (0, -1, 0)),
    "LPA": ((0, -17, -46), (-1, 0, 0)),
    "RPA": ((0, -17, -46), (1, 0, 0)),
}
MIDLINE = ("Fpz", "AFz", "Fz", "FCz", "Cz", "CPz", "Pz", "POz", "Oz")
LEFT_CONTOUR = ("Fp1", "AF7", "F7", "FT7", "T7", "TP7", "P7", "PO7", "O1")
ROWS = {
    "AF": ("AF7", "AFz"),
    "F": ("F7", "Fz"),
    "FC": ("FT7", "FCz"),
    "CP": ("TP7", "CPz"),
    "P": ("P7", "Pz"),
}
ROWS["PO"] = ("PO7", "POz")


def positions(distance: Distance) -> dict[str, Point]:
    """Return the landmarks and electrodes of a scalp that is symmetric in x, by name."""
    found = {name: _on_ray(distance, *map(np.array, ray)) for name, ray in LANDMARKS.items()}
    middle = _arc(distance, found["Nz"], np.array([0.0, -15, 100]), found["Iz"], len(MIDLINE))
    found |= dict(zip(MIDLINE, middle, strict=True))
    over_ears = _arc(distance, found["LPA"], found["Cz"], found["RPA"], 9)
    found |= dict(zip(("T7", "C5", "C3", "C1"), over_ears, strict=False))
    contour = _arc(distance, found["Fpz"], found["T7"], found["Oz"], len(LEFT_CONTOUR))
    found |= dict(zip(LEFT_CONTOUR, contour, strict=True))
    for row, (side, top) in ROWS.items():
        other = found[side] * [-1, 1, 1]
        quarters = _arc(distance, found[side], found[top], other, 7)[:3]
        found |= dict(zip((f"{row}5", f"{row}3", f"{row}1"), quarters, strict=True))
    left = [name for name in found if name[-1].isdigit()]
    found |= {name[:-1] + str(int(name[-1]) + 1): found[name] * [-1, 1, 1] for name in left}
    return found


def _arc(distance: Distance, start: Point, over: Point, end: Point, parts: int) -> Point:
    """Return the points (parts, 3) between equal pieces of the arc from a start over a point to an end."""
    centre = (start + end) / 2
    first = (start - centre) / np.linalg.norm(start - centre)
    second = over - centre
    second = second - (second @ first) * first
    second /= np.linalg.norm(second)
    angles = np.linspace(0, np.pi, 361)
    curve = np.array([_on_ray(distance, centre, np.cos(a) * first + np.sin(a) * second) for a in angles])
    length = np.r_[0, np.cumsum(np.linalg.norm(np.diff(curve, axis=0), axis=1))]
    wanted = np.linspace(0, length[-1], parts + 2)[1:-1]
    return np.stack([np.interp(wanted, length, curve[:, axis]) for axis in range(3)], axis=1)


def _on_ray(distance: Distance, start: Point, direction: Point) -> Point:
    """Return where a ray leaves the head for the last time."""
    r = np.arange(200.0, 5.0, -0.25)
    values = distance(start + r[:, None] * direction)
    at = int(np.argmax(values < 0))
    share = values[at - 1] / (values[at - 1] - values[at])
    return start + (r[at - 1] + share * (r[at] - r[at - 1])) * direction
