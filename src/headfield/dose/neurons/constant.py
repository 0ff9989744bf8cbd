# SPDX-License-Identifier: BSD-3-Clause
"""Thresholds that are one number: of |E|, or of its component along the normal."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ...core.arguments import positive
from ...core.messages import nearest_name
from ...errors import ArgumentError, DoseError
from .about import COSINE, MAGNITUDE, ThresholdModel

__all__ = ["Constant", "Threshold", "threshold_of"]

Floats = NDArray[np.float64]

_RULES = {"cosine": COSINE, "magnitude": MAGNITUDE}


class Threshold(Protocol):
    """What `activation` asks of a threshold."""

    about: ThresholdModel

    @property
    def needs_normals(self) -> bool:
        """Whether it depends on the angle between E and the normal."""

    @property
    def needs_change(self) -> bool:
        """Whether it depends on the relative change of |E| between layers 1 and 6."""

    @property
    def of_component(self) -> bool:
        """Whether it is one of |E·n|, not of |E|."""

    def at(self, cosine: Floats, change: Floats | None) -> Floats:
        """Return thresholds, V/m, at cosines of these angles; NaN where they are not known."""


class Constant:
    """One threshold, V/m, of |E| or of |E·n|.

    Examples
    --------
    >>> Constant(100.0, "cosine")
    <cosine rule: |E·n| against a threshold of 100 V/m>
    """

    needs_change = False

    def __init__(self, value: Any, rule: str) -> None:
        if not isinstance(rule, str) or rule not in _RULES:
            raise ArgumentError(
                f"rule must be 'cosine' or 'magnitude', not {rule!r}{nearest_name(rule, _RULES)}"
            )
        self.value = positive(value, "threshold", DoseError)
        self.about = _RULES[rule]
        self.needs_normals = self.of_component = rule == "cosine"

    def __repr__(self) -> str:
        return f"<{self.about.name} of {self.value:g} V/m>"

    def at(self, cosine: Floats, change: Floats | None = None) -> Floats:
        """Return the threshold for each, V/m."""
        return np.full_like(cosine, self.value)


def threshold_of(threshold: Any, rule: str | None) -> Threshold:
    """Return what was given as a threshold: a form or a table as it is, a number by its rule."""
    if all(hasattr(threshold, name) for name in ("about", "at", "needs_normals", "needs_change")):
        if rule is not None:
            raise ArgumentError(f"rule={rule!r} is for a threshold that is a number, not for {threshold!r}")
        given: Threshold = threshold
        return given
    if rule is None:
        raise ArgumentError(
            f"threshold = {threshold!r}: a number, V/m, needs rule='cosine' or rule='magnitude'; otherwise "
            "give a ThresholdForm or a ThresholdTable"
        )
    return Constant(threshold, rule)
