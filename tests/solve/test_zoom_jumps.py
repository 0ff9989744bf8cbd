# SPDX-License-Identifier: BSD-3-Clause
"""Jumps of the current through faces, against a plain sum over the faces of tetrahedra."""

import itertools

import numpy as np
import pytest
from given.random_meshes import random_tensors
from given.zooms import ball, head, levels, whole_of

from headfield.solve.zoom.jumps import Jumps

RNG = np.random.default_rng(5)


def level_of(sigma):
    """Linear elements, all edges halved once, of a region with faces on both sides of its border."""
    (_, level) = levels(whole_of(head(), sigma), ball((0.0, 0.0, 55.0), 18.0), 4.0, 1, quadratic=False)
    return level


def faces_of(part):
    """The two tetrahedra at each face that tetrahedra of the region have, and its nodes."""
    there = {}
    for tet in np.flatnonzero(np.isin(part.tets, part.tets[part.core]).any(axis=1)):
        for nodes in itertools.combinations(sorted(part.tets[tet].tolist()), 3):
            there.setdefault(nodes, []).append(tet)
    return {f: pair for f, pair in there.items() if len(pair) == 2 and part.core[pair].any()}


def plain(level, phi):
    """Σ_F h/(n·(σ₁ + σ₂)n)² ∫_F [n·σE]² of linear elements without ∂A/∂t: the jump is the same all over F."""
    part, total = level.part, 0.0
    x = part.nodes_mm * 1e-3
    sigma = level.conductivity
    if sigma.ndim == 1:
        sigma = sigma[:, None, None] * np.eye(3)
    for face, pair in faces_of(part).items():
        normal = np.cross(x[face[1]] - x[face[0]], x[face[2]] - x[face[0]])
        area = 0.5 * np.linalg.norm(normal)
        normal /= 2.0 * area
        currents = []
        for tet in pair:
            nodes = part.tets[tet]
            slopes = np.linalg.solve(x[nodes[1:]] - x[nodes[0]], phi[nodes[1:]] - phi[nodes[0]])
            currents.append(-normal @ sigma[tet] @ slopes)
        both = normal @ (sigma[pair[0]] + sigma[pair[1]]) @ normal
        total += np.sqrt(area) / both**2 * area * (currents[0] - currents[1]) ** 2
    return total


@pytest.mark.parametrize("tensors", [False, True])
def test_squares_are_those_of_a_plain_sum_over_faces(tensors):
    sigma = np.where(head().tags == 1, 0.126, 0.275)
    level = level_of(random_tensors(RNG, sigma) if tensors else sigma)
    phi = RNG.normal(size=(level.operators.size, 4))
    adot = np.zeros((level.operators.size, 3, 4), np.float32)
    jumps = Jumps(level.part, level.operators, level.conductivity, len(level.part.tets))
    scale = np.array([1.0, 2.0])
    found = jumps.squares(phi, adot, scale)
    wanted = [plain(level, phi[level.operators.node, k] * scale[k]) for k in range(2)]
    np.testing.assert_allclose(found, wanted, rtol=1e-5)


def test_faces_of_some_tetrahedra_stand_for_all():
    """Each tetrahedron is taken once where each of several is, and the mean of their sums is that of all."""
    level = level_of(np.where(head().tags == 1, 0.126, 0.275))
    phi = RNG.normal(size=(level.operators.size, 1))
    adot = np.zeros((level.operators.size, 3, 1), np.float32)
    count = int(level.part.core.sum())

    def squares(most):
        return Jumps(level.part, level.operators, level.conductivity, most).squares(phi, adot, np.ones(1))[0]

    for share in (2, 5):
        assert squares(-(-count // share)) == pytest.approx(squares(count), rel=0.1)
