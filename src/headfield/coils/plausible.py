# SPDX-License-Identifier: BSD-3-Clause
"""Coils that can be solved but are hardly meant: in other units, too strong or weak, or turned round.

`docs/checks.md` has the reason and the source of each threshold.
"""

from __future__ import annotations

from weakref import WeakSet

import numpy as np

from ..core.messages import doubt
from .parts import CoilContent
from .sources import EXTENT_MM, Sources, grid_corners_mm

__all__ = ["DIDT", "warn_of_coil", "warn_of_front"]

DIDT = (1e4, 1e9)  # A/s, of solves
_DIDT_MAX = (1e4, 1e10)  # A/s, of what a coil reaches
_MOMENT = (1e-7, 10.0)  # A·m² per A, of all dipoles together
_A = (1e-12, 1e-2)  # T·m per A, the largest component of samples
_LENGTH = (0.5, 3000.0)  # of all wire, in units of how far it spans
_GRID_MM = (1.0, 10_000.0)  # of samples, across
_FRONT_MM = 0.5  # in front of z = 0
_OF_CASING_MM = 2.0  # in front of the casing: dipoles that stand for wire lie up to so far beyond it
_NEAR_MM = 10.0  # sources at most so much farther from the axis than the nearest one

_looked_at: WeakSet[CoilContent] = WeakSet()  # coils whose sources were held against the face


def warn_of_coil(coil: CoilContent, where: str = "") -> None:
    """Warn of sizes, moments and a largest dI/dt that no coil for a head has.

    Parameters
    ----------
    coil : Coil or CoilContent
    where : str
        The file it is from, as messages begin with it: "coil.ccd: ".

    Examples
    --------
    >>> import warnings
    >>> from headfield import Coil
    >>> with warnings.catch_warnings(record=True) as said:
    ...     warnings.simplefilter("always")
    ...     coil = Coil([[0, 0, -5.0]], [[0, 0, 2500.0]])
    >>> print(str(said[0].message)[:94])
    the moments of the dipoles are 2.5e+03 A·m² per A in all, not between 1e-07 and 10 as of coils
    """
    sources = coil.sources()
    notes = [*_of_extent(sources), *_of_strength(sources)]
    for stimulator in coil.stimulators:
        most = stimulator.didt_max
        if most is not None and not _DIDT_MAX[0] <= most <= _DIDT_MAX[1]:
            notes.append(
                f"a largest dI/dt of {most:g} A/s ({most * 1e-6:g} A/µs) is not between {_DIDT_MAX[0]:g} and "
                f"{_DIDT_MAX[1]:g} A/s: is it in A/s where A/µs are wanted, or the other way round?"
            )
    for note in notes:
        doubt(where + note)


def warn_of_front(coil: CoilContent, where: str = "") -> None:
    """Warn of sources in front of the face of the casing, where the head is; once for each coil.

    Wings that are bent towards the head lie at z > 0 and are right. What is wrong: sources at z > 0 that are
    nearest to the axis, while no others lie farther in front; or sources beyond the casing, if there is one.
    """
    if coil in _looked_at:
        return
    _looked_at.add(coil)
    height = _height_in_front(coil)
    if height is not None:
        doubt(
            f"{where}sources at z > 0, on the head's side of the casing face: is z turned round? They reach "
            f"{height:.3g} mm; +z points into the head, and a flat coil lies at z < 0"
        )


def _of_extent(sources: Sources) -> list[str]:
    """Look at how far dipoles and wire span and how far out they are, and at the size of grids."""
    notes = []
    points = sources.points_mm
    if len(points):
        extent, out = float(np.ptp(points, axis=0).max()), float(np.abs(points).max())
        said = f"{out:.3g} mm from the origin of its frame" if out > EXTENT_MM[1] else ""
        if extent > EXTENT_MM[1] or 0.0 < extent < EXTENT_MM[0]:
            said = f"{extent:.3g} mm across, not {EXTENT_MM[0]:g} to {EXTENT_MM[1]:g}"
        if said:
            notes.append(f"the coil is {said}: are its positions in other units? (.ccd has m, all else mm)")
    for grid in sources.sampled:
        extent = float(np.ptp(grid_corners_mm(grid.shape, grid.affine), axis=0).max())
        if not _GRID_MM[0] <= extent <= _GRID_MM[1]:
            notes.append(f"the samples of A are {extent:.3g} mm across: are these mm?")
    return notes


def _of_strength(sources: Sources) -> list[str]:
    """Look at the size of moments, pieces of wire and samples of A."""
    notes = []
    dipoles, segments, sampled = sources
    if len(dipoles):
        moment = _sum_of_lengths(dipoles.moments)
        if not _MOMENT[0] <= moment <= _MOMENT[1]:
            notes.append(
                f"the moments of the dipoles are {moment:.3g} A·m² per A in all, not between {_MOMENT[0]:g} "
                f"and {_MOMENT[1]:g} as of coils: are they in A·m² per A of coil current?"
            )
    span = float(np.ptp(segments.points_mm, axis=0).max()) if len(segments) else 0.0
    if span > 0.0:
        length = _sum_of_lengths(segments.lengths_mm)
        if not _LENGTH[0] * span <= length <= _LENGTH[1] * span:
            notes.append(
                f"{length:.3g} mm of wire, turns counted, span {span:.3g} mm: are the pieces in the unit of "
                "their points?"
            )
    for grid in sampled:
        most = max(float(grid.values.max()), -float(grid.values.min()))
        if not _A[0] <= most <= _A[1]:
            notes.append(
                f"the largest component of A is {most:.3g} T·m per A, not between {_A[0]:g} and {_A[1]:g} as "
                "of a coil: is that its unit?"
            )
    return notes


def _height_in_front(coil: CoilContent) -> float | None:
    """Return how far sources lie in front of the face, mm; None if none do, or if that is right."""
    points = coil.sources().points_mm
    if not len(points):
        return None
    z = points[:, 2]
    most = float(z.max())
    if most <= _FRONT_MM:
        return None
    radius = np.hypot(points[:, 0], points[:, 1])
    at_the_axis = float(z[radius <= radius.min() + _NEAR_MM].max())
    if at_the_axis > max(_FRONT_MM, most - _FRONT_MM):
        return most
    casing = coil.casing
    is_beyond = casing is not None and most > float(casing.points_mm[:, 2].max()) + _OF_CASING_MM
    return most if is_beyond else None


def _sum_of_lengths(vectors: np.ndarray) -> float:
    return float(np.sqrt(np.einsum("nd,nd->n", vectors, vectors)).sum())
