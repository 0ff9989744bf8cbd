# SPDX-License-Identifier: BSD-3-Clause
"""Replace many sources by few: place them, fit them by least squares, and measure the error."""

from __future__ import annotations

from typing import Any, Generic, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from ..core.arguments import positive, whole
from ..core.device import select
from ..core.messages import warn
from ..errors import CoilError
from .parts import CoilContent, CoilElement
from .sources import SCALP_MM, Dipoles, Segments, Sources, native_sources

__all__ = ["Reduction", "reduced"]

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]

_POOR = 0.05  # a larger error brings a warning
_LOOSE = 2.0  # lengths of a piece: a wire whose ends are closer than this counts as closed
_NEAREST_MM = 7.0  # from the scalp to a source, where the coil is not flat
_CLOSE = 0.6  # spacing of the points where A is fitted, in units of the distance
_BACK = (0.0, 0.7, 1.4)  # how far behind their places sources of a flat coil are tried, in the same units
_FITTED, _MEASURED = 16_000, 30_000  # at most so many points
_SAFETY = 1.25  # since the error may be larger between the points where it is measured
_CLIMBED, _STEPS, _ROUNDS = 60, 25, 5  # the worst points, the steps tried from each, and how often
_REGULAR = 1e-10  # of the largest diagonal entry of the normal equations
_CHUNK = 2000
_TRIED = 20_000  # points at a time; those at the right distance from all sources are kept
_LEAST_TRIES, _MOST_TRIES = 5, 2000
_SCREEN = 1000  # so few sources are checked first, which sorts out most of the points that are too close
_ON = 1e-5  # relative: distances are float32


C = TypeVar("C", bound=CoilContent)


class Reduction(NamedTuple, Generic[C]):
    """A coil of fewer sources, and how well it stands for the one that it was made from.

    Attributes
    ----------
    coil : Coil
    error : float
        Bound of the difference of the two A from `distance_mm` on, relative to the largest A there.
    distance_mm : float
        Distance from the sources, mm.
    """

    coil: C
    error: float
    distance_mm: float


class Problem(NamedTuple):
    """The task of finding few sources whose A is that of a coil.

    Attributes
    ----------
    potential : native sum over the given sources
    options : list of ndarray (n, 3)
        Positions to try, mm.
    dipoles : bool
        Whether dipoles are to lie there, or pieces of wire.
    fit, check : ndarray (p, 3)
        Points where A is fitted and measured, on the surface of the region where it is wanted, mm.
    reach_mm : float
        Distance between the points of `check` if they lie in a plane z = const; else 0.
    """

    potential: Any
    options: list[Floats]
    dipoles: bool
    fit: Floats
    check: Floats
    reach_mm: float = 0.0


def reduced(coil: CoilContent, n: int, distance_mm: float | None = None) -> Reduction[CoilContent]:
    """Replace the sources of a coil, as its parts lie now, by at most n dipoles per stimulator.

    A k-d tree divides the sources into n clusters of like strength. One dipole in the middle of each cluster
    gets the moment with which A fits best at points in the distance asked for, by regularised least squares.
    The difference of the two A is harmonic beyond that distance and vanishes far away, so it is largest on
    the surface of that region. It is measured there at other points, and a quarter is added for what may lie
    between them.

    If the coil is flat, all of its sources having z < 0, the region is the half space in front of it. Its
    dipoles may lie farther back than the sources did, which makes their A smoother in front. For any other
    coil the region is everything that is so far from every source, also inside the windings. Dipoles beside a
    wire can't carry its current around, so the wire of such a coil becomes fewer pieces of wire.

    Parameters
    ----------
    coil : Coil or CoilContent
        Made of dipoles and wire.
    n : int
        1 to 2000.
    distance_mm : float, optional
        Distance from the sources to the head, mm. By default 7 mm, or for a flat coil the distance from its
        nearest source to the plane z = 4 mm (the scalp, under hair). The error falls fast with it.

    Returns
    -------
    Reduction
        The coil, the bound of its error and the distance. A coil that has at most n sources is returned as it
        is, with an error of 0; but the wire of a flat coil always becomes dipoles.

    Raises
    ------
    CoilError
        The coil is sampled, so its sources are not known; n or the distance is out of range; the distance is
        too short for the error to be measured.

    Warns
    -----
    UserWarning
        The error is above 5 %.

    Examples
    --------
    >>> from headfield import figure_of_eight
    >>> few, error, distance = figure_of_eight().reduced(100)
    >>> few, round(distance, 2)
    (<Coil 'figure of eight': 100 dipoles, z -18.8 to -18.0 mm>, 8.48)
    >>> bool(error < 0.01)
    True
    """
    number = whole(n, "n", CoilError, 2000)
    groups = [coil.sources(stimulator) for stimulator in range(coil.n_stimulators)]
    if any(grids for _, _, grids in groups):
        raise CoilError("a coil of samples can't be reduced: where its sources are is not known")
    top = float(coil.bounds_mm[1, 2])
    flat = top < 0.0
    if distance_mm is not None:
        distance = positive(distance_mm, "distance_mm", CoilError)
    else:
        distance = SCALP_MM - top if flat else _NEAREST_MM
    elements, largest = [], 0.0
    for stimulator, (dipoles, segments, _) in enumerate(groups):
        few, error = _few(dipoles, segments, number, top if flat else None, distance)
        elements += [CoilElement(source, stimulator) for source in few if len(source)]
        largest = max(largest, error)
    if largest > _POOR:
        warn(
            f"with n = {number}, A is off by up to {100 * largest:.2g} % of its largest value, "
            f"{distance:.3g} mm from the sources: take more, or a larger distance_mm",
        )
    return Reduction(coil.at_rest(elements), largest, distance)


