# SPDX-License-Identifier: BSD-3-Clause
"""All that is to be known of one session in one file: head, coil, pose, intensity, protocol, limits."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..core.messages import in_one_line, plural
from ..core.version import VERSION
from ..errors import DoseError, FileFormatError, HeadfieldError
from ..fields.field import Field
from ..heads.names import called
from ..heads.tissues import BRAIN
from ..io.atomic import check_folder, replacing
from ..io.regular import ending_of
from ..pictures.figure import png_of
from ..pictures.report_page import Chapter, write_report_page
from ..solve.model import HeadModel
from .heating import Heating
from .intensity.place import FieldAtPlace
from .intensity.result import Intensity
from .maps.dose_map import DoseMap
from .plasticity.words import NO_MODEL_OVER_WEEKS
from .protocols.limits import check_limits
from .protocols.limits_report import LimitsReport
from .protocols.protocol import Protocol

__all__ = ["RESEARCH_USE", "SessionReport", "session_report"]

#: What every report says.
RESEARCH_USE = (
    "Research use. Nothing here is medical advice: published thresholds, limits and rules are averages, and "
    "numbers that are marked as from memory were never compared with their source."
)
_ENDINGS = (".html", ".htm", ".json")


@dataclass(frozen=True, eq=False, kw_only=True)
class SessionReport:
    """One session as it is planned; `headfield.dose.session_report` makes it.

    Attributes
    ----------
    title : str
    intensity : Intensity
    field : Field
        In the brain, at that intensity.
    protocol : Protocol or None
    limits : LimitsReport or None
        What published tables say of the protocol.
    dose : DoseMap or None
    heat : Heating or None
    conductivity : dict of str to float
        S/m by tissue, as far as each is one number.
    """

    title: str
    intensity: Intensity
    field: Field
    protocol: Protocol | None
    limits: LimitsReport | None
    dose: DoseMap | None
    heat: Heating | None
    conductivity: dict[str, float]

    def to_dict(self) -> dict[str, Any]:
        """Return all of it as plain values, with None for what is not finite, as JSON has it."""
        run = self.field.provenance
        protocol = None
        if self.protocol is not None:
            derived = {"n_pulses": self.protocol.n_pulses, "duration_s": self.protocol.duration_s}
            protocol = self.protocol.to_dict() | derived
        facts = {
            "title": self.title,
            "statement": RESEARCH_USE,
            "head": {
                "nodes": self.field.mesh.n_nodes,
                "tetrahedra": self.field.mesh.n_tets,
                "conductivity_S_per_m": self.conductivity,
            },
            "intensity": self.intensity.to_dict(),
            "largest_in_brain_V_per_m": self._largest,
            "protocol": protocol,
            "limits": None if self.limits is None else self.limits.to_dict(),
            "over_weeks": NO_MODEL_OVER_WEEKS,
            "dose": None if self.dose is None else self.dose.to_dict(),
            "heating": None if self.heat is None else asdict(self.heat),
            "provenance": {
                "headfield": VERSION,
                "device": self.field.report.device,
                "residual": float(self.field.report.residual[0]),
                "hashes": None
                if run is None
                else {name: getattr(run, name) for name in ("head", "conductivity", "coil", "poses")},
            },
        }
        return dict(_finite(facts))

    def write(self, path: str | os.PathLike[str]) -> str:
        """Write the report: .html to read and print, with pictures where matplotlib is there, or .json.

        Returns
        -------
        str
            Why pictures are missing in a page; empty where none is.

        Raises
        ------
        FileFormatError
            Another ending.
        OSError
            The file can't be written.
        """
        if ending_of(path) not in _ENDINGS:
            raise FileFormatError(f"{os.fspath(path)}: reports are written as {' or '.join(_ENDINGS)}")
        check_folder(path)
        if ending_of(path) == ".json":
            text = json.dumps(self.to_dict(), indent=1, ensure_ascii=False, allow_nan=False)
            with replacing(path) as new:
                Path(new).write_text(text + "\n", encoding="utf-8")
            return ""
        problems: list[str] = []
        write_report_page(path, self.title, self._chapters(problems))
        return "; ".join(dict.fromkeys(problems))

    @property
    def _largest(self) -> float:
        return float(np.percentile(self.field.magnitude[0], 99.9))

    def _chapters(self, problems: list[str]) -> list[Chapter]:
        return [
            self._strength(problems),
            self._setting(),
            *self._course(problems),
            *self._sums(),
            Chapter("What this is, and is not", paragraphs=[RESEARCH_USE, *self.intensity.notes]),
            self._provenance(),
        ]

    def _strength(self, problems: list[str]) -> Chapter:
        found = self.intensity
        low, high = found.interval_mso
        of = "" if found.percent == 100.0 else f", {found.percent:g} % of the threshold"
        rows = [
            ("by rule", f"{found.rule}{of}"),
            ("95 % of samples", f"{low:.1f} to {high:.1f} %MSO"),
            *((f"by {name}", f"± {std:.2f} %MSO") for name, std in found.errors.items()),
            ("dI/dt", f"{1e-6 * found.didt:.2f} A/µs of {1e-6 * found.site.place.didt_max:.2f} A/µs"),
            ("field at the target", f"{found.field:.1f} V/m, {_measure(found.site)}"),
            ("99.9th percentile in the brain", f"{self._largest:.1f} V/m"),
        ]
        if found.reference is not None:
            rows.append(("at the motor threshold", f"{_measure(found.reference)}, {_coil(found.reference)}"))
        if found.distances_mm is not None:
            rows.append(("scalp to cortex", "{:.1f} mm there, {:.1f} mm here".format(*found.distances_mm)))
        lead = f"{found.mso:.1f} ± {found.std_mso:.1f} % of the maximum stimulator output"
        picture = _pictures("|E| of one pulse", lambda: self.field.plot(0, found.site.place.coil), problems)
        return Chapter("Intensity", rows, pictures=picture, lead=lead)

    def _setting(self) -> Chapter:
        mesh, place = self.field.mesh, self.intensity.site.place
        x, y, z = place.pose[:3, 3]
        rows = [
            ("head", f"{mesh.n_nodes:,} nodes, {mesh.n_tets:,} tetrahedra"),
            ("conductivity", ", ".join(f"{name} {s:g}" for name, s in self.conductivity.items()) + " S/m"),
            ("coil", _coil(self.intensity.site)),
            ("its centre", f"{x:.1f} {y:.1f} {z:.1f} mm"),
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
            chapters.append(Chapter("Published limits of trains", paragraphs=said, lead=title))
        chapters[-1] = chapters[-1]._replace(paragraphs=[*chapters[-1].paragraphs, NO_MODEL_OVER_WEEKS])
        return chapters

    def _sums(self) -> list[Chapter]:
        rows: list[tuple[str, str]] = []
        if self.dose is not None:
            dose, unit = self.dose, self.dose.region.unit
            rows = [
                ("pulses", f"{dose.n_pulses:,} at {plural(dose.n_poses, 'pose', 'poses')}"),
                ("largest sum of |E|", f"{dose.total.max(initial=0.0):.4g} V/m"),
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

    def _provenance(self) -> Chapter:
        facts = self.to_dict()["provenance"]
        rows = [
            ("headfield", f"{facts['headfield']}, on {facts['device']}"),
            ("residual", f"{facts['residual']:.1e}"),
        ]
        rows += [(f"hash of the {name}", value) for name, value in (facts["hashes"] or {}).items()]
        return Chapter("Provenance", rows)


def session_report(
    model: HeadModel,
    intensity: Intensity,
    *,
    protocol: Protocol | None = None,
    dose: DoseMap | None = None,
    heat: Heating | None = None,
    title: str = "Session",
) -> SessionReport:
    """Put together what is to be known of one session; the field in the brain is solved for it.

    Parameters
    ----------
    model : HeadModel
        That the intensity was found with.
    intensity : Intensity
    protocol : Protocol, optional
        Its trains are compared with published tables at the percent of the threshold that the intensity was
        asked for.
    dose : DoseMap, optional
        What all pulses add up to, see `dose_map`.
    heat : Heating, optional
        See `heating`.
    title : str

    Returns
    -------
    SessionReport

    Raises
    ------
    DoseError
        Not an Intensity, or not a Protocol; one that is given at another percent of the motor threshold than
        the intensity was asked for.
    HeadfieldError
        See `HeadModel.solve`.

    Examples
    --------
    >>> import headfield as hf
    >>> head = hf.phantom_head(edge_mm=8)
    >>> model, coil = hf.HeadModel(head), hf.figure_of_eight(didt_max=150e6)
    >>> pose = model.place(coil, [-46, -8, 70], [-46, 42, 70])
    >>> knob = hf.regions.sphere(head, [-40, -8, 50], 10, 2)
    >>> found = hf.dose.intensity(model, coil, pose, knob, hf.dose.FixedField(60))
    >>> report = session_report(model, found, protocol=hf.dose.protocols["itbs"])
    >>> report.limits.verdict, report.to_dict()["protocol"]["n_pulses"]
    ('not covered', 600)
    """
    if not isinstance(intensity, Intensity):
        raise DoseError(f"intensity must be an Intensity, not {type(intensity).__name__}")
    if protocol is not None and not isinstance(protocol, Protocol):
        raise DoseError(f"protocol must be a Protocol, not {type(protocol).__name__}")
    limits = None if protocol is None else _limits(protocol, intensity)
    place = intensity.site.place
    there = np.unique(model.mesh.tags).tolist()
    brain = [tag for tag in BRAIN if tag in there] or there
    where = np.isin(model.mesh.tags, brain)
    field = model.solve(place.coil, place.pose, intensity.didt, elements=where, primary_error="summed")
    return SessionReport(
        title=title,
        intensity=intensity,
        field=field,
        protocol=protocol,
        limits=limits,
        dose=dose,
        heat=heat,
        conductivity=_conductivity(model),
    )


def _limits(protocol: Protocol, intensity: Intensity) -> LimitsReport:
    """Compare a protocol at its intensity with published tables; raise if that is not what was asked for."""
    if not intensity.of_threshold:
        return check_limits(protocol)
    own = protocol.percent_rmt
    if own is not None and own != intensity.percent:
        raise DoseError(
            f"the protocol {protocol.name!r} is given at {own:g} % of the motor threshold, and the intensity "
            f"was asked for at {intensity.percent:g} %: give percent={own:g} there, or the protocol another "
            "percent_rmt"
        )
    return check_limits(protocol, intensity.percent)


def _conductivity(model: HeadModel) -> dict[str, float]:
    """Return the conductivity of each tissue that has one number, by its name."""
    sigma, tags = model.conductivity, model.mesh.tags
    found = {}
    for tag in np.unique(tags).tolist():
        values = sigma[tags == tag]
        if values.ndim == 1 and (values == values[0]).all():
            found[called(tag, model.mesh.tag_names)] = float(values[0])
    return found


def _pictures(what: str, draw: Callable[[], Any], problems: list[str]) -> list[tuple[str, bytes]]:
    """Return a picture, or none and note why: a report without its pictures is one all the same."""
    try:
        return [(what, png_of(draw()))]
    except HeadfieldError as problem:
        problems.append(in_one_line(problem))
        return []


def _measure(at: FieldAtPlace) -> str:
    what = repr(at.place.measure).removeprefix("<Target: ").removeprefix("<").removesuffix(">")
    error = f"off by an estimated {100 * at.discretisation_error:.1f} % by the mesh"
    return f"{what}; {1e6 * at.per_didt:.4g} V/m at 1 A/µs, {error}"


def _coil(at: FieldAtPlace) -> str:
    coil = at.place.coil
    stimulator = f", {coil.stimulator}" if coil.stimulator else ""
    return f"{coil.name or 'no name'}{stimulator}, {1e-6 * at.place.didt_max:g} A/µs at 100 %"


def _direction(axis: Any) -> str:
    return "{:.3f} {:.3f} {:.3f}".format(*axis)


def _finite(value: Any) -> Any:
    """Return plain values with None for what is not finite: JSON has no infinity."""
    if isinstance(value, dict):
        return {key: _finite(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(one) for one in value]
    return None if isinstance(value, float) and not np.isfinite(value) else value
