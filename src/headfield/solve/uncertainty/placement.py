# SPDX-License-Identifier: BSD-3-Clause
"""What a coil that is not quite where it is said to be does to a value: by gradient, and by sampling."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ...placement.clearance import casing_distance
from ...poses.motions import moved
from ...statistics.distributions import Normal
from ...statistics.sobol import samples
from .jitter import PoseJitter
from .looking import Moments, Question
from .spread import Spread

__all__ = ["placement_spread"]

Floats = NDArray[np.float64]


def placement_spread(question: Question, jitter: PoseJitter, count: int, seed: int) -> Spread:
    """Return the spread that poses off by a jitter have.

    Poses that put the coil's casing into the head are solved as they are, since nobody knows where else the
    coil would be, and counted.

    Parameters
    ----------
    question : Question
    jitter : PoseJitter
    count : int
        Sampled poses, each solved in full.
    seed : int
    """
    std = jitter.std
    moves = np.zeros((count + 1, 6))  # the first is none
    moves[1:, std > 0.0] = samples([Normal(0.0, s) for s in std[std > 0.0]], count, seed)
    poses = moved(question.pose, moves)
    moments = Moments(len(question.looking.where))
    values: list[Floats] = []
    nominal: Floats | None = None
    for found, magnitude in question.solved(poses):
        nominal = magnitude[0] if nominal is None else nominal
        moments.add(magnitude[1 if not values else 0 :] - nominal)
        values.append(found)
    value = np.concatenate(values)
    gradient = question.model.gradient(
        question.looking.measure, question.coil, question.pose, question.didt, tol=question.tol
    ).pose[0]
    facts = {
        "shift_mm": std[:3].tolist(),
        "turn_deg": np.degrees(std[3:]).tolist(),
        "gradient_per_mm": gradient[:3].tolist(),
        "gradient_per_degree": np.radians(gradient[3:]).tolist(),
    }
    notes = _cutting(question, poses, facts)
    by_gradient = float(np.sqrt(((gradient * std) ** 2).sum()))
    how = f"{count} poses"
    return Spread("placement", how, value[1:] - value[0], by_gradient, moments.variance, facts, notes=notes)


def _cutting(question: Question, poses: Floats, facts: dict[str, object]) -> tuple[str, ...]:
    """Count the sampled poses whose casing cuts into the head; return what has to be said of them."""
    if question.coil.casing is None:
        facts["poses_in_head"] = None
        return ("placement: the coil has no casing, so whether sampled poses cut into the head is not known",)
    inside = int((casing_distance(question.model.scalp, question.coil.casing, poses)[1:] < 0.0).sum())
    facts["poses_in_head"] = inside
    if not inside:
        return ()
    return (
        f"placement: the casing cuts into the head at {inside} of {len(poses) - 1} sampled poses, which are "
        f"solved as they are; no deviation along z (shift_mm = [x, y, 0]) is that of a coil pressed on",
    )
