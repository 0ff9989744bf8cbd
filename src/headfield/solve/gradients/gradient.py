# SPDX-License-Identifier: BSD-3-Clause
"""Values of a measure of E at some poses, and their derivatives."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...core.messages import plural
from ...errors import ArgumentError
from ...fields.report import SolveReport

__all__ = ["BY_MEDIA", "BY_SOURCES", "WRT", "Gradient", "check_wrt"]

Floats = NDArray[np.float64]

#: What `wrt` may name: derivatives by sources one by one, by conductivities, and all of them.
BY_SOURCES = ("dipoles", "wire", "deformation")
BY_MEDIA = ("conductivity", "elements")
WRT = ("pose", "didt", *BY_MEDIA, *BY_SOURCES)


@dataclass(frozen=True, kw_only=True, eq=False)
class Gradient:
    """Values of a measure of E at k poses, and their derivatives by what was asked for; None for the rest.

    Derivatives are in the unit of the measure, V/m of most, per unit of what changes.

    Attributes
    ----------
    values : ndarray (k,)
    pose : ndarray (k, 6) or None
        Per mm along the coil's own x, y and z, and per rad about them through its origin: the coil moves to
        `pose @ M`, M being the motion by these amounts.
    didt : ndarray (k,), (k, s) for a coil of s stimulators, or None
        Per A/s.
    conductivity : ndarray (k, t) or None
        Per S/m of each tissue of `tags`. All its tetrahedra, and all entries of its tensors, change in
        proportion, and the S/m are those of the mean of the tissue by volume (of a tensor a third of its
        trace).
    tags : ndarray (t,) int or None
    element_conductivity : ndarray (k, m) or (k, m, 3, 3), float32, or None
        Per S/m of each tetrahedron; or of each entry of its tensor, half of it for each of the two entries
        off the diagonal, which are the same number.
    dipole_positions : ndarray (k, d, 3) or None
        Per mm, in the axes of the coil, of all dipoles of the elements of the coil, one after the other.
    dipole_moments : ndarray (k, d, 3) or None
        Per A·m² per A of current.
    wire_points, wire_lengths : ndarray (k, w, 3) or None
        Per mm, of the points and lengths of all pieces of wire.
    deformation : ndarray (k, p) or None
        Per mm or degree of each parameter of a flexible coil.
    report : SolveReport
        On the poses; where nothing was solved for them, as the measure is linear, on the adjoint.
    adjoint : SolveReport
        On the adjoint solves, of each pose, or the one that serves all.
    """

    values: Floats
    pose: Floats | None = None
    didt: Floats | None = None
    conductivity: Floats | None = None
    tags: NDArray[np.int32] | None = None
    element_conductivity: NDArray[np.float32] | None = None
    dipole_positions: Floats | None = None
    dipole_moments: Floats | None = None
    wire_points: Floats | None = None
    wire_lengths: Floats | None = None
    deformation: Floats | None = None
    report: SolveReport
    adjoint: SolveReport

    def __len__(self) -> int:
        return len(self.values)

    def __repr__(self) -> str:
        names = [
            name
            for name, value in vars(self).items()
            if value is not None and name not in ("values", "tags", "report", "adjoint")
        ]
        return f"<Gradient of {plural(len(self), 'value', 'values')} by {', '.join(names)}>"


def check_wrt(wrt: Any) -> tuple[str, ...]:
    """Return what to differentiate by, each once.

    Examples
    --------
    >>> check_wrt("pose"), check_wrt(["didt", "pose"])
    (('pose',), ('didt', 'pose'))
    >>> check_wrt("position")
    Traceback (most recent call last):
    ...
    headfield.errors.ArgumentError: wrt names 'position'; it may name 'pose', 'didt', 'conductivity', \
'elements', 'dipoles', 'wire', 'deformation'
    """
    names = (wrt,) if isinstance(wrt, str) else wrt
    if not isinstance(names, Iterable):
        raise ArgumentError(f"wrt must be names such as 'pose', not {wrt!r}")
    listed = list(names)
    for name in listed:
        if name not in WRT:
            raise ArgumentError(f"wrt names {name!r}; it may name {', '.join(map(repr, WRT))}")
    if not listed:
        raise ArgumentError("wrt names nothing to differentiate by")
    return tuple(dict.fromkeys(listed))
