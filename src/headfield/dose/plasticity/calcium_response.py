# SPDX-License-Identifier: BSD-3-Clause
"""What the calcium model says of a session: courses of synaptic strength, calcium and conductance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .words import NO_MODEL_OVER_WEEKS, RESEARCH

__all__ = ["CalciumResponse"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class CalciumResponse:
    """Courses of the calcium model over a session.

    Attributes
    ----------
    time_s : ndarray (n,)
        From the start of the simulation; the first pulse comes at `start_s`.
    strength : ndarray (n,)
        ν/ν0, strength of the synapses relative to that at the start.
    target : ndarray (n,)
        n/ν0, what the strength is on its way to.
    calcium : ndarray (n,), mol/l
    conductance : ndarray (n,)
        g of the NMDA receptors, which metaplasticity moves.
    start_s, amplitude_per_s : float
        Of the first pulse; drive during a pulse, 1/s.
    pulses : int
    metaplasticity : bool
    assumption : str
        How E came in.
    source : str
    paper, unit, validated_on, does_not_say, no_model_over_weeks : str
        The same for all.
    """

    paper = (
        "calcium-dependent plasticity after Shouval with metaplasticity after Fung and Robinson; equations "
        "and constants of NFTsim, tbs.conf"
    )
    unit = "strength of excitatory synapses relative to the start, none"
    validated_on = (
        "nothing but signs: iTBS up, cTBS down, both reversed when doubled (Gamboa 2010, "
        "doi 10.1007/s00221-010-2293-4)"
    )
    does_not_say = (
        "one population of excitatory neurons without a place in the brain; nothing of motor evoked "
        "potentials, of single persons or of courses. Fragile: at an amplitude of 7 iTBS and cTBS both "
        f"strengthen, and without metaplasticity too. {RESEARCH}"
    )
    no_model_over_weeks = NO_MODEL_OVER_WEEKS

    time_s: Floats
    strength: Floats
    target: Floats
    calcium: Floats
    conductance: Floats
    start_s: float
    amplitude_per_s: float
    pulses: int
    metaplasticity: bool
    assumption: str
    source: str

    @property
    def final(self) -> float:
        """Strength at the last of the times."""
        return float(self.strength[-1])

    def to_dict(self) -> dict[str, Any]:
        """Return all of it for JSON."""
        arrays = ("time_s", "strength", "target", "calcium", "conductance")
        names = ["start_s", "amplitude_per_s", "pulses", "metaplasticity", "assumption", "source"]
        names += ["paper", "unit", "validated_on", "does_not_say", "no_model_over_weeks"]
        courses = {name: getattr(self, name).tolist() for name in arrays}
        return {name: getattr(self, name) for name in names} | courses

    def __str__(self) -> str:
        return "\n  ".join(
            [
                f"ν/ν0 = {self.final:.5f} at {self.time_s[-1]:g} s, {self.pulses:,} pulses from "
                f"{self.start_s:g} s on",
                f"unit: {self.unit}",
                f"source: {self.source}",
                f"E: {self.assumption}",
                f"validated on: {self.validated_on}",
                f"does not say: {self.does_not_say}",
                self.no_model_over_weeks,
            ]
        )
