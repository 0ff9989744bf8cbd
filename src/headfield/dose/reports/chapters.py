# SPDX-License-Identifier: BSD-3-Clause
"""What a report of a session says, chapter by chapter, in words, tables and pictures."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ...core.messages import in_one_line, plural
from ...errors import HeadfieldError
from ...fields.field import Field
from ...metrics import percentiles
from ...pictures.figure import png_of
from ...pictures.report_page import Chapter
from ..heat import Heating
from ..maps.dose_map import DoseMap
from ..plasticity.words import NO_MODEL_OVER_WEEKS
from ..protocol.limits_report import LimitsReport
from ..protocol.protocol import Protocol
from ..strength.place import FieldAtPlace
from ..strength.result import Intensity

__all__ = ["RESEARCH_USE", "Chapters"]

#: What every report says.
RESEARCH_USE = (
    "Research use. Nothing here is medical advice: published thresholds, limits and rules are averages, and "
    "numbers that are marked as from memory were never compared with their source."
)

_GIVEN = {  # what the numbers of rules are called, and their units
    "mso_percent": ("motor threshold", " %MSO"),
    "std_mso_percent": ("its standard deviation", " %MSO"),
    "threshold": ("kind of threshold", ""),
    "field_V_per_m": ("field that is wanted", " V/m"),
    "slope_mso_per_mm": ("slope", " %MSO/mm"),
    "field_times": ("E times, for the pulses", ""),
}


@dataclass(frozen=True, eq=False, kw_only=True)
class Chapters:
    """What `SessionReport`, which describes the attributes, is built on: all that a page says."""

    title: str
    made: str
    intensity: Intensity
    field: Field
    protocol: Protocol | None
    limits: LimitsReport | None
    dose: DoseMap | None
    heat: Heating | None
    conductivity: dict[str, float]

    def provenance(self) -> dict[str, Any]:
        """Return what it was computed with; a report has it."""
        raise NotImplementedError

    @property
    def strongest(self) -> float:
        """The 99.9th percentile of |E| in the brain by volume, V/m."""
        volumes = self.field.mesh.volumes_mm3()[self.field.elements]
        return float(percentiles(self.field.magnitude[0], volumes, 99.9))

    @property
    def notes(self) -> tuple[str, ...]:
        """What has to be known to use it: of the intensity, and how it and the protocol go together."""
        found, protocol = self.intensity, self.protocol
        notes = list(found.notes)
        if protocol is None or not found.of_threshold:
            return tuple(notes)
        kind, own = found.rule_facts["threshold"], protocol.percent_rmt
        if own is not None and found.percent_rmt is not None and abs(found.percent_rmt - own) > 0.5:
            output = found.rule_facts["mso_percent"] * own / 100.0
            notes.insert(
                0,
                f"{own:g} % of the motor threshold of this coil would be {output:.1f} %MSO; the rule gives "
                f"{found.mso:.1f}, which is {found.percent_rmt:.0f} % of it",
            )
        if own is None and protocol.intensity:
            notes.insert(
                0,
                f"the protocol is published at {protocol.intensity}; this is {found.percent:g} % of the "
                f"{kind} motor threshold that was given",
            )
        return tuple(notes)

    def chapters(self, problems: list[str]) -> list[Chapter]:
        """Return all chapters; why pictures are missing is put into `problems`."""
        return [
            self._strength(problems),
            self._setting(),
            *self._course(problems),
            *self._sums(),
            Chapter("What this is, and is not", paragraphs=[RESEARCH_USE, *self.notes]),
            self._provenance(),
        ]

    def _strength(self, problems: list[str]) -> Chapter:
        found = self.intensity
        low, high = found.interval_mso
        percent = found.percent_rmt
        of = "" if found.percent == 100.0 else f", {found.percent:g} % of the threshold"
        rows = [
            ("by rule", f"{found.rule}{of}"),
            *(_given(name, value) for name, value in found.rule_facts.items()),
            *([("of the resting threshold", f"{percent:.0f} % with this coil")] if percent else []),
            ("95 % of samples", f"{low:.1f} to {high:.1f} %MSO" if found.errors else "error not looked at"),
            *((f"by {name}", f"± {std:.2f} %MSO") for name, std in found.errors.items()),
            ("dI/dt", f"{1e-6 * found.didt:.2f} A/µs of {1e-6 * found.site.place.didt_max:.2f} A/µs"),
            ("field at the target", f"{found.field:.1f} V/m, {found.site.words}"),
            *((f"field by {name}", f"± {100 * std:.1f} %") for name, std in found.field_errors.items()),
            ("99.9th percentile in the brain", f"{self.strongest:.1f} V/m"),
        ]
        if found.reference is not None:
            rows.append(("at the motor threshold", f"{found.reference.words}, {_coil(found.reference)}"))
        if found.distances_mm is not None:
            rows.append(("scalp to cortex", "{:.1f} mm there, {:.1f} mm here".format(*found.distances_mm)))
        lead = found.in_short.replace("%MSO", "% of the maximum stimulator output")
        picture = _pictures("|E| of one pulse", lambda: self.field.plot(0, found.site.place.coil), problems)
        return Chapter("Intensity", rows, pictures=picture, lead=lead)

    def _setting(self) -> Chapter:
        mesh, place = self.field.mesh, self.intensity.site.place
        x, y, z = place.pose[:3, 3]
        targets = self.intensity.site.to_dict()["regions"]
        rows = [
            ("head", f"{mesh.n_nodes:,} nodes, {mesh.n_tets:,} tetrahedra"),
            ("conductivity", ", ".join(f"{name} {s:g}" for name, s in self.conductivity.items()) + " S/m"),
            ("coil", _coil(self.intensity.site)),
            ("its centre", f"{x:.1f} {y:.1f} {z:.1f} mm"),
            *(("target", _region(one)) for one in targets),
            *((f"its {name} axis", _direction(place.pose[:3, i])) for i, name in enumerate("xyz")),
        ]
        return Chapter("Head, coil and pose", rows)

    def _course(self, problems: list[str]) -> list[Chapter]:
        if self.protocol is None:
            return []
        title, *lines = str(self.protocol).split("\n")
        drawn = _pictures("timeline of the protocol", self.protocol.plot, problems)
        chapters = [Chapter("Protocol", (), [one.strip() for one in lines], drawn, title)]
        if self.limits is not None:
            title, *lines = str(self.limits).split("\n")
            said = [one.strip() for one in lines]
            chapters.append(Chapter("Published tables of trains", paragraphs=said, lead=title))
        chapters[-1] = chapters[-1]._replace(paragraphs=[*chapters[-1].paragraphs, NO_MODEL_OVER_WEEKS])
        return chapters

    def _sums(self) -> list[Chapter]:
        rows: list[tuple[str, str]] = []
        if self.dose is not None:
            dose, unit = self.dose, self.dose.region.unit
            rows = [
                ("pulses", f"{dose.n_pulses:,} at {plural(dose.n_poses, 'pose', 'poses')}{self._other}"),
                ("|E| of all pulses, added", f"{dose.total.max(initial=0.0):.4g} V/m × pulses at most"),
                ("mean of |E|", f"{dose.mean.max(initial=0.0):.4g} V/m at most"),
                *(
                    (f"above {level:g} V/m", f"{dose.exceedance(level):,.0f} {unit} in one pulse or more")
                    for level in dose.thresholds.tolist()
                ),
                *(("left out", str(one)) for one in dose.refused),
            ]
        if self.heat is not None:
            rows.append(("energy of a pulse", f"{self.heat.energy_per_pulse_j:.3g} J lost in the circuit"))
            rows.append(("mean power", f"{self.heat.mean_power_w:.4g} W"))
            if self.heat.rise_k is not None:
                rows.append(("rise of temperature", f"{self.heat.rise_k:.2g} K at most, with no cooling"))
        return [Chapter("All pulses together", rows)] if rows else []

    @property
    def _other(self) -> str:
        """Words where the sums are of another number of pulses than the protocol has."""
        if self.protocol is None or self.dose is None or self.dose.n_pulses == self.protocol.n_pulses:
            return ""
        return f"; the protocol has {self.protocol.n_pulses:,}"

    def _provenance(self) -> Chapter:
        facts = self.provenance()
        rows = [
            ("headfield", f"{facts['headfield']}, on {facts['device']}"),
            ("residual", f"{facts['residual']:.1e}"),
            ("made", self.made),
        ]
        rows += [(f"hash of the {name}", value) for name, value in (facts["hashes"] or {}).items()]
        return Chapter("Provenance", rows)


def _pictures(what: str, draw: Callable[[], Any], problems: list[str]) -> list[tuple[str, bytes]]:
    """Return a picture, or none and note why: a report without its pictures is one all the same."""
    try:
        return [(what, png_of(draw()))]
    except HeadfieldError as problem:
        problems.append(in_one_line(problem))
        return []


def _given(name: str, value: Any) -> tuple[str, str]:
    """Return the name of a number that a rule was given, and it with its unit."""
    label, unit = _GIVEN.get(name, (name, ""))
    return label, f"{value:g}{unit}" if isinstance(value, float) else f"{value}{unit}"


def _region(facts: dict[str, Any]) -> str:
    x, y, z = facts["centre_mm"]
    size = f"{facts['size']:,.0f} {facts['unit']} within {facts['reach_mm']:.1f} mm"
    return f"around {x:.1f} {y:.1f} {z:.1f} mm of the head, {size}"


def _coil(at: FieldAtPlace) -> str:
    coil = at.place.coil
    stimulator = f", {coil.stimulator}" if coil.stimulator else ""
    return f"{coil.name or 'no name'}{stimulator}, {1e-6 * at.place.didt_max:g} A/µs at 100 %"


def _direction(axis: Any) -> str:
    return "{:.3f} {:.3f} {:.3f}".format(*axis)
