# SPDX-License-Identifier: BSD-3-Clause
"""Derivatives of measures of E in a model's head."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..coils.coil import Coil
from ..core.arguments import within
from ..errors import ArgumentError
from ..heads.mesh import TetMesh
from ..measures.measure import Measure, as_measure
from ..regions.region import Region
from .drives.coil import CoilDrive
from .gradients.gradient import Gradient, check_wrt
from .gradients.run import Reverse
from .head import DeviceHead
from .options import SolveOptions
from .places import check_region

__all__ = ["Differentiable"]


class Differentiable:
    """What `HeadModel` is built on: a head in which measures of E have derivatives."""

    mesh: TetMesh
    conductivity: NDArray[np.float64]
    _head: DeviceHead
    _warn_of: Callable[[CoilDrive], None]
    _drive: Callable[[Coil, ArrayLike, ArrayLike, float | str], CoilDrive]

    def gradient(
        self,
        measure: Measure | Region,
        coil: Coil,
        poses: ArrayLike,
        didt: ArrayLike = 1e6,
        wrt: str | Iterable[str] = ("pose",),
        *,
        tol: float = 1e-5,
        max_iterations: int = 200,
        batch: int | str = "auto",
        primary_error: float | str = 1e-3,
    ) -> Gradient:
        """Compute a measure of E at k poses, and its derivatives by where the coil is and what there is.

        One adjoint solve a pose gives the derivatives by everything at once (reverse mode; for components of
        E in closed form Gomez et al., NeuroImage 228:117696, 2021, doi 10.1016/j.neuroimage.2020.117696). A
        measure that is linear in E, such as the mean of a component, has one adjoint for all poses, and poses
        are not solved at all unless conductivities are asked for.

        Parameters
        ----------
        measure : Region or Measure
            What of E: a `Target`, `Targets`, `Percentile`, `Ratio`, a function of your own; a region stands
            for the mean of |E| there.
        coil, poses, didt, tol, max_iterations, batch, primary_error
            See `solve`. The derivatives by poses are those of the computed ∂A/∂t: of its interpolation in a
            table of the coil. With `primary_error` 0 and a `tol` of 1e-10 they agree with differences of
            solves to 1e-6.
        wrt : str or iterable of str
            "pose", "didt", "conductivity" (of tissues), "elements" (of tetrahedra, and entries of tensors),
            "dipoles", "wire", "deformation". The last three take a sum over all pairs of a node and a source
            for each pose.

        Returns
        -------
        Gradient

        Raises
        ------
        CoilError, PoseError, ArgumentError, RegionError
            Bad input, or a coil without what `wrt` names.
        MeasureError
            The measure is not finite, or has no derivative, at a pose: such as |E| where E is 0.
        ConvergenceError, DeviceError
            See `solve`.

        Examples
        --------
        How the mean of |E| in a ball changes where the coil moves 0.1 mm along its x:

        >>> import numpy as np
        >>> import headfield as hf
        >>> head = hf.phantom_head(edge_mm=8)
        >>> model, coil = hf.HeadModel(head), hf.figure_of_eight()
        >>> ball = hf.regions.sphere(head, [-40, -8, 50], 15, 2)
        >>> pose = model.place(coil, [-46, -8, 70], [-46, 42, 70])
        >>> found = model.gradient(ball, coil, pose, 50e6)
        >>> step = np.eye(4)
        >>> step[0, 3] = 0.1
        >>> moved = model.gradient(ball, coil, pose @ step, 50e6)
        >>> bool(abs(moved.values - found.values - 0.1 * found.pose[:, 0]) < 1e-3 * abs(found.pose[:, 0]))
        True
        """
        asked, what = check_wrt(wrt), as_measure(measure)
        within(tol, "tol", ArgumentError, 1e-13, 0.1)
        for region in what.regions:
            check_region(self.mesh, region)
        drive = self._drive(coil, poses, didt, primary_error)
        elements = np.unique(np.concatenate([region.elements for region in what.regions]))
        options = SolveOptions(elements=elements, tol=tol, max_iterations=max_iterations, batch=batch)
        run = Reverse(self.mesh, self.conductivity, self._head, drive, what, wrt=asked, options=options)
        self._warn_of(drive)
        return run.result()
