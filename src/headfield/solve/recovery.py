# SPDX-License-Identifier: BSD-3-Clause
"""Recovered fields: E at the nodes of each tissue from patches of tetrahedra, and by how much E is off.

The gradient of linear elements is constant in a tetrahedron and off by the order of its edges; the potential
at the nodes is better than that. A quadratic fitted to the potential around a node has a gradient there that
is off by the square of the edges. Every tissue has a value of its own at the nodes where tissues meet.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import ArgumentError
from .operators import Operators

__all__ = ["KINDS", "Recovery", "check_kind"]

#: What `recovery` may be: fits across interfaces that keep their conditions, or of each tissue by itself.
KINDS = ("interface", "patch")


def check_kind(kind: Any) -> str | None:
    """Return one of KINDS, or None for no recovery."""
    if kind is None or (isinstance(kind, str) and kind in KINDS):
        return kind
    raise ArgumentError(f"recovery must be None, {' or '.join(map(repr, KINDS))}, not {kind!r}")


class Recovery:
    """Operator for the corners of chosen tetrahedra, and for points in them, on one device.

    Its rows are pairs of a node and a tissue. "interface" fits a quadratic to the potential at the neighbours
    in each tissue, weighted by 1/distance², without Laplacian where the conductivity is uniform, since the
    potential is harmonic there; at a face between two tissues both are fitted together, so that the
    tangential part of E and the normal part of σE agree at the node. "patch" is the superconvergent patch
    recovery (Zienkiewicz and Zhu, Int. J. Numer. Meth. Eng. 33:1331, 1992) of ∇φ in each tissue. ∂A/∂t is
    taken at the nodes in both.
    """

    def __init__(
        self,
        head: Operators,
        kind: str,
        elements: NDArray[np.int32],
        barycentric: NDArray[np.float64] | None,
    ) -> None:
        self._device = device = head.device
        self._native, self._nodes, self._tets, self._edges = (
            device.native,
            head.nodes_m,
            head.tets,
            head.edges,
        )
        mesh, volumes = head.mesh, head.mesh.volumes_mm3()[elements]
        inverse: Any = slice(None)
        if barycentric is not None:
            elements, first, inverse = np.unique(elements, return_index=True, return_inverse=True)
            volumes = volumes[first]
        else:  # one that is asked for twice counts once in errors of the region
            _, first = np.unique(elements, return_index=True)
            volumes = np.where(np.isin(np.arange(len(elements)), first), volumes, 0.0)
        self._count, self._volumes = len(elements), device.put(volumes)
        self._elements = device.indices(elements, mesh.n_tets)
        built = self._native.recovery(
            head.nodes_m, head.tets, device.put(mesh.tags), head.sigma, self._elements, kind == "interface"
        )
        indptr, indices, weights, node, _, self._rate, corner = built
        self._operator = (
            device.indices(indptr, len(indices) + 1, row_pointer=True, own=True),
            device.indices(indices, mesh.n_nodes, own=True),
            weights,
            device.indices(node, mesh.n_nodes, own=True),
        )
        self._corner = device.indices(corner, len(node), own=True)
        self._points: tuple[Any, Any] | None = None  # rows of the corners of each, and their shares
        if barycentric is not None:
            places = device.put(inverse.astype(np.int64))
            corners, shares = corner[places], barycentric.astype(np.float32)
            self._points = device.indices(corners, len(node), own=True), device.put(shares)
        self._rows: Any = None

    def evaluate(self, phi: Any, adot: Any) -> None:
        """Compute E at the rows from block vectors φ (n, W) and ∂A/∂t (n, 3, W), for the methods below."""
        shape = (len(self._rate), 3, phi.shape[1])
        if self._rows is None or self._rows.shape != shape:
            self._rows = None  # give the old ones back first
            self._rows = self._device.xp.empty(shape, np.float32)
        self._native.recover(*self._operator, self._rate, phi, adot, self._rows)

    def values(self, phi: Any, adot: Any, scale: Any, room: dict[str, Any]) -> NDArray[np.float64]:
        """Put E of rows that have been evaluated, times `scale` (k,), into `room`; return `relative_errors`.

        "E" (k, p, 3) is that at the points; without points, that in the middle of the tetrahedra, and "error"
        (k, e) the root mean square over each of recovered E less the E of linear elements, V/m.
        """
        if self._points is None:
            return self._in_elements(phi, adot, scale, room["E"], room["error"])[: len(scale)]
        self._native.interpolate(self._rows, *self._points, scale, room["E"])
        return self.relative_errors(phi, adot, len(scale))

    def relative_errors(self, phi: Any, adot: Any, k: int) -> NDArray[np.float64]:
        """Estimate the error (k,) of the E of linear elements in all tetrahedra together: relative L2."""
        xp, count = self._device.xp, self._count
        nothing = xp.empty(0), xp.empty((0, count, 3), np.float32), xp.empty((0, count), np.float32)
        return self._in_elements(phi, adot, *nothing)[:k]

    def _in_elements(self, phi: Any, adot: Any, scale: Any, out: Any, error: Any) -> NDArray[np.float64]:
        sums = self._device.xp.empty((2, phi.shape[1]), np.float64)
        places = self._elements, self._volumes, self._corner, self._rows
        head, numbers = (self._nodes, self._tets, phi, adot), (scale, out, error, sums)
        self._native.recovered_field(*head, *places, *numbers, self._edges)
        off, norm = self._device.get(sums)
        return np.sqrt(off / np.maximum(norm, 1e-300))
