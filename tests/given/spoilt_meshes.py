# SPDX-License-Identifier: BSD-3-Clause
"""Heads with what meshers leave behind: tetrahedra that shrink, flat ones, copies, cracks between tissues."""

import functools

import numpy as np

import headfield as hf
from headfield.heads.formats.raw import FullMesh


@functools.cache
def ball():
    """Three tissues, each with surface triangles."""
    mesh = hf.sphere_mesh(radii_mm=[70, 80, 92], tags=[2, 3, 5], edge_mm=22)
    faces = [mesh.surface([2]), mesh.surface([2, 3]), mesh.boundary()]
    tags = np.repeat([1002, 1003, 1005], [len(each) for each in faces])
    return hf.TetMesh(mesh.nodes_mm, mesh.tets, mesh.tags, np.concatenate(faces), tags)


def arrays(mesh, **others):
    """What a file would hold of a mesh, with some arrays in place of its own."""
    return {**FullMesh.of(mesh).arguments(), **others}


def shrinking(mesh, times, tag=3):
    """Split a tetrahedron of a tissue, then its smallest piece again, to 1/30 of the height each time.

    The pieces shrink towards a point of a face, as those of charm 4.6 do (SimNIBS issue 668).
    """
    nodes, tets = mesh.nodes_mm.tolist(), mesh.tets.tolist()
    tags = mesh.tags.tolist()
    at = int(np.flatnonzero(mesh.tags == tag)[0])
    for _ in range(times):
        a, b, c, d = tets[at]
        corners = np.array([nodes[i] for i in (a, b, c, d)])
        new = len(nodes)
        nodes.append((np.array([0.4, 0.3, 0.3 - 1 / 30, 1 / 30]) @ corners).tolist())
        tets[at] = [a, b, c, new]
        tets += [[a, b, new, d], [a, new, c, d], [new, b, c, d]]
        tags += [tag] * 3
    return arrays(mesh, nodes_mm=np.array(nodes), tets=np.array(tets), tags=np.array(tags), node_ids=None)


def split_edges(mesh, seed):
    """Split ten random edges at 1e-12 to 3e-4 of their length, and what they belong to in two."""
    rng = np.random.default_rng(seed)
    nodes, tables = mesh.nodes_mm, [mesh.tets, mesh.triangles]
    tags = [mesh.tags, mesh.triangle_tags]
    for _ in range(10):
        a, b = rng.permutation(tables[0][rng.integers(len(tables[0]))])[:2]
        nodes = np.vstack([nodes, nodes[a] + 10.0 ** rng.uniform(-12, -3.5) * (nodes[b] - nodes[a])])
        for i, table in enumerate(tables):
            both = (table == a).any(axis=1) & (table == b).any(axis=1)
            halves = [np.where(table[both] == end, len(nodes) - 1, table[both]) for end in (a, b)]
            tables[i] = np.concatenate([table[~both], *halves])
            tags[i] = np.concatenate([tags[i][~both], tags[i][both], tags[i][both]])
    others = {"tags": tags[0], "triangles": tables[1], "triangle_tags": tags[1], "node_ids": None}
    return arrays(mesh, nodes_mm=nodes, tets=tables[0], **others)


def cracked(mesh, tags, shared=0):
    """Give a tissue nodes of its own where it touches others, but for the first few of these."""
    inside = np.isin(mesh.tags, tags)
    both = np.intersect1d(mesh.tets[inside], mesh.tets[~inside])[shared:]
    copy = np.arange(mesh.n_nodes)
    copy[both] = mesh.n_nodes + np.arange(len(both))
    tets = np.where(inside[:, None], copy[mesh.tets], mesh.tets)
    return arrays(mesh, nodes_mm=np.vstack([mesh.nodes_mm, mesh.nodes_mm[both]]), tets=tets, node_ids=None)


def check_conforming(mesh, like=None):
    """No face belongs to more than two tetrahedra, two lie on different sides of it; same space as `like`.

    The faces are counted here by NumPy alone. A closed set of tetrahedra of positive volume, each face
    between two of opposite sense or on the surface, covers what the surface encloses once.
    """
    faces = mesh.tets[:, [[1, 2, 3], [0, 3, 2], [0, 1, 3], [0, 2, 1]]].reshape(-1, 3)
    a, b, c = faces.T
    odd = (a > b) ^ (b > c) ^ (a > c)
    _, face, times = np.unique(np.sort(faces, axis=1), axis=0, return_inverse=True, return_counts=True)
    assert times.max() <= 2
    assert (np.bincount(face, odd)[times == 2] == 1).all()
    assert (mesh.volumes_mm3() > 0).all()
    outer = faces[times[face] == 1]
    sides = np.sort(outer[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2), axis=1)
    assert (np.unique(sides, axis=0, return_counts=True)[1] % 2 == 0).all()
    if like is not None:
        np.testing.assert_allclose(mesh.volumes_mm3().sum(), like.volumes_mm3().sum(), rtol=1e-3)
        assert (
            np.linalg.norm(mesh.nodes_mm[outer].mean((0, 1)) - like.nodes_mm[like.boundary()].mean((0, 1)))
            < 1
        )
    return outer
