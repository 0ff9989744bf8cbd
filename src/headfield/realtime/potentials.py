# SPDX-License-Identifier: BSD-3-Clause
"""First guesses of the potential in a whole head, from the potentials of the modes of a basis.

Two fields A of the same B differ by a gradient, ∇χ, and their potentials by −χ: E knows nothing of it. Where
the weighted sources of a basis have the B of a coil, χ is that of charges outside the head, which are fitted
to the difference of A at the inner points.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..coils.evaluation import field_at
from ..coils.sources import native_sources
from ..core.device import cpu, select
from ..heads.mesh import TetMesh
from ..solve.drives.coil import CoilDrive
from ..solve.first_guess import FirstGuess
from .matching import Matching, a_of_sources
from .modes import Modes
from .shell import Shell

__all__ = ["Charges", "Guesses", "Potentials", "gradient_fit", "potentials_of"]

Floats = NDArray[np.float64]

_RIDGE = 1e-7  # of the mean square of the singular values
_STEP_MM = 6.0  # of the lattice that χ is computed on
_BESIDE = 2  # lattice points beyond the head, for cubic polynomials
_TOGETHER = 3  # potentials that are interpolated together, as the components of a vector


@dataclass(frozen=True, eq=False)
class Potentials:
    """What first guesses take beside the weights of the modes.

    Attributes
    ----------
    project : ndarray (3 m, n) float32
        From ∂B/∂t at the inner points to the weights of the modes.
    modes : Modes
        φ of each mode, (n, nodes), V, at the nodes of the mesh in the order `order`.
    order : ndarray (nodes,) int32
        Along a curve that fills space, so that the numbers of a block are of one size.
    inner_a : ndarray (n, 3 m)
        ∂A/∂t of each mode at the inner points, V/m.
    charges_mm : ndarray (c, 3)
    fit : ndarray (c, 3 m)
        From a gradient at the inner points to charges.
    """

    project: NDArray[np.float32]
    modes: Modes
    order: NDArray[np.int32]
    inner_a: Floats
    charges_mm: Floats
    fit: Floats


class Charges:
    """The potentials Σ q / |x − y| of charges on a shell around a head, at all of its nodes."""

    def __init__(self, mesh: TetMesh, charges_mm: Floats) -> None:
        low, high = mesh.nodes_mm.min(axis=0), mesh.nodes_mm.max(axis=0)
        self._low = low - _BESIDE * _STEP_MM
        self._shape = np.ceil((high - self._low) / _STEP_MM).astype(int) + 1 + _BESIDE
        index = np.stack(np.meshgrid(*(np.arange(n) for n in self._shape), indexing="ij"), axis=-1)
        points = self._low + _STEP_MM * index.reshape(-1, 3)
        self._inverse = np.empty((len(charges_mm), len(points)), np.float32)
        for row, charge in zip(self._inverse, charges_mm, strict=True):
            row[:] = 1e3 / np.maximum(np.linalg.norm(points - charge, axis=1), _STEP_MM)
        self._nodes = 1e-3 * mesh.nodes_mm
        self._device = select("cpu")

    def potentials(self, charges: Floats) -> Floats:
        """Return χ (k, nodes) of charges (k, n), m."""
        values = cpu.product(charges.astype(np.float32), self._inverse)
        result = np.empty((len(charges), len(self._nodes)))
        for start in range(0, len(charges), _TOGETHER):
            part = values[start : start + _TOGETHER]
            table = np.zeros((*self._shape, 4), np.float32)
            table[..., : len(part)] = np.moveaxis(part.reshape(len(part), *self._shape), 0, -1)
            good = np.ones(self._shape - 1, np.uint8)
            lattice = tuple(1e-3 * self._low), (1e-3 * _STEP_MM,) * 3, table, good
            out = np.empty((len(self._nodes), 3, 1), np.float32)
            grid = self._device.native.Grid([lattice], native_sources(self._device))
            grid.sample(self._nodes, np.eye(4)[None], np.ones(1), out)
            result[start : start + _TOGETHER] = out[:, : len(part), 0].T
        return result


def gradient_fit(inner_mm: Floats, charges_mm: Floats) -> Floats:
    """Return the matrix (n, 3 m) from a gradient at points (m, 3) to charges (n, 3), by least squares."""
    away = 1e-3 * (inner_mm - charges_mm[:, None])
    gradients = -away / np.linalg.norm(away, axis=2)[..., None] ** 3
    u, s, vt = np.linalg.svd(gradients.reshape(len(charges_mm), -1).T, full_matrices=False)
    return np.asarray((vt.T * (s / (s**2 + _RIDGE * (s**2).mean()))) @ u.T)


def potentials_of(
    mesh: TetMesh, shell: Shell, matching: Matching, fields: list[NDArray[np.float32]]
) -> Potentials:
    """Return what first guesses take, from the potentials (…, nodes) of sources on a shell."""
    order, mix = cpu.morton_order(mesh.nodes_mm), matching.mix
    return Potentials(
        matching.project,
        Modes.mixed(mix.T.astype(np.float32), fields, order),
        order,
        mix.T @ a_of_sources(shell).reshape(len(shell.points_mm), -1),
        shell.points_mm,
        gradient_fit(shell.inner_mm, shell.points_mm),
    )


class Guesses(FirstGuess):
    """First guesses of the potential of a coil at poses in a head.

    `weights` returns those (k, n) of the modes for poses (k, 4, 4) at rates (k, s), A/s.
    """

    name = "basis"

    def __init__(
        self,
        known: Potentials,
        charges: Charges,
        drive: CoilDrive,
        inner_mm: Floats,
        weights: Callable[[Floats, Floats], NDArray[np.float32]],
    ) -> None:
        self._known, self._charges, self._drive = known, charges, drive
        self._inner, self._weights = inner_mm, weights

    def __getitem__(self, part: slice) -> Floats:
        known, drive = self._known, self._drive
        weights = self._weights(drive.poses[part], drive.rates[part])
        rows = known.modes.sums(weights)
        result = np.empty(rows.shape)
        result[:, known.order] = rows
        left = self._a(part).reshape(len(weights), -1) - weights @ known.inner_a
        result -= self._charges.potentials(left @ known.fit.T)
        return result * drive.scale[part, None]

    def _a(self, part: slice) -> Floats:
        """Return ∂A/∂t (k, m, 3) of the coil at the inner points, V/m."""
        drive, rates = self._drive, self._drive.rates[part]
        rows = np.zeros((len(rates), len(self._inner), 3))
        for row, pose, rate in zip(rows, drive.poses[part], rates, strict=True):
            for stimulator, value in enumerate(rate):
                if value:
                    row += value * field_at(drive.coil.sources(stimulator), "A", self._inner, pose)
        return rows
