# SPDX-License-Identifier: BSD-3-Clause
"""E at the nodes of a surface in gray matter, and its parts along and across the normal."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..errors import ArgumentError, HeadfieldError, RegionError
from ..heads.selection import same_mesh
from ..heads.tissues import GRAY_MATTER
from ..regions.cortex import mid_layer
from ..regions.region import Region
from .result import Result

__all__ = ["PARTS", "Average", "SurfaceNodes", "mid_layer_of", "nodes_of", "parts_of"]

Floats = NDArray[np.float64]

#: What of E is given at nodes.
PARTS = ("magnE", "normal", "tangential")


class SurfaceNodes(NamedTuple):
    """The nodes of a surface: where they lie in the mesh, and their normals; `known` says which lie there."""

    elements: NDArray[Any]
    barycentric: Floats
    normals: Floats
    known: NDArray[np.bool_]


def mid_layer_of(result: Result) -> Region:
    """Return the mid-layer of the cortex of a result; HeadfieldError if its head has none."""
    try:
        return mid_layer(result.mesh)
    except RegionError as problem:
        raise HeadfieldError(
            f"{result.path}: no mid-layer of the cortex; a surface is needed: {problem}"
        ) from None


def nodes_of(result: Result, region: Region) -> SurfaceNodes:
    """Return the nodes of a region of the head of a result that has triangles and normals."""
    if not same_mesh(region.mesh, result.mesh):
        raise RegionError(f"the surface is in another mesh, {region.mesh!r}; the result's is {result.mesh!r}")
    if region.faces is None or region.normals is None or region.barycentric is None:
        raise ArgumentError(f"a surface with triangles is needed, not {region!r}")
    known = np.ones(len(region), bool)
    return SurfaceNodes(region.elements, region.barycentric, region.normals, known)


class Average:
    """E of the tetrahedra of gray matter, averaged to its nodes by volume, at places in them."""

    def __init__(self, result: Result, places: SurfaceNodes) -> None:
        self._result, self._places = result, places
        mesh = result.mesh
        elements = np.arange(mesh.n_tets) if result.elements is None else result.elements
        self._rows = np.flatnonzero(mesh.tags[elements] == GRAY_MATTER)
        self._tets = mesh.tets[elements[self._rows]]
        self._volumes = mesh.volumes_mm3()[elements[self._rows]]
        if result.region is None and not len(self._rows):
            raise HeadfieldError(f"{result.path}: no E in gray matter (tag {GRAY_MATTER})")

    def at_nodes(self, pose: int) -> Floats:
        """Return E (p, 3) of one pose, NaN where no tetrahedron around it has a field."""
        e = self._result.quantity("E", pose).astype(np.float64)
        if self._result.region is not None:
            return e
        e = e[self._rows]
        good = np.isfinite(e).all(axis=1)
        node, weight = self._tets[good].ravel(), np.repeat(self._volumes[good], 4)
        n = self._result.mesh.n_nodes
        total = np.bincount(node, weight, n)
        sums = [np.bincount(node, weight * np.repeat(e[good, d], 4), n) for d in range(3)]
        with np.errstate(invalid="ignore"):
            average = np.stack(sums, axis=1) / total[:, None]
        around = average[self._result.mesh.tets[self._places.elements]]
        return _weighted(around, self._places.barycentric)


def _weighted(around: Floats, weights: Floats) -> Floats:
    """Return Σ weight · value; a weight of 0 does not bring in a node that has no field."""
    return np.asarray((np.where(weights[..., None] > 0, around, 0.0) * weights[..., None]).sum(axis=1))


def parts_of(e: Floats | None, nodes: SurfaceNodes) -> dict[str, Floats]:
    """Return the parts of E (p, 3), NaN without it and where a node lies outside."""
    if e is None:
        e = np.full(nodes.normals.shape, np.nan)
    e = np.where(nodes.known[:, None], e, np.nan)
    normal = np.einsum("pd,pd->p", e, nodes.normals)
    across = np.linalg.norm(e - normal[:, None] * nodes.normals, axis=1)
    return {"magnE": np.linalg.norm(e, axis=1), "normal": normal, "tangential": across}
