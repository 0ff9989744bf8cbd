# SPDX-License-Identifier: BSD-3-Clause
"""The field of a coil where it stands, B without a head, at the points where a basis matches it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..coils.coil import Coil
from ..coils.sources import Dipoles, Segments, native_sources
from ..core.device import select
from ..errors import CoilError
from ..targeting.sources import Kinds, kinds_of

__all__ = ["RATE", "Incident"]

Floats = NDArray[np.float64]

#: A/s, that sources are solved for, and coils compared at: E is linear in it.
RATE = 1e6


class Incident:
    """What each stimulator of a coil makes by itself at 1 A/µs: its sources, and its B for any pose.

    Parameters
    ----------
    coil : Coil

    Attributes
    ----------
    kinds : list of Kinds
        The sources of each stimulator, times the rate.

    Raises
    ------
    CoilError
        A part of the coil is A on a grid, whose B is not known.

    Examples
    --------
    A dipole of 1 A m² that is turned on in a microsecond, from 0.1 m on its axis:

    >>> one = Incident(Coil([[0, 0, -50.0]], [[0, 0, 1.0]]))
    >>> over = np.diag([1.0, -1.0, -1.0, 1.0])  # z down
    >>> one.field(np.array([[0, 0, -50.0]]), over[None])[0][0, 0].round(6).tolist()
    [0.0, 0.0, -200.0]
    """

    kinds: list[Kinds]

    def __init__(self, coil: Coil) -> None:
        if coil.sources().sampled:
            raise CoilError(
                f"a real-time basis needs the B of a coil, which is not known of {coil!r}, because it is A "
                "on a grid: read the coil from a file of its dipoles or windings, or use HeadModel.solve"
            )
        self.kinds = [kinds_of(coil, rates) for rates in RATE * np.eye(coil.n_stimulators)]
        self._sums = [
            native_sources(
                select("cpu"),
                Dipoles(*kinds.dipoles),
                Segments(kinds.wire.points_mm, 1e3 * kinds.wire.vectors),
            )
            for kinds in self.kinds
        ]

    @property
    def points_mm(self) -> Floats:
        """All its sources (q, 3), mm."""
        return np.concatenate([kinds.points_mm for kinds in self.kinds])

    def field(self, points_mm: Floats, poses: Floats) -> list[Floats]:
        """Return ∂B/∂t (k, m, 3), T/s, of each stimulator at points (m, 3) for poses (k, 4, 4), mm."""
        turn, shift = poses[:, :3, :3], poses[:, :3, 3]
        here = np.ascontiguousarray(1e-3 * ((points_mm - shift[:, None]) @ turn).reshape(-1, 3))
        back = np.swapaxes(turn, 1, 2)
        shape = len(poses), len(points_mm), 3
        return [np.asarray(sums.magnetic_field(here).reshape(shape) @ back) for sums in self._sums]
