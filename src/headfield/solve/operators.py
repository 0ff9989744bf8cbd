# SPDX-License-Identifier: BSD-3-Clause
"""The matrices of a head on its device, and the native loops over them.

Nodes lie in another order here than in the mesh, along a space-filling curve, so that neighbours lie close in
memory. Block vectors hold a column for each pose: φ and b (n, W) float64, ∂A/∂t (n, 3, W) float32.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core.device import Device
from ..core.locks import cached_property
from ..heads.conductivity import mean_conductivity
from ..heads.mesh import TetMesh

__all__ = ["Operators"]

_INSULATOR = 1e-3  # of what the head conducts on average: a node in less than this is not grounded


class Operators:
    """What a head does to block vectors on one device.

    Attributes
    ----------
    device : Device
    mesh : TetMesh
    nodes_m : array (n, 3) float64
        In the order of the block vectors, m.
    tets : Indices (m, 4)
        Of those nodes.
    sigma : array (m,) or (m, 3, 3) float64, S/m
    matrix : tuple
        Row pointer, columns and values (S) of the stiffness matrix.
    order, rank : ndarray (n,) int32
        The nodes of the mesh in that order, and the place of each node in it.
    ground : int
        The node, in the order of the block vectors, that is to be held at zero.
    edges : bool
        Whether ∂A/∂t of a tetrahedron is the mean of its edge element, not that of its nodes.
    """

    def __init__(
        self, mesh: TetMesh, conductivity: NDArray[np.float64], device: Device, *, edges: bool = False
    ) -> None:
        self.device, self.mesh, self.edges = device, mesh, edges
        self._last: tuple[NDArray[np.int32], tuple[Any, Any]] | None = None  # chosen elements
        self.order = order = device.native.morton_order(mesh.nodes_mm)
        self.rank = rank = np.empty_like(order)
        rank[order] = np.arange(len(order), dtype=np.int32)
        self.ground = _conducting_node(mesh, conductivity, order)
        self._node = device.indices(order, mesh.n_nodes, own=True)  # number here -> node of the mesh
        self.nodes_m = device.put(mesh.nodes_mm[order] * 1e-3)
        self.tets = device.indices(rank[mesh.tets], mesh.n_nodes, own=True)
        self.sigma = device.put(conductivity)
        assembled = device.native.assemble(self.nodes_m, self.tets, self.sigma, edges)
        indptr, indices, stiffness, self._source = assembled
        row_pointer = device.indices(indptr, len(indices) + 1, row_pointer=True, own=True)
        self.matrix = row_pointer, device.indices(indices, mesh.n_nodes, own=True), stiffness

    def right_hand_side(self, adot: Any, out: Any) -> None:
        """Compute b, A, of ∂A/∂t at the nodes: −∫ ∇N · σ ∂A/∂t."""
        self.device.native.right_hand_side(*self.matrix[:2], self._source, adot, out)

    def part(self, elements: NDArray[np.intp]) -> tuple[Any, Any, Any]:
        """Return the stiffness matrix of some tetrahedra alone, with a row for each node of the mesh."""
        device, n = self.device, self.mesh.n_nodes
        tets = device.indices(self.rank[self.mesh.tets[elements]], n, own=True)
        sigma = device.put(np.ascontiguousarray(device.get(self.sigma)[elements]))
        indptr, indices, stiffness, _ = device.native.assemble(self.nodes_m, tets, sigma, self.edges)
        rows = device.indices(indptr, len(indices) + 1, row_pointer=True, own=True)
        return rows, device.indices(indices, n, own=True), stiffness

    def electric_field(self, phi: Any, adot: Any, scale: Any, elements: Any, out: Any) -> None:
        """Compute E (k, e, 3) = −scale (∇φ + ∂A/∂t), V/m, in chosen tetrahedra or all; `adot` may be None."""
        head = self.nodes_m, self.tets
        self.device.native.electric_field(*head, phi, adot, scale, elements, out, self.edges)

    def element_loads(self, weights: Any, elements: NDArray[np.int32], out: Any) -> None:
        """Compute how Σ w · E depends on φ (n, W), w (k, e, 3): the transpose of `electric_field`."""
        own, corners = self._chosen(elements)
        one = self.device.put(np.ones(len(weights)))
        self.device.native.element_loads(self.nodes_m, self.tets, weights, one, own, corners, out)

    def add_element_shares(self, weights: Any, elements: NDArray[np.int32], currents: Any) -> None:
        """Add how Σ w · E depends on ∂A/∂t to currents (n, 3, W): the other half of that transpose.

        Only at the corners of the elements: a pass over all nodes takes as long as an iteration.
        """
        minus = self.device.put(-np.ones(len(weights)))
        own, _ = self._chosen(elements)
        nodes, place = np.unique(self.rank[self.mesh.tets[elements]], return_inverse=True)
        corners = self._transposed(place.reshape(-1, 4).astype(np.int32), len(nodes))
        shares = self.device.xp.empty((len(nodes), 3, currents.shape[2]), np.float32)
        if self.edges:
            self.device.native.edge_shares(self.nodes_m, self.tets, weights, minus, own, corners, shares)
        else:
            self.device.native.spread(weights, minus, None, corners, shares)
        there = self.device.put(nodes.astype(np.int64))
        currents[there] = currents[there] + shares

    def nodal_flux(self, psi: Any, out: Any) -> None:
        """Compute Sᵀψ (n, 3, W), the transpose of `right_hand_side`."""
        self.device.native.nodal_flux(self._by_column, self._source, psi, out)

    def _chosen(self, elements: NDArray[np.int32]) -> tuple[Any, Any]:
        """Return chosen elements on the device, and their corners by node; the last ones are kept."""
        if self._last is not None and self._last[0] is elements:
            return self._last[1]
        around = self._transposed(self.rank[self.mesh.tets[elements]], self.mesh.n_nodes)
        found = self.device.indices(elements, self.mesh.n_tets), around
        self._last = elements, found
        return found

    def _transposed(self, corners: NDArray[np.int32], nodes: int) -> Any:
        """Return where corners (e, 4) are, node by node."""
        rows = np.arange(0, corners.size + 1, 4, dtype=np.int32)
        put, native = self.device.put, self.device.native
        return native.transposed(put(rows), put(corners.ravel()), nodes)

    @cached_property
    def _by_column(self) -> Any:
        """The pattern of the matrix by columns: made when it is first asked for, 8 bytes an entry."""
        return self.device.native.transposed(*self.matrix[:2], self.mesh.n_nodes)

    def to_columns(self, rows: Any, factors: NDArray[np.float64], out: Any) -> None:
        """Put rows (k, n) in the mesh's order, times factors (k,), into the columns of a block vector."""
        put = self.device.put
        self.device.native.pack(put(rows), self._node, put(factors), out)

    def to_rows(self, columns: Any, factors: Any, out: Any) -> None:
        """Put k columns of a block vector, times factors (k,), into rows (k, n) in the mesh's order."""
        self.device.native.unpack(columns, self._node, factors, out)


def _conducting_node(mesh: TetMesh, conductivity: NDArray[np.float64], order: NDArray[np.int32]) -> int:
    """Return the place in `order` of a node to hold at zero: the first, unless it lies in an insulator.

    A head whose ground lies in an insulator around it floats: its potential as a whole hangs on the little
    that the insulator conducts, which float32 can't tell from nothing.
    """
    sigma = mean_conductivity(conductivity)
    if sigma.min() >= _INSULATOR * sigma.max():
        return 0
    volumes = mesh.volumes_mm3()
    around_first = (mesh.tets == order[0]).any(axis=1)
    if sigma[around_first].max() >= _INSULATOR * np.average(sigma, weights=volumes):
        return 0
    return int(np.flatnonzero(order == mesh.tets[(sigma * volumes).argmax(), 0])[0])
