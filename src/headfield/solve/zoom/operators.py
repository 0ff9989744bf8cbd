# SPDX-License-Identifier: BSD-3-Clause
"""The matrices of a part of a head on its device, with quadratic elements where the field is wanted."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...core.device import Device
from ...core.multigrid import Prolongation, hierarchy_of
from ...heads.conductivity import mean_conductivity
from ...heads.mesh import TetMesh
from ...heads.refinement import Edges
from ...heads.tetrahedra import volumes
from .part import Part
from .rim import Rim

__all__ = ["PartOperators"]


class PartOperators:
    """What a part of a head does to block vectors on one device.

    Its unknowns are the potentials at the nodes, and in the middle of some edges, along which the potential
    is quadratic; all lie together along a space-filling curve.

    Attributes
    ----------
    device : Device
    mesh : TetMesh
        The head.
    nodes_m : array (N, 3) float64
        Where the unknowns lie, m, on the device.
    unknowns : ndarray (m, 10) int32
        Of each tetrahedron: at the corners, and in the middle of the edges; −1 where the potential is linear.
    node : ndarray (n,) int32
        The unknown of each node.
    """

    def __init__(
        self,
        mesh: TetMesh,
        part: Part,
        edges: Edges,
        quadratic: NDArray[np.bool_],
        conductivity: NDArray[np.float64],
        device: Device,
        *,
        by_edges: bool = False,
    ) -> None:
        """Assemble a part; `quadratic` (e,) says which of its edges have an unknown of their own.

        With `by_edges` ∂A/∂t is that of edges where the potential is linear along them.
        """
        self.mesh, self.device = mesh, device
        native, n = device.native, len(part.nodes_mm)
        ends = edges.ends[quadratic]
        at_mm = np.concatenate([part.nodes_mm, part.nodes_mm[ends].mean(axis=1)])
        order = native.morton_order(at_mm)
        rank = np.empty_like(order)
        rank[order] = np.arange(len(order), dtype=np.int32)
        middle = np.full(len(edges.ends), -1, np.int32)
        middle[quadratic] = rank[n:]
        self.node = rank[:n]
        self.unknowns = np.concatenate([self.node[part.tets], middle[edges.of]], axis=1)
        self.host_nodes_m = at_mm[order] * 1e-3
        self.nodes_m = device.put(self.host_nodes_m)
        self.size = len(order)
        matrix = native.assemble_quadratic(self.host_nodes_m, self.unknowns, conductivity, by_edges)
        indptr, indices, stiffness, source = matrix
        fixed = np.zeros(self.size, bool)
        fixed[rank] = np.concatenate([part.rim, part.rim[ends].all(axis=1)])
        self.rim = Rim(part, device)
        between = np.concatenate([part.ends, ends])
        self.rim.couple(indptr, indices, stiffness, fixed, between, rank)
        if not fixed.any():  # the whole head: hold a node in what conducts most
            sigma = mean_conductivity(conductivity)
            best = (sigma * volumes(part.nodes_mm, part.tets)).argmax()
            fixed[self.unknowns[best, 0]] = True
        self.nnz = len(indices)
        row_pointer = device.indices(indptr, len(indices) + 1, row_pointer=True, own=True)
        columns = device.indices(indices, self.size, own=True)
        self._pattern, self._source = (row_pointer, columns), device.put(source)
        matrix = row_pointer, columns, device.put(stiffness)
        linear = None if not quadratic.any() else _from_linear(self.node, rank[n:], ends, fixed)
        self.hierarchy = hierarchy_of(device, matrix, fixed, linear)

    def right_hand_side(self, adot: Any, out: Any) -> None:
        """Compute b, A, of ∂A/∂t at the unknowns: −∫ ∇N · σ ∂A/∂t."""
        self.device.native.right_hand_side(*self._pattern, self._source, adot, out)


def _from_linear(
    node: NDArray[np.int32], middle: NDArray[np.int32], ends: NDArray[np.int32], fixed: NDArray[np.bool_]
) -> Prolongation:
    """Return what takes linear potentials at the nodes that are not fixed to all unknowns.

    The middle of an edge between nodes `ends` (q, 2) has half of the potential of either. Linear elements of
    the same mesh are what multigrid coarsens quadratic ones to: all that is left to the smoother is what they
    can't say, and their matrix is a sixth as large.
    """
    free = np.zeros(len(fixed), bool)
    free[node] = True
    free &= ~fixed
    column = np.cumsum(free, dtype=np.int32) - np.int32(1)
    row = np.concatenate([node, np.repeat(middle, 2)])
    of = np.concatenate([node, node[ends].ravel()])
    value = np.concatenate([np.ones(len(node)), np.full(2 * len(middle), 0.5)])
    kept = free[of] & ~fixed[row]
    row, of, value = row[kept], of[kept], value[kept]
    order = np.argsort(row, kind="stable")
    pointer = np.zeros(len(fixed) + 1, np.int32)
    np.cumsum(np.bincount(row, minlength=len(fixed)), out=pointer[1:])
    return pointer, column[of[order]], value[order], int(free.sum())
