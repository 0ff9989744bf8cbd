# SPDX-License-Identifier: BSD-3-Clause
"""Other sources for the same coil: its A on a grid, or as few dipoles as an error allows."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..core.arguments import finite_array, positive, whole
from ..core.memory import free_memory
from ..core.messages import warn
from ..errors import CoilError
from .coil import Coil
from .parts import CoilElement, box
from .reduction import fitted, in_front, outside
from .sources import Dipoles, SampledPotential, Segments

__all__ = ["Reduction", "reduced", "sampled"]

_LIMITS_MM = np.array([[-300.0, 300.0], [-200.0, 200.0], [-200.0, 200.0]])
_SPACING_MM = 3.0
_MOST_VALUES = 2**31 - 1
_BYTES_PER_POINT = 64  # A, a copy of it, and the lattice that is made of it, in float32
_MARGIN_MM = 12.0  # around the sources, where the default limits do not hold them
_HUGE = 1e30  # T·m per A, beyond which float32 has no room for arithmetic
_SCALP_MM = 4.0  # from the casing's face, z = 0
_POOR = 0.05  # an error that is warned of
_LOOSE = 2.0  # pieces of wire between the ends of one that counts as closed
_NEAREST_MM = 7.0  # from the scalp to a source, where the coil is not flat

Floats = NDArray[np.float64]


class Reduction(NamedTuple):
    """A coil of fewer sources, and how well it stands for the one that it was made from.

    Attributes
    ----------
    coil : Coil
    error : float
        Bound of the difference of A at and beyond `distance_mm`, relative to the largest A there.
    distance_mm : float
        From the sources.
    """

    coil: Coil
    error: float
    distance_mm: float


def sampled(coil: Coil, spacing_mm: ArrayLike | None = None, limits_mm: ArrayLike | None = None) -> Coil:
    """The coil as samples of its A on a regular grid, as its parts lie now.

    Parameters
    ----------
    coil : Coil
    spacing_mm : float or array_like (3,), optional
        Distance of neighbours along x, y and z, mm. By default the coil's `resolution_mm`, else 3 mm.
    limits_mm : array_like (3, 2), optional
        First and last point along x, y and z, mm; the last is left out where the spacing does not end there.
        By default the coil's `limits_mm`, else x ±300, y and z ±200 mm, farther out where the sources are.

    Returns
    -------
    Coil
        One `SampledPotential` per stimulator. At a point on a source, where A is infinite, it has the mean of
        the neighbours: within two spacings of the sources interpolation means nothing. With the default, A
        of a figure of eight of 964 dipoles, interpolated as `vector_potential` does, is within 0.5 % of its
        largest value from 4 mm in front of the casing on, and 0.013 % from 10 mm. The error falls as the
        fourth power of the spacing; of linear interpolation, as in other programs, it falls as the second.

    Raises
    ------
    CoilError
        Limits or a spacing that make no grid, or one that does not fit the memory.

    Warns
    -----
    UserWarning
        The coil has samples already, and part of the new grid lies outside them, where A is taken as 0.

    Examples
    --------
    >>> from headfield import circular_coil
    >>> round_coil = circular_coil()
    >>> grid = sampled(round_coil, spacing_mm=4, limits_mm=[[-80, 80], [-80, 80], [-20, 60]])
    >>> grid
    <Coil 'circular coil': A on 41 x 41 x 21 points, z -20.0 to 60.0 mm>
    >>> point = [[31.0, 22.0, 15.0]]
    >>> a, b = (c.vector_potential(point) for c in (round_coil, grid))
    >>> bool(abs(a - b).max() < 1e-4 * abs(a).max())
    True
    """
    spacing = _spacing(coil, spacing_mm)
    limits = box(limits_mm) if limits_mm is not None else coil.limits_mm
    if limits is None:
        low, high = coil.bounds_mm
        limits = np.stack([np.minimum(_LIMITS_MM[:, 0], low - _MARGIN_MM), _LIMITS_MM[:, 1]], axis=1)
        limits[:, 1] = np.maximum(limits[:, 1], high + _MARGIN_MM)
    with np.errstate(over="ignore"):
        counts = np.floor((limits[:, 1] - limits[:, 0]) / spacing + 1e-9) + 1
    _check_size(counts, coil.n_stimulators)
    axes = [limits[d, 0] + spacing[d] * np.arange(int(counts[d])) for d in range(3)]
    affine = np.diag([*spacing, 1.0])
    affine[:3, 3] = limits[:, 0]
    elements = []
    for stimulator in range(coil.n_stimulators):
        values = _values(coil, stimulator, axes)
        elements.append(CoilElement(SampledPotential(values, affine), stimulator))
    return _of(coil, elements, limits, spacing)


def reduced(coil: Coil, n: int, distance_mm: float | None = None) -> Reduction:
    """The coil as at most n dipoles per stimulator, as its parts lie now, and the error of that.

    The sources are divided into n clusters of like strength by planes (a k-d tree); one dipole in the middle
    of each gets the moment for which A fits best, by regularised least squares, at points in the distance
    asked for. Each component of the difference of two A is harmonic where neither has sources, and 0 far
    away, so its largest value lies on the surface of that region: there it is measured, at points of its own,
    and a quarter is added for what lies between these.

    Of a flat coil, all of whose sources have z < 0, the region is the half space in front of it; dipoles may
    then lie farther back than the sources did, where they are smoother seen from the front. Of other coils it
    is all that is so far from every source, inside the windings too. Dipoles beside a wire cannot carry its
    current around: wire of a coil that is not flat becomes fewer pieces of wire, not dipoles.

    Parameters
    ----------
    coil : Coil
        Of dipoles and wire.
    n : int
        1 to 2000.
    distance_mm : float, optional
        From the sources to the head, mm. By default of a flat coil that of the plane z = 4 mm (the scalp,
        under hair) from the nearest source, of others 7 mm. The error falls fast with it.

    Returns
    -------
    Reduction
        The coil, the bound of its error and the distance. A coil that has no more sources than n is returned
        as it is, with an error of 0; wire of a flat coil becomes dipoles all the same.

    Raises
    ------
    CoilError
        A coil of samples, whose sources are not known; an n or distance that is none, or a distance too short
        for the error to be measured.

    Warns
    -----
    UserWarning
        The error is above 5 %.

    Examples
    --------
    >>> from headfield import figure_of_eight
    >>> few, error, distance = reduced(figure_of_eight(), 100)
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
        distance = _SCALP_MM - top if flat else _NEAREST_MM
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
    return Reduction(_of(coil, elements, coil.limits_mm, coil.resolution_mm), largest, distance)


