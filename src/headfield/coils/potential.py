# SPDX-License-Identifier: BSD-3-Clause
"""The primary field ∂A/∂t of a coil at the nodes of a head: nested lattices in the frame of the coil.

A direct sum over thousands of sources at every node costs as much as a solve. The vector potential of a
coil is smooth away from its wire, so it is tabulated once per coil on lattices of 16, 8, 4, 2 and 1 mm,
each used no closer to the nearest source than a few of its spacings, and interpolated there by tricubic
polynomials. Closer still the direct sum is taken. A coil that comes as samples on a grid has that grid as
its only lattice. A table takes as long as sums by a tree of clusters at some poses: these can be had instead.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..core.device import Device
from ..core.messages import warn
from .coil import Coil
from .kept_tables import kept_tables
from .lattices import native_grid
from .lone_dipoles import one_dipole_each
from .pulls import in_frame, pull_of_nodes
from .sampling import sampling_error
from .sources import SCALP_MM, Dipoles, Segments, native_sources
from .tree_sums import SUMMED, TREE_ERROR, tree_sums

__all__ = ["Primary", "Sampled"]

_COARSE = 1e-2  # of the largest A: samples of a coil with a larger error than this are worth a warning


class Sampled(NamedTuple):
    """How many values of ∂A/∂t did not come from a table, over all nodes and poses.

    Attributes
    ----------
    outside : int
        That are zero, because they lie outside the samples of the coil.
    summed : int
        That were summed over the sources, because they lie beyond the tables or close to a source. A node
        that is not one of them is some millimetres from every source.
    """

    outside: int
    summed: int


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
    bound : float or "summed"
        What `error` was asked to stay below, or that there is to be no table, see `tree_sums`.
    error : float
        Largest error of the interpolated vector potential against the direct sum, as estimated at 2000 random
        points of each lattice, relative to the root mean square of the potential there. 0 if every node gets
        the direct sum, `TREE_ERROR` if it gets that by a tree. Of a coil that comes as samples, see
        `sampling_error`.
    """

    coil: Coil
    reach_m: float
    bound: float | str
    error: float
    _device: Device
    _parts: tuple[_Part, ...]

    @classmethod
    def build(cls, coil: Coil, reach_m: float, bound: float | str, device: Device) -> Primary:
        """Tabulate a coil with a measured error below `bound`; 0 or "summed" make no table."""
        parts: list[_Part] = []
        largest, limit = 0.0, 0.0 if isinstance(bound, str) else bound
        for stimulator in range(coil.n_stimulators):
            dipoles, segments, sampled = coil.sources(stimulator)
            if len(dipoles) or len(segments):
                sources = native_sources(device, dipoles, segments)
                how = (sources, dipoles, segments, reach_m, limit, device)
                tables, error = kept_tables(*how) if limit > 0.0 else ([], 0.0)
                grid = native_grid(tables, sources, device) if tables else None
                if limit > 0.0 and not tables:
                    warn(
                        f"no table of {coil!r} is within {limit:g}: the direct sum is taken, which is slow",
                    )
                parts.append(_Part(stimulator, np.eye(4), grid, (dipoles, segments)))
                if tables:
                    largest = max(largest, error)
                elif bound == SUMMED:
                    largest = max(largest, TREE_ERROR)
            for potential in sampled:
                parts.append(_Part(stimulator, *potential.grid(device), sampled=True))
                largest = max(largest, sampling_error(potential))
        if largest > max(limit, _COARSE):
            warn(
                f"the samples of {coil!r} are coarse: A is off by about {100 * largest:.2g} % of its largest "
                f"value {SCALP_MM:g} mm in front of the casing",
            )
        return cls(coil, reach_m, bound, largest, device, tuple(parts))

    def sample(
        self, nodes_m: Any, poses_mm: NDArray[np.float64], rates: NDArray[np.float64], out: Any
    ) -> Sampled:
        """Write ∂A/∂t, V/m, for poses (k, 4, 4) and rates (k, s), A/s, at nodes (n, 3) to out (n, 3, W)."""
        outside = summed = 0
        for number, part in enumerate(self._parts):
            rate = np.ascontiguousarray(rates[:, part.stimulator])
            if part.grid is None:
                summed += self._sum(part, nodes_m, poses_mm, rate, out, add=number > 0)
                continue
            poses = poses_mm @ part.frame
            poses[:, :3, 3] *= 1e-3
            device = self._device
            direct = part.grid.sample(nodes_m, device.put(poses), device.put(rate), out, number > 0)
            outside += int(direct) if part.sampled else 0
            summed += 0 if part.sampled else int(direct)
        return Sampled(outside, summed)

    def pull(self, nodes_m: Any, poses_mm: NDArray[np.float64], currents: Any) -> NDArray[np.float64]:
        """Return the pulls (s, k, 7) of currents (n, 3, W) on what each of s stimulators drives, at k poses.

        Per A/s: what `sample` would give is interpolated in the same table, and so are its slopes. Without a
        table each source is summed over: in float64 where no error was allowed, else in float32.
        """
        device, result = self._device, np.zeros((self.coil.n_stimulators, len(poses_mm), 7))
        for part in self._parts:
            if part.grid is not None:
                poses = poses_mm @ part.frame
                poses[:, :3, 3] *= 1e-3
                found = device.get(part.grid.pull(nodes_m, device.put(poses), currents))
                result[part.stimulator] += in_frame(found, part.frame)
                continue
            assert part.sources is not None
            for row, (column, pose) in zip(result[part.stimulator], enumerate(poses_mm), strict=True):
                own = np.ascontiguousarray(device.get(currents[:, :, column]))
                row += pull_of_nodes(part.sources, nodes_m, own, pose, device, exact=self.bound == 0.0)
        return result

    def _sum(
        self,
        part: _Part,
        nodes_m: Any,
        poses_mm: NDArray[np.float64],
        rate: NDArray[np.float64],
        out: Any,
        add: bool,
    ) -> int:
        """Do the work of `sample` for one part by the direct sum; return how many may be near a source."""
        assert part.sources is not None
        if not add:
            out[:, :, len(poses_mm) :] = 0.0
        if len(part.sources[0]) == 1 and not len(part.sources[1]) and not add:
            placed_each = [part.sources[0].moved(pose) for pose in poses_mm]
            return one_dipole_each(self._device, nodes_m, placed_each, rate, out)
        by_tree = self.bound == SUMMED
        on_host = self._device.get(nodes_m) if by_tree else np.empty((0, 3))
        for column, pose in enumerate(poses_mm):
            dipoles, segments = part.sources[0].moved(pose), part.sources[1].moved(pose)
            if by_tree:
                sums = self._device.put(tree_sums(dipoles, segments, on_host))
                adot = np.float32(rate[column]) * sums
            else:
                placed = native_sources(self._device, dipoles, segments)
                adot = rate[column] * placed.vector_potential(nodes_m)
            out[:, :, column] = out[:, :, column] + adot if add else adot
        return len(nodes_m) * len(poses_mm)
