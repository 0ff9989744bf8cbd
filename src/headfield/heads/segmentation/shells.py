# SPDX-License-Identifier: BSD-3-Clause
"""Cerebrospinal fluid, skull and scalp around a brain whose image has none: geometry, not anatomy.

The inner skull follows the brain after a closing by a ball of 6 mm, which bridges sulci; the outer skull and
the scalp follow a closing by 25 mm, which is nearly convex. Between them lie layers of constant thickness, as
spheres and other models of the head have them that know nothing else of a person.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from ..tissues import BONES, CARTILAGE, CSF, EYES, SCALP
from .grids import closed, filled, sampled, signed_distance, smoothed
from .level_sets import LevelSets

__all__ = [
    "BONE",
    "CSF_MM",
    "OUTSIDE_SKULL",
    "SCALP_MM",
    "SKULL_MM",
    "Shells",
    "lacking",
    "shells_around",
    "with_shells",
]

Field = NDArray[np.float32]

# Thicknesses. The mean of 281 skulls at 40 places is 6.3 mm, 5.3 to 7.5 by place: Moreira-Gonzalez 2006,
# doi 10.1097/01.prs.0000209933.78532.a7. Those of fluid and scalp are plausible numbers, not measured ones.
CSF_MM = 2.5  # above gyral crowns
SKULL_MM = 6.5
SCALP_MM = 6.0
BONE = BONES[0]  # the tag of the skull that is grown
OUTSIDE_SKULL = (SCALP, EYES, CARTILAGE, 10, 12)
BRIDGED_MM, CONVEX_MM = 6.0, 25.0  # radii of the two closings
_THINNEST_MM = 4.0  # of skull and of scalp where the brain bulges out of the nearly convex surface
_UNDER_SCALP_MM = 2.0  # of a scalp that was there over the skull that is grown
_SMOOTH_MM = 3.0
_STEP_MM = 2.0  # of the grid that the shells are found on
_BAND_MM = 4.0  # distance to an interface at which its level reaches 1
_BORDER = 2  # voxels around the head


@dataclass(frozen=True)
class Shells:
    """Signed distances, mm, negative inside, to the surfaces around a brain; all (nx, ny, nz) float32."""

    inner_skull: Field
    outer_skull: Field
    scalp: Field


def lacking(tags: Iterable[int]) -> list[str]:
    """Return what the tissues of a head lack that a coil needs around the brain.

    Examples
    --------
    >>> lacking([1, 2, 3]), lacking([1, 2, 7, 5])
    (['skull', 'scalp'], [])
    """
    layers = (("skull", BONES), ("scalp", (SCALP,)))
    there = set(tags)
    return [what for what, those in layers if not there & set(those)]


def shells_around(
    brain: NDArray[np.bool_], spacing_mm: Sequence[float], contents: NDArray[np.bool_] | None = None
) -> Shells:
    """Find where inner skull, outer skull and scalp may lie around a brain.

    Parameters
    ----------
    brain : ndarray (nx, ny, nz) bool
        With at least 30 mm of grid around it.
    spacing_mm : sequence of 3 float
        Of the voxels, along the axes of the grid.
    contents : ndarray (nx, ny, nz) bool, optional
        What else is known to lie in the skull, such as cerebrospinal fluid.

    Returns
    -------
    Shells
        There are at least about 2.5 mm between brain and inner skull; 6.5 mm of skull and 6 mm of scalp, but
        4 mm of each where the brain bulges out.

    Examples
    --------
    >>> x = np.stack(np.meshgrid(*[np.arange(-80.0, 81, 2)] * 3))
    >>> shells = shells_around(np.linalg.norm(x, axis=0) < 40, (2, 2, 2))
    >>> float(np.interp(0, shells.scalp[40, 40, 40:], np.arange(0, 81, 2)).round())
    54.0
    """
    whole = filled(closed(brain, BRIDGED_MM, spacing_mm) <= 0)
    follow = smoothed(signed_distance(whole | brain, spacing_mm), _SMOOTH_MM, spacing_mm)
    close = smoothed(signed_distance(brain, spacing_mm), _STEP_MM, spacing_mm)
    inner = np.minimum(follow, close) - np.float32(CSF_MM)
    if contents is not None and (contents & ~whole).any():
        known = closed(filled(contents | whole), BRIDGED_MM, spacing_mm)
        inner = np.minimum(inner, smoothed(known, _STEP_MM, spacing_mm))
    outer = layer_around(inner <= 0, SKULL_MM, spacing_mm)
    # The scalp lies on the same nearly convex surface as the skull, so that one closing serves both.
    return Shells(inner, outer, outer - np.float32(SCALP_MM))


def layer_around(inside: NDArray[np.bool_], thickness_mm: float, spacing_mm: Sequence[float]) -> Field:
    """Return the signed distance, mm, to the outside of a layer around a mask and its dents below 25 mm."""
    convex = smoothed(closed(inside, CONVEX_MM, spacing_mm), _SMOOTH_MM, spacing_mm)
    bulges = smoothed(signed_distance(inside, spacing_mm), _STEP_MM, spacing_mm)
    return np.minimum(convex - np.float32(thickness_mm), bulges - np.float32(_THINNEST_MM))


def with_shells(levels: LevelSets) -> tuple[LevelSets, tuple[str, ...]]:
    """Grow what a head lacks of cerebrospinal fluid, skull and scalp around its tissues.

    Parameters
    ----------
    levels : LevelSets
        On voxels of any size; the axes of the grid are taken to be perpendicular. What comes before the first
        of bone, eyes, cartilage, muscle, fat and scalp counts as inside of the skull.

    Returns
    -------
    grown : LevelSets
        On the same grid, enlarged where the shells need it. Fluid that was there stays; where less than
        about 2.5 mm of it covered the brain, there is more. A head with skull and scalp is returned as it is.
    names : tuple of str
        What was grown, of "CSF", "skull" and "scalp".

    Examples
    --------
    >>> x = np.stack(np.meshgrid(*[np.arange(-60.0, 61, 3)] * 3))
    >>> ball = np.clip((40 - np.linalg.norm(x, axis=0)) / 4, -1, 1)[None].astype(np.float32)
    >>> grown, names = with_shells(LevelSets(ball, (2,), np.diag([3.0, 3, 3, 1])))
    >>> grown.tags, names
    ((2, 3, 4, 5), ('CSF', 'skull', 'scalp'))
    """
    bones = [i for i, tag in enumerate(levels.tags) if tag in BONES]
    scalp = levels.tags.index(SCALP) if SCALP in levels.tags else None
    if bones and scalp is not None:
        return levels, ()
    work = _WorkGrid(levels)
    if bones:
        distance = layer_around(work.mask(len(levels.tags) - 1), SCALP_MM, work.spacing_mm)
        return work.appended([(SCALP, distance)], len(levels.tags)), ("scalp",)
    end = next((i for i, tag in enumerate(levels.tags) if tag in OUTSIDE_SKULL), len(levels.tags))
    work.levels = levels = _fluid_last(levels, end)
    brain = max((i for i in range(end) if levels.tags[i] != CSF), default=end - 1)
    shells = shells_around(work.mask(brain), work.spacing_mm, work.mask(end - 1))
    fluid, skull = (CSF, shells.inner_skull), (BONE, shells.outer_skull)
    if end == len(levels.tags):
        return work.appended([fluid, skull, (SCALP, shells.scalp)], end), ("CSF", "skull", "scalp")
    if scalp is None:
        grown, names = with_shells(work.appended([fluid, skull], end))
        return grown, ("CSF", "skull", *names)
    below = signed_distance(work.mask(scalp), work.spacing_mm) + np.float32(_UNDER_SCALP_MM)
    return work.appended([fluid, (BONE, np.maximum(skull[1], below))], end), ("CSF", "skull")


def _fluid_last(levels: LevelSets, end: int) -> LevelSets:
    """Return levels in which fluid is the last of the first `end` tissues, so that more fits around it."""
    if CSF not in levels.tags[:end] or levels.tags[end - 1] == CSF:
        return levels
    at, values = levels.tags.index(CSF), levels.values.copy()
    inner = levels.values[at - 1] if at else np.float32(-1)
    for i in range(at + 1, end):  # what comes after the fluid lies outside of it
        values[i - 1] = np.maximum(inner, np.minimum(levels.values[i], -levels.values[at]))
    tags = list(levels.tags)
    tags.insert(end - 1, tags.pop(at))
    return LevelSets(values, tuple(tags), levels.affine)


class _WorkGrid:
    """A grid of about 2 mm along the axes of level sets, with room for shells around the head."""

    def __init__(self, levels: LevelSets) -> None:
        self.levels = levels
        voxel_mm = levels.voxel_mm
        step = np.maximum(_STEP_MM / voxel_mm, 1e-3)  # in voxels
        inside = levels.values[-1] > 0
        room = (CONVEX_MM + CSF_MM + SKULL_MM + SCALP_MM + 3 * _STEP_MM) / voxel_mm
        self._positions = []
        for axis in range(3):
            there = np.flatnonzero(inside.any(axis=tuple({0, 1, 2} - {axis})))
            low, high = (there[0], there[-1]) if len(there) else (0, inside.shape[axis] - 1)
            self._positions.append(np.arange(low - room[axis], high + room[axis] + step[axis], step[axis]))
        self.spacing_mm = tuple(float(each) for each in step * voxel_mm)

    def mask(self, index: int) -> NDArray[np.bool_]:
        """Return what lies inside of level `index`, on the work grid."""
        values = np.pad(self.levels.values[index], 1, constant_values=-1)
        return sampled(values, [each + 1 for each in self._positions]) > 0

    def appended(self, new: list[tuple[int, Field]], end: int) -> LevelSets:
        """Return the levels with those of new tissues, given by distances, inserted before number `end`.

        Fluid that is there already becomes part of the new one.
        """
        old, tags = self.levels, list(self.levels.tags)
        low, high = self._missing(new[-1][1])
        padding = [(0, 0), *zip(low, high, strict=True)]
        values = list(np.pad(old.values, padding, constant_values=-1))
        voxels = [np.arange(n) - before for n, before in zip(values[0].shape, low, strict=True)]
        inverse = [(at - p[0]) / (p[1] - p[0]) for at, p in zip(voxels, self._positions, strict=True)]
        grown = [np.clip(sampled(each, inverse) / np.float32(-_BAND_MM), -1, 1) for _, each in new]
        if new[0][0] == CSF and tags[end - 1] == CSF:
            grown[0] = np.maximum(grown[0], values.pop(end - 1))
            tags.pop(end - 1)
            end -= 1
        stack = np.stack([*values[:end], *grown, *values[end:]])
        for inner, outer in pairwise(stack):
            np.maximum(inner, outer, out=outer)
        affine = old.affine.copy()
        affine[:3, 3] -= affine[:3, :3] @ low
        return LevelSets(stack, (*tags[:end], *(tag for tag, _ in new), *tags[end:]), affine)

    def _missing(self, distance: Field) -> tuple[list[int], list[int]]:
        """Return by how many voxels the grid must grow, below and above each axis, to hold a surface."""
        low, high = [], []
        for axis, positions in enumerate(self._positions):
            there = np.flatnonzero((distance <= 0).any(axis=tuple({0, 1, 2} - {axis})))
            first, last = positions[max(there[0] - 1, 0)], positions[min(there[-1] + 1, len(positions) - 1)]
            low.append(max(int(np.ceil(_BORDER - first)), 0))
            high.append(max(int(np.ceil(last + _BORDER - (self.levels.values.shape[1 + axis] - 1))), 0))
        return low, high
