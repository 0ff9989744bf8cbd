# SPDX-License-Identifier: BSD-3-Clause
"""What conductivities do to a value, by samples of a reduced basis, and which of them does how much."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import ConductivityError
from ...heads.mesh import TetMesh
from ...heads.tissue_words import by_tag
from ...statistics.distributions import Beta, Distribution
from ...statistics.sobol import saltelli_design, sobol_indices
from .basis import ConductivityBasis
from .looking import Moments, Question
from .make import conductivity_basis
from .ranges import PUBLISHED
from .spread import Spread

__all__ = ["as_conductivities", "conductivity_spread"]

Floats = NDArray[np.float64]

_SAMPLES = 2048  # of the design, which asks the basis (t + 2) times as often
_MAPPED, _AT_A_TIME = 256, 16  # samples that the map is from, and fields that are held together
_TIMES_ERROR = 5.0  # a spread that is less than so many errors of the basis is worth a note


def as_conductivities(conductivity: Any, mesh: TetMesh) -> dict[int, Distribution]:
    """Return the distribution of the conductivity of each tissue, S/m, by tag.

    Parameters
    ----------
    conductivity : True, or dict of int to Distribution or (low, high)
        True takes the published ranges of all tissues that the head has; of limits it is Beta(low, high).
    mesh : TetMesh

    Raises
    ------
    ConductivityError
        Neither of these, or limits that are not above 0; the message names the tag.

    Examples
    --------
    >>> import headfield as hf
    >>> head = hf.sphere_mesh([80, 90], [2, 5], edge_mm=20)
    >>> as_conductivities(True, head)
    {2: Beta(low=0.1, high=0.6, p=3.0, q=3.0), 5: Beta(low=0.2, high=0.5, p=3.0, q=3.0)}
    """
    if conductivity is True:
        there = np.unique(mesh.tags).tolist()
        conductivity = {tag: PUBLISHED[tag] for tag in there if tag in PUBLISHED}
    if not isinstance(conductivity, Mapping) or not conductivity:
        raise ConductivityError(
            f"conductivity must be True, or distributions or (low, high) by tag, not {conductivity!r}"
        )
    given_by_tag = by_tag(mesh, conductivity, "conductivity")
    return {tag: _distribution(tag, given) for tag, given in given_by_tag.items()}


def conductivity_spread(
    question: Question, inputs: dict[int, Distribution], error: float, seed: int
) -> Spread:
    """Return the spread that the conductivities of tissues make.

    Parameters
    ----------
    question : Question
    inputs : dict of int to Distribution
        S/m, by tag.
    error : float
        Of the basis, relative L2 over the measure's regions.
    seed : int
    """
    looking = question.looking
    basis = conductivity_basis(
        question.model,
        looking.measure,
        question.coil,
        question.pose,
        question.didt,
        ranges=inputs,
        error=error,
        beside=looking.where,
        primary_error="summed",
    )
    tags = tuple(int(tag) for tag in basis.tags)
    each = [inputs[tag] for tag in tags]
    design = saltelli_design(each, _SAMPLES, seed)
    values = basis.values(design.x, full=True)
    deviations = values[: 2 * design.n] - basis.values(basis.nominal, full=True)  # maybe out of the ranges
    slopes = basis.sensitivities([one.mean for one in each])[0]
    std = np.array([one.std for one in each])
    facts = {
        "tags": list(tags),
        "mean_S_per_m": [one.mean for one in each],
        "std_S_per_m": std.tolist(),
        "gradient_per_S_per_m": slopes.tolist(),
        "error": error,
    } | _of_basis(basis)
    return Spread(
        "conductivity",
        f"{len(values):,} fields of a basis",
        deviations,
        float(np.sqrt(((slopes * std) ** 2).sum())),
        _variance(basis, question, design.x),
        facts,
        sobol_indices(values, design, seed=seed),
        tags,
        notes=_fineness(float(deviations.std()), abs(float(values.mean())), error),
    )


def _of_basis(basis: ConductivityBasis) -> dict[str, Any]:
    return {
        "nominal_S_per_m": basis.nominal.tolist(),
        "solves": basis.report.solves,
        "error_reached": bool(basis.report.reached),
        "solved_in_full": basis.solved_in_full,
    }


def _fineness(std: float, value: float, error: float) -> tuple[str, ...]:
    """Return a note where a spread is not much more than what the basis may be off by."""
    if std > _TIMES_ERROR * error * value:
        return ()
    return (
        f"conductivity: a spread of {std:.2g} is less than {_TIMES_ERROR:g} times what the basis may be off "
        f"by (error={error:g} of {value:.4g}): it is of that order or less; a smaller error= tells",
    )


def _variance(basis: ConductivityBasis, question: Question, sigma: Floats) -> Floats:
    """Return the variance (q,) of |E| in the tetrahedra of the map, by the first samples."""
    moments, size = Moments(len(question.looking.where)), question.looking.sizes
    expected = size(basis.fields_beside(basis.nominal))[0]
    for start in range(0, _MAPPED, _AT_A_TIME):
        some = sigma[start : min(start + _AT_A_TIME, _MAPPED)]
        moments.add(size(basis.fields_beside(some)) - expected)
    return moments.variance


def _distribution(tag: Any, given: Any) -> Distribution:
    if hasattr(given, "quantile"):
        one: Distribution = given
        return one
    try:
        low, high = given
    except (TypeError, ValueError):
        raise ConductivityError(
            f"the conductivity of tag {tag} must be a distribution or (low, high), not {given!r}"
        ) from None
    try:
        return Beta(low, high)
    except ValueError as problem:
        raise ConductivityError(f"the conductivity of tag {tag}: {problem}") from None
