# SPDX-License-Identifier: BSD-3-Clause
"""Refine a mesh where it matters."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..core.arguments import plain_array, positive
from ..core.memory import free_memory
from ..errors import ArgumentError, RegionError
from ..heads.base import frozen
from ..heads.formats.raw import FullMesh
from ..heads.mesh import TetMesh
from ..heads.refinement import Edges, halved
from ..heads.selection import check_mesh, same_mesh
from ..heads.tetrahedra import volumes
from .makers import mask
from .region import Region

__all__ = ["refine"]

MOST_TETS = 50_000_000  # with 8.5 M nodes
_BYTES = 200  # per tetrahedron while a mesh is refined: 120 to 170 for heads of 3 to 10 M
_REGULAR = 1 / (6 * math.sqrt(2))  # volume of the regular tetrahedron with edges of 1


def refine(mesh: TetMesh, where: Region | ArrayLike | None, edge_mm: float | None = None) -> TetMesh:
    """Make a finer mesh of the same head: edges are halved where it is asked for.

    Nodes that are added lie in the middle of edges, so each tissue fills the same space as before. A face
    with an edge that is halved has its longest edge halved as well, which refines a few tetrahedra around the
    region and keeps shapes good however often it is done: longest-edge bisection.

    Parameters
    ----------
    mesh : TetMesh
    where : Region, array_like or None
        Which tetrahedra. A region of them, or of points in them; a mask (m,) bool, or indices (p,) int; None
        for all. Or how long edges may be, (m,) float, mm: in each tetrahedron, inf where it may stay as it
        is.
    edge_mm : float, optional
        Refine until no edge in these tetrahedra is longer, mm. By default all their edges are halved once,
        which makes eight of each. Not with lengths in `where`.

    Returns
    -------
    TetMesh
        The nodes of `mesh` come first, and the parts of each tetrahedron stay together, in its place. They
        have its tag, `element_data` and `element_ids`, triangles likewise; `node_data` are linear between
        nodes. `parent` (m',) int32 is the tetrahedron of `mesh` that each one lies in.

    Raises
    ------
    RegionError
        A region of another mesh or without tetrahedra, a mask of another length, indices outside of the mesh.
    ArgumentError
        Lengths that are not above 0 or not one for each tetrahedron; lengths that would take more than 50
        million tetrahedra, or more than there is memory for.
    MeshError
        A tetrahedron is so flat that its parts would have no volume.

    Notes
    -----
    M. C. Rivara, Int. J. Numer. Meth. Eng. 20 (1984) 745; `docs/numerics.md`, "Local refinement".

    Examples
    --------
    A finer hand knob; conductivities of tetrahedra follow by `parent`, as regions do
    (`regions.mask(fine, np.isin(fine.parent, region.elements))`), and each tissue keeps its volume:

    >>> import headfield as hf
    >>> head = hf.phantom_head(edge_mm=8)
    >>> fine = hf.refine(head, hf.regions.sphere(head, [-40, -8, 50], radius_mm=10), edge_mm=2.5)
    >>> head.n_tets, fine.n_tets
    (81920, 110685)
    >>> sigma = np.array([0, 0.126, 0.275, 1.654, 0.01, 0.465])[head.tags]
    >>> model = hf.HeadModel(fine, conductivity=sigma[fine.parent])
    >>> tissues = [np.bincount(some.tags, some.volumes_mm3()) for some in (head, fine)]
    >>> np.allclose(*tissues, rtol=1e-12)
    True
    """
    check_mesh(mesh)
    chosen, longest = _asked(mesh, where, edge_mm)
    raw, parent = FullMesh.of(mesh), np.arange(mesh.n_tets, dtype=np.int32)
    while True:
        edges = Edges.of_tets(raw.tets, len(raw.nodes_mm))
        marked = np.zeros(len(edges.ends), bool)
        if longest is None:
            marked[edges.of[chosen]] = True
        else:
            here = np.flatnonzero(np.isfinite(longest)[parent])
            of = edges.of[here]
            marked[of[edges.lengths_mm(raw.nodes_mm)[of] > longest[parent[here], None]]] = True
        if not marked.any():
            break
        # Each edge that is halved cuts every tetrahedron around it, so that there are more by one at least.
        _check_size(len(raw.tets) + int(marked[edges.of].sum()))
        raw, latest = halved(raw, edges, marked, parent)
        parent = parent[latest]
        if longest is None:
            break
    return _made(mesh, raw, parent)


def _made(mesh: TetMesh, raw: FullMesh, parent: NDArray[np.int32]) -> TetMesh:
    fine = TetMesh(**raw.arguments())
    fine.parent = frozen(parent)
    fine.is_part, fine.from_file = mesh.is_part, mesh.from_file
    return fine


def _asked(
    mesh: TetMesh, where: Region | ArrayLike | None, edge_mm: float | None
) -> tuple[NDArray[np.int32], NDArray[np.float64] | None]:
    """Return the tetrahedra (p,) to refine, and how long edges may be in all (m,); None for halves."""
    if where is not None and not isinstance(where, Region):
        where = plain_array(where, "where", RegionError)
        if where.dtype.kind == "f" and where.size:
            if edge_mm is not None:
                raise ArgumentError("edge_mm: where= says already how long edges may be")
            longest = _lengths(mesh, where)
            _check_possible(mesh, longest)
            return np.flatnonzero(np.isfinite(longest)).astype(np.int32), longest
    chosen = _chosen(mesh, where)
    if edge_mm is None:
        return chosen, None
    longest = np.full(mesh.n_tets, np.inf)
    longest[chosen] = positive(edge_mm, "edge_mm", ArgumentError)
    _check_possible(mesh, longest)
    return chosen, longest


def _chosen(mesh: TetMesh, where: Region | ArrayLike | None) -> NDArray[np.int32]:
    """Return indices of tetrahedra, ascending; points count as the tetrahedra that they lie in."""
    if where is None:
        return np.arange(mesh.n_tets, dtype=np.int32)
    if not isinstance(where, Region):
        return mask(mesh, where).elements
    if not same_mesh(where.mesh, mesh):
        raise RegionError(f"the region is of another mesh, {where.mesh!r}, not of {mesh!r}")
    if not len(where):
        raise RegionError("the region is empty: there is nothing to refine")
    return np.unique(where.elements)


def _lengths(mesh: TetMesh, where: NDArray[np.floating]) -> NDArray[np.float64]:
    if where.shape != (mesh.n_tets,):
        raise ArgumentError(f"lengths of edges must have the shape ({mesh.n_tets},), not {where.shape}")
    bad = np.flatnonzero(~(where > 0))
    if len(bad):
        raise ArgumentError(
            f"lengths of edges must be above 0 mm: {len(bad):,} are not, the first is that of tetrahedron "
            f"{bad[0]}, {where[bad[0]]}"
        )
    return where.astype(np.float64)


def _check_possible(mesh: TetMesh, longest: NDArray[np.float64]) -> None:
    """Raise if tetrahedra without longer edges would be too many: the regular one is the largest of these."""
    with np.errstate(over="ignore", divide="ignore", under="ignore"):
        least = volumes(mesh.nodes_mm, mesh.tets) / (_REGULAR * longest**3)
    _check_size(float(np.maximum(least, 1.0).sum()))


def _check_size(least: float) -> None:
    """Raise if a mesh of at least so many tetrahedra can't be made."""
    free = free_memory()
    if least <= MOST_TETS and least * _BYTES <= free:
        return
    raise ArgumentError(
        f"such a fine mesh would have {least:.3g} tetrahedra or more; the most are {MOST_TETS:.3g}, "
        f"or as many as fit into the free memory, {free / _BYTES:.3g}: ask for longer "
        "edges, or in a smaller region"
    )
