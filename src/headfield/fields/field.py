# SPDX-License-Identifier: BSD-3-Clause
"""The result of a solve: the electric field of each pose, and a report of how it was reached."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any, Unpack

import numpy as np
from numpy.typing import NDArray

from ..coils.coil import Coil
from ..core.arguments import is_whole
from ..core.device import is_on_gpu, on_host
from ..core.locks import Lock, cached_property
from ..core.messages import plural
from ..errors import ArgumentError, HeadfieldError, PoseError
from ..heads.mesh import TetMesh
from ..pictures.figure import draw_scene, write_cortex
from ..pictures.look import Look
from ..pictures.scene import Scene
from ..regions.region import Region
from .arrays import FieldArrays
from .images import Like
from .report import SolveReport
from .run import Run
from .save import save_field
from .write import magnitudes

__all__ = ["Field", "SolveReport"]

Evaluated = dict[str, NDArray[np.float32]]


class Field:
    """The electric field of k coil poses, or other sources, in a head.

    Made by `HeadModel.solve`, `iter_solve` and `solve_sources`. E is computed from the potential when it is
    first asked for, and kept; from then on the field no longer needs the model that solved it. E, magnitude
    and potential are CuPy arrays if the poses were one.

    Fields can be pickled and copied: E is computed first, and the copy has NumPy arrays.

    Attributes
    ----------
    mesh : TetMesh
    poses : ndarray (k, 4, 4) float64, or None
        Coil to head, mm; None for sources that are not coils.
    didt : ndarray (k,) float64, or None; (k, s) for a coil with s > 1 stimulators
        A/s.
    elements : ndarray (e,) int32 or None
        Tetrahedra that E is given in; None for all m.
    region : Region or None
        The `roi` that was asked for. Where it has points, E is given at them, and `elements` says which
        tetrahedron each lies in.
    recovery : str or None
    report : SolveReport
    names : tuple of k str
        What the poses are called, such as markers of a navigation file; empty unless `label` was told.
    """

    def __init__(
        self,
        mesh: TetMesh,
        poses: NDArray[np.float64] | None,
        didt: NDArray[np.float64] | None,
        report: SolveReport,
        *,
        potential: NDArray[np.float64] | None = None,
        elements: NDArray[np.int32] | None = None,
        region: Region | None = None,
        recovery: str | None = None,
        names: Sequence[str] = (),
        run: Run | Callable[[], Run] | None = None,
        evaluate: Callable[[], Evaluated],
    ) -> None:
        for array in (poses, didt, potential, elements):
            if isinstance(array, np.ndarray):  # E is computed from these later; CuPy's can't be closed
                array.setflags(write=False)
        self.mesh = mesh
        self.poses = poses
        self.didt = didt
        self.report = report
        self.elements = elements
        self.region, self.recovery = region, recovery
        self._potential = potential
        self._values: Evaluated | None = None
        self.names: tuple[str, ...] = tuple(names)
        self._run = run
        self._lock = Lock("E is computed")
        self._evaluate: Callable[[], Evaluated] | None = evaluate
        if potential is None:  # nothing is left to compute: don't keep the model alive for it
            self._evaluated()

    @classmethod
    def of_arrays(cls, arrays: FieldArrays) -> Field:
        """Make the field whose `arrays()` these are."""
        return cls(
            arrays.mesh,
            arrays.poses,
            arrays.didt,
            arrays.report,
            potential=arrays.potential,
            elements=arrays.elements,
            region=arrays.region,
            recovery=arrays.recovery,
            names=arrays.names,
            run=arrays.run,
            evaluate=arrays.evaluated,
        )

    def __reduce__(self) -> tuple[Callable[[FieldArrays], Field], tuple[FieldArrays]]:
        return type(self).of_arrays, (self.arrays(),)

    def __len__(self) -> int:
        return len(self.report.iterations)

    def __repr__(self) -> str:
        count = self.mesh.n_tets if self.elements is None else len(self.elements)
        places = ("point", "points") if self.at_points else ("tetrahedron", "tetrahedra")
        none = int((~self.report.converged).sum())
        bad = f", {none} not converged" if none else ""
        of = ("source", "sources") if self.poses is None else ("pose", "poses")
        return f"<Field of {plural(len(self), *of)} in {plural(count, *places)} on {self.report.device}{bad}>"

    @property
    def at_points(self) -> bool:
        """Whether E is given at the points of `region`, not in tetrahedra."""
        return self.region is not None and not self.region.is_volume

    def _evaluated(self) -> Evaluated:
        """E and its error, computed when first asked for, once even if several threads ask."""
        if self._values is None:
            with self._lock.held():
                if self._evaluate is not None:
                    self._values = self._evaluate()
                    self._evaluate = None
        assert self._values is not None
        return self._values

    @property
    def E(self) -> NDArray[np.float32]:
        """Electric field, (k, m, 3) or (k, e, 3) float32, V/m, one vector per tetrahedron or point."""
        return self._evaluated()["E"]

    @property
    def local_error(self) -> NDArray[np.float32]:
        """Estimated error of the E of linear elements in each tetrahedron, (k, m) or (k, e) float32, V/m.

        The root mean square over the tetrahedron of what recovery changed (Zienkiewicz and Zhu 1987). The
        field's own E is the recovered one, which is nearer to the truth: this is no error of it.

        Raises
        ------
        HeadfieldError
            The field was solved without `recovery`, or at points.
        """
        error = self._evaluated().get("error")
        if error is None:
            raise HeadfieldError(
                "the local error is known where E was recovered in whole tetrahedra: "
                "HeadModel.solve(…, recovery='interface')"
            )
        return error

    @cached_property
    def magnitude(self) -> NDArray[np.float32]:
        """|E|, (k, m) or (k, e) float32, V/m."""
        found: NDArray[np.float32] = magnitudes(self.E)
        return found

    @property
    def potential(self) -> NDArray[np.float64]:
        """Electric potential φ at the nodes, (k, n) float64, V; zero at one node.

        Raises
        ------
        HeadfieldError
            The field was solved for chosen `elements` or a `roi`, which leaves the potential behind.
        """
        if self._potential is None:
            raise HeadfieldError("the potential is not kept when `elements` or `roi` is given; solve without")
        return self._potential

    def on_host(self) -> Field:
        """The same field as NumPy arrays; itself if it is that already."""
        if not is_on_gpu(self.E if self._potential is None else self._potential):  # E may not be there yet
            return self
        return Field(
            self.mesh,
            self.poses,
            self.didt,
            self.report,
            potential=on_host(self._potential),
            elements=self.elements,
            region=self.region,
            recovery=self.recovery,
            names=self.names,
            run=self._run,
            evaluate=lambda: {name: on_host(values) for name, values in self._evaluated().items()},
        )

    def arrays(self) -> FieldArrays:
        """What the field consists of, as NumPy arrays; computes E if that was not done yet."""
        evaluated = {name: on_host(values) for name, values in self._evaluated().items()}
        return FieldArrays(
            mesh=self.mesh,
            poses=self.poses,
            didt=self.didt,
            report=self.report,
            E=evaluated["E"],
            local_error=evaluated.get("error"),
            potential=on_host(self._potential),
            elements=self.elements,
            region=self.region,
            recovery=self.recovery,
            names=self.names,
            run=self.provenance,
        )

    def label(self, names: Sequence[str], run: Run | None = None) -> None:
        """Say what the poses are called, for the files that the field is saved to.

        Parameters
        ----------
        names : sequence of k str, or empty
        run : Run, optional
            What the field is a part of, if it is more than this field by itself.

        Raises
        ------
        ArgumentError
            Not one text for each pose.

        Examples
        --------
        >>> import headfield as hf
        >>> model = hf.HeadModel(hf.sphere_mesh(radii_mm=[80, 86, 92], tags=[2, 4, 5], edge_mm=20))
        >>> coil = hf.circular_coil()
        >>> field = model.solve(coil, model.place(coil, [0, 0, 92], [0, 50, 92]))
        >>> field.label(["vertex"])
        >>> field.names
        ('vertex',)
        """
        if isinstance(names, str) or not all(isinstance(name, str) for name in names):
            raise ArgumentError("names must be texts, one for each pose")
        if len(names) not in (0, len(self)):
            raise ArgumentError(f"{len(names)} names for {len(self)} poses")
        self.names, self._run = tuple(names), run or self._run

    @property
    def provenance(self) -> Run | None:
        """What the field was computed from: version, settings, hashes of head, conductivity, coil and poses.

        None of a field that no model solved. The hashes are made when they are first asked for.
        """
        if callable(self._run):
            self._run = self._run()
        return self._run

    def save(
        self,
        path: str | os.PathLike[str],
        *,
        pose: int | None = None,
        quantity: str | None = None,
        like: Like | None = None,
        spacing_mm: float | None = None,
        surface: str | os.PathLike[str] | Region | None = None,
    ) -> None:
        """Write the field to a file, whole or not at all.

        Parameters
        ----------
        path : path
            `.msh` (Gmsh, SimNIBS; pose k is time step k), `.vtu` (ParaView; an array per pose) or `.h5`
            (needs h5py): E, magnE, the local error if E was recovered, and the potential. Tetrahedra outside
            the chosen `elements` are NaN in a `.vtu` and left out of the others. E at points, or on a
            surface, is written as `.vtu`. A pose that did not converge is NaN. The other formats are
            `.nii.gz`, `.func.gii`, `.csv` and `.npy`: see `headfield.write_result`.
        pose, quantity, like, spacing_mm, surface
            What of the field is written, and where: see `headfield.write_result`. Not for `.h5`.

        Raises
        ------
        FileFormatError
            Another ending, or h5py is missing.
        ArgumentError
            An option for another format.
        HeadfieldError
            See `headfield.write_result`.
        OSError
            The file can't be written.
        """
        options = {"pose": pose, "quantity": quantity, "like": like, "spacing_mm": spacing_mm}
        save_field(path, self.arrays(), **options, surface=surface)

    def scene(
        self, pose: int = 0, coil: Coil | None = None, tags: int | Sequence[int] = (1, 2), **more: Any
    ) -> Scene:
        """What pictures of one pose show; parameters and errors are those of `plot`."""
        if self.at_points:
            raise ArgumentError(
                "a field at points has no tetrahedra to draw: save it as .vtu, or solve without"
            )
        if not is_whole(pose) or not 0 <= pose < len(self):
            raise PoseError(f"pose {pose!r}: the field has the poses 0 to {len(self) - 1}")
        magnitude = np.full(self.mesh.n_tets, np.nan, np.float32)
        magnitude[slice(None) if self.elements is None else self.elements] = on_host(self.magnitude[pose])
        return Scene(
            self.mesh,
            magnitude,
            tuple(np.atleast_1d(tags).tolist()),
            matrix=None if self.poses is None else self.poses[pose],
            coil=coil,
            didt=None if self.didt is None else np.atleast_1d(self.didt[pose]),
            pose=int(pose),
            n_poses=len(self),
            **more,
        )

    def plot(
        self,
        pose: int = 0,
        coil: Coil | None = None,
        tags: int | Sequence[int] = (1, 2),
        **look: Unpack[Look],
    ) -> Any:
        """Draw one pose: the cortex as seen from the coil, three slices through the peak, the distribution.

        Parameters
        ----------
        pose : int
            Which of the field's poses, counted from 0.
        coil : Coil, optional
            Draws its casing, wire and dipoles, which fade where the field is strong.
        tags : int or sequence of int
            Tissues whose |E| is shown: white and gray matter give the cortex. Tetrahedra outside of
            `elements` are gray.
        **look
            `vmax`, `view`, `target_mm`, `dpi`: see `headfield.pictures.look.Look`.

        Returns
        -------
        matplotlib.figure.Figure
            Not registered with pyplot. The colours end at `vmax`, or the 99.9th percentile of |E| by volume
            in gray matter (or in `tags`, where there is none); the slices lie at its largest value.

        Raises
        ------
        MissingPackageError
            matplotlib is missing.
        ArgumentError
            The head has none of the tissues, the field no value in them, or it is a field at points.
        PoseError
            The field has no such pose.

        Examples
        --------
        >>> import headfield as hf
        >>> model = hf.HeadModel(hf.sphere_mesh(radii_mm=[80, 86, 92], tags=[2, 4, 5], edge_mm=14))
        >>> coil = hf.figure_of_eight()
        >>> field = model.solve(coil, model.place(coil, [0, 0, 92], [0, 50, 92]))
        >>> [axes.get_title().split(" = ")[0] for axes in field.plot(coil=coil).axes[-3:]]
        ['sagittal, x', 'coronal, y', 'axial, z']
        """
        dpi = look.pop("dpi", None)
        return draw_scene(self.scene(pose, coil, tags, **look), dpi)

    def plot_cortex(
        self,
        path: str | os.PathLike[str],
        pose: int = 0,
        coil: Coil | None = None,
        tags: int | Sequence[int] = (1, 2),
        **look: Unpack[Look],
    ) -> None:
        """Draw |E| on the surface of some tissues, as seen from the coil, into a file.

        The colour is |E| of the tetrahedra under the surface, averaged to its nodes by area.

        Parameters
        ----------
        path : path
            `.png`, `.pdf` or `.svg`; the file appears whole or not at all.
        pose, coil, tags, **look
            See `plot`.

        Raises
        ------
        MissingPackageError, ArgumentError, PoseError
            See `plot`.
        FileFormatError
            Another ending.
        OSError
            The file can't be written.
        """
        dpi = look.pop("dpi", None)
        write_cortex(self.scene(pose, coil, tags, **look), path, dpi)
