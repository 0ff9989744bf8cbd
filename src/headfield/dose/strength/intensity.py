# SPDX-License-Identifier: BSD-3-Clause
"""Find how strong a coil has to be driven at a place, by a rule, and how sure that is."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ...coils.coil import Coil
from ...core.arguments import positive, whole
from ...errors import ArgumentError, DoseError, PoseError
from ...measures.measure import Measure
from ...measures.percentile import Percentile
from ...measures.target import Target
from ...placement.plausible import PlausiblePoses
from ...placement.underneath import scalp_geometry
from ...solve.model import HeadModel
from ...solve.uncertainty.jitter import PoseJitter, as_jitter
from ..pulses.curve import START_TAU_S
from ..pulses.pulse import Pulse
from .answer import Answer
from .place import Doubts, Place, field_at
from .result import Intensity
from .rules import MatchedField, Rule, ScalpDistance

__all__ = ["checked_percent", "intensity"]

_MOST_SAMPLES = 100_000
_LEAST_PERCENT = 5.0  # less is a factor that was taken for percent


def intensity(
    model: HeadModel,
    coil: Coil,
    pose: ArrayLike,
    target: Any,
    rule: Rule,
    *,
    percent: float = 100.0,
    placement: PoseJitter | tuple[Any, Any] | None = None,
    conductivity: Any = None,
    zoom_error: float | None = None,
    pulse: Pulse | None = None,
    tau_s: float = START_TAU_S,
    phase: str = "either",
    samples: int = 64,
    seed: int = 0,
) -> Intensity:
    """Find how many percent of the maximum stimulator output a coil needs at a place.

    Parameters
    ----------
    model : HeadModel
        Of the person.
    coil : Coil
        That is to be driven, with `didt_max`, the dI/dt at 100 % of its stimulator.
    pose : array_like (4, 4)
        Where it will be, mm.
    target : Region or Measure
        What of E is meant; of a region it is the mean of |E|.
    rule : MatchedField, FixedField, FixedFactor or ScalpDistance
        By what the intensity is chosen.
    percent : float
        Of the threshold, for rules that have one: 120 is 120 % of it.
    placement : PoseJitter or (mm, degrees), optional
        Standard deviations of where the coils are, at both places independently of each other.
    conductivity : True, or dict, optional
        Distributions of the conductivities of tissues, see `HeadModel.uncertainty`: the same draw for both
        places, so that what changes both fields alike cancels.
    zoom_error : float, optional
        Refine the head around both regions until E is off by less, such as 0.02.
    pulse : Pulse, optional
        Of the stimulator that is to be driven, where it differs from that of the motor threshold, which has
        its own in `MatchedField`: what the membrane makes of both is matched then, in place of E.
    tau_s, phase
        Of the membrane, for pulses that differ: see `equivalent_mso`.
    samples, seed : int
        Sampled poses at each place, each solved in full; and where their numbers start.

    Returns
    -------
    Intensity

    Raises
    ------
    DoseError
        More than 100 % of the maximum stimulator output; a coil without `didt_max`; a value that is not above
        0 or not proportional to E; measures of different kinds at the two places; a pulse for one of them.
    ArgumentError, CoilError, PoseError, RegionError, MeasureError, ConvergenceError
        See `HeadModel.solve` and `HeadModel.uncertainty`.

    Examples
    --------
    A motor threshold of 45 %MSO with one coil, and what another needs over the prefrontal cortex for the
    same field:

    >>> import headfield as hf
    >>> head = hf.phantom_head(edge_mm=8)
    >>> model = hf.HeadModel(head)
    >>> first, second = hf.figure_of_eight(didt_max=150e6), hf.bent_figure_of_eight(didt_max=170e6)
    >>> hand, front = (hf.regions.sphere(head, at, 10, 2) for at in ([-40, -8, 50], [-40, 40, 38]))
    >>> m1 = model.place(first, [-46, -8, 70], [-46, 42, 70])
    >>> rule = hf.dose.MatchedField(45, first, m1, hand)
    >>> there = model.place(second, [-46, 42, 60], [-46, 90, 40])
    >>> found = hf.dose.intensity(model, second, there, front, rule)
    >>> bool(abs(found.field - found.reference.at(45)) < 1e-9)
    True
    >>> hf.dose.intensity(model, first, m1, hand, rule, percent=120).mso.__round__(6)
    54.0
    """
    site = Place(coil, pose, target, "coil")
    share = checked_percent(percent)
    if not isinstance(rule, Rule):
        raise DoseError(f"rule must be MatchedField, FixedField, FixedFactor or ScalpDistance, not {rule!r}")
    if share != 100.0 and not rule.of_threshold:
        raise ArgumentError(f"percent = {share:g} is of a threshold, which {rule!r} has none of")
    doubts = Doubts(
        None if placement is None else as_jitter(placement),
        conductivity,
        zoom_error,
        whole(samples, "samples", ArgumentError, _MOST_SAMPLES, 2),
        whole(seed, "seed", ArgumentError, 2**32 - 1, 0),
    )
    at_threshold = _reference(rule, site)
    if not isinstance(model, HeadModel):
        raise ArgumentError(f"model must be a HeadModel, not {type(model).__name__}")
    for place in filter(None, (site, at_threshold)):
        place.check_on(model)
    factor = _of_pulses(rule, pulse, tau_s, phase)
    here = field_at(model, site, doubts)
    there = None if at_threshold is None else field_at(model, at_threshold, doubts)
    distances, rng = _distances(model, site, rule), np.random.default_rng(doubts.seed)
    return Answer(rule, share, factor, here, there, distances, rng).intensity()


def checked_percent(percent: float) -> float:
    """Return a percent of the threshold; ArgumentError for 0, less, or what is a factor.

    Examples
    --------
    >>> checked_percent(120)
    120.0
    """
    checked = positive(percent, "percent", ArgumentError)
    if checked < _LEAST_PERCENT:
        raise ArgumentError(f"percent = {checked:g} is of the threshold, in percent: 120 is 1.2 times")
    return checked


def _reference(rule: Rule, site: Place) -> Place | None:
    """Return the place where the motor threshold was found; raise if its measure is of another kind."""
    if not isinstance(rule, MatchedField):
        return None
    place = Place(rule.coil, rule.pose, rule.target, "coil at the motor threshold")
    one, other = _kind(site.measure), _kind(place.measure)
    if one != other:
        raise DoseError(
            f"the two fields are not of one kind: {site.measure!r} here, {place.measure!r} at the motor "
            "threshold"
        )
    return place


def _kind(measure: Measure) -> tuple[Any, ...]:
    """Return what two measures must have in common for their ratio to mean something."""
    surfaces = {(region.is_volume, region.faces is None) for region in measure.regions}
    if isinstance(measure, Target):
        return Target, surfaces, measure.is_linear, measure.of_mean, measure.exponent
    if isinstance(measure, Percentile):
        return Percentile, surfaces, measure.percent
    return type(measure), surfaces


def _of_pulses(rule: Rule, pulse: Any, tau_s: float, phase: str) -> float:
    """Return how many times the peak field of the one pulse the other needs to do the same to a membrane."""
    of_rule = rule.pulse if isinstance(rule, MatchedField) else None
    if pulse is None and of_rule is None:
        return 1.0
    if not (isinstance(pulse, Pulse) and isinstance(of_rule, Pulse)):
        raise DoseError("two pulses are compared: give a Pulse here, and one in MatchedField, or neither")
    here, there = (one.depolarisation(tau_s).of_phase(phase) for one in (pulse, of_rule))
    return there / here


def _distances(model: HeadModel, site: Place, rule: Rule) -> tuple[float, float] | None:
    """Return how far the cortex is from the scalp at the motor cortex and at the target, mm."""
    if not isinstance(rule, ScalpDistance):
        return None
    if rule.motor_mm is not None and rule.target_mm is not None:
        return rule.motor_mm, rule.target_mm
    poses = np.stack([np.asarray(rule.pose), site.pose])
    found = scalp_geometry(model.mesh, poses).scalp_to_nearest_cortex_mm
    wrong = PlausiblePoses(model.mesh).misplaced(site.coil, poses[:1])  # that of the site was looked at
    if wrong:
        raise PoseError(f"pose over the motor cortex: {wrong[0]}")
    for i, where in enumerate(("motor cortex", "target")):
        if not np.isfinite(found[i]):
            raise DoseError(f"the axis of the coil at the {where} misses the head: no distance to the cortex")
    return float(found[0]), float(found[1])
