# SPDX-License-Identifier: BSD-3-Clause
"""The field of a coil at a place in the brain, with what it may be off by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...coils.coil import Coil
from ...core.arguments import within
from ...core.digest import digest
from ...errors import ArgumentError, DoseError, PoseError, RegionError
from ...heads.selection import same_mesh
from ...measures.checked import values_of
from ...measures.measure import Measure, as_measure
from ...placement.plausible import PlausiblePoses
from ...poses.pose import check_pose
from ...regions.makers import mask
from ...regions.region import Region
from ...solve.drives.coil import check_coil
from ...solve.model import HeadModel
from ...solve.uncertainty.jitter import PoseJitter

__all__ = ["Doubts", "FieldAtPlace", "Place", "field_at"]

Floats = NDArray[np.float64]

_RATE = 1e6  # A/s that fields are computed for
_SHARE = 0.1  # of the error of E in the mean square: a mean is off by less, but hardly by nothing
_PROPORTIONAL = 1e-5  # how far a value may be off twice its value where E is twice as large


@dataclass(frozen=True, eq=False)
class Doubts:
    """What is not known well, and how carefully it is looked at.

    Attributes
    ----------
    placement : PoseJitter or None
    conductivity : True, dict or None
        See `HeadModel.uncertainty`.
    zoom_error : float or None
        Refine the head around a place until E is off by less, relative; None takes the mesh as it is.
    samples, seed : int
        Sampled poses, and where their numbers start.
    """

    placement: PoseJitter | None
    conductivity: Any
    zoom_error: float | None
    samples: int
    seed: int


class Place:
    """A coil at a pose, and what of E is wanted there.

    Parameters
    ----------
    coil : Coil
    pose : array_like (4, 4)
    target : Region or Measure
        Of a region it is the mean of |E|.
    what : str
        For messages.

    Attributes
    ----------
    coil, pose
    measure : Measure
    didt_max : float
        A/s at 100 % of the maximum stimulator output.

    Raises
    ------
    CoilError, PoseError, RegionError
        Neither a coil, a pose nor a measure; a coil with several stimulators.
    DoseError
        The coil does not say what its stimulator reaches.
    """

    def __init__(self, coil: Coil, pose: ArrayLike, target: Any, what: str) -> None:
        self.coil, self.pose = check_coil(coil), check_pose(pose)
        self.measure: Measure = as_measure(target)
        most = coil.didt_max
        if most is None:
            raise DoseError(
                f"{what}: {coil!r} does not say what dI/dt its stimulator reaches at 100 %: give it, as "
                "coil.with_didt_max(150e6), A/s, or --didt-max, or write dIdtmax into the header of its file"
            )
        self.didt_max, self._what = most, what

    def check_on(self, model: HeadModel) -> None:
        """Raise unless the regions are of this model's head, and the coil is not inside of it or far away."""
        for region in self.measure.regions:
            if not same_mesh(region.mesh, model.mesh):
                raise RegionError(
                    f"target of the {self._what}: {region!r} is of another mesh, {region.mesh!r}, not of "
                    f"{model.mesh!r}"
                )
        wrong = PlausiblePoses(model.mesh).misplaced(self.coil, self.pose[None])
        if wrong:
            raise PoseError(f"pose of the {self._what}: {wrong[0]}")

    def has_coil_of(self, other: Place) -> bool:
        """Tell whether it is the same coil with the same stimulator, wherever that is."""
        return self.coil is other.coil or digest(self.coil) == digest(other.coil)

    def is_same_as(self, other: Place) -> bool:
        """Tell whether coil, pose and regions are the same."""
        own, others = ([region.elements for region in one.measure.regions] for one in (self, other))
        if not np.array_equal(self.pose, other.pose) or len(own) != len(others):
            return False
        return all(map(np.array_equal, own, others)) and self.has_coil_of(other)


@dataclass(frozen=True, eq=False)
class FieldAtPlace:
    """What a coil does at a place.

    Attributes
    ----------
    place : Place
    per_didt : float
        The value of the measure, V/m per A/s.
    discretisation_error : float
        Estimated error of the value by the size of the tetrahedra, relative, to be taken for a standard
        deviation: how far the value of a recovered E is off, or a tenth of what E is off in the mean square
        if that is more; with a zoom, what its E is off in the mean square. See `benchmarks/RESULTS.md` for
        what zooms change beside the first.
    placement, conductivity : ndarray or None
        Sampled deviations, relative to the value.
    """

    place: Place
    per_didt: float
    discretisation_error: float
    placement: Floats | None = None
    conductivity: Floats | None = None

    def at(self, mso: float) -> float:
        """Return the value, V/m, at a share of the maximum stimulator output, %."""
        return self.per_didt * self.place.didt_max * mso / 100.0

    def mso_of(self, field: float) -> float:
        """Return the share of the maximum stimulator output, %, that makes a field, V/m."""
        return 100.0 * field / (self.per_didt * self.place.didt_max)

    @property
    def words(self) -> str:
        """What is meant, and how much of it there is, in words."""
        what = repr(self.place.measure).removeprefix("<Target: ").removeprefix("<").removesuffix(">")
        error = f"off by an estimated {100 * self.discretisation_error:.1f} % by the mesh"
        return f"{what}; {1e6 * self.per_didt:.4g} V/m at 1 A/µs, {error}"

    def to_dict(self) -> dict[str, Any]:
        """Return plain numbers."""
        return {
            "coil": self.place.coil.name or repr(self.place.coil),
            "didt_max_A_per_s": self.place.didt_max,
            "pose": self.place.pose.tolist(),
            "measure": repr(self.place.measure),
            "regions": [_facts(region) for region in self.place.measure.regions],
            "V_per_m_at_1_A_per_us": 1e6 * self.per_didt,
            "discretisation_error": self.discretisation_error,
        }


