# SPDX-License-Identifier: BSD-3-Clause
"""The primary field ∂A/∂t of a coil at the nodes of a head: nested lattices in the frame of the coil.

A direct sum over thousands of sources at every node costs as much as a solve. The vector potential of a
coil is smooth away from its wire, so it is tabulated once per coil on lattices of 16, 8, 4, 2 and 1 mm,
each used no closer to the nearest source than a few of its spacings, and interpolated there by tricubic
polynomials. Closer still the direct sum is taken. A coil that comes as samples on a grid has that grid as
its only lattice.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core.device import Device
from ..core.messages import warn
from .coil import Coil
from .sources import Dipoles, SampledPotential, Segments, native_sources

__all__ = ["Primary"]

_SPACINGS_M = (0.016, 0.008, 0.004, 0.002, 0.001)
_CLEARANCES = (3.0, 4.0, 5.5, 7.5, 10.0, 14.0, 20.0)  # spacings between a lattice and the nearest source
_HALF_DIAGONAL = 0.5 * np.sqrt(3.0)
_CHECKED_POINTS = 500  # anywhere in a lattice, and three times as many where it comes closest to the sources
_COARSE = 1e-2  # of the largest A: samples of a coil with a larger error than this are worth a warning
_MOST_CELLS = 6_000_000  # of one lattice; what it would cover beyond that gets the direct sum


@dataclass(frozen=True)
class _Part:
    """What one stimulator drives: a native grid in a frame (4, 4) of the coil, mm, or sources to sum over."""

    stimulator: int
    frame: NDArray[np.float64]
    grid: Any = None
    sources: tuple[Dipoles, Segments] | None = None
    sampled: bool = False


@dataclass(frozen=True)
class Primary:
    """∂A/∂t of one coil, for any number of poses of it.

    Attributes
    ----------
    coil : Coil
    reach_m : float
        Nodes further than this from the coil's origin, along any axis of the coil, get the direct sum.
    bound : float
        What `error` was asked to stay below.
    error : float
        Largest error of the interpolated vector potential against the direct sum, as estimated at 2000 random
        points of each lattice, relative to the root mean square of the potential there. 0 if every node gets
        the direct sum. Of a coil that comes as samples, see `sampling_error`.
    """

    coil: Coil
    reach_m: float
    bound: float
    error: float
    _device: Device
    _parts: tuple[_Part, ...]

    @classmethod
    def build(cls, coil: Coil, reach_m: float, bound: float, device: Device) -> Primary:
        """Tabulate a coil with a measured error below `bound`; 0 asks for the direct sum everywhere."""
        parts: list[_Part] = []
        largest = 0.0
        for stimulator in range(coil.n_stimulators):
            dipoles, segments, sampled = coil.sources(stimulator)
            if len(dipoles) or len(segments):
                sources = native_sources(device, dipoles, segments)
                lattices, error = _lattices(sources, reach_m, bound, device) if bound > 0.0 else ([], 0.0)
                grid = _grid(lattices, sources, device) if lattices else None
                if bound > 0.0 and not lattices:
                    warn(
                        f"no table of {coil!r} is within {bound:g}: the direct sum is taken, which is slow",
                    )
                parts.append(_Part(stimulator, np.eye(4), grid, (dipoles, segments)))
                largest = max(largest, error if lattices else 0.0)
            for potential in sampled:
                parts.append(_Part(stimulator, *potential.grid(device), sampled=True))
                largest = max(largest, sampling_error(potential))
        if largest > max(bound, _COARSE):
            warn(
                f"the samples of {coil!r} are coarse: A is off by about {100 * largest:.2g} % of its largest "
                "value 4 mm in front of the casing",
            )
        return cls(coil, reach_m, bound, largest, device, tuple(parts))

    def sample(
        self, nodes_m: Any, poses_mm: NDArray[np.float64], rates: NDArray[np.float64], out: Any
    ) -> int:
        """∂A/∂t (V/m) for poses (k, 4, 4) and rates (k, s), A/s, at nodes (n, 3), into out (n, 3, width).

        Returns how many values are zero because they lie outside the samples of the coil, over all poses.
        """
        outside = 0
        for number, part in enumerate(self._parts):
            rate = np.ascontiguousarray(rates[:, part.stimulator])
            if part.grid is None:
                self._sum(part, nodes_m, poses_mm, rate, out, add=number > 0)
                continue
            poses = poses_mm @ part.frame
            poses[:, :3, 3] *= 1e-3
            device = self._device
            direct = part.grid.sample(nodes_m, device.put(poses), device.put(rate), out, number > 0)
            outside += int(direct) if part.sampled else 0
        return outside

    def _sum(
        self,
        part: _Part,
        nodes_m: Any,
        poses_mm: NDArray[np.float64],
        rate: NDArray[np.float64],
        out: Any,
        add: bool,
    ) -> None:
        """`sample` of one part by the direct sum."""
        assert part.sources is not None
        if not add:
            out[:, :, len(poses_mm) :] = 0.0
        for column, pose in enumerate(poses_mm):
            dipoles, segments = part.sources
            placed = native_sources(self._device, dipoles.moved(pose), segments.moved(pose))
            adot = rate[column] * placed.vector_potential(nodes_m)
            out[:, :, column] = out[:, :, column] + adot if add else adot


def sampling_error(potential: SampledPotential) -> float:
    """Estimated error of interpolation between the samples of A, 4 mm or more in front of the casing (z = 0).

    Each sample is predicted from those one and three steps away, along each axis: cubic interpolation with
    twice the spacing. A sixteenth of the difference is the error with the spacing there is (the error is of
    fourth order); the largest along each axis are added, relative to the largest |A| there. Along an axis
    of fewer than 7 samples it is taken for linear, of 2 samples for infinite: it can't be known.

    Examples
    --------
    >>> x = np.arange(12.0)
    >>> cubic = np.zeros((12, 12, 12, 3))
    >>> cubic[..., 0] = (x**3)[:, None, None]
    >>> bool(sampling_error(SampledPotential(cubic, np.diag([3, 3, 3, 1.0]))) < 1e-6)
    True
    """
    values = potential.values
    index = [np.arange(n) for n in potential.shape]
    z = potential.affine[2, 3] + sum(
        potential.affine[2, axis] * np.expand_dims(index[axis], [d for d in range(3) if d != axis])
        for axis in range(3)
    )
    front = z >= 4.0
    if not front.any():
        front = np.ones(potential.shape, bool)
    size = float(np.sqrt((values[front] ** 2).sum(axis=1).max()))
    total = 0.0
    for axis, n in enumerate(potential.shape):
        f, seen = np.moveaxis(values, axis, 0), np.moveaxis(front, axis, 0)
        if n >= 7:
            off = (9 * (f[2:-4] + f[4:-2]) - f[:-6] - f[6:]) / 16 - f[3:-3]
            total += float((np.linalg.norm(off, axis=-1) * seen[3:-3]).max()) / 16
        elif n >= 3:
            bend = 0.5 * (f[:-2] + f[2:]) - f[1:-1]
            total += float((np.linalg.norm(bend, axis=-1) * seen[1:-1]).max()) / 4
        else:
            return np.inf
    return total / size if size > 0 else 0.0


Point = tuple[float, float, float]
Lattice = tuple[Point, Point, NDArray[np.float32], NDArray[np.uint8]]


def _grid(lattices: list[Lattice], sources: Any, device: Device) -> Any:
    """The native grid of a coil."""
    there = [(origin, spacing, device.put(v), device.put(good)) for origin, spacing, v, good in lattices]
    return device.native.Grid(there, sources)


def _lattices(sources: Any, reach: float, error: float, device: Device) -> tuple[list[Lattice], float]:
    """Lattices from coarse to fine, and the largest error measured in their good cells.

    Each spans the cells in which the one before it is not good enough, and keeps away from the sources as
    many spacings as it takes for its error to be within the bound; one for which no clearance is enough is
    left out.
    """
    lattices: list[Lattice] = []
    largest = 0.0
    low, high = np.full(3, -reach), np.full(3, reach)
    wanted = _everywhere
    for spacing in _SPACINGS_M:
        shape = np.ceil((high - low) / spacing).astype(int) + 4  # one point below, two above, one spare
        if shape.prod() > _MOST_CELLS:
            break
        axes = [low[d] + spacing * (np.arange(shape[d]) - 1.0) for d in range(3)]
        centres = _points([axis[:-1] + 0.5 * spacing for axis in axes])
        inside = wanted(centres)
        distance = np.zeros(len(centres), np.float32)
        distance[inside] = device.compute(sources.nearest, centres[inside])
        distance = (distance / spacing - _HALF_DIAGONAL).reshape(shape - 1)
        values = np.zeros((*shape, 4), np.float32)
        needed = _stencil(_inner(distance >= _CLEARANCES[0]))
        points = _points(axes)[needed.ravel()]
        values[needed, :3] = device.compute(sources.vector_potential_float32, points)
        origin = (axes[0][0], axes[1][0], axes[2][0])
        for clearance in _CLEARANCES:
            good = _inner(distance >= clearance)
            lattice = (origin, (spacing,) * 3, values, good.astype(np.uint8))
            measured = _measure(lattice, good & (distance < clearance + 1.0), sources, device)
            if measured <= error:
                break
        else:
            continue  # too coarse for this coil at any distance: the next one takes its place
        lattices.append(lattice)
        largest = max(largest, measured)
        left = inside & _inner(distance < clearance).ravel()
        if not left.any():
            break
        low, high = centres[left].min(0) - 0.5 * spacing, centres[left].max(0) + 0.5 * spacing
        wanted = _in_cells(lattice, left.reshape(shape - 1))
    return lattices, largest


def _inner(cells: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The marked cells but the outermost: interpolation needs a lattice point beyond each side of a cell."""
    inner = np.zeros_like(cells)
    inner[1:-1, 1:-1, 1:-1] = cells[1:-1, 1:-1, 1:-1]
    return inner


