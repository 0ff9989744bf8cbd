# SPDX-License-Identifier: BSD-3-Clause
"""A reciprocal field on lattices around the head, where the sources of coils go."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..coils.lattices import stencil
from ..coils.sources import native_sources
from ..core.device import Device, cpu
from ..core.memory import free_memory
from ..errors import DeviceError
from .reciprocity import ReciprocalField

__all__ = ["FieldLattice", "placed", "products"]

Floats = NDArray[np.float64]
Cells = NDArray[np.bool_]

_NEAR_MM = 16.0  # of nodes; farther off the field is smooth enough for a lattice twice as coarse
_SUMMED = 4096  # products that are added up one after the other
_PLACED = 400_000  # points at a time: their arrays fit the cache of most machines
_SMALL = 1 << 28  # bytes that are taken without a look at the free memory
_MOST_POINTS = 60_000_000  # of a lattice: 1 GB for each field


class FieldLattice:
    """k vector fields around a head, tabulated where they are asked for, with cubic polynomials between.

    Two lattices, one near the head and one twice as coarse farther off. They reach somewhat beyond the points
    that they are made for, so that poses between others find their fields. For poses farther off another
    pair is made, each time.

    Attributes
    ----------
    n_points : int
        Lattice points at which the fields were summed.
    """

    def __init__(
        self,
        field: ReciprocalField,
        points_mm: Floats,
        poses: Floats,
        device: Device,
        *,
        wire: bool,
        spacing_mm: float = 4.0,
        margin_mm: float = 0.0,
    ) -> None:
        """Tabulate A of a field, for pieces of wire, or B for dipoles.

        They cover `points_mm` (q, 3) of a coil's frame at all `poses`, and `margin_mm` more; `spacing_mm` is
        that of the lattice near the head.
        """
        self._field, self._wire, self._device, self._spacing = field, wire, device, spacing_mm
        fine = _Lattice(points_mm, poses, spacing_mm, margin_mm)
        near = fine.near(field.nodes_mm)
        coarse = fine.coarser(fine.cells & ~near)
        fine.cells &= near
        parts = [part for part in (coarse, fine) if part.cells.any()]
        needed = [part.needed() for part in parts]
        found = field.sums(
            np.concatenate([part.places(at) for part, at in zip(parts, needed, strict=True)]), wire=wire
        )
        self.n_points = len(found)
        size = 16 * len(field) * sum(part.cells.size for part in parts)
        if size > _SMALL and size > free_memory():
            raise DeviceError(
                f"the fields of {len(field)} sums around these poses take {size / 2**30:.1f} GiB, more than "
                "is free: take fewer targets, or a smaller region of poses"
            )
        shares = np.split(found, np.cumsum([len(at) for at in needed])[:-1])
        self._grids = []
        for k in range(found.shape[1]):
            lattices = []
            for part, at, values in zip(parts, needed, shares, strict=True):
                lattices.append(part.tabulated(at, values[:, k], device))
            self._grids.append(device.native.Grid(lattices, native_sources(device)))

    def sample(self, points_mm: Floats, poses: Floats) -> NDArray[np.float32]:
        """Return the fields (k, 3 q, W) at points (q, 3) of a coil at W poses, in the axes of the coil.

        W is the native loops' width for them, at most `widest`; what is beyond the poses is 0.
        """
        device = self._device
        width = next(w for w in device.native.widths if w >= len(poses))
        points, backward = device.put(1e-3 * points_mm), device.put(_inverse(poses))
        ones = device.put(np.ones(len(poses)))
        out = device.xp.empty((len(points_mm), 3, width), np.float32)
        result = np.empty((len(self._grids), 3 * len(points_mm), width), np.float32)
        for row, grid in zip(result, self._grids, strict=True):
            if grid.sample(points, backward, ones, out):  # poses beyond those that it was made for
                more = {"spacing_mm": self._spacing, "margin_mm": self._spacing}
                other = FieldLattice(self._field, points_mm, poses, device, wire=self._wire, **more)
                return other.sample(points_mm, poses)
            row[:] = device.get(out).reshape(row.shape)
        return result

    @property
    def widest(self) -> int:
        """Poses that are sampled together."""
        return min(32, max(self._device.native.widths))


class _Lattice:
    """A lattice that is being laid out: which of its cells are wanted."""

    def __init__(self, points_mm: Floats, poses: Floats, step: float, margin_mm: float) -> None:
        low, high = _bounds(points_mm, poses)
        self.step, around = step, int(np.ceil(margin_mm / step))
        # Even numbers of cells below, so that a lattice of twice the step shares every second point.
        self.low = low - (2 * around + 4) * step
        shape = 2 * np.ceil((high - self.low) / (2 * step)).astype(int) + 2 * around + 5
        if shape.prod() > _MOST_POINTS:
            raise DeviceError(f"the poses take a lattice of {shape.tolist()} points: take them in parts")
        self.cells: Cells = np.zeros(shape - 1, bool)
        flat, (_, ny, nz) = self.cells.reshape(-1), self.cells.shape
        for some in placed(points_mm, poses):
            index = ((some - self.low) / step).astype(np.int32)
            flat[(index[:, 0] * ny + index[:, 1]) * nz + index[:, 2]] = True
        for _ in range(around):
            self.cells = _with_neighbours(self.cells)

    def near(self, nodes_mm: Floats) -> Cells:
        """Mark the cells, in cubes of eight, that lie near the nodes of a head."""
        beyond = int(np.ceil(_NEAR_MM / (2.0 * self.step)))
        shape = np.array(self.cells.shape) // 2
        index = np.floor((nodes_mm - self.low) / (2.0 * self.step)).astype(np.int32) + beyond
        inside = ((index >= 0) & (index < shape + 2 * beyond)).all(axis=1)
        held = np.zeros(shape + 2 * beyond, bool)
        held[tuple(index[inside].T)] = True
        for _ in range(beyond):
            held = _with_neighbours(held)
        inner: Cells = held[
            beyond : beyond + shape[0], beyond : beyond + shape[1], beyond : beyond + shape[2]
        ]
        return inner.repeat(2, axis=0).repeat(2, axis=1).repeat(2, axis=2)

    def coarser(self, cells: Cells) -> _Lattice:
        """Return a lattice of twice the step whose cells hold some of this one's."""
        other = _Lattice.__new__(_Lattice)
        other.low, other.step = self.low, 2.0 * self.step
        nx, ny, nz = (n // 2 for n in cells.shape)
        other.cells = np.asarray(cells.reshape(nx, 2, ny, 2, nz, 2).any(axis=(1, 3, 5)))
        return other

    def needed(self) -> NDArray[np.intp]:
        """Return the points (p, 3), as indices, that interpolation in the cells takes."""
        return np.argwhere(stencil(self.cells))

    def places(self, at: NDArray[np.intp]) -> Floats:
        """Return where points are, mm."""
        return np.asarray(self.low + self.step * at)

    def tabulated(self, at: NDArray[np.intp], values: NDArray[np.float32], device: Device) -> Any:
        """Return what the native grid takes: origin and step, m, values and the cells that are good."""
        table = np.zeros((*(n + 1 for n in self.cells.shape), 4), np.float32)
        table[(*at.T, slice(0, 3))] = values
        origin, step = tuple(1e-3 * self.low), (1e-3 * self.step,) * 3
        return origin, step, device.put(table), device.put(self.cells.astype(np.uint8))


def products(weights: NDArray[np.float32], samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return weights (r, q) times each of samples (k, q, W): (k, r, W).

    Not by the BLAS of NumPy, whose threads are not those of the model and wait for each other where others
    work too.
    """
    result = np.zeros((len(samples), len(weights), samples.shape[2]), np.float32)
    for start in range(0, weights.shape[1], _SUMMED):  # in pieces: float32 holds no more
        some = np.ascontiguousarray(weights[:, start : start + _SUMMED])
        for total, one in zip(result, samples, strict=True):
            total += cpu.product(some, one[start : start + _SUMMED])
    return result


def placed(points_mm: Floats, poses: Floats) -> Iterator[Floats]:
    """Yield points (q, 3) of a coil at some poses after the other, as (p, 3) in the frame of the head, mm."""
    step = max(1, _PLACED // len(points_mm))
    for start in range(0, len(poses), step):
        some = poses[start : start + step]
        yield (points_mm @ np.swapaxes(some[:, :3, :3], 1, 2) + some[:, None, :3, 3]).reshape(-1, 3)


def _bounds(points_mm: Floats, poses: Floats) -> tuple[Floats, Floats]:
    """Return the lowest and highest corner of a box that holds points of a coil at all poses."""
    reach = float(np.linalg.norm(points_mm, axis=1).max())
    origins = poses[:, :3, 3]
    return origins.min(axis=0) - reach, origins.max(axis=0) + reach


def _with_neighbours(cells: Cells) -> Cells:
    """Mark the cells around marked ones too."""
    for axis in range(3):
        wider = cells.copy()
        ahead, behind = np.moveaxis(wider, axis, 0), np.moveaxis(cells, axis, 0)
        ahead[1:] |= behind[:-1]
        ahead[:-1] |= behind[1:]
        cells = wider
    return cells


def _inverse(poses: Floats) -> Floats:
    """Return the poses of the head in the frames of coils (k, 4, 4), m, for poses in mm."""
    result = np.tile(np.eye(4), (len(poses), 1, 1))
    back = np.swapaxes(poses[:, :3, :3], 1, 2)
    result[:, :3, :3] = back
    result[:, :3, 3] = -1e-3 * (back @ poses[:, :3, 3:])[..., 0]
    return result
