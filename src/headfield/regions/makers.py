# SPDX-License-Identifier: BSD-3-Clause
"""Make regions of tissues, spheres, masks, nodes, points and surfaces."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from ..core.arguments import finite_array, not_negative, plain_array, positive, vectors, whole_numbers
from ..core.docs import fill_doc
from ..core.messages import plural, point, warn
from ..errors import MeshError, RegionError
from ..geometry.surface import Surface
from ..heads.location import Located, locate
from ..heads.mesh import TetMesh
from ..heads.selection import barycentres, check_mesh, is_mask_of_numbers, tets_of
from ..heads.tissue_words import Tissues, tags_of
from .region import Region, surface_region

__all__ = ["mask", "nodes", "points", "sphere", "surface", "tissue"]

_IN_METRES = 1.0  # mm: several points within less than this are likely to be in metres
_ROUNDING_MM = 1e-9  # a point that is off by less counts as on the mesh


def tissue(mesh: TetMesh, tags: Tissues) -> Region:
    """Make the region of all tetrahedra of some tissues.

    Parameters
    ----------
    mesh : TetMesh
    tags : int, str, or sequence of them
        By tag, 1 is white matter and 2 gray matter, or by name, see `headfield.heads.tissue_words`.

    Returns
    -------
    Region

    Raises
    ------
    RegionError
        Tags that no tetrahedron has, that are not whole numbers, or names that no tissue has.

    Examples
    --------
    >>> from headfield import phantom_head, regions
    >>> regions.tissue(phantom_head(edge_mm=8), [1, 2])
    <Region of 43,940 tetrahedra, 1,268,563 mm³>
    >>> regions.tissue(phantom_head(edge_mm=8), "gray matter")
    <Region of 9,380 tetrahedra, 249,950 mm³>
    """
    check_mesh(mesh)
    return Region(mesh, tets_of(mesh, tags_of(mesh, tags)))


@fill_doc
def sphere(mesh: TetMesh, centre_mm: ArrayLike, radius_mm: float, tags: Tissues | None = None) -> Region:
    """Make the region of the tetrahedra whose barycentre lies in a sphere.

    Parameters
    ----------
    mesh : TetMesh
    centre_mm : array_like (3,)
    radius_mm : float
        Above 0.
    %(only_tags)s

    Returns
    -------
    Region

    Raises
    ------
    RegionError
        No barycentre in the sphere; the message says how far the nearest is. Arguments of another kind.

    Examples
    --------
    >>> from headfield import phantom_head, regions
    >>> regions.sphere(phantom_head(edge_mm=8), [-40, -8, 50], radius_mm=10, tags=2)
    <Region of 49 tetrahedra, 1,242 mm³>

    Around a point in MNI space, in the head of a subject: `regions.sphere(subject.mesh(),
    subject.mni_to_subject([-37, -21, 58]), radius_mm=10, tags=2)`.
    """
    chosen = tets_of(mesh, tags)
    centre = finite_array(centre_mm, "centre_mm", RegionError)
    if centre.shape != (3,):
        raise RegionError(f"centre_mm must have the shape (3,), not {centre.shape}")
    radius = positive(radius_mm, "radius_mm", RegionError)
    distance = np.linalg.norm(barycentres(mesh, chosen) - centre, axis=1)
    inside = chosen[distance <= radius]
    if not len(inside):
        raise RegionError(
            f"no barycentre{_of(mesh, tags)} lies within {radius:g} mm of {point(centre)}: the nearest is "
            f"{distance.min():.4g} mm away"
        )
    return Region(mesh, inside)


def mask(mesh: TetMesh, chosen: ArrayLike) -> Region:
    """Make the region of chosen tetrahedra.

    Parameters
    ----------
    mesh : TetMesh
    chosen : array_like (m,) bool, or (p,) int
        A mask of all tetrahedra, or indices in any order; at least one tetrahedron.

    Returns
    -------
    Region

    Raises
    ------
    RegionError
        No tetrahedron, a mask of another length, indices outside 0 … n_tets−1.

    Examples
    --------
    >>> from headfield import phantom_head, regions
    >>> head = phantom_head(edge_mm=8)
    >>> regions.mask(head, (head.tags == 2) & (head.barycentres_mm()[:, 2] > 60))
    <Region of 440 tetrahedra, 12,660 mm³>
    >>> regions.mask(head, [7, 3, 7]).elements.tolist()
    [3, 7]
    """
    check_mesh(mesh)
    array = plain_array(chosen, "a mask or indices", RegionError)
    if array.dtype == bool:
        if array.shape != (mesh.n_tets,):
            raise RegionError(f"a mask must have the shape ({mesh.n_tets},), not {array.shape}")
        array = np.flatnonzero(array)
        if not len(array):
            raise RegionError("the mask holds no tetrahedron")
    elif is_mask_of_numbers(array, mesh.n_tets):
        raise RegionError("a mask must be bool: 0 and 1 would be read as indices")
    return Region(mesh, whole_numbers(array, "indices of tetrahedra", RegionError))


@fill_doc
def points(mesh: TetMesh, points_mm: ArrayLike, tags: Tissues | None = None, reach_mm: float = 0.0) -> Region:
    """Make the region of loose points, in their order.

    Parameters
    ----------
    mesh : TetMesh
    points_mm : array_like (p, 3) or (3,)
        mm. On a face between two tetrahedra, a point belongs to the one with the lower index.
    %(only_tags)s
    %(reach_mm)s

    Returns
    -------
    Region
        `centres_mm` are the points where they lie after that.

    Raises
    ------
    RegionError
        Points that are farther away; the message says how many and how far. Arguments of another kind.

    Examples
    --------
    >>> from headfield import phantom_head, regions
    >>> head = phantom_head(edge_mm=8)
    >>> target = regions.points(head, [[-40, -8, 50], [-38, -8, 50]])
    >>> target, target.centres_mm.round(6).tolist()
    (<Region of 2 points>, [[-40.0, -8.0, 50.0], [-38.0, -8.0, 50.0]])
    >>> regions.points(head, [-40, -8, 50])
    <Region of 1 point>
    """
    check_mesh(mesh)
    given = finite_array(points_mm, "points_mm", RegionError)
    at = _located(mesh, given[None] if given.shape == (3,) else given, tags, reach_mm)
    return Region(mesh, at.element, at.barycentric)


def nodes(mesh: TetMesh, tags: Tissues | None = None) -> Region:
    """Make the region of the nodes of some tissues, with the E of these tissues: it jumps between tissues.

    Parameters
    ----------
    mesh : TetMesh
    tags : int or array_like of int, optional
        By default all. Where several of them meet at a node, E is that of the first tetrahedron around it.

    Returns
    -------
    Region
        Its points are the nodes, in their order.

    Raises
    ------
    RegionError
        A tag that does not occur.

    Examples
    --------
    >>> from headfield import regions, sphere_mesh
    >>> ball = sphere_mesh([80, 92], [1, 5], edge_mm=20)
    >>> scalp = regions.nodes(ball, 5)
    >>> scalp, float(np.linalg.norm(scalp.centres_mm, axis=1).min().round(6))
    (<Region of 614 points>, 80.0)
    """
    chosen = tets_of(mesh, tags)
    _, first = np.unique(mesh.tets[chosen], return_index=True)
    return Region(mesh, chosen[first // 4], np.eye(4)[first % 4])


@fill_doc
def surface(
    mesh: TetMesh,
    nodes_mm: ArrayLike,
    faces: ArrayLike,
    tags: Tissues | None = None,
    reach_mm: float = 2.0,
) -> Region:
    """Make the region of the nodes of a triangle surface inside the head, in their order.

    Parameters
    ----------
    mesh : TetMesh
    nodes_mm : array_like (p, 3)
        In the frame of the mesh, mm.
    faces : array_like (f, 3) int
        Triangles as node indices, wound outward.
    %(only_tags)s
    %(reach_mm)s

    Returns
    -------
    Region
        `weights` are a third of the area of the triangles around each node, mm², and `normals` their mean
        normals weighted by area, both of the surface as it was given.

    Raises
    ------
    RegionError
        Nodes that are farther away; the message says how many and how far. Nodes without a normal. Faces
        that don't fit the nodes. A closed surface that is wound inward.

    Examples
    --------
    >>> from headfield import phantom_head, regions
    >>> head = phantom_head(edge_mm=8)
    >>> cortex = regions.surface(head, head.nodes_mm[:4], [[0, 2, 1], [0, 1, 3], [1, 2, 3], [2, 0, 3]])
    >>> len(cortex), cortex.unit, cortex.faces.shape
    (4, 'mm²', (4, 3))
    """
    check_mesh(mesh)
    nodes = vectors(nodes_mm, "nodes_mm", RegionError)
    try:
        given = Surface(nodes, faces)
    except MeshError as problem:
        raise RegionError(str(problem)) from None
    if len(given.nodes_mm) < len(nodes):
        unused = plural(len(nodes) - len(given.nodes_mm), "node is", "nodes are")
        raise RegionError(f"{unused} in no triangle of the surface")
    if given.is_wound_inward:
        raise RegionError("the surface is closed and its triangles are wound inward: reverse its faces")
    at = _located(mesh, nodes, tags, reach_mm)
    return surface_region(mesh, at.element, at.barycentric, nodes, given.faces)


def _located(mesh: TetMesh, points_mm: ArrayLike, tags: Tissues | None, reach_mm: float) -> Located:
    """Locate points as `locate` does; raise an error if there are none, or if some are beyond reach."""
    reach = not_negative(reach_mm, "reach_mm", RegionError)
    xyz = vectors(points_mm, "points_mm", RegionError)
    if not len(xyz):
        raise RegionError("there are no points")
    span = np.ptp(xyz, axis=0).max()
    if len(xyz) > 2 and span < _IN_METRES:
        warn(f"{len(xyz):,} points span {span:.2g} mm: are they in metres?")
    at = locate(mesh, xyz, tags)
    far = np.flatnonzero(at.distance_mm > reach + _ROUNDING_MM)
    if len(far):
        worst = int(at.distance_mm.argmax())
        where = ("the mesh" if tags is None else "the tetrahedra") + _of(mesh, tags)
        beyond = f" by more than reach_mm = {reach:g} mm" if reach else ""
        raise RegionError(
            f"of {plural(len(xyz), 'point', 'points')} {len(far):,} {'lies' if len(far) == 1 else 'lie'} "
            f"outside of {where}{beyond}; the farthest is point {worst} at {point(xyz[worst])}, "
            f"{at.distance_mm[worst]:.4g} mm away (those up to reach_mm= away are moved to the nearest there)"
        )
    return at


def _of(mesh: TetMesh, tags: Tissues | None) -> str:
    return "" if tags is None else f" of the tissues {tags_of(mesh, tags)}"
