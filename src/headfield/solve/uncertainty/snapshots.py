# SPDX-License-Identifier: BSD-3-Clause
"""Solutions of a head for chosen conductivities, and the reduced model that they span."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ...errors import ConvergenceError
from ..mixed import MixedHead
from .reduced import Reduced
from .source import Source

__all__ = ["Snapshots"]

Floats = NDArray[np.float64]

_NOTHING = 1e-9  # of the energy norm of the reference: what a snapshot adds may be rounding


class Snapshots:
    """Solutions that are added some at a time.

    The first is the reference. Potentials less its own are made orthonormal in its energy, and what is known
    of them by part goes into the reduced model.

    Parameters
    ----------
    head : MixedHead
    source : Source
        In the order of block vectors.
    reference : ndarray (parts,)
        Factors of the reference, of the conductivities that the head was built with.
    tol, max_iterations
        Of the solves.
    """

    def __init__(
        self, head: MixedHead, source: Source, reference: Floats, *, tol: float, max_iterations: int
    ) -> None:
        self._head, self._source, self._reference = head, source, reference
        self._options = tol, max_iterations
        n = len(source.currents)
        phi = self.potentials(np.ones((1, head.parts)))
        self.potential: Floats = phi  # (n, 1) of the reference
        currents = source.currents * reference
        pulls = head.products(phi)[:, :, 0] * reference[:, None] - currents.T
        energies = source.energy * reference + phi[:, 0] @ (pulls.T - currents)
        self.norm = float(np.sqrt(energies.sum()))
        self._pulls = pulls / self.norm
        self.basis, self._stiff = np.zeros((n, 0)), np.zeros((n, 0))
        self._energies = (energies / energies.sum())[:, None, None]
        self._known = [np.ones(1)]
        self._factors = [np.ones(head.parts)]

    def potentials(self, factors: Floats) -> Floats:
        """Return the potentials (n, k) for factors (k, parts) of the reference.

        Raises
        ------
        ConvergenceError
        """
        made, most = [], self._head.most_columns
        for start in range(0, len(factors), most):
            some = factors[start : start + most] * self._reference
            phi, columns = self._head.solve(some, self._source.currents, *self._options)
            for row, column in zip(some, columns, strict=True):
                if not column.converged:
                    said = ", ".join(f"{v:.3g}" for v in row)
                    raise ConvergenceError(
                        f"the head with its tissues' conductivities times {said} reached a residual of "
                        f"{column.residual:.2e}, not {self._options[0]:g}: {column.stopped} after "
                        f"{column.iterations} iterations"
                    )
            made.append(phi)
        return np.concatenate(made, axis=1)

    def add(self, factors: Floats) -> Floats:
        """Solve for factors (k, parts) of the reference; return the potentials (n, new) that are new."""
        new = (self.potentials(factors) - self.potential) / self.norm
        stiff = np.tensordot(self._reference, self._head.products(new), 1)
        first = self.basis.shape[1]
        made: list[Floats] = []
        images: list[Floats] = []
        for j in range(len(factors)):
            v, image = new[:, j], stiff[:, j]
            known = np.zeros(first + len(factors))
            for _ in range(2):
                known[:first] += (shares := self.basis.T @ image)
                v, image = v - self.basis @ shares, image - self._stiff @ shares
                for i, one in enumerate(made):
                    known[first + i] += (share := one @ image)
                    v, image = v - share * one, image - share * images[i]
            norm = float(np.sqrt(max(float(v @ image), 0.0)))
            if norm > _NOTHING:
                known[first + len(made)] = norm
                made.append(v / norm)
                images.append(image / norm)
            self._known.append(np.concatenate([np.ones(1), known]))
        self._factors += list(factors)
        return self._grown(np.array(made).reshape(len(made), len(new)).T, images)

    def _grown(self, new: Floats, images: list[Floats]) -> Floats:
        """Take up new potentials (n, k) of the basis, and their energies with all others by part."""
        new, (n, first) = np.ascontiguousarray(new), self.basis.shape
        size = 1 + first + new.shape[1]
        energies = np.zeros((self._head.parts, size, size))
        energies[:, : 1 + first, : 1 + first] = self._energies
        self.basis = np.concatenate([self.basis, new], axis=1)
        self._stiff = np.concatenate([self._stiff, np.array(images).reshape(-1, n).T], axis=1)
        if new.shape[1]:
            products = self._head.products(new)
            for t, product in enumerate(products):
                rows = np.empty((size, new.shape[1]))
                rows[0] = self._pulls[t] @ new
                rows[1:] = self._reference[t] * (self.basis.T @ product)
                energies[t, :, 1 + first :] = rows
                energies[t, 1 + first :, :] = rows.T
        self._energies = 0.5 * (energies + energies.transpose(0, 2, 1))
        return new

    @property
    def solves(self) -> int:
        """How many snapshots were solved for."""
        return len(self._factors)

    @property
    def reduced(self) -> Reduced:
        """What the snapshots make."""
        size = self._energies.shape[1]
        known = np.zeros((len(self._known), size))
        for row, one in zip(known, self._known, strict=True):
            row[: min(size, len(one))] = one[:size]
        return Reduced(self._energies, np.array(self._factors), known)
