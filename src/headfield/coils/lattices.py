# SPDX-License-Identifier: BSD-3-Clause
"""Where, and how finely, the vector potential of a coil is tabulated."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core.device import Device

__all__ = ["Lattice", "native_grid", "stencil", "tabulated"]

_SPACINGS_M = (0.016, 0.008, 0.004, 0.002, 0.001)
_CLEARANCES = (3.0, 4.0, 5.5, 7.5, 10.0, 14.0, 20.0)  # spacings between a lattice and the nearest source
_HALF_DIAGONAL = 0.5 * np.sqrt(3.0)
_CHECKED_POINTS = 500  # anywhere in a lattice, and three times as many where it comes closest to the sources
_MOST_CELLS = 6_000_000  # of one lattice; what it would cover beyond that gets the direct sum

Point = tuple[float, float, float]
Lattice = tuple[Point, Point, NDArray[np.float32], NDArray[np.uint8]]


def native_grid(lattices: list[Lattice], sources: Any, device: Device) -> Any:
    """Return the native grid of a coil: its lattices, and the sources for points that none of them covers."""
    there = [(origin, spacing, device.put(v), device.put(good)) for origin, spacing, v, good in lattices]
    return device.native.Grid(there, sources)


def tabulated(sources: Any, reach: float, error: float, device: Device) -> tuple[list[Lattice], float]:
    """Tabulate A on lattices from coarse to fine; also return the largest error measured in their good cells.

    Each spans the cells in which the one before it is not good enough, and keeps away from the sources as
    many spacings as it takes for its error to be within the bound; one for which no clearance is enough is
    left out.
    """
    found: list[Lattice] = []
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
        needed = stencil(_inner(distance >= _CLEARANCES[0]))
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
        found.append(lattice)
        largest = max(largest, measured)
        left = inside & _inner(distance < clearance).ravel()
        if not left.any():
            break
        low, high = centres[left].min(0) - 0.5 * spacing, centres[left].max(0) + 0.5 * spacing
        wanted = _in_cells(lattice, left.reshape(shape - 1))
    return found, largest


def _inner(cells: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Unmark the outermost cells: interpolation needs a lattice point beyond each side of a cell."""
    inner = np.zeros_like(cells)
    inner[1:-1, 1:-1, 1:-1] = cells[1:-1, 1:-1, 1:-1]
    return inner


def _everywhere(points: NDArray[np.float64]) -> NDArray[np.bool_]:
    return np.ones(len(points), bool)


def _in_cells(lattice: Lattice, cells: NDArray[np.bool_]) -> Any:
    """Return a function that says which points lie in the marked cells of a lattice."""
    origin, spacing = np.array(lattice[0]), lattice[1][0]

    def inside(points: NDArray[np.float64]) -> NDArray[np.bool_]:
        index = np.floor((points - origin) / spacing).astype(int)
        within = ((index >= 0) & (index < cells.shape)).all(1)
        index[~within] = 0
        return within & cells[tuple(index.T)]

    return inside


def stencil(cells: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Mark the lattice points that interpolation in the marked cells needs: from one below to two above."""
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
    """Measure the largest error in good cells, relative to the potential's root mean square there.

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
    grid = native_grid([lattice], sources, device)
    grid.sample(device.put(points), device.put(np.eye(4)[None]), device.put(np.ones(1)), there)
    error = np.linalg.norm(device.get(there)[:, :, 0] - exact, axis=1).max()
    return float(1.5 * error / np.sqrt((exact[:_CHECKED_POINTS] ** 2).sum(1).mean()))
