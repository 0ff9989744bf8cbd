# SPDX-License-Identifier: BSD-3-Clause
"""What currents at the nodes of a head are to a coil: Σ c · A, and how that changes as sources move.

A functional of E is Σ c · ∂A/∂t over the nodes, and so its derivatives by where the coil is, or one of its
parts, are sums of as many terms. They come as a pull (7,): Σ c · A per ampere; its derivatives as the sources
move along the axes of the coil, per m (a force, but for its unit); and as they turn about these axes through
the origin of the coil, per rad (a torque).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core.device import Device
from .sources import Dipoles, Segments, native_sources

__all__ = ["SourceSlopes", "in_frame", "pull_of_nodes", "slopes_of_sources"]

Floats = NDArray[np.float64]


def in_frame(pulls: Floats, frame: Floats) -> Floats:
    """Return pulls (k, 7) by way of the axes of a frame (4, 4) in that of the coil, mm, as those of the coil.

    Examples
    --------
    >>> shifted = np.eye(4)
    >>> shifted[0, 3] = 1000.0  # a force along y, a metre along x, turns the coil about z
    >>> in_frame(np.array([[0.0, 0.0, 2.0, 0.0, 0.0, 0.0, 0.0]]), shifted)
    array([[0., 0., 2., 0., 0., 0., 2.]])
    """
    turn, origin_m = frame[:3, :3], 1e-3 * frame[:3, 3]
    # No matrix product: its bits depend on how many poses there are.
    force, torque = ((turn * pulls[:, None, first : first + 3]).sum(axis=2) for first in (1, 4))
    return np.concatenate([pulls[:, :1], force, torque + np.cross(origin_m, force)], axis=1)


def pull_of_nodes(
    sources: tuple[Dipoles, Segments],
    nodes_m: Any,
    currents: NDArray[np.float32],
    pose: Floats,
    device: Device,
    *,
    exact: bool,
) -> Floats:
    """Sum the pull (7,) of currents (n, 3) at nodes (n, 3) on a coil at a pose (4, 4), source by source.

    In float64 if it is to be `exact`, else in float32.
    """
    placed = native_sources(device, sources[0].moved(pose), sources[1].moved(pose))
    c = currents.astype(np.float64)
    slopes = placed.slopes if exact else placed.slopes_float32
    both = device.get(slopes(nodes_m, device.put(c))).astype(np.float64)
    a, force = both[:, :3], -both[:, 3:]
    away = device.get(nodes_m) - 1e-3 * pose[:3, 3]
    torque = np.cross(a, c) + np.cross(away, force)
    return np.concatenate(
        [[(c * a).sum()], force.sum(axis=0) @ pose[:3, :3], torque.sum(axis=0) @ pose[:3, :3]]
    )


class SourceSlopes:
    """What currents are to each dipole or each piece of wire of a part of a coil, in the frame of the coil.

    Attributes
    ----------
    by_vector : ndarray (q, 3)
        Σ c · A changes by this as the moment of a dipole changes, per A·m², or the length of a piece, per m:
        B, T, or A, T·m, of the currents there.
    by_place : ndarray (q, 3)
        And by this as it moves, per m.
    """

    def __init__(self, part: Dipoles | Segments, by_vector: Floats, by_place: Floats) -> None:
        self.part, self.by_vector, self.by_place = part, by_vector, by_place

    def pull(self) -> Floats:
        """Return the pull (7,) on all of them together."""
        if isinstance(self.part, Dipoles):
            places_m, vectors = 1e-3 * self.part.positions_mm, self.part.moments
        else:
            places_m, vectors = 1e-3 * self.part.points_mm, 1e-3 * self.part.lengths_mm
        torque = np.cross(places_m, self.by_place) + np.cross(vectors, self.by_vector)
        value = (vectors * self.by_vector).sum()
        return np.concatenate([[value], self.by_place.sum(axis=0), torque.sum(axis=0)])


def slopes_of_sources(
    part: Dipoles | Segments,
    nodes_m: Any,
    currents: NDArray[np.float32],
    pose: Floats,
    device: Device,
    *,
    exact: bool,
) -> SourceSlopes:
    """Sum over currents (n, 3) at nodes (n, 3) what they are to each source of a part of a coil at a pose."""
    nodes, c = nodes_m, device.put(currents.astype(np.float64))
    none, turn = device.put(np.empty((0, 3))), pose[:3, :3]
    placed = part.moved(pose)
    if isinstance(placed, Dipoles):
        around = device.native.Sources(nodes, c, none, none)
        at, vectors = placed.positions_mm, placed.moments
    else:
        around = device.native.Sources(none, none, nodes, c)
        at, vectors = placed.points_mm, 1e-3 * placed.lengths_mm
    slopes = around.slopes if exact else around.slopes_float32
    both = device.compute(slopes, 1e-3 * at, vectors).astype(np.float64)
    return SourceSlopes(part, both[:, :3] @ turn, both[:, 3:] @ turn)
