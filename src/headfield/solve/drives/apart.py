# SPDX-License-Identifier: BSD-3-Clause
"""Coils that are so far inside the head that a node of the mesh lies in their wire."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...coils.coil import Coil
from ...coils.sources import Sources
from ...core.messages import point
from ...errors import PoseError
from ..operators import Operators

__all__ = ["check_apart"]

# mm. A dipole or a piece of wire stands for a conductor of a millimetre or more, outside of which ∂A/∂t is as
# if the current flowed in a point; within a tenth of that it grows without bound, and so would E.
_IN_WIRE_MM = 0.1
_PIECE = 1 << 16  # nodes that are looked at together


def check_apart(head: Operators, coil: Coil, poses: NDArray[np.float64], start: int, adot: Any) -> None:
    """Raise PoseError for poses that put a source of the coil onto a node of the head.

    What is looked at is the node of the largest ∂A/∂t of each pose: within a tenth of a millimetre from a
    source, that source is what makes it the largest, unless the node lies on the axis of a dipole, where its
    A is 0. So this takes one pass over ∂A/∂t, and a look at all sources for one node.

    Parameters
    ----------
    head : Operators
    coil : Coil
    poses : ndarray (k, 4, 4) float64
        Of a batch, mm.
    start : int
        Number of the first of them.
    adot : array (n, 3, W) float32
        ∂A/∂t of the batch, V/m.
    """
    rows, largest = _largest(head, adot, len(poses))
    nodes_mm = np.concatenate([head.device.get(head.nodes_m[row : row + 1]) for row in rows]) * 1e3
    for i, (pose, node) in enumerate(zip(poses, nodes_mm, strict=True)):
        element, distance = _nearest(coil, (node - pose[:3, 3]) @ pose[:3, :3])
        if distance < _IN_WIRE_MM:
            raise PoseError(
                f"pose {start + i} puts element {element} of {coil!r} onto the head: a source of it is "
                f"{distance:.2g} mm from node {_number(head, node)} at {point(node)}, less than "
                f"{_IN_WIRE_MM:g} mm, which is inside of any wire, where ∂A/∂t is without bound"
            )
        if not np.isfinite(largest[i]):
            raise PoseError(
                f"pose {start + i}: ∂A/∂t of {coil!r} is not finite at node {_number(head, node)}, "
                f"{point(node)}, {distance:.3g} mm from its element {element}"
            )


def _largest(head: Operators, adot: Any, k: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return the row of the node where ∂A/∂t of each pose is largest or not finite, and its square there."""
    row, largest = np.zeros(k, np.int64), np.full(k, -1.0)
    for start in range(0, len(adot), _PIECE):
        # On the host: CuPy would compile kernels for it, which takes longer than a solve.
        some = head.device.get(adot[start : start + _PIECE])[:, :, :k].astype(np.float64)
        squares = (some * some).sum(axis=1)
        squares[~np.isfinite(squares)] = np.inf
        at = squares.argmax(axis=0)
        here = squares[at, np.arange(k)]
        row[here > largest] = start + at[here > largest]
        largest = np.maximum(largest, here)
    return row, largest


def _nearest(coil: Coil, point_mm: NDArray[np.float64]) -> tuple[int, float]:
    """Return the element of the coil that has the source nearest to a point of its frame, and how near."""
    found = -1, np.inf
    for number, element in enumerate(coil.elements):
        away = Sources.of([coil.source(element)]).points_mm - point_mm
        if len(away):
            found = min(found, (number, float(np.sqrt((away * away).sum(axis=1)).min())), key=lambda f: f[1])
    return found


def _number(head: Operators, node_mm: NDArray[np.float64]) -> int:
    """Return the number in the mesh of a node of the head."""
    away = head.mesh.nodes_mm - node_mm
    return int((away * away).sum(axis=1).argmin())
