# SPDX-License-Identifier: BSD-3-Clause
"""Which tissues of a mesh touch each other and the outside, node by node, and how large they are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...geometry.triangles import areas
from .. import tetrahedra
from ..formats.raw import MeshArrays

__all__ = ["Contacts", "contacts_of"]

Mask = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Contacts:
    """Tissues by the nodes they have: two that share nodes touch. Faces would tell the same and cost more.

    Attributes
    ----------
    nodes : dict of int to ndarray (n,) bool
        The nodes of each tag.
    height_mm : ndarray (n,) float64
        The third coordinate of the nodes, which points up in subject RAS.
    outside : ndarray (n,) bool
        The nodes of the outer surface of the head: without electrodes and air, if it has them.
    outer_share : dict of int to float
        The share of the outer surface, by area, under which a tag lies; those that have some.
    volumes_cm3 : dict of int to float
        The volume of each tag.
    """

    nodes: Mapping[int, Mask]
    height_mm: NDArray[np.float64]
    outside: Mask
    outer_share: Mapping[int, float]
    volumes_cm3: Mapping[int, float]

    @property
    def tags(self) -> list[int]:
        """The tags of the mesh, ascending."""
        return sorted(self.nodes)

    def of(self, tags: Iterable[int]) -> Mask:
        """Return the nodes that any of these tags has."""
        mask = np.zeros_like(self.outside)
        for tag in tags:
            if tag in self.nodes:
                mask |= self.nodes[tag]
        return mask

    def surface(self, tags: Iterable[int]) -> Mask:
        """Return the nodes where these tags, taken together, touch something else or the outside."""
        own = set(tags)
        return self.of(own) & (self.of(set(self.nodes) - own) | self.outside)

    def renumbered(self, mapping: Mapping[int, int]) -> Contacts:
        """Return the same contacts with other tags."""
        nodes: dict[int, Mask] = {}
        share: dict[int, float] = {}
        volumes: dict[int, float] = {}
        for tag in self.nodes:
            new = mapping.get(tag, tag)
            nodes[new] = nodes[new] | self.nodes[tag] if new in nodes else self.nodes[tag]
            volumes[new] = volumes.get(new, 0.0) + self.volumes_cm3[tag]
            if tag in self.outer_share:
                share[new] = share.get(new, 0.0) + self.outer_share[tag]
        return Contacts(nodes, self.height_mm, self.outside, share, volumes)


def contacts_of(
    mesh: MeshArrays,
    faces: NDArray[np.int32],
    under: NDArray[np.int32],
    volumes_mm3: NDArray[np.float64] | None = None,
) -> Contacts:
    """Return the contacts of the tissues of a mesh.

    Parameters
    ----------
    mesh : MeshArrays
    faces, under : ndarray (f, 3) int32 and (f,) int32
        Its outer faces, and the tetrahedron under each.
    volumes_mm3 : ndarray (m,) float64, optional
        The volumes of its tetrahedra, if they are at hand.

    Examples
    --------
    >>> from headfield.heads.phantom import sphere_mesh
    >>> ball = sphere_mesh([70, 80, 90], tags=[2, 3, 5], edge_mm=20)
    >>> contacts = contacts_of(ball, ball.boundary(), ball.surface_tets())
    >>> contacts.outer_share, bool((contacts.nodes[2] & contacts.nodes[5]).any())
    ({5: 1.0}, False)
    """
    volumes = tetrahedra.volumes(mesh.nodes_mm, mesh.tets) if volumes_mm3 is None else volumes_mm3
    nodes, cm3 = {}, {}
    for tag in np.unique(mesh.tags).tolist():
        chosen = np.flatnonzero(mesh.tags == tag)
        mask = np.zeros(mesh.n_nodes, bool)
        mask[mesh.tets.take(chosen, axis=0).ravel()] = True
        nodes[tag], cm3[tag] = mask, float(volumes[chosen].sum()) / 1000.0
    outside = np.zeros(mesh.n_nodes, bool)
    outside[faces.ravel()] = True
    tag_under, area = mesh.tags[under], areas(mesh.nodes_mm[faces])
    share = {tag: float(area[tag_under == tag].sum() / area.sum()) for tag in np.unique(tag_under).tolist()}
    return Contacts(nodes, mesh.nodes_mm[:, 2], outside, share, cm3)
