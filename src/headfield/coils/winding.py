# SPDX-License-Identifier: BSD-3-Clause
"""From the turns of a flat winding to magnetic dipoles."""

from __future__ import annotations

import math

import numpy as np

from ..core.arguments import not_negative, positive, whole
from ..errors import CoilError

__all__ = ["winding"]

_MAX_RINGS = 100
_MAX_LENGTH_MM = 1000.0


def winding(
    inner_mm: float,
    outer_mm: float,
    turns: int,
    height_mm: float,
    layers: int,
    casing_mm: float,
    spacing_mm: float,
) -> tuple[np.ndarray, np.ndarray]:
    """Dipoles (d, 3) mm and moments (d, 3) A·m² per A of one winding about the z axis.

    The arguments are those of `headfield.coils.layouts.circular_coil`, which says what they mean and what is
    refused.

    Examples
    --------
    >>> positions_mm, moments = winding(20, 40, 10, 0, 1, 5, 10)
    >>> turns_mm = 21.0 + 2.0 * np.arange(10)
    >>> float(round(moments[:, 2].sum() / (np.pi * 1e-6 * (turns_mm**2).sum()), 12))
    1.0
    """
    inner, outer = (
        positive(inner_mm, "inner_radius_mm", CoilError),
        positive(outer_mm, "outer_radius_mm", CoilError),
    )
    height, casing = (
        not_negative(height_mm, "wire_height_mm", CoilError),
        not_negative(casing_mm, "casing_mm", CoilError),
    )
    spacing = positive(spacing_mm, "spacing_mm", CoilError)
    turns, layers = whole(turns, "turns", CoilError, 200), whole(layers, "layers", CoilError, 20)
    if outer < inner:
        raise CoilError(f"outer_radius_mm = {outer} is less than inner_radius_mm = {inner}")
    if max(outer, height, casing) > _MAX_LENGTH_MM:
        raise CoilError(f"a winding of {max(outer, height, casing)} mm is no coil for a head: are these mm?")
    if outer / spacing > _MAX_RINGS:
        raise CoilError(f"spacing_mm = {spacing} is less than 1/{_MAX_RINGS} of the radius, {outer} mm")
    radii = inner + (np.arange(turns) + 0.5) * (outer - inner) / turns
    rings, weights = _radial_rule(radii, max(2, math.ceil(radii[-1] / spacing)))
    # An even number of dipoles per ring, none on an axis: the coil is mirror-symmetric in x and y.
    counts = 2 * np.maximum(4, np.ceil(np.pi * rings / spacing)).astype(np.int64)
    first = np.repeat(np.cumsum(counts) - counts, counts)
    angle = 2 * np.pi * (np.arange(counts.sum()) - first + 0.5) / np.repeat(counts, counts)
    ring = np.repeat(rings, counts)
    share = np.repeat(2e-6 * np.pi * weights / counts, counts)  # mm² to m²
    nodes, node_weights = np.polynomial.legendre.leggauss(layers)
    positions = np.empty((layers, len(ring), 3))
    positions[..., 0] = ring * np.cos(angle)
    positions[..., 1] = ring * np.sin(angle)
    positions[..., 2] = (-casing + 0.5 * height * (nodes - 1.0))[:, None]
    moments = np.zeros_like(positions)
    moments[..., 2] = 0.5 * node_weights[:, None] * share
    return positions.reshape(-1, 3), moments.reshape(-1, 3)


def _radial_rule(radii: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Gauss rule of n points for ∫ f(r) n(r) r dr, n(r) the number of `radii` above r.

    The Lanczos process on a fine composite rule of the same weight gives the Jacobi matrix, whose
    eigenvalues are the nodes (Gautschi, Orthogonal Polynomials: Computation and Approximation, 2004, section
    2.2.3).
    """
    x, w = np.polynomial.legendre.leggauss(n + 1)  # in each piece exact up to degree 2n + 1, 2n is needed
    edges = np.concatenate([[0.0], radii])
    half = 0.5 * np.diff(edges)[:, None]
    r = (edges[:-1, None] + half * (1.0 + x)).ravel()
    weight = (half * w * np.arange(len(radii), 0, -1)[:, None]).ravel() * r
    total = weight.sum()
    basis = np.empty((n + 1, len(r)))
    basis[0] = np.sqrt(weight / total)
    alpha, beta = np.empty(n), np.empty(n)
    for k in range(n):
        v = r * basis[k]
        alpha[k] = basis[k] @ v
        for _ in range(2):  # orthogonalised against all, twice: stable without further care
            v -= (basis[: k + 1] @ v) @ basis[: k + 1]
        beta[k] = np.linalg.norm(v)
        basis[k + 1] = v / beta[k]
    jacobi = np.diag(alpha) + np.diag(beta[:-1], 1) + np.diag(beta[:-1], -1)
    nodes, vectors = np.linalg.eigh(jacobi)
    return nodes, total * vectors[0] ** 2
