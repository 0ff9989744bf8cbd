# SPDX-License-Identifier: BSD-3-Clause
"""The parts of a coil, the stimulators that drive them, and all that a coil is made of in one record."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from typing import Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..core.arguments import finite_array, positive
from ..core.locks import cached_property
from ..core.messages import in_short
from ..errors import CoilError
from .casing import Casing
from .deformation import Deformation, DeformationRange, motion, motion_rates
from .records import Record, keep
from .sources import Dipoles, SampledPotential, Segments, Sources

__all__ = [
    "CoilContent",
    "CoilElement",
    "Stimulator",
    "Waveform",
    "box",
    "check_indices",
    "check_text",
    "steps",
    "tuple_of",
]


T = TypeVar("T")


@dataclass(frozen=True, eq=False, repr=False)
class Waveform(Record):
    """A pulse as it was recorded.

    Parameters
    ----------
    time_s : array_like (t,)
        s.
    signal : array_like (t,)
        dI/dt as a share of its largest value.
    fit : array_like (t,), optional
        A smooth function fitted to it.
    name : str

    Raises
    ------
    CoilError
        Lengths that differ, or values that are not finite.

    Examples
    --------
    >>> Waveform([0, 1e-6], [0, 1]).signal
    array([0., 1.])
    """

    time_s: NDArray[np.float64]
    signal: NDArray[np.float64]
    fit: NDArray[np.float64] | None = None
    name: str = ""

    def __post_init__(self) -> None:
        check_text(self, "name")
        for key in ("time_s", "signal", "fit"):
            if getattr(self, key) is None:
                continue
            array = finite_array(getattr(self, key), f"{key} of a waveform", CoilError)
            if array.ndim != 1 or (key != "time_s" and len(array) != len(self.time_s)):
                raise CoilError(
                    f"{key} of a waveform has shape {array.shape}; as many numbers as times go there"
                )
            keep(self, **{key: array})


@dataclass(frozen=True, eq=False, repr=False)
class Stimulator:
    """What drives a coil.

    Parameters
    ----------
    name, brand : str
    didt_max : float, optional
        The largest dI/dt in this coil, A/s.
    waveforms : tuple of Waveform

    Raises
    ------
    CoilError
        A `didt_max` that is not positive, a name that is not text.

    Examples
    --------
    >>> Stimulator("one", didt_max=1e8).didt_max
    100000000.0
    """

    name: str = ""
    brand: str = ""
    didt_max: float | None = None
    waveforms: tuple[Waveform, ...] = ()

    def __repr__(self) -> str:
        return in_short(self)

    def __post_init__(self) -> None:
        check_text(self, "name", "brand", called=("stimulator", "brand of the stimulator"))
        if self.didt_max is not None:
            object.__setattr__(self, "didt_max", positive(self.didt_max, "didt_max", CoilError))


@dataclass(frozen=True, eq=False, repr=False)
class CoilElement:
    """A part of a coil that is driven and moves as one.

    Parameters
    ----------
    source : Dipoles, Segments or SampledPotential
        At rest, in the coil frame.
    stimulator : int
        Which of the coil's stimulators drives it.
    name : str
    casing : Casing, optional
        Of this part, at rest; it moves with the part.
    deformations : tuple of int
        Which of the coil's deformations move it, in the order in which they are applied, each about axes at
        rest: a chain of joints begins with the one next to the part.

    Raises
    ------
    CoilError
        A source of another kind, or that makes no field.
    """

    source: Dipoles | Segments | SampledPotential
    stimulator: int = 0
    name: str = ""
    casing: Casing | None = None
    deformations: tuple[int, ...] = ()

    def __repr__(self) -> str:
        return in_short(self)

    def __post_init__(self) -> None:
        check_text(self, "name", called=("name of a coil element",))
        tuple_of(Casing, () if self.casing is None else (self.casing,), "casing of a coil element")
        try:
            indices = tuple(operator.index(i) for i in self.deformations)
            object.__setattr__(self, "stimulator", operator.index(self.stimulator))
        except TypeError as problem:
            raise CoilError(f"stimulator and deformations of a coil element are indices: {problem}") from None
        object.__setattr__(self, "deformations", indices)
        if isinstance(self.source, Dipoles):
            count, strength, what = len(self.source), self.source.moments, "dipole"
        elif isinstance(self.source, Segments):
            count, strength, what = len(self.source), self.source.lengths_mm, "piece of wire"
        elif isinstance(self.source, SampledPotential):
            return
        else:
            raise CoilError(
                f"a coil element is made of Dipoles, Segments or a SampledPotential, not {self.source!r}"
            )
        if not count:
            raise CoilError(f"a coil needs at least one {what}")
        if not strength.any():
            noun = "dipole moments" if what == "dipole" else "pieces of wire"
            raise CoilError(f"all {count} {noun} are zero")


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class CoilContent:
    """All that a coil is made of: what readers of files return and writers take.

    Nothing is checked here; `Coil` does that. See there for what each attribute is.

    Examples
    --------
    >>> content = CoilContent(elements=(CoilElement(Dipoles([[0, 0, -5.0]], [[0, 0, 1e-3]])),), name="one")
    >>> content.n_dipoles, content.bounds_mm.tolist()
    (1, [[0.0, 0.0, -5.0], [0.0, 0.0, -5.0]])
    """

    elements: tuple[CoilElement, ...]
    stimulators: tuple[Stimulator, ...] = field(default_factory=lambda: (Stimulator(),))
    name: str = ""
    brand: str = ""
    deformations: tuple[Deformation, ...] = ()
    deformation_ranges: tuple[DeformationRange, ...] = ()
    deformation_values: tuple[float, ...] = ()
    body: Casing | None = None
    limits_mm: NDArray[np.float64] | None = None
    resolution_mm: NDArray[np.float64] | None = None

    @property
    def casing(self) -> Casing | None:
        """The casings of the coil and its parts as one surface, as they lie now; None if there are none."""
        casings = [] if self.body is None else [self.body]
        casings += [e.casing.moved(self._motion(e)) for e in self.elements if e.casing is not None]
        return Casing.joined(casings) if casings else None

    @property
    def n_stimulators(self) -> int:
        """Number of currents that drive the coil: columns of `didt`."""
        return len(self.stimulators)

    @property
    def stimulator(self) -> str:
        """Name of the stimulator, or the names of all."""
        return ", ".join(s.name for s in self.stimulators if s.name)

    @property
    def didt_max(self) -> float | None:
        """The largest dI/dt, A/s; None if it is not known. Of several stimulators, see `stimulators`.

        Raises
        ------
        CoilError
            The coil has several stimulators.
        """
        if self.n_stimulators > 1:
            raise CoilError(f"{self.n_stimulators} stimulators: see stimulators[i].didt_max")
        return self.stimulators[0].didt_max

    @property
    def n_dipoles(self) -> int:
        """Number of dipoles."""
        return sum(len(e.source) for e in self.elements if isinstance(e.source, Dipoles))

    @property
    def n_segments(self) -> int:
        """Number of pieces of wire."""
        return sum(len(e.source) for e in self.elements if isinstance(e.source, Segments))

    @property
    def bounds_mm(self) -> NDArray[np.float64]:
        """Lowest and highest corner (2, 3) of all sources, mm; of grids, their whole extent."""
        return self.sources().bounds_mm

    def sources(self, stimulator: int | None = None) -> Sources:
        """Return what one stimulator drives, or what all drive, as it lies now in the coil frame."""
        driven = [e for e in self.elements if stimulator is None or e.stimulator == stimulator]
        return Sources.of([self.source(e) for e in driven])

    def source(self, element: CoilElement) -> Dipoles | Segments | SampledPotential:
        """Return what one element is made of, as it lies now in the coil frame."""
        return element.source.moved(self._motion(element)) if element.deformations else element.source

    @cached_property
    def only_dipoles(self) -> Dipoles:
        """The dipoles of a coil that has no other sources, and one stimulator; else a CoilError."""
        dipoles, segments, sampled = self.sources()
        if len(segments) or sampled:
            raise CoilError("this coil is not made of dipoles alone; see coil.reduced(n)")
        if self.n_stimulators > 1:
            raise CoilError(
                f"this coil has {self.n_stimulators} stimulators; coil.sources(i) has the dipoles of each"
            )
        return dipoles

    def content(self, **changes: Any) -> CoilContent:
        """Return the content, with other attributes where some are given."""
        return CoilContent(**({f.name: getattr(self, f.name) for f in fields(CoilContent)} | changes))

    def at_rest(self, elements: Sequence[CoilElement], **changes: Any) -> CoilContent:
        """Return the content with other elements that do not move; the casing stays where it is now."""
        return self.content(
            elements=tuple(elements),
            deformations=(),
            deformation_ranges=(),
            deformation_values=(),
            body=self.casing,
            **changes,
        )

    def motion_rates(self, element: CoilElement) -> list[tuple[int, NDArray[np.float64]]]:
        """Return how an element moves with parameters of the coil: (parameter, rate (4, 4)) of each."""
        return motion_rates(self.deformations, element.deformations, self.deformation_values)

    def _motion(self, element: CoilElement) -> NDArray[np.float64]:
        return motion(self.deformations, element.deformations, self.deformation_values)


def tuple_of(kind: type[T], values: Any, name: str) -> tuple[T, ...]:
    """Return the values as a tuple; raise CoilError unless they are a sequence of one kind of thing."""
    if not isinstance(values, Sequence):
        raise CoilError(f"{name} must be a sequence of {kind.__name__}, not {type(values).__name__}")
    for value in values:
        if not isinstance(value, kind):
            raise CoilError(f"{name} must hold {kind.__name__}, not {type(value).__name__}")
    return tuple(values)


def check_text(instance: Any, *names: str, called: tuple[str, ...] = ()) -> None:
    """Raise CoilError for attributes that are not text."""
    for name, what in zip(names, called or names, strict=True):
        if not isinstance(getattr(instance, name), str):
            raise CoilError(f"{what} must be text, not {type(getattr(instance, name)).__name__}")


def box(limits_mm: ArrayLike | None) -> NDArray[np.float64] | None:
    """Check the `limits_mm` of a coil and return them read-only."""
    if limits_mm is None:
        return None
    limits = finite_array(limits_mm, "limits_mm", CoilError)
    if limits.shape != (3, 2) or not (limits[:, 0] < limits[:, 1]).all():
        raise CoilError("limits_mm must be three pairs of a lower and an upper limit")
    limits.flags.writeable = False
    return limits


def steps(resolution_mm: ArrayLike | None) -> NDArray[np.float64] | None:
    """Check the `resolution_mm` of a coil and return it read-only."""
    if resolution_mm is None:
        return None
    spacing = finite_array(resolution_mm, "resolution_mm", CoilError)
    if spacing.shape != (3,) or not (spacing > 0).all():
        raise CoilError("resolution_mm must be three numbers above 0")
    spacing.flags.writeable = False
    return spacing


def check_indices(coil: CoilContent) -> None:
    """Raise CoilError for an element that names a stimulator, deformation or parameter that is not there."""
    lengths: dict[str, tuple[list[tuple[int, ...]], int]] = {
        "stimulator": ([(e.stimulator,) for e in coil.elements], len(coil.stimulators)),
        "deformation": ([e.deformations for e in coil.elements], len(coil.deformations)),
        "deformation range": ([(d.parameter,) for d in coil.deformations], len(coil.deformation_ranges)),
    }
    for what, (groups, count) in lengths.items():
        for i, group in enumerate(groups):
            for index in group:
                if index not in range(count):
                    raise CoilError(f"entry {i} names {what} {index}, the coil has {count}")
    idle = set(range(len(coil.stimulators))) - {e.stimulator for e in coil.elements}
    if idle:
        raise CoilError(f"stimulator {min(idle)} drives no element of the coil")
