# SPDX-License-Identifier: BSD-3-Clause
"""What the vector potential of a coil comes from: dipoles, pieces of wire, or samples on a grid.

Each gives A per ampere of coil current at any point of the coil frame, and can be moved as a rigid part.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..core.arguments import finite_array, plain_array, vectors
from ..core.device import Device, select
from ..core.locks import cached_property
from ..core.messages import plural
from ..errors import CoilError
from .records import Record, keep

__all__ = [
    "EXTENT_MM",
    "MOST_SOURCES",
    "MOST_VALUES",
    "SCALP_MM",
    "Dipoles",
    "SampledPotential",
    "Segments",
    "Sources",
    "grid_corners_mm",
    "native_sources",
]

SCALP_MM = 4.0  # from the casing's face, z = 0, to the scalp: hair
EXTENT_MM = (5.0, 1000.0)  # of the wire of a coil for a head; in metres or micrometres it lies outside
MOST_SOURCES = 20_000_000
MOST_VALUES = 2**31 - 1  # of a grid: native code counts them in 32 bits

_SHEAR = 1e-4  # largest cosine between two axes of a grid that passes as a right angle
_HAIR = 1e-9  # of a step: grids are that much wider, so that rounding puts no point on a face outside


@dataclass(frozen=True, eq=False, repr=False)
class Dipoles(Record):
    """Magnetic dipoles: A(r) = μ0/4π Σ m_k × (r − r_k) / |r − r_k|³ (Jackson, 3rd ed., eq. 5.55).

    Parameters
    ----------
    positions_mm : array_like (d, 3)
        mm, in the coil frame.
    moments : array_like (d, 3)
        A·m² per A of coil current.

    Raises
    ------
    CoilError
        Shapes that are not (d, 3) and equal, or values that are not finite.

    Examples
    --------
    >>> len(Dipoles([[0, 0, -5.0]], [[0, 0, 1e-3]]))
    1
    """

    positions_mm: NDArray[np.float64]
    moments: NDArray[np.float64]

    def __post_init__(self) -> None:
        _set_rows(self, "positions_mm", "moments", "dipole positions", "dipole moments")

    def __len__(self) -> int:
        return len(self.positions_mm)

    def moved(self, matrix: NDArray[np.float64]) -> Dipoles:
        """Return the dipoles after a rigid motion (4, 4), mm."""
        turn, shift = matrix[:3, :3].T, matrix[:3, 3]
        return Dipoles(self.positions_mm @ turn + shift, self.moments @ turn)


@dataclass(frozen=True, eq=False, repr=False)
class Segments(Record):
    """Pieces of wire, each taken at one point: A(r) = μ0/4π Σ dl_k / |r − r_k| (Jackson, eq. 5.32).

    Parameters
    ----------
    points_mm : array_like (w, 3)
        Where each piece is, mm, in the coil frame.
    lengths_mm : array_like (w, 3)
        Its direction along the current times its length times its turns, mm.

    Raises
    ------
    CoilError
        Shapes that are not (w, 3) and equal, or values that are not finite.

    Examples
    --------
    >>> Segments([[0, 0, -5.0]], [[0, 1.0, 0]]).moved(np.eye(4)).lengths_mm
    array([[0., 1., 0.]])
    """

    points_mm: NDArray[np.float64]
    lengths_mm: NDArray[np.float64]

    def __post_init__(self) -> None:
        _set_rows(self, "points_mm", "lengths_mm", "wire points", "wire lengths")

    def __len__(self) -> int:
        return len(self.points_mm)

    def moved(self, matrix: NDArray[np.float64]) -> Segments:
        """Return the wire after a rigid motion (4, 4), mm."""
        turn, shift = matrix[:3, :3].T, matrix[:3, 3]
        return Segments(self.points_mm @ turn + shift, self.lengths_mm @ turn)


@dataclass(frozen=True, eq=False, repr=False)
class SampledPotential(Record):
    """A on a regular grid, interpolated there by tricubic polynomials; zero outside, with a warning.

    Parameters
    ----------
    values : array_like (nx, ny, nz, 3)
        A, T·m per A, in the axes of the coil frame. Kept as float32.
    affine : array_like (4, 4)
        Grid index to coil frame, mm; its axes are perpendicular.

    Raises
    ------
    CoilError
        Another shape, fewer than 2 points along an axis, values that are not finite, or a sheared affine.

    Examples
    --------
    >>> grid = SampledPotential(np.ones((4, 4, 4, 3)), np.diag([3, 3, 3, 1.0]))
    >>> grid.spacing_mm, grid.shape
    (array([3., 3., 3.]), (4, 4, 4))
    """

    values: NDArray[np.float32]
    affine: NDArray[np.float64]

    def __post_init__(self) -> None:
        values = plain_array(self.values, "a sampled A", CoilError)
        if values.dtype.kind not in "fiu":
            raise CoilError(f"a sampled A must be real numbers, not {values.dtype}")
        if values.ndim != 4 or values.shape[3] != 3 or min(values.shape) < 2:
            raise CoilError(f"a sampled A must have the shape (nx, ny, nz, 3), not {values.shape}")
        if values.size > MOST_VALUES:
            raise CoilError(f"a sampled A of {values.shape} is too large")
        with np.errstate(over="ignore"):
            values = np.array(values, np.float32, order="C")
        bad = np.argwhere(~np.isfinite(values))
        if len(bad):
            count = plural(len(bad), "value that is", "values that are")
            raise CoilError(f"a sampled A has {count} not finite, first {bad[0].tolist()}")
        affine = finite_array(self.affine, "affine", CoilError)
        if affine.shape != (4, 4) or np.abs(affine[3] - [0, 0, 0, 1]).max() > 1e-6:
            raise CoilError("the affine of a sampled A must be 4 x 4 with the last row 0 0 0 1")
        length = np.linalg.norm(affine[:3, :3], axis=0)
        if not ((length > 1e-3) & (length < 1e3)).all():
            raise CoilError(f"a sampled A with steps of {length} mm: are these mm?")
        axes = affine[:3, :3] / length
        skew = np.abs(axes.T @ axes - np.eye(3)).max()
        if skew > _SHEAR:
            raise CoilError(f"the affine of a sampled A is sheared, by {skew:.3g}: resample it")
        keep(self, values=values, affine=affine)

    @property
    def shape(self) -> tuple[int, ...]:
        """Points along each axis."""
        return self.values.shape[:3]

    @property
    def spacing_mm(self) -> NDArray[np.float64]:
        """Distance of neighbours along each axis (3,), mm."""
        return np.asarray(np.linalg.norm(self.affine[:3, :3], axis=0))

    def moved(self, matrix: NDArray[np.float64]) -> SampledPotential:
        """Return the samples after a rigid motion (4, 4), mm."""
        turn = matrix[:3, :3].astype(np.float32)
        return SampledPotential(self.values @ turn.T, matrix @ self.affine)

    @cached_property
    def lattice(self) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float32]]:
        """The grid in axes of its own: frame (4, 4) to the coil, mm; spacing (3,), m; values with a rim.

        The values (nx + 2, ny + 2, nz + 2, 4) have one layer more on each side, continued by quadratic
        polynomials, so that cubic interpolation is defined in the outermost cells too. Point (1, 1, 1) of
        them is the origin of the frame. The fourth number is unused, as the native code wants it.
        """
        axes = self.affine[:3, :3] / self.spacing_mm
        origin, values = self.affine[:3, 3].copy(), self.values
        if np.linalg.det(axes) < 0:  # a rotation has no mirror: count the first axis backwards
            origin += (self.shape[0] - 1) * self.affine[:3, 0]
            axes = axes * [-1.0, 1.0, 1.0]
            values = values[::-1]
        u, _, vt = np.linalg.svd(axes)
        frame = np.eye(4)
        frame[:3, :3], frame[:3, 3] = u @ vt, origin
        padded = np.zeros((*(n + 2 for n in self.shape), 4), np.float32)
        padded[1:-1, 1:-1, 1:-1, :3] = values @ frame[:3, :3].astype(np.float32)
        for axis, n in enumerate(self.shape):
            _continue(np.moveaxis(padded, axis, 0), n)
        return frame, self.spacing_mm * 1e-3, padded

    def grid(self, device: Device) -> tuple[NDArray[np.float64], Any]:
        """Return its frame (4, 4) in the coil's, mm, and the native grid of its lattice on a device."""
        frame, spacing, values = self.lattice
        good = np.ones(np.array(values.shape[:3]) - 1, np.uint8)
        # A hair wider than it is, so that points on its faces lie inside.
        origin, spacing = -(1.0 + 1.5 * _HAIR) * spacing, (1.0 + _HAIR) * spacing
        there = [(tuple(origin), tuple(spacing), device.put(values), device.put(good))]
        return frame.copy(), device.native.Grid(there, native_sources(device))


