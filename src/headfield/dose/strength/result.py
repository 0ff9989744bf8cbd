# SPDX-License-Identifier: BSD-3-Clause
"""The answer to how strong: a share of the maximum stimulator output, with its error and what it rests on."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...io.atomic import replacing
from ...io.json_text import finite_or_none
from .place import FieldAtPlace

__all__ = ["Intensity"]


@dataclass(frozen=True, eq=False, kw_only=True)
class Intensity:
    """How strong a coil has to be driven at a place; `headfield.dose.intensity` makes it.

    Research use: no rule was shown to make treatments safer or better; no number here is medical advice.

    Attributes
    ----------
    mso : float
        % of the maximum stimulator output.
    didt : float
        dI/dt at that, A/s.
    field : float
        The value of the measure at the target at that, V/m.
    std_mso : float
        Standard deviation of `mso` by all that is in `errors`, %MSO; not a number where nothing is, as by
        rules without a field whose threshold has no `std_mso`.
    interval_mso : tuple of 2 float
        That holds 95 % of samples of all of it together, %MSO; infinite where the field may be 0.
    errors : dict of str to float
        What each source does to `mso` by itself, standard deviations in %MSO: by rules with a field
        "discretisation" (the estimated error of the value taken for one), and "placement" and "conductivity"
        where they were given; "motor threshold" where that has a `std_mso`. Sources that are not there were
        not looked at; they are not zero.
    field_errors : dict of str to float
        What each source does to `field` by itself where the stimulator is set to `mso`, relative.
    rule : str
    rule_facts : dict
        The numbers that the rule was given: the motor threshold, its standard deviation, a factor, a slope.
    of_threshold : bool
        Whether it is that of a motor threshold.
    percent : float
        Of the threshold, as it was asked for, such as 120; 100 without one.
    percent_rmt : float or None
        `mso` in percent of the resting motor threshold of this coil and stimulator, as tables of trains have
        it: by a factor or at another depth it is not `percent`. None where that threshold is not known.
    site, reference : FieldAtPlace
        What the coil does at the target, and what the one at threshold did; None by rules that need none.
    distances_mm : tuple of 2 float, or None
        From the scalp to the cortex at the motor cortex and at the target, by the rule that needs them.
    notes : tuple of str
        What has to be known to use it.
    """

    mso: float
    didt: float
    field: float
    std_mso: float
    interval_mso: tuple[float, float]
    errors: dict[str, float]
    field_errors: dict[str, float]
    rule: str
    rule_facts: dict[str, Any]
    of_threshold: bool
    percent: float
    percent_rmt: float | None
    site: FieldAtPlace
    reference: FieldAtPlace | None
    distances_mm: tuple[float, float] | None
    notes: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return all of it as plain values, with None for what is not finite."""
        facts = {
            "mso_percent": self.mso,
            "std_mso_percent": self.std_mso,
            "interval_95_mso_percent": list(self.interval_mso),
            "didt_A_per_s": self.didt,
            "field_V_per_m": self.field,
            "errors_mso_percent": self.errors,
            "errors_field_relative": self.field_errors,
            "rule": self.rule,
            "rule_given": self.rule_facts,
            "percent_of_threshold": self.percent if self.of_threshold else None,
            "percent_of_resting_motor_threshold": self.percent_rmt,
            "site": self.site.to_dict(),
            "reference": None if self.reference is None else self.reference.to_dict(),
            "scalp_to_cortex_mm": None if self.distances_mm is None else list(self.distances_mm),
            "notes": list(self.notes),
        }
        return dict(finite_or_none(facts))

    def to_json(self, path: str | os.PathLike[str]) -> None:
        """Write `to_dict` to a file; it appears whole or not at all."""
        text = json.dumps(self.to_dict(), indent=1, ensure_ascii=False, allow_nan=False) + "\n"
        with replacing(path) as new:
            Path(new).write_text(text, encoding="utf-8")

    @property
    def in_short(self) -> str:
        """The intensity with its error, as text."""
        error = f" ± {self.std_mso:.1f}" if self.errors else ""
        return f"{self.mso:.1f}{error} %MSO"

    def __str__(self) -> str:
        low, high = self.interval_mso
        of = "" if self.percent == 100.0 else f", {self.percent:g} % of the threshold"
        ends = f", 95 % from {low:.1f} to {high:.1f}" if self.errors else "; its error was not looked at"
        lines = [
            f"{self.in_short} by {self.rule}{of}{ends}",
            f"dI/dt {1e-6 * self.didt:.2f} A/µs, {self.field:.1f} V/m: {self.site.words}",
        ]
        if self.reference is not None:
            lines.append(f"at the motor threshold: {self.reference.words}")
        if self.distances_mm is not None:
            lines.append("scalp to cortex: {:.1f} mm there, {:.1f} mm here".format(*self.distances_mm))
        lines += [f"{name:<18}± {std:.2f} %MSO" for name, std in self.errors.items()]
        return "\n".join([*lines, *self.notes])

    def __repr__(self) -> str:
        return f"<Intensity: {self.in_short} by {self.rule}, {self.field:.1f} V/m>"
