# SPDX-License-Identifier: BSD-3-Clause
"""Heads whose matrices float32 can hardly hold: tetrahedra that shrink towards a face, air around."""

import numpy as np

import headfield as hf


def shells(edge_mm=20, tags=(2, 3, 5)):
    return hf.sphere_mesh([70, 80, 92], list(tags), edge_mm)


def shrinking(mesh, times, tag=3, factor=0.03):
    """Split a tetrahedron of a tissue at an inner node, and again the one at its first face, so many times.

    Each inner node lies `factor` of the way from the face to the node before: the last tetrahedra are flat.
    """
    nodes, tets, tags = [*mesh.nodes_mm], mesh.tets.tolist(), mesh.tags.tolist()
    at = tags.index(tag)
    for _ in range(times):
        a, b, c, top = tets[at]
        middle = np.mean([nodes[a], nodes[b], nodes[c]], axis=0)
        nodes.append(middle + factor * (nodes[top] - middle))
        new = len(nodes) - 1
        tets[at] = [a, b, c, new]
        tets += [[a, b, new, top], [a, new, c, top], [new, b, c, top]]
        tags += [tag] * 3
    return hf.TetMesh(nodes, tets, tags)


def in_air(edge_mm=20, tag=-1):
    """A head of three shells with a fourth around them, of air."""
    return hf.sphere_mesh([70, 80, 92, 160], [2, 3, 5, tag], edge_mm)
