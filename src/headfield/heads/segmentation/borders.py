# SPDX-License-Identifier: BSD-3-Clause
"""Whether the border of an image cuts through the head."""

from __future__ import annotations

import numpy as np

from ...core.messages import doubt
from ...errors import MeshError
from ..tissues import BLOOD, BONES, BRAIN, CSF
from .tissue_image import TissueImage

__all__ = ["check_borders"]

# By axis of RAS, down and up.
_FACES = (("left", "right"), ("posterior", "anterior"), ("inferior", "superior"))
_NECK = "inferior"
# In the neck, the cord (1.2 cm²) or the brain stem (9 cm² at the pons) may be cut; a hemisphere (80 cm²) not.
_BRAIN_IN_NECK_MM2 = 1200.0
# Elsewhere a nose tip (2 cm²) or an ear (15 cm², pressed flat) may touch, but nothing of skull or brain.
_SOFT_MM2 = 2000.0
_WITHIN_SCALP_MM2 = 100.0
_WITHIN_SCALP = (*BRAIN, CSF, BLOOD, *BONES)


def check_borders(image: TissueImage) -> None:
    """Refuse a head that the border of its image cuts anywhere but through the neck.

    Raises
    ------
    MeshError
        More of the head lies in an outermost layer of voxels than a nose or an ear that touches it, or more
        brain in the lowest one than in a neck.

    Warns
    -----
    PlausibilityWarning
        A small part of the head touches the border.

    Examples
    --------
    >>> voxels = np.zeros((50, 60, 70), np.uint8)
    >>> voxels[3:-3, 3:-3, :-3] = 1  # from the lowest layer upward, as with a neck
    >>> check_borders(TissueImage("image", np.eye(4), (5,), voxels))
    >>> check_borders(TissueImage("image", np.diag([1.0, 1, -1, 1]), (5,), voxels))
    Traceback (most recent call last):
    ...
    headfield.errors.MeshError: image: the head is cut by the superior border of the image: 23.8 cm² of it \
lie there: take an image of the whole head; if the head is meant to end there, add a layer of 0 to the image
    """
    axes = image.affine[:3, :3] / image.voxel_mm
    touches = []
    for axis in range(3):
        world = int(np.argmax(np.abs(axes[:, axis])))
        area_mm2 = image.voxel_mm3 / image.voxel_mm[axis]
        for end in (0, -1):
            upward = (axes[world, axis] > 0) == (end == -1)
            face = _FACES[world][int(upward)]
            layer = np.take(image.voxels, end, axis=axis)
            counts = np.bincount(layer.ravel(), minlength=len(image.tags) + 1)
            areas = {tag: float(counts[i] * area_mm2) for i, tag in enumerate(image.tags, 1) if counts[i]}
            if areas and _look(areas, face, image.name):
                touches.append(f"{sum(areas.values()) / 100:.2g} cm² at the {face} border")
    if touches:
        doubt(f"{image.name}: the head touches the border of the image: {', '.join(touches)}; it ends flat")


def _look(areas: dict[int, float], face: str, name: str) -> bool:
    """Raise for a cut that no head closes; tell whether what touches a face is worth a doubt."""
    brain = sum(areas.get(tag, 0.0) for tag in BRAIN)
    if face == _NECK:
        if brain <= _BRAIN_IN_NECK_MM2:
            return False
        what = f"{brain / 100:.3g} cm² of brain lie there, more than in a neck"
    else:
        within = sum(areas.get(tag, 0.0) for tag in _WITHIN_SCALP)
        if within <= _WITHIN_SCALP_MM2 and sum(areas.values()) <= _SOFT_MM2:
            return True
        what = f"{sum(areas.values()) / 100:.3g} cm² of it lie there"
    raise MeshError(
        f"{name}: the head is cut by the {face} border of the image: {what}: take an image of the whole "
        "head; if the head is meant to end there, add a layer of 0 to the image"
    )