def _facts(region: Region) -> dict[str, Any]:
    """Return where a region is, and how large."""
    centres, weights = region.centres_mm, region.weights
    middle = np.average(centres, axis=0, weights=weights if weights.sum() > 0.0 else None)
    return {
        "centre_mm": middle.tolist(),
        "reach_mm": float(np.linalg.norm(centres - middle, axis=1).max()),
        "size": float(weights.sum()),
        "unit": region.unit,
    }


def field_at(model: HeadModel, place: Place, doubts: Doubts) -> FieldAtPlace:
    """Solve the field at a place.

    Raises
    ------
    DoseError
        The value is 0 or less, or not proportional to E: no intensity makes it what is wanted.
    RegionError, MeasureError, PoseError, CoilError, ConvergenceError
        A region of another mesh; see `HeadModel.solve`.
    """
    zoomed = doubts.zoom_error is not None
    value, twice, error = _zoomed(model, place, doubts.zoom_error) if zoomed else _solved(model, place)
    if abs(twice - 2.0 * value) > _PROPORTIONAL * abs(value):
        raise DoseError(
            f"{place.measure!r} is {value:g} at 1 A/µs and {twice:g} at 2 A/µs: an intensity follows only "
            "from what is proportional to E"
        )
    if not value > 0.0:
        raise DoseError(
            f"{place.measure!r} is {value:g} V/m at 1 A/µs: nothing above 0 that could be scaled; if it is a "
            "component that points the other way, turn the coil or reverse its direction"
        )
    placement, conductivity = _deviations(model, place, doubts)
    return FieldAtPlace(place, value / _RATE, error, placement, conductivity)


def _solved(model: HeadModel, place: Place) -> tuple[float, float, float]:
    """Return the value of E, that of 2 E, and how far that of a recovered E is off, relative."""
    own = np.concatenate([region.elements for region in place.measure.regions])
    together = np.unique(own)
    rows = np.searchsorted(together, own)
    at: dict[str, Any] = {"elements": together, "primary_error": "summed"}
    field = model.solve(place.coil, place.pose, _RATE, keep_potential=True, **at)
    recovered = model.solve(
        place.coil, place.pose, _RATE, recovery="interface", initial=field.potential, **at
    )
    value, twice = _values(place, np.asarray(field.E)[:, rows])
    better, _ = _values(place, np.asarray(recovered.E)[:, rows])
    changed = abs(better / value - 1.0) if value else 0.0
    assert recovered.report.discretisation_error is not None  # there is one where E is recovered
    return value, twice, max(changed, _SHARE * float(recovered.report.discretisation_error[0]))


def _values(place: Place, E: NDArray[Any]) -> tuple[float, float]:
    """Return the values of a field E (1, p, 3) and of twice that."""
    one, two = values_of(place.measure, np.concatenate([E, 2.0 * E]).astype(np.float64)).tolist()
    return one, two


def _zoomed(model: HeadModel, place: Place, asked: Any) -> tuple[float, float, float]:
    """Return the value of E in a refined head, that of 2 E, and the error of E over the region."""
    error = within(asked, "zoom_error", ArgumentError, 0.0, 0.5)
    if len(place.measure.regions) != 1:
        raise ArgumentError(
            f"zoom_error: {place.measure!r} has {len(place.measure.regions)} regions, a zoom has one"
        )
    zoom = model.zoom(
        place.measure.regions[0], place.coil, place.pose, _RATE, error=error, primary_error="summed"
    )
    field = zoom.solve(place.coil, place.pose, _RATE, primary_error="summed")
    found = field.report.discretisation_error
    return *_values(place, np.asarray(field.E)), float("inf") if found is None else float(found[0])


def _deviations(model: HeadModel, place: Place, doubts: Doubts) -> tuple[Floats | None, Floats | None]:
    """Return sampled deviations by placement and by conductivity, relative to the value."""
    if doubts.placement is None and doubts.conductivity is None:
        return None, None
    where = mask(model.mesh, np.unique(np.concatenate([r.elements for r in place.measure.regions])))
    found = model.uncertainty(
        place.measure,
        place.coil,
        place.pose,
        _RATE,
        conductivity=doubts.conductivity,
        placement=doubts.placement,
        where=where,
        samples=doubts.samples,
        seed=doubts.seed,
    )
    relative = {one.name: one.deviations / found.value for one in found.sources}
    return relative.get("placement"), relative.get("conductivity")
