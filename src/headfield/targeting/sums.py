# SPDX-License-Identifier: BSD-3-Clause
"""The sums of a target at given poses of a coil, by the way that suits their number."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..coils.coil import Coil
from ..core.messages import warn
from ..solve.model import HeadModel
from .lattice import FieldLattice, products
from .reciprocity import ReciprocalField
from .sources import Kinds, exact_sums, kinds_of

__all__ = ["as_asked", "sums_at"]

Floats = NDArray[np.float64]

_SUMMED = 200_000  # sources of all poses, times sums, that are summed one by one; more go by a lattice
_SPACING_MM = 3.0
_MARKED, _MARKS = 300, 10_000_000  # sources of a pose, and of all, by which the lattice is laid out
_CHECKED = 4  # poses at which the lattice is held against the sum
_COARSE = 1e-3
_FAR_MM = 150.0  # from the head: single poses so far off are summed one by one


def as_asked(rates: Floats) -> Floats:
    """Return rates (k, s) in the shape that `HeadModel.solve` takes."""
    return rates if rates.shape[1] > 1 else rates[:, 0]


def sums_at(model: HeadModel, field: ReciprocalField, coil: Coil, poses: Floats, rates: Floats) -> Floats:
    """Return the sums (k, f) of a reciprocal field over a coil at poses, for rates (k, s) or (s,)."""
    rates = np.broadcast_to(rates, (len(poses), rates.shape[-1]))
    if coil.sources().sampled:
        return model.primary_sums(field.currents, coil, poses, as_asked(rates))
    result = np.zeros((len(poses), len(field)))
    for stimulator, one in enumerate(np.eye(rates.shape[1])):
        kinds = kinds_of(coil, one)
        away = _beyond(field.nodes_mm, poses) > _FAR_MM
        if len(kinds.points_mm) * len(poses) * len(field) <= _SUMMED or away.all():
            own = exact_sums(field, kinds, poses)
        else:
            own = np.empty((len(poses), len(field)))
            own[away] = exact_sums(field, kinds, poses[away])
            own[~away] = _by_lattice(model, field, kinds, poses[~away])
        result += rates[:, stimulator, None] * own
    return result


def _beyond(nodes_mm: Floats, poses: Floats) -> Floats:
    """Return how far (k,) coils are from the box around the head, mm."""
    low, high, at = nodes_mm.min(axis=0), nodes_mm.max(axis=0), poses[:, :3, 3]
    return np.asarray(np.linalg.norm(np.maximum(np.maximum(low - at, at - high), 0.0), axis=1))


def _by_lattice(model: HeadModel, field: ReciprocalField, kinds: Kinds, poses: Floats) -> Floats:
    """Do what `exact_sums` does by a field that is tabulated around all poses; warn where that is coarse."""
    result = np.zeros((len(poses), len(field)))
    for wire, kind in kinds.present():
        points = kind.points_mm
        weights = kind.vectors.astype(np.float32).reshape(1, -1)
        marks = points[:: -(-len(points) // max(_MARKED, _MARKS // len(poses)))]
        lattice = FieldLattice(
            field,
            marks,
            poses,
            model.computes_on,
            wire=wire,
            spacing_mm=_SPACING_MM,
            margin_mm=_SPACING_MM,  # for the sources between the marks
        )
        for start in range(0, len(poses), lattice.widest):
            part = poses[start : start + lattice.widest]
            there = products(weights, lattice.sample(points, part))
            result[start : start + len(part)] += there[:, 0, : len(part)].T
    some = np.linspace(0, len(poses) - 1, _CHECKED).round().astype(int)
    exact = exact_sums(field, kinds, poses[some])
    error = np.abs(result[some] - exact).max() / max(np.abs(exact).max(), 1e-300)
    if error > _COARSE:
        warn(
            f"values are off by up to {100 * error:.2g} % of the largest: sources of the coil are close to "
            "the scalp"
        )
    return result