class Sources(NamedTuple):
    """What one current drives, in the coil frame; each may be empty."""

    dipoles: Dipoles
    segments: Segments
    sampled: tuple[SampledPotential, ...]

    @classmethod
    def of(cls, parts: Sequence[Dipoles | Segments | SampledPotential]) -> Sources:
        """Put parts of each kind together, in their order."""
        dipoles = [(p.positions_mm, p.moments) for p in parts if isinstance(p, Dipoles)]
        segments = [(p.points_mm, p.lengths_mm) for p in parts if isinstance(p, Segments)]
        sampled = tuple(p for p in parts if isinstance(p, SampledPotential))
        return cls(Dipoles(*_joined(dipoles)), Segments(*_joined(segments)), sampled)

    @property
    def points_mm(self) -> NDArray[np.float64]:
        """Where dipoles and pieces of wire are, (n, 3), mm."""
        return np.concatenate([self.dipoles.positions_mm, self.segments.points_mm])

    @property
    def bounds_mm(self) -> NDArray[np.float64]:
        """Lowest and highest corner (2, 3), mm; of grids, their whole extent."""
        points = [self.points_mm]
        for grid in self.sampled:
            points.append(grid_corners_mm(grid.shape, grid.affine))
        every = np.concatenate(points)
        return np.stack([every.min(axis=0), every.max(axis=0)])

    def vector_potential(self, points_mm: NDArray[np.float64]) -> tuple[NDArray[np.float64], int]:
        """Return A (p, 3), T·m per A, at points (p, 3), mm, and how many of them lie outside of a grid.

        A is not finite on a dipole or a piece of wire.
        """
        device = select("cpu")
        sums = native_sources(device, self.dipoles, self.segments)
        a: NDArray[np.float64] = sums.vector_potential(points_mm * 1e-3)
        outside = 0
        for potential in self.sampled:
            frame, grid = potential.grid(device)
            frame[:3, 3] *= 1e-3
            out = np.empty((len(points_mm), 3, 1), np.float32)
            outside = max(outside, grid.sample(points_mm * 1e-3, frame[None], np.ones(1), out))
            a += out[:, :, 0]
        return a, outside

    def magnetic_field(self, points_mm: NDArray[np.float64]) -> NDArray[np.float64]:
        """B (p, 3), T per A, at points (p, 3), mm; not finite on a dipole or a piece of wire.

        Raises
        ------
        CoilError
            There are samples of A on a grid.
        """
        if self.sampled:
            raise CoilError(f"{len(self.sampled)} of the sources is A on a grid: its B is not known")
        b: NDArray[np.float64] = native_sources(select("cpu"), self.dipoles, self.segments).magnetic_field(
            points_mm * 1e-3
        )
        return b


