# SPDX-License-Identifier: BSD-3-Clause
"""Tetrahedral head meshes: checked and repaired once, read-only from then on."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import mesh_checks as checks
from ._backend import cpu
from .errors import MeshError

__all__ = ["TetMesh"]

_EDGES = np.array([[0, 0, 0, 1, 1, 2], [1, 2, 3, 2, 3, 3]])


class TetMesh:
    """A connected mesh of tetrahedra with a tissue tag each.

    Mixed orientation is repaired, nodes that no tetrahedron uses are dropped; everything else that a field
    cannot be computed on is refused. A tetrahedron counts as flat if six times its volume is at most 1e-10 of
    the cube of the longest edge at its first node. Arrays are copied, unless they are read-only already.

    Parameters
    ----------
    nodes_mm : array_like, (n, 3), real
        Coordinates in mm, subject RAS.
    tets : array_like, (m, 4), integer
        Node indices of each tetrahedron, counted from 0, of either orientation.
    tags : array_like, (m,), integer, optional
        Tissue of each tetrahedron; 0 if not given.
    triangles : array_like, (t, 3), integer, optional
        Surface triangles that came with the mesh. Those with a node that no tetrahedron uses are dropped.
    triangle_tags : array_like, (t,), integer, optional
        Tag of each triangle, 1000 + tag of the tissue inside by convention; 0 if not given.
    node_ids : array_like, (n,), integer, optional
        What the source calls each node; 0, 1, 2, … if not given.
    element_ids : array_like, (m,), integer, optional
        What the source calls each tetrahedron; used in messages.

    Attributes
    ----------
    nodes_mm : ndarray, (n, 3), float64
    tets : ndarray, (m, 4), int32
        Positively oriented: (x1 − x0)·[(x2 − x0) × (x3 − x0)] > 0.
    tags : ndarray, (m,), int32
    triangles : ndarray, (t, 3), int32
    triangle_tags : ndarray, (t,), int32
    node_ids : ndarray, (n,), int64
        The numbering in the source of each node that was kept.
    element_ids : ndarray, (m,), int64, or None
    n_flipped : int
        How many tetrahedra were turned to positive orientation.
    n_dropped_nodes : int
        How many nodes no tetrahedron uses.

    Raises
    ------
    MeshError
        No tetrahedra; wrong shapes or dtypes; coordinates that are not finite; node indices out of range;
        tetrahedra that are flat, name a node twice, or come twice; several disconnected parts. The message
        counts them and names the first.

    Examples
    --------
    >>> from headfield.mesh import TetMesh
    >>> mesh = TetMesh([[0, 0, 0], [1, 0, 0], [0, 1, 0], [9, 9, 9], [0, 0, 1]], [[0, 2, 1, 4]], tags=[5])
    >>> mesh.n_nodes, mesh.n_flipped, mesh.node_ids.tolist()
    (4, 1, [0, 1, 2, 4])
    >>> round(float(mesh.volumes_mm3()[0]), 4)
    0.1667
    """

    nodes_mm: NDArray[np.float64]
    tets: NDArray[np.int32]
    tags: NDArray[np.int32]
    triangles: NDArray[np.int32]
    triangle_tags: NDArray[np.int32]
    node_ids: NDArray[np.int64]
    element_ids: NDArray[np.int64] | None

    def __init__(
        self,
        nodes_mm: ArrayLike,
        tets: ArrayLike,
        tags: ArrayLike | None = None,
        triangles: ArrayLike | None = None,
        triangle_tags: ArrayLike | None = None,
        node_ids: ArrayLike | None = None,
        element_ids: ArrayLike | None = None,
    ) -> None:
        nodes = checks.as_coordinates(nodes_mm)
        elements = checks.as_int(tets, "tets", 4)
        if len(elements) == 0:
            raise MeshError("the mesh has no tetrahedra")
        surface = checks.as_int(() if triangles is None else triangles, "triangles", 3)
        checks.check_range(elements, len(nodes), "tetrahedra")
        checks.check_range(surface, len(nodes), "triangles")
        self.tags = _labels(tags, "tags", len(elements), np.int32)
        self.triangle_tags = _labels(triangle_tags, "triangle_tags", len(surface), np.int32)
        self.element_ids = None
        if element_ids is not None:
            self.element_ids = _labels(element_ids, "element_ids", len(elements), np.int64)
        numbering = np.arange(len(nodes)) if node_ids is None else node_ids
        self.node_ids = _labels(numbering, "node_ids", len(nodes), np.int64)
        self.nodes_mm, self.tets, self.triangles = nodes, elements, surface
        self.n_dropped_nodes = 0
        used = checks.used_nodes(elements, len(nodes), self.element_ids)
        if used is not None:
            self._keep_nodes(used)
        self.tets, self.n_flipped = checks.oriented(self.nodes_mm, self.tets, self.element_ids)
        self._faces: dict[tuple[int, ...] | None, tuple[NDArray[np.int32], NDArray[np.int32]]] = {}

    def _keep_nodes(self, used: NDArray[np.bool_]) -> None:
        new_index = np.cumsum(used, dtype=np.int32) - np.int32(1)
        kept = used[self.triangles].all(axis=1)
        self.n_dropped_nodes = int(len(used) - used.sum())
        self.nodes_mm = _frozen(self.nodes_mm[used])
        self.node_ids = _frozen(self.node_ids[used])
        self.tets = _frozen(new_index[self.tets])
        self.triangles = _frozen(new_index[self.triangles[kept]])
        self.triangle_tags = _frozen(self.triangle_tags[kept])

    @property
    def n_nodes(self) -> int:
        """Number of nodes."""
        return len(self.nodes_mm)

    @property
    def n_tets(self) -> int:
        """Number of tetrahedra."""
        return len(self.tets)

    def __repr__(self) -> str:
        tags = np.unique(self.tags).tolist()
        return f"TetMesh({self.n_nodes:,} nodes, {self.n_tets:,} tetrahedra, tags {tags})"

    def barycentres_mm(self) -> NDArray[np.float64]:
        """Return the mean of the four nodes of each tetrahedron, (m, 3), float64, mm."""
        centres = np.empty((self.n_tets, 3))
        for piece, _, corners in checks.chunks(self.nodes_mm, self.tets):
            centres[piece] = corners.mean(axis=1).T
        return centres

    def volumes_mm3(self) -> NDArray[np.float64]:
        """Return the volume of each tetrahedron, (m,), float64, mm³; all positive."""
        volumes = np.empty(self.n_tets)
        for piece, _, corners in checks.chunks(self.nodes_mm, self.tets):
            volumes[piece] = checks.determinants(corners) / 6.0
        return volumes

    def boundary(self) -> NDArray[np.int32]:
        """Return the outer faces of the mesh: node indices (f, 3), int32, normals outward. Computed once."""
        return self._outer(None)[0]

    def surface(self, tags: int | ArrayLike) -> NDArray[np.int32]:
        """Return the surface of the union of some tissues.

        Parameters
        ----------
        tags : int or array_like of int
            The tissues: `[1, 2]` (white and gray matter) gives the cortex. Tags that don't occur are ignored.

        Returns
        -------
        ndarray, (f, 3), int32
            Faces that belong to exactly one tetrahedron of these tissues, normals outward.

        Raises
        ------
        MeshError
            Tags that are not whole numbers.

        Examples
        --------
        >>> from headfield.mesh import TetMesh
        >>> nodes = [[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 1]]
        >>> mesh = TetMesh(nodes, [[0, 1, 2, 3], [1, 2, 3, 4]], tags=[1, 2])
        >>> len(mesh.boundary()), len(mesh.surface(1)), mesh.surface_tets([1]).tolist()
        (6, 4, [0, 0, 0, 0])
        """
        return self._outer(tags)[0]

    def surface_tets(self, tags: int | ArrayLike | None = None) -> NDArray[np.int32]:
        """Return the tetrahedron under each face of `surface(tags)` or `boundary()`: index (f,), int32."""
        return self._outer(tags)[1]

    def triangle_tets(self) -> NDArray[np.int32]:
        """Return the tetrahedron that each of `triangles` lies on, from the inside: index (t,), int32.

        A triangle with tag 1000 + i belongs to a tetrahedron of tissue i. It is -1 for triangles that are no
        face between tissue i and something else.
        """
        owner = np.full(len(self.triangles), -1, np.int32)
        for tag in np.unique(self.triangle_tags).tolist():
            chosen = np.flatnonzero(self.triangle_tags == tag)
            faces, tets = self._outer(tag - 1000)
            place = checks.find_faces(self.triangles[chosen], faces, self.n_nodes)
            owner[chosen[place >= 0]] = tets[place[place >= 0]]
        return owner

    def _outer(self, tags: int | ArrayLike | None) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        key = None if tags is None else _tag_set(tags)
        if key not in self._faces:
            if key is None:
                faces, owner = cpu.boundary_faces(self.tets, self.n_nodes)
            else:
                chosen = np.flatnonzero(np.isin(self.tags, key)).astype(np.int32)
                faces, owner = cpu.boundary_faces(self.tets[chosen], self.n_nodes)
                owner = chosen[owner]
            self._faces[key] = _frozen(faces), _frozen(owner)
        return self._faces[key]

    def summary(self) -> dict[str, Any]:
        """Return what a user wants to know first, as plain numbers ready for JSON.

        Returns
        -------
        dict
            nodes, tetrahedra, triangles (counts); bounds_mm ([[x, y, z] low, high]); mean_edge_mm (over
            the six edges of all tetrahedra); surface_mm2 (outer surface); volume_mm3; tissues ({tag:
            {tetrahedra, volume_mm3}}); flipped_tetrahedra; dropped_nodes.
        """
        volumes = self.volumes_mm3()
        tag_values, tissue, count = np.unique(self.tags, return_inverse=True, return_counts=True)
        volume = np.bincount(tissue, weights=volumes)
        corners = self.nodes_mm[self.boundary()]
        normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
        return {
            "nodes": self.n_nodes,
            "tetrahedra": self.n_tets,
            "triangles": len(self.triangles),
            "bounds_mm": [self.nodes_mm.min(axis=0).tolist(), self.nodes_mm.max(axis=0).tolist()],
            "mean_edge_mm": self._mean_edge_mm(),
            "surface_mm2": float(np.linalg.norm(normals, axis=1).sum() / 2),
            "volume_mm3": float(volumes.sum()),
            "tissues": {
                int(tag): {"tetrahedra": int(count[i]), "volume_mm3": float(volume[i])}
                for i, tag in enumerate(tag_values)
            },
            "flipped_tetrahedra": self.n_flipped,
            "dropped_nodes": self.n_dropped_nodes,
        }

    def _mean_edge_mm(self) -> float:
        total = 0.0
        for _, _, corners in checks.chunks(self.nodes_mm, self.tets):
            edges = corners[:, _EDGES[1]] - corners[:, _EDGES[0]]
            total += float(np.sqrt(np.einsum("dec,dec->ec", edges, edges)).sum())
        return total / (6 * self.n_tets)

    def write(self, path: str | os.PathLike[str]) -> None:
        """Write the mesh to a file; see `headfield.write_mesh`."""
        from .io.meshes import write_mesh

        write_mesh(path, self)


def _labels(values: ArrayLike | None, name: str, count: int, dtype: Any) -> NDArray[Any]:
    array = checks.as_int(np.zeros(count, dtype) if values is None else values, name, dtype=dtype)
    if len(array) != count:
        raise MeshError(f"{name} has {len(array):,} values where {count:,} are needed")
    return array


def _tag_set(tags: int | ArrayLike) -> tuple[int, ...]:
    several: ArrayLike = np.array([tags]) if isinstance(tags, (int, np.integer)) else tags
    return tuple(np.unique(checks.as_int(several, "tags", dtype=np.int64)).tolist())


def _frozen(array: NDArray[Any]) -> NDArray[Any]:
    array.flags.writeable = False
    return array
