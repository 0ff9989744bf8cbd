# SPDX-License-Identifier: BSD-3-Clause
"""Rules by which an intensity is chosen: by a motor threshold and fields, a field, a factor, a distance."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

from numpy.typing import ArrayLike

from ...coils.coil import Coil
from ...core.arguments import finite_number, not_negative, positive
from ...errors import DoseError
from ...io.published import PublishedTables, source_of
from ...poses.pose import check_pose
from ..published_entries import entry_of
from ..pulses.pulse import Pulse

__all__ = ["FixedFactor", "FixedField", "MatchedField", "Rule", "ScalpDistance"]

_MOST_MSO = 100.0
_THRESHOLDS = ("resting", "active", "other")
_LEAST_FIELD, _MOST_FIELD = 1.0, 1e4  # V/m, fifty times less and more than what stimulators are set to
_MOST_FACTOR = 10.0
_LEAST_MM = 1.0  # from the scalp to the cortex


@dataclass(frozen=True, eq=False)
class MatchedField:
    """The field at the target that a coil at motor threshold makes in the motor cortex.

    MSO_target = MSO_threshold · E₁(motor cortex) / E₁(target), E₁ being the field per %MSO of the coil that
    is used there (Caulfield 2021, doi 10.1016/j.brs.2021.06.012; Numssen 2024, doi 10.1162/imag_a_00106).
    Coils, stimulators and places may differ. Motor thresholds of other coils at one place were predicted
    within 1.3 %MSO (root mean square, n = 10), against 6.1 without it (Human Brain Mapping 2026, e70550).

    Parameters
    ----------
    mso : float
        The motor threshold: % of the maximum stimulator output of that coil's stimulator.
    coil : Coil
        The coil that it was found with.
    pose : array_like (4, 4)
        Where that coil was, mm.
    target : Region or Measure
        What is meant to reach threshold there; of the same kind as the target of the intensity.
    std_mso : float
        Standard deviation of the motor threshold, %MSO: procedures repeat to about 1 to 2.
    threshold : {"resting", "active", "other"}
        Which motor threshold it is: published tables of trains are in percent of the resting one of the hand.
    pulse : Pulse, optional
        That of that stimulator, where the two stimulators' differ.

    Raises
    ------
    DoseError
        A threshold that is not above 0 and up to 100.

    Examples
    --------
    >>> import headfield as hf
    >>> head = hf.phantom_head(edge_mm=8)
    >>> knob = hf.regions.sphere(head, [-40, -8, 50], 10, 2)
    >>> pose = hf.place(head, [-46, -8, 70], [-46, 42, 70])
    >>> hf.dose.MatchedField(52, hf.figure_of_eight(didt_max=150e6), pose, knob, std_mso=1.5).mso
    52.0
    """

    mso: float
    coil: Coil
    pose: ArrayLike
    target: Any
    std_mso: float = 0.0
    threshold: str = "resting"
    pulse: Pulse | None = None

    name: ClassVar[str] = "matched field"
    of_threshold: ClassVar[bool] = True
    paper: ClassVar[str] = (
        "Caulfield 2021, doi 10.1016/j.brs.2021.06.012; Numssen 2024, doi 10.1162/imag_a_00106"
    )
    unit: ClassVar[str] = "%MSO"
    validated_on: ClassVar[str] = (
        "motor thresholds of other coils at one place: 1.26 %MSO off in the root mean square, n = 10 (Human "
        "Brain Mapping 2026, e70550)"
    )
    does_not_say: ClassVar[str] = (
        "that places outside of the motor cortex have its threshold, or what a treatment needs"
    )

    def __post_init__(self) -> None:
        _check_threshold(self)
        object.__setattr__(self, "pose", check_pose(self.pose))


@dataclass(frozen=True)
class FixedField:
    """A field that is wanted, whoever the person is.

    MSO = E* / E₁. Macroscopic head models have 50 to 70 V/m at the motor threshold, classical models of
    neurons 175 to 350 (Weise 2025, doi 10.1016/j.brs.2025.02.007): the number depends on head model, region
    and measure, and nobody but the user gives it here.

    Parameters
    ----------
    field : float
        V/m, of the measure at the target.

    Raises
    ------
    DoseError
        A field that is not above 0.

    Examples
    --------
    >>> FixedField(60.0).field
    60.0
    """

    field: float

    name: ClassVar[str] = "fixed field"
    of_threshold: ClassVar[bool] = False
    paper: ClassVar[str] = "reported fields: Weise 2025, doi 10.1016/j.brs.2025.02.007"
    unit: ClassVar[str] = "%MSO"
    validated_on: ClassVar[str] = "nothing: the field is the user's choice"
    does_not_say: ClassVar[str] = (
        "which field is right: that depends on head model, region, measure and person"
    )

    def __post_init__(self) -> None:
        wanted = positive(self.field, "field", DoseError)
        if wanted > _MOST_FIELD:
            raise DoseError(f"a field of {wanted:g} V/m is more than any coil makes: give V/m")
        if wanted < _LEAST_FIELD:
            raise DoseError(f"a field of {wanted:g} V/m is less than any threshold: give V/m, not V/mm")
        object.__setattr__(self, "field", wanted)


@dataclass(frozen=True)
class FixedFactor:
    """A factor times the motor threshold, which was found with the same coil and stimulator.

    On average 133.5 % of the resting motor threshold over the prefrontal cortex makes there the field of
    100 % at the motor cortex (Caulfield 2021, figure 1, doi 10.1016/j.brs.2021.06.012); persons differ.

    Parameters
    ----------
    mso : float
        The motor threshold, %MSO.
    factor : float, optional
        By default the published one.
    std_mso : float
        Standard deviation of the motor threshold, %MSO.
    threshold : {"resting", "active", "other"}
        See `MatchedField`.
    tables : PublishedTables, optional
        See `headfield.read_tables`.

    Raises
    ------
    DoseError

    Examples
    --------
    >>> FixedFactor(50).factor
    1.335
    """

    mso: float
    factor: float | None = None
    std_mso: float = 0.0
    threshold: str = "resting"
    tables: PublishedTables | None = field(default=None, repr=False)
    source: str = field(default="given by the user", init=False)

    name: ClassVar[str] = "fixed factor"
    of_threshold: ClassVar[bool] = True
    paper: ClassVar[str] = "Caulfield 2021, figure 1, doi 10.1016/j.brs.2021.06.012"
    unit: ClassVar[str] = "%MSO"
    validated_on: ClassVar[str] = (
        "averages of head models over the prefrontal cortex; on no outcome of a treatment"
    )
    does_not_say: ClassVar[str] = "what a person needs: the factor of one differs from the average"

    def __post_init__(self) -> None:
        _check_threshold(self)
        if self.factor is None:
            entry = entry_of("dose_rules", "prefrontal_factor", self.tables, "factor")
            object.__setattr__(self, "factor", entry["factor"])
            object.__setattr__(self, "source", source_of(entry))
        factor = positive(self.factor, "factor", DoseError)
        if factor > _MOST_FACTOR:
            raise DoseError(f"a factor of {factor:g} is no factor: 1.335 is 133.5 % of the threshold")
        object.__setattr__(self, "factor", factor)


@dataclass(frozen=True, eq=False)
class ScalpDistance:
    """The motor threshold, and so much more for each millimetre that the target lies deeper.

    MSO = MSO_threshold + m (D_target − D_motor), D being the distance from the scalp to the cortex (Stokes
    2007, Clinical Neurophysiology 118:1617: m = 2.8 %MSO/mm for figure-of-eight coils of 50 and 70 mm).

    Parameters
    ----------
    mso : float
        The motor threshold, %MSO, found with the same coil and stimulator.
    pose : array_like (4, 4), optional
        Of the coil over the motor cortex, mm: distances are then measured in the head, from the scalp under
        the coil to the nearest cortex.
    slope : float or str
        m, %MSO/mm; or a published one: "stokes_2005", "stokes_2007", or one of your own tables.
    motor_mm, target_mm : float, optional
        Distances that were measured otherwise; both, or none.
    std_mso : float
        Standard deviation of the motor threshold, %MSO.
    threshold : {"resting", "active", "other"}
        See `MatchedField`.
    tables : PublishedTables, optional
        See `headfield.read_tables`.

    Raises
    ------
    DoseError

    Examples
    --------
    >>> ScalpDistance(50, motor_mm=15, target_mm=20).adjusted(15, 20)
    64.0
    """

    mso: float
    pose: ArrayLike | None = None
    slope: float | str = "stokes_2007"
    motor_mm: float | None = None
    target_mm: float | None = None
    std_mso: float = 0.0
    threshold: str = "resting"
    tables: PublishedTables | None = field(default=None, repr=False)
    source: str = field(default="given by the user", init=False)

    name: ClassVar[str] = "scalp distance"
    of_threshold: ClassVar[bool] = True
    paper: ClassVar[str] = "Stokes 2007, Clinical Neurophysiology 118:1617"
    unit: ClassVar[str] = "%MSO"
    validated_on: ClassVar[str] = (
        "motor thresholds by distance from the scalp, figure-of-eight coils of 50 and 70 mm"
    )
    does_not_say: ClassVar[str] = (
        "what other coils, or folds and fluid over the target, change; it knows no field"
    )

    def __post_init__(self) -> None:
        _check_threshold(self)
        given = (self.motor_mm, self.target_mm)
        if (self.pose is None) == (None in given) or (None in given) != (given == (None, None)):
            raise DoseError("give either the pose over the motor cortex, or motor_mm and target_mm")
        if self.pose is not None:
            object.__setattr__(self, "pose", check_pose(self.pose))
        for name in ("motor_mm", "target_mm"):
            if getattr(self, name) is not None:
                depth = not_negative(getattr(self, name), name, DoseError)
                if depth < _LEAST_MM:
                    raise DoseError(f"{name} = {depth:g} mm is no depth of a cortex: give mm, not m")
                object.__setattr__(self, name, depth)
        if isinstance(self.slope, str):
            entry = entry_of("dose_rules", f"distance_{self.slope}", self.tables, "mso_per_mm")
            object.__setattr__(self, "slope", entry["mso_per_mm"])
            object.__setattr__(self, "source", source_of(entry))
        object.__setattr__(self, "slope", positive(self.slope, "slope", DoseError))

    def adjusted(self, motor_mm: float, target_mm: float) -> float:
        """Return the intensity, %MSO, for distances from the scalp to the cortex, mm."""
        return self.mso + float(self.slope) * (target_mm - motor_mm)


Rule = MatchedField | FixedField | FixedFactor | ScalpDistance


def _check_threshold(rule: Any) -> None:
    mso = finite_number(rule.mso, "mso", DoseError)
    if not 0.0 < mso <= _MOST_MSO:
        raise DoseError(f"a motor threshold of {mso:g} %MSO is not above 0 and up to 100: give percent")
    if mso < 1.0:
        raise DoseError(f"a motor threshold of {mso:g} %MSO is less than 1: 0.5 means 50 %? give percent")
    if rule.threshold not in _THRESHOLDS:
        raise DoseError(f"threshold must be one of {', '.join(_THRESHOLDS)}, not {rule.threshold!r}")
    object.__setattr__(rule, "mso", mso)
    object.__setattr__(rule, "std_mso", not_negative(rule.std_mso, "std_mso", DoseError))
