# SPDX-License-Identifier: BSD-3-Clause
"""A head apart by tissue: its solutions for many conductivities of them together, and products by tissue."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core.device import Device
from .drives.drive import Drive
from .operators import Operators

__all__ = ["MixedHead"]

Floats = NDArray[np.float64]


class MixedHead:
    """A head K = Σ_t s_t K_t, with factors s of its parts that differ from column to column.

    Its solutions are preconditioned by the hierarchy of the head as it was built. Potentials and currents
    are (n, k) float64 on the host, in the order of block vectors.

    Parameters
    ----------
    operators, hierarchy
        Of the head on its device.
    working : callable
        Takes the head and its threads for as long as its context lasts.
    part : ndarray (m,) int
        Of each tetrahedron, from 0: no part is empty.

    Attributes
    ----------
    parts : int
    """

    def __init__(
        self,
        operators: Operators,
        hierarchy: Any,
        working: Callable[[], AbstractContextManager[int]],
        part: NDArray[np.int32],
    ) -> None:
        self.parts = int(part.max()) + 1
        self._operators, self._hierarchy, self._working = operators, hierarchy, working
        self._device: Device = operators.device
        self._widths: tuple[int, ...] = self._device.native.widths
        self._solver: Any = None
        with working():
            self._matrices = [operators.part(np.flatnonzero(part == t)) for t in range(self.parts)]
            self._mixture = self._device.native.Mixture(hierarchy, self._matrices)

    @property
    def order(self) -> NDArray[np.int32]:
        """The nodes of the mesh (n,) in the order of block vectors."""
        return self._operators.order

    def primary(self, drive: Drive) -> NDArray[np.float32]:
        """Return ∂A/∂t (m, 3), V/m, of the first source of a drive in each tetrahedron, as it enters E."""
        n, m = len(self._operators.order), self._operators.mesh.n_tets
        with self._working():
            xp = self._device.xp
            adot, field = xp.empty((n, 3, 1), np.float32), xp.empty((1, m, 3), np.float32)
            drive.primary(self._operators, slice(0, 1), adot)
            one = self._device.put(np.ones(1))
            self._operators.electric_field(xp.zeros((n, 1)), adot, one, None, field)
            return -np.asarray(self._device.get(field)[0])

    def solve(
        self, factors: Floats, currents: Floats, tol: float, max_iterations: int
    ) -> tuple[Floats, list[Any]]:
        """Solve Σ_t s_t K_t φ = Σ_t s_t b_t for k sets of factors at once.

        Parameters
        ----------
        factors : ndarray (k, parts)
            At most as many sets as the native loops have columns.
        currents : ndarray (n, parts)
            b of each part, A.

        Returns
        -------
        ndarray (n, k) float64
            Potentials, V.
        list
            The native reports on the k columns.
        """
        width = self._width_of(len(factors))
        mix = np.ones((self.parts, width))
        mix[:, : len(factors)] = factors.T
        right = np.zeros((len(currents), width))
        for share, of_part in zip(factors.T, currents.T, strict=True):  # no product, whose bits depend on k
            right[:, : len(factors)] += of_part[:, None] * share
        with self._working():
            if self._solver is None or self._solver.width != width:
                self._solver = None  # give the old one's memory back first
                self._solver = self._device.native.Solver(self._hierarchy, width, self._mixture)
            self._solver.mix(mix.tolist())
            b, phi = self._device.put(right), self._device.xp.zeros((len(currents), width))
            columns = self._solver.solve(b, phi, [tol] * width, max_iterations, False)
            found = np.asarray(self._device.get(phi))[:, : len(factors)]
        return np.ascontiguousarray(found), list(columns[: len(factors)])

    def products(self, phi: Floats) -> Floats:
        """Return K_t φ (parts, n, k) of each part."""
        k, made = phi.shape[1], np.empty((self.parts, *phi.shape))
        padded = np.zeros((len(phi), self._width_of(k)))
        padded[:, :k] = phi
        with self._working():
            xp, columns = self._device.xp, self._device.put(padded)
            for t, matrix in enumerate(self._matrices):
                out = xp.zeros(padded.shape)
                self._device.native.subtract_product(*matrix, columns, out)
                made[t] = -np.asarray(self._device.get(out))[:, :k]
        return made

    def fields(self, phi: Floats, elements: NDArray[np.int32] | None) -> NDArray[np.float32]:
        """Return −∇φ (k, e, 3), V/m, in chosen tetrahedra, or in all."""
        k = phi.shape[1]
        count = self._operators.mesh.n_tets if elements is None else len(elements)
        padded = np.zeros((len(phi), self._width_of(k)))
        padded[:, :k] = phi
        with self._working():
            out = self._device.xp.empty((k, count, 3), np.float32)
            there = None if elements is None else self._device.indices(elements, self._operators.mesh.n_tets)
            one = self._device.put(np.ones(k))
            self._operators.electric_field(self._device.put(padded), None, one, there, out)
            return np.asarray(self._device.get(out))

    @property
    def most_columns(self) -> int:
        """How many sets of factors can be solved for at once."""
        return max(self._widths)

    def _width_of(self, k: int) -> int:
        return next(w for w in self._widths if w >= k)
