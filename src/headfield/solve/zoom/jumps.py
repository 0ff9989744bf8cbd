# SPDX-License-Identifier: BSD-3-Clause
"""By how much the current through faces of a part jumps: where its field is off, for any pose."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...core.device import Device
from ...heads.tetrahedra import FACES, shared_faces
from .operators import PartOperators
from .part import Part
from .sampling import Points, Sampling

__all__ = ["Jumps"]

Floats = NDArray[np.float64]

# Barycentric coordinates of the points of a rule on triangles that is exact for squares of linear functions.
_RULE = 0.5 * (1.0 - np.eye(3))


class Jumps:
    """The residual of a field on the faces of the tetrahedra of the region.

    Current flows through faces of a mesh without loss, so that n·σE is the same on both sides, but for the
    error of the elements. The residual is √(Σ_F h/(n·(σ₁ + σ₂)n)² ∫_F [n·σE]²), with h = √area.
    """

    def __init__(self, part: Part, operators: PartOperators, conductivity: Floats, most: int) -> None:
        """Take the faces of at most so many tetrahedra, spread evenly over the region."""
        self._device: Device = operators.device
        faces = _Faces.of(part, most)
        flux, weights = faces.flux(part, conductivity)
        self._count = len(weights)
        elements = np.repeat(faces.tets, 3, axis=0)  # (faces, 3 points, 2 sides)
        barycentric = np.zeros((self._count, 3, 2, 4))
        face, at = np.ogrid[: self._count, :3]
        for side in range(2):
            for node in range(3):
                barycentric[face, at, side, faces.corners[:, side, node, None]] = _RULE[:, node]
        self._sampling = Sampling(operators, Points(elements.ravel(), barycentric.reshape(-1, 4)))
        self._flux = self._device.put(flux.reshape(-1, 1, 6))
        self._weights = self._device.put(np.repeat(weights[:, None] / 3.0, 3, axis=1))

    def squares(self, phi: Any, adot: Any, scale: Any) -> Any:
        """Return the squares (k,), (V/m)² m³, of the residuals of φ and ∂A/∂t times `scale`."""
        xp, k = self._device.xp, len(scale)
        field = xp.empty((k, 6 * self._count, 3), np.float32)
        self._sampling.fill(phi, adot, scale, field)
        squares = xp.empty(k)
        # One by one, so that the bits of one don't depend on the others, and temporaries are small.
        for source in range(k):
            jump = (field[source].reshape(-1, 3, 6) * self._flux).sum(axis=2)
            squares[source] = (jump**2 * self._weights).sum()
        return squares


@dataclass(frozen=True, eq=False)
class _Faces:
    """Faces between two tetrahedra.

    Attributes
    ----------
    tets : ndarray (f, 2)
    corners : ndarray (f, 2, 3)
        Which of the corners of each tetrahedron its nodes are, in the same order.
    nodes : ndarray (f, 3)
    share : ndarray (f,)
        How many faces of the region each stands for.
    """

    tets: NDArray[np.int32]
    corners: NDArray[np.intp]
    nodes: NDArray[np.int32]
    share: Floats

    @classmethod
    def of(cls, part: Part, most: int) -> _Faces:
        """Find the faces of some tetrahedra of the region, but for those on the outside of the head."""
        core = np.flatnonzero(part.core)
        some = core[:: -(-len(core) // most)]
        chosen, near = np.zeros(len(part.tets), bool), np.zeros(len(part.nodes_mm), bool)
        chosen[some] = True
        near[part.tets[some]] = True
        beside = np.flatnonzero(near[part.tets].sum(axis=1) >= 3)
        nodes = np.sort(part.tets[beside][:, FACES].reshape(-1, 3), axis=1)
        pair = np.stack(shared_faces(nodes), axis=1)
        pair = pair[chosen[beside[pair // 4]].any(axis=1)]
        tets, at = beside[pair // 4].astype(np.int32), nodes[pair[:, 0]]
        corners = (part.tets[tets][:, :, None, :] == at[:, None, :, None]).argmax(axis=3)
        # One between two tetrahedra of the region may come from either of them.
        share = len(core) / len(some) / part.core[tets].sum(axis=1) * chosen[tets].sum(axis=1)
        return cls(tets, corners, at, share)

    def flux(self, part: Part, conductivity: Floats) -> tuple[Floats, Floats]:
        """Return ±σn (f, 2, 3) of both sides, S/m, and the weight (f,) of the mean square of a jump."""
        x = part.nodes_mm[self.nodes] * 1e-3
        normal = np.cross(x[:, 1] - x[:, 0], x[:, 2] - x[:, 0])
        twice_area = np.linalg.norm(normal, axis=1)
        normal /= twice_area[:, None]
        sigma = conductivity[self.tets]
        if sigma.ndim == 2:
            flux = sigma[:, :, None] * normal[:, None, :]
        else:
            flux = np.einsum("fsij,fj->fsi", sigma, normal)
        both = np.einsum("fsi,fi->f", flux, normal)
        flux[:, 1] *= -1.0
        return flux, self.share * (0.5 * twice_area) ** 1.5 / both**2
