# SPDX-License-Identifier: BSD-3-Clause
"""The methods of a `TetMesh` that make another one of it: parts, joined nodes, repairs."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike

from ..core.arguments import finite_array
from ..core.messages import plural, warn
from ..errors import MeshError
from . import parts
from .base import MeshBase
from .findings import Finding
from .formats.raw import FullMesh, RawMesh
from .mending import merging, repair
from .tissue_words import Tissues
from .tissues import head_tags

__all__ = ["Derived"]

Mesh = TypeVar("Mesh", bound="Derived")


class Derived(MeshBase):
    """What a `TetMesh` can be made into; the mesh itself stays as it is."""

    is_part: bool
    from_file: tuple[Finding, ...]

    def crop(
        self: Mesh,
        *,
        tags: Tissues | None = None,
        without_tags: Tissues | None = None,
        box_mm: ArrayLike | None = None,
        centre_mm: ArrayLike | None = None,
        radius_mm: float | None = None,
        keep_largest: bool = True,
    ) -> Mesh:
        """Return the part of the mesh that meets all the given conditions, to solve or to look at less.

        No current crosses a cut, so the field near it is not that of the head: within about the distance of
        the target from the cut it can't be trusted. Cut far from the coil and from where the field matters,
        and compare with the whole head once. The air around some heads (tag -1) can be left out anyway, as no
        current flows in it.

        Parameters
        ----------
        tags : int, str, or sequence of them, optional
            Only these tissues, by tag or name, see `headfield.heads.tissue_words`. Those that don't occur
            are ignored.
        without_tags : int, str, or sequence of them, optional
            Not these tissues, such as "air". Those that don't occur are ignored.
        box_mm : array_like, (2, 3), optional
            Lowest and highest corner, mm, of where the barycentre may lie; may be infinite.
        centre_mm, radius_mm : array_like (3,) and float, optional
            The barycentre lies within this distance, mm, of this point.
        keep_largest : bool
            If the chosen tetrahedra fall into several parts, keep the part of the largest volume. False:
            raise MeshError.

        Returns
        -------
        TetMesh
            With the triangles that lie on its tetrahedra, and with tags, fields and `node_ids`. Its
            `element_ids` are those of this mesh or, where it has none, the indices in it. It is a part
            (`is_part`) if anything but air (negative tags), electrodes and gel was left out.

        Raises
        ------
        MeshError
            No tetrahedron meets the conditions; there are several parts, and `keep_largest` is False; wrong
            arguments.

        Warns
        -----
        UserWarning
            Parts were left out; says how many and how large.

        Examples
        --------
        All of a head above z = −20 mm and within 80 mm of a target:

        >>> import numpy as np
        >>> from headfield.heads.phantom import phantom_head
        >>> head = phantom_head(edge_mm=8)
        >>> above = [[-np.inf, -np.inf, -20], [np.inf, np.inf, np.inf]]
        >>> part = head.crop(box_mm=above, centre_mm=[-46, -8, 60], radius_mm=80)
        >>> head.n_tets, part.n_tets
        (81920, 26731)

        A head without the air around it has the same skin:

        >>> from headfield.heads.phantom import sphere_mesh
        >>> in_air = sphere_mesh([80, 90, 100], tags=[2, 5, -1], edge_mm=20)
        >>> head = in_air.crop(without_tags=-1)
        >>> np.unique(head.tags).tolist(), head.is_part, len(head.skin()) == len(in_air.skin())
        ([2, 5], False, True)
        """
        mesh: Any = self
        ball = None if centre_mm is None and radius_mm is None else (centre_mm, radius_mm)
        raw: Any = parts.cropped(mesh, tags, without_tags, box_mm, ball, keep_largest)
        part = self._made(raw)
        of_head = [int(np.isin(tags, head_tags(mesh.tags)).sum()) for tags in (raw.tags, mesh.tags)]
        part.is_part = self.is_part or of_head[0] < of_head[1]
        return part

    def merged(self: Mesh, tolerance_mm: float | None = None) -> Mesh:
        """Return the mesh with nodes that lie at the same place joined to one.

        Where two tissues have nodes of their own along a surface, no current crosses it, as if it were
        insulated. Joining the nodes joins the tissues.

        Parameters
        ----------
        tolerance_mm : float, optional
            Nodes this close are at the same place, mm; by default 1 % of the shortest edge at either. Ends of
            an edge are never joined, see `repaired`.

        Returns
        -------
        TetMesh
            With tags, fields, `element_ids`, and the `node_ids` and fields of the first of the nodes that
            were joined. This mesh if there are none.

        Raises
        ------
        MeshError
            The tolerance would join both ends of an edge; or parts of the mesh lie in one another, so that a
            face would belong to three tetrahedra.

        Warns
        -----
        UserWarning
            Nodes were joined; says how many, where the first is, and which fields had different values.

        Examples
        --------
        >>> import warnings
        >>> from headfield.heads.mesh import TetMesh
        >>> nodes = [[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 0, 0], [1, 1, 1]]
        >>> mesh = TetMesh(nodes, [[0, 1, 2, 3], [4, 2, 3, 5]], tags=[1, 2])
        >>> with warnings.catch_warnings(record=True) as said:
        ...     warnings.simplefilter("always")
        ...     len(mesh.boundary()), len(mesh.merged().boundary())
        (8, 6)
        >>> print(said[0].message)
        1 node was joined with others at the same place, the first at (1, 0, 0) mm
        """
        return self._changed(merging.merged(_arrays(self), tolerance_mm))

    def repaired(
        self: Mesh, *, min_edge_mm: float | None = None, min_height: float = repair.FLATTEST
    ) -> Mesh:
        """Return the mesh without tiny and flat tetrahedra, and with coincident nodes joined.

        In this order: tetrahedra that repeat others of their tissue are left out; coincident nodes are joined
        as by `merged`; parts that hang apart and have less than 0.1 % of the volume are left out; edges
        shorter than `min_edge_mm` are collapsed, which takes the tetrahedra around them out; and a corner of
        each tetrahedron that is still too flat is moved away from the opposite face or, where that turns
        others inside out, an edge within its tissue collapsed. The mesh fills the same space as before,
        without holes; surfaces move by about `min_edge_mm`, or at most 50 `min_height` of an edge.
        `read_mesh(path, repair=True)` does the same for files with tetrahedra that `TetMesh` refuses.

        Parameters
        ----------
        min_edge_mm : float, optional
            mm; by default a thousandth of the median of the mean edges of the tetrahedra.
        min_height : float
            Tetrahedra whose smallest height is less than this share of their longest edge are flat.

        Returns
        -------
        TetMesh
            With tags, fields, triangles and `node_ids`. Its `element_ids` are those of this mesh or, where it
            has none and tetrahedra are gone, the indices in it. This mesh if it needs no repair.

        Raises
        ------
        MeshError
            Limits that are not numbers of that kind, or a mesh that can't be repaired.

        Warns
        -----
        UserWarning
            For each thing that was done, or could not be: how many tetrahedra of which tissue, and where.

        Examples
        --------
        >>> import warnings
        >>> import numpy as np
        >>> import headfield as hf
        >>> ball = hf.sphere_mesh([80, 90], tags=[2, 5], edge_mm=30)
        >>> (a, b, c, d), last = ball.tets[0], ball.n_nodes
        >>> nodes = np.vstack([ball.nodes_mm, ball.nodes_mm[a] + 1e-5])  # a node just inside of tetrahedron 0
        >>> split = [[last, b, c, d], [a, last, c, d], [a, b, last, d], [a, b, c, last]]
        >>> mesh = hf.TetMesh(nodes, [*ball.tets[1:], *split], [*ball.tags[1:], *[ball.tags[0]] * 4])
        >>> with warnings.catch_warnings(record=True) as said:
        ...     warnings.simplefilter("always")
        ...     mesh.n_tets, mesh.repaired().n_tets
        (1283, 1280)
        """
        return self._changed(repair.repaired(_arrays(self), min_edge_mm, min_height))

    def with_nodes(self: Mesh, nodes_mm: ArrayLike) -> Mesh:
        """Return the mesh with its nodes elsewhere: the same tetrahedra, tags, fields and ids in their order.

        Parameters
        ----------
        nodes_mm : array_like, (n, 3), real
            mm.

        Returns
        -------
        TetMesh

        Raises
        ------
        MeshError
            Another shape, or a tetrahedron that is turned inside out or flat by it.

        Examples
        --------
        >>> from headfield.heads.mesh import TetMesh
        >>> mesh = TetMesh([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]], [[0, 1, 2, 3]])
        >>> float(mesh.with_nodes(2 * mesh.nodes_mm).volumes_mm3()[0] / mesh.volumes_mm3()[0])
        8.0
        """
        raw = _arrays(self)
        nodes = finite_array(nodes_mm, "nodes_mm", MeshError)
        if nodes.shape != raw.nodes_mm.shape:
            raise MeshError(f"nodes_mm must have the shape {raw.nodes_mm.shape}, not {nodes.shape}")
        mesh: Any = self._made(replace(raw, nodes_mm=nodes))
        if mesh.n_flipped:
            raise MeshError(f"{plural(mesh.n_flipped, 'tetrahedron is', 'tetrahedra are')} turned inside out")
        mesh.is_part = self.is_part
        return mesh

    def _changed(self: Mesh, raw: RawMesh | None) -> Mesh:
        """Return the mesh of changed arrays, and say what was done; this mesh if nothing was."""
        if raw is None:
            return self
        mesh = self._made(raw)
        mesh.is_part = self.is_part
        for note in raw.notes:
            warn(note)
        return mesh

    def _made(self: Mesh, raw: RawMesh) -> Mesh:
        mesh = type(self)(**(raw.arguments() | {"tag_names": self.tag_names}))
        mesh.from_file = self.from_file
        return mesh


def _arrays(mesh: Any) -> FullMesh:
    return FullMesh.of(mesh)
