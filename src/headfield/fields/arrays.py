# SPDX-License-Identifier: BSD-3-Clause
"""What a field consists of, as NumPy arrays: files hold it, and a pickled field is made of it again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..heads.mesh import TetMesh
from ..regions.region import Region
from .report import SolveReport
from .run import Run
from .write import magnitude

__all__ = ["FieldArrays"]


@dataclass(frozen=True, eq=False, kw_only=True)
class FieldArrays:
    """The arrays of k poses; `Field.arrays` makes it.

    Attributes
    ----------
    mesh : TetMesh
    poses : ndarray (k, 4, 4) float64, or None
        Coil to head, mm; None of sources that are not coils.
    didt : ndarray (k,) or (k, s) float64, or None
        A/s.
    report : SolveReport
    E : ndarray (k, e, 3) float32
        V/m, in the tetrahedra `elements`, or at the points of `region`.
    local_error : ndarray (k, e) float32, or None
        V/m; None where E was not recovered, or is given at points.
    potential : ndarray (k, n) float64, or None
        V; None where only E was kept.
    elements : ndarray (e,) int32, or None
        None for all tetrahedra.
    region : Region or None
    recovery : str or None
    names : tuple of k str
        What the poses are called; empty where they have no names.
    run : Run or None
        What the field was computed from.
    """

    mesh: TetMesh
    poses: NDArray[np.float64] | None
    didt: NDArray[np.float64] | None
    report: SolveReport
    E: NDArray[np.float32]
    local_error: NDArray[np.float32] | None
    potential: NDArray[np.float64] | None
    elements: NDArray[np.int32] | None
    region: Region | None
    recovery: str | None
    names: tuple[str, ...] = ()
    run: Run | None = None

    def __len__(self) -> int:
        return len(self.E)

    @property
    def at_points(self) -> bool:
        """Whether E is given at the points of `region`, not in tetrahedra."""
        return self.region is not None and not self.region.is_volume

    def evaluated(self) -> dict[str, NDArray[np.float32]]:
        """What was computed from the potential: `E`, and `error` where E was recovered."""
        return {"E": self.E} | ({} if self.local_error is None else {"error": self.local_error})

    def in_elements(self, poses: slice) -> dict[str, NDArray[Any]]:
        """E, magnE and the local error of some poses, as files have them.

        They cover all tetrahedra, NaN outside `elements`; or the points, where E is given at points. A pose
        that did not converge is NaN.
        """
        made = self.rows(poses)
        made.pop("v", None)
        return {name: self._everywhere(values) for name, values in made.items()}

    def rows(self, poses: slice) -> dict[str, NDArray[Any]]:
        """E, magnE, the local error and v of some poses, as far as they are there, where they were computed.

        A pose that did not converge is NaN.
        """
        made: dict[str, NDArray[Any]] = {"E": self.E[poses]}
        made["magnE"] = np.stack([magnitude(e) for e in made["E"]])
        if self.local_error is not None:
            made["local_error"] = self.local_error[poses]
        if self.potential is not None:
            made["v"] = self.potential[poses]
        return {name: self._converged(values, poses) for name, values in made.items()}

    def at_nodes(self, poses: slice) -> dict[str, NDArray[Any]]:
        """The potential `v` of some poses, as files have it, if it was kept."""
        return {} if self.potential is None else {"v": self._converged(self.potential[poses], poses)}

    def _converged(self, values: NDArray[Any], poses: slice) -> NDArray[Any]:
        good = self.report.converged[poses]
        return values if good.all() else np.where(good.reshape(-1, *[1] * (values.ndim - 1)), values, np.nan)

    def _everywhere(self, values: NDArray[Any]) -> NDArray[Any]:
        if self.elements is None or self.at_points:
            return values
        everywhere = np.full((len(values), self.mesh.n_tets, *values.shape[2:]), np.nan, values.dtype)
        everywhere[:, self.elements] = values
        return everywhere
