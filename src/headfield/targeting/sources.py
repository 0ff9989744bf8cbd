# SPDX-License-Identifier: BSD-3-Clause
"""The sources of a coil, as a reciprocal field is summed over them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..coils.parts import CoilContent
from ..errors import CoilError
from .reciprocity import ReciprocalField

__all__ = ["CoilSources", "Kinds", "exact_sums", "kinds_of"]

Floats = NDArray[np.float64]

_PIECE = 200_000  # points of all poses that are summed together


class CoilSources(NamedTuple):
    """Sources of one kind, in the frame of their coil."""

    points_mm: Floats  #: (q, 3)
    vectors: Floats  #: (q, 3): moments of dipoles, A·m² per A, or pieces of wire, m; times dI/dt, A/s

    def moved(self, matrix: Floats) -> CoilSources:
        """Return the sources after a rigid motion (4, 4), mm."""
        turn = matrix[:3, :3].T
        return CoilSources(self.points_mm @ turn + matrix[:3, 3], self.vectors @ turn)


class Kinds(NamedTuple):
    """All sources of a coil: dipoles, which feel B of a reciprocal field, and wire, which feels A."""

    dipoles: CoilSources
    wire: CoilSources

    @property
    def points_mm(self) -> Floats:
        """Where they are (q, 3), mm."""
        return np.concatenate([kind.points_mm for kind in self])

    def present(self) -> list[tuple[bool, CoilSources]]:
        """Return the kinds that the coil has: whether it is wire, and its sources."""
        return [(wire, kind) for wire, kind in zip((False, True), self, strict=True) if len(kind.points_mm)]

    def moved(self, matrix: Floats) -> Kinds:
        """Return all sources after a rigid motion (4, 4), mm."""
        return Kinds(self.dipoles.moved(matrix), self.wire.moved(matrix))


def kinds_of(coil: CoilContent, rates: Floats) -> Kinds:
    """Return the sources of a coil whose stimulators drive some rates (s,), A/s.

    Raises
    ------
    CoilError
        Parts of the coil are samples of A on a grid, whose sources are not known.
    """
    dipoles, wire = [], []
    for stimulator, rate in enumerate(rates):
        own = coil.sources(stimulator)
        if own.sampled:
            raise CoilError(f"{coil!r} is A on a grid: its sources are not known")
        dipoles.append((own.dipoles.positions_mm, rate * own.dipoles.moments))
        wire.append((own.segments.points_mm, 1e-3 * rate * own.segments.lengths_mm))
    return Kinds(*(CoilSources(*map(np.concatenate, zip(*kind, strict=True))) for kind in (dipoles, wire)))


def exact_sums(field: ReciprocalField, kinds: Kinds, poses: Floats) -> Floats:
    """Sum a reciprocal field over all sources of a coil at poses (n, 4, 4), one by one: (n, k)."""
    result = np.zeros((len(poses), len(field)))
    for wire, kind in kinds.present():
        step = max(1, _PIECE // len(kind.points_mm))
        for start in range(0, len(poses), step):
            some = poses[start : start + step]
            turn = np.swapaxes(some[:, :3, :3], 1, 2)
            points = (kind.points_mm @ turn + some[:, None, :3, 3]).reshape(-1, 3)
            there = field.sums(points, wire=wire).reshape(len(some), -1, len(field), 3)
            result[start : start + step] += np.einsum("nqkd,nqd->nk", there, kind.vectors @ turn)
    return result
