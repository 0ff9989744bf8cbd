# SPDX-License-Identifier: BSD-3-Clause
"""Windings on a surface from a stream function: the smooth current, and the wires that stand for it.

A current in a surface with the normal n is J = ∇ψ × n (Peeren, Stream function approach for determining
optimal surface currents, J. Comput. Phys. 191 (2003) 305; Lemdiasov & Ludwig, A stream function method for
gradient coil design, Concepts Magn. Reson. B 26 (2005) 67). It flows along the contours of ψ and, seen from
the side of n, has the higher values on its left. Between two contours flows the difference of their ψ.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..core.arguments import finite_array, positive, real_array, vectors, whole
from ..core.device import cpu
from ..core.docs import fill_doc
from ..errors import CoilError
from ..geometry.triangles import check_faces
from .casing import Casing
from .coil import Coil
from .parts import CoilElement
from .sources import MOST_SOURCES, Dipoles, Segments

__all__ = ["stream_function_coil", "stream_function_wires"]

_SAME = 1e-6  # of the range of ψ: smaller differences along an edge of the surface count as rounding
# The corners' shares (q, 3) and the weights (q,) of rules that are exact to degree 1, 2 and 5 (Dunavant, Int.
# J. Numer. Meth. Eng. 21 (1985) 1129).
_FIFTH = [(6 - 15**0.5) / 21, (6 + 15**0.5) / 21]
_RULES = {
    1: ([[1 / 3, 1 / 3, 1 / 3]], [1.0]),
    3: ([[2 / 3, 1 / 6, 1 / 6], [1 / 6, 2 / 3, 1 / 6], [1 / 6, 1 / 6, 2 / 3]], [1 / 3] * 3),
    7: (
        [[1 / 3] * 3] + [[1 - 2 * a if i == j else a for j in range(3)] for a in _FIFTH for i in range(3)],
        [9 / 40] + [(155 - 15**0.5) / 1200] * 3 + [(155 + 15**0.5) / 1200] * 3,
    ),
}

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class _Surface(NamedTuple):
    """Points (p, 3), mm, faces (f, 3), ψ (p,), edges (e, 2), and which edge each side of a face is (f, 3)."""

    points: Floats
    faces: Ints
    psi: Floats
    edges: Ints
    side: Ints
    rim: Ints  # edges of one face only

    @property
    def range(self) -> float:
        used = self.psi[self.faces]
        return float(used.max() - used.min())


@fill_doc
def stream_function_coil(
    points_mm: ArrayLike,
    faces: ArrayLike,
    psi: ArrayLike,
    *,
    max_edge_mm: float | None = 4.0,
    points_per_face: int = 3,
    name: str = "",
    brand: str = "",
    stimulator: str = "",
    didt_max: float | None = None,
    casing: Casing | None = None,
) -> Coil:
    """Make a coil from the stream function of its current on a surface.

    The coil is made of dipoles where ψ has the same value along all edges of the surface, and where the
    surface is closed: the current is then that of a sheet of dipoles with the moment ψ n per area. Dipoles
    leave no loose ends of current, and every coil file can hold them. Where ψ differs between edges, as for a
    current around a tube, there is no such sheet, and the coil is made of pieces of wire, J times area.

    ψ is taken as linear in each triangle, and both are integrated by the same rule. The error depends on how
    well the triangles follow ψ and the surface. For example, A 7 mm above a disc of 40 mm with
    ψ = 1 − (r/40 mm)² is off by 2 %, 0.5 % and 0.13 % of its largest value with sides of 8, 4 and 2 mm.

    Parameters
    ----------
    %(stream_function)s
    max_edge_mm : float or None
        Triangles with longer sides are cut into equal parts for the integral. With the default, its
        error is below 2e-5 at a distance of 7 mm.
    points_per_face : {1, 3, 7}
        Points of the rule of integration, which is exact to degree 1, 2 or 5.
    %(about_the_coil)s

    Returns
    -------
    Coil

    Raises
    ------
    CoilError
        Wrong shapes; an edge that three faces share, or two faces that do not run the same way around; a ψ
        that is constant; a ψ that changes along an edge of the surface, over which current would flow.

    Examples
    --------
    A square with nine turns around its middle, from where ψ falls to its edges:

    >>> x, y = np.meshgrid(np.linspace(-30, 30, 13), np.linspace(-30, 30, 13))
    >>> corner = (np.arange(12) + 13 * np.arange(12)[:, None]).reshape(-1, 1)
    >>> faces = (corner + [0, 1, 14, 0, 14, 13]).reshape(-1, 3)
    >>> psi = 9 * np.cos(np.pi * x / 60) * np.cos(np.pi * y / 60)
    >>> points = np.stack([x, y, 0 * x - 5], axis=-1).reshape(-1, 3)
    >>> coil = stream_function_coil(points, faces, psi.ravel(), name="square", max_edge_mm=None)
    >>> coil
    <Coil 'square': 864 dipoles, z -5.0 to -5.0 mm>
    >>> print(coil.dipole_moments[:, 2].sum().round(5))  # 9 (2/π)² 60² mm² of the smooth ψ: 0.01313
    0.01298
    """
    surface = _surface(points_mm, faces, psi)
    if points_per_face not in _RULES:
        raise CoilError(f"points_per_face = {points_per_face!r} must be 1, 3 or 7")
    source = _source(surface, max_edge_mm, points_per_face)
    return Coil(
        elements=[CoilElement(source)],
        name=name,
        brand=brand,
        stimulator=stimulator,
        didt_max=didt_max,
        casing=casing,
    )


def _source(surface: _Surface, max_edge_mm: float | None, points_per_face: int) -> Dipoles | Segments:
    """Return dipoles if ψ can be shifted to 0 along all edges of the surface, else pieces of wire."""
    levelled = _levelled(surface)
    corners = surface.points[surface.faces]
    values = (surface.psi if levelled is None else levelled)[surface.faces]
    corners, values = _cut(corners, values, max_edge_mm, points_per_face)
    shares, weights = (np.array(v) for v in _RULES[points_per_face])
    where = np.einsum("qi,fij->fqj", shares, corners).reshape(-1, 3)
    edge = corners[:, [2, 0, 1]] - corners[:, [1, 2, 0]]  # opposite to each corner
    area = 0.5 * np.cross(edge[:, 0], edge[:, 1])  # times the normal, mm²
    if levelled is None:
        # ∇ψ × n times the area is half the sum of ψ times the opposite edge.
        current = 0.5 * np.einsum("fi,fij->fj", values, edge)
        return Segments(where, (weights[None, :, None] * current[:, None]).reshape(-1, 3))
    moment = (values @ shares.T * weights)[..., None] * area[:, None] * 1e-6
    return Dipoles(where, moment.reshape(-1, 3))


@fill_doc
def stream_function_wires(
    points_mm: ArrayLike, faces: ArrayLike, psi: ArrayLike, contours: int
) -> list[Floats]:
    """Lay wires along contours of a stream function: a winding whose current approximates the smooth one.

    ψ is taken as linear in each triangle. Its range is divided into `contours` equal parts, and a wire runs
    along the middle of each. Where ψ counts turns and there are as many contours as its range, each wire
    carries the coil's current once: `wire_coil(wires)`. With another number of contours, pass `turns=` the
    range divided by that number. Where ψ has both signs, an even number keeps the wires off ψ = 0.

    Parameters
    ----------
    %(stream_function)s
    contours : int
        Number of values of ψ that wires follow, 1 to 1000; several closed wires may follow the same value.

    Returns
    -------
    list of ndarray (q, 3) float64, mm
        Closed paths, whose first point is also the last, along the current.

    Raises
    ------
    CoilError
        See `stream_function_coil`.

    Examples
    --------
    >>> points = [[10, 0, 0], [0, 10, 0], [-10, 0, 0], [0, -10, 0], [0, 0, 0]]
    >>> faces = [[0, 1, 4], [1, 2, 4], [2, 3, 4], [3, 0, 4]]
    >>> for wire in stream_function_wires(points, faces, [0, 0, 0, 0, 1], 1):
    ...     print(wire[:, :2].tolist())
    [[0.0, -5.0], [5.0, 0.0], [0.0, 5.0], [-5.0, 0.0], [0.0, -5.0]]
    """
    number = whole(contours, "contours", CoilError, 1000)
    surface = _surface(points_mm, faces, psi)
    low = surface.psi[surface.faces].min()
    wires = []
    for k in range(number):
        wires += _contour(surface, low + (k + 0.5) / number * surface.range)
    return wires


def _surface(points_mm: ArrayLike, faces: ArrayLike, psi: ArrayLike) -> _Surface:
    """Check a surface and its ψ, and make ψ the same along each part of its rim."""
    points = vectors(points_mm, "points_mm", CoilError)
    corner = real_array(faces, "faces", CoilError)
    check_faces(corner, len(points), "faces", CoilError)
    corner = corner.astype(np.int64)
    values = finite_array(psi, "psi", CoilError)
    if values.shape != (len(points),):
        raise CoilError(f"psi must have one value for each of the {len(points)} points, not {values.shape}")
    twice = np.flatnonzero((corner == np.roll(corner, 1, axis=1)).any(axis=1))
    if len(twice):
        raise CoilError(f"face {twice[0]} has one point twice")
    begin, end = corner.ravel(), np.roll(corner, -1, axis=1).ravel()
    ways, times = np.unique(begin * len(points) + end, return_counts=True)
    if (times > 1).any():
        i, j = divmod(int(ways[times.argmax()]), len(points))
        raise CoilError(
            f"{times.max()} faces run from point {i} to point {j}: turn them around so that each edge is run "
            "through once either way"
        )
    both = np.minimum(begin, end) * len(points) + np.maximum(begin, end)
    key, side, uses = np.unique(both, return_inverse=True, return_counts=True)
    edges = np.stack(np.divmod(key, len(points)), axis=1)
    surface = _Surface(points, corner, values, edges, side.reshape(-1, 3), np.flatnonzero(uses == 1))
    if not surface.range > 0:
        raise CoilError("psi is constant: no current flows")
    _level_rims(surface)
    return surface


def _level_rims(surface: _Surface) -> None:
    """Raise CoilError where ψ changes along a rim; even out in place what is only rounding."""
    if not len(surface.rim):
        return
    ends = surface.edges[surface.rim]
    part = _parts(ends, len(surface.points))
    for number in np.unique(part[ends]):
        points = np.unique(ends[part[ends[:, 0]] == number])
        along = surface.psi[points]
        if np.ptp(along) > _SAME * surface.range:
            raise CoilError(
                f"psi goes from {along.min():.6g} to {along.max():.6g} along an edge of the surface (points "
                f"{points[along.argmin()]} and {points[along.argmax()]}): the difference flows over the edge"
            )
        surface.psi[points] = along.mean()


def _parts(simplices: Ints, n_points: int) -> NDArray[np.int32]:
    """Return which connected part of edges (e, 2) or faces (f, 3) each point belongs to."""
    four = simplices[:, [0, 1, -1, -1]]
    return cpu.node_parts(np.ascontiguousarray(four, np.int32), n_points)


def _levelled(surface: _Surface) -> Floats | None:
    """Shift ψ to 0 along the rims of each part of the surface; return None if the rims of a part differ."""
    psi = surface.psi.copy()
    part = _parts(surface.faces, len(surface.points))
    rim = np.unique(surface.edges[surface.rim])
    for number in np.unique(part[surface.faces]):
        inside = part == number
        on_rim = rim[inside[rim]]
        level = psi[on_rim] if len(on_rim) else np.array([psi[inside].mean()])
        if np.ptp(level) > _SAME * surface.range:
            return None
        psi[inside] -= level.mean()
    return psi


def _cut(corners: Floats, values: Floats, longest_mm: float | None, points: int) -> tuple[Floats, Floats]:
    """Cut each triangle (f, 3, 3) and its ψ (f, 3) into k² equal parts; its longest side decides k."""
    if longest_mm is None:
        return corners, values
    longest = np.linalg.norm(corners - np.roll(corners, 1, axis=1), axis=2).max(axis=1)
    times = np.maximum(1.0, np.ceil(longest / positive(longest_mm, "max_edge_mm", CoilError) * (1 - 1e-9)))
    if (times**2).sum() * points > MOST_SOURCES:
        raise CoilError(f"{(times**2).sum() * points:.3g} points on the surface, more than {MOST_SOURCES}")
    fine, psi = [], []
    for k in np.unique(times).astype(int):
        i, j = (v.ravel() for v in np.meshgrid(np.arange(k), np.arange(k), indexing="ij"))
        upward, downward = i + j < k, i + j < k - 1
        i, j = np.concatenate([i[upward], i[downward] + 1]), np.concatenate([j[upward], j[downward] + 1])
        step = np.where(np.arange(len(i)) < upward.sum(), 1, -1)
        first = np.stack([k - i - j, i, j], axis=1)
        shares = (
            np.stack([first, first + step[:, None] * [-1, 1, 0], first + step[:, None] * [-1, 0, 1]], axis=1)
            / k
        )
        here = times == k
        fine.append(np.einsum("tci,fij->ftcj", shares, corners[here]).reshape(-1, 3, 3))
        psi.append(np.einsum("tci,fi->ftc", shares, values[here]).reshape(-1, 3))
    return np.concatenate(fine), np.concatenate(psi)


def _contour(surface: _Surface, level: float) -> list[Floats]:
    """Return the closed wires at one value of ψ."""
    above = surface.psi >= level
    high = above[surface.faces]
    rows = np.flatnonzero(high.any(axis=1) & ~high.all(axis=1))
    high = high[rows]
    # One corner is alone on its side of the level. The wire runs around it, the higher corners on its left.
    alone = np.where(high.sum(axis=1) == 1, high.argmax(axis=1), (~high).argmax(axis=1))
    ahead, behind = surface.side[rows, alone], surface.side[rows, (alone + 2) % 3]
    left = high[np.arange(len(rows)), alone]
    after = dict(
        zip(np.where(left, ahead, behind).tolist(), np.where(left, behind, ahead).tolist(), strict=True)
    )
    i, j = surface.edges.T
    wires = []
    while after:
        start, edge = after.popitem()
        path = [start, edge]
        while edge != start:
            edge = after.pop(edge)
            path.append(edge)
        a, b = surface.psi[i[path]], surface.psi[j[path]]
        share = ((level - a) / (b - a))[:, None]
        wire = (1 - share) * surface.points[i[path]] + share * surface.points[j[path]]
        if np.ptp(wire, axis=0).any():
            wires.append(wire)
    return wires
