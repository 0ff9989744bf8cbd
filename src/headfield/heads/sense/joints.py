# SPDX-License-Identifier: BSD-3-Clause
"""Nodes that lie where others do: there tissues touch, but no current crosses from one to the other."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ...core.device import cpu
from ...core.messages import plural
from ...geometry.triangles import areas
from ..findings import Finding
from ..formats.raw import MeshArrays
from ..mending.merging import COINCIDENCE, coincident

__all__ = ["gaps", "not_joined"]

# A cavity is a gap if its mean thickness is below this share of the edges around it. One tetrahedron that is
# left out has 0.14 of them, and layers of air that are not meshed have more.
_GAP = 0.05


def not_joined(mesh: MeshArrays, faces: NDArray[np.int32], under: NDArray[np.int32]) -> list[Finding]:
    """Return whether nodes of the surface lie where others do, and between which tissues.

    Nodes within the mesh need no look: where two tissues are not joined, both have a surface there.

    Parameters
    ----------
    mesh : MeshArrays
    faces, under : ndarray (f, 3) int32 and (f,) int32
        All its outer faces, and the tetrahedron under each.
    """
    nodes, corner = np.unique(faces, return_inverse=True)
    corner = corner.reshape(faces.shape)
    points = mesh.nodes_mm[nodes]
    edges = np.linalg.norm(points[corner] - points[np.roll(corner, 1, axis=1)], axis=2)
    shortest = np.full(len(nodes), np.inf)
    np.minimum.at(shortest, corner, np.minimum(edges, np.roll(edges, -1, axis=1)))
    first = coincident(points, COINCIDENCE * shortest)
    doubled = first != np.arange(len(first))
    if not doubled.any():
        return []
    where = tuple(points[int(doubled.argmax())].tolist())
    count = int(doubled.sum())
    said = f"{plural(count, 'node lies', 'nodes lie')} where others do"
    pair, area_mm2 = _cracks(mesh, faces, under, first[corner])
    if pair is None:
        text = (
            f"{said}: no current flows from one to the other; mesh.merged(), read_mesh(path, repair=True) or "
            "--repair joins them"
        )
        return [Finding("not_joined", "warning", text, count, where)]
    tissues = (
        f"tissues {pair[0]} and {pair[1]} are" if pair[0] != pair[1] else f"parts of tissue {pair[0]} are"
    )
    text = (
        f"{said}: {tissues} not joined there, and {area_mm2 / 100:.3g} cm² of surface within the head "
        "conducts nothing; mesh.merged(), read_mesh(path, repair=True) or --repair joins them"
    )
    return [Finding("not_joined", "error", text, count, where)]


def gaps(mesh: MeshArrays, faces: NDArray[np.int32], under: NDArray[np.int32]) -> list[Finding]:
    """Return whether there are thin gaps within the mesh, as between surfaces that were meshed one by one.

    Parameters
    ----------
    mesh : MeshArrays
    faces, under : ndarray (f, 3) int32 and (f,) int32
        All its outer faces, and the tetrahedron under each.
    """
    of_node = cpu.node_parts(np.column_stack([faces, faces[:, 2]]), mesh.n_nodes)
    labels, part = np.unique(of_node[faces[:, 0]], return_inverse=True)
    if len(labels) == 1:
        return []
    corners = mesh.nodes_mm[faces]
    area = areas(corners)
    corners = corners - corners.mean(axis=(0, 1))
    volumes = np.bincount(
        part, np.einsum("fi,fi->f", corners[:, 0], np.cross(corners[:, 1], corners[:, 2])) / 6
    )
    of_part = np.bincount(part, area)
    edges = np.sqrt(4.0 / np.sqrt(3.0) * of_part / np.bincount(part))
    thin = 2.0 * np.abs(volumes) < _GAP * edges * of_part
    thin[volumes.argmax()] = False  # the outside
    chosen = thin[part]
    if not chosen.any():
        return []
    tags = mesh.tags[under[chosen]]
    different, which = np.unique(tags, return_inverse=True)
    most = different[np.argsort(-np.bincount(which, area[chosen]), kind="stable")[:2]]
    two = " and ".join(map(str, sorted(most.tolist())))
    between = f"between tissues {two}" if len(most) > 1 else f"within tissue {two}"
    thickness = 2.0 * float(np.abs(volumes[thin]).sum() / of_part[thin].sum())
    text = (
        f"a gap of {thickness:.2g} mm on average, with {of_part[thin].sum() / 200:.3g} cm², lies "
        f"{between}: no current crosses it; mesh.merged(tolerance_mm=…) joins nodes on both its sides"
    )
    where = tuple(mesh.nodes_mm[faces[int(chosen.argmax()), 0]].tolist())
    return [Finding("gap", "warning", text, int(thin.sum()), where)]


def _cracks(
    mesh: MeshArrays, faces: NDArray[np.int32], under: NDArray[np.int32], first: NDArray[np.intp]
) -> tuple[tuple[int, int] | None, float]:
    """Return the two tissues with the most faces that lie on each other, and the area of all such, mm²."""
    _, face, times = np.unique(np.sort(first, axis=1), axis=0, return_inverse=True, return_counts=True)
    on_another = np.flatnonzero(times[face.ravel()] > 1)
    if not len(on_another):
        return None, 0.0
    order = on_another[np.argsort(face.ravel()[on_another], kind="stable")]
    same = np.flatnonzero(face.ravel()[order[1:]] == face.ravel()[order[:-1]])
    one, other = order[same], order[same + 1]
    area = areas(mesh.nodes_mm[faces[one]])
    tags = np.sort(np.stack([mesh.tags[under[one]], mesh.tags[under[other]]], axis=1), axis=1)
    pairs, which = np.unique(tags, axis=0, return_inverse=True)
    most = pairs[np.bincount(which.ravel(), weights=area).argmax()]
    return (int(most[0]), int(most[1])), float(area.sum())
