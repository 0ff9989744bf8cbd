# SPDX-License-Identifier: BSD-3-Clause
"""Parts of tissues that are too small to be meant, and parts of the image that are not joined to the head."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...core.device import cpu
from ...core.messages import plural
from ...errors import MeshError
from ..names import called
from .tissue_image import TissueImage

__all__ = ["Removed", "apart_from_largest", "joined_to_head", "said_of", "without_islands"]

Voxels = NDArray[np.uint8]

_ROUNDS = 20  # of removing what became small: each has fewer parts than the one before, three are usual
_SECOND_HEAD = 0.1  # of the volume of the largest part: heads and their pillows differ by more


@dataclass(frozen=True)
class Removed:
    """How many parts of a tissue were given to others, and their volume; tag 0 stands for filled holes."""

    tag: int
    parts: int
    volume_mm3: float


def without_islands(image: TissueImage, smallest_mm3: float) -> tuple[TissueImage, tuple[Removed, ...]]:
    """Give each part of a tissue, or hole in the head, that is smaller than a volume to what is around it.

    Voxels that touch by a corner are one part, so that sheets of one voxel don't fall to pieces.

    Raises
    ------
    MeshError
        All parts of a tissue are so small.

    Examples
    --------
    >>> voxels = np.ones((9, 9, 9), np.uint8)
    >>> voxels[3, 3, 3], voxels[6, 5:7, 5] = 2, 0
    >>> image, removed = without_islands(TissueImage("image", np.eye(4), (2, 3), voxels), 5.0)
    Traceback (most recent call last):
    ...
    headfield.errors.MeshError: image: all CSF, 1 mm³, is in islands below 5 mm³: lower \
min_island_mm3, or give its label another tissue
    """
    grid = np.pad(image.voxels, 1)  # so that every voxel of the image has neighbours
    parts = np.zeros(len(image.tags) + 1, np.int64)
    for _ in range(_ROUNDS):
        part, size, first = cpu.voxel_parts(grid, True)
        small = size * image.voxel_mm3 < smallest_mm3
        small[0] = False  # the first voxel is of the padding: what lies around the head is no hole
        new = _surrounding(grid, part, small, len(parts))
        gone = np.flatnonzero(small & (new >= 0))
        if not len(gone):
            break
        parts += np.bincount(grid.ravel()[first[gone]], minlength=len(parts))
        at = np.flatnonzero(small[part])
        tissue = new[part.ravel()[at]]
        grid.ravel()[at[tissue >= 0]] = tissue[tissue >= 0]
    voxels = np.ascontiguousarray(grid[1:-1, 1:-1, 1:-1])
    counts = np.bincount(image.voxels[voxels != image.voxels], minlength=len(parts)) * image.voxel_mm3
    _check_all_left(image, voxels, smallest_mm3)
    removed = [Removed(tag, int(parts[i]), float(counts[i])) for i, tag in enumerate((0, *image.tags))]
    return image.changed(voxels), tuple(one for one in removed if one.parts)


def _surrounding(
    grid: Voxels, part: NDArray[np.int32], small: NDArray[np.bool_], n_labels: int
) -> NDArray[np.int64]:
    """Return the label that most faces of each small part meet outside of small parts; -1 if none does."""
    new = np.full(len(small), -1, np.int64)
    which = np.flatnonzero(small)
    rank = np.zeros(len(small), np.int64)
    rank[which] = np.arange(len(which))
    flat, labels = part.ravel(), grid.ravel()
    at = np.flatnonzero(small[flat])
    faces = np.zeros(len(which) * n_labels, np.int64)
    for step in (1, grid.shape[2], grid.shape[1] * grid.shape[2]):
        for beside in (at - step, at + step):
            known = ~small[flat[beside]]
            key = rank[flat[at[known]]] * n_labels + labels[beside[known]]
            faces += np.bincount(key, minlength=len(faces))
    table = faces.reshape(len(which), n_labels)
    met = table.any(axis=1)
    new[which[met]] = table[met].argmax(axis=1)
    return new


def _check_all_left(image: TissueImage, voxels: Voxels, smallest_mm3: float) -> None:
    before = np.bincount(image.voxels.ravel(), minlength=len(image.tags) + 1)
    after = np.bincount(voxels.ravel(), minlength=len(image.tags) + 1)
    for i, tag in enumerate(image.tags, 1):
        if not after[i]:
            raise MeshError(
                f"{image.name}: all {called(tag, {})}, {before[i] * image.voxel_mm3:.3g} mm³, is in islands "
                f"below {smallest_mm3:.3g} mm³: lower min_island_mm3, or give its label another tissue"
            )


def apart_from_largest(inside: NDArray[np.bool_], name: str) -> NDArray[np.bool_]:
    """Return the voxels inside that no face joins to the largest part of them.

    Raises
    ------
    MeshError
        The second largest part has a tenth of the largest or more.
    """
    part, size, first = cpu.voxel_parts(inside.view(np.uint8), False)
    filled = np.flatnonzero(inside.ravel()[first])
    order = filled[np.argsort(-size[filled], kind="stable")]
    if len(order) > 1 and size[order[1]] >= _SECOND_HEAD * size[order[0]]:
        share = size[order[1]] / size[order[0]]
        raise MeshError(
            f"{name}: the head falls into {plural(len(order), 'part', 'parts')} that don't touch; the second "
            f"has {share:.0%} of the volume of the first: one head is needed, in one piece"
        )
    return np.asarray(inside & (part != order[0]))


def joined_to_head(image: TissueImage, across_mm: float = 0.0) -> tuple[TissueImage, float]:
    """Return the image without what is not joined to the head, and the volume of that, mm³.

    Parts with gaps of at most `across_mm` between them count as joined.

    Examples
    --------
    >>> voxels = np.zeros((9, 9, 9), np.uint8)
    >>> voxels[1:6, 1:6, 1:6] = voxels[8, 8, 8] = 1
    >>> joined_to_head(TissueImage("image", np.eye(4), (5,), voxels))[1]
    1.0
    """
    inside = near = image.voxels > 0
    if across_mm:
        # Surfaces lie half a voxel around the centres that distances are counted from.
        reach_mm = (across_mm + image.voxel_mm.mean()) / 2
        near = cpu.distance(inside.view(np.uint8), image.voxel_mm.tolist()) <= reach_mm
    apart = inside & apart_from_largest(near, image.name)
    if not apart.any():
        return image, 0.0
    voxels = image.voxels.copy()
    voxels[apart] = 0
    return image.changed(voxels), float(np.count_nonzero(apart) * image.voxel_mm3)


def said_of(removed: Sequence[Removed], apart_mm3: float) -> str:
    """Return a line on what was removed; "" if nothing was.

    Examples
    --------
    >>> print(said_of([Removed(0, 1, 3.0), Removed(3, 20, 92.5)], 12.0))
    1 hole (3 mm³) filled, 20 islands of CSF (92.5 mm³) given to what surrounds them, 12 mm³ apart \
from the head left out
    """
    words = []
    for one in removed:
        if one.tag == 0:
            words.append(f"{plural(one.parts, 'hole', 'holes')} ({one.volume_mm3:.4g} mm³) filled")
            continue
        islands = f"{plural(one.parts, 'island', 'islands')} of {called(one.tag, {})}"
        words.append(f"{islands} ({one.volume_mm3:.4g} mm³)")
    if any(one.tag for one in removed):
        words[-1] += " given to what surrounds them"
    if apart_mm3:
        words.append(f"{apart_mm3:.4g} mm³ apart from the head left out")
    return ", ".join(words)