def _few(
    dipoles: Dipoles, segments: Segments, n: int, top: float | None, distance: float
) -> tuple[list[Dipoles | Segments], float]:
    """At most n sources for those of one stimulator, and the error; `top` is where a flat coil ends."""
    if len(dipoles) + len(segments) <= n and (top is None or not len(segments)):
        return [dipoles, segments], 0.0
    if top is not None:
        loose = float(np.linalg.norm(segments.lengths_mm.sum(axis=0)))
        if loose > _LOOSE * float(np.linalg.norm(segments.lengths_mm, axis=1).max(initial=0.0)):
            raise CoilError(f"the wire is open, its ends {loose:.3g} mm apart: dipoles can't stand for it")
        source, error = fitted(in_front(dipoles, segments, n, top, distance))
    else:
        source, error = fitted(outside(dipoles, segments, n, distance))
    return [source], error


def _of(coil: Coil, elements: list[CoilElement], limits: Floats | None, resolution: Floats | None) -> Coil:
    """A rigid coil of other elements."""
    return Coil(
        elements=elements,
        name=coil.name,
        brand=coil.brand,
        stimulators=coil.stimulators,
        casing=coil.casing,
        limits_mm=limits,
        resolution_mm=resolution,
    )


def _spacing(coil: Coil, spacing_mm: ArrayLike | None) -> Floats:
    if spacing_mm is None:
        return np.full(3, _SPACING_MM) if coil.resolution_mm is None else coil.resolution_mm
    given = finite_array(spacing_mm, "spacing_mm", CoilError)
    if given.shape not in ((), (3,)) or not (given > 0).all():
        raise CoilError("spacing_mm must be a number above 0, or three")
    return np.array(np.broadcast_to(given, 3))


def _check_size(counts: Floats, n_stimulators: int) -> None:
    shape = " x ".join(f"{c:.0f}" for c in counts)
    if counts.min() < 2:
        raise CoilError(f"a grid of {shape} points: two or more along each axis are needed")
    with np.errstate(over="ignore"):
        points = float(np.prod(counts))
    if 3 * points * n_stimulators > _MOST_VALUES:
        raise CoilError(f"{shape} points are more than {_MOST_VALUES} values: take a larger spacing")
    needed, free = points * n_stimulators * _BYTES_PER_POINT, free_memory()
    if needed > free:
        raise CoilError(
            f"{shape} points take {needed / 2**30:.3g} GiB, of {free / 2**30:.3g}: take a larger spacing"
        )


def _values(coil: Coil, stimulator: int, axes: list[Floats]) -> NDArray[np.float32]:
    """A of one stimulator (nx, ny, nz, 3) on a grid."""
    sources = coil.sources(stimulator)
    plane = np.stack(np.meshgrid([0.0], axes[1], axes[2], indexing="ij"), axis=-1).reshape(-1, 3)
    values = np.empty((*(len(a) for a in axes), 3), np.float32)
    outside = 0
    for i, x in enumerate(axes[0]):
        a, missed = sources.vector_potential(plane + [x, 0.0, 0.0])
        outside += missed
        a[~(np.abs(a) < _HUGE).all(axis=1)] = np.nan
        values[i] = a.reshape(len(axes[1]), len(axes[2]), 3)
    if outside:
        warn(
            f"{outside} of {values[..., 0].size} points lie outside the sampled A, which is taken as 0 there",
        )
    _fill(values)
    return values


def _fill(values: NDArray[np.float32]) -> None:
    """Replace NaN by the mean of the finite values among the 26 neighbours, or 0."""
    bad = np.argwhere(np.isnan(values[..., 0]))
    means = []
    for i, j, k in bad:
        around = values[max(i - 1, 0) : i + 2, max(j - 1, 0) : j + 2, max(k - 1, 0) : k + 2].reshape(-1, 3)
        finite = around[~np.isnan(around[:, 0])]
        means.append(finite.mean(axis=0) if len(finite) else np.zeros(3))
    for index, mean in zip(bad, means, strict=True):
        values[tuple(index)] = mean
