# SPDX-License-Identifier: BSD-3-Clause
"""Find how strong a coil has to be driven at a place, by a rule, and how sure that is."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...coils.coil import Coil
from ...core.arguments import positive, whole
from ...errors import ArgumentError, DoseError
from ...measures.measure import Measure
from ...measures.percentile import Percentile
from ...measures.target import Target
from ...placement.underneath import scalp_geometry
from ...solve.model import HeadModel
from ...solve.uncertainty.jitter import PoseJitter, as_jitter
from ..pulses.curve import START_TAU_S
from ..pulses.pulse import Pulse
from .place import Doubts, FieldAtPlace, Place, field_at
from .result import Intensity
from .rules import FixedFactor, FixedField, MatchedField, Rule, ScalpDistance

__all__ = ["intensity"]

Floats = NDArray[np.float64]

_DRAWS = 16384
_ENDS = (2.5, 97.5)
_MOST_SAMPLES = 100_000
_CAVEATS = (
    "thresholds of the motor cortex need not hold elsewhere (Dannhauer 2024, doi "
    "10.1016/j.biopsych.2023.11.022)",
    "the result depends on the head model, on how the target is chosen, and on the measure: mean, "
    "percentile, |E| or a component (Numssen 2024, doi 10.1162/imag_a_00106)",
)


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
    share = positive(percent, "percent", ArgumentError)
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
    factor = _of_pulses(rule, pulse, tau_s, phase)
    here = field_at(model, site, doubts)
    there = None if at_threshold is None else field_at(model, at_threshold, doubts)
    distances, rng = _distances(model, site, rule), np.random.default_rng(doubts.seed)
    return _Answer(rule, share / 100.0, factor, here, there, distances, rng).intensity()


class _Answer(NamedTuple):
    """Fields at both places, and what follows of them by a rule."""

    rule: Rule
    share: float
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
        together = mso * np.prod(list(of_mso.values()), axis=0) if of_mso else np.array([mso])
        errors = {name: _spread(mso * one) for name, one in of_mso.items()}
        low, high = (float(end) for end in np.percentile(together, _ENDS))
        return Intensity(
            mso=mso,
            didt=self.here.place.didt_max * mso / 100.0,
            field=field,
            std_mso=float(np.sqrt(sum(one**2 for one in errors.values()))),
            interval_mso=(low, high),
            errors=errors,
            field_errors={name: _spread(one) for name, one in of_field.items()},
            rule=self.rule.name,
            of_threshold=self.rule.of_threshold,
            percent=100.0 * self.share,
            site=self.here,
            reference=self.there,
            distances_mm=self.distances,
            notes=self._notes(mso, high),
        )

    def _mso(self) -> float:
        """Return the intensity, %MSO, as everything is given."""
        rule, here = self.rule, self.here
        if isinstance(rule, FixedField):
            return here.mso_of(rule.field)
        if isinstance(rule, FixedFactor):
            return self.share * rule.mso * float(rule.factor or 1.0)
        if isinstance(rule, MatchedField) and self.there is not None:
            return self.share * here.mso_of(self.factor * self.there.at(rule.mso))
        assert isinstance(rule, ScalpDistance)  # the others are above
        assert self.distances is not None
        return self.share * rule.adjusted(*self.distances)

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
                threshold = 1.0 + (threshold - 1.0) * rule.mso * self.share / self._mso()
            of_mso["motor threshold"] = threshold
            of_field["motor threshold"] = threshold
        return of_mso, of_field

    def _of_source(self, name: str) -> tuple[Floats | None, Any]:
        """Return factors (draws,) on the field here, and on that at the threshold (1 without one)."""
        if name == "discretisation":
            each = [
                None if at is None else 1.0 + at.discretisation_error * self.rng.standard_normal(_DRAWS)
                for at in (self.here, self.there)
            ]
            return each[0], 1.0 if each[1] is None else each[1]
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

    def _notes(self, mso: float, high: float) -> tuple[str, ...]:
        notes = list(_CAVEATS) if self.rule.of_threshold else [_CAVEATS[1]]
        if isinstance(self.rule, FixedFactor):
            notes.insert(0, f"factor {self.rule.factor:g}: {self.rule.source}")
        if isinstance(self.rule, ScalpDistance):
            notes.insert(0, f"{self.rule.slope:g} %MSO/mm: {self.rule.source}")
        if self.factor != 1.0:
            notes.append(f"E is {self.factor:.3f} times that at threshold, for pulses of unlike shape")
        if high > 100.0 >= mso:
            notes.append(f"within its error it is more than 100 %MSO: up to {high:.0f}")
        looked_at = {"placement": self.here.placement, "conductivity": self.here.conductivity}
        missing = [name for name, found in looked_at.items() if found is None]
        if missing:
            notes.append(f"{' and '.join(missing)} not looked at: they are in no error above")
        return tuple(notes)


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
    for distance, where in zip(found, ("motor cortex", "target"), strict=True):
        if not np.isfinite(distance):
            raise DoseError(f"the axis of the coil at the {where} misses the head: no distance to the cortex")
    return float(found[0]), float(found[1])
