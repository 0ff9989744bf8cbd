# SPDX-License-Identifier: BSD-3-Clause
"""The parts of a coil, and the stimulators that drive them."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..core.arguments import finite_array, positive
from ..errors import CoilError
from .casing import Casing
from .sources import Dipoles, SampledPotential, Segments

__all__ = [
    "CoilElement",
    "Stimulator",
    "Waveform",
    "box",
    "check_indices",
    "check_kinds",
    "check_text",
    "steps",
]


@dataclass(frozen=True, eq=False)
class Waveform:
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
            array.flags.writeable = False
            object.__setattr__(self, key, array)


@dataclass(frozen=True, eq=False)
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
        A `didt_max` that is not positive, a name that is no text.

    Examples
    --------
    >>> Stimulator("one", didt_max=1e8).didt_max
    100000000.0
    """

    name: str = ""
    brand: str = ""
    didt_max: float | None = None
    waveforms: tuple[Waveform, ...] = ()

    def __post_init__(self) -> None:
        check_text(self, "name", "brand", called=("stimulator", "brand of the stimulator"))
        if self.didt_max is not None:
            object.__setattr__(self, "didt_max", positive(self.didt_max, "didt_max", CoilError))


@dataclass(frozen=True, eq=False)
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

    def __post_init__(self) -> None:
        check_text(self, "name", called=("name of a coil element",))
        check_kinds(() if self.casing is None else (self.casing,), Casing, "casing of a coil element")
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


def check_kinds(values: Any, kind: type, name: str) -> None:
    """Refuse what is not a sequence of one kind of thing."""
    if not isinstance(values, Sequence):
        raise CoilError(f"{name} must be a sequence of {kind.__name__}, not {type(values).__name__}")
    for value in values:
        if not isinstance(value, kind):
            raise CoilError(f"{name} must hold {kind.__name__}, not {type(value).__name__}")


def check_text(instance: Any, *names: str, called: tuple[str, ...] = ()) -> None:
    """Refuse attributes that are not text."""
    for name, what in zip(names, called or names, strict=True):
        if not isinstance(getattr(instance, name), str):
            raise CoilError(f"{what} must be text, not {type(getattr(instance, name)).__name__}")


def box(limits_mm: ArrayLike | None) -> NDArray[np.float64] | None:
    """Checked `limits_mm` of a coil."""
    if limits_mm is None:
        return None
    limits = finite_array(limits_mm, "limits_mm", CoilError)
    if limits.shape != (3, 2) or not (limits[:, 0] < limits[:, 1]).all():
        raise CoilError("limits_mm must be three pairs of a lower and an upper limit")
    limits.flags.writeable = False
    return limits


def steps(resolution_mm: ArrayLike | None) -> NDArray[np.float64] | None:
    """Checked `resolution_mm` of a coil."""
    if resolution_mm is None:
        return None
    spacing = finite_array(resolution_mm, "resolution_mm", CoilError)
    if spacing.shape != (3,) or not (spacing > 0).all():
        raise CoilError("resolution_mm must be three numbers above 0")
    spacing.flags.writeable = False
    return spacing


def check_indices(coil: Any) -> None:
    """Refuse elements that name a stimulator, deformation or parameter that is not there."""
    lengths = {
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
