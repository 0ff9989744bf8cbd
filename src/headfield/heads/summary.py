# SPDX-License-Identifier: BSD-3-Clause
"""What a user wants to know of a mesh first, as plain numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from . import checks
from .parts import head_tags

if TYPE_CHECKING:
    from .mesh import TetMesh

__all__ = ["summarise"]

_EDGES = np.array([[0, 0, 0, 1, 1, 2], [1, 2, 3, 2, 3, 3]])


def summarise(mesh: TetMesh) -> dict[str, Any]:
    """Return the facts that `TetMesh.summary` lists."""
    edges_mm = _edges_mm(mesh)
    data = {"elements": mesh.element_data, "nodes": mesh.node_data, "triangles": mesh.triangle_data}
    return {
        "nodes": mesh.n_nodes,
        "tetrahedra": mesh.n_tets,
        "triangles": len(mesh.triangles),
        "bounds_mm": [mesh.nodes_mm.min(axis=0).tolist(), mesh.nodes_mm.max(axis=0).tolist()],
        "mean_edge_mm": float(edges_mm.mean()),
        "surface_mm2": _area_mm2(mesh, mesh.boundary()),
        "skin_mm2": _area_mm2(mesh, mesh.skin()) if head_tags(mesh.tags) else None,
        "volume_mm3": float(mesh.volumes_mm3().sum()),
        "tissues": _tissues(mesh, edges_mm),
        "fields": {
            of: {name: 1 if values.ndim == 1 else values.shape[1] for name, values in fields.items()}
            for of, fields in data.items()
        },
        "flipped_tetrahedra": mesh.n_flipped,
        "dropped_nodes": mesh.n_dropped_nodes,
    }


def _tissues(mesh: TetMesh, edges_mm: NDArray[np.float64]) -> dict[int, dict[str, float]]:
    tags, tissue, count = np.unique(mesh.tags, return_inverse=True, return_counts=True)
    volume = np.bincount(tissue, weights=mesh.volumes_mm3())
    edge_mm = np.bincount(tissue, weights=edges_mm) / count
    return {
        tag: {
            "tetrahedra": int(count[i]),
            "volume_mm3": float(volume[i]),
            "mean_edge_mm": float(edge_mm[i]),
        }
        for i, tag in enumerate(tags.tolist())
    }


def _area_mm2(mesh: TetMesh, faces: NDArray[np.int32]) -> float:
    corners = mesh.nodes_mm[faces]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    return float(np.linalg.norm(normals, axis=1).sum() / 2)


def _edges_mm(mesh: TetMesh) -> NDArray[np.float64]:
    """Mean length of the six edges of each tetrahedron, (m,)."""
    mean = np.empty(mesh.n_tets)
    for piece, _, corners in checks.chunks(mesh.nodes_mm, mesh.tets):
        edges = corners[:, _EDGES[1]] - corners[:, _EDGES[0]]
        mean[piece] = np.sqrt(np.einsum("dec,dec->ec", edges, edges)).mean(axis=0)
    return mean
