# SPDX-License-Identifier: BSD-3-Clause
"""The reduced model of a head in the conductivities of its parts: small matrices, nothing of the mesh.

Fields are combinations of F_0, E of the reference, and F_k = −∇v_k of a basis of potentials; fluxes are
combinations of σE of the snapshots. Everything is scaled by the energy of the reference, and conductivities
are factors r of those of the reference. See docs/uncertainty.md.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .local import in_pieces

__all__ = ["Reduced"]

Floats = NDArray[np.float64]

_AT_ONCE = 1 << 17  # numbers of the matrices of some samples


@dataclass(frozen=True, eq=False)
class Reduced:
    """Coefficients of E, and how far they are off, for any conductivities.

    Attributes
    ----------
    energies : ndarray (parts, N + 1, N + 1)
        ∫ F_k · σ F_l over each part, σ that of the reference.
    factors : ndarray (snapshots, parts)
        Of the snapshots.
    coefficients : ndarray (snapshots, N + 1)
        Of E of the snapshots.
    """

    energies: Floats
    factors: Floats
    coefficients: Floats

    def __post_init__(self) -> None:
        values, vectors = np.linalg.eigh(self.energies)
        roots = np.sqrt(np.maximum(values, 0.0))[:, :, None] * vectors.transpose(0, 2, 1)
        # σE of the snapshots, of which an orthonormal basis is made: normal equations of it are harmless.
        fluxes = self.factors.T[:, None, :] * (roots @ self.coefficients.T)
        flat, _ = np.linalg.qr(fluxes.reshape(-1, len(self.factors)))
        object.__setattr__(self, "_roots", roots)
        object.__setattr__(self, "_fluxes", flat.reshape(len(roots), -1, flat.shape[1]))

    @property
    def size(self) -> int:
        """N: how many potentials the basis has."""
        return self.energies.shape[1] - 1

    def solve(self, factors: Floats) -> Floats:
        """Return the coefficients (s, N + 1) of E for factors (s, parts): what has the least energy."""

        def of(part: slice) -> Floats:
            matrix = self._mixed(self.energies, factors[part])
            made = np.ones((len(matrix), self.size + 1))
            made[:, 1:] = -np.linalg.solve(matrix[:, 1:, 1:], matrix[:, 1:, :1])[..., 0]
            return made

        return in_pieces(of, len(factors), self._step)

    def derivatives(self, factors: Floats, coefficients: Floats) -> Floats:
        """Return the derivatives (s, parts, N + 1) of the coefficients by the factors."""

        def of(part: slice) -> Floats:
            matrix = self._mixed(self.energies, factors[part])[:, 1:, 1:]
            pulls = np.einsum("tkl,sl->skt", self.energies[:, 1:], coefficients[part])
            made = np.zeros((len(matrix), len(self.energies), self.size + 1))
            made[:, :, 1:] = -np.linalg.solve(matrix, pulls).transpose(0, 2, 1)
            return made

        return in_pieces(of, len(factors), self._step)

    def bounds(self, factors: Floats, coefficients: Floats) -> Floats:
        """Return bounds (s,) of the energy norm of the error of E, relative to the energy of the reference.

        The difference of σE and of the best combination of the snapshots' fluxes, which have no divergence
        (Prager and Synge 1947): any combination would do, so rounding in it does no harm.
        """
        roots, fluxes = self._roots, self._fluxes  # type: ignore[attr-defined]
        products = fluxes.transpose(0, 2, 1) @ fluxes

        def of(part: slice) -> Floats:
            r = factors[part].T[:, :, None]
            fields = coefficients[part] @ roots.transpose(0, 2, 1)  # (parts, s, N + 1)
            right = (fields @ fluxes).sum(axis=0)
            best = np.linalg.solve(self._mixed(products, 1.0 / factors[part]), right[..., None])[..., 0]
            left = r * fields - best @ fluxes.transpose(0, 2, 1)
            return np.sqrt((np.square(left, out=left) / r).sum(axis=(0, 2)))

        return in_pieces(of, len(factors), self._step)

    def _mixed(self, matrices: Floats, factors: Floats) -> Floats:
        """Return Σ_t factors_t matrices_t (s, …)."""
        flat = np.einsum("st,tk->sk", factors, matrices.reshape(len(matrices), -1))
        return np.asarray(flat.reshape(len(factors), *matrices.shape[1:]))

    @property
    def _step(self) -> int:
        return max(8, _AT_ONCE // (self.size + 1) ** 2)