def _few(
    dipoles: Dipoles, segments: Segments, n: int, top: float | None, distance: float
) -> tuple[list[Dipoles | Segments], float]:
    """Find at most n sources for those of one stimulator, and the error; `top` is where a flat coil ends."""
    if len(dipoles) + len(segments) <= n and (top is None or not len(segments)):
        return [dipoles, segments], 0.0
    if top is not None:
        loose = float(np.linalg.norm(segments.lengths_mm.sum(axis=0)))
        if loose > _LOOSE * float(np.linalg.norm(segments.lengths_mm, axis=1).max(initial=0.0)):
            raise CoilError(
                f"the wire is open, its ends {loose:.3g} mm apart: dipoles can't stand for it; close it "
                "(closed=True, or in a file its first point once more at its end)"
            )
        source, error = fitted(in_front(dipoles, segments, n, top, distance))
    else:
        source, error = fitted(outside(dipoles, segments, n, distance))
    return [source], error


def in_front(dipoles: Dipoles, segments: Segments, n: int, top_mm: float, distance_mm: float) -> Problem:
    """Set up dipoles for the A of a flat coil in the half space z ≥ `top_mm` + `distance_mm`."""
    where, strength = dipoles.positions_mm, dipoles.moments
    if len(segments):
        sheet = _spanned(segments, 0.5 * distance_mm)
        where, strength = (np.concatenate(pair) for pair in zip((where, strength), sheet, strict=True))
    centres = _centres(where, np.linalg.norm(strength, axis=1), n)
    options = [centres - [0.0, 0.0, back * distance_mm] for back in _BACK]
    z = top_mm + distance_mm
    every = np.concatenate([dipoles.positions_mm, segments.points_mm])
    low, high = every[:, :2].min(axis=0), every[:, :2].max(axis=0)
    area = np.prod(high - low + 7 * distance_mm)
    _check_count(area / (_CLOSE * distance_mm) ** 2, distance_mm)
    fit = _plane(low, high, z, 3.5 * distance_mm, max(_CLOSE * distance_mm, (area / _FITTED) ** 0.5), 0)
    area = np.prod(high - low + 12 * distance_mm)
    reach = max(0.35 * distance_mm, float((area / _MEASURED) ** 0.5))
    check = _plane(low, high, z, 6 * distance_mm, reach, 1)
    return Problem(native_sources(select("cpu"), dipoles, segments), options, True, fit, check, reach)


def outside(dipoles: Dipoles, segments: Segments, n: int, distance_mm: float) -> Problem:
    """Set up dipoles, or pieces of wire if the coil has any, for A from `distance_mm` from all sources on."""
    sums = native_sources(select("cpu"), dipoles, segments)
    where = np.concatenate([dipoles.positions_mm, segments.points_mm])
    shares = []
    for strength in (dipoles.moments, segments.lengths_mm):
        size = np.linalg.norm(strength, axis=1)
        shares.append(size * (len(size) / size.sum() if size.any() else 0.0))
    centres = _centres(where, np.concatenate(shares), n, 0.5 * distance_mm)
    random = np.random.default_rng(0)
    some = where[random.permutation(len(where))[:_SCREEN]]
    natives = [native_sources(select("cpu"), Dipoles(some, np.ones_like(some))), sums]
    surface, tries, n_fit, n_check = np.empty((0, 3)), 0, 1, 1
    while tries < _LEAST_TRIES or len(surface) < n_fit + n_check:
        surface = np.concatenate([surface, _surface(random, where, natives, distance_mm)])
        tries += 1
        if tries == _MOST_TRIES:
            raise CoilError(f"no surface is found {distance_mm:g} mm from the sources")
        count = 4 * np.pi / _CLOSE**2 * len(where) * len(surface) / (tries * _TRIED)
        n_fit = int(min(_FITTED, max(3 * count, 8 * n)))
        n_check = int(min(_MEASURED, max(4 * count, 2000)))
    _check_count(count, distance_mm)
    return Problem(sums, [centres], not len(segments), surface[:n_fit], surface[n_fit : n_fit + n_check])


