# SPDX-License-Identifier: BSD-3-Clause
"""Adjoints of a model's head: what any coil does to sums of E over a region."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..coils.coil import Coil
from ..core.arguments import finite_array
from ..core.device import Device
from ..errors import RegionError
from ..fields.report import SolveReport
from ..heads.mesh import TetMesh
from ..placement.plausible import PlausiblePoses
from ..regions.region import Region, check_is_region
from .batches import Batches
from .drives.coil import CoilDrive
from .drives.functionals import Functionals
from .head import DeviceHead
from .options import SolveOptions
from .places import check_region

__all__ = ["Adjoint", "ReciprocalCurrents"]


class ReciprocalCurrents(NamedTuple):
    """Currents at the nodes of a head that stand for k functionals of E."""

    currents: NDArray[np.float32]  #: c (k, n, 3): each functional is Σ c · ∂A/∂t over the nodes
    report: SolveReport  #: on the adjoint solves


class Adjoint:
    """What `HeadModel` is built on: a head whose adjoint problems are solved as those of coils are."""

    mesh: TetMesh
    _head: DeviceHead

    _plausible: PlausiblePoses
    _drive: Callable[[Coil, ArrayLike, ArrayLike, float | str], CoilDrive]

    def doubt_poses(self, coil: Coil, poses: NDArray[np.float64]) -> None:
        """Warn of poses (k, 4, 4) that are not plausible, as a solve does."""
        self._plausible.warn_of(coil, poses)

    @property
    def computes_on(self) -> Device:
        """The device in use, with its native module."""
        return self._head.device

    def reciprocal_currents(
        self,
        roi: Region,
        weights: ArrayLike,
        *,
        tol: float = 1e-5,
        max_iterations: int = 200,
        batch: int | str = "auto",
    ) -> ReciprocalCurrents:
        """Solve the adjoints of k functionals J = Σ w · E, summed over a region, for all coils at once.

        By reciprocity J is Σ c · ∂A/∂t over the nodes of the head, whatever coil makes ∂A/∂t (Gomez et al.,
        NeuroImage 228:117696, 2021, doi 10.1016/j.neuroimage.2020.117696). E is that of linear elements with
        the model's mean of ∂A/∂t (see `primary`), and the identity holds to rounding and the residual.

        Parameters
        ----------
        roi : Region
        weights : array_like (k, p, 3)
            w of each tetrahedron or point of the region: of the mean of a component, its direction times the
            share of the region's weights.
        tol, max_iterations, batch
            See `HeadModel.solve`.

        Returns
        -------
        ReciprocalCurrents

        Raises
        ------
        RegionError, ArgumentError, ConvergenceError, DeviceError

        Examples
        --------
        The mean of E along y in a ball of gray matter, from currents and from a solution:

        >>> import headfield as hf
        >>> head = hf.phantom_head(edge_mm=8)
        >>> model, coil = hf.HeadModel(head), hf.figure_of_eight()
        >>> roi = hf.regions.sphere(head, [-40, -8, 50], 15, 2)
        >>> share = roi.weights / roi.weights.sum()
        >>> currents, _ = model.reciprocal_currents(roi, share[None, :, None] * [0.0, 1.0, 0.0])
        >>> pose = model.place(coil, [-46, -8, 70], [-46, 42, 70])
        >>> rates = 1e6 * coil.vector_potential(head.nodes_mm, pose)
        >>> mean = share @ model.solve(coil, pose, 1e6, roi=roi, primary_error=0).E[0, :, 1]
        >>> bool(abs((currents[0] * rates).sum() - mean) < 1e-4 * abs(mean))
        True
        """
        check_is_region(roi)
        check_region(self.mesh, roi)
        rows = finite_array(weights, "weights", RegionError)
        if rows.ndim != 3 or rows.shape[1:] != (len(roi), 3) or not len(rows):
            raise RegionError(f"weights must have the shape (k, {len(roi)}, 3), not {rows.shape}")
        elements, place = np.unique(roi.elements, return_inverse=True)
        if len(elements) < len(place) or not np.array_equal(elements, roi.elements):
            summed = np.zeros((len(rows), len(elements), 3))
            for total, row in zip(summed, rows, strict=True):
                np.add.at(total, place, row)
            rows = summed
        drive = Functionals(elements, rows)
        options = SolveOptions(elements=elements, tol=tol, max_iterations=max_iterations, batch=batch)
        return ReciprocalCurrents(*Batches(self.mesh, self._head, drive, options).currents())

    def primary_sums(
        self,
        currents: ArrayLike,
        coil: Coil,
        poses: ArrayLike,
        didt: ArrayLike = 1e6,
        *,
        primary_error: float | str = 1e-3,
    ) -> NDArray[np.float64]:
        """Sum c · ∂A/∂t of a coil over the nodes: functionals of E by `reciprocal_currents`, without a solve.

        This takes a pass over the head for each pose. `ReciprocalField` takes one over the sources of the
        coil, which have to be known: those of a coil that comes as samples of A are not.

        Parameters
        ----------
        currents : array_like (f, n, 3)
        coil, poses, didt, primary_error
            See `HeadModel.solve`.

        Returns
        -------
        ndarray (k, f) float64

        Raises
        ------
        RegionError
            Currents of another shape.
        CoilError, PoseError, ArgumentError, DeviceError
        """
        c = finite_array(currents, "currents", RegionError)
        if c.ndim != 3 or c.shape[1:] != (self.mesh.n_nodes, 3):
            raise RegionError(f"currents must have the shape (f, {self.mesh.n_nodes}, 3), not {c.shape}")
        drive = self._drive(coil, poses, didt, primary_error)
        options = SolveOptions(elements=np.zeros(1, np.int32))
        return Batches(self.mesh, self._head, drive, options).primary_sums(c.astype(np.float32))
