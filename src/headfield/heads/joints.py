# SPDX-License-Identifier: BSD-3-Clause
"""Nodes that lie where others do: there tissues touch, but no current crosses from one to the other."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..core.messages import plural
from ..geometry.triangles import areas
from .findings import Finding
from .formats.raw import MeshArrays
from .merging import COINCIDENCE, coincident

__all__ = ["not_joined"]


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
