# SPDX-License-Identifier: BSD-3-Clause
"""Where in a mesh the field is wanted: everywhere, in some tetrahedra, or at points in them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import MeshError, RegionError
from ..heads.mesh import TetMesh
from ..heads.selection import is_mask_of_numbers, same_mesh
from ..regions.region import Region

__all__ = ["Places", "check_region"]


@dataclass(frozen=True)
class Places:
    """The tetrahedra of a mesh that E is wanted in, or the points in them.

    Attributes
    ----------
    elements : ndarray (e,) int32, read-only, or None
        None for all tetrahedra.
    barycentric : ndarray (e, 4) float64, or None
        Where in each of `elements` a point lies, if E is wanted at points.
    count : int
        How many vectors E has.
    """

    elements: NDArray[np.int32] | None
    barycentric: NDArray[np.float64] | None
    count: int

    @classmethod
    def chosen(cls, mesh: TetMesh, elements: Any, roi: Region | None) -> Places:
        """Return the places of a mesh that `elements` or a region names; all tetrahedra if neither does."""
        if roi is not None:
            check_region(mesh, roi)
            return cls(roi.elements, roi.barycentric, len(roi.elements))
        if elements is None:
            return cls(None, None, mesh.n_tets)
        indices = _check_elements(elements, mesh.n_tets)
        return cls(indices, None, len(indices))

    def results(self, k: int, recovered: bool) -> dict[str, tuple[tuple[int, ...], Any]]:
        """Return shapes and dtypes of what k fields leave in these places."""
        made: dict[str, tuple[tuple[int, ...], Any]] = {"E": ((k, self.count, 3), np.float32)}
        if recovered and self.barycentric is None:
            made["error"] = ((k, self.count), np.float32)
        return made


def check_region(mesh: TetMesh, roi: Region) -> None:
    """Raise RegionError for a region of another mesh, or one of nothing."""
    if not same_mesh(roi.mesh, mesh):
        raise RegionError(f"roi is a region of another mesh, {roi.mesh!r}; the model's is {mesh!r}")
    if not len(roi):
        raise RegionError("roi holds nothing")


def _check_elements(elements: NDArray[Any], m: int) -> NDArray[np.int32]:
    if elements.dtype == bool:
        if elements.shape != (m,):
            raise MeshError(f"elements: the mask has shape {elements.shape}, the mesh {m} tetrahedra")
        return _frozen(np.flatnonzero(elements).astype(np.int32))
    if elements.ndim != 1 or (elements.size and elements.dtype.kind not in "iu"):
        kind = f"{elements.dtype} {elements.shape}"
        raise MeshError(f"elements must be a mask ({m},) or indices (e,), not {kind}")
    if is_mask_of_numbers(elements, m):
        raise MeshError("elements: a mask must be bool: these are 0 and 1, which would be indices")
    if elements.size and not (elements.min() >= 0 and elements.max() < m):
        bad = np.flatnonzero((elements < 0) | (elements >= m))
        first = elements[bad[0]]
        raise MeshError(f"elements: {len(bad)} indices lie outside 0…{m - 1}; the first is {first}")
    return _frozen(elements.astype(np.int32, copy=False))  # the options hold a copy of the caller's already


def _frozen(elements: NDArray[np.int32]) -> NDArray[np.int32]:
    elements.flags.writeable = False
    return elements
