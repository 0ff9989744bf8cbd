# SPDX-License-Identifier: BSD-3-Clause
"""An independent assembly of elements that are quadratic along some edges, by closed forms in NumPy.

The potential of an element is Σ v_i λ_i + Σ β_e 4 λ_a λ_b. Its integrals follow from ∫ Π λ^α = 6 V Π α! /
(3 + Σ α)!, and β_e = w_e − (v_a + v_b)/2 takes them to potentials w_e in the middle of edges. Nothing here
calls headfield.
"""

from math import factorial

import numpy as np
import scipy.sparse as sp

from given import p1

ENDS = np.array([[0, 1], [0, 2], [0, 3], [1, 2], [1, 3], [2, 3]])


class Elements:
    """Tetrahedra with an unknown in the middle of some edges, all unknowns in any order.

    `middle` (e,) chooses edges, `ends` (e, 2); `unknowns` (m, 10), and `places` (N, 3) where they lie.
    """

    def __init__(self, nodes, tets, chosen, rng):
        sides = np.sort(tets[:, ENDS], axis=2)
        self.ends, of = np.unique(sides.reshape(-1, 2), axis=0, return_inverse=True)
        self.tets, n = tets, len(nodes)
        self.middle = chosen(rng, len(self.ends))
        count = n + int(self.middle.sum())
        number = rng.permutation(count).astype(np.int32)
        middle = np.full(len(self.ends), -1, np.int32)
        middle[self.middle] = number[n:]
        self.of_nodes, self.of_edges = number[:n], middle
        self.unknowns = np.concatenate([number[tets], middle[of.reshape(-1, 6)]], axis=1)
        self.places = np.empty((count, 3))
        self.places[number] = np.concatenate([nodes, nodes[self.ends[self.middle]].mean(axis=1)])

    def __len__(self):
        return len(self.places)

    def assembled(self, sigma):
        """Stiffness (N, N), and the sources (3 of (N, N)) of b = −Σ S Ȧ."""
        volume, grad = p1.geometry(self.places, self.unknowns[:, :4])
        flux = np.einsum("e,edc,eic->eid", volume, p1.as_tensors(sigma), grad)
        to_middle = self._hierarchical()
        stiffness = _turned(to_middle, _stiffness(flux, grad))
        sources = [_turned(to_middle, _source(flux[:, :, d])) for d in range(3)]
        return self._summed(stiffness), [self._summed(s) for s in sources]

    def _hierarchical(self):
        """What takes potentials at the ten places to v and β, (m, 10, 10): no β where there is none."""
        to = np.zeros((len(self.tets), 10, 10))
        to[:, range(4), range(4)] = 1.0
        quadratic = self.unknowns[:, 4:] >= 0
        for e, (a, b) in enumerate(ENDS):
            to[:, 4 + e, 4 + e] = quadratic[:, e]
            to[:, 4 + e, a] = to[:, 4 + e, b] = -0.5 * quadratic[:, e]
        return to

    def _summed(self, local):
        u = self.unknowns
        row, column = np.repeat(u, 10, axis=1).ravel(), np.tile(u, (1, 10)).ravel()
        there = (row >= 0) & (column >= 0)
        entries = local.reshape(-1)[there], (row[there], column[there])
        return sp.csr_array(entries, shape=(len(self), len(self)))

    def values(self, rows, barycentric):
        """Values (p, 10) and gradients (p, 10, 3) of the functions of elements `rows` at points in them."""
        grad = p1.geometry(self.places, self.unknowns[rows, :4])[1]
        value, slope = np.zeros((len(rows), 10)), np.zeros((len(rows), 10, 3))
        value[:, :4], slope[:, :4] = barycentric, grad
        for e, (a, b) in enumerate(ENDS):
            value[:, 4 + e] = 4.0 * barycentric[:, a] * barycentric[:, b]
            slope[:, 4 + e] = 4.0 * (barycentric[:, [a]] * grad[:, b] + barycentric[:, [b]] * grad[:, a])
        to = self._hierarchical()[rows]
        return np.einsum("pij,pi->pj", to, value), np.einsum("pij,pid->pjd", to, slope)


def _turned(to, local):
    return np.einsum("eki,ekl,elj->eij", to, local, to, optimize=True)


def _mean(*powers):
    """The mean over a tetrahedron of a product of barycentric coordinates, given by their numbers."""
    counts = np.bincount(powers, minlength=4)
    return 6.0 * np.prod([factorial(c) for c in counts]) / factorial(3 + len(powers))


def _stiffness(flux, grad):
    g = np.einsum("eid,ejd->eij", flux, grad)  # V ∇λ_i · σ∇λ_j
    local = np.zeros((len(g), 10, 10))
    local[:, :4, :4] = g
    for e, (a, b) in enumerate(ENDS):
        local[:, 4 + e, :4] = local[:, :4, 4 + e] = g[:, a] + g[:, b]
        for f, (c, d) in enumerate(ENDS):
            local[:, 4 + e, 4 + f] = 16.0 * (
                _mean(b, d) * g[:, a, c]
                + _mean(b, c) * g[:, a, d]
                + _mean(a, d) * g[:, b, c]
                + _mean(a, c) * g[:, b, d]
            )
    return local


def _source(flux):
    """∫ (σ∇φ_i)_d φ_j of one component, of V σ∇λ_i (m, 4)."""
    local = np.zeros((len(flux), 10, 10))
    local[:, :4, :4] = 0.25 * flux[:, :, None]
    for f, (c, d) in enumerate(ENDS):
        local[:, :4, 4 + f] = 4.0 * _mean(c, d) * flux
    for e, (a, b) in enumerate(ENDS):
        for j in range(4):
            local[:, 4 + e, j] = 4.0 * (_mean(a, j) * flux[:, b] + _mean(b, j) * flux[:, a])
        for f, (c, d) in enumerate(ENDS):
            local[:, 4 + e, 4 + f] = 16.0 * (_mean(a, c, d) * flux[:, b] + _mean(b, c, d) * flux[:, a])
    return local
