# SPDX-License-Identifier: BSD-3-Clause
"""What a search is about: a coil at some strength, and targets in a head."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..coils.coil import Coil
from ..errors import ArgumentError
from ..measures.target import Targets
from ..regions.region import Region
from ..solve.drives.coil import check_coil
from ..solve.drives.rates import checked_didt
from ..solve.model import HeadModel
from .outputs import region_of

__all__ = ["Aim"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Aim:
    """A coil and the targets that it is to reach.

    Attributes
    ----------
    model : HeadModel
    coil : Coil
    didt : ndarray (s,)
        A/s, of each stimulator.
    targets : Targets
    region : Region
        All their regions together.
    """

    model: HeadModel
    coil: Coil
    didt: Floats
    targets: Targets
    region: Region

    @classmethod
    def of(cls, model: HeadModel, coil: Coil, target: Any, didt: ArrayLike) -> Aim:
        """Check what a user has given.

        Raises
        ------
        RegionError, CoilError, ArgumentError
        """
        if not isinstance(model, HeadModel):
            raise ArgumentError(f"model must be a HeadModel, not {type(model).__name__}")
        targets = Targets.of(target)
        s = check_coil(coil).n_stimulators
        if s > 1 and not isinstance(didt, str) and np.ndim(didt) < 2:  # of each, or of all alike
            didt = np.broadcast_to(np.asarray(didt), (1, s)) if np.size(didt) in (1, s) else didt
        rates = checked_didt(didt, 1, check_coil(coil)).reshape(-1)
        if not rates.any():
            raise ArgumentError("didt is 0: no pose is better than another")
        return cls(model, coil, rates, targets, region_of(model.mesh, targets))

    @property
    def middle_mm(self) -> Floats:
        """The middle (3,) of what counts for a pose: not of what counts against it."""
        signed = np.concatenate([factor * target.shares for factor, target in self.targets.parts])
        weights = np.maximum(signed, 0.0) if (signed > 0.0).any() else np.abs(signed)
        return np.asarray(np.average(self.region.centres_mm, axis=0, weights=weights))

    @property
    def rates(self) -> Floats:
        """dI/dt as `HeadModel.solve` takes it for any number of poses: (1,) or (1, s)."""
        return self.didt if len(self.didt) == 1 else self.didt[None]

    def solved(self, poses: Floats) -> Floats:
        """Return the values (k,) at poses (k, 4, 4) by full solves."""
        return self.targets.values(self.model.solve(self.coil, poses, self.rates, roi=self.region).E)
