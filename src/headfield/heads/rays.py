# SPDX-License-Identifier: BSD-3-Clause
"""Which tetrahedra straight lines run through, and from where to where."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .location import Cubes, barycentric
from .mesh import TetMesh
from .tetrahedra import chunks

__all__ = ["Crossed", "crossed"]

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]

_STEP_MM = 2.0  # between points of a line that near tetrahedra are looked for around
_SHORT_MM = 1e-9  # of a line in a tetrahedron: it touches an edge or corner
_LINES = 512  # taken at a time


class Crossed(NamedTuple):
    """Pieces of lines in tetrahedra, line by line and along each: no two overlap."""

    line: Ints  #: (p,)
    tet: Ints  #: (p,)
    begin_mm: Floats  #: (p,) along the line, from its origin
    end_mm: Floats  #: (p,)


def crossed(
    mesh: TetMesh,
    origins_mm: Floats,
    directions: Floats,
    span_mm: tuple[float, float],
    tets: Ints | None = None,
) -> Crossed:
    """Find the pieces of lines that lie in tetrahedra, to rounding (1e-10 mm).

    A line through a face, edge or node that several tetrahedra share is in one of them.

    Parameters
    ----------
    mesh : TetMesh
    origins_mm, directions : ndarray (k, 3) float64
        Lines; the directions are unit vectors.
    span_mm : (float, float)
        From where to where the lines run, from their origins.
    tets : ndarray (e,) int, optional
        Only these tetrahedra, ascending.

    Examples
    --------
    >>> mesh = TetMesh([[0, 0, 0], [6, 0, 0], [0, 6, 0], [0, 0, 6], [6, 6, 6]], [[0, 1, 2, 3], [1, 2, 3, 4]])
    >>> line, tet, begin_mm, end_mm = crossed(mesh, np.ones((1, 3)), np.ones((1, 3)) / 3**0.5, (-9.0, 9.0))
    >>> tet.tolist(), (begin_mm * 3**0.5).round(9).tolist(), (end_mm * 3**0.5).round(9).tolist()
    ([0, 1], [-3.0, 3.0], [3.0, 15.0])
    """
    chosen = np.arange(mesh.n_tets) if tets is None else tets
    parts = [
        _crossed(mesh, origins_mm[i : i + _LINES], directions[i : i + _LINES], span_mm, chosen)
        for i in range(0, len(origins_mm), _LINES)
    ]
    for number, part in enumerate(parts):
        part.line[:] += number * _LINES
    return Crossed(*(np.concatenate(each) for each in zip(*parts, strict=True)))


def _crossed(
    mesh: TetMesh, origins: Floats, directions: Floats, span: tuple[float, float], chosen: Ints
) -> Crossed:
    line, tet = _near(mesh, origins, directions, span, chosen)
    begin, end = _clipped(mesh.nodes_mm[mesh.tets[tet]].T, origins[line].T, directions[line].T)
    begin, end = np.maximum(begin, span[0]), np.minimum(end, span[1])
    kept = np.flatnonzero(end - begin > _SHORT_MM)
    kept = kept[np.lexsort((tet[kept], begin[kept], line[kept]))]
    line, tet, begin, end = line[kept], tet[kept], begin[kept], end[kept]
    # Along a shared face or edge pieces overlap: each begins where those before it have ended.
    behind = line * (span[1] - span[0] + 1.0)  # lines are laid one behind the other
    reached = np.maximum.accumulate(np.concatenate([[-np.inf], end + behind]))[:-1] - behind
    begin = np.where(reached > begin + _SHORT_MM, reached, begin)
    kept = np.flatnonzero(end - begin > _SHORT_MM)
    return Crossed(line[kept], tet[kept], begin[kept], end[kept])


def _near(
    mesh: TetMesh, origins: Floats, directions: Floats, span: tuple[float, float], chosen: Ints
) -> tuple[Ints, Ints]:
    """Return pairs of a line and a tetrahedron: one of the line's points is in the box around that."""
    count = int(np.ceil((span[1] - span[0]) / _STEP_MM)) + 1
    steps = np.linspace(*span, count)
    points = (origins[:, None] + steps[:, None] * directions[:, None]).reshape(-1, 3)
    half = 0.5 * (steps[1] - steps[0])
    cubes = Cubes(points, 2.0 * _STEP_MM)
    keys = []
    for piece, _, corners in chunks(mesh.nodes_mm, mesh.tets[chosen]):
        box = np.stack([corners.min(axis=1) - half, corners.max(axis=1) + half], axis=1)
        for tet, point in cubes.near(box):
            line = cubes.order[point] // count
            keys.append(np.unique(line * len(chosen) + piece.start + tet))
    key = np.unique(np.concatenate(keys)) if keys else np.empty(0, np.intp)
    return key // len(chosen), chosen[key % len(chosen)]


def _clipped(corners: Floats, origins: Floats, directions: Floats) -> tuple[Floats, Floats]:
    """Return where lines (3, p) are in tetrahedra (3, 4, p): from begin to end, none if end < begin.

    The weight of each corner is linear along a line, and not negative inside.
    """
    here = barycentric(corners, origins)
    slope = barycentric(corners, origins + directions) - here
    with np.errstate(divide="ignore", invalid="ignore"):
        zero = -here / slope
    begin = np.where(slope > 0, zero, -np.inf).max(axis=0)
    end = np.where(slope < 0, zero, np.inf).min(axis=0)
    beside = ((slope == 0) & (here < 0)).any(axis=0)
    return begin, np.where(beside, -np.inf, end)
