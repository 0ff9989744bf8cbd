# SPDX-License-Identifier: BSD-3-Clause
"""Where neurons are likely activated: E against thresholds, point by point, and how much of a region."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...core.arguments import positive, real_array
from ...core.messages import plural
from ...errors import ArgumentError, DoseError
from ...fields.field import Field
from ...regions.region import Region
from .answer import Activation
from .constant import Threshold, threshold_of
from .given import given_field, given_normals, given_weights

__all__ = ["Compared", "activation", "compared"]

Floats = NDArray[np.float64]

_SIGNS = {"outward": 1.0, "inward": -1.0}


def activation(
    field: Field | ArrayLike,
    threshold: Any,
    *,
    rule: str | None = None,
    region: Region | None = None,
    normals: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    normal: str = "outward",
    change: ArrayLike | None = None,
    factor: float = 1.0,
    width: float | None = None,
    outside: str = "raise",
) -> Activation:
    """Compare E with the thresholds of neurons: the ratio E/T at each point, and how much is activated.

    Parameters
    ----------
    field : Field, or array_like (P, 3) or (k, P, 3)
        E, V/m, at the peak of the pulse: a field that was solved in a region (`roi`) or in a whole head, or
        an array.
    threshold : float, ThresholdForm or ThresholdTable
        A number, V/m, is the threshold of a `rule`; forms and tables are thresholds of |E|.
    rule : {"cosine", "magnitude"}, optional
        Of a number: the threshold of |E·n|, or of |E|.
    region : Region, optional
        Where E is, with weights and normals; by default that of the field.
    normals : array_like (P, 3) or (3,), optional
        **Outward** normals, of any length; by default those of the region, which point away from white
        matter.
    weights : array_like (P,), optional
        What each point stands for; by default those of the region, mm² or mm³.
    normal : {"outward", "inward"}
        The normal that θ of a form or a table is measured from. "outward": θ = 0 where E points out of the
        cortex; "inward": where it points into it. E reversed with the one is E with the other. Look where
        your table is from; for the published forms it was not seen. Cosine and magnitude rules have no sign.
    change : array_like (P,) or (k, P), optional
        For tables: relative change of |E| between layers 1 and 6, %; see `relative_change`.
    factor : float
        Thresholds are divided by it; see `factor_from_motor_threshold`.
    width : float, optional
        w of the probability S((E − T)/w), S(x) = 1/(1 + exp(−x)), V/m. Nobody has measured it: it is a guess
        of yours, and without one there is no probability.
    outside : {"raise", "nan"}
        What points outside of a table are, and those whose change is NaN, as `relative_change` has it in
        columns that miss a depth: an error, or unknown, and counted in `Activation.unknown`.

    Returns
    -------
    Activation

    Raises
    ------
    DoseError
        E, normals, weights or changes of another shape or not finite; normals or changes that are missing;
        a threshold, factor or width of 0 or less; points outside of a table, or without a change.
    ArgumentError, RegionError
        Other options; a field in other places than those of the region.

    Examples
    --------
    >>> E = np.array([[0.0, 0.0, 120.0], [90.0, 0.0, 0.0]])
    >>> found = activation(E, 100.0, rule="cosine", normals=[0, 0, 1], weights=[3.0, 1.0])
    >>> print(found.ratio, found.share)
    [[1.2 0. ]] [0.75]
    """
    if outside not in ("raise", "nan"):
        raise ArgumentError(f"outside must be 'raise' or 'nan', not {outside!r}")
    E, region = given_field(field, region)
    guess = None if width is None else positive(width, "width", DoseError)
    divisor = positive(factor, "factor", DoseError)
    limits = threshold_of(threshold, rule)
    k, p, _ = E.shape
    w, unit = given_weights(weights, region, p)
    ratio = np.empty((k, p), np.float32)
    strength = np.empty((k, p), np.float32)
    probability = None if guess is None else np.empty((k, p), np.float32)
    for pose, one in enumerate(compared(E, limits, region, normals, normal, change)):
        least = one.threshold / divisor
        if outside == "raise" and np.isnan(least).any():
            _refuse_unknown(limits, one, pose)
        ratio[pose], strength[pose] = one.strength / least, one.strength
        if probability is not None and guess is not None:
            probability[pose] = _sigmoid((one.strength - least) / guess)
    return Activation(
        ratio,
        strength,
        probability,
        weights=w,
        unit=unit,
        region=region,
        factor=divisor,
        width=guess,
        about=limits.about,
    )


class Compared(NamedTuple):
    """One pose: what counts of E at each point, and the threshold there."""

    strength: Floats  #: (P,) |E| or |E·n|, V/m
    threshold: Floats  #: (P,) before any factor, V/m; NaN where it is not known
    cosine: Floats  #: (P,) of the angle between E and the normal; 0 where there is no normal, or no E
    change: Floats | None  #: (P,) relative change of |E|, %


def compared(
    E: NDArray[Any],
    threshold: Threshold,
    region: Region | None,
    normals: ArrayLike | None,
    normal: str,
    change: ArrayLike | None,
) -> Iterator[Compared]:
    """Yield what is compared in each pose of E (k, P, 3)."""
    if not isinstance(normal, str) or normal not in _SIGNS:
        raise ArgumentError(f"normal must be 'outward' or 'inward', not {normal!r}")
    k, p, _ = E.shape
    n = None
    if threshold.needs_normals:
        n = _SIGNS[normal] * given_normals(normals, region, p, str(threshold.about.name))
    changes = _changes(change, threshold, k, p)
    for pose in range(k):
        field = E[pose].astype(np.float64)
        magnitude = np.sqrt(np.einsum("pd,pd->p", field, field))
        along = np.zeros(p) if n is None else np.einsum("pd,pd->p", field, n)
        cosine = np.clip(along / np.where(magnitude > 0, magnitude, 1.0), -1.0, 1.0)
        here = None if changes is None else changes[pose]
        strength = np.abs(along) if threshold.of_component else magnitude
        yield Compared(strength, threshold.at(cosine, here), cosine, here)


def _changes(change: ArrayLike | None, threshold: Threshold, k: int, p: int) -> Floats | None:
    if not threshold.needs_change:
        if change is not None:
            raise ArgumentError(f"change: thresholds of {threshold!r} don't depend on it")
        return None
    if change is None:
        raise DoseError(f"{threshold!r} needs change=, the relative change of |E|: see relative_change")
    changes = real_array(change, "change", DoseError)
    if np.isinf(changes).any():
        raise DoseError(f"change: {plural(int(np.isinf(changes).sum()), 'value is', 'values are')} infinite")
    if changes.shape not in ((p,), (k, p)):
        raise DoseError(f"change must have the shape ({p},) or ({k}, {p}), not {changes.shape}")
    return np.broadcast_to(changes, (k, p))


def _refuse_unknown(threshold: Threshold, one: Compared, pose: int) -> None:
    unknown = np.isnan(one.threshold)
    assert one.change is not None
    missed = int(np.isnan(one.change).sum())
    if missed:
        raise DoseError(
            f"pose {pose}: change is NaN at {missed:,} of {len(unknown):,} points, as in columns that miss a "
            "depth (Columns.missed): take the others alone, or outside='nan', which leaves them unknown"
        )
    change, theta = one.change[unknown], np.degrees(np.arccos(one.cosine[unknown]))
    raise DoseError(
        f"pose {pose}: {int(unknown.sum()):,} of {len(unknown):,} points lie outside of {threshold!r}: they "
        f"span {change.min():.4g} to {change.max():.4g} % and {theta.min():.4g} to {theta.max():.4g}° "
        "(outside='nan' leaves them unknown)"
    )


def _sigmoid(x: Floats) -> Floats:
    """Return 1/(1 + exp(−x)) without overflow."""
    small = np.exp(-np.abs(x))
    return np.asarray(np.where(x >= 0, 1.0, small) / (1.0 + small))
