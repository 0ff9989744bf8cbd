# SPDX-License-Identifier: BSD-3-Clause
"""Where the field of a part is wanted: operators that take its unknowns to E at points and in tetrahedra."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...core.device import cpu
from ...heads.location import barycentric
from ...heads.mesh import TetMesh
from ...heads.tetrahedra import volumes
from .operators import PartOperators
from .part import Part

__all__ = ["Points", "Sampling", "in_part", "means"]


class Points:
    """Points, or weighted sums over points, in the tetrahedra of a part.

    Attributes
    ----------
    rows : ndarray (r + 1,) int32
        The points rows[i]…rows[i + 1] add up to result i.
    elements : ndarray (p,) int32
    barycentric : ndarray (p, 4) float64
    weights : ndarray (p,) float64
    """

    def __init__(
        self,
        elements: NDArray[np.int32],
        barycentric: NDArray[np.float64],
        rows: NDArray[np.int32] | None = None,
        weights: NDArray[np.float64] | None = None,
    ) -> None:
        count = len(elements)
        self.elements, self.barycentric = elements.astype(np.int32), np.ascontiguousarray(barycentric)
        self.rows = np.arange(count + 1, dtype=np.int32) if rows is None else rows
        self.weights = np.ones(count) if weights is None else weights

    def __len__(self) -> int:
        return len(self.rows) - 1


class Sampling:
    """E at points of a part, for all sources of a batch."""

    def __init__(self, operators: PartOperators, points: Points) -> None:
        self._device = device = operators.device
        self.count = len(points)
        built = cpu.sampling(
            operators.host_nodes_m,
            operators.unknowns,
            points.rows,
            points.elements,
            points.barycentric,
            points.weights,
        )
        indptr, indices, gradients, shares = built
        self._operator = (
            device.indices(indptr, len(indices) + 1, row_pointer=True, own=True),
            device.indices(indices, operators.size, own=True),
            device.put(gradients),
            device.put(shares),
        )

    def fill(self, phi: Any, adot: Any, scale: Any, out: Any) -> None:
        """Compute E (k, r, 3), V/m, times scales (k,), of φ (N, W) and ∂A/∂t (N, 3, W) at the unknowns."""
        self._device.native.field_at_points(*self._operator, phi, adot, scale, out)


def means(part: Part, elements: NDArray[np.int32]) -> Points:
    """Return the points whose E add up to its mean over tetrahedra of the head, the region's.

    E is linear in each part of a tetrahedron, but for how ∂A/∂t is curved in it, which hardly is: so its mean
    is that in the middle.
    """
    first = np.searchsorted(part.origin, elements, "left")
    count = np.searchsorted(part.origin, elements, "right") - first
    rows = np.zeros(len(elements) + 1, np.int32)
    np.cumsum(count, out=rows[1:])
    of = np.repeat(np.arange(len(elements)), count)
    inside = (first[of] + np.arange(rows[-1]) - rows[of]).astype(np.int32)
    volume = volumes(part.nodes_mm, part.tets[inside])
    weights = volume / np.bincount(of, volume, len(elements))[of]
    return Points(inside, np.full((len(inside), 4), 0.25), rows, weights)


def in_part(part: Part, mesh: TetMesh, elements: NDArray[np.int32], weights: NDArray[np.float64]) -> Points:
    """Return points of a part at those of tetrahedra of the head that weights (p, 4) of their corners say."""
    at_mm = np.einsum("pi,pid->pd", weights, mesh.nodes_mm[mesh.tets[elements]])
    low, high = (np.searchsorted(part.origin, elements, side) for side in ("left", "right"))
    best = np.full(len(elements), -np.inf)
    found, inside = low.copy(), np.zeros((len(elements), 4))
    for step in range(int((high - low).max(initial=0))):
        some = np.flatnonzero(low + step < high)
        corners = part.nodes_mm[part.tets[low[some] + step]]
        there = barycentric(corners.T, at_mm[some].T).T
        nearer = there.min(axis=1) > best[some]
        better = some[nearer]
        best[better] = there[nearer].min(axis=1)
        found[better], inside[better] = low[better] + step, there[nearer]
    inside = np.clip(inside, 0.0, None)
    return Points(found.astype(np.int32), inside / inside.sum(axis=1, keepdims=True))
