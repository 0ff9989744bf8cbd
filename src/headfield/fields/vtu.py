# SPDX-License-Identifier: BSD-3-Clause
"""Write VTK unstructured grids (.vtu), with the arrays as raw bytes behind the XML.

To compress the arrays and encode them as text, as meshio does, takes twenty times as long on a head of four
million tetrahedra.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any
from xml.sax.saxutils import quoteattr

import numpy as np
from numpy.typing import NDArray

from ..heads.mesh import TetMesh
from ..io.atomic import replacing

__all__ = ["write_vtu"]

_VTK_TETRA = 10


class _Arrays:
    """The arrays of a file, and how many bytes behind the XML they take."""

    def __init__(self) -> None:
        self.arrays: list[NDArray[Any]] = []
        self.offset = 0

    def element(self, name: str, array: NDArray[Any]) -> str:
        """Return the XML element of an array, which says where it will begin; keep the array for later."""
        kind = {"f": "Float", "i": "Int", "u": "UInt"}[array.dtype.kind] + str(8 * array.dtype.itemsize)
        components = f'NumberOfComponents="{array.shape[1]}" ' if array.ndim == 2 else ""
        text = (
            f'<DataArray type="{kind}" Name={quoteattr(name)} {components}'
            f'format="appended" offset="{self.offset}"/>\n'
        )
        self.arrays.append(array)
        self.offset += 8 + array.nbytes
        return text


def write_vtu(
    path: str | os.PathLike[str],
    mesh: TetMesh,
    element_data: Mapping[str, NDArray[Any]],
    node_data: Mapping[str, NDArray[Any]],
    comment: str = "",
) -> None:
    """Write the tetrahedra of a mesh, their tissue as `tags`, and fields.

    Parameters
    ----------
    path : path
        The file appears whole or not at all.
    mesh : TetMesh
    element_data : mapping of str to ndarray, (m,) or (m, 3)
    node_data : mapping of str to ndarray, (n,) or (n, 3)
    comment : str
        An XML comment, with the line end, that the file begins with.
    """
    kept = _Arrays()
    offsets = np.arange(4, 4 * mesh.n_tets + 1, 4, dtype=np.int64)
    kinds = np.full(mesh.n_tets, _VTK_TETRA, np.uint8)
    cells: dict[str, NDArray[Any]] = {"connectivity": mesh.tets.ravel(), "offsets": offsets, "types": kinds}
    groups: dict[str, Mapping[str, NDArray[Any]]] = {
        "Points": {"Points": mesh.nodes_mm},
        "Cells": cells,
        "PointData": node_data,
        "CellData": {"tags": mesh.tags, **element_data},
    }
    xml = (
        f'<?xml version="1.0"?>\n{comment}'
        '<VTKFile type="UnstructuredGrid" version="1.0" byte_order="LittleEndian" header_type="UInt64">\n'
        f'<UnstructuredGrid>\n<Piece NumberOfPoints="{mesh.n_nodes}" NumberOfCells="{mesh.n_tets}">\n'
    )
    for group, arrays in groups.items():
        content = "".join(kept.element(name, array) for name, array in arrays.items())
        xml += f"<{group}>\n{content}</{group}>\n"
    xml += '</Piece>\n</UnstructuredGrid>\n<AppendedData encoding="raw">\n_'
    with replacing(path) as temporary, open(temporary, "wb") as file:
        file.write(xml.encode("utf-8"))
        for array in kept.arrays:
            file.write(np.array(array.nbytes, "<u8").tobytes())
            little = np.ascontiguousarray(array, array.dtype.newbyteorder("<"))
            file.write(little.data)
        file.write(b"\n</AppendedData>\n</VTKFile>\n")