def native_sources(device: Device, dipoles: Dipoles | None = None, segments: Segments | None = None) -> Any:
    """Return the native sum over dipoles and pieces of wire (either may be missing) on a device, SI units."""
    none = np.empty((0, 3))
    arrays = [none] * 4
    if dipoles is not None:
        arrays[:2] = dipoles.positions_mm * 1e-3, dipoles.moments
    if segments is not None:
        arrays[2:] = segments.points_mm * 1e-3, segments.lengths_mm * 1e-3
    return device.native.Sources(*(device.put(a) for a in arrays))


def grid_corners_mm(shape: Sequence[int], affine: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the corners (8, 3), mm, of a grid (nx, ny, nz) with an affine (4, 4) from index to mm."""
    ends = np.stack(np.meshgrid(*((0, n - 1) for n in shape)), axis=-1).reshape(-1, 3)
    return np.asarray(ends @ affine[:3, :3].T + affine[:3, 3])


def _continue(layers: NDArray[np.float32], n: int) -> None:
    """Fill the first and last of n + 2 layers from those between, by quadratic (or linear) extrapolation."""
    if n >= 3:
        layers[0] = 3 * layers[1] - 3 * layers[2] + layers[3]
        layers[-1] = 3 * layers[-2] - 3 * layers[-3] + layers[-4]
    else:
        layers[0] = 2 * layers[1] - layers[2]
        layers[-1] = 2 * layers[-2] - layers[-3]


def _joined(pairs: list[tuple[NDArray[np.float64], NDArray[np.float64]]]) -> tuple[Any, Any]:
    first, second = zip(*pairs, strict=True) if pairs else ([np.empty((0, 3))], [np.empty((0, 3))])
    return np.concatenate(first), np.concatenate(second)


def _set_rows(instance: Any, first: str, second: str, what: str, other: str) -> None:
    """Check two fields of (n, 3) numbers, and keep read-only copies of them."""
    rows: dict[str, ArrayLike] = {name: getattr(instance, name) for name in (first, second)}
    arrays = {name: vectors(values, name, CoilError) for name, values in rows.items()}
    if len(arrays[first]) != len(arrays[second]):
        raise CoilError(f"{len(arrays[first])} {what} but {len(arrays[second])} {other}")
    keep(instance, **arrays)
