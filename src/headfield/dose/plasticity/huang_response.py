# SPDX-License-Identifier: BSD-3-Clause
"""What the three-stage model of theta bursts says of a session."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...core.arguments import finite_array
from ...errors import ArgumentError
from .words import NO_MODEL_OVER_WEEKS, RESEARCH

__all__ = ["HuangResponse"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class HuangResponse:
    """After-effect of a session of theta bursts, by Huang's model.

    Attributes
    ----------
    bursts, trains : int
        In a train, and of them in the session.
    gap_s : float
        From the end of a train to the next.
    contraction : bool
        Whether the muscle was contracted before.
    revised : bool
        Whether constants are those of the revision.
    calcium : ndarray (bursts + 1,)
        Ca_n after n bursts of a train.
    facilitation, inhibition, net : float
        F, I and M = F − I after the session.
    peak_s : float
        When the after-effect is largest.
    branch : {"facilitation", "inhibition"}
        By which curves it comes and goes; the sign is that of `net`.
    source : str
    notes : tuple of str
        What of the session is outside of what the model was fitted to.
    paper, unit, validated_on, does_not_say, no_model_over_weeks : str
        The same for all.
    """

    paper = (
        "Huang 2011, doi 10.1016/j.clinph.2010.08.016; revised by Ma, Rothwell, Goetz 2022, "
        "doi 10.1101/2022.04.15.488478"
    )
    unit = "change of motor evoked potentials in the arbitrary scale of the paper"
    validated_on = (
        "averages of groups at rest over M1, digitised: cTBS300, cTBS600, iTBS600 and imTBS600 after "
        "contraction, and cTBS300 without"
    )
    does_not_say = (
        "it knows numbers of bursts, trains and pauses, and neither intensity nor E; nothing of single "
        f"persons, of places other than M1, or of more than one session. {RESEARCH}"
    )
    no_model_over_weeks = NO_MODEL_OVER_WEEKS

    bursts: int
    trains: int
    gap_s: float
    contraction: bool
    revised: bool
    calcium: Floats
    facilitation: float
    inhibition: float
    peak_s: float
    branch: str
    source: str
    notes: tuple[str, ...]
    shape: Mapping[str, float] = field(repr=False)

    @property
    def net(self) -> float:
        """M = F − I."""
        return self.facilitation - self.inhibition

    def after_effect(self, time_s: ArrayLike) -> Floats:
        """Return AE(t) at times after the end of the session.

        Parameters
        ----------
        time_s : array_like (…), s
            0 or more.

        Returns
        -------
        ndarray (…)

        Raises
        ------
        ArgumentError
            Times that are not finite or before the end.

        Examples
        --------
        >>> import headfield as hf
        >>> hf.dose.huang2011(hf.dose.protocols["itbs"]).after_effect([300, 1200]).round(3).tolist()
        [5.494, 1.659]
        """
        t = finite_array(time_s, "time_s", ArgumentError)
        if (t < 0.0).any():
            raise ArgumentError(f"time_s: {t.min():g} s is before the end of the session")
        return np.where(t <= self.peak_s, self._rising(np.minimum(t, self.peak_s)), self._falling(t))

    def _rising(self, t: Floats) -> Floats:
        power = self.shape["onset_power"]
        half = (self.shape["onset_share"] * self.peak_s) ** power
        return np.asarray(self.net * t**power / (half + t**power))

    def _falling(self, t: Floats) -> Floats:
        power = self.shape["decay_power"]
        half = (self.shape["decay_share"] * self.peak_s) ** power
        peak = self._rising(np.asarray(self.peak_s))
        return np.asarray(peak * half / (half + np.maximum(t - self.peak_s, 0.0) ** power))

    def to_dict(self) -> dict[str, Any]:
        """Return all of it but the curve for JSON."""
        names = ["bursts", "trains", "gap_s", "contraction", "revised", "facilitation", "inhibition", "net"]
        names += ["peak_s", "branch", "source", "paper", "unit", "validated_on", "does_not_say"]
        found = {name: getattr(self, name) for name in [*names, "no_model_over_weeks"]}
        return found | {"notes": list(self.notes), "calcium": self.calcium.tolist()}

    def __str__(self) -> str:
        return "\n  ".join(
            [
                f"M = F − I = {self.facilitation:.4f} − {self.inhibition:.4f} = {self.net:.4f}, "
                f"largest {self.peak_s:g} s after the session, by the time course of {self.branch}",
                f"unit: {self.unit}",
                f"source: {self.source}",
                f"validated on: {self.validated_on}",
                f"does not say: {self.does_not_say}",
                *self.notes,
                self.no_model_over_weeks,
            ]
        )
