# SPDX-License-Identifier: BSD-3-Clause
"""What follows by a rule from fields at two places, and how sure that is."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...errors import DoseError
from .place import FieldAtPlace
from .result import Intensity
from .rules import FixedFactor, FixedField, MatchedField, Rule, ScalpDistance

__all__ = ["Answer"]

Floats = NDArray[np.float64]

_DRAWS = 16384
_ENDS = (2.5, 97.5)
_MIDDLE = 0.1  # share of samples on one side of the value below which it is not in their middle
_CAVEATS = (
    "thresholds of the motor cortex need not hold elsewhere (Dannhauer 2024, doi "
    "10.1016/j.biopsych.2023.11.022)",
    "the result depends on the head model, on how the target is chosen, and on the measure: mean, "
    "percentile, |E| or a component (Numssen 2024, doi 10.1162/imag_a_00106)",
)


class Answer(NamedTuple):
    """Fields at both places, and what follows of them by a rule."""

    rule: Rule
    percent: float  #: of the threshold
    factor: float  #: of pulses that differ
    here: FieldAtPlace
    there: FieldAtPlace | None
    distances: tuple[float, float] | None
    rng: np.random.Generator

    def intensity(self) -> Intensity:
        """Return the answer; raise if no stimulator reaches it."""
        mso = self._mso()
        field = self.here.at(mso)
        _check_reached(mso, field, self.rule, self.here)
        of_mso, of_field = self._drawn()
        errors = {name: _spread(mso * one) for name, one in of_mso.items()}
        together = mso * np.prod(list(of_mso.values()), axis=0) if errors else np.full(1, np.nan)
        std = float(np.sqrt(sum(one**2 for one in errors.values()))) if errors else np.nan
        # No interpolation between samples: some may be infinite.
        low, high = (float(end) for end in np.percentile(together, _ENDS, method="inverted_cdf"))
        return Intensity(
            mso=mso,
            didt=self.here.place.didt_max * mso / 100.0,
            field=field,
            std_mso=std,
            interval_mso=(low, high),
            errors=errors,
            field_errors={name: _spread(one) for name, one in of_field.items()},
            rule=self.rule.name,
            of_threshold=self.rule.of_threshold,
            percent=self.percent,
            rule_facts=self._rule_facts(),
            percent_rmt=self._percent_rmt(mso),
            site=self.here,
            reference=self.there,
            distances_mm=self.distances,
            notes=self._notes(mso, together),
        )

    def _mso(self) -> float:
        """Return the intensity, %MSO, as everything is given."""
        rule, here, share = self.rule, self.here, self.percent / 100.0
        if isinstance(rule, FixedField):
            return here.mso_of(rule.field)
        if isinstance(rule, FixedFactor):
            return share * rule.mso * float(rule.factor or 1.0)
        if isinstance(rule, MatchedField) and self.there is not None:
            return share * here.mso_of(self.factor * self.there.at(rule.mso))
        assert isinstance(rule, ScalpDistance)  # the others are above
        assert self.distances is not None
        return share * rule.adjusted(*self.distances)

    def _rule_facts(self) -> dict[str, Any]:
        """Return the numbers that the rule was given."""
        rule = self.rule
        if isinstance(rule, FixedField):
            return {"field_V_per_m": rule.field}
        facts = {"mso_percent": rule.mso, "std_mso_percent": rule.std_mso, "threshold": rule.threshold}
        if isinstance(rule, FixedFactor):
            return facts | {"factor": rule.factor, "source": rule.source}
        if isinstance(rule, ScalpDistance):
            return facts | {"slope_mso_per_mm": rule.slope, "source": rule.source}
        return facts | {"field_times": self.factor}

    def _percent_rmt(self, mso: float) -> float | None:
        """Return the intensity in % of the resting motor threshold, if that is known of this very coil."""
        rule = self.rule
        if isinstance(rule, FixedField) or rule.threshold != "resting":
            return None
        if self.there is not None and not self.there.place.has_coil_of(self.here.place):
            return None
        return 100.0 * mso / rule.mso

    def _drawn(self) -> tuple[dict[str, Floats], dict[str, Floats]]:
        """Return factors (draws,) of each source on the intensity, and on the field where that is set."""
        rule, of_mso, of_field = self.rule, dict[str, Floats](), dict[str, Floats]()
        by_field = isinstance(rule, (MatchedField, FixedField))
        for name in ("discretisation", "placement", "conductivity"):
            here, there = self._of_source(name)
            if here is None:
                continue
            of_field[name] = here
            if by_field:
                ratio = np.full_like(here, np.inf)
                of_mso[name] = np.divide(there, here, out=ratio, where=here > 0.0)
        if not isinstance(rule, FixedField) and rule.std_mso:
            threshold = 1.0 + rule.std_mso / rule.mso * self.rng.standard_normal(_DRAWS)
            if isinstance(rule, ScalpDistance):
                threshold = 1.0 + (threshold - 1.0) * rule.mso * self.percent / 100.0 / self._mso()
            of_mso["motor threshold"] = threshold
            of_field["motor threshold"] = threshold
        return of_mso, of_field

    def _of_source(self, name: str) -> tuple[Floats | None, Any]:
        """Return factors (draws,) on the field here, and on that at the threshold (1 without one)."""
        if name == "discretisation":
            return self._of_mesh()
        here = getattr(self.here, name)
        if here is None:
            return None, 1.0
        there = None if self.there is None else getattr(self.there, name)
        row = self.rng.integers(len(here), size=_DRAWS)
        if there is None:
            return 1.0 + here[row], 1.0
        # The head is one: its conductivities are drawn once for both places, each coil's pose apart.
        other = row if name == "conductivity" else self.rng.integers(len(there), size=_DRAWS)
        return 1.0 + here[row], 1.0 + there[other]

    def _of_mesh(self) -> tuple[Floats, Any]:
        """Return factors of the discretisation here and there: the same for the same coil and place."""
        here, there = self.here, self.there
        factors = 1.0 + here.discretisation_error * self.rng.standard_normal(_DRAWS)
        if there is None:
            return factors, 1.0
        if there.place.is_same_as(here.place):
            return factors, factors
        return factors, 1.0 + there.discretisation_error * self.rng.standard_normal(_DRAWS)

    def _notes(self, mso: float, together: Floats) -> tuple[str, ...]:
        notes = list(_CAVEATS) if self.rule.of_threshold else [_CAVEATS[1]]
        if isinstance(self.rule, FixedFactor):
            notes.insert(0, f"factor {self.rule.factor:g}: {self.rule.source}")
        if isinstance(self.rule, ScalpDistance):
            notes.insert(0, f"{self.rule.slope:g} %MSO/mm: {self.rule.source}")
        if self.factor != 1.0:
            notes.append(f"E is {self.factor:.3f} times that at threshold, for pulses of unlike shape")
        high = float(np.percentile(together, _ENDS[1], method="inverted_cdf"))
        if high > 100.0 >= mso:
            notes.append(f"within its error it is more than 100 %MSO: up to {high:.0f}")
        below = float((together < mso).mean())
        if len(together) > 1 and not _MIDDLE < below < 1.0 - _MIDDLE:
            middle = float(np.percentile(together, 50, method="inverted_cdf"))
            notes.append(
                f"{100 * (1 - below):.0f} % of samples are above {mso:.1f} %MSO, half above {middle:.1f}: "
                "what was said to be uncertain, such as conductivities, is not centred at what the model has"
            )
        notes += self._of_stimulators()
        looked_at = {"placement": self.here.placement, "conductivity": self.here.conductivity}
        if isinstance(self.rule, (FixedFactor, ScalpDistance)):
            notes.append("how much persons differ from this rule is in no error above")
        missing = [name for name, found in looked_at.items() if found is None]
        if not isinstance(self.rule, FixedField) and not self.rule.std_mso:
            notes.append("the motor threshold is taken as exact: std_mso says how sure it is")
        if missing:
            notes.append(f"{' and '.join(missing)} not looked at: they are in no error above")
        return tuple(notes)

    def _of_stimulators(self) -> list[str]:
        """Return a note where stimulators have other names and their pulses were not compared."""
        if self.there is None or not isinstance(self.rule, MatchedField) or self.rule.pulse is not None:
            return []
        names = [at.place.coil.stimulator for at in (self.here, self.there)]
        if names[0] == names[1] or not all(names):
            return []
        return [f"pulses of {names[0]} and {names[1]} count as alike: pulse= compares their shapes"]


def _spread(values: Floats) -> float:
    """Return the standard deviation of samples, infinite where one is."""
    return float(values.std(ddof=1)) if np.isfinite(values).all() else float("inf")


def _check_reached(mso: float, field: float, rule: Rule, here: FieldAtPlace) -> None:
    if not mso > 0.0:
        raise DoseError(f"{rule.name}: the intensity would be {mso:.1f} %MSO, which is none")
    if mso > 100.0:
        raise DoseError(
            f"{rule.name}: {mso:.1f} %MSO would be needed for {field:.1f} V/m; {here.place.coil!r} reaches "
            f"{here.at(100.0):.1f} V/m there at 100 %"
        )
