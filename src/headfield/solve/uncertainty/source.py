# SPDX-License-Identifier: BSD-3-Clause
"""What drives the parts of a head: the currents of ∂A/∂t in each, and its energy there, in float64."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...heads.mesh import TetMesh
from ...heads.tetrahedra import chunks

__all__ = ["Source", "source_of"]

Floats = NDArray[np.float64]


class Source(NamedTuple):
    """∂A/∂t as the parts of a head see it.

    Attributes
    ----------
    currents : ndarray (n, parts), A
        b of each part at the nodes of the mesh: −∫ ∇N · σ ∂A/∂t over the part.
    energy : ndarray (parts,), W
        ∫ ∂A/∂t · σ ∂A/∂t over the part.
    """

    currents: Floats
    energy: Floats


def source_of(
    mesh: TetMesh, conductivity: Floats, adot: NDArray[np.float32], part: NDArray[np.int32]
) -> Source:
    """Return what ∂A/∂t (m, 3), V/m, in each tetrahedron makes of the parts (m,) of a head.

    In float64, so that bounds, which are small differences of large energies, stay exact.
    """
    parts = int(part.max()) + 1
    currents, energy = np.zeros(parts * mesh.n_nodes), np.zeros(parts)
    for piece, index, corners in chunks(mesh.nodes_mm * 1e-3, mesh.tets):
        a, b, c = (corners[:, i] - corners[:, 0] for i in (1, 2, 3))
        # V ∇λ of the corners 1 to 3; that of corner 0 is what brings the sum to zero.
        areas = np.stack([np.cross(b, c, axis=0), np.cross(c, a, axis=0), np.cross(a, b, axis=0)]) / 6.0
        rate, sigma = adot[piece].astype(np.float64), conductivity[piece]
        flux = sigma[:, None] * rate if sigma.ndim == 1 else np.einsum("eij,ej->ei", sigma, rate)
        out = np.einsum("ide,ed->ie", areas, flux)
        volume = np.einsum("de,de->e", a, areas[0])
        each = np.concatenate([-out.sum(axis=0)[None], out])
        place = part[piece].astype(np.int64) * mesh.n_nodes + index
        np.subtract.at(currents, place, each)
        energy += np.bincount(part[piece], volume * np.einsum("ei,ei->e", flux, rate), parts)
    return Source(np.ascontiguousarray(currents.reshape(parts, mesh.n_nodes).T), energy)
