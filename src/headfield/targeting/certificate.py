# SPDX-License-Identifier: BSD-3-Clause
"""Full solves of the poses that a search found: the values that count, and how far reciprocity was off."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .aim import Aim

__all__ = ["Certificate", "Probes", "certified", "zoomed_value"]

Floats = NDArray[np.float64]


class Certificate(NamedTuple):
    """The best of some poses, the best first."""

    order: NDArray[np.intp]  #: which of them
    poses: Floats  #: (r, 4, 4)
    values: Floats  #: (r,) V/m
    error: float  #: of reciprocity, relative to the best value; nan if nothing was solved
    map_error: float  #: of the map, at a few poses of it, likewise


class Probes(NamedTuple):
    """Some poses of a map, and the values that they have there."""

    poses: Floats  #: (n, 4, 4)
    values: Floats  #: (n,)


def certified(aim: Aim, poses: Floats, reciprocal: Floats, probes: Probes) -> Certificate:
    """Solve poses (r, 4, 4) in full, which had values (r,) by reciprocity; `order` is that of the solves."""
    every = aim.solved(np.concatenate([poses, probes.poses]))
    solved, probed = every[: len(poses)], every[len(poses) :]
    most = max(np.abs(solved).max(), 1e-300)
    error = float(np.abs(solved - reciprocal).max() / most)
    map_error = float(np.abs(probed - probes.values).max() / most) if len(probed) else float("nan")
    return Certificate(np.argsort(-solved, kind="stable"), poses, solved, error, map_error)


def zoomed_value(aim: Aim, pose: Floats, error: float) -> tuple[float, float]:
    """Return the value of a pose in a refined head, and the relative error of E in the region."""
    zoom = aim.model.zoom(aim.region, aim.coil, pose, aim.rates, error=error)
    field = zoom.solve(aim.coil, pose, aim.rates)
    off = field.report.discretisation_error
    return float(aim.targets.values(field.E)[0]), float("nan") if off is None else float(off[0])
