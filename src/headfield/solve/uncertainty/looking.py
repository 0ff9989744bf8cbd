# SPDX-License-Identifier: BSD-3-Clause
"""What is looked at in a field whose uncertainty is asked for: a measure, and |E| for a map."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...coils.coil import Coil
from ...core.arguments import finite_array
from ...core.locks import cached_property
from ...errors import ArgumentError, RegionError
from ...heads.mesh import TetMesh
from ...heads.tissues import BRAIN
from ...measures.checked import values_of
from ...measures.magnitude import sizes
from ...measures.measure import Measure
from ...regions.makers import mask
from ...regions.region import Region
from ..places import check_region

__all__ = ["Looking", "Moments", "Question", "around", "one_rate"]

Floats = NDArray[np.float64]

_AROUND_MM = 50.0  # of the middle of a measure's regions, that the map reaches by default


class Looking:
    """Where E is needed, each tetrahedron once: for a measure, and for a map of |E|.

    Attributes
    ----------
    measure : Measure
    where : Region
        Of the map: whole tetrahedra.
    elements : ndarray (p,)
    """

    def __init__(self, measure: Measure, where: Region) -> None:
        self.measure, self.where = measure, where
        own = [region.elements for region in measure.regions]
        together = np.unique(np.concatenate([*own, where.elements]))
        self.elements = together
        self._own = np.searchsorted(together, np.concatenate(own))
        self._map = np.searchsorted(together, where.elements)

    def values(self, E: ArrayLike, first: int = 0) -> Floats:
        """Return the measure's values (k,), numbers of sampled poses being counted from `first` on."""
        own = np.asarray(E, np.float64)[:, self._own]
        return np.asarray(values_of(self.measure, own, first, "sampled pose"))

    def on_map(self, E: ArrayLike) -> Floats:
        """Return |E| (k, q) in the tetrahedra of the map, V/m."""
        return self.sizes(np.asarray(E)[:, self._map])

    @staticmethod
    def sizes(E: ArrayLike) -> Floats:
        """Return |E| (k, q) of fields (k, q, 3), V/m."""
        return sizes(np.asarray(E, np.float64))


class Moments:
    """Mean and variance of numbers (q,), from deviations that are added one batch at a time."""

    def __init__(self, count: int) -> None:
        self._sum, self._squares, self._n = np.zeros(count), np.zeros(count), 0

    def add(self, deviations: Floats) -> None:
        """Take deviations (k, q) from what is expected."""
        self._sum += deviations.sum(axis=0)
        self._squares += (deviations * deviations).sum(axis=0)
        self._n += len(deviations)

    @property
    def variance(self) -> Floats:
        """Of each number, (q,)."""
        mean = self._sum / self._n
        return np.maximum(self._squares / self._n - mean * mean, 0.0) * (self._n / max(self._n - 1, 1))


@dataclass(frozen=True, eq=False)
class Question:
    """One coil at one pose, a head, and what is looked at in its field.

    Attributes
    ----------
    model : HeadModel
    looking : Looking
    coil : Coil
    pose : ndarray (4, 4)
    didt : float, or ndarray (1, s)
        A/s.
    tol : float
        Of solves.
    """

    model: Any
    looking: Looking
    coil: Coil
    pose: Floats
    didt: Any
    tol: float

    def solved(self, poses: Floats, moved: Any = None) -> Iterator[tuple[Floats, Floats]]:
        """Yield values (b,) and |E| on the map (b, q) of poses (k, 4, 4), a batch at a time.

        `moved` is the model of a head whose nodes lie elsewhere. A single pose is summed without a table, so
        that what heads differ in is no difference of tables.
        """
        how: dict[str, Any] = {"primary_error": "summed" if len(poses) == 1 else 1e-3, "tol": self.tol}
        elements = self.looking.elements
        model = self.model if moved is None else moved
        done = 0
        for field in model.iter_solve(self.coil, poses, self.didt, elements=elements, **how):
            yield self.looking.values(field.E, done), self.looking.on_map(field.E)
            done += len(field.E)

    def one(self, pose: Floats, moved: Any = None) -> tuple[float, Floats]:
        """Return the value and |E| on the map (q,) of one pose."""
        ((value, magnitude),) = self.solved(pose[None], moved)
        return float(value[0]), magnitude[0]

    @cached_property
    def nominal(self) -> tuple[float, Floats]:
        """The value, and |E| on the map (q,), as everything is given."""
        return self.one(self.pose)


def around(mesh: TetMesh, measure: Measure, where: Region | None) -> Region:
    """Return where the map is: the region that is given, or the brain around that of the measure.

    Raises
    ------
    RegionError
        A region of another mesh, an empty one, or one of points; a measure without a region.
    """
    regions = tuple(measure.regions)
    if not regions:
        raise RegionError("the measure has no region")
    for region in (*regions, *(() if where is None else (where,))):
        if not isinstance(region, Region):
            raise RegionError(f"where must be a Region, not {type(region).__name__}")
        check_region(mesh, region)
    if where is not None:
        if not where.is_volume:
            raise RegionError(f"a map is of whole tetrahedra, not of {where!r}")
        return where
    middle = np.concatenate([region.centres_mm for region in regions]).mean(axis=0)
    brain = np.isin(mesh.tags, BRAIN)
    near = np.linalg.norm(mesh.barycentres_mm() - middle, axis=1) <= _AROUND_MM
    near &= brain if brain.any() else True
    near[np.concatenate([region.elements for region in regions])] = True
    return mask(mesh, near)


def one_rate(didt: Any) -> Any:
    """Return the dI/dt of one pose as it is given for many; ArgumentError for those of several.

    Examples
    --------
    >>> one_rate([2e6]), one_rate("50 A/µs")
    (2000000.0, '50 A/µs')
    """
    if isinstance(didt, str):
        return didt
    rates = finite_array(didt, "didt", ArgumentError)
    if rates.size == 1:
        return float(rates.reshape(()))
    if rates.ndim == 1:
        rates = rates[None]
    if rates.ndim != 2 or len(rates) != 1:
        raise ArgumentError(f"didt must be that of one pose, one for each stimulator, not {rates.shape}")
    return rates
