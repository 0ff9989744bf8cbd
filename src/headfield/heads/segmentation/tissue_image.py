# SPDX-License-Identifier: BSD-3-Clause
"""An image whose voxels are sorted by tissue, from inside to outside."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import MeshError
from ..tissues import BLOOD, CARTILAGE, CSF, EYES, GRAY_MATTER, SCALP, WHITE_MATTER

__all__ = ["TissueImage", "inside_out"]

# Each tissue comes after those that it surrounds, so that most tissues that touch follow each other: the
# surface between those is the zero of one level set, and that between others the zero of several. Spongy
# bone lies within compact bone; muscle, fat and cartilage lie between bone and scalp.
_INSIDE_OUT = (WHITE_MATTER, GRAY_MATTER, CSF, BLOOD, 8, 7, 4, EYES, 10, CARTILAGE, 12, SCALP)
_MOST_TISSUES = 31  # levels that the mesher takes


def inside_out(tags: Iterable[int]) -> tuple[int, ...]:
    """Return distinct tags from the innermost tissue to the outermost.

    Tags that are not in the table of tissues come first: lesions and implants are surrounded by what is.

    Examples
    --------
    >>> inside_out([5, 7, 1, 8, 20, 3, 2, 5])
    (20, 1, 2, 3, 8, 7, 5)
    """
    place = {tag: i for i, tag in enumerate(_INSIDE_OUT)}
    found = tuple(sorted(set(tags), key=lambda tag: (place.get(tag, -1), tag)))
    if len(found) > _MOST_TISSUES:
        raise MeshError(
            f"{len(found)} tissues; at most {_MOST_TISSUES} can be meshed at a time: give labels that "
            "conduct alike one tag"
        )
    return found


@dataclass(frozen=True)
class TissueImage:
    """Voxels by tissue.

    Attributes
    ----------
    name : str
        What messages call the image.
    affine : ndarray (4, 4) float64
        From voxel indices to mm, RAS.
    tags : tuple of int
        The tissues (k), from inside to outside.
    voxels : ndarray (nx, ny, nz) uint8
        0 outside of the head, i + 1 for ``tags[i]``.
    maps : ndarray (k, nx, ny, nz) float32, or None
        The share of each tissue in each voxel, where the image says it.
    """

    name: str
    affine: NDArray[np.float64]
    tags: tuple[int, ...]
    voxels: NDArray[np.uint8]
    maps: NDArray[np.float32] | None = None

    @property
    def voxel_mm(self) -> NDArray[np.float64]:
        """The edges of a voxel (3,), mm."""
        return np.asarray(np.linalg.norm(self.affine[:3, :3], axis=0))

    @property
    def voxel_mm3(self) -> float:
        """The volume of a voxel."""
        a, b, c = self.affine[:3, :3].T
        return float(abs(a @ np.cross(b, c)))

    def counts(self) -> dict[int, int]:
        """Return how many voxels each tissue has, by tag."""
        counts = np.bincount(self.voxels.ravel(), minlength=len(self.tags) + 1)[1:]
        return dict(zip(self.tags, counts.tolist(), strict=True))

    def changed(self, voxels: NDArray[np.uint8]) -> TissueImage:
        """Return the image with other voxels; where maps say another tissue, the two shares are swapped."""
        if self.maps is None:
            return replace(self, voxels=voxels)
        at = np.nonzero(voxels != self.voxels)
        old, new = self.voxels[at], voxels[at]
        shares = np.concatenate([(1 - self.maps.sum(axis=0))[None], self.maps])
        x, y, z = at
        before = shares[old, x, y, z]
        shares[old, x, y, z] = shares[new, x, y, z]
        shares[new, x, y, z] = before
        return replace(self, voxels=voxels, maps=np.ascontiguousarray(shares[1:]))

    def around_head(self, margin: int) -> TissueImage:
        """Return the box around the head with so many layers of background on each side."""
        inside = self.voxels > 0
        low, high = [], []
        for axis in range(3):
            there = np.flatnonzero(inside.any(axis=tuple({0, 1, 2} - {axis})))
            low.append(int(there[0]))
            high.append(int(there[-1]) + 1)
        x, y, z = (slice(a, b) for a, b in zip(low, high, strict=True))
        affine = self.affine.copy()
        affine[:3, 3] += affine[:3, :3] @ (np.array(low) - margin)
        maps = None if self.maps is None else _padded(self.maps[:, x, y, z], [0, *[margin] * 3])
        return replace(self, affine=affine, voxels=_padded(self.voxels[x, y, z], [margin] * 3), maps=maps)


def _padded(array: NDArray[Any], margins: Sequence[int]) -> NDArray[Any]:
    return np.ascontiguousarray(np.pad(array, [(margin, margin) for margin in margins]))
