# SPDX-License-Identifier: BSD-3-Clause
"""What linear elements around a part cost E in it: they are coarse there however fine the part is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...heads.mesh import TetMesh
from ...heads.tetrahedra import barycentres, volumes

__all__ = ["Surroundings", "around"]

Floats = NDArray[np.float64]

_REACH_MM = 50.0  # from the region
_DRAWN, _MOST = 60_000, 4_000  # tetrahedra that are drawn from the head, and that are looked at
# Error over the square of the error of linear elements around, at a margin of 10 mm: 0.5 to 0.9 in sample
# heads, 0.7 in the phantom, 0.2 to 0.4 in spheres.
_SHARE = 0.8
_MARGIN_MM, _REST = 10.0, 0.5  # a larger margin takes half of it away, not more


@dataclass(frozen=True, eq=False)
class Surroundings:
    """Squares of what linear elements are off by around a region, and of E there: means (k,), (V/m)²."""

    missed: Floats
    field: Floats

    def error(self, squares: Floats, margin_mm: float) -> Floats:
        """Estimate what they cost E in the region, relative L2, (k,); `squares` (k,) are means of |E|² there.

        The potential of linear elements is off by about the square ε² of what their E is off by, and carries
        that to where it is handed on: at the rim, and through linear elements within it. So E in the region
        is off by ε² |E around|.

        Examples
        --------
        >>> around = Surroundings(missed=np.array([1.0]), field=np.array([100.0]))
        >>> around.error(np.array([100.0]), 10.0).round(4).tolist()  # ε = 10 %
        [0.008]
        """
        share = _SHARE * max(_MARGIN_MM / margin_mm, _REST)
        tiny = np.finfo(float).tiny  # poses without a field
        missed: Floats = share * self.missed / np.maximum(np.sqrt(self.field * squares), tiny)
        return missed


def around(mesh: TetMesh, region: NDArray[np.int32]) -> tuple[NDArray[np.int32], Floats]:
    """Draw tetrahedra within 50 mm of a region; return them (q,) and their volumes.

    Parameters
    ----------
    mesh : TetMesh
    region : ndarray (p,) int32
        Tetrahedra.
    """
    draw = np.random.default_rng(0)
    some = draw.choice(mesh.n_tets, min(_DRAWN, mesh.n_tets), replace=False)
    corners = mesh.nodes_mm[mesh.tets[region]].reshape(-1, 3)
    low, high = corners.min(axis=0) - _REACH_MM, corners.max(axis=0) + _REACH_MM
    centres = barycentres(mesh.nodes_mm, mesh.tets[some])
    some = some[((centres > low) & (centres < high)).all(axis=1)]
    chosen: NDArray[np.int32] = np.sort(some[:_MOST]).astype(np.int32)
    return chosen, volumes(mesh.nodes_mm, mesh.tets[chosen])
