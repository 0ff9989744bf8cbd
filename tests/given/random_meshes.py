# SPDX-License-Identifier: BSD-3-Clause
"""Small random meshes, conductivities and poses, for native loops."""

import numpy as np
from devices import native
from hypothesis import strategies as st
from scipy.spatial import Delaunay
from scipy.spatial.transform import Rotation

WIDTHS = (1, 4, 8, 16, 32)


@st.composite
def widths(draw):
    """One of them that the module of the device was compiled for."""
    return draw(st.sampled_from([width for width in WIDTHS if width in native.widths]))


@st.composite
def problems(draw, tensor=None):
    """A small random mesh in metres, a conductivity over eight decades, and a generator for the rest."""
    tensor = draw(st.booleans()) if tensor is None else tensor
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    nodes, tets = random_mesh(rng, draw(st.integers(4, 40)))
    sigma = 10.0 ** rng.uniform(-6, 2, len(tets))
    return nodes, tets, random_tensors(rng, sigma) if tensor else sigma, rng


def random_mesh(rng, n):
    """Delaunay tetrahedra of n random points within 10 cm, positively oriented, without slivers."""
    while True:
        nodes = rng.uniform(-0.1, 0.1, (n, 3))
        tets = Delaunay(nodes).simplices.astype(np.int32)
        edges = nodes[tets[:, 1:]] - nodes[tets[:, :1]]
        six_volume = np.linalg.det(edges)
        tets[six_volume < 0] = tets[six_volume < 0][:, [1, 0, 2, 3]]
        tets = tets[np.abs(six_volume) > 1e-4 * np.abs(edges).max(axis=(1, 2)) ** 3]
        if len(tets):
            return nodes, np.ascontiguousarray(tets)


def random_tensors(rng, sigma):
    """Symmetric positive-definite (m, 3, 3) with eigenvalues within a factor ten of sigma."""
    turn = Rotation.random(len(sigma), rng=rng).as_matrix()
    eigenvalues = sigma[:, None] * 10.0 ** rng.uniform(-1, 1, (len(sigma), 3))
    tensors = np.einsum("eij,ej,ekj->eik", turn, eigenvalues, turn)
    return np.ascontiguousarray(0.5 * (tensors + tensors.transpose(0, 2, 1)))


def right_hand_side(matrices, adot):
    indptr, indices, _, source = matrices
    b = np.full((len(adot), adot.shape[2]), np.nan)
    native.right_hand_side(indptr, indices, source, adot, b)
    return b


def random_poses(rng, k):
    poses = np.tile(np.eye(4), (k, 1, 1))
    poses[:, :3, :3] = Rotation.random(k, rng=rng).as_matrix()
    poses[:, :3, 3] = rng.uniform(-0.005, 0.005, (k, 3))
    return poses
