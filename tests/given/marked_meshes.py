# SPDX-License-Identifier: BSD-3-Clause
"""Small meshes with marked edges: random ones, lattices of equal edges, and a ball."""

import functools

import numpy as np
from hypothesis import strategies as st

from given.bisection import numbered_edges, volumes
from given.random_meshes import random_mesh
from headfield.heads.phantom import sphere_mesh

# The six tetrahedra of a cube with corners 0…7 (bit 0 is x, bit 1 y, bit 2 z) around its diagonal.
CUBE = np.array([[0, 1, 3, 7], [0, 1, 7, 5], [0, 2, 7, 3], [0, 2, 6, 7], [0, 4, 5, 7], [0, 4, 7, 6]])


def lattice(n):
    """Cubes of six tetrahedra each: nearly all edges are as long as many others."""
    number = np.arange((n + 1) ** 3).reshape((n + 1,) * 3)
    corner = np.array([[i & 1, i >> 1 & 1, i >> 2] for i in range(8)])
    at = np.argwhere(np.ones((n,) * 3))
    tets = number[tuple((at[:, None, None] + corner[CUBE]).transpose(3, 0, 1, 2))].reshape(-1, 4)
    nodes = np.argwhere(np.ones((n + 1,) * 3)).astype(float, order="C")
    tets = tets.astype(np.int32)
    tets[volumes(nodes, tets) < 0] = tets[volumes(nodes, tets) < 0][:, [0, 1, 3, 2]]
    return nodes, np.ascontiguousarray(tets)


@functools.cache
def ball():
    mesh = sphere_mesh([40, 60], [1, 2], edge_mm=20)
    return mesh.nodes_mm, mesh.tets


@st.composite
def marked_meshes(draw):
    """A mesh that is random, a lattice or a ball; which of its edges are marked; and a generator."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    kind = draw(st.sampled_from(["random", "lattice", "ball"]))
    if kind == "random":
        nodes, tets = random_mesh(rng, draw(st.integers(4, 60)))
    else:
        nodes, tets = ball() if kind == "ball" else lattice(draw(st.integers(1, 4)))
    ends, _ = numbered_edges(tets, len(nodes))
    share = draw(st.sampled_from([0.0, 0.02, 0.2, 0.7, 1.0]))
    return nodes, tets, rng.random(len(ends)) < share, rng