def fitted(problem: Problem) -> tuple[Dipoles | Segments, float]:
    """Return the sources that fit best, and the bound of their error relative to the largest A."""
    target = problem.potential.vector_potential(problem.fit * 1e-3)
    exact = problem.potential.vector_potential(problem.check * 1e-3)
    size = np.linalg.norm(exact, axis=1).max()
    best: tuple[float, Dipoles | Segments | None, Floats] = (np.inf, None, target)
    for positions in problem.options:
        source: Dipoles | Segments
        if problem.dipoles:
            source = Dipoles(positions, _moments(problem.fit, positions, target))
        else:
            source = Segments(positions, _lengths(problem.fit, positions, target))
        off = np.linalg.norm(Sources.of([source]).vector_potential(problem.check)[0] - exact, axis=1)
        if off.max() < best[0]:
            best = float(off.max()), source, off
    largest, source_, off = best
    if source_ is None:
        raise CoilError("no few sources give the A of this coil")
    if problem.reach_mm > 0.0:
        largest = _climbed(problem, source_, problem.check[np.argsort(off)[-_CLIMBED:]])
    return source_, _SAFETY * largest / float(size)


def _climbed(problem: Problem, source: Dipoles | Segments, points: Floats) -> float:
    """Return the largest error found near points of a plane, by random steps that become ever smaller."""
    few = Sources.of([source])
    random = np.random.default_rng(2)
    largest = 0.0
    for reach in problem.reach_mm * 0.6 ** np.arange(_ROUNDS):
        steps = np.zeros((len(points), _STEPS, 3))
        steps[:, 1:, :2] = reach * random.uniform(-1, 1, (len(points), _STEPS - 1, 2))
        tried = (points[:, None] + steps).reshape(-1, 3)
        difference = few.vector_potential(tried)[0] - problem.potential.vector_potential(tried * 1e-3)
        off = np.linalg.norm(difference, axis=1).reshape(len(points), _STEPS)
        largest = max(largest, float(off.max()))
        points = points + steps[np.arange(len(points)), off.argmax(axis=1)]
    return largest


def _moments(points_mm: Floats, positions_mm: Floats, target: Floats) -> Floats:
    """Fit moments (n, 3) of dipoles to A (p, 3) at points by least squares.

    With X, Y, Z (p, n) for the components of μ0/4π (r − r_k)/|r − r_k|³, A is (m_y Z − m_z Y, …). All blocks
    of the normal equations are sums of six products of X, Y and Z.
    """
    n = len(positions_mm)
    normal, right = np.zeros((3, n, 3, n)), np.zeros((3, n))
    for start in range(0, len(points_mm), _CHUNK):
        rows = slice(start, start + _CHUNK)
        d = (points_mm[rows, None] - positions_mm) * 1e-3
        d *= 1e-7 * (np.einsum("pnj,pnj->pn", d, d) ** -1.5)[..., None]
        x, y, z = (np.ascontiguousarray(d[..., i]) for i in range(3))
        xx, yy, zz = x.T @ x, y.T @ y, z.T @ z
        for i, block in enumerate((yy + zz, xx + zz, xx + yy)):
            normal[i, :, i] += block
        for i, j, block in ((0, 1, y.T @ x), (0, 2, z.T @ x), (1, 2, z.T @ y)):
            normal[i, :, j] -= block
            normal[j, :, i] -= block.T
        ax, ay, az = target[rows].T
        right += [y.T @ az - z.T @ ay, z.T @ ax - x.T @ az, x.T @ ay - y.T @ ax]
    return _solved(normal.reshape(3 * n, 3 * n), right.ravel()).reshape(3, n).T


def _lengths(points_mm: Floats, positions_mm: Floats, target: Floats) -> Floats:
    """Fit lengths (n, 3), mm, of pieces of wire to A (p, 3) at points by least squares."""
    n = len(positions_mm)
    normal, right = np.zeros((n, n)), np.zeros((n, 3))
    for start in range(0, len(points_mm), _CHUNK):
        rows = slice(start, start + _CHUNK)
        kernel = 1e-7 / np.linalg.norm(points_mm[rows, None] - positions_mm, axis=2)  # per mm of both
        normal += kernel.T @ kernel
        right += kernel.T @ target[rows]
    return _solved(normal, right)


def _solved(normal: Floats, right: Floats) -> Floats:
    normal[np.diag_indices(len(normal))] += _REGULAR * normal.diagonal().max()
    return np.asarray(np.linalg.solve(normal, right))


