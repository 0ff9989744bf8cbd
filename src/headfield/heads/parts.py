# SPDX-License-Identifier: BSD-3-Clause
"""Parts of a mesh: its outermost surface, and pieces cut out of it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..core.arguments import real_array
from ..core.device import cpu
from ..core.messages import plural, warn
from ..errors import MeshError
from . import checks, tetrahedra
from .formats.raw import MeshArrays, RawMesh
from .tissue_words import Tissues, without_names

__all__ = ["cropped", "outermost"]


def outermost(nodes_mm: NDArray[np.float64], faces: NDArray[np.int32]) -> NDArray[np.int32]:
    """Return the part of a closed surface that encloses the most; those of cavities are left out.

    Two faces are joined across an edge if the space outside lies between them. So where four faces meet at an
    edge, or parts touch at a node, surfaces that touch only from within stay apart.

    Parameters
    ----------
    nodes_mm : ndarray, (n, 3), float64
    faces : ndarray, (f, 3), int32
        Wound outward, such as `TetMesh.boundary()`.

    Returns
    -------
    ndarray, (g, 3), int32
        Some of the faces, in their order.

    Examples
    --------
    >>> from headfield.heads.phantom import sphere_mesh
    >>> mesh = sphere_mesh([50, 60, 70], [1, 2, 3], edge_mm=20)
    >>> shell = mesh.surface([2, 3])
    >>> len(outermost(mesh.nodes_mm, shell)) == len(mesh.boundary()) < len(shell)
    True
    """
    part = cpu.node_parts(_neighbours(nodes_mm, faces), len(faces))
    corners = nodes_mm[faces] - nodes_mm[faces[0, 0]]
    six_volumes = np.einsum("fi,fi->f", corners[:, 0], np.cross(corners[:, 1], corners[:, 2]))
    return faces[part == np.bincount(part, weights=six_volumes).argmax()]


def _neighbours(nodes_mm: NDArray[np.float64], faces: NDArray[np.int32]) -> NDArray[np.int32]:
    """Return pairs of faces that share an edge with the outside between them.

    Turn right-handed around an edge that points from its lower to its higher node: after a face that is wound
    along the edge comes the outside, up to the next face.

    Returns
    -------
    ndarray (p, 4) int32
        The first face, and the second three times: `node_parts` takes rows of four, as of tetrahedra.
    """
    side = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]).astype(np.int64)
    face, opposite = np.tile(np.arange(len(faces)), 3), faces[:, [2, 0, 1]].T.ravel()
    low, high = side.min(axis=1), side.max(axis=1)
    key = low * len(nodes_mm) + high
    _, edge, size = np.unique(key, return_inverse=True, return_counts=True)
    angle = np.zeros(len(key))
    several = np.flatnonzero(size[edge] > 2)
    angle[several] = _angles(nodes_mm[low[several]], nodes_mm[high[several]], nodes_mm[opposite[several]])
    order = np.lexsort((angle, edge))
    first = np.cumsum(size) - size
    following = np.arange(1, len(order) + 1)
    following[first + size - 1] = first
    ahead = np.flatnonzero(side[order, 0] == low[order])
    one, other = face[order[ahead]], face[order[following[ahead]]]
    return np.stack([one, other, other, other], axis=1).astype(np.int32)


def _angles(
    low: NDArray[np.float64], high: NDArray[np.float64], point: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the angle of each point around its axis from low to high, all (e, 3), from some direction."""
    axis = high - low
    across = np.eye(3)[np.abs(axis).argmin(axis=1)]
    x = np.cross(axis, across)
    y = np.cross(axis, x) / np.linalg.norm(axis, axis=1)[:, None]
    return np.arctan2(np.einsum("ei,ei->e", point - low, y), np.einsum("ei,ei->e", point - low, x))


def cropped(
    mesh: MeshArrays,
    tags: Tissues | None,
    without_tags: Tissues | None,
    box_mm: ArrayLike | None,
    ball: tuple[ArrayLike | None, float | None] | None,
    keep_largest: bool,
) -> RawMesh:
    """Return the arrays of a part of a mesh; `TetMesh.crop` says which part, and what is raised."""
    kept = np.ones(mesh.n_tets, bool)
    if tags is not None:
        kept &= np.isin(mesh.tags, checks.tag_set(without_names(mesh, tags, "tags", MeshError)))
    if without_tags is not None:
        kept &= ~np.isin(
            mesh.tags, checks.tag_set(without_names(mesh, without_tags, "without_tags", MeshError))
        )
    if box_mm is not None or ball is not None:
        centres = tetrahedra.barycentres(mesh.nodes_mm, mesh.tets)
    if box_mm is not None:
        low, high = _box(box_mm)
        kept &= ((centres >= low) & (centres <= high)).all(axis=1)
    if ball is not None:
        centre_mm, radius_mm = ball
        if centre_mm is None or radius_mm is None:
            raise MeshError("crop: centre_mm and radius_mm are only of use together")
        centre, radius = _numbers(centre_mm, "centre_mm", (3,)), _numbers(radius_mm, "radius_mm", ())
        kept &= np.linalg.norm(centres - centre, axis=1) <= radius
    if keep_largest and kept.any():
        kept = _largest(mesh, kept)
    if not kept.any():
        raise MeshError("crop: no tetrahedron of the mesh is chosen")
    return _part(mesh, np.flatnonzero(kept))