def _everywhere(points: NDArray[np.float64]) -> NDArray[np.bool_]:
    return np.ones(len(points), bool)


def _in_cells(lattice: Lattice, cells: NDArray[np.bool_]) -> Any:
    """Function that says which points lie in the marked cells of a lattice."""
    origin, spacing = np.array(lattice[0]), lattice[1][0]

    def inside(points: NDArray[np.float64]) -> NDArray[np.bool_]:
        index = np.floor((points - origin) / spacing).astype(int)
        within = ((index >= 0) & (index < cells.shape)).all(1)
        index[~within] = 0
        return within & cells[tuple(index.T)]

    return inside


def _stencil(cells: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Lattice points that interpolation in the marked cells needs: from one below to two above the cell."""
    needed = cells
    for axis in range(3):
        shape = list(needed.shape)
        shape[axis] += 1
        spread = np.zeros(shape, bool)
        n = needed.shape[axis]
        for shift in (-1, 0, 1, 2):
            begin, end = max(0, -shift), min(n, n + 1 - shift)
            source, target = [slice(None)] * 3, [slice(None)] * 3
            source[axis] = slice(begin, end)
            target[axis] = slice(begin + shift, end + shift)
            spread[tuple(target)] |= needed[tuple(source)]
        needed = spread
    return needed


def _points(axes: list[NDArray[np.float64]]) -> NDArray[np.float64]:
    return np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)


def _measure(lattice: Lattice, close: NDArray[np.bool_], sources: Any, device: Device) -> float:
    """Largest error in good cells, relative to the potential's root mean square there.

    Half as much again as the largest at random points; most of them lie in the `close` cells, those next to
    the clearance, where the error is largest.
    """
    origin, spacing, _, good = lattice
    cells, close_cells = np.argwhere(good), np.argwhere(close)
    if not len(cells):
        return 0.0
    random = np.random.default_rng(0)
    chosen = [cells[random.integers(len(cells), size=_CHECKED_POINTS)]]
    if len(close_cells):
        chosen.append(close_cells[random.integers(len(close_cells), size=3 * _CHECKED_POINTS)])
    corners = np.concatenate(chosen)
    points = np.array(origin) + spacing[0] * (corners + random.random((len(corners), 3)))
    exact = device.compute(sources.vector_potential, points)
    there = device.xp.empty((len(points), 3, 1), np.float32)
    grid = _grid([lattice], sources, device)
    grid.sample(device.put(points), device.put(np.eye(4)[None]), device.put(np.ones(1)), there)
    error = np.linalg.norm(device.get(there)[:, :, 0] - exact, axis=1).max()
    return float(1.5 * error / np.sqrt((exact[:_CHECKED_POINTS] ** 2).sum(1).mean()))
