# SPDX-License-Identifier: BSD-3-Clause
"""Counts, sizes and volumes of a mesh as plain numbers, for `TetMesh.summary`."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..geometry.triangles import areas
from . import tetrahedra
from .formats.raw import MeshArrays

__all__ = ["summarise"]

Floats = NDArray[np.float64]


def summarise(
    mesh: MeshArrays, boundary: NDArray[np.int32], skin: NDArray[np.int32] | None
) -> dict[str, Any]:
    """Return the facts that `TetMesh.summary` lists, without those about repairs.

    Parameters
    ----------
    mesh : MeshArrays
    boundary, skin : ndarray (f, 3) int32
        Its outer faces, and its skin if it has one.
    """
    volumes_mm3 = tetrahedra.volumes(mesh.nodes_mm, mesh.tets)
    edges_mm = tetrahedra.mean_edges(mesh.nodes_mm, mesh.tets)
    data = {"elements": mesh.element_data, "nodes": mesh.node_data, "triangles": mesh.triangle_data}
    return {
        "nodes": mesh.n_nodes,
        "tetrahedra": mesh.n_tets,
        "triangles": len(mesh.triangles),
        "bounds_mm": [mesh.nodes_mm.min(axis=0).tolist(), mesh.nodes_mm.max(axis=0).tolist()],
        "mean_edge_mm": float(edges_mm.mean()),
        "surface_mm2": float(areas(mesh.nodes_mm[boundary]).sum()),
        "skin_mm2": None if skin is None else float(areas(mesh.nodes_mm[skin]).sum()),
        "volume_mm3": float(volumes_mm3.sum()),
        "tissues": _tissues(mesh.tags, volumes_mm3, edges_mm),
        "fields": {
            of: {name: 1 if values.ndim == 1 else values.shape[1] for name, values in fields.items()}
            for of, fields in data.items()
        },
    }


def _tissues(tags: NDArray[np.int32], volumes_mm3: Floats, edges_mm: Floats) -> dict[int, dict[str, float]]:
    found, tissue, count = np.unique(tags, return_inverse=True, return_counts=True)
    volume = np.bincount(tissue, weights=volumes_mm3)
    edge_mm = np.bincount(tissue, weights=edges_mm) / count
    return {
        tag: {
            "tetrahedra": int(count[i]),
            "volume_mm3": float(volume[i]),
            "mean_edge_mm": float(edge_mm[i]),
        }
        for i, tag in enumerate(found.tolist())
    }
