# SPDX-License-Identifier: BSD-3-Clause
"""Make a basis of a head in the conductivities of its tissues."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from numpy.typing import ArrayLike

from ...coils.coil import Coil
from ...core.arguments import whole, within
from ...core.messages import warn
from ...errors import ArgumentError, PoseError
from ...measures.measure import as_measure
from ...regions.region import Region
from ..places import check_region
from .basis import ConductivityBasis
from .making import Making
from .ranges import checked_ranges

__all__ = ["conductivity_basis"]

_MOST = 1000  # solves


def conductivity_basis(
    model: Any,
    measure: Any,
    coil: Coil,
    pose: ArrayLike,
    didt: ArrayLike = 1e6,
    *,
    ranges: Mapping[int, Any] | None = None,
    error: float = 1e-3,
    certified: bool = False,
    beside: Region | None = None,
    max_solves: int = 64,
    held_out: int = 8,
    at_once: int = 8,
    tol: float = 1e-9,
    primary_error: float | str = 1e-3,
    seed: int = 0,
    progress: Callable[[str], None] | None = None,
) -> ConductivityBasis:
    """Make what gives E in a region for any conductivities of the tissues within microseconds.

    The head is solved for some sets of conductivities, many together; E for any other is the combination of
    theirs that has the least energy (a reduced basis). How far that is off is bounded without a solve, and
    the next sets are those whose bound is the largest, until errors against solves that are held out, and the
    bounds that go with them, are small enough. See `docs/uncertainty.md`.

    Parameters
    ----------
    model : HeadModel
    measure : Region or Measure
        What is looked at: a region stands for the mean of |E| there. E is known in its regions alone.
    coil, pose, didt, primary_error
        See `HeadModel.solve`; one pose, (4, 4).
    ranges : dict of int to (float, float), optional
        Limits of the conductivity by tag, S/m, or what has them as `low` and `high`. By default the published
        ones of all tags that the head has. Other tags keep the conductivity of the model. Conductivities that
        vary within a tissue, or are tensors, are scaled as a whole.
    error : float
        Relative L2 error of E over the regions, from 1e-6 to 0.5.
    certified : bool
        Go on until the certified bounds are below `error`. They are some ten times as large as the errors, so
        that takes more solves. Otherwise errors are estimated: bounds, times one and a half of the largest
        share of its bound that an error of the held-out solves took.
    beside : Region, optional
        Tetrahedra whose E is known as well, by `fields_beside`, such as for a map of the brain; they have no
        say in how good the basis is.
    max_solves : int
        Of the whole head; where it does not do, a warning says so.
    held_out : int
        Solves for random conductivities, on top, which errors are measured against.
    at_once : int
        Solves of a round, 2 to 32.
    tol : float
        Of the solves, see `HeadModel.solve`, from 1e-13 to 1e-6: fluxes of the snapshots are without
        divergence to that.
    seed : int
        Of the random conductivities.
    progress : callable, optional
        Called with a line after each round.

    Returns
    -------
    ConductivityBasis

    Raises
    ------
    ConductivityError
        Ranges that are empty, touch zero, or are of tags that the head lacks.
    RegionError, CoilError, PoseError, ArgumentError
    ConvergenceError

    Warns
    -----
    UserWarning
        The error is not reached with `max_solves`.

    Examples
    --------
    >>> import numpy as np
    >>> import headfield as hf
    >>> head = hf.phantom_head(edge_mm=8)
    >>> model = hf.HeadModel(head)
    >>> knob = hf.regions.sphere(head, [-40, -8, 50], 15, 2)
    >>> coil = hf.figure_of_eight()
    >>> pose = model.place(coil, [-46, -8, 70], [-46, 42, 70])
    >>> basis = hf.conductivity_basis(model, knob, coil, pose, ranges={1: (0.1, 0.4), 2: (0.1, 0.6)})
    >>> basis.tags.tolist(), bool(basis.report.held_out.max() < 1e-3)
    ([1, 2], True)
    >>> sigma = np.random.default_rng(1).uniform(basis.low, basis.high, (10_000, 2))
    >>> mean = basis.values(sigma)  # the mean of |E|, V/m
    >>> solved = hf.HeadModel(head, {1: sigma[0, 0], 2: sigma[0, 1]}).solve(coil, pose, roi=knob)
    >>> bool(abs(mean[0] / np.average(solved.magnitude[0], weights=knob.weights) - 1) < 1e-3)
    True
    """
    wanted = within(error, "error", ArgumentError, 1e-6, 0.5)
    most = whole(max_solves, "max_solves", ArgumentError, _MOST, 2)
    held = whole(held_out, "held_out", ArgumentError, _MOST)
    within(tol, "tol", ArgumentError, 1e-13, 1e-6)
    round_of = whole(at_once, "at_once", ArgumentError, 32, 2)
    start = whole(seed, "seed", ArgumentError, 2**32 - 1, 0)
    chosen = as_measure(measure)
    for region in (*chosen.regions, *(() if beside is None else (beside,))):
        check_region(model.mesh, region)
    box = checked_ranges(ranges, model.mesh, model.conductivity)
    drive = model.driven(coil, pose, didt, primary_error)
    if len(drive) != 1:
        raise PoseError(f"a basis in conductivities is of one pose, not of {len(drive)}")
    making = Making(model, (chosen, beside), box, drive, tol)
    making.hold_out(held, start)
    report = making.rounds(wanted, certified, most, round_of, progress)
    if not report.reached:
        warn(f"a basis of {report.solves} solves does not reach an error of {wanted:g} everywhere: {report}")
    return ConductivityBasis(making.made, chosen, report)
