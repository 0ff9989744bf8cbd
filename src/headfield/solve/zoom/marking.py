# SPDX-License-Identifier: BSD-3-Clause
"""Which edges of a part to halve: where linear elements would miss most of the field of a region."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ...core.device import Device
from ...heads.tetrahedra import EDGES
from .level import Level

__all__ = ["bulk", "missed"]

Floats = NDArray[np.float64]


def missed(level: Level, device: Device, k: int) -> Floats:
    """Return what k fields have along each edge that linear elements don't, squared: (e, k).

    Along an edge the potential is that of the linear element plus β 4 λ_a λ_b. The number is
    β² ∫ |∇(4 λ_a λ_b)|² over the tetrahedra of the region around the edge, (V/m)² m³, for the rates that were
    solved for; the sum over all edges estimates ∫ |E − E_linear|² over the region (Bank & Smith 1993, doi
    10.1137/0730048). So edges that no such tetrahedron has don't count, however much is missed there.
    """
    part, edges, unknowns = level.part, level.edges, level.operators.unknowns
    phi = device.get(level.phi)[:, :k]
    core = np.flatnonzero(part.core)
    inside = edges.of[core]
    weight = np.bincount(inside.ravel(), _bubbles(part.nodes_mm[part.tets[core]]).ravel(), len(edges.ends))
    middle, ends = np.empty(len(edges.ends), np.int32), edges.ends
    middle[inside] = unknowns[core, 4:]
    there = np.flatnonzero(weight)
    at_ends = phi[level.operators.node[ends[there]]]
    surplus = phi[middle[there]] - at_ends.mean(axis=1)
    squares = np.zeros((len(ends), k))
    squares[there] = surplus**2 * weight[there, None]
    return squares


def _bubbles(corners_mm: Floats) -> Floats:
    """Return ∫ |∇(4 λ_a λ_b)|² of the six edges of tetrahedra (m, 4, 3), (m, 6), m."""
    x = corners_mm * 1e-3
    sides = x[:, 1:] - x[:, :1]
    normal = np.stack([np.cross(sides[:, (d + 1) % 3], sides[:, (d + 2) % 3]) for d in range(3)], axis=1)
    six_volumes = np.einsum("md,md->m", sides[:, 0], normal[:, 0])
    slope = np.concatenate([-normal.sum(axis=1, keepdims=True), normal], axis=1) / six_volumes[:, None, None]
    products = np.einsum("mid,mjd->mij", slope, slope)
    a, b = EDGES
    both = products[:, a, a] + products[:, b, b] + products[:, a, b]
    return 1.6 / 6.0 * np.abs(six_volumes)[:, None] * both


def bulk(squares: Floats, share: float) -> NDArray[np.bool_]:
    """Mark the fewest places that hold a share of a sum of squares (Dörfler 1996, doi 10.1137/0733054).

    Examples
    --------
    >>> bulk(np.array([1.0, 5.0, 2.0, 0.0]), 0.5).tolist()
    [False, True, False, False]
    """
    order = np.argsort(-squares, kind="stable")
    total = np.cumsum(squares[order])
    marked = np.zeros(len(squares), bool)
    marked[order[: np.searchsorted(total, share * total[-1]) + 1]] = squares[order[0]] > 0.0
    return marked
