# SPDX-License-Identifier: BSD-3-Clause
"""Nested level sets of an image whose voxels are sorted by tissue."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ...core.device import cpu
from ...errors import MeshError
from ..names import called
from ..tissues import BLOOD, CSF
from .islands import apart_from_largest
from .level_sets import LevelSets
from .tissue_image import TissueImage

__all__ = ["check_all_there", "level_sets_of", "parts_joined", "with_fluid"]

Field = NDArray[np.float32]

SIGMA = 0.8  # voxels: below, staircases stay; above, sheets of one voxel vanish
_MARGIN = 6  # voxels: what the Gaussian reaches, and some for whoever looks at slopes
# What levels may be shifted by: half of the slope of a smoothed step over a voxel.
_SHIFTS = np.linspace(-0.25, 0.25, 101).tolist()
_MOST_BYTES = 1.5e9  # that level sets take before blocks of voxels stand for voxels


def level_sets_of(image: TissueImage, edge_mm: float) -> LevelSets:
    """Return the level sets of an image, on its voxels or on blocks of them.

    Labels are smoothed: u_l is a Gaussian of 0.8 voxels of the voxels of tissue l, and level k is the largest
    u within k minus the largest outside of it. So tissue l is where u_l is the largest, and no tissue gains
    from the order, as it would by sums of u. Then each level is shifted by a number, so that it encloses the
    volume that its voxels have: smoothing alone takes from thin sheets, such as fluid in sulci. Maps are
    taken as they are.

    Voxels below a quarter of an edge are taken together: the mesh can't show them. So are voxels below half
    an edge where the levels would take more than 1.5 GB.

    Examples
    --------
    >>> voxels = np.zeros((10, 10, 10), np.uint8)
    >>> voxels[2:8, 2:8, 2:8] = 1
    >>> levels = level_sets_of(TissueImage("cube", np.eye(4), (5,), voxels), 2.5)
    >>> round(abs(float((levels.values[0] > 0).sum()) - 6**3), -2)
    0.0
    """
    step = _step(image, edge_mm)
    around = image.around_head(_MARGIN * step)
    if around.maps is None:
        values = cpu.label_levels(around.voxels, len(around.tags), SIGMA, step)
        _keep_volumes(values, around.voxels, step)
    else:
        values = _levels_of_maps(_averaged(around.maps, step))
    affine = around.affine.copy()
    affine[:3, 3] += affine[:3, :3] @ np.full(3, (step - 1) / 2)
    affine[:3, :3] *= step
    return LevelSets(values, around.tags, affine)


def _step(image: TissueImage, edge_mm: float) -> int:
    """Return how many voxels along each axis are taken together."""
    coarsest = float(image.voxel_mm.max())
    step = max(1, math.floor(edge_mm / 4 / coarsest))
    # A head fills half of the box around it.
    size = 4.0 * len(image.tags) * np.count_nonzero(image.voxels) * 2
    while size / step**3 > _MOST_BYTES and (step + 1) * coarsest <= edge_mm / 2:
        step += 1
    return step


def _keep_volumes(values: Field, voxels: NDArray[np.uint8], step: int) -> None:
    """Shift levels so that they enclose the volumes of the voxels; they stay nested."""
    wanted = np.bincount(voxels.ravel(), minlength=len(values) + 1)[1:].cumsum() / step**3
    for level, volume in zip(values, wanted, strict=True):
        above = cpu.volumes_above(level, _SHIFTS)
        level -= np.float32(np.interp(-volume, -above, _SHIFTS))
    np.maximum.accumulate(values, axis=0, out=values)
    np.clip(values, -1, 1, out=values)


def _averaged(maps: Field, step: int) -> Field:
    if step == 1:
        return maps
    k, *shape = maps.shape
    padded = np.pad(maps, [(0, 0), *((0, -n % step) for n in shape)])
    nx, ny, nz = (n // step for n in padded.shape[1:])
    blocks = padded.reshape(k, nx, step, ny, step, nz, step)
    return np.ascontiguousarray(blocks.mean(axis=(2, 4, 6), dtype=np.float32))


def _levels_of_maps(maps: Field) -> Field:
    """Return max(u_1…u_k) − max(u_0, u_k+1…) of maps u_1…, with u_0 = 1 − Σ u."""
    values = np.maximum.accumulate(maps, axis=0)
    outer = 1 - maps.sum(axis=0, dtype=np.float32)
    for i in range(len(maps) - 1, -1, -1):
        values[i] -= outer
        np.maximum(outer, maps[i], out=outer)
    return np.clip(values, -1, 1, out=values)


def parts_joined(levels: LevelSets, name: str) -> tuple[LevelSets, float]:
    """Return levels without what smoothing has cut off the head, and the volume of that, mm³."""
    last = levels.values[-1]
    apart = apart_from_largest(last > 0, name)
    if not apart.any():
        return levels, 0.0
    values = levels.values.copy()
    # Levels are turned round below the outermost, all by the same number, so that they stay nested.
    values[:, apart] = np.minimum(values[:, apart], -last[apart])
    return replace(levels, values=values), np.count_nonzero(apart) * levels.voxel_mm3


def check_all_there(levels: LevelSets, name: str) -> None:
    """Raise MeshError for a tissue that smoothing has taken away everywhere."""
    for i, tag in enumerate(levels.tags):
        inside = levels.values[i] > 0
        if i:
            inside &= levels.values[i - 1] <= 0
        if not inside.any():
            raise MeshError(
                f"{name}: the {called(tag, {})} is thinner than the voxels can show, and would be lost: give "
                "its label another tissue, or take an image of finer voxels or an edge that is shorter"
            )


def with_fluid(levels: LevelSets, keep_csf_mm: float, name: str) -> LevelSets:
    """Return levels in which cerebrospinal fluid lies between the brain and all that surrounds the fluid.

    Parameters
    ----------
    levels : LevelSets
    keep_csf_mm : float
        The least distance between brain and skull. The brain shrinks where it is less.
    name : str
        For the message.

    Raises
    ------
    MeshError
        There is no cerebrospinal fluid.
    """
    if CSF not in levels.tags:
        raise MeshError(
            f"{name}: keep_csf_mm needs cerebrospinal fluid (tag {CSF}), of which the image has none; "
            "shells=True grows it where there is no skull either"
        )
    fluid = levels.tags.index(CSF)
    outermost = fluid + (levels.tags[fluid + 1 : fluid + 2] == (BLOOD,))
    voxel_mm = levels.voxel_mm
    around = levels.values[outermost] <= 0
    # Surfaces lie half a voxel before the first centre beyond them.
    depth_mm = cpu.distance(around.view(np.uint8), voxel_mm.tolist()) - np.float32(voxel_mm.mean() / 2)
    limit = np.clip((depth_mm - np.float32(keep_csf_mm)) / np.float32(2 * voxel_mm.mean()), -1, 1)
    values = levels.values.copy()
    np.minimum(values[:fluid], limit, out=values[:fluid])
    return replace(levels, values=values)