def _numbers(values: ArrayLike, name: str, shape: tuple[int, ...], finite: bool = True) -> NDArray[Any]:
    array = real_array(values, f"crop: {name}", MeshError)
    if array.shape != shape:
        raise MeshError(f"crop: {name} must have shape {shape}, not {array.shape}")
    if np.isnan(array).any() or (finite and np.isinf(array).any()):
        raise MeshError(f"crop: {name} is {array.tolist()}, which is not finite")
    return array


def _box(box_mm: ArrayLike) -> NDArray[np.float64]:
    box = _numbers(box_mm, "box_mm", (2, 3), finite=False)
    if (box[0] > box[1]).any():
        raise MeshError(f"crop: box_mm must be two corners, low and high, not {box.tolist()}")
    return box


def _largest(mesh: MeshArrays, kept: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the mask of the part of largest volume among the tetrahedra kept; warn of the others."""
    chosen = np.flatnonzero(kept)
    part = cpu.node_parts(mesh.tets[chosen], mesh.n_nodes)[mesh.tets[chosen, 0]]
    labels, index = np.unique(part, return_inverse=True)
    if len(labels) == 1:
        return kept
    volumes = np.bincount(index, weights=tetrahedra.volumes(mesh.nodes_mm, mesh.tets)[chosen])
    main = index == volumes.argmax()
    left_out = plural(int((~main).sum()), "tetrahedron", "tetrahedra")
    others = plural(len(labels) - 1, "part that hangs", "parts that hang")
    warn(
        f"crop: {left_out} ({volumes.sum() - volumes.max():.3g} of {volumes.sum():.3g} mm³) left out, in "
        f"{others} apart from the largest",
    )
    largest = np.zeros_like(kept)
    largest[chosen[main]] = True
    return largest


def _part(mesh: MeshArrays, chosen: NDArray[np.intp]) -> RawMesh:
    tets = mesh.tets[chosen]
    used = np.zeros(mesh.n_nodes, bool)
    used[tets] = True
    new_index = np.cumsum(used, dtype=np.int32) - np.int32(1)
    tets = new_index[tets]
    on = np.flatnonzero(used[mesh.triangles].all(axis=1))
    triangles = new_index[mesh.triangles[on]]
    is_face = _are_faces(triangles, tets, int(used.sum()))
    on, triangles = on[is_face], triangles[is_face]
    ids = np.arange(mesh.n_tets) if mesh.element_ids is None else mesh.element_ids
    return RawMesh(
        mesh.nodes_mm[used],
        tets,
        mesh.tags[chosen],
        triangles,
        mesh.triangle_tags[on],
        mesh.node_ids[used],
        ids[chosen],
        element_data={name: values[chosen] for name, values in mesh.element_data.items()},
        tag_names=mesh.tag_names,
        node_data={name: values[used] for name, values in mesh.node_data.items()},
        triangle_data={name: values[on] for name, values in mesh.triangle_data.items()},
    )


def _are_faces(triangles: NDArray[np.int32], tets: NDArray[np.int32], n_nodes: int) -> NDArray[np.bool_]:
    """Tell which triangles are a face of one of the tetrahedra, to which all their nodes belong.

    A triangle with a node inside is one, because all tetrahedra around that node were kept. So only the
    triangles with all nodes on the boundary, which are few, have to be looked for.
    """
    boundary, _ = cpu.boundary_faces(tets, n_nodes)
    outer = np.zeros(n_nodes, bool)
    outer[boundary] = True
    doubtful = np.flatnonzero(outer[triangles].all(axis=1))
    candidates = tets[outer[tets].sum(axis=1) >= 3]
    faces = candidates[:, tetrahedra.FACES].reshape(-1, 3)
    result = np.ones(len(triangles), bool)
    result[doubtful] = checks.find_faces(triangles[doubtful], faces, n_nodes) >= 0
    return result
