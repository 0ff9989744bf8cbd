# SPDX-License-Identifier: BSD-3-Clause
"""What sessions and servers need of whatever computes the fields."""

from __future__ import annotations

from typing import Protocol

from numpy.typing import ArrayLike

from ..coils.coil import Coil
from ..regions.region import Region
from .field import Field

__all__ = ["Engine"]


class Engine(Protocol):
    """What computes E in a region of a head, for a coil at some poses.

    Examples
    --------
    A model that solves each pose is one, if a slow one:

    >>> import headfield as hf
    >>> class Solver:
    ...     def __init__(self, model, region):
    ...         self.model, self.region = model, region
    ...
    ...     def field(self, coil, poses, didt=1e6):
    ...         return self.model.solve(coil, poses, didt, roi=self.region)
    >>> model = hf.HeadModel(hf.sphere_mesh(radii_mm=[80, 86, 92], tags=[2, 4, 5], edge_mm=20))
    >>> engine: Engine = Solver(model, hf.regions.tissue(model.mesh, 2))
    >>> coil = hf.circular_coil()
    >>> field = engine.field(coil, model.place(coil, [0, 0, 92], [0, 50, 92]))
    >>> field.E.shape == (1, len(engine.region), 3)
    True
    """

    @property
    def region(self) -> Region:
        """Where E is given: whole tetrahedra, or points."""
        ...

    def field(self, coil: Coil, poses: ArrayLike, didt: ArrayLike = 1e6) -> Field:
        """Return E of k poses in the region, see `HeadModel.solve` for the arguments.

        Raises
        ------
        HeadfieldError
            What is wrong with a pose, dI/dt or the coil.
        """
        ...
