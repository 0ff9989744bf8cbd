# SPDX-License-Identifier: BSD-3-Clause
"""Tetrahedral head meshes: checked and repaired once, read-only from then on."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..core.device import cpu
from ..core.locks import cached_property
from ..core.messages import plural
from ..errors import MeshError
from . import checks, parts
from .base import frozen
from .derived import Derived
from .findings import Finding, HeadReport
from .image_report import ImageReport
from .sense import checkup
from .summary import summarise
from .tissue_words import Tissues, without_names
from .tissues import SURFACE_TAG, head_tags
from .write import write_mesh

__all__ = ["TetMesh"]

_LISTED_TAGS = 6  # in a repr; of more the first and the last are


class TetMesh(Derived):
    """A connected mesh of tetrahedra with a tissue tag each.

    Tetrahedra of negative orientation are turned, and nodes that no tetrahedron uses are dropped. Whatever
    else makes it impossible to compute a field raises MeshError. A tetrahedron counts as flat if six times
    its volume is at most 1e-10 of the cube of the longest edge at its first node. Arrays are copied, unless
    they are read-only already.

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
    element_data, node_data, triangle_data : mapping of str to array_like, optional
        Named real fields per tetrahedron, (m,) or (m, c), node, (n,) or (n, c), and triangle, (t,) or (t, c);
        NaN where there is no value.
    tag_names : mapping of int to str, optional
        What the source calls the tissues, by tag.

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
    is_part : bool
        Whether `crop` has cut it out of a head: not all of its outer surface is that of the head.
    from_file : tuple of Finding
        What `read_mesh` found out about the tissues in the file; part of `check()`.
    from_image : ImageReport or None
        How this mesh compares with the image that `head_from_labels` made it of.
    parent : ndarray, (m,), int32, or None
        The tetrahedron that each one lies in of the mesh that `headfield.refine` made this one of.
    n_flipped : int
        How many tetrahedra were turned to positive orientation.
    n_dropped_nodes : int
        How many nodes no tetrahedron uses.

    Raises
    ------
    MeshError
        No tetrahedra; wrong shapes or dtypes; coordinates that are not finite; node indices out of range;
        tetrahedra that are flat, name a node twice, or come twice; several disconnected parts; a field whose
        length fits neither nodes nor elements. The message counts them and names the first.

    Examples
    --------
    >>> from headfield.heads.mesh import TetMesh
    >>> mesh = TetMesh([[0, 0, 0], [1, 0, 0], [0, 1, 0], [9, 9, 9], [0, 0, 1]], [[0, 2, 1, 4]], tags=[5])
    >>> mesh.n_nodes, mesh.n_flipped, mesh.node_ids.tolist()
    (4, 1, [0, 1, 2, 4])
    >>> round(float(mesh.volumes_mm3()[0]), 4)
    0.1667
    """

    def __init__(
        self,
        nodes_mm: ArrayLike,
        tets: ArrayLike,
        tags: ArrayLike | None = None,
        triangles: ArrayLike | None = None,
        triangle_tags: ArrayLike | None = None,
        node_ids: ArrayLike | None = None,
        *,
        element_ids: ArrayLike | None = None,
        element_data: Mapping[str, ArrayLike] | None = None,
        node_data: Mapping[str, ArrayLike] | None = None,
        triangle_data: Mapping[str, ArrayLike] | None = None,
        tag_names: Mapping[int, str] | None = None,
    ) -> None:
        nodes = checks.as_coordinates(nodes_mm)
        elements = checks.as_int(tets, "tets", 4)
        if len(elements) == 0:
            raise MeshError("the mesh has no tetrahedra")
        surface = checks.as_int(() if triangles is None else triangles, "triangles", 3)
        checks.check_range(elements, len(nodes), "tetrahedra")
        checks.check_range(surface, len(nodes), "triangles")
        self.tags = checks.as_labels(tags, "tags", len(elements), np.int32)
        self.triangle_tags = checks.as_labels(triangle_tags, "triangle_tags", len(surface), np.int32)
        self.element_ids = None
        if element_ids is not None:
            self.element_ids = checks.as_labels(element_ids, "element_ids", len(elements), np.int64)
        numbering = np.arange(len(nodes)) if node_ids is None else node_ids
        self.node_ids = checks.as_labels(numbering, "node_ids", len(nodes), np.int64)
        self.nodes_mm, self.tets, self.triangles = nodes, elements, surface
        self._element_data = checks.as_fields(element_data, len(elements), "element_data")
        self._node_data = checks.as_fields(node_data, len(nodes), "node_data")
        self._triangle_data = checks.as_fields(triangle_data, len(surface), "triangle_data")
        self._tag_names = checks.as_names(tag_names)
        checks.check_same_width(self._element_data, self._triangle_data)
        self.n_dropped_nodes, self.is_part = 0, False
        self.from_file: tuple[Finding, ...] = ()
        self.from_image: ImageReport | None = None
        self.parent: NDArray[np.int32] | None = None
        used = checks.used_nodes(elements, len(nodes), self.element_ids)
        if used is not None:
            self._keep_nodes(used)
        if not len(self.triangles):
            self._triangle_data = {}
        self.tets, self.n_flipped = checks.oriented(self.nodes_mm, self.tets, self.tags, self.element_ids)
        self._faces: dict[tuple[int, ...] | None, tuple[NDArray[np.int32], NDArray[np.int32]]] = {}

    def _keep_nodes(self, used: NDArray[np.bool_]) -> None:
        new_index = np.cumsum(used, dtype=np.int32) - np.int32(1)
        kept = used[self.triangles].all(axis=1)
        self.n_dropped_nodes = int(len(used) - used.sum())
        self.nodes_mm = frozen(self.nodes_mm[used])
        self.node_ids = frozen(self.node_ids[used])
        self.tets = frozen(new_index[self.tets])
        self.triangles = frozen(new_index[self.triangles[kept]])
        self.triangle_tags = frozen(self.triangle_tags[kept])
        self._node_data = {name: frozen(values[used]) for name, values in self._node_data.items()}
        self._triangle_data = {name: frozen(values[kept]) for name, values in self._triangle_data.items()}

    def __repr__(self) -> str:
        tags = np.unique(self.tags).tolist()
        some = str(tags) if len(tags) <= _LISTED_TAGS else f"[{tags[0]}, {tags[1]}, …, {tags[-1]}]"
        tets = plural(self.n_tets, "tetrahedron", "tetrahedra")
        return f"TetMesh({self.n_nodes:,} nodes, {tets}, tags {some})"

    def boundary(self) -> NDArray[np.int32]:
        """Return the outer faces of the mesh: node indices (f, 3), int32, normals outward. Computed once."""
        return self._outer(None)[0]

    def surface(self, tags: Tissues) -> NDArray[np.int32]:
        """Return the surface of the union of some tissues.

        Parameters
        ----------
        tags : int, str, or sequence of them
            The tissues, by tag or name: `[1, 2]` (white and gray matter) or "brain" gives the cortex. Those
            that don't occur are ignored.

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
        >>> from headfield.heads.mesh import TetMesh
        >>> nodes = [[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 1]]
        >>> mesh = TetMesh(nodes, [[0, 1, 2, 3], [1, 2, 3, 4]], tags=[1, 2])
        >>> len(mesh.boundary()), len(mesh.surface(1)), mesh.surface_tets([1]).tolist()
        (6, 4, [0, 0, 0, 0])
        """
        return self._outer(tags)[0]

    def surface_tets(self, tags: Tissues | None = None) -> NDArray[np.int32]:
        """Return the tetrahedron under each face of `surface(tags)` or `boundary()`: index (f,), int32."""
        return self._outer(tags)[1]

    def skin(self) -> NDArray[np.int32]:
        """Return the scalp: the outermost surface of the head without electrodes and gel (tags 100 to 899).

        It needs no surface triangles in the mesh. Surfaces of cavities are left out; scalp under an electrode
        belongs to it. Computed once.

        Returns
        -------
        ndarray, (f, 3), int32
            Node indices, normals outward.

        Raises
        ------
        MeshError
            There are only electrodes.

        Examples
        --------
        >>> from headfield.heads.phantom import sphere_mesh
        >>> head = sphere_mesh([80, 90, 95], tags=[2, 5, 101], edge_mm=20)  # all covered by rubber
        >>> len(head.skin()) == len(head.surface([2, 5])), float(head.nodes_mm[head.skin()].max()) < 91
        (True, True)
        """
        return self._skin

    @cached_property
    def _skin(self) -> NDArray[np.int32]:
        tags, of_head = np.unique(self.tags).tolist(), head_tags(self.tags)
        if not of_head:
            raise MeshError(f"the mesh has no skin: its tags {tags} are all of electrodes, gel and air")
        faces = self.boundary() if of_head == tags else self.surface(of_head)
        return frozen(parts.outermost(self.nodes_mm, faces))

    def triangle_tets(self) -> NDArray[np.int32]:
        """Return the tetrahedron that each of `triangles` lies on, from the inside: index (t,), int32.

        A triangle with tag 1000 + i belongs to a tetrahedron of tissue i. The index is -1 for a triangle that
        is not a face between tissue i and something else.
        """
        owner = np.full(len(self.triangles), -1, np.int32)
        for tag in np.unique(self.triangle_tags).tolist():
            chosen = np.flatnonzero(self.triangle_tags == tag)
            faces, tets = self._outer(tag - SURFACE_TAG)
            place = checks.find_faces(self.triangles[chosen], faces, self.n_nodes)
            owner[chosen[place >= 0]] = tets[place[place >= 0]]
        return owner

    def _outer(self, tags: Tissues | None) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        key = None if tags is None else checks.tag_set(without_names(self, tags, "tags", MeshError))
        if key not in self._faces:
            if key is None:
                faces, owner = cpu.boundary_faces(self.tets, self.n_nodes)
            else:
                chosen = np.flatnonzero(np.isin(self.tags, key)).astype(np.int32)
                faces, owner = cpu.boundary_faces(self.tets[chosen], self.n_nodes)
                owner = chosen[owner]
            self._faces[key] = frozen(faces), frozen(owner)
        return self._faces[key]

    def summary(self) -> dict[str, Any]:
        """Return counts, sizes and volumes of the mesh as plain numbers, ready for JSON.

        Returns
        -------
        dict
            nodes, tetrahedra, triangles (counts); bounds_mm ([[x, y, z] low, high]); mean_edge_mm (over
            the six edges of all tetrahedra); surface_mm2 (all outer faces); skin_mm2 (`skin()`; None if there
            is none); volume_mm3; tissues ({tag: {tetrahedra, volume_mm3, mean_edge_mm}}); fields ({elements,
            nodes, triangles: {name: components}}); flipped_tetrahedra; dropped_nodes; image (`from_image` as
            plain values, None for a mesh of other origin).
        """
        skin = self.skin() if head_tags(self.tags) else None
        repaired = {"flipped_tetrahedra": self.n_flipped, "dropped_nodes": self.n_dropped_nodes}
        image = None if self.from_image is None else self.from_image.to_dict()
        return summarise(self, self.boundary(), skin) | repaired | {"image": image}

    def check(self) -> HeadReport:
        """Look for what makes no sense in a head, without raising; done once.

        `read_mesh` does this to every file. `docs/checks.md` lists what is looked for, each threshold with
        its reason and source.

        Returns
        -------
        HeadReport
            Findings by name and severity; empty if there are none.

        Examples
        --------
        A ball of CSF in white matter:

        >>> import headfield as hf
        >>> report = hf.sphere_mesh(radii_mm=[80, 90], tags=[3, 1], edge_mm=30).check()
        >>> [(finding.name, finding.severity) for finding in report]
        [('outermost_tissue', 'doubt')]
        """
        return self._report

    @cached_property
    def _report(self) -> HeadReport:
        return HeadReport((*self.from_file, *checkup.findings_of(self)))

    def write(self, path: str | os.PathLike[str]) -> None:
        """Write the mesh to a file; see `headfield.write_mesh`."""
        write_mesh(path, self)
