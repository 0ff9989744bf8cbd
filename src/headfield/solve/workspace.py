# SPDX-License-Identifier: BSD-3-Clause
"""What a batch needs while it is solved: block vectors, and a clock of its stages."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from ..core.device import Device

__all__ = ["Clock", "WorkSpace"]


class WorkSpace:
    """Block vectors of a batch. Touching fresh memory costs as much as an iteration, so they are kept."""

    def __init__(self, device: Device, hierarchy: Any, n: int, width: int) -> None:
        self._device, self._n, self._adot = device, n, None
        self.hierarchy = hierarchy
        self.solver = device.native.Solver(hierarchy, width)
        self.b = device.xp.empty((n, width))
        self.phi = device.xp.empty((n, width))

    @property
    def adot(self) -> Any:
        """∂A/∂t (n, 3, W), allocated when a coil first asks for it, since other sources don't need it."""
        if self._adot is None:
            self._adot = self._device.xp.empty((self._n, 3, self.solver.width), np.float32)
        return self._adot


class Clock:
    """Seconds per named stage; repeated names add up. Each lap waits for the device."""

    def __init__(self, device: Device) -> None:
        self.seconds: dict[str, float] = {}
        self._device = device
        device.wait()
        self._last = time.perf_counter()

    def lap(self, name: str) -> None:
        self._device.wait()
        now = time.perf_counter()
        self.seconds[name] = self.seconds.get(name, 0.0) + now - self._last
        self._last = now
