# SPDX-License-Identifier: BSD-3-Clause
"""E in some regions as a combination of a few fields, and what an energy in the head says of it there."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from ...core.device import cpu, using_threads
from ...heads.mesh import TetMesh
from ...regions.region import Region

__all__ = ["LocalFields", "in_pieces"]

Floats = NDArray[np.float64]

_IN_CACHE = 1 << 17  # numbers of a step, so that they stay in the cache from one pass to the next


class LocalFields:
    """E in regions of the fields that a reduced model combines.

    Parameters
    ----------
    regions : tuple of Region
    mesh : TetMesh
    conductivity : ndarray (m,) or (m, 3, 3), S/m
        Of the reference.
    part : ndarray (m,) int
        Which part of the head each tetrahedron is of.

    Attributes
    ----------
    elements : ndarray (P,) int32
        Of all regions, one after the other.
    weights : ndarray (P,)
    """

    def __init__(
        self, regions: tuple[Region, ...], mesh: TetMesh, conductivity: Floats, part: NDArray[np.int32]
    ) -> None:
        self.elements = np.concatenate([one.elements for one in regions])
        self.weights = np.concatenate([one.weights for one in regions])
        self._planes = np.empty((0, 3, len(self.elements)), np.float32)  # x, y and z apart
        self._gram = np.zeros((0, 0))
        self._weaknesses = _weaknesses(self, mesh, conductivity, part)

    def add(self, fields: NDArray[np.float32]) -> None:
        """Take up more fields (k, P, 3), V/m."""
        self._planes = np.concatenate([self._planes, fields.transpose(0, 2, 1)])
        flat = (self._planes * np.sqrt(self.weights)).reshape(len(self._planes), -1).astype(np.float64)
        self._gram = flat @ flat.T

    def combined(self, coefficients: Floats) -> NDArray[np.float32]:
        """Return E (s, P, 3) for coefficients (s, N + 1)."""
        return np.ascontiguousarray(self._combined(coefficients).transpose(0, 2, 1))

    def magnitudes(self, coefficients: Floats, function: Callable[[NDArray[np.float32]], Floats]) -> Floats:
        """Return what a function makes of |E| (s, P), (s,), some samples at a time."""

        def of(part: slice) -> Floats:
            planes = self._combined(coefficients[part])
            planes *= planes
            size = planes[:, 0]
            size += planes[:, 1]
            size += planes[:, 2]
            return function(np.sqrt(size, out=size))

        with using_threads(1):  # others would take longer to wake than a piece takes
            return in_pieces(of, len(coefficients), max(8, _IN_CACHE // self._planes[0].size))

    def products(self, weights: Floats) -> Floats:
        """Return Σ w · F_k (s, N + 1) over the regions for weights (s, P, 3)."""
        flat = self._planes.reshape(len(self._planes), -1).astype(np.float64)
        return np.asarray(weights.transpose(0, 2, 1).reshape(len(weights), -1) @ flat.T)

    def norms(self, coefficients: Floats) -> Floats:
        """Return √Σ w |E|² (s,) over the regions."""
        squares = ((coefficients @ self._gram) * coefficients).sum(axis=1)
        return np.asarray(np.sqrt(np.maximum(squares, 0.0)))

    def share(self, factors: Floats) -> Floats:
        """Return by what (s,) an energy norm is to be multiplied to bound √Σ w |E|² over the regions."""
        return np.asarray(np.sqrt((self._weaknesses / factors).max(axis=1)))

    def _combined(self, coefficients: Floats) -> NDArray[np.float32]:
        flat = self._planes.reshape(len(self._planes), -1)
        # Not by a library whose threads wait for each other after every piece.
        made = cpu.product(np.ascontiguousarray(coefficients, np.float32), flat)
        return made.reshape(len(coefficients), *self._planes.shape[1:])


def in_pieces(function: Callable[[slice], Floats], count: int, step: int) -> Floats:
    """Return what a function makes of slices of so many samples, joined."""
    return np.concatenate([function(slice(i, min(i + step, count))) for i in range(0, count, step)])


def _weaknesses(local: LocalFields, mesh: TetMesh, conductivity: Floats, part: NDArray[np.int32]) -> Floats:
    """Return for each part the most that Σ w |E|² in a tetrahedron can be of ∫ E · σE there."""
    inside, place = np.unique(local.elements, return_inverse=True)
    sums = np.bincount(place.reshape(-1), local.weights, len(inside))
    sigma = conductivity[inside]
    least = sigma if sigma.ndim == 1 else np.linalg.eigvalsh(sigma)[:, 0]
    volume = mesh.volumes_mm3()[inside] * 1e-9
    made = np.zeros(int(part.max()) + 1)
    np.maximum.at(made, part[inside], sums / (least * volume))
    return made
