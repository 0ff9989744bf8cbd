# SPDX-License-Identifier: BSD-3-Clause
"""The casing of a coil: a triangle surface in the coil frame."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..core.arguments import real_array, vectors
from ..errors import CoilError
from ..geometry.triangles import check_faces
from .records import Record, keep

__all__ = ["Casing"]


@dataclass(frozen=True, eq=False, repr=False)
class Casing(Record):
    """A triangle surface around a coil or a part of it.

    Parameters
    ----------
    points_mm : array_like (p, 3)
        mm, in the coil frame.
    faces : array_like (f, 3) int
        Triangles as indices of points, counted from 0.

    Raises
    ------
    CoilError
        Wrong shapes, points that are not finite, indices outside 0 … p−1, or no triangles.

    Examples
    --------
    >>> Casing([[0, 0, 0], [1, 0, 0], [0, 1, 0]], [[0, 1, 2]]).faces.shape
    (1, 3)
    """

    points_mm: NDArray[np.float64]
    faces: NDArray[np.int32]

    def __post_init__(self) -> None:
        points = vectors(self.points_mm, "casing points", CoilError)
        faces = real_array(self.faces, "casing faces", CoilError)
        check_faces(faces, len(points), "casing faces", CoilError)
        keep(self, points_mm=points, faces=faces.astype(np.int32))

    def moved(self, matrix: NDArray[np.float64]) -> Casing:
        """Return the casing after a rigid motion (4, 4), mm."""
        return Casing(self.points_mm @ matrix[:3, :3].T + matrix[:3, 3], self.faces)

    @staticmethod
    def joined(casings: Sequence[Casing]) -> Casing:
        """Return several casings as one surface.

        Examples
        --------
        >>> one = Casing([[0, 0, 0], [1, 0, 0], [0, 1, 0]], [[0, 1, 2]])
        >>> Casing.joined([one, one]).faces.tolist()
        [[0, 1, 2], [3, 4, 5]]
        """
        first = np.cumsum([0, *(len(c.points_mm) for c in casings[:-1])])
        faces = [c.faces + n for c, n in zip(casings, first, strict=True)]
        return Casing(np.concatenate([c.points_mm for c in casings]), np.concatenate(faces))
