# SPDX-License-Identifier: BSD-3-Clause
"""ConductivityBasis: E in a region for any conductivities of the tissues, without another solve."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...core.arguments import finite_array, whole
from ...errors import ArgumentError, ConductivityError
from ...measures.checked import derivatives_of, values_of
from ...measures.measure import Measure, as_measure
from ...measures.target import Target
from .local import LocalFields, in_pieces
from .ranges import Ranges
from .reduced import Reduced
from .report import ConductivityReport
from .worst import Extremes, extremes

__all__ = ["ConductivityBasis", "Parametrised"]

Floats = NDArray[np.float64]

_FIELDS_AT_ONCE = 1 << 22  # numbers of E that are made for a measure at a time


class Parametrised(NamedTuple):
    """What a basis consists of."""

    ranges: Ranges
    parts: int
    reduced: Reduced
    local: LocalFields
    unit: float  #: √W: the energy norm of the reference, the root of ∫ E · σE
    full: Callable[[Floats], NDArray[np.float32]]  #: E (s, P, 3) by solving for factors (s, parts)
    beside: LocalFields | None = None  #: of tetrahedra without a say in how good the basis is

    def bounds(self, factors: Floats, coefficients: Floats) -> Floats:
        """Return bounds (s,) of the error of E, relative L2 over the regions, over E of the basis."""
        energy = self.unit * self.reduced.bounds(factors, coefficients)
        return energy * self.local.share(factors) / self.local.norms(coefficients)


class ConductivityBasis:
    """E of a coil at one pose in a region, for any conductivities of the tissues: see `conductivity_basis`.

    Conductivities are (s, T) or (T,) in S/m, in the order of `tags`; those of tensors are the mean of the
    eigenvalues, averaged over the tissue. They may lie outside of the ranges: bounds say how good E is there.

    Attributes
    ----------
    tags : ndarray (T,) int
    nominal : ndarray (T,) float64, S/m
        What the model was built with.
    low, high : ndarray (T,) float64, S/m
    measure : Measure
        What `values` are of, unless told otherwise.
    report : ConductivityReport
    solved_in_full : int
        Samples that were solved in full so far, since the basis was not good enough for them.
    """

    def __init__(self, made: Parametrised, measure: Measure, report: ConductivityReport) -> None:
        self._made, self.measure, self.report = made, measure, report
        self.tags, self.nominal = made.ranges.tags, made.ranges.nominal
        self.low, self.high = made.ranges.low, made.ranges.high
        self.solved_in_full = 0

    def __repr__(self) -> str:
        listed = ", ".join(map(str, self.tags))
        return f"<ConductivityBasis of tags {listed}: {self.report}>"

    def fields(self, sigma: ArrayLike, *, full: bool = False) -> NDArray[np.float32]:
        """Return E (s, P, 3), V/m, in the regions of the measure, one after the other.

        Parameters
        ----------
        sigma : array_like (s, T) or (T,), S/m
        full : bool
            Solve the head for samples whose `estimates` are above the error that was asked for, many
            together; `solved_in_full` counts them.

        Raises
        ------
        ConductivityError
            Not positive, or of another shape.
        ConvergenceError
        """
        factors = self._factors(sigma)
        coefficients = self._made.reduced.solve(factors)
        E = self._made.local.combined(coefficients)
        beyond = self._beyond(factors, coefficients) if full else np.zeros(0, np.intp)
        if len(beyond):
            E[beyond] = self._made.full(factors[beyond])
        return E

    def fields_beside(self, sigma: ArrayLike) -> NDArray[np.float32]:
        """Return E (s, q, 3), V/m, in the tetrahedra `beside` that the basis was made with.

        Raises
        ------
        ArgumentError
            It was made with none.
        ConductivityError
        """
        if self._made.beside is None:
            raise ArgumentError("the basis was made without tetrahedra beside the measure")
        return self._made.beside.combined(self._made.reduced.solve(self._factors(sigma)))

    def values(self, sigma: ArrayLike, measure: Any = None, *, full: bool = False) -> Floats:
        """Return the value (s,) of a measure, by default that of the basis.

        Parameters
        ----------
        sigma, full
            See `fields`.
        measure : Region or Measure, optional
            Of the regions that the basis was made for.

        Raises
        ------
        ArgumentError
            A measure of other regions.
        MeasureError
            One that is not finite: the message has the number of the sample.
        ConductivityError, ConvergenceError
        """
        chosen = self._chosen(measure)
        factors = self._factors(sigma)
        coefficients = self._made.reduced.solve(factors)
        values = self._measured(chosen, coefficients)
        beyond = self._beyond(factors, coefficients) if full else np.zeros(0, np.intp)
        if len(beyond):
            E = self._made.full(factors[beyond]).astype(np.float64)
            values[beyond] = values_of(chosen, E, 0, "sample that is solved in full")
        return values

    def solved(self, sigma: ArrayLike) -> NDArray[np.float32]:
        """Return E (s, P, 3), V/m, by solving the whole head for each sample, many together.

        The hierarchy of the model as it was built preconditions them all. To check the basis by.

        Raises
        ------
        ConductivityError, ConvergenceError
        """
        return self._made.full(self._factors(sigma))

    def bounds(self, sigma: ArrayLike) -> Floats:
        """Return certified bounds (s,) of the error of E, relative L2 over the regions; inf where beyond 1.

        They need no solve: the error has less energy in the head than the difference of σE and any flux
        without divergence, and less in the region than in the head. They hold but for what the snapshots
        were not solved to (see docs/uncertainty.md) and for rounding of E, 2e-7, against the head's own
        finite elements.
        """
        factors = self._factors(sigma)
        off = self._made.bounds(factors, self._made.reduced.solve(factors))
        # Of E of the basis; E itself has at least 1 − off of it.
        return np.divide(off, 1.0 - off, out=np.full(len(off), np.inf), where=off < 1.0)

    def estimates(self, sigma: ArrayLike) -> Floats:
        """Return estimates (s,) of the same errors, not certified: see `calibration` of the report."""
        factors = self._factors(sigma)
        return self._estimates(factors, self._made.reduced.solve(factors))

    def sensitivities(self, sigma: ArrayLike, measure: Any = None) -> Floats:
        """Return the derivatives (s, T) of a measure by the conductivities, in its unit per S/m.

        `bounds` and `estimates` are not of them: derivatives by a tissue that hardly matters may be off by
        per cents where values are good to 1e-5. `HeadModel.gradient` has them by a solve.

        Raises
        ------
        MeasureError
            The measure has no derivative there.
        ConductivityError
        """
        chosen = self._chosen(measure)
        factors, made = self._factors(sigma), self._made
        coefficients = made.reduced.solve(factors)
        slopes = made.reduced.derivatives(factors, coefficients)[:, : len(self.tags)]

        def of(part: slice) -> Floats:
            E = made.local.combined(coefficients[part]).astype(np.float64)
            weights = derivatives_of(chosen, E, part.start, "sample")
            return np.einsum("sk,stk->st", made.local.products(weights), slopes[part])

        return in_pieces(of, len(factors), self._step) / made.ranges.middle

    def extremes(self, measure: Any = None, *, starts: int = 8) -> Extremes:
        """Find the least and the largest value of a measure over the box of all ranges.

        The corners of the box and random samples are tried, and the best are improved one conductivity at a
        time. The two that are found are solved in full: their values are not those of the basis.

        Parameters
        ----------
        measure : Region or Measure, optional
            See `values`.
        starts : int
            How many samples are improved, from 1 to 512.

        Returns
        -------
        Extremes
        """
        chosen, count = self._chosen(measure), whole(starts, "starts", ArgumentError, 512)
        found = extremes(lambda sigma: self.values(sigma, chosen), self.low, self.high, count)
        E = self.solved(np.stack([one.sigma for one in found])).astype(np.float64)
        values = values_of(chosen, E, 0, "extreme")
        return Extremes(*(one._replace(value=float(v)) for one, v in zip(found, values, strict=True)))

    @property
    def _step(self) -> int:
        return max(1, _FIELDS_AT_ONCE // (3 * len(self._made.local.elements)))

    def _measured(self, measure: Measure, coefficients: Floats) -> Floats:
        local = self._made.local
        if isinstance(measure, Target) and measure.is_of_magnitude:
            shares = measure.shares.astype(np.float32)
            return local.magnitudes(coefficients, lambda size: measure.of_magnitude(size, shares))

        def of(part: slice) -> Floats:
            E = local.combined(coefficients[part]).astype(np.float64)
            return values_of(measure, E, part.start, "sample")

        return in_pieces(of, len(coefficients), self._step)

    def _estimates(self, factors: Floats, coefficients: Floats) -> Floats:
        return self.report.calibration * self._made.bounds(factors, coefficients)

    def _beyond(self, factors: Floats, coefficients: Floats) -> NDArray[np.intp]:
        beyond = np.flatnonzero(self._estimates(factors, coefficients) > self.report.error)
        self.solved_in_full += len(beyond)
        return beyond

    def _chosen(self, measure: Any) -> Measure:
        if measure is None:
            return self.measure
        chosen = as_measure(measure)
        there = np.concatenate([one.elements for one in chosen.regions])
        if not np.array_equal(there, self._made.local.elements):
            raise ArgumentError(f"{chosen!r} is of other regions than the basis was made for")
        return chosen

    def _factors(self, sigma: ArrayLike) -> Floats:
        """Return factors (s, parts) of the reference."""
        given = np.atleast_2d(finite_array(sigma, "sigma", ConductivityError))
        if given.ndim != 2 or given.shape[1] != len(self.tags):
            raise ConductivityError(
                f"sigma must be (s, {len(self.tags)}), a conductivity for each of tags "
                f"{', '.join(map(str, self.tags))}, not {np.shape(sigma)}"
            )
        if not len(given):
            raise ConductivityError("sigma has no samples")
        bad = np.argwhere(given <= 0.0)
        if len(bad):
            s, t = bad[0]
            raise ConductivityError(
                f"sigma of tag {self.tags[t]} must be more than 0, not {given[s, t]:g} (sample {s})"
            )
        factors = np.ones((len(given), self._made.parts))
        factors[:, : len(self.tags)] = given / self._made.ranges.middle
        return factors
