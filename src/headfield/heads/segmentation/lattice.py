# SPDX-License-Identifier: BSD-3-Clause
"""Tetrahedra between level sets: a graded lattice, cut where they cross it, then improved."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ...core.arguments import within
from ...core.device import cpu
from ...core.messages import point
from ...errors import MeshError
from ..ball import MAX_TETS
from ..mesh import TetMesh
from ..quality import smallest_dihedrals_deg
from ..tissues import CSF, GRAY_MATTER, TISSUES
from .level_sets import LevelSets

__all__ = ["LEAST_ANGLE_DEG", "checked_edge", "mesh_level_sets"]

Floats = NDArray[np.float64]

#: No dihedral angle of a mesh is smaller, degrees. Smaller ones would cost iterations of the solver.
LEAST_ANGLE_DEG = 8.0
# The edge of the small cells of the lattice. On a head, edges are then 0.7 edge_mm long in gray matter and
# CSF and 1.3 in the scalp (means), and a default head has 0.75 M nodes.
_CELL_PER_EDGE = 0.8
_FINE = (GRAY_MATTER, CSF)
_TETS_PER_CELL = 12
_CRUMBS = 0.01  # of all tetrahedra
_SHORTEST_MM, _LONGEST_MM = 0.5, 20.0  # edges: below, a head has 100 M nodes; above, a skull is thinner


def checked_edge(edge_mm: float) -> float:
    """Return an edge that heads can have, mm; raise MeshError for others, and for what is no number."""
    return within(edge_mm, "edge_mm", MeshError, _SHORTEST_MM, _LONGEST_MM)


def mesh_level_sets(levels: LevelSets, edge_mm: float) -> TetMesh:
    """Mesh the tissues of nested level sets.

    A body-centred cubic lattice is laid over the head, with cells of 0.8 `edge_mm` in gray matter, in CSF
    and where an interface bends within a cell, of twice that elsewhere. Its nodes near an interface are moved
    onto it, and the tetrahedra that still cross one are cut, level by level from the outside inwards (after
    Labelle 2007, doi 10.1145/1276377.1276448, and Bronson 2014, doi 10.1109/TVCG.2013.115). Then nodes are
    moved along the interfaces, and some are joined, until no tetrahedron is flat.

    Parameters
    ----------
    levels : LevelSets
        At most 31. Voxels may be oblique, of any size along each axis.
    edge_mm : float
        Scale of the edges, mm: their mean is 0.7 times that in gray matter and CSF, 1.3 times in the scalp.

    Returns
    -------
    TetMesh
        RAS, mm, named as the table of tissues does. The same bits for any number of threads.

    Raises
    ------
    MeshError
        `edge_mm` is not positive, or asks for more than 200 million tetrahedra; nothing is left of the head;
        a tetrahedron has an angle below 8° that could not be mended.
    """
    turn, to_voxels = _frame(levels.affine)
    box = _box(to_voxels, levels.values.shape[1:])
    _check_size(levels, edge_mm)
    fine = sum(1 << i for i, tag in enumerate(levels.tags) if tag in _FINE)
    values = np.ascontiguousarray(levels.values, np.float32)
    rows = np.ascontiguousarray(to_voxels[:3])
    try:
        nodes, tets, label = cpu.mesh_levels(values, rows, box, _CELL_PER_EDGE * edge_mm, fine)
    except ValueError as error:
        raise MeshError(f"edges of {edge_mm:g} mm: {error}") from error
    if not len(tets):
        raise MeshError(f"nothing of the head is left at edges of {edge_mm:g} mm; use shorter ones")
    nodes_mm = nodes @ turn.T
    _check_angles(nodes_mm, tets)
    tags = np.array(levels.tags, np.int32)[label]
    kept = _largest_part(nodes_mm, tets)
    if not kept.all():
        tets, tags = tets[kept], tags[kept]
        used = np.zeros(len(nodes_mm), bool)
        used[tets] = True
        nodes_mm, tets = nodes_mm[used], (np.cumsum(used, dtype=np.int32) - 1)[tets]
    names = {tag: TISSUES[tag].name for tag in levels.tags if tag in TISSUES}
    return TetMesh(nodes_mm, tets, tags, tag_names=names)


def _frame(affine: Floats) -> tuple[Floats, Floats]:
    """Return the turn (3, 3) of a frame along the axes of the voxels to RAS, and that frame to voxels (4, 4).

    It is the polar decomposition of the affine, so that the lattice is aligned with the voxels and stays
    cubic whatever they are.
    """
    left, _, right = np.linalg.svd(affine[:3, :3])
    turn: Floats = left @ right
    turn *= np.sign(np.linalg.det(turn))  # left-handed images: tetrahedra must not be mirrored
    to_frame = np.eye(4)
    to_frame[:3, :3] = turn.T
    return turn, np.linalg.inv(to_frame @ affine).astype(np.float64)


def _box(to_voxels: Floats, shape: tuple[int, ...]) -> Floats:
    """Return the lowest and the highest corner (2, 3) around a grid of voxels, mm."""
    at = np.array(np.meshgrid(*[(-0.5, n - 0.5) for n in shape], indexing="ij")).reshape(3, 8)
    from_voxels = np.linalg.inv(to_voxels)
    points = from_voxels[:3, :3] @ at + from_voxels[:3, 3:]
    return np.stack([points.min(axis=1), points.max(axis=1)])


def _check_size(levels: LevelSets, edge_mm: float) -> None:
    if not (np.isfinite(edge_mm) and edge_mm > 0):
        raise MeshError(f"edge_mm must be one positive finite number, got {edge_mm!r}")
    inside = np.count_nonzero(levels.values[-1] > 0) * levels.voxel_mm3
    with np.errstate(over="ignore"):
        count = _TETS_PER_CELL * inside / np.float64(_CELL_PER_EDGE * edge_mm) ** 3
    if not count <= MAX_TETS:
        raise MeshError(
            f"edges of {edge_mm:g} mm would make about {count:.3g} tetrahedra; the limit is {MAX_TETS:,}"
        )


def _largest_part(nodes_mm: Floats, tets: NDArray[np.int32]) -> NDArray[np.bool_]:
    """Tell which tetrahedra are of the head, not of crumbs beside it; raise MeshError if those are large."""
    part = cpu.node_parts(tets, len(nodes_mm))[tets[:, 0]]
    size = np.bincount(part)
    kept = part == size.argmax()
    if np.count_nonzero(~kept) > _CRUMBS * len(tets):
        second = np.argsort(size)[-2]
        at = nodes_mm[tets[part == second]].mean(axis=(0, 1))
        raise MeshError(
            f"the head falls into {np.count_nonzero(size)} parts; one of {size[second]:,} of all "
            f"{len(tets):,} tetrahedra lies around {point(at)}"
        )
    return kept


def _check_angles(nodes_mm: Floats, tets: NDArray[np.int32]) -> None:
    angles = smallest_dihedrals_deg(nodes_mm, tets)
    worst = int(angles.argmin())
    if angles[worst] < LEAST_ANGLE_DEG:
        at = point(nodes_mm[tets[worst]].mean(axis=0))
        raise MeshError(
            f"a tetrahedron at {at} is too flat: its smallest angle is {angles[worst]:.1f}°, the limit "
            f"{LEAST_ANGLE_DEG:g}°; shorter edges, or an image that is smoother there, may help"
        )
