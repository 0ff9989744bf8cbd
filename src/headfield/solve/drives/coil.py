# SPDX-License-Identifier: BSD-3-Clause
"""Drive a head by a coil at k poses: fill its ∂A/∂t at the nodes, and the right-hand sides."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...coils.coil import Coil
from ...coils.potential import Primary
from ...core.arguments import finite_array, whole, within
from ...core.device import Device, is_on_gpu, on_host
from ...core.messages import warn
from ...errors import ArgumentError, CoilError, DeviceError
from ...poses.pose import check_poses
from ..operators import Operators
from .apart import check_apart

__all__ = ["CoilDrive", "CoilTables", "check_coil"]

_MOST_DIDT = 1e12  # A/s, ten thousand times what stimulators reach
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

    def of(self, coil: Coil, bound: float) -> Primary:
        """Return the table of a coil with an interpolation error below `bound`."""
        for table in self._last:
            if table.coil is coil and table.bound == bound:
                return table
        table = Primary.build(coil, self._reach_m, bound, self.device)
        self._last = [table, *self._last[: _COILS_KEPT - 1]]
        return table


class CoilDrive:
    """A coil at k poses.

    A pose is solved for `_rates` (k, s), A/s, the largest being 1e6 A/s, and the result is multiplied by
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
        primary_error: float = 1e-3,
        first: int = 0,
    ) -> None:
        self._tables, self.coil = tables, check_coil(coil)
        self.on_gpu = is_on_gpu(poses)
        if self.on_gpu and tables.device.name != "cuda":
            raise DeviceError("the poses are a CuPy array, but the model is on the CPU; see device='cuda'")
        self.poses: NDArray[np.float64] = check_poses(on_host(poses))
        self.didt: NDArray[np.float64] = _check_didt(on_host(didt), len(self.poses), coil)
        self._rates, self.scale = _solved_for(self.didt)
        self.bound = within(primary_error, "primary_error", ArgumentError, 0.0, 0.1)
        self.first = whole(first, "first", ArgumentError, _MOST_POSES, 0)

    def __len__(self) -> int:
        return len(self.poses)

    @property
    def primary_error(self) -> float:
        """Bound of the error of interpolation, relative to the root mean square of ∂A/∂t."""
        return self._table.error

    @property
    def _table(self) -> Primary:
        return self._tables.of(self.coil, self.bound)

    def primary(self, head: Operators, part: slice, adot: Any) -> None:
        """Fill ∂A/∂t of a batch of poses; warn where the samples of a coil don't reach the nodes.

        Raises
        ------
        PoseError
            A source of the coil lies on a node.
        """
        poses = self.poses[part]
        found = self._table.sample(head.nodes_m, poses, self._rates[part], adot)
        if found.summed:
            check_apart(head, self.coil, poses, self.first + part.start, adot)
        if found.outside:
            warn(
                f"{found.outside / len(poses):.0f} of {len(adot)} nodes a pose lie outside the samples of "
                f"{self.coil!r}; A is taken as 0 there"
            )

    def load(self, head: Operators, part: slice, adot: Any, b: Any) -> None:
        """Fill the right-hand sides b from ∂A/∂t."""
        head.right_hand_side(adot, b)


def check_coil(coil: Any) -> Coil:
    """Return a coil; raise CoilError that says what was given instead."""
    if not isinstance(coil, Coil):
        raise CoilError(f"coil must be a Coil (see read_coil), not {type(coil).__name__}")
    return coil


def _check_didt(didt: ArrayLike, k: int, coil: Coil) -> NDArray[np.float64]:
    """Return dI/dt of each pose: (k,), or (k, s) of a coil with s > 1 stimulators, A/s."""
    if isinstance(didt, float) and abs(didt) <= _MOST_DIDT and coil.n_stimulators == 1:
        _warn_above(abs(didt), coil.stimulators[0].didt_max)  # most loops pass a number: no arrays for it
        return np.full(k, didt)
    values = finite_array(didt, "didt", ArgumentError)
    largest = float(np.abs(values).max(initial=0.0))
    if largest > _MOST_DIDT:
        raise ArgumentError(f"didt of {largest:g} A/s is above {_MOST_DIDT:g}, which no coil reaches")
    s = coil.n_stimulators
    if s > 1:
        if values.ndim != 2 or values.shape[0] not in (1, k) or values.shape[1] != s:
            raise ArgumentError(
                f"the coil has {s} stimulators: give didt of the shape ({k}, {s}), a row per pose, or one "
                f"row for all, not {values.shape}"
            )
        for stimulator, column in zip(coil.stimulators, values.T, strict=True):
            _warn_above(np.abs(column).max(), stimulator.didt_max)
        return np.broadcast_to(values, (k, s)).copy()
    if (values.ndim > 1 and values.shape not in ((k, 1), (1, 1))) or values.size not in (1, k):
        raise ArgumentError(f"didt has shape {values.shape}; it must be a scalar or ({k},), one per pose")
    _warn_above(largest, coil.stimulators[0].didt_max)
    return np.full(k, values.item()) if values.size == 1 else values.reshape(k)


def _warn_above(didt: float, didt_max: float | None) -> None:
    if didt_max is not None and didt > 1.01 * didt_max:
        warn(f"dI/dt of {didt:g} A/s is more than the {didt_max:g} A/s this coil reaches")


def _solved_for(didt: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return rates (k, s), the largest per pose being 1e6 A/s, and the factors (k,) that give `didt`."""
    if didt.ndim == 1:
        return np.full((len(didt), 1), _RATE), didt / _RATE
    each = didt
    leading = each[np.arange(len(each)), np.abs(each).argmax(axis=1)]
    rates = np.divide(each, leading[:, None], out=np.ones_like(each), where=leading[:, None] != 0.0)
    return _RATE * rates, leading / _RATE
