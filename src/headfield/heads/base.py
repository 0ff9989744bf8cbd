# SPDX-License-Identifier: BSD-3-Clause
"""What a mesh holds: its arrays, the fields on it and the names of its tissues, and sizes read off them."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import tetrahedra

__all__ = ["MeshBase", "frozen"]


class MeshBase:
    """The read-only contents of a `TetMesh`, which says what they are and fills them in."""

    nodes_mm: NDArray[np.float64]
    tets: NDArray[np.int32]
    tags: NDArray[np.int32]
    triangles: NDArray[np.int32]
    triangle_tags: NDArray[np.int32]
    node_ids: NDArray[np.int64]
    element_ids: NDArray[np.int64] | None
    _element_data: dict[str, NDArray[np.float64]]
    _node_data: dict[str, NDArray[np.float64]]
    _triangle_data: dict[str, NDArray[np.float64]]
    _tag_names: dict[int, str]

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Take over what was pickled; arrays come back writable, and are closed again."""
        self.__dict__.update(state)
        fields = (self._element_data, self._node_data, self._triangle_data)
        for value in [*state.values(), *(array for some in fields for array in some.values())]:
            if isinstance(value, np.ndarray):
                frozen(value)

    @property
    def tag_names(self) -> Mapping[int, str]:
        """What the file calls the tissues, by tag, such as {2: "gray matter"}; empty if it has no names."""
        return MappingProxyType(self._tag_names)

    @property
    def element_data(self) -> Mapping[str, NDArray[np.float64]]:
        """Fields that came with the mesh, per tetrahedron: (m,) or (m, c), float64, NaN where none is given.

        Steps of a view of a .msh file are `NAME_0000`, `NAME_0001`, …; a view of one step is `NAME`.

        Examples
        --------
        >>> from headfield.heads.mesh import TetMesh
        >>> nodes = [[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]]
        >>> mesh = TetMesh(nodes, [[0, 1, 2, 3]], element_data={"magnE": [0.8]})
        >>> mesh.element_data["magnE"]
        array([0.8])
        """
        return MappingProxyType(self._element_data)

    @property
    def node_data(self) -> Mapping[str, NDArray[np.float64]]:
        """Fields that came with the mesh, per node: (n,) or (n, c), float64; see `element_data`."""
        return MappingProxyType(self._node_data)

    @property
    def triangle_data(self) -> Mapping[str, NDArray[np.float64]]:
        """Fields that came with the mesh, per triangle: (t,) or (t, c), float64; see `element_data`."""
        return MappingProxyType(self._triangle_data)

    @property
    def n_nodes(self) -> int:
        """Number of nodes."""
        return len(self.nodes_mm)

    @property
    def n_tets(self) -> int:
        """Number of tetrahedra."""
        return len(self.tets)

    def barycentres_mm(self) -> NDArray[np.float64]:
        """Return the mean of the four nodes of each tetrahedron, (m, 3), float64, mm."""
        return tetrahedra.barycentres(self.nodes_mm, self.tets)

    def volumes_mm3(self) -> NDArray[np.float64]:
        """Return the volume of each tetrahedron, (m,), float64, mm³; all positive."""
        return tetrahedra.volumes(self.nodes_mm, self.tets)


def frozen(array: NDArray[Any]) -> NDArray[Any]:
    """Close an array against writing, and return it."""
    array.flags.writeable = False
    return array
