# SPDX-License-Identifier: BSD-3-Clause
"""Conjugate gradients on a batch, with a second try in float64 for what float32 gets nowhere with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core.device import Device
from .workspace import WorkSpace

__all__ = ["iterated"]

_GAVE_UP = ("stagnation", "breakdown")  # how float32 ends where it can't tell a matrix from a singular one


def iterated(
    device: Device,
    work: WorkSpace,
    tolerance: NDArray[np.float64],
    max_iterations: int,
    guessed: bool,
    load: Callable[[], None],
) -> list[Any]:
    """Solve for φ of a work space; return the native reports on its first k columns.

    Parameters
    ----------
    tolerance : ndarray (k,)
        Of each column that is in use.
    guessed : bool
        Whether φ holds a first guess.
    load : callable
        Fills b again, which the solver uses up.
    """
    k = len(tolerance)
    limits = np.resize(tolerance, work.solver.width).tolist()
    columns = list(work.solver.solve(work.b, work.phi, limits, max_iterations, guessed)[:k])
    failed = [j for j, c in enumerate(columns) if c.stopped in _GAVE_UP and c.iterations < max_iterations]
    if failed:
        load()
    for j in failed:
        b = work.b[:, j].copy()
        phi = device.xp.zeros_like(b)
        columns[j] = device.native.solve_in_float64(work.hierarchy, b, phi, limits[j], max_iterations)
        work.phi[:, j] = phi
    return columns
