# SPDX-License-Identifier: BSD-3-Clause
"""A of single dipoles at very many points, all of them side by side: the sources of a real-time basis."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core.device import Device
from .sources import Dipoles

__all__ = ["one_dipole_each"]

_CACHED, _AT_ONCE = 1024, 1 << 18  # nodes at a time: on a CPU what they take fits its cache
_MU0_OVER_4PI, _CLOSE_M = 1e-7, 3e-3


def one_dipole_each(
    device: Device, nodes_m: Any, dipoles: Sequence[Dipoles], rates: NDArray[np.float64], out: Any
) -> int:
    """Write ∂A/∂t, V/m, of a dipole to each of the first columns of out (n, 3, W) at nodes (n, 3).

    Sums over sources run over the dipoles of one coil; with one dipole they would do little at a time.
    Distances are found in float64, the rest in float32. Returns how many of the values are of nodes that lie
    within 3 mm of the dipole, of which A may be huge, or not a number.
    """
    xp, k, close = device.xp, len(dipoles), 0
    places = device.put(1e-3 * np.concatenate([one.positions_mm for one in dipoles]).T)
    moments = np.concatenate([one.moments for one in dipoles]).T * (_MU0_OVER_4PI * rates)
    m = [device.put(np.ascontiguousarray(row, np.float32)) for row in moments]
    step = _CACHED if device.name == "cpu" else _AT_ONCE
    for start in range(0, len(nodes_m), step):
        nodes = nodes_m[start : start + step]
        d = [(nodes[:, axis, None] - places[axis]).astype(np.float32) for axis in range(3)]
        square = d[0] * d[0] + d[1] * d[1] + d[2] * d[2]
        close += int((square < _CLOSE_M**2).sum())
        with np.errstate(divide="ignore", invalid="ignore"):  # the caller refuses a node on a dipole
            weight = 1.0 / (square * xp.sqrt(square))
            for axis in range(3):
                after, last = (axis + 1) % 3, (axis + 2) % 3
                out[start : start + step, axis, :k] = (m[after] * d[last] - m[last] * d[after]) * weight
    return close
