# SPDX-License-Identifier: BSD-3-Clause
"""Stiffness matrices with their hierarchies, and direct solutions to hold the solver against."""

import functools

import numpy as np
import scipy.sparse as sp
import scipy.sparse.linalg as spla
from devices import native

from given.heads import emulated
from given.random_meshes import right_hand_side
from headfield import sphere_mesh

THETA = 0.04
LOOSE_TOL = 1e-2  # a few iterations show whether bits are the same


class System:
    """A stiffness matrix, and its hierarchy with the node `fixed`, or all of a mask, held at zero."""

    def __init__(self, nodes, tets, sigma, fixed=0, theta=THETA):
        self.head = nodes, tets, sigma
        self.indptr, self.indices, self.values, self.source = native.assemble(nodes, tets, sigma)
        n = len(nodes)
        self.k = sp.csr_array((self.values, self.indices, self.indptr), shape=(n, n))
        self.fixed = np.zeros(n, bool)
        self.fixed[fixed] = True
        self.n, self.others = n, np.flatnonzero(~self.fixed)
        self.hierarchy = native.Hierarchy(*self.matrix(), self.fixed, theta)

    def matrix(self):
        return self.indptr, self.indices, self.values

    def solve(self, b, tol=1e-6, max_iterations=200, guess=None):
        """Potentials (n, width) and reports; `b` is left alone."""
        return run(native.Solver(self.hierarchy, b.shape[1]), b, tol, max_iterations, guess)

    def residual(self, phi, b):
        """‖b − Kφ‖/‖b‖ per column over the rows of free nodes, in float64."""
        r = b[self.others] - (self.k @ phi)[self.others]
        return np.linalg.norm(r, axis=0) / np.linalg.norm(b[self.others], axis=0)

    def direct(self, b):
        phi = np.zeros_like(b)
        inner = self.k[self.others][:, self.others].tocsc()
        phi[self.others] = spla.splu(inner, permc_spec="MMD_AT_PLUS_A").solve(b[self.others])
        return phi

    def right_hand_sides(self, width, seed=0):
        """b of smooth random ∂A/∂t, as coils make them."""
        rng = np.random.default_rng(seed)
        adot = rng.normal(size=(self.n, 3, width)).astype(np.float32)
        return self.sources(adot)

    def sources(self, adot):
        return right_hand_side((self.indptr, self.indices, None, self.source), adot)


def run(solver, b, tol, max_iterations, guess=None):
    phi = np.zeros_like(b) if guess is None else guess - guess[0]
    reports = solver.solve(b.copy(), phi, np.broadcast_to(tol, solver.width).tolist(), max_iterations)
    return phi, reports


@functools.cache
def sphere():
    edge = 14 if emulated(native.instruction_set) else 10  # a third of the nodes, as many levels
    mesh = sphere_mesh([60, 66, 72, 80], [1, 3, 4, 5], edge_mm=edge)
    sigma = np.array([np.nan, 0.126, np.nan, 1.654, 0.01, 0.465])[mesh.tags]
    return System(mesh.nodes_mm * 1e-3, mesh.tets, sigma)


# Edges (mm) and thresholds, by what is shared.
DENSE = {
    "8 of A, A P and restriction": (15.0, 0.12),
    "4 of A, 8 of A P": (13.0, 0.1),
    "4 of A P": (15.0, 0.16),
    "4 of the restriction, 8 of the inverse": (15.0, 0.08),
    "4 of the inverse": (25.0, 0.02),
}
