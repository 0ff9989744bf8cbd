# SPDX-License-Identifier: BSD-3-Clause
"""Triangle surfaces and meshes with known geometry, for the tests of placing and of clearance."""

from types import SimpleNamespace

import numpy as np
from scipy.spatial import ConvexHull
from scipy.spatial.transform import Rotation

from headfield.geometry.surface import Surface
from headfield.heads.mesh import TetMesh

# A box: corner i has the bits of i as its coordinates.
_BOX = np.array(
    [
        *([0, 2, 1], [1, 2, 3], [4, 5, 6], [5, 7, 6], [0, 1, 4], [1, 5, 4]),
        *([2, 6, 3], [3, 6, 7], [0, 4, 2], [2, 4, 6], [1, 3, 5], [3, 7, 5]),
    ]
)


def rigid(seed=0, k=1, reach_mm=100.0):
    """Random poses (k, 4, 4)."""
    poses = np.tile(np.eye(4), (k, 1, 1))
    poses[:, :3, :3] = Rotation.random(k, random_state=seed).as_matrix()
    poses[:, :3, 3] = np.random.default_rng(seed).uniform(-reach_mm, reach_mm, (k, 3))
    return poses


def directions(n):
    """n points on the unit sphere, evenly spread (Fibonacci)."""
    z = 1 - (2 * np.arange(n) + 1) / n
    angle = np.pi * (1 + 5**0.5) * np.arange(n)
    return np.stack([np.sqrt(1 - z**2) * np.cos(angle), np.sqrt(1 - z**2) * np.sin(angle), z], axis=1)


def hull(points):
    """Surface of the convex hull, wound outward."""
    points = np.asarray(points, float)
    found = ConvexHull(points)
    faces = found.simplices.copy()
    a, b, c = points[faces].swapaxes(0, 1)
    inward = np.einsum("fj,fj->f", np.cross(b - a, c - a), found.equations[:, :3]) < 0
    faces[inward] = faces[inward][:, ::-1]
    return Surface(points, faces)


def box(low, high):
    """Surface of a box, wound outward."""
    low, high = np.asarray(low, float), np.asarray(high, float)
    corners = (np.arange(8)[:, None] >> np.arange(3)) & 1
    return Surface(low + corners * (high - low), _BOX)


def plate(half_mm, z=0.0):
    """A square casing of two triangles at a height, in the coil frame."""
    points = [[-half_mm, -half_mm, z], [half_mm, -half_mm, z], [half_mm, half_mm, z], [-half_mm, half_mm, z]]
    return SimpleNamespace(points_mm=np.array(points), faces=np.array([[0, 1, 2], [0, 2, 3]]))


def block(low, high):
    """A casing in the shape of a box."""
    surface = box(low, high)
    return SimpleNamespace(points_mm=surface.nodes_mm, faces=surface.faces)


def over(height_mm, x=0.0, y=0.0):
    """Pose with z down at a height."""
    pose = np.diag([1.0, -1.0, -1.0, 1.0])
    pose[:3, 3] = x, y, height_mm
    return pose


def ball_mesh(radii_mm, n=600, hollow=False):
    """Tetrahedra of a ball, or of what is outside its innermost radius: triangles of a sphere, extruded."""
    unit = directions(n)
    nodes = np.concatenate([radius * unit for radius in radii_mm] + [np.zeros((1, 3))])
    # sorted, so that neighbours cut a shared side alike
    a, b, c = np.sort(ConvexHull(unit).simplices, axis=1).T
    tets = [np.stack([a, b, c, np.full_like(a, len(nodes) - 1)], axis=1)] if not hollow else []
    for layer in range(len(radii_mm) - 1):
        i, o = n * layer, n * (layer + 1)
        tets += [
            np.stack([a + i, b + i, c + i, c + o], axis=1),
            np.stack([a + i, b + i, b + o, c + o], axis=1),
            np.stack([a + i, a + o, b + o, c + o], axis=1),
        ]
    elements = np.concatenate(tets).astype(np.int32)
    corner = nodes[elements]
    negative = np.linalg.det(corner[:, 1:] - corner[:, :1]) < 0
    elements[negative] = elements[negative][:, [0, 1, 3, 2]]
    return TetMesh(nodes, elements)
