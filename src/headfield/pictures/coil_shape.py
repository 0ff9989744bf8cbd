# SPDX-License-Identifier: BSD-3-Clause
"""What a coil looks like, as far as its model says: its casing, its wire, the loops that its dipoles are."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..coils.coil import Coil
from ..coils.sources import Dipoles, Segments
from .shells import Shell

__all__ = ["CoilShape", "coil_lines", "coil_shape", "outline"]

Floats = NDArray[np.float64]

_FAINTEST = 0.04  # of the largest moment: weaker dipoles are not drawn, files of real coils hold many
_MOST_LOOPS = 400  # as lines
_SIDES = np.linspace(0.0, 2.0 * np.pi, 13)  # of a loop
_AROUND = np.linspace(0.0, 2.0 * np.pi, 97)  # of the outline of a casing
_FILL = 0.45  # of the distance of neighbours: radius of the loop of the strongest dipole
_NEIGHBOURS = 1500  # dipoles whose nearest neighbours tell how far apart all are
_APART = 1.5  # of the length of two half pieces of wire: farther apart, they are not joined


class CoilShape(NamedTuple):
    """A coil in its own frame, or in that of a head."""

    wire: list[Floats]  #: paths (p, 3), mm, along the current; closed ones end where they begin
    loops: Floats  #: (d, 13, 3), mm: a closed polygon around each dipole, its area as its moment
    strength: (
        Floats  #: (d,) moment of each as a share of the largest, below 0 where it points out of the head
    )
    casing: Shell | None

    @property
    def centres_mm(self) -> Floats:
        """Of the loops, (d, 3)."""
        return self.loops[:, :-1].mean(axis=1)

    @property
    def points_mm(self) -> Floats:
        """All points of it, (p, 3)."""
        points = [*self.wire, self.loops.reshape(-1, 3)]
        return np.concatenate([*points, *([] if self.casing is None else [self.casing.nodes_mm])])

    def placed(self, matrix: Floats) -> CoilShape:
        """Return it after a rigid motion (4, 4), mm."""

        def moved(points_mm: Floats) -> Floats:
            return np.asarray(points_mm @ matrix[:3, :3].T + matrix[:3, 3])

        casing = None
        if self.casing is not None:
            casing = self.casing._replace(nodes_mm=moved(self.casing.nodes_mm))
        return CoilShape([moved(path) for path in self.wire], moved(self.loops), self.strength, casing)


def coil_shape(coil: Coil) -> CoilShape:
    """Return what there is to see of a coil, in its frame.

    Nothing is guessed: wire is drawn where it is, split where a piece does not follow the one before; a
    magnetic dipole is what a small loop of current makes, and is drawn as that; a casing is its surface. A
    coil of which only A is known has nothing to see, unless it has a casing.

    Parameters
    ----------
    coil : Coil

    Returns
    -------
    CoilShape

    Examples
    --------
    >>> from headfield.coils.layouts import figure_of_eight
    >>> eight = figure_of_eight()
    >>> shape = coil_shape(eight)
    >>> len(shape.wire), shape.casing.faces.shape, bool(len(shape.loops) <= eight.n_dipoles)
    (0, (252, 3), True)
    >>> [int(np.sign(s)) for s in shape.strength[[0, -1]]]  # of one wing, and of the other
    [1, -1]
    """
    sources = [coil.source(element) for element in coil.elements]
    wire = [path for one in sources if isinstance(one, Segments) for path in _paths(one)]
    loops, strength = _loops([one for one in sources if isinstance(one, Dipoles)])
    casing = coil.casing
    shell = None
    if casing is not None:
        nothing = np.full(len(casing.points_mm), np.nan)
        shell = Shell(casing.points_mm, casing.faces.astype(np.intp), nothing)
    return CoilShape(wire, loops, strength, shell)


def coil_lines(coil: Coil) -> list[Floats]:
    """Return lines (p, 3), mm, in the coil frame, that show a coil: for pictures that draw nothing else.

    Its wire; or loops of its dipoles, of many only some; and if it has no wire, the convex outline of its
    casing.

    Examples
    --------
    >>> from headfield.coils.layouts import figure_of_eight
    >>> lines = coil_lines(figure_of_eight())
    >>> lines[0].shape, lines[1].shape, 200 < len(lines) <= 401
    ((97, 3), (13, 3), True)
    """
    shape = coil_shape(coil)
    if shape.wire:
        return shape.wire
    some = shape.loops[:: -(-len(shape.loops) // _MOST_LOOPS) or 1]
    lines = list(some)
    if shape.casing is not None:
        lines.insert(0, outline(shape.casing.nodes_mm))
    return lines


def outline(points_mm: Floats) -> Floats:
    """Return the convex outline (97, 3) of points (p, 3) in the coil frame, as seen along its axis.

    Examples
    --------
    >>> square = outline(np.array([[0.0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0], [0.5, 0.5, 9]]))
    >>> square.shape, float(square[:, 2].max())
    ((97, 3), 0.0)
    """
    directions = np.array([np.cos(_AROUND), np.sin(_AROUND)])
    return points_mm[np.argmax(points_mm[:, :2] @ directions, axis=0)]


def _paths(wire: Segments) -> list[Floats]:
    """Join pieces of wire to paths, from the beginning of the first to the end of the last."""
    middle, along = wire.points_mm, wire.lengths_mm
    length = np.linalg.norm(along, axis=1)
    step = np.diff(middle, axis=0)
    apart = np.linalg.norm(step, axis=1)
    follows = apart <= _APART * (length[:-1] + length[1:]) / 2
    for ends in (along[:-1], along[1:]):  # a step back, or across, is to another turn
        follows &= np.einsum("pd,pd->p", step, ends) > 0
    parts = np.split(np.arange(len(middle)), 1 + np.flatnonzero(~follows))
    return [_path(middle[part], along[part], length[part]) for part in parts if length[part].any()]


def _path(middle: Floats, along: Floats, length: Floats) -> Floats:
    """Return the path through the middles of pieces, and to the two ends; closed if these meet."""
    step = np.linalg.norm(np.diff(middle, axis=0), axis=1)
    ends = []
    for at, sign, near in ((0, -1, step[:1]), (-1, 1, step[-1:])):
        half = min([length[at], *near]) / 2  # several turns may be in one piece, whose length is then theirs
        ends.append(middle[at] + sign * half * along[at] / max(length[at], 1e-300))
    gap = np.linalg.norm(ends[1] - ends[0])
    if len(middle) > 2 and gap <= _APART * float(np.median(step)):
        return np.concatenate([middle, middle[:1]])
    return np.concatenate([ends[0][None], middle, ends[1][None]])


def _loops(parts: list[Dipoles]) -> tuple[Floats, Floats]:
    """Return loops (d, 13, 3) around dipoles and the share (d,) of the largest moment that each has."""
    if not parts:
        return np.empty((0, len(_SIDES), 3)), np.empty(0)
    places = np.concatenate([part.positions_mm for part in parts])
    moments = np.concatenate([part.moments for part in parts])
    size = np.linalg.norm(moments, axis=1)
    drawn = size >= _FAINTEST * size.max()
    places, moments, size = places[drawn], moments[drawn], size[drawn]
    unit = moments / size[:, None]
    axis = np.eye(3)[np.argmin(np.abs(unit), axis=1)]
    u = np.cross(unit, axis)
    u /= np.linalg.norm(u, axis=1, keepdims=True)
    v = np.cross(unit, u)
    share = size / size.max()
    radius = _FILL * _spacing(places) * np.sqrt(share)
    circle = np.cos(_SIDES)[None, :, None] * u[:, None] + np.sin(_SIDES)[None, :, None] * v[:, None]
    return places[:, None] + radius[:, None, None] * circle, np.where(unit[:, 2] < 0, -share, share)


def _spacing(places: Floats) -> float:
    """Return how far apart neighbours are that don't lie above each other, mm: the median."""
    if len(places) < 2:
        return 10.0
    some = places[:: -(-len(places) // _NEIGHBOURS)]
    beside = np.stack([((row[:2] - places[:, :2]) ** 2).sum(axis=1) for row in some])
    beside[beside < 1e-2] = np.inf
    nearest = np.sqrt(beside.min(axis=1))
    known = nearest[np.isfinite(nearest)]
    return float(np.median(known)) if len(known) else 10.0
