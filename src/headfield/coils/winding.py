# SPDX-License-Identifier: BSD-3-Clause
"""Turns of a flat winding become magnetic dipoles."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ..core.arguments import not_negative, positive, whole
from ..errors import CoilError

__all__ = ["Winding"]

_MAX_RINGS = 100
_MAX_LENGTH_MM = 1000.0


@dataclass(frozen=True)
class Winding:
    """Sizes of a flat winding about the z axis, mm; `headfield.circular_coil` says what each means.

    Raises
    ------
    CoilError
        A length, radius or count that makes no coil.

    Examples
    --------
    >>> round_coil = Winding(20, 40, 10, wire_height_mm=0, layers=1, casing_mm=5, spacing_mm=10)
    >>> positions_mm, moments = round_coil.dipoles()
    >>> turns_mm = 21.0 + 2.0 * np.arange(10)
    >>> float(round(moments[:, 2].sum() / (np.pi * 1e-6 * (turns_mm**2).sum()), 12))
    1.0
    """

    inner_radius_mm: float
    outer_radius_mm: float
    turns: int
    wire_height_mm: float = 7.0
    layers: int = 2
    casing_mm: float = 3.0
    spacing_mm: float = 3.5

    def __post_init__(self) -> None:
        for name in ("inner_radius_mm", "outer_radius_mm", "spacing_mm"):
            object.__setattr__(self, name, positive(getattr(self, name), name, CoilError))
        for name in ("wire_height_mm", "casing_mm"):
            object.__setattr__(self, name, not_negative(getattr(self, name), name, CoilError))
        for name, most in (("turns", 200), ("layers", 20)):
            object.__setattr__(self, name, whole(getattr(self, name), name, CoilError, most))
        inner, outer = self.inner_radius_mm, self.outer_radius_mm
        longest = max(outer, self.wire_height_mm, self.casing_mm)
        if outer < inner:
            raise CoilError(f"outer_radius_mm = {outer} is less than inner_radius_mm = {inner}")
        if longest > _MAX_LENGTH_MM:
            raise CoilError(f"a winding of {longest} mm is too large for a head: are these mm?")
        if outer / self.spacing_mm > _MAX_RINGS:
            raise CoilError(
                f"spacing_mm = {self.spacing_mm} is less than 1/{_MAX_RINGS} of the radius, {outer} mm"
            )

    def dipoles(self) -> tuple[np.ndarray, np.ndarray]:
        """Return positions (d, 3), mm, and moments (d, 3), A·m² per A, of dipoles with the same field."""
        turn = np.arange(self.turns) + 0.5
        radii = self.inner_radius_mm + turn * (self.outer_radius_mm - self.inner_radius_mm) / self.turns
        rings, weights = _radial_rule(radii, max(2, math.ceil(radii[-1] / self.spacing_mm)))
        # An even number of dipoles per ring, none on an axis: the coil is mirror-symmetric in x and y.
        counts = 2 * np.maximum(4, np.ceil(np.pi * rings / self.spacing_mm)).astype(np.int64)
        first = np.repeat(np.cumsum(counts) - counts, counts)
        angle = 2 * np.pi * (np.arange(counts.sum()) - first + 0.5) / np.repeat(counts, counts)
        ring = np.repeat(rings, counts)
        share = np.repeat(2e-6 * np.pi * weights / counts, counts)  # mm² to m²
        nodes, node_weights = np.polynomial.legendre.leggauss(self.layers)
        positions = np.empty((self.layers, len(ring), 3))
        positions[..., 0] = ring * np.cos(angle)
        positions[..., 1] = ring * np.sin(angle)
        positions[..., 2] = (-self.casing_mm + 0.5 * self.wire_height_mm * (nodes - 1.0))[:, None]
        moments = np.zeros_like(positions)
        moments[..., 2] = 0.5 * node_weights[:, None] * share
        return positions.reshape(-1, 3), moments.reshape(-1, 3)


def _radial_rule(radii: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the Gauss rule of n points for ∫ f(r) n(r) r dr, n(r) being the number of `radii` above r.

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
