# SPDX-License-Identifier: BSD-3-Clause
"""Tables of the vector potential of a coil, kept on disk between runs.

On a CPU a table takes several seconds, more than half of a run of one pose; to read it back takes a tenth of
a second. None is kept of a GPU: its bits would belong to one kind of GPU and driver.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core.device import Device
from ..core.digest import digest
from ..core.version import VERSION
from ..io.cache import kept
from . import lattices
from .lattices import Lattice, tabulated
from .sources import Dipoles, Segments

__all__ = ["kept_tables"]

_DEVICES = ("cpu",)  # whose tables are kept


def kept_tables(
    sources: Any, dipoles: Dipoles, segments: Segments, reach: float, error: float, device: Device
) -> tuple[list[Lattice], float]:
    """Return what `tabulated` does, from disk if it is there: with the same bits.

    Parameters
    ----------
    sources : native Sources
        Of the dipoles and the segments.
    dipoles : Dipoles
    segments : Segments
    reach : float
        m.
    error : float
    device : Device
    """
    if device.name not in _DEVICES:
        return tabulated(sources, reach, error, device)
    of = (dipoles.positions_mm, dipoles.moments, segments.points_mm, segments.lengths_mm)
    key = digest("coil tables 1", *_build(device), *of, reach, error)
    return _unpacked(kept(key, lambda: _packed(*tabulated(sources, reach, error, device))))


def _build(device: Device) -> list[Any]:
    """Return what tells one build from another that may compute other bits."""
    files = [os.stat(path) for path in (device.native.__file__, lattices.__file__)]
    marks = [(facts.st_size, facts.st_mtime_ns) for facts in files]
    return [VERSION, np.__version__, device.native.instruction_set, marks]


def _packed(tables: list[Lattice], error: float) -> dict[str, NDArray[Any]]:
    arrays: dict[str, NDArray[Any]] = {"error": np.array(error), "count": np.array(len(tables))}
    for i, (origin, spacing, values, good) in enumerate(tables):
        where = np.array([origin, spacing])
        # the fourth of the values is zero: it is there for the alignment
        arrays |= {f"where_{i}": where, f"values_{i}": values[..., :3], f"good_{i}": good}
    return arrays


def _unpacked(arrays: Mapping[str, NDArray[Any]]) -> tuple[list[Lattice], float]:
    tables: list[Lattice] = []
    for i in range(int(arrays["count"])):
        origin, spacing = (tuple(row) for row in arrays[f"where_{i}"])
        three = arrays[f"values_{i}"]
        values = np.zeros((*three.shape[:3], 4), np.float32)
        values[..., :3] = three
        tables.append((origin, spacing, values, arrays[f"good_{i}"]))
    return tables, float(arrays["error"])
