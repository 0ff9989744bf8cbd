# SPDX-License-Identifier: BSD-3-Clause
"""The primary field ∂A/∂t of a coil at the nodes of a head: nested lattices in the frame of the coil.

A direct sum over thousands of dipoles at every node costs as much as a solve. The vector potential of a
coil is smooth away from its wire, so it is tabulated once per coil on lattices of 16, 8, 4, 2 and 1 mm,
each used no closer to the nearest dipole than a few of its spacings, and interpolated there by tricubic
polynomials. Closer still the direct sum is taken.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._backend import Device
from .coil import Coil

__all__ = ["Primary"]

_SPACINGS_M = (0.016, 0.008, 0.004, 0.002, 0.001)
_CLEARANCES = (3.0, 4.0, 5.5, 7.5, 10.0, 14.0)  # spacings between a lattice and the nearest dipole
_HALF_DIAGONAL = 0.5 * np.sqrt(3.0)
_CHECKED_POINTS = 500  # anywhere in a lattice, and three times as many where it comes closest to the dipoles
_MOST_CELLS = 6_000_000  # of one lattice; what it would cover beyond that gets the direct sum


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
        the direct sum.
    """

    coil: Coil
    reach_m: float
    bound: float
    error: float
    _device: Device
    _grid: Any

    @classmethod
    def build(cls, coil: Coil, reach_m: float, bound: float, device: Device) -> Primary:
        """Tabulate a coil with a measured error below `bound`; 0 asks for the direct sum everywhere."""
        positions = np.ascontiguousarray(coil.dipole_positions_mm * 1e-3)
        moments = np.ascontiguousarray(coil.dipole_moments)
        if bound > 0.0:
            lattices, measured = _lattices(positions, moments, reach_m, bound, device)
            if lattices:
                grid = _grid(lattices, positions, moments, device)
                return cls(coil, reach_m, bound, measured, device, grid)
        return cls(coil, reach_m, bound, 0.0, device, None)

    def sample(self, nodes_m: Any, poses_mm: NDArray[np.float64], out: Any) -> None:
        """∂A/∂t (V/m) for poses (k, 4, 4), 1e6 A/s, at nodes (n, 3), into out (n, 3, width) on the device."""
        poses = poses_mm.copy()
        poses[:, :3, 3] *= 1e-3
        device = self._device
        if self._grid is not None:
            self._grid.sample(nodes_m, device.put(poses), 1e6, out)
            return
        out[:, :, len(poses) :] = 0.0
        positions = self.coil.dipole_positions_mm * 1e-3
        for column, pose in enumerate(poses):
            placed = device.put(positions @ pose[:3, :3].T + pose[:3, 3])
            turned = device.put(self.coil.dipole_moments @ pose[:3, :3].T)
            out[:, :, column] = 1e6 * device.native.vector_potential(nodes_m, placed, turned)


Lattice = tuple[tuple[float, float, float], float, NDArray[np.float32], NDArray[np.uint8]]


def _grid(
    lattices: list[Lattice], positions: NDArray[np.float64], moments: NDArray[np.float64], device: Device
) -> Any:
    """The native grid of a coil."""
    there = [(origin, spacing, device.put(v), device.put(good)) for origin, spacing, v, good in lattices]
    return device.native.Grid(there, device.put(positions), device.put(moments))


def _lattices(
    positions: NDArray[np.float64],
    moments: NDArray[np.float64],
    reach: float,
    error: float,
    device: Device,
) -> tuple[list[Lattice], float]:
    """Lattices from coarse to fine, and the largest error measured in their good cells.

    Each spans the cells in which the one before it is not good enough, and keeps away from the dipoles as
    many spacings as it takes for its error to be within the bound; one for which no clearance is enough
    ends the list.
    """
    native = device.native
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
        distance[inside] = device.compute(native.nearest_dipole, centres[inside], positions)
        distance = (distance / spacing - _HALF_DIAGONAL).reshape(shape - 1)
        values = np.zeros((*shape, 4), np.float32)
        needed = _stencil(_inner(distance >= _CLEARANCES[0]))
        points = _points(axes)[needed.ravel()]
        values[needed, :3] = device.compute(native.vector_potential_float32, points, positions, moments)
        origin = (axes[0][0], axes[1][0], axes[2][0])
        for clearance in _CLEARANCES:
            good = _inner(distance >= clearance)
            lattice = (origin, spacing, values, good.astype(np.uint8))
            measured = _measure(lattice, good & (distance < clearance + 1.0), positions, moments, device)
            if measured <= error:
                break
        else:
            break
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
    origin, spacing = np.array(lattice[0]), lattice[1]

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


def _measure(
    lattice: Lattice,
    close: NDArray[np.bool_],
    positions: NDArray[np.float64],
    moments: NDArray[np.float64],
    device: Device,
) -> float:
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
    points = np.array(origin) + spacing * (corners + random.random((len(corners), 3)))
    exact = device.compute(device.native.vector_potential, points, positions, moments)
    there = device.xp.empty((len(points), 3, 1), np.float32)
    grid = _grid([lattice], positions, moments, device)
    grid.sample(device.put(points), device.put(np.eye(4)[None]), 1.0, there)
    error = np.linalg.norm(device.get(there)[:, :, 0] - exact, axis=1).max()
    return float(1.5 * error / np.sqrt((exact[:_CHECKED_POINTS] ** 2).sum(1).mean()))
