# SPDX-License-Identifier: BSD-3-Clause
"""How measures of E change with conductivities: ∂Q/∂σ_e = V_e ∇ψ_e · E_e, for ψ of the adjoint problem."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...heads.conductivity import mean_conductivity
from ..operators import Operators

__all__ = ["Media"]

Floats = NDArray[np.float64]

_PIECE = 1 << 15  # tetrahedra that are looked at together


class Media:
    """Derivatives by the conductivities of a head: of its tissues, and of its tetrahedra if `each`.

    Attributes
    ----------
    tags : ndarray (t,) int32
    """

    def __init__(self, head: Operators, conductivity: NDArray[np.float64], *, each: bool) -> None:
        mesh = head.mesh
        self._head, self._sigma, self._each = head, conductivity, each
        self._volumes_m3 = 1e-9 * mesh.volumes_mm3()
        self.tags, self._tissue = np.unique(mesh.tags, return_inverse=True)
        volume = np.bincount(self._tissue, self._volumes_m3)
        mean = np.bincount(self._tissue, self._volumes_m3 * mean_conductivity(conductivity)) / volume
        self._per_sigma = 1.0 / mean

    def slopes(
        self, phi: Any, psi: Any, adot: Any, scale: Floats, factor: Floats
    ) -> tuple[Floats, NDArray[np.float32] | None]:
        """Return derivatives (k, t) by tissues and, if asked for, (k, m) or (k, m, 3, 3) by tetrahedra.

        E is `scale` times that of the potential φ (n, W) and ∂A/∂t (n, 3, W); ψ (n, W) is `factor` times that
        of the adjoint.
        """
        k = len(scale)
        tissues = np.zeros((k, len(self.tags)))
        by_element = np.empty((k, *self._sigma.shape), np.float32) if self._each else None
        both = scale * factor  # not in the fields: no product of theirs leaves the range of float32
        for tissue, some in self._pieces():
            own = self._of_elements(some, phi, psi, adot, k)
            volumes, sigma = self._volumes_m3[some], self._sigma[some]
            if own.ndim == 4:
                volumes = volumes[:, None, None]
            tissues[:, tissue] += (
                (own * (volumes * sigma)).reshape(k, -1).sum(axis=1)
            )  # float64, as terms cancel
            if by_element is not None:
                by_element[:, some] = own * volumes * both.reshape(-1, *[1] * (own.ndim - 1))
        return tissues * both[:, None] * self._per_sigma, by_element

    def _pieces(self) -> Iterator[tuple[int, NDArray[np.int32]]]:
        """Yield some tetrahedra of one tissue after the other."""
        for tissue in range(len(self.tags)):
            own = np.flatnonzero(self._tissue == tissue).astype(np.int32)
            for start in range(0, len(own), _PIECE):
                yield tissue, own[start : start + _PIECE]

    def _of_elements(
        self, some: NDArray[np.int32], phi: Any, psi: Any, adot: Any, k: int
    ) -> NDArray[np.float32]:
        """Return ∇ψ · E (k, e) in some tetrahedra, or the symmetric part (k, e, 3, 3) of ∇ψ Eᵀ, unscaled."""
        head, device = self._head, self._head.device
        one = device.put(np.ones(k))
        there = device.indices(some, head.mesh.n_tets, own=True)
        field, fall = (device.xp.empty((k, len(some), 3), np.float32) for _ in range(2))
        head.electric_field(phi, adot, one, there, field)
        head.electric_field(psi, None, one, there, fall)  # −∇ψ
        e, minus = device.get(field), device.get(fall)
        if self._sigma.ndim == 1:
            x, y, z = (e[..., d] * minus[..., d] for d in range(3))
            return np.asarray(-(x + y + z))
        both = e[..., :, None] * minus[..., None, :]
        return np.asarray(-0.5 * (both + np.swapaxes(both, 2, 3)))
