# SPDX-License-Identifier: BSD-3-Clause
"""Coils of wire: from the paths that it takes to pieces at points, A(r) = μ0/4π Σ dl_k / |r − r_k|."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..core.arguments import finite_array, finite_number, positive, vectors, whole
from ..core.docs import fill_doc
from ..core.messages import plural, warn
from ..errors import CoilError
from .casing import Casing
from .coil import Coil
from .parts import CoilElement
from .sources import MOST_SOURCES, Segments

__all__ = ["spiral_path", "wire_coil", "wire_segments"]

_TOUCHING_MM = 1e-3  # ends so near are one point
_LARGEST_MM = 2000.0  # in micrometres a coil would be larger, and be cut into millions of pieces

Floats = NDArray[np.float64]


@fill_doc
def wire_coil(
    paths_mm: ArrayLike | Sequence[ArrayLike],
    *,
    turns: float | Sequence[float] = 1,
    closed: bool | None = None,
    max_segment_mm: float | None = 2.0,
    points_per_segment: int = 1,
    name: str = "",
    brand: str = "",
    stimulator: str = "",
    didt_max: float | None = None,
    casing: Casing | None = None,
) -> Coil:
    """Make a coil from the path of its wire, which `wire_segments` cuts into pieces.

    A coil of several stimulators is made of one `CoilElement` of such pieces for each.

    Parameters
    ----------
    %(wire)s
    %(about_the_coil)s

    Returns
    -------
    Coil

    Raises
    ------
    CoilError
        See `wire_segments`.

    Warns
    -----
    UserWarning
        See `wire_segments`.

    Examples
    --------
    >>> angle = np.linspace(0, 2 * np.pi, 361)
    >>> loop = np.stack([40 * np.cos(angle), 40 * np.sin(angle), 0 * angle - 6], axis=1)
    >>> coil = wire_coil(loop, turns=9, name="loop")
    >>> coil
    <Coil 'loop': 360 wire segments, z -6.0 to -6.0 mm>
    >>> print(1e6 * coil.vector_potential([[40, 0, 14]]).round(9))  # along y, as the current there
    [[0.    1.594 0.   ]]
    """
    segments = _segments(paths_mm, turns, closed, max_segment_mm, points_per_segment)
    return Coil(
        elements=[CoilElement(segments)],
        name=name,
        brand=brand,
        stimulator=stimulator,
        didt_max=didt_max,
        casing=casing,
    )


@fill_doc
def wire_segments(
    paths_mm: ArrayLike | Sequence[ArrayLike],
    *,
    turns: float | Sequence[float] = 1,
    closed: bool | None = None,
    max_segment_mm: float | None = 2.0,
    points_per_segment: int = 1,
) -> Segments:
    """Cut the path of a wire into pieces.

    Each straight segment of length L is integrated by the Gauss rule of `points_per_segment` points, whose
    error at a distance d falls as (L/2d)^(2 points). With the default, one point per 2 mm, A of a square of
    60 mm is within 4e-4 of its largest value 7 mm from the wire; two points per 2 mm give 4e-6. The chords of
    a curve enclose less than the curve does: n of a circle less by 6.6/n² of its area, 4e-5 for n = 400.

    Parameters
    ----------
    %(wire)s

    Returns
    -------
    Segments

    Raises
    ------
    CoilError
        Paths that are not (p, 3) finite numbers, have no length or are larger than 2 m, turns that are 0 or
        not as many as paths.

    Warns
    -----
    UserWarning
        The current ends somewhere, which no current does: A is then that of the pieces alone, without the
        leads.

    Examples
    --------
    >>> square = [[0, 0, 0], [30, 0, 0], [30, 30, 0], [0, 30, 0]]
    >>> pieces = wire_segments(square, closed=True, max_segment_mm=10, points_per_segment=2)
    >>> len(pieces), pieces.lengths_mm.sum(axis=0).round(12) + 0.0
    (24, array([0., 0., 0.]))
    """
    return _segments(paths_mm, turns, closed, max_segment_mm, points_per_segment)


def _segments(
    paths_mm: ArrayLike | Sequence[ArrayLike],
    turns: float | Sequence[float],
    closed: bool | None,
    max_segment_mm: float | None,
    points: int,
) -> Segments:
    """`wire_segments`, called by a function that the user calls."""
    paths = _paths(paths_mm)
    numbers = _turns(turns, len(paths))
    if closed:
        paths = [p if _closed(p) else np.concatenate([p, p[:1]]) for p in paths]
    every = np.concatenate(paths)
    extent = float(np.ptp(every, axis=0).max())
    if extent > _LARGEST_MM:
        raise CoilError(f"a wire that spans {extent:.4g} mm is too large for a head: are these mm?")
    if closed is None:
        _warn_of_ends(paths, numbers)
    start = np.concatenate([p[:-1] for p in paths])
    edge = np.concatenate([np.diff(p, axis=0) for p in paths])
    strength = np.repeat(numbers, [len(p) - 1 for p in paths])
    return Segments(*_pieces(start, edge, strength, max_segment_mm, points))


def spiral_path(
    inner_radius_mm: float,
    outer_radius_mm: float,
    turns: float,
    *,
    height_mm: float = 0.0,
    centre_mm: ArrayLike = (0.0, 0.0, 0.0),
    start_deg: float = 0.0,
    points_per_turn: int = 360,
) -> Floats:
    """Make an Archimedean spiral about the z axis, from the inner to the outer radius, from +x to +y.

    Reversed (`[::-1]`), it is wound from outside to inside, with the current from +y to +x.

    Parameters
    ----------
    inner_radius_mm, outer_radius_mm : float
        Of the wire's centre line at its start and end, mm. The same twice, with a height, is a solenoid.
    turns : float
        Number of turns, up to 1000.
    height_mm : float
        How far the end is below (negative) or above the start along z, mm.
    centre_mm : array_like (3,)
        Centre of the start, mm.
    start_deg : float
        Angle of the start from x, degrees.
    points_per_turn : int
        Chords of each turn.

    Returns
    -------
    ndarray (p, 3) float64, mm

    Raises
    ------
    CoilError
        Numbers that make no spiral.

    Examples
    --------
    A figure-8 of one wire, from the inside of one wing through the middle to the inside of the other, and
    straight back. The second wing is the first after half a turn about z, which keeps its sense, walked from
    its end, which reverses that. (A mirror in place of the half turn would reverse it once more: both wings
    would turn the same way, and there would be no focus under the middle.)

    >>> right = spiral_path(26, 44, 9, centre_mm=[44.5, 0, -6], start_deg=180)
    >>> left = (right * [-1, -1, 1])[::-1]
    >>> coil = wire_coil(np.concatenate([right, left]), closed=True)
    >>> for wing in (right, left):  # the moment along z of each, A·m² per A
    ...     pieces = wire_segments(wing, closed=True)
    ...     print(round(0.5e-6 * float(np.cross(pieces.points_mm, pieces.lengths_mm)[:, 2].sum()), 4))
    0.0354
    -0.0354
    >>> print((-1e6 * coil.vector_potential([[0, 0, 20]])).round(2) + 0.0)  # V/m at 1 A/µs, no head
    [[-0.05  1.97  0.  ]]
    """
    inner, outer = (
        positive(inner_radius_mm, "inner_radius_mm", CoilError),
        positive(outer_radius_mm, "outer_radius_mm", CoilError),
    )
    number = positive(turns, "turns", CoilError)
    height, start = (
        finite_number(v, n, CoilError) for v, n in ((height_mm, "height_mm"), (start_deg, "start_deg"))
    )
    if number > 1000:
        raise CoilError(f"turns = {turns} must be at most 1000")
    if outer < inner:
        raise CoilError(f"outer_radius_mm = {outer} is less than inner_radius_mm = {inner}")
    chords = max(1, math.ceil(number * whole(points_per_turn, "points_per_turn", CoilError, 10_000)))
    centre = finite_array(centre_mm, "centre_mm", CoilError)
    if centre.shape != (3,):
        raise CoilError(f"centre_mm must have the shape (3,), not {centre.shape}")
    share = np.linspace(0.0, 1.0, chords + 1)
    angle = np.radians(start) + 2 * np.pi * number * share
    radius = inner + (outer - inner) * share
    return centre + np.stack([radius * np.cos(angle), radius * np.sin(angle), height * share], axis=1)


def _paths(paths_mm: ArrayLike | Sequence[ArrayLike]) -> list[Floats]:
    """Check the polylines and return them without repeated points."""
    try:
        given: list[Any] = list(paths_mm)  # type: ignore[arg-type]
        single = bool(given) and np.ndim(given[0]) == 1
    except (TypeError, ValueError):
        raise CoilError("paths_mm must be points (p, 3) or a list of such paths") from None
    if not given:
        raise CoilError("paths_mm: no path")
    paths = []
    for i, path in enumerate([given] if single else given):
        what = "paths_mm" if single else f"paths_mm[{i}]"
        points = vectors(path, what, CoilError)
        if len(points) < 2:
            raise CoilError(f"{what} has {plural(len(points), 'point', 'points')}, a wire has two or more")
        moved = np.concatenate([[True], np.diff(points, axis=0).any(axis=1)])
        if moved.sum() < 2:
            raise CoilError(f"{what} has no length: all its points are the same")
        paths.append(points[moved])
    return paths


def _turns(turns: float | Sequence[float], n_paths: int) -> Floats:
    one = isinstance(turns, (str, int, float, np.number)) or turns is None
    given: list[Any] = [turns] * n_paths if one else list(turns)  # type: ignore[arg-type]
    if len(given) != n_paths:
        raise CoilError(f"{len(given)} turns for {n_paths} paths")
    numbers = [finite_number(t, "turns", CoilError) for t in given]
    if 0 in numbers:
        raise CoilError("turns = 0: leave the path out")
    return np.array(numbers)


def _closed(path: Floats) -> bool:
    return bool(np.linalg.norm(path[-1] - path[0]) <= _TOUCHING_MM)


def _warn_of_ends(paths: list[Floats], numbers: Floats) -> None:
    """Warn of the first point where more current comes out than goes in, or the other way round."""
    is_open = np.flatnonzero([not _closed(p) for p in paths])
    if not len(is_open):
        return
    ends = np.concatenate([[paths[i][0] for i in is_open], [paths[i][-1] for i in is_open]])
    charge = np.concatenate([-numbers[is_open], numbers[is_open]])
    for k, end in enumerate(ends):
        here = np.linalg.norm(ends - end, axis=1) <= _TOUCHING_MM
        if abs(charge[here].sum()) > 1e-9 * np.abs(charge).max():
            i = is_open[k % len(is_open)]
            gap = np.linalg.norm(paths[i][-1] - paths[i][0])
            warn(
                f"path {i} is open: {gap:.3g} mm from its end to its start, where no other path goes on; "
                "closed=True closes paths by a straight segment, closed=False leaves them as they are; "
                "in a file, its first point once more at its end closes a path",
            )
            return


def _pieces(
    start: Floats, edge: Floats, strength: Floats, longest_mm: float | None, points: int
) -> tuple[Floats, Floats]:
    """Return points (w, 3) and lengths (w, 3) of pieces of straight segments."""
    nodes, weights = np.polynomial.legendre.leggauss(whole(points, "points_per_segment", CoilError, 20))
    length = np.linalg.norm(edge, axis=1)
    parts = np.ones(len(edge))
    if longest_mm is not None:
        parts = np.maximum(
            1.0, np.ceil(length / positive(longest_mm, "max_segment_mm", CoilError) * (1 - 1e-9))
        )
    if parts.sum() * len(nodes) > MOST_SOURCES:
        raise CoilError(f"{parts.sum() * len(nodes):.3g} pieces of wire, more than {MOST_SOURCES}")
    times = parts.astype(np.int64)
    first = np.repeat(np.cumsum(times) - times, times)
    begin = (np.arange(times.sum()) - first) / np.repeat(parts, times)
    share = begin[:, None] + 0.5 * (1.0 + nodes) / np.repeat(parts, times)[:, None]
    where = (
        np.repeat(start, times, axis=0)[:, None] + share[..., None] * np.repeat(edge, times, axis=0)[:, None]
    )
    part = np.repeat(edge * (strength / parts)[:, None], times, axis=0)
    return where.reshape(-1, 3), (0.5 * weights[None, :, None] * part[:, None]).reshape(-1, 3)