def _centres(where: Floats, weight: Floats, n: int, reach_mm: float = np.inf) -> Floats:
    """Divide sources into at most n clusters by a k-d tree, and return the weighted middle of each.

    Where a middle is farther than `reach_mm` from all sources of its cluster, return the nearest of them.
    """
    centres = []
    stack = [(np.flatnonzero(weight > 0), n)]
    if not len(stack[0][0]):
        raise CoilError("a wire that encloses no area is not reduced to dipoles")
    while stack:
        rows, leaves = stack.pop()
        points, leaves = where[rows], min(leaves, len(rows))
        if leaves == 1:
            middle = np.average(points, axis=0, weights=weight[rows])
            distance = np.linalg.norm(points - middle, axis=1)
            centres.append(middle if distance.min() <= reach_mm else points[distance.argmin()])
            continue
        order = rows[np.argsort(points[:, np.ptp(points, axis=0).argmax()], kind="stable")]
        total, half = np.cumsum(weight[order]), leaves // 2
        cut = int(np.searchsorted(total, total[-1] * half / leaves))
        cut = min(max(cut, half), len(rows) - (leaves - half))  # no cluster without a source
        stack.append((order[:cut], half))
        stack.append((order[cut:], leaves - half))
    return np.array(centres)


def _spanned(segments: Segments, cell_mm: float) -> tuple[Floats, Floats]:
    """Return dipoles for closed wires: on cones from one apex to all of them, summed in cells of a lattice.

    A piece dl at r from the apex spans a triangle with the moment r × dl/2. The strip from s r to (s + ds) r
    has the share 2s ds of that. Where the apex is not inside a wire, the parts of the cone outside of it
    have opposite moments and cancel.
    """
    points, lengths = segments.points_mm, segments.lengths_mm
    apex = np.average(points, axis=0, weights=np.linalg.norm(lengths, axis=1))
    arms = points - apex
    cell = max(cell_mm, float(np.ptp(points, axis=0).max()) / 200)
    low, high = points.min(axis=0), points.max(axis=0)
    shape = np.floor((high - low) / cell).astype(int) + 1
    sums = np.zeros((3, int(shape.prod())))
    whole = np.cross(arms, lengths) * 1e-6
    steps = int(np.ceil(2 * np.linalg.norm(arms, axis=1).max() / cell)) + 1
    for share in (np.arange(steps) + 0.5) / steps:
        index = np.clip(np.floor((apex + share * arms - low) / cell).astype(int), 0, shape - 1)
        flat = np.ravel_multi_index(tuple(index.T), tuple(shape))
        for axis in range(3):
            sums[axis] += np.bincount(flat, whole[:, axis] * share / steps, sums.shape[1])
    size = np.linalg.norm(sums, axis=0)
    there = np.flatnonzero(size > 1e-3 * size.max())
    middles = low + cell * (np.stack(np.unravel_index(there, tuple(shape)), axis=1) + 0.5)
    return np.minimum(middles, high), sums[:, there].T


def _plane(low: Floats, high: Floats, z: float, margin: float, spacing: float, seed: int) -> Floats:
    """Spread points over a plane: a jittered grid over a box with a margin, a fifth as many farther out."""
    random = np.random.default_rng(seed)
    axes = [np.arange(low[d] - margin, high[d] + margin + spacing, spacing) for d in range(2)]
    near = np.stack(np.meshgrid(*axes), axis=-1).reshape(-1, 2)
    near += spacing * random.uniform(-0.5, 0.5, near.shape)
    half = 0.5 * (high - low) + margin
    far = (
        random.uniform(-1, 1, (len(near) // 5 + 1, 2))
        * half
        * np.exp(random.uniform(0, 2, (len(near) // 5 + 1, 1)))
    )
    points = np.concatenate([near, 0.5 * (low + high) + far])
    return np.concatenate([points, np.full((len(points), 1), z)], axis=1)


def _surface(random: np.random.Generator, where: Floats, natives: list[Any], distance: float) -> Floats:
    """Return random points (p, 3) whose nearest source is exactly so far away, even over that surface.

    Points are drawn on the balls around all sources, and those that lie within another ball are dropped.
    """
    direction = random.normal(size=(_TRIED, 3))
    direction *= distance / np.linalg.norm(direction, axis=1)[:, None]
    points: Floats = where[random.integers(len(where), size=_TRIED)] + direction
    for native in natives:
        points = points[np.asarray(native.nearest(points * 1e-3)) >= distance * 1e-3 * (1 - _ON)]
    return points


def _check_count(count: float, distance: float) -> None:
    if count > _MEASURED:
        raise CoilError(
            f"distance_mm = {distance:.3g} is too short: A varies over so small lengths there that it takes "
            f"{count:.2g} points to see it, more than {_MEASURED}"
        )
