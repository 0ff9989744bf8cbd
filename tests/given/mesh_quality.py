# SPDX-License-Identifier: BSD-3-Clause
"""Whether tetrahedra are a proper mesh: their shapes, how they join, and what bounds them.

Vectorised, for five million tetrahedra and two million nodes. Whether they are where level sets want them is
in `mesh_levels.py`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from headfield.heads.quality import min_dihedral_cosines
from headfield.heads.tetrahedra import EDGES, FACES, chunks, determinants

ANGLES = (10.0, 8.0, 5.0)  # degrees below which tetrahedra are counted
_BITS = 21  # of a node's number in the key of a face
_PROBES = 20_000  # faces of the outer surface that are looked beyond
_BEYOND = 1e-3  # how far, over the square root of twice the face's area

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class SurfaceFacts:
    """How the triangles of a surface join."""

    faces: int
    open_edges: int  # in an odd number of faces: the surface has a rim there
    pinched_edges: int  # in four faces or more
    euler: int  # nodes − edges + faces
    parts: int  # connected by edges


@dataclass(frozen=True)
class MeshQuality:
    """What `mesh_quality` finds; angles in degrees, lengths in mm."""

    nodes: int
    tets: int
    inverted: int  # of no or negative volume
    smallest_angle: float
    below: dict[float, int]  # tetrahedra with a dihedral angle below so many degrees
    crowded_faces: int  # in more than two tetrahedra
    buried_faces: int  # outer ones with a tetrahedron right beyond: hanging nodes or an overlap; of a sample
    duplicate_nodes: int
    unused_nodes: int
    parts: int  # connected by faces: several where a piece hangs on a node or an edge only
    outer: SurfaceFacts
    interfaces: dict[int, SurfaceFacts]  # around the tissues up to a tag
    volumes_mm3: dict[int, float]
    edges_mm: dict[str, float]  # mean, p1, p99

    def faults(self, angle: float = 10.0) -> list[str]:
        """Return what no mesh of level sets may have, in words; an angle of 0 asks about none."""
        counts = {
            "inverted tetrahedra": self.inverted,
            "faces in more than two tetrahedra": self.crowded_faces,
            "outer faces inside": self.buried_faces,
            "duplicate nodes": self.duplicate_nodes,
            "unused nodes": self.unused_nodes,
            "rims of the outer surface": self.outer.open_edges,
            "rims of interfaces": sum(facts.open_edges for facts in self.interfaces.values()),
        }
        found = [f"{count} {what}" for what, count in counts.items() if count]
        if self.smallest_angle < angle:
            found.append(f"smallest angle {self.smallest_angle:.2f}°")
        return found


@dataclass(frozen=True)
class Faces:
    """Each face once: its nodes in ascending order, how many tetrahedra have it, and two of those."""

    nodes: NDArray[np.int32]  # (f, 3)
    count: Ints  # (f,)
    first: Ints  # (f,) tetrahedron
    second: Ints  # (f,) tetrahedron, or −1

    def around(self, chosen: NDArray[np.bool_]) -> NDArray[np.int32]:
        """Return the faces (s, 3) between chosen tetrahedra and everything else."""
        outside = np.append(chosen, False)
        return self.nodes[outside[self.first] != outside[self.second]]


def mesh_quality(nodes_mm: Floats, tets: NDArray[np.int32], tags: NDArray[np.int32]) -> MeshQuality:
    """Measure a mesh of tissues that are numbered from inside to outside."""
    volumes, degrees, below = shapes(nodes_mm, tets)
    faces = faces_of(tets)
    lengths = edge_lengths(nodes_mm, tets)
    inside = np.unique(tags)
    outer = faces.nodes[faces.count == 1]
    return MeshQuality(
        nodes=len(nodes_mm),
        tets=len(tets),
        inverted=int((volumes <= 0).sum()),
        smallest_angle=degrees,
        below=below,
        crowded_faces=int((faces.count > 2).sum()),
        buried_faces=buried_faces(nodes_mm, tets, faces),
        duplicate_nodes=len(nodes_mm) - len(np.unique(np.ascontiguousarray(nodes_mm).view("V24"))),
        unused_nodes=int((np.bincount(tets.ravel(), minlength=len(nodes_mm)) == 0).sum()),
        parts=parts_of(len(tets), faces.first[faces.second >= 0], faces.second[faces.second >= 0]),
        outer=surface_facts(outer),
        interfaces={int(tag): surface_facts(faces.around(tags <= tag)) for tag in inside[:-1]},
        volumes_mm3={int(tag): float(volumes[tags == tag].sum()) for tag in inside},
        edges_mm={
            "mean": float(lengths.mean()),
            "p1": float(np.percentile(lengths, 1)),
            "p99": float(np.percentile(lengths, 99)),
        },
    )


def shapes(nodes_mm: Floats, tets: NDArray[np.int32]) -> tuple[Floats, float, dict[float, int]]:
    """Return the volume of each tetrahedron, mm³, the smallest dihedral angle, and counts below `ANGLES`."""
    volumes, cosines = np.empty(len(tets)), np.empty(len(tets))
    for piece, _, corners in chunks(nodes_mm, tets):
        volumes[piece] = determinants(corners) / 6.0
        cosines[piece] = min_dihedral_cosines(corners.transpose(1, 0, 2))
    # an inverted one has an angle of −1
    degrees = np.where(cosines > 1, -1.0, np.degrees(np.arccos(np.clip(cosines, -1, 1))))
    return volumes, float(degrees.min()), {angle: int((degrees < angle).sum()) for angle in ANGLES}


def faces_of(tets: NDArray[np.int32]) -> Faces:
    """Find the faces of tetrahedra and which of them share one."""
    if tets.max() >= 1 << _BITS:
        raise ValueError(f"at most {1 << _BITS} nodes")
    nodes = np.sort(tets[:, FACES].reshape(-1, 3), axis=1)
    wide = nodes.astype(np.int64)
    key = (wide[:, 0] << 2 * _BITS) | (wide[:, 1] << _BITS) | wide[:, 2]
    order = np.argsort(key)
    ordered = key[order]
    start = np.flatnonzero(np.append(True, ordered[1:] != ordered[:-1]))
    count = np.diff(np.append(start, len(key)))
    first = order[start] // 4
    second = np.where(count > 1, order[np.minimum(start + 1, len(key) - 1)] // 4, -1)
    return Faces(
        nodes[order[start]],
        count,
        np.maximum(first, second),
        np.where(count > 1, np.minimum(first, second), -1),
    )


def parts_of(n: int, a: Ints, b: Ints) -> int:
    """Return the number of connected parts of n things of which a and b are joined."""
    joined = coo_matrix((np.ones(len(a), np.int8), (a, b)), (n, n))
    return int(connected_components(joined, directed=False, return_labels=False))


def edges_of(elements: NDArray[np.int32]) -> tuple[Ints, Ints]:
    """Return the edges (e, 2) of triangles or tetrahedra, once each, and in how many elements each is."""
    pairs = EDGES if elements.shape[1] == 4 else EDGES[:, [0, 1, 3]]
    ends = np.sort(elements[:, pairs.T].reshape(-1, 2), axis=1).astype(np.int64)
    key, count = np.unique((ends[:, 0] << 32) | ends[:, 1], return_counts=True)
    return np.stack([key >> 32, key & 0xFFFFFFFF], axis=1), count


def edge_lengths(nodes_mm: Floats, tets: NDArray[np.int32]) -> Floats:
    """Return the length of each edge, mm."""
    edges, _ = edges_of(tets)
    return np.linalg.norm(nodes_mm[edges[:, 0]] - nodes_mm[edges[:, 1]], axis=1)


def surface_facts(faces: NDArray[np.int32]) -> SurfaceFacts:
    """Say how triangles join, given by nodes (f, 3)."""
    edges, count = edges_of(faces)
    nodes, renumbered = np.unique(edges, return_inverse=True)
    ends = renumbered.reshape(-1, 2)
    return SurfaceFacts(
        faces=len(faces),
        open_edges=int((count % 2 == 1).sum()),
        pinched_edges=int((count > 3).sum()),
        euler=len(nodes) - len(edges) + len(faces),
        parts=parts_of(len(nodes), ends[:, 0], ends[:, 1]) if len(nodes) else 0,
    )


def buried_faces(nodes_mm: Floats, tets: NDArray[np.int32], faces: Faces) -> int:
    """Count outer faces, of a sample, beyond which there is another tetrahedron at an outer node.

    Beside a hanging node the faces of neither side match: all of them seem to be outer ones.
    """
    alone = np.flatnonzero(faces.count == 1)
    outer = np.zeros(len(nodes_mm), bool)
    outer[faces.nodes[alone]] = True
    near = tets[outer[tets].any(axis=1)]
    if len(alone) > _PROBES:
        alone = np.random.default_rng(0).choice(alone, _PROBES, replace=False)
    a, b, c = nodes_mm[faces.nodes[alone]].swapaxes(0, 1)
    normal = np.cross(b - a, c - a)
    size = np.sqrt(np.linalg.norm(normal, axis=1))
    centre = (a + b + c) / 3
    inward = ((nodes_mm[tets[faces.first[alone]]].mean(axis=1) - centre) * normal).sum(axis=1) > 0
    away = np.where(inward, -1.0, 1.0)[:, None] * normal / np.maximum(size**2, 1e-300)[:, None]
    return int(holds(nodes_mm[near], centre + _BEYOND * size[:, None] * away).sum())


def holds(corners: Floats, points: Floats) -> NDArray[np.bool_]:
    """Return whether each point (p, 3) is inside one of the tetrahedra (m, 4, 3)."""
    centre = corners.mean(axis=1)
    reach = float(np.linalg.norm(corners - centre[:, None], axis=2).max()) if len(corners) else 0.0
    found = np.zeros(len(points), bool)
    tree = cKDTree(centre)
    for start in range(0, len(points), 1000):
        near = tree.query_ball_point(points[start : start + 1000], reach, return_sorted=False)
        which = np.concatenate([np.asarray(one, np.int64) for one in near])
        point = start + np.repeat(np.arange(len(near)), [len(one) for one in near])
        if len(which):
            found[point[within(corners[which], points[point])]] = True
    return found


def within(corners: Floats, points: Floats) -> NDArray[np.bool_]:
    """Return whether each point (p, 3) is inside the tetrahedron (p, 4, 3) beside it."""
    inside = np.ones(len(points), bool)
    for face in FACES:
        a, b, c = corners[:, face].swapaxes(0, 1)
        inside &= (np.cross(b - a, c - a) * (points - a)).sum(axis=1) < 0
    return inside
