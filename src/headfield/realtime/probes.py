# SPDX-License-Identifier: BSD-3-Clause
"""How far frames are off: random sums of E over the region, which the sources of a coil give without a solve.

For random signs s and a vector field e with values e_i that stand for shares v_i of a region, the square of
Σ √v_i s_i · e_i is on average Σ v_i |e_i|². So a few such sums of the error, each the difference between the
sum of a frame and what reciprocity says of the same coil, tell the size of the error without the error.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..core.device import cpu, select
from ..geometry.surface import Surface
from ..placement.scalp_field import ScalpField
from ..regions.region import Region
from ..solve.model import HeadModel
from ..targeting.lattice import Table, grids_of, products, sampled, tabulated
from ..targeting.reciprocity import ReciprocalField
from ..targeting.sources import Kinds

__all__ = ["ProbeTables", "Probes", "probe_tables", "probe_weights"]

Floats = NDArray[np.float64]

N_PROBES = 24
#: What the root mean square of the sums is multiplied by: of 5,000 draws of 24 normal numbers one has a mean
#: square below 1 / 1.9² of the variance (χ² with 24 degrees of freedom). The draw is the same for all frames,
#: so among very many poses there may be one whose error it sees less of.
SAFETY = 1.9

_STEP_MM = 5.0  # of the lattice near the head
_FROM_MM, _TO_MM = -1.0, 100.0  # from the scalp: sources of coils are 3 to 100 mm off
_SEED = 20_17
_MARK_MM = 4.0
_TOGETHER = 32  # poses


class ProbeTables(NamedTuple):
    """The reciprocal fields of the sums around a head: B for dipoles, A for pieces of wire."""

    dipoles: list[Table]
    wire: list[Table]


def probe_weights(region: Region) -> NDArray[np.float32]:
    """Return the weights (q, p, 3) of the random sums: signs times roots of shares of the region."""
    signs = np.random.default_rng(_SEED).integers(0, 2, (N_PROBES, len(region), 3), np.int8)
    share = np.sqrt(region.weights / region.weights.sum()).astype(np.float32)
    return (2 * signs - 1) * share[:, None]


def probe_tables(model: HeadModel, region: Region, tol: float) -> ProbeTables:
    """Solve the adjoints of the random sums, and tabulate their reciprocal fields around the head."""
    field = ReciprocalField(model, region, probe_weights(region), tol=tol)
    where, pose = _around(model.scalp), np.eye(4)[None]
    options = {"spacing_mm": _STEP_MM, "margin_mm": _STEP_MM}
    return ProbeTables(*(tabulated(field, where, pose, wire=wire, **options) for wire in (False, True)))


def _around(scalp: Surface) -> Floats:
    """Return points (p, 3) everywhere that sources of coils are: one within a lattice cell of each source."""
    field = ScalpField(scalp, _MARK_MM, _TO_MM)
    there = np.argwhere((field.values_mm > _FROM_MM) & (field.values_mm < _TO_MM))
    return np.asarray(field.low_mm + _MARK_MM * there)


class Probes:
    """The random sums of any coil at any pose around a head."""

    def __init__(self, tables: ProbeTables, rows: NDArray[np.float32]) -> None:
        """Take the sums (q, n) of the modes of a basis as `rows`."""
        self._device = select("cpu")
        self._grids = [grids_of(some, self._device) for some in tables]  # for dipoles, and for wire
        self._rows = rows

    def errors(
        self, kinds: list[Kinds], shares: Floats, poses: Floats, weights: NDArray[np.float32]
    ) -> Floats:
        """Return the estimated L2 norms (k,) of errors of frames; nan where a source is beyond the tables.

        Parameters
        ----------
        kinds : list of s Kinds
            The sources of each stimulator of a coil.
        shares : ndarray (k, s)
            How much each of them counts.
        poses : ndarray (k, 4, 4), mm
        weights : ndarray (k, n) float32
            Of the modes.
        """
        result = np.full(len(poses), np.nan)
        for start in range(0, len(poses), _TOGETHER):
            part = slice(start, start + _TOGETHER)
            exact, known = self._exact(kinds, shares[part], poses[part])
            off = exact - cpu.product(self._rows, np.ascontiguousarray(weights[part].T))
            result[part][known] = SAFETY * np.sqrt((off[:, known] ** 2).mean(axis=0))
        return result

    def _exact(self, kinds: list[Kinds], shares: Floats, poses: Floats) -> tuple[Floats, NDArray[np.bool_]]:
        """Return the sums (q, k) of the sources of a coil, and at which poses all of them are known."""
        total, known = np.zeros((len(self._rows), len(poses))), np.ones(len(poses), bool)
        for own, share in zip(kinds, shares.T, strict=True):
            for wire, kind in own.present():
                there, beyond = sampled(self._grids[wire], self._device, kind.points_mm, poses)
                if beyond and len(poses) > 1:  # which of them is told one by one
                    every = [self._exact(kinds, shares[[i]], poses[[i]]) for i in range(len(poses))]
                    sums, each = (np.concatenate(one, axis=-1) for one in zip(*every, strict=True))
                    return sums, each
                known &= not beyond
                vectors = kind.vectors.astype(np.float32).reshape(1, -1)
                total += share * products(vectors, there)[:, 0, : len(poses)]
        return total, known
