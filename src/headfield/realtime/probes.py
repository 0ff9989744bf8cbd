# SPDX-License-Identifier: BSD-3-Clause
"""How far frames are off: random sums of E over the region, which the sources of a coil give without a solve.

For random signs s and a vector field e with values e_i that stand for shares v_i of a region, the square of
Σ √v_i s_i · e_i is on average Σ v_i |e_i|². So a few such sums of the error, each the difference between the
sum of a frame and what reciprocity says of the same coil, tell the size of the error without the error.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..core.device import cpu
from ..geometry.surface import Surface
from ..placement.scalp_field import ScalpField
from ..regions.region import Region
from ..solve.model import HeadModel
from ..targeting.lattice import Table, tabulated
from ..targeting.reciprocity import ReciprocalField
from ..targeting.sources import Kinds

__all__ = ["N_PROBES", "ProbeTable", "ProbeTables", "Probes", "probe_tables", "probe_weights"]

Floats = NDArray[np.float64]

N_PROBES = 24  #: see cpp/table_sums.hpp
#: What the root mean square of the sums is multiplied by: of 5,000 draws of 24 normal numbers one has a mean
#: square below 1 / 1.9² of the variance (χ² with 24 degrees of freedom). The draw is the same for all frames,
#: so among very many poses there may be one whose error it sees less of.
SAFETY = 1.9

_TOL = 1e-6  # of the solves: what these leave is seen as an error of frames
_STEP_MM = 5.0  # of the lattice near the head; that around it is twice as coarse, and the last four times
_NEAREST_MM, _FAR_MM, _FARTHEST_MM = -1.0, 100.0, 250.0  # from the scalp: first two lattices, then the last
_SEED = 20_17
_MARK_MM = 4.0
_TOGETHER = 1024  # poses


class ProbeTable(NamedTuple):
    """The reciprocal fields of the sums at the points of a lattice, 0 where they are not known."""

    origin_mm: Floats  #: (3,)
    step_mm: float
    values: NDArray[np.float32]  #: (nx, ny, nz, 3, q): one look at a point takes all q
    cells: NDArray[np.bool_]  #: (nx − 1, ny − 1, nz − 1): where all that interpolation takes is known

    @staticmethod
    def of(table: Table) -> ProbeTable:
        values = np.ascontiguousarray(np.moveaxis(table.values[..., :3], 0, -1))
        return ProbeTable(table.origin_mm, table.step_mm, values, table.cells)

    def native(self) -> tuple[Any, ...]:
        return tuple(self.origin_mm), self.step_mm, self.values, self.cells.astype(np.uint8)


class ProbeTables(NamedTuple):
    """The reciprocal fields of the sums around a head: B for dipoles, A for wire; fine to coarse."""

    dipoles: list[ProbeTable]
    wire: list[ProbeTable]


def probe_weights(region: Region) -> NDArray[np.float32]:
    """Return the weights (q, p, 3) of the random sums: signs times roots of shares of the region."""
    signs = np.random.default_rng(_SEED).integers(0, 2, (N_PROBES, len(region), 3), np.int8)
    share = np.sqrt(region.weights / region.weights.sum()).astype(np.float32)
    return (2 * signs - 1) * share[:, None]


def probe_tables(model: HeadModel, region: Region) -> ProbeTables:
    """Solve the adjoints of the random sums, and tabulate their reciprocal fields around the head."""
    field, scalp = ReciprocalField(model, region, probe_weights(region), tol=_TOL), model.scalp
    near, far = _near(scalp), _far(scalp)
    return ProbeTables(*(_tables(field, near, far, wire) for wire in (False, True)))


def _tables(field: ReciprocalField, near: Floats, far: Floats, wire: bool) -> list[ProbeTable]:
    options, pose = {"wire": wire}, np.eye(4)[None]
    tables = tabulated(field, near, pose, spacing_mm=_STEP_MM, margin_mm=_STEP_MM, **options)[::-1]
    tables += tabulated(field, far, pose, spacing_mm=2.0 * _STEP_MM, **options)
    return [ProbeTable.of(table) for table in tables]


def _near(scalp: Surface) -> Floats:
    """Return points (p, 3) around a scalp, one in or beside the cell of each source."""
    field = ScalpField(scalp, _MARK_MM, _FAR_MM)
    there = np.argwhere((field.values_mm > _NEAREST_MM) & (field.values_mm < _FAR_MM))
    return np.asarray(field.low_mm + _MARK_MM * there)


def _far(scalp: Surface) -> Floats:
    """Return the same of sources that are far off: of coils that reach around a head, or leave it."""
    low, high = scalp.nodes_mm.min(axis=0) - _FARTHEST_MM, scalp.nodes_mm.max(axis=0) + _FARTHEST_MM
    axes = [np.arange(a, b, 2.0 * _STEP_MM) for a, b in zip(low, high, strict=True)]
    points = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)
    distance = scalp.signed_distance(points)
    return points[(distance > _FAR_MM - 2.0 * _STEP_MM) & (distance < _FARTHEST_MM)]


class Probes:
    """The random sums of any coil at any pose around a head."""

    def __init__(self, tables: ProbeTables, rows: NDArray[np.float32]) -> None:
        """Take the sums (q, n) of the modes of a basis as `rows`."""
        self._tables = [[table.native() for table in some] for some in tables]  # for dipoles, and for wire
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
        off = self.sums(kinds, shares, poses)
        off -= cpu.product(self._rows, np.ascontiguousarray(weights.T)).T
        return SAFETY * np.sqrt(np.square(off).mean(axis=1))

    def sums(self, kinds: list[Kinds], shares: Floats, poses: Floats) -> Floats:
        """Return the random sums (k, q) of what a coil makes in the head."""
        total = np.zeros((len(poses), len(self._rows)))
        for own, share in zip(kinds, shares.T, strict=True):
            on = np.flatnonzero(share)  # of a stimulator that is off it does not matter where it is
            for start in range(0, len(on), _TOGETHER):
                some = on[start : start + _TOGETHER]
                for wire, kind in own.present():
                    total[some] += share[some, None] * cpu.table_sums(self._tables[wire], *kind, poses[some])
        return total
