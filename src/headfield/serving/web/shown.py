# SPDX-License-Identifier: BSD-3-Clause
"""What a page shows of a region: points, triangles between them, and |E| at them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...core.device import cpu
from ...core.messages import plural
from ...errors import RegionError
from ...geometry.triangles import area_vectors_at_nodes, areas
from ...regions.region import Region

__all__ = ["MOST_POINTS", "Shown"]

#: More are refused: a frame of so many is 2 MB, which is 100 MB/s at 50 frames a second.
MOST_POINTS = 500_000
_UNKNOWN = np.float32(-1.0)


class Shown:
    """The surface of a region, and how |E| comes onto it.

    The nodes of a surface carry |E| as it is. Of whole tetrahedra the outer faces are shown, and each node
    has the mean, by area, of |E| in the tetrahedra under the faces around it, as in the pictures of a field.
    Loose points stay points.

    Parameters
    ----------
    region : Region

    Attributes
    ----------
    points_mm : ndarray (n, 3) float32
    normals : ndarray (n, 3) float32
        Outward, of length 1; (0, 3) where the points have none.
    faces : ndarray (f, 3) uint32
        (0, 3) of loose points.

    Raises
    ------
    RegionError
        The region is empty, or has more than 500,000 points to show.

    Examples
    --------
    >>> from headfield import phantom_head, regions
    >>> head = phantom_head(edge_mm=8)
    >>> ball = Shown(regions.sphere(head, [-40, -8, 50], radius_mm=15))
    >>> ball.faces.shape[1], ball.values(np.full(len(ball.region), 2.0)).max()
    (3, np.float32(2.0))
    """

    def __init__(self, region: Region) -> None:
        self.region = region
        if not len(region):
            raise RegionError("the region is empty: there is nothing to show")
        self._owner: NDArray[np.int32] | None = None
        if region.is_volume:
            points, normals, faces = self._skin()
        else:
            none = np.zeros((0, 3))
            points = region.centres_mm
            normals = none if region.normals is None else region.normals
            faces = none.astype(np.intp) if region.faces is None else region.faces.astype(np.intp)
        if len(points) > MOST_POINTS:
            raise RegionError(
                f"the region has {plural(len(points), 'point', 'points')} to show, and a page takes "
                f"{MOST_POINTS:,}: show a part, such as mid-layer:X,Y,Z,R or sphere:X,Y,Z,R"
            )
        self.points_mm = points.astype("<f4")
        self.normals = normals.astype("<f4")
        self.faces = faces.astype("<u4")

    @property
    def what(self) -> str:
        """What is shown, in words."""
        of = repr(self.region).removeprefix("<Region of ").removesuffix(">")
        if self.region.is_volume:
            return f"the outside of {of}"
        return f"a surface of {of}" if len(self.faces) else of

    def values(self, magnitude: NDArray[Any]) -> NDArray[np.float32]:
        """Return |E| at the points, (n,) float32, V/m; −1 where it is not finite.

        Parameters
        ----------
        magnitude : ndarray (p,)
            |E| in the tetrahedra or at the points of the region, V/m.

        Raises
        ------
        RegionError
            Another number of values.
        """
        values = np.asarray(magnitude)
        if values.shape != (len(self.region),):
            raise RegionError(f"|E| must have the shape ({len(self.region)},), not {values.shape}")
        if self._owner is not None:
            at_corners = np.repeat(values[self._owner] * self._areas, 3)
            values = np.bincount(self._corner, at_corners) / self._area_at_nodes
        return np.where(np.isfinite(values), values, _UNKNOWN).astype("<f4")

    def _skin(self) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.intp]]:
        """Return nodes, normals and triangles of the outer faces of whole tetrahedra."""
        mesh = self.region.mesh
        outer, self._owner = cpu.boundary_faces(mesh.tets[self.region.elements], mesh.n_nodes)
        used, corner = np.unique(outer, return_inverse=True)
        nodes, faces = mesh.nodes_mm[used], corner.reshape(-1, 3)
        self._corner, self._areas = faces.ravel(), areas(nodes[faces])
        self._area_at_nodes = np.bincount(self._corner, np.repeat(self._areas, 3))
        normals = area_vectors_at_nodes(nodes, faces)
        length = np.linalg.norm(normals, axis=1, keepdims=True)
        return nodes, normals / np.where(length > 0.0, length, 1.0), faces
