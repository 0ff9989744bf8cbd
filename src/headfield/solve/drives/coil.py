# SPDX-License-Identifier: BSD-3-Clause
"""Drive a head by a coil at k poses: fill its ∂A/∂t at the nodes, and the right-hand sides."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...coils.coil import Coil
from ...coils.plausible import warn_of_front
from ...coils.potential import Primary
from ...coils.tree_sums import SUMMED
from ...core.arguments import whole, within
from ...core.device import Device, is_on_gpu, on_host
from ...core.messages import warn
from ...errors import ArgumentError, CoilError, DeviceError, PoseError
from ...poses.pose import check_poses
from ..operators import Operators
from .apart import check_apart
from .rates import checked_didt

__all__ = ["CoilDrive", "CoilTables", "check_coil", "coil_to_place"]

_MOST_POSES = 2**63 - 1
_RATE = 1e6  # A/s; every solve is for this rate and scaled, so E is exactly linear in dI/dt
_COILS_KEPT = 4  # whose tables of ∂A/∂t stay in memory, about 10 MB each
_REACH_MM = 100.0  # how far from the head a coil may be before ∂A/∂t is summed directly
_LONGEST_REACH_MM = 500.0


class CoilTables:
    """∂A/∂t of the coils that a head was last driven by, tabulated when a coil is first used.

    Parameters
    ----------
    nodes_mm : ndarray (n, 3)
        Of the head: the tables reach as far as it does, and some way beyond.
    """

    def __init__(self, nodes_mm: NDArray[np.float64], device: Device) -> None:
        extent_m = float(np.linalg.norm(np.ptp(nodes_mm, axis=0))) * 1e-3
        self.device = device
        self._reach_m = min(extent_m + _REACH_MM * 1e-3, _LONGEST_REACH_MM * 1e-3)
        self._last: list[Primary] = []

    def of(self, coil: Coil, bound: float | str) -> Primary:
        """Return the table of a coil with an interpolation error below `bound`, or what sums without one."""
        for table in self._last:
            if table.coil is coil and table.bound == bound:
                return table
        table = Primary.build(coil, self._reach_m, bound, self.device)
        self._last = [table, *self._last[: _COILS_KEPT - 1]]
        return table


class CoilDrive:
    """A coil at k poses.

    A pose is solved for `rates` (k, s), A/s, the largest being 1e6 A/s, and the result is multiplied by
    `scale` (k,). Messages call its first pose `first`.

    Raises
    ------
    CoilError, PoseError, ArgumentError
    DeviceError
        The poses are a CuPy array, but the model is on the CPU.
    """

    has_primary = True

    def __init__(
        self,
        tables: CoilTables,
        coil: Coil,
        poses: ArrayLike,
        didt: ArrayLike,
        primary_error: float | str = 1e-3,
        first: int = 0,
    ) -> None:
        self._tables, self.coil = tables, check_coil(coil)
        self.on_gpu = is_on_gpu(poses)
        if self.on_gpu and tables.device.name != "cuda":
            raise DeviceError("the poses are a CuPy array, but the model is on the CPU; see device='cuda'")
        self.poses: NDArray[np.float64] = check_poses(on_host(poses))
        self.didt: NDArray[np.float64] = checked_didt(on_host(didt), len(self.poses), coil)
        self.rates, self.scale = _solved_for(self.didt)
        self.bound = _checked_bound(primary_error)
        self.first = whole(first, "first", ArgumentError, _MOST_POSES, 0)

    def __len__(self) -> int:
        return len(self.poses)

    @property
    def primary_error(self) -> float:
        """Bound of the error of ∂A/∂t, relative to its root mean square: see `Primary.error`."""
        return self._table.error

    @property
    def _table(self) -> Primary:
        return self._tables.of(self.coil, self.bound)

    def primary(self, head: Operators, part: slice, adot: Any) -> None:
        """Fill ∂A/∂t of a batch of poses; warn where the samples of a coil don't reach the nodes.

        Raises
        ------
        PoseError
            A source of the coil lies on a node, or no node lies in the samples of A.
        """
        poses = self.poses[part]
        found = self._table.sample(head.nodes_m, poses, self.rates[part], adot)
        if found.summed:
            check_apart(head, self.coil, poses, self.first + part.start, adot)
        if found.outside:
            if found.outside >= len(adot):
                self._check_reached(part, adot)
            warn(
                f"{found.outside / len(poses):.0f} of {len(adot)} nodes a pose lie outside the samples of "
                f"{self.coil!r}; A is taken as 0 there"
            )

    def pull(self, nodes_m: Any, part: slice, currents: Any) -> NDArray[np.float64]:
        """Return the pulls (s, k, 7) of currents (n, 3, W) on a batch of poses, see `Primary.pull`."""
        return self._table.pull(nodes_m, self.poses[part], currents)

    def _check_reached(self, part: slice, adot: Any) -> None:
        """Raise PoseError for a pose whose samples of A hold no node of the head: E would be 0 everywhere."""
        reached = on_host((adot[:, :, : part.stop - part.start] != 0.0).any(axis=(0, 1)))
        if not reached.all():
            missed = self.first + part.start + int(reached.argmin())
            low, high = (" ".join(f"{x:.0f}" for x in corner) for corner in self.coil.bounds_mm)
            raise PoseError(
                f"pose {missed}: the samples of A of {self.coil!r} hold no node of the head, so A would be 0 "
                f"in all of it; they reach from {low} to {high} mm in the coil's frame"
            )

    def load(self, head: Operators, part: slice, adot: Any, b: Any) -> None:
        """Fill the right-hand sides b from ∂A/∂t."""
        head.right_hand_side(adot, b)


def _checked_bound(primary_error: Any) -> float | str:
    if isinstance(primary_error, str):
        if primary_error != SUMMED:
            raise ArgumentError(f"primary_error must be a number or {SUMMED!r}, not {primary_error!r}")
        return SUMMED
    return within(primary_error, "primary_error", ArgumentError, 0.0, 0.1)


def check_coil(coil: Any) -> Coil:
    """Return a coil; raise CoilError that says what was given instead."""
    if not isinstance(coil, Coil):
        raise CoilError(f"coil must be a Coil (see read_coil), not {type(coil).__name__}")
    return coil


def coil_to_place(coil: Any) -> Coil:
    """Return a coil that is placed by its face; warn of sources in front of that."""
    warn_of_front(check_coil(coil))
    return coil


def _solved_for(didt: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return rates (k, s), the largest per pose being 1e6 A/s, and the factors (k,) that give `didt`."""
    if didt.ndim == 1:
        return np.full((len(didt), 1), _RATE), didt / _RATE
    each = didt
    leading = each[np.arange(len(each)), np.abs(each).argmax(axis=1)]
    rates = np.divide(each, leading[:, None], out=np.ones_like(each), where=leading[:, None] != 0.0)
    return _RATE * rates, leading / _RATE
