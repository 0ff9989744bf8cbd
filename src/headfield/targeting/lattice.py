# SPDX-License-Identifier: BSD-3-Clause
"""A reciprocal field on lattices around the head, where the sources of coils go."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..coils.lattices import stencil
from ..coils.sources import native_sources
from ..core.device import Device, cpu
from ..core.memory import free_memory
from ..errors import DeviceError
from .reciprocity import ReciprocalField

__all__ = ["FieldLattice", "Table", "grids_of", "placed", "products", "sampled", "tabulated"]

Floats = NDArray[np.float64]
Cells = NDArray[np.bool_]

_NEAR_MM = 16.0  # of nodes; farther off the field is smooth enough for a lattice twice as coarse
_SUMMED = 4096  # products that are added up one after the other
_PLACED = 400_000  # points at a time: their arrays fit the cache of most machines
_SMALL = 1 << 28  # bytes that are taken without a look at the free memory
_MOST_POINTS = 60_000_000  # of a lattice: 1 GB for each field


class Table(NamedTuple):
    """k vector fields at the points of a lattice, 0 where they are not known."""

    origin_mm: Floats  #: (3,)
    step_mm: float
    values: NDArray[np.float32]  #: (k, nx, ny, nz, 4), the last of the four 0
    cells: Cells  #: (nx − 1, ny − 1, nz − 1): in which of them all that interpolation takes is known


def tabulated(
    field: ReciprocalField,
    points_mm: Floats,
    poses: Floats,
    *,
    wire: bool,
    spacing_mm: float,
    margin_mm: float = 0.0,
) -> list[Table]:
    """Tabulate A of a field, for pieces of wire, or B for dipoles, around points of a coil at all poses.

    One lattice of the given spacing near the head, and one twice as coarse farther off.

    Parameters
    ----------
    field : ReciprocalField
    points_mm : ndarray (q, 3)
        In the frame of the coil.
    poses : ndarray (n, 4, 4)
        Coil to head, mm.
    wire : bool
    spacing_mm : float
    margin_mm : float
        How far the lattices reach beyond the points.

    Raises
    ------
    DeviceError
        They do not fit the memory.
    """
    fine = _Lattice(points_mm, poses, spacing_mm, margin_mm)
    near = fine.cells & fine.near(field.nodes_mm)
    coarse = fine.coarser(fine.cells & ~near)
    fine.cells, every = near, fine.cells
    # Native code looks into the second lattice only where the first one reaches, if it has nothing there.
    spans = (fine.coarser(every).cells, near)
    parts = [part.cropped(span) for part, span in zip((coarse, fine), spans, strict=True) if part.cells.any()]
    size = 16 * len(field) * sum(part.cells.size for part in parts)
    if size > _SMALL and size > free_memory():
        raise DeviceError(
            f"the fields of {len(field)} sums around these poses take {size / 2**30:.1f} GiB, more than "
            "is free: take fewer targets, or a smaller region of poses"
        )
    needed = [part.needed() for part in parts]
    found = field.sums(
        np.concatenate([part.places(at) for part, at in zip(parts, needed, strict=True)]), wire=wire
    )
    shares = np.split(found, np.cumsum([len(at) for at in needed])[:-1])
    return [part.table(at, values) for part, at, values in zip(parts, needed, shares, strict=True)]


def grids_of(tables: list[Table], device: Device) -> list[Any]:
    """Return a native grid for each of the k fields."""
    cells = [device.put(table.cells.astype(np.uint8)) for table in tables]
    grids = []
    for k in range(len(tables[0].values)):
        lattices = [
            (tuple(1e-3 * table.origin_mm), (1e-3 * table.step_mm,) * 3, device.put(table.values[k]), good)
            for table, good in zip(tables, cells, strict=True)
        ]
        grids.append(device.native.Grid(lattices, native_sources(device)))
    return grids


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
        tables = tabulated(field, points_mm, poses, wire=wire, spacing_mm=spacing_mm, margin_mm=margin_mm)
        self.n_points = sum(int(stencil(table.cells).sum()) for table in tables)
        self._grids = grids_of(tables, device)

    def sample(self, points_mm: Floats, poses: Floats) -> NDArray[np.float32]:
        """Return the fields (k, 3 q, W) at points (q, 3) of a coil at W poses, in the axes of the coil.

        W is the native loops' width for them, at most `widest`; what is beyond the poses is 0.
        """
        result, beyond = sampled(self._grids, self._device, points_mm, poses)
        if beyond:  # poses beyond those it was made for
            more = {"spacing_mm": self._spacing, "margin_mm": self._spacing}
            other = FieldLattice(self._field, points_mm, poses, self._device, wire=self._wire, **more)
            result, beyond = sampled(other._grids, self._device, points_mm, poses)
            if beyond:
                raise RuntimeError(f"a lattice lacks {beyond} points that it was made for")
        return result

    @property
    def widest(self) -> int:
        """Poses that are sampled together."""
        return min(32, max(self._device.native.widths))


def sampled(
    grids: list[Any], device: Device, points_mm: Floats, poses: Floats
) -> tuple[NDArray[np.float32], int]:
    """Return fields (k, 3 q, W) at points (q, 3) of a coil at W poses, and how many points have none.

    In the axes of the coil. W is the native loops' width for the poses; what is beyond them is 0.
    """
    width = next(w for w in device.native.widths if w >= len(poses))
    points, backward = device.put(1e-3 * points_mm), device.put(_inverse(poses))
    ones = device.put(np.ones(len(poses)))
    out = device.xp.empty((len(points_mm), 3, width), np.float32)
    result = np.empty((len(grids), 3 * len(points_mm), width), np.float32)
    for row, grid in zip(result, grids, strict=True):
        beyond = grid.sample(points, backward, ones, out)
        if beyond:
            return result, int(beyond)
        row[:] = device.get(out).reshape(row.shape)
    return result, 0


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

    def cropped(self, span: Cells) -> _Lattice:
        """Return the part that holds the cells of a span and what interpolation in them takes."""
        other = _Lattice.__new__(_Lattice)
        held = np.argwhere(span)
        low, high = held.min(axis=0) - 1, held.max(axis=0) + 2
        low, high = np.maximum(low, 0), np.minimum(high, self.cells.shape)
        other.low, other.step = self.low + self.step * low, self.step
        other.cells = self.cells[low[0] : high[0], low[1] : high[1], low[2] : high[2]]
        return other

    def table(self, at: NDArray[np.intp], values: NDArray[np.float32]) -> Table:
        """Return the table of values (p, k, 3) at points (p, 3), as indices."""
        table = np.zeros((values.shape[1], *(n + 1 for n in self.cells.shape), 4), np.float32)
        table[(slice(None), *at.T, slice(0, 3))] = np.moveaxis(values, 1, 0)
        return Table(self.low, self.step, table, self.cells)


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
    middle = 0.5 * (points_mm.min(axis=0) + points_mm.max(axis=0))
    reach = float(np.linalg.norm(points_mm - middle, axis=1).max())
    middles = poses[:, :3, :3] @ middle + poses[:, :3, 3]
    return middles.min(axis=0) - reach, middles.max(axis=0) + reach


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
