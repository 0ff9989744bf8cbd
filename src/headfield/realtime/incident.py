# SPDX-License-Identifier: BSD-3-Clause
"""The field of a coil where it stands, B without a head, at the points where a basis matches it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..coils.coil import Coil
from ..coils.parts import CoilContent
from ..coils.sources import Dipoles, Segments, native_sources
from ..core.device import select
from ..core.messages import heard
from ..errors import CoilError
from ..targeting.sources import CoilSources, Kinds, kinds_of

__all__ = ["RATE", "Incident"]

Floats = NDArray[np.float64]

#: A/s, that sources are solved for, and coils compared at: E is linear in it.
RATE = 1e6
_FEW = 200  # sources of each stimulator that stand for a flat coil
_NEAREST_MM = 15.0  # from sources to points in the head where B is wanted
_MOST_ERROR = 1.5e-3  # of A at the nearest points; on average it is a tenth of that


class Incident:
    """What each stimulator of a coil makes by itself at 1 A/µs: its sources, and its B for any pose.

    Parameters
    ----------
    coil : Coil

    Attributes
    ----------
    points_mm : ndarray (q, 3)
        All its sources.
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
    >>> one.field(np.array([[0, 0, -50.0]]), over[None])[0][0, 0].round(3).tolist()
    [0.0, 0.0, -200.0]
    """

    points_mm: Floats
    kinds: list[Kinds]

    def __init__(self, coil: Coil) -> None:
        if coil.sources().sampled:
            raise CoilError(
                f"a real-time basis needs the B of a coil, which is not known of {coil!r}, because it is A "
                "on a grid: read the coil from a file of its dipoles or windings, or solve without a basis"
            )
        rates = RATE * np.eye(coil.n_stimulators)
        self.points_mm = coil.sources().points_mm
        self.kinds = [_driven(kinds_of(coil, row)) for row in rates]
        few = _few(coil)
        self._all = [_native(kinds) for kinds in self.kinds]
        self._few = self._all if few is coil else [_native(_driven(kinds_of(few, row))) for row in rates]
        self._front_mm = float(coil.bounds_mm[1, 2]) + _NEAREST_MM

    def field(self, points_mm: Floats, poses: Floats) -> list[NDArray[np.float32]]:
        """Return ∂B/∂t (k, m, 3), T/s, of each stimulator at points (m, 3) for poses (k, 4, 4), mm."""
        turn, shift = poses[:, :3, :3], poses[:, :3, 3]
        here = (points_mm - shift[:, None]) @ turn
        back = np.swapaxes(turn, 1, 2).astype(np.float32)
        fields = [np.empty(here.shape, np.float32) for _ in self.kinds]
        # Few sources stand for all in front of a coil only: not beside it, and not behind it.
        in_front = here[..., 2].min(axis=1) >= self._front_mm
        for which, sums in ((in_front, self._few), (~in_front, self._all)):
            if which.any():
                at = 1e-3 * here[which].reshape(-1, 3)
                for field, one in zip(fields, sums, strict=True):
                    field[which] = one.magnetic_field_float32(at).reshape(-1, *here.shape[1:]) @ back[which]
        return fields


def _driven(kinds: Kinds) -> Kinds:
    """Leave out sources that make nothing: those of the other stimulators."""
    found = []
    for kind in kinds:
        on = kind.vectors.any(axis=1)
        found.append(CoilSources(kind.points_mm[on], kind.vectors[on]))
    return Kinds(*found)


def _native(kinds: Kinds) -> Any:
    wire = Segments(kinds.wire.points_mm, 1e3 * kinds.wire.vectors)
    return native_sources(select("cpu"), Dipoles(*kinds.dipoles), wire)


def _few(coil: Coil) -> CoilContent:
    """Return few sources whose B in front is that of a flat coil, if those are as good; of another coil, all.

    The matching points lie below the scalp, and B there is smooth.
    """
    if coil.bounds_mm[1, 2] >= 0.0 or len(coil.sources().points_mm) <= _FEW:
        return coil
    try:
        with heard():  # a poor one is not taken, so nobody needs to know
            found = coil.reduced(_FEW, _NEAREST_MM)
    except CoilError:  # an open wire, which dipoles can't stand for
        return coil
    return found.coil if found.error <= _MOST_ERROR else coil
