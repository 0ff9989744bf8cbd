# SPDX-License-Identifier: BSD-3-Clause
"""First guesses of the potential by what knows a head already."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import ArgumentError
from .drives.coil import CoilDrive

__all__ = ["FirstGuess", "Guesser", "first_guess"]


class FirstGuess(ABC):
    """First guesses of the potential, made when the turn of a batch comes."""

    name: str  #: what reports call them

    @abstractmethod
    def __getitem__(self, part: slice) -> NDArray[np.float64]:
        """Return φ (k, n), V, at the nodes of the mesh, of some of the poses of a drive."""


class Guesser(Protocol):
    """What makes first guesses for a coil at any pose in one head: a `RealTime` basis."""

    def first_guess(self, model: Any, drive: CoilDrive) -> FirstGuess:
        """Return the guesses for a drive.

        Raises
        ------
        ArgumentError
            Of another model, or without potentials.
        """
        ...


def first_guess(basis: Guesser | None, model: Any, drive: CoilDrive, initial: ArrayLike | None = None) -> Any:
    """Return the guesses of a basis for a drive, or `initial`, whichever is given; None if neither is.

    Raises
    ------
    ArgumentError
        Both are given, or the basis is none, or one of another model.
    """
    if basis is None:
        return initial
    if initial is not None:
        raise ArgumentError("give either initial or basis, not both")
    if not hasattr(basis, "first_guess"):
        raise ArgumentError(f"basis must be a RealTime, not {type(basis).__name__}")
    return basis.first_guess(model, drive)
