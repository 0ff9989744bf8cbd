# SPDX-License-Identifier: BSD-3-Clause
"""What a batch of poses needs while it is solved: block vectors, and a clock for the report."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

__all__ = ["Clock", "WorkSpace"]


class WorkSpace:
    """Block vectors of a batch. Touching fresh memory costs as much as an iteration, so they are kept."""

    def __init__(self, native: Any, hierarchy: Any, n: int, width: int) -> None:
        self.solver = native.Solver(hierarchy, width)
        self.adot = np.empty((n, 3, width), np.float32)
        self.b = np.empty((n, width))
        self.phi = np.empty((n, width))


class Clock:
    """Seconds from one lap to the next, by name."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._last = time.perf_counter()

    def lap(self, name: str) -> None:
        now = time.perf_counter()
        self.seconds[name] = now - self._last
        self._last = now
