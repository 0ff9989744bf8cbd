# SPDX-License-Identifier: BSD-3-Clause
"""Put a report of a session together, and refuse what does not go together."""

from __future__ import annotations

import datetime
from dataclasses import replace
from typing import Any

import numpy as np

from ...errors import DoseError, RegionError
from ...heads.names import called
from ...heads.selection import same_mesh
from ...heads.tissues import brain_tags
from ...io.published import PublishedTables
from ...solve.model import HeadModel
from ..heat import Heating
from ..maps.dose_map import DoseMap
from ..protocol.limits import check_limits
from ..protocol.limits_report import LimitsReport
from ..protocol.protocol import Protocol
from ..strength.result import Intensity
from .report import SessionReport

__all__ = ["check_percent_of", "session_report"]


def session_report(
    model: HeadModel,
    intensity: Intensity,
    *,
    protocol: Protocol | None = None,
    dose: DoseMap | None = None,
    heat: Heating | None = None,
    title: str = "Session",
    tables: PublishedTables | None = None,
) -> SessionReport:
    """Put together what is to be known of one session; the field in the brain is solved for it.

    Parameters
    ----------
    model : HeadModel
        That the intensity was found with.
    intensity : Intensity
    protocol : Protocol, optional
        Its trains are compared with published tables at the intensity in percent of the resting motor
        threshold of this very coil; where that is not known they are not covered.
    dose : DoseMap, optional
        What all pulses add up to, see `dose_map`.
    heat : Heating, optional
        See `heating`.
    title : str
    tables : PublishedTables, optional
        With limits of trains of one's own, from `headfield.read_tables`.

    Returns
    -------
    SessionReport

    Raises
    ------
    DoseError
        Not an Intensity, a Protocol, a DoseMap, a Heating or text; a protocol that is given at another
        percent of the motor threshold than the intensity was asked for.
    RegionError
        An intensity or a dose of another mesh than the model's.
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
    _check_parts(model, intensity, dose, heat, title)
    limits = None if protocol is None else _limits(protocol, intensity, tables)
    place = intensity.site.place
    where = np.isin(model.mesh.tags, brain_tags(model.mesh.tags))
    field = model.solve(place.coil, place.pose, intensity.didt, elements=where, primary_error="summed")
    return SessionReport(
        title=title,
        made=datetime.date.today().isoformat(),
        intensity=intensity,
        field=field,
        protocol=protocol,
        limits=limits,
        dose=dose,
        heat=heat,
        conductivity=_conductivity(model),
    )


def check_percent_of(protocol: Protocol, percent: float) -> None:
    """Raise DoseError if a protocol is given at another percent of the motor threshold than an intensity."""
    own = protocol.percent_rmt
    if own is not None and abs(own - percent) > 1e-9 * own:
        raise DoseError(
            f"the protocol {protocol.name!r} is given at {own:g} % of the motor threshold, and the intensity "
            f"was asked for at {percent:g} %: give percent={own:g} (--percent) there, or the protocol "
            "another percent_rmt"
        )


def _check_parts(model: HeadModel, intensity: Intensity, dose: Any, heat: Any, title: Any) -> None:
    """Raise unless all parts are what they have to be, and of one head."""
    for at in (intensity.site, intensity.reference):
        if at is not None:
            at.place.check_on(model)
    for name, part, kind in (("dose", dose, DoseMap), ("heat", heat, Heating)):
        if part is not None and not isinstance(part, kind):
            raise DoseError(f"{name} must be a {kind.__name__}, not {type(part).__name__}")
    if not isinstance(title, str):
        raise DoseError(f"title must be text, not {title!r}")
    if dose is not None and not same_mesh(dose.region.mesh, model.mesh):
        raise RegionError(f"the dose is of another mesh, {dose.region.mesh!r}, not of {model.mesh!r}")


def _limits(protocol: Protocol, intensity: Intensity, tables: PublishedTables | None) -> LimitsReport:
    """Compare a protocol at its intensity with published tables; raise if that is not what was asked for."""
    if intensity.of_threshold:
        check_percent_of(protocol, intensity.percent)
    return check_limits(replace(protocol, percent_rmt=None), intensity.percent_rmt, tables)


def _conductivity(model: HeadModel) -> dict[str, float]:
    """Return the conductivity of each tissue that has one number, by its name."""
    sigma, tags = model.conductivity, model.mesh.tags
    found = {}
    for tag in np.unique(tags).tolist():
        values = sigma[tags == tag]
        if values.ndim == 1 and (values == values[0]).all():
            found[called(tag, model.mesh.tag_names)] = float(values[0])
    return found
