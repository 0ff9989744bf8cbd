# SPDX-License-Identifier: BSD-3-Clause
"""The reciprocal field of functionals of E: outside the head, where the sources of coils go."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..core.arguments import vectors
from ..core.device import cpu, using_threads
from ..core.messages import plural
from ..errors import PoseError
from ..fields.report import SolveReport
from ..heads.mesh import TetMesh
from ..regions.region import Region
from ..solve.model import HeadModel

__all__ = ["ReciprocalField"]

Floats = NDArray[np.float64]

_MOST_IN_TREE = 64  # functionals


class ReciprocalField:
    """The field of the currents that stand for k functionals of E in a head.

    A functional of the E that a coil makes is dI/dt times Σ m · B(x) over its dipoles m at x, plus
    Σ dl · A(x) over its pieces of wire, B and A being this field (Gomez et al., NeuroImage 228:117696, 2021,
    doi 10.1016/j.neuroimage.2020.117696). It knows neither the coil nor its pose.

    Parameters
    ----------
    model : HeadModel
    roi : Region
    weights : array_like (k, p, 3)
        See `HeadModel.reciprocal_currents`, which says too what is raised.
    tol : float
        Of the adjoint solves.

    Attributes
    ----------
    currents : ndarray (k, n, 3) float32
    report : SolveReport

    Examples
    --------
    >>> import headfield as hf
    >>> head = hf.phantom_head(edge_mm=8)
    >>> model, coil = hf.HeadModel(head), hf.figure_of_eight()
    >>> roi = hf.regions.sphere(head, [-40, -8, 50], 15, 2)
    >>> share = roi.weights / roi.weights.sum()
    >>> along_y = hf.ReciprocalField(model, roi, share[None, :, None] * [0.0, 1.0, 0.0])
    >>> pose = model.place(coil, [-46, -8, 70], [-46, 42, 70])
    >>> positions, moments = coil.placed(pose)
    >>> mean = 1e6 * (moments * along_y.magnetic_field(positions)[0]).sum()
    >>> solved = share @ model.solve(coil, pose, 1e6, roi=roi, primary_error=0).E[0, :, 1]
    >>> bool(abs(mean - solved) < 1e-4 * abs(solved))
    True
    """

    currents: NDArray[np.float32]
    report: SolveReport

    def __init__(self, model: HeadModel, roi: Region, weights: ArrayLike, *, tol: float = 1e-5) -> None:
        self.currents, self.report = model.reciprocal_currents(roi, weights, tol=tol)
        self._threads = model.threads
        self._mesh: TetMesh = model.mesh
        with using_threads(self._threads):
            nodes_m = 1e-3 * model.mesh.nodes_mm
            parts = np.array_split(self.currents, -(-len(self.currents) // _MOST_IN_TREE))
            self._trees = [cpu.CurrentTree(nodes_m, np.ascontiguousarray(part)) for part in parts]

    @property
    def nodes_mm(self) -> Floats:
        """Where the currents are (n, 3), mm: the nodes of the head."""
        return self._mesh.nodes_mm

    def __len__(self) -> int:
        return len(self.currents)

    def __repr__(self) -> str:
        return f"<ReciprocalField of {plural(len(self), 'functional', 'functionals')} in {self._mesh!r}>"

    def magnetic_field(self, points_mm: ArrayLike) -> NDArray[np.float32]:
        """Compute B of each functional at points (p, 3), mm, outside the head: (k, p, 3).

        Per unit of the functional: of one that is in V/m, V/m per A·m² of a dipole and A/s.

        Raises
        ------
        PoseError
            The points are not (p, 3) finite numbers.
        """
        return np.ascontiguousarray(np.swapaxes(self.sums(points_mm, wire=False), 0, 1))

    def vector_potential(self, points_mm: ArrayLike) -> NDArray[np.float32]:
        """Compute A of each functional at points (p, 3), mm: (k, p, 3), per m of wire and A/s.

        Raises
        ------
        PoseError
            The points are not (p, 3) finite numbers.
        """
        return np.ascontiguousarray(np.swapaxes(self.sums(points_mm, wire=True), 0, 1))

    def sums(self, points_mm: ArrayLike, *, wire: bool) -> NDArray[np.float32]:
        """Return A (p, k, 3) for pieces of wire, or B for dipoles."""
        points = 1e-3 * vectors(points_mm, "points_mm", PoseError)
        with using_threads(self._threads):
            sums = [
                tree.vector_potential(points) if wire else tree.magnetic_field(points) for tree in self._trees
            ]
        return sums[0] if len(sums) == 1 else np.concatenate(sums, axis=1)
