# SPDX-License-Identifier: BSD-3-Clause
"""How well shaped tetrahedra are: their smallest dihedral angle."""

from __future__ import annotations

from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from .tetrahedra import chunks

__all__ = ["cross", "min_dihedral_cosines", "smallest_dihedrals_deg"]

Floats = NDArray[np.float64]


def min_dihedral_cosines(corners: Floats) -> Floats:
    """Return the cosine of the smallest dihedral angle of each tetrahedron.

    Parameters
    ----------
    corners : ndarray, float64 (4, 3, ...)
        Coordinates, corner first, then component, because NumPy is fast along long last axes.

    Returns
    -------
    ndarray, float64 (...)
        The largest of the six cosines; 2 for a flat or negatively oriented tetrahedron.

    Examples
    --------
    >>> import numpy as np
    >>> from headfield.heads.quality import min_dihedral_cosines
    >>> regular = np.array([[1, 1, 1], [1, -1, -1], [-1, -1, 1], [-1, 1, -1]], dtype=float)
    >>> round(float(min_dihedral_cosines(regular[..., None])[0]), 12)
    0.333333333333
    """
    a, b, c = corners[1] - corners[0], corners[2] - corners[0], corners[3] - corners[0]
    normals = [cross(b, c), cross(c, a), cross(a, b)]
    # The area vectors of a closed surface sum to 0.
    normals.append([-(x + y + z) for x, y, z in zip(*normals, strict=True)])
    length = [np.sqrt(x * x + y * y + z * z) for x, y, z in normals]
    worst = np.full(a.shape[1:], -1.0)
    for (m, p), (n, q) in combinations(zip(normals, length, strict=True), 2):
        dot = m[0] * n[0] + m[1] * n[1] + m[2] * n[2]
        np.maximum(worst, -dot / np.maximum(p * q, np.finfo(float).tiny), out=worst)
    n = normals[0]
    return np.where(a[0] * n[0] + a[1] * n[1] + a[2] * n[2] > 0, worst, 2.0)


def smallest_dihedrals_deg(nodes_mm: Floats, tets: NDArray[np.int32]) -> Floats:
    """Return the smallest dihedral angle (m,) of each tetrahedron (m, 4), degrees; 0 for flat ones.

    Examples
    --------
    >>> nodes = np.array([[1.0, 1, 1], [1, -1, -1], [-1, -1, 1], [-1, 1, -1]])
    >>> smallest_dihedrals_deg(nodes, np.array([[0, 1, 2, 3]], np.int32)).round(1).tolist()
    [70.5]
    """
    cosines = np.empty(len(tets))
    for piece, _, corners in chunks(nodes_mm, tets):
        cosines[piece] = min_dihedral_cosines(corners.swapaxes(0, 1))
    return np.degrees(np.arccos(np.clip(cosines, -1.0, 1.0)))


def cross(a: Floats, b: Floats) -> list[Floats]:
    """Return the three components of a × b, each (...), from vectors (3, ...)."""
    return [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
