# SPDX-License-Identifier: BSD-3-Clause
"""The answer to how strong: a share of the maximum stimulator output, with its error and what it rests on."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...io.atomic import replacing
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
        Standard deviation of `mso` by all that is in `errors`, %MSO.
    interval_mso : tuple of 2 float
        That holds 95 % of samples of all of it together, %MSO.
    errors : dict of str to float
        What each source does to `mso` by itself, standard deviations in %MSO: "discretisation" (the
        estimated error of the value taken for one), and "placement", "conductivity" and "motor threshold"
        where they were given. Sources that are not there were not looked at; they are not zero.
    field_errors : dict of str to float
        What each source does to `field` by itself where the stimulator is set to `mso`, relative.
    rule : str
    of_threshold : bool
        Whether it is that of a motor threshold.
    percent : float
        Of the threshold, as it was asked for, such as 120; 100 without one.
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
    of_threshold: bool
    percent: float
    site: FieldAtPlace
    reference: FieldAtPlace | None
    distances_mm: tuple[float, float] | None
    notes: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return all of it as plain values."""
        return {
            "mso_percent": self.mso,
            "std_mso_percent": self.std_mso,
            "interval_95_mso_percent": list(self.interval_mso),
            "didt_A_per_s": self.didt,
            "field_V_per_m": self.field,
            "errors_mso_percent": self.errors,
            "errors_field_relative": self.field_errors,
            "rule": self.rule,
            "percent_of_threshold": self.percent if self.of_threshold else None,
            "site": self.site.to_dict(),
            "reference": None if self.reference is None else self.reference.to_dict(),
            "scalp_to_cortex_mm": None if self.distances_mm is None else list(self.distances_mm),
            "notes": list(self.notes),
        }

    def to_json(self, path: str | os.PathLike[str]) -> None:
        """Write `to_dict` to a file; it appears whole or not at all."""
        text = json.dumps(self.to_dict(), indent=1, ensure_ascii=False) + "\n"
        with replacing(path) as new:
            Path(new).write_text(text, encoding="utf-8")

    def __str__(self) -> str:
        low, high = self.interval_mso
        of = "" if self.percent == 100.0 else f", {self.percent:g} % of the threshold"
        lines = [
            f"{self.mso:.1f} ± {self.std_mso:.1f} %MSO by {self.rule}{of}, 95 % from {low:.1f} to {high:.1f}",
            f"dI/dt {1e-6 * self.didt:.2f} A/µs, {self.field:.1f} V/m: {_words(self.site)}",
        ]
        if self.reference is not None:
            lines.append(f"reference: {_words(self.reference)}")
        if self.distances_mm is not None:
            lines.append("scalp to cortex: {:.1f} mm there, {:.1f} mm here".format(*self.distances_mm))
        lines += [f"{name:<18}± {std:.2f} %MSO" for name, std in self.errors.items()]
        return "\n".join([*lines, *self.notes])

    def __repr__(self) -> str:
        return f"<Intensity: {self.mso:.1f} ± {self.std_mso:.1f} %MSO by {self.rule}, {self.field:.1f} V/m>"


def _words(at: FieldAtPlace) -> str:
    what = repr(at.place.measure).removeprefix("<Target: ").removeprefix("<").removesuffix(">")
    return f"{what}, {1e6 * at.per_didt:.4g} V/m at 1 A/µs"
