# SPDX-License-Identifier: BSD-3-Clause
"""Zoom: the field of a region on a part of the head that was refined until it is good enough."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any, NoReturn

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...coils.coil import Coil
from ...core.locks import cached_property
from ...errors import ArgumentError
from ...fields.field import Field
from ...heads.mesh import TetMesh
from ...pictures.refined import LevelErrors, RefinedScene, draw_refined, write_refined
from ...regions.region import Region
from ..batches import Batches
from ..drives.coil import CoilDrive
from ..options import SolveOptions
from ..record import recorder
from .adaptation import Adapted
from .head import ZoomHead
from .report import ZoomReport
from .sampling import Sampling, in_part, means
from .whole import Whole

__all__ = ["Zoom"]


class Zoom:
    """A region of a head at a higher resolution, ready for any coil and any number of poses.

    Made by `HeadModel.zoom`. Each pose is solved on the whole head first, and then again on a part of it: a
    refined mesh around the region with quadratic elements there, on whose rim the potential is that of the
    head. A pose gets the same bits in any batch and in any order.

    Attributes
    ----------
    region : Region
        Where E is given: in its tetrahedra, as means over them, or at its points.
    report : ZoomReport
        What the mesh was refined for, and what its levels were off by.

    Examples
    --------
    >>> import headfield as hf
    >>> head = hf.sphere_mesh(radii_mm=[80, 86, 92], tags=[2, 4, 5], edge_mm=12)
    >>> model, coil = hf.HeadModel(head), hf.figure_of_eight()
    >>> target = hf.regions.sphere(head, [0, 0, 70], radius_mm=15) & hf.regions.tissue(head, 2)
    >>> pose = model.place(coil, centre_mm=[0, 0, 92], handle_mm=[0, 50, 92])
    >>> zoom = model.zoom(target, coil, pose, error=0.03)
    >>> zoom.report.reached
    True
    >>> field = zoom.solve(coil, hf.ring(pose, [0, 45, 90]))
    >>> field.E.shape == (3, len(target), 3)
    True
    >>> [axes.get_title() for axes in zoom.plot().axes]
    ['the refined mesh, axial, z = 69 mm', 'error against unknowns, level by level']
    """

    def __init__(self, whole: Whole, region: Region, adapted: Adapted, report: ZoomReport) -> None:
        self.region, self.report = region, report
        self._whole, self._part = whole, adapted.level.part
        if region.barycentric is None:
            points = means(self._part, region.elements)
        else:
            points = in_part(self._part, whole.mesh, region.elements, region.barycentric)
        sampling = Sampling(adapted.level.operators, points)
        self._head = ZoomHead(whole.head, adapted, sampling, region.weights, whole.threads)
        self.n_unknowns = adapted.level.operators.size

    @cached_property
    def mesh(self) -> TetMesh:
        """The part of the head that is solved again, refined."""
        part, mesh = self._part, self._whole.mesh
        return TetMesh(part.nodes_mm, part.tets, mesh.tags[part.origin], tag_names=mesh.tag_names)

    @property
    def parent(self) -> NDArray[np.int32]:
        """The tetrahedron of the head that each of those of `mesh` lies in, (m,)."""
        return self._part.origin

    @property
    def quadratic(self) -> NDArray[np.bool_]:
        """Which tetrahedra of `mesh` touch the region, where the potential is quadratic, (m,)."""
        return self._part.touching

    def __repr__(self) -> str:
        return f"<Zoom on {self.region!r}: {self.report}>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a zoom is not pickled: pickle the model and the region, and make it again there")

    def solve(
        self,
        coil: Coil,
        poses: ArrayLike,
        didt: ArrayLike = 1e6,
        *,
        potential: ArrayLike | None = None,
        tol: float = 1e-5,
        max_iterations: int = 200,
        batch: int | str = "auto",
        primary_error: float | str = 1e-3,
        progress: Callable[[int, int], None] | None = None,
    ) -> Field:
        """Compute E of a coil at k poses in the region.

        Parameters
        ----------
        coil, poses, didt
            See `HeadModel.solve`.
        potential : array_like (k, n), optional
            First guess of the potential of these poses in the whole head, V: `Field.potential`. One that is
            solved to the tolerance already takes no iteration.
        tol, max_iterations, batch, primary_error, progress
            See `HeadModel.solve`; the tolerance holds for the head and for its part.

        Returns
        -------
        Field
            Its `report.discretisation_error` (k,) is the estimated error of its E, relative L2 over the
            region, per pose.

        Raises
        ------
        CoilError, PoseError, ArgumentError, ConvergenceError, DeviceError
            See `HeadModel.solve`.
        """
        options = self._options(tol, max_iterations, batch)
        drive = CoilDrive(self._whole.tables, coil, poses, didt, primary_error)
        return self._batches(drive, options).together(potential, progress, "potential")

    def iter_solve(
        self,
        coil: Coil,
        poses: ArrayLike,
        didt: ArrayLike = 1e6,
        *,
        tol: float = 1e-5,
        max_iterations: int = 200,
        batch: int | str = "auto",
        primary_error: float | str = 1e-3,
        strict: bool = True,
        first: int = 0,
    ) -> Iterator[Field]:
        """Compute the fields of any number of poses, one batch at a time: see `HeadModel.iter_solve`.

        Yields
        ------
        Field
            Of up to `batch` poses, in order.

        Raises
        ------
        CoilError, PoseError, ArgumentError, ConvergenceError, DeviceError
        """
        options = self._options(tol, max_iterations, batch, strict)
        drive = CoilDrive(self._whole.tables, coil, poses, didt, primary_error, first)
        return self._batches(drive, options).one_by_one()

    def scene(self) -> RefinedScene:
        """What pictures of the refined mesh and of its levels show.

        What quadratic elements were off by on the first level, e₀² = d² + e₁², follows from the change d to
        the second, and what that is off by, e₁.
        """
        levels = self.report.levels
        errors = [level.error for level in levels]
        if errors[0] is None and len(levels) > 1 and errors[1] is not None:
            errors[0] = float(np.hypot(levels[1].change or 0.0, errors[1]))
        return RefinedScene(
            self.mesh,
            self._part.core,
            self._part.touching,
            self._part.rim,
            [LevelErrors(one.unknowns, e, one.linear_error) for one, e in zip(levels, errors, strict=True)],
            self.report.asked,
            self.report.discretisation_error,
        )

    def plot(self) -> Any:
        """Draw a slice of the refined mesh through the region, and error against unknowns, level by level.

        Returns
        -------
        matplotlib.figure.Figure
            It is not registered with pyplot; a notebook shows it, `savefig` writes it. The slice shows
            tissues in colours, edges of elements, the region, and the rim.

        Raises
        ------
        MissingPackageError
            matplotlib is missing.
        """
        return draw_refined(self.scene())

    def write_picture(self, path: str | os.PathLike[str]) -> None:
        """Write the figure of `plot`.

        Parameters
        ----------
        path : path
            `.png`, `.pdf` or `.svg`; the file appears whole or not at all.

        Raises
        ------
        MissingPackageError
            matplotlib is missing.
        FileFormatError
            Another ending.
        OSError
            The file can't be written.
        """
        write_refined(self.scene(), path)

    def _options(self, tol: Any, max_iterations: int, batch: int | str, strict: bool = True) -> SolveOptions:
        if isinstance(tol, str):  # "auto" follows from what linear elements are off by
            raise ArgumentError(f"tol must be a number in a zoom, whose elements are not linear, not {tol!r}")
        limits: dict[str, Any] = {"tol": tol, "max_iterations": max_iterations}
        return SolveOptions(roi=self.region, batch=batch, strict=strict, **limits)

    def _batches(self, drive: CoilDrive, options: SolveOptions) -> Batches:
        whole = self._whole
        report = self.report
        refined = {
            "error": report.asked,
            "margin_mm": report.margin_mm,
            "smooth": report.smooth,
            "unknowns": self.n_unknowns,
            "primary": whole.head.primary,
        }
        record = recorder(whole.mesh, whole.conductivity, drive, options, refined)
        batches = Batches(whole.mesh, self._head, drive, options, record)
        whole.warn_of(drive)
        return batches
