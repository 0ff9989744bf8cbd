# SPDX-License-Identifier: BSD-3-Clause
"""HeadModel: one head, assembled and preconditioned once, then solved for any coil and many poses."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..coils.coil import Coil
from ..core.device import check_threads
from ..core.locks import cached_property
from ..errors import MeshError
from ..fields.field import Field
from ..heads.conductivity import doubt_tissues, warn_of_contrast
from ..heads.mesh import TetMesh
from ..heads.standard import conductivity_of
from ..placement.plausible import PlausiblePoses
from ..regions.region import Region
from .adjoint import Adjoint
from .batches import Batches
from .drives.coil import CoilDrive, CoilTables
from .drives.currents import NodalCurrents
from .drives.drive import Drive
from .head import DeviceHead
from .on_scalp import OnScalp
from .options import SolveOptions
from .record import recorder
from .selfcheck import on_device
from .zoom.make import make_zoom
from .zoom.options import ZoomOptions
from .zoom.report import ZoomLevel
from .zoom.whole import Whole
from .zoom.zoom import Zoom

__all__ = ["HeadModel"]


class HeadModel(OnScalp, Adjoint):
    """A head, assembled and with its multigrid hierarchy built, ready for many solves.

    Solves ∇·(σ(∇φ + ∂A/∂t)) = 0 with n·σE = 0 on the scalp, E = −∇φ − ∂A/∂t, by linear tetrahedra and
    conjugate gradients with a smoothed-aggregation multigrid, many poses at a time. A pose gets the same
    bits in any batch, in any order and with any number of threads.

    Parameters
    ----------
    mesh : TetMesh
    conductivity : None, float, dict of int to float, or array_like (m,) or (m, 3, 3)
        S/m. None takes the standard value of each tag; a dict overrides tags; an array gives a number or a
        symmetric positive-definite tensor per tetrahedron.
    device : {"auto", "cpu", "cuda"}
        "cuda" is an NVIDIA GPU, reached through CuPy; "auto" takes it where it is usable, else the CPU, with
        a warning if a GPU fails. The environment variable HEADFIELD_DEVICE says what "auto" takes instead. A
        GPU is used only after it has given the CPU's field in a small sphere, once a process.
    threads : int, optional
        Threads of the loops on the host; by default all cores (or OMP_NUM_THREADS).

    Attributes
    ----------
    mesh : TetMesh
    conductivity : ndarray (m,) or (m, 3, 3) float64, S/m
        Read-only.

    Raises
    ------
    MeshError, ConductivityError, DeviceError

    Warns
    -----
    UserWarning
        A conductivity is given for a tag that no tetrahedron has. Conductivities differ by more than 1e10:
        no residual then says how good E is where the head conducts least. A tissue conducts ten times less
        or more than the table of tissues says (a PlausibilityWarning).

    Notes
    -----
    A model is pickled as mesh, conductivity, `device` and `threads` as they were asked for; and built again.

    Examples
    --------
    >>> import numpy as np
    >>> import headfield as hf
    >>> mesh = hf.sphere_mesh(radii_mm=[80, 86, 92], tags=[3, 4, 5], edge_mm=14)
    >>> model = hf.HeadModel(mesh)
    >>> coil = hf.figure_of_eight()
    >>> pose = model.place(coil, centre_mm=[0, 0, 95], handle_mm=[0, 50, 95])
    >>> field = model.solve(coil, pose, didt=1e6)
    >>> field.E.shape == (1, mesh.n_tets, 3) and bool(field.report.converged.all())
    True
    """

    def __init__(
        self,
        mesh: TetMesh,
        conductivity: float | Mapping[int, float] | ArrayLike | None = None,
        *,
        device: str = "auto",
        threads: int | None = None,
    ) -> None:
        if not isinstance(mesh, TetMesh):
            raise MeshError(f"mesh must be a TetMesh (see read_mesh), not {type(mesh).__name__}")
        self.mesh = mesh
        self.threads = count = check_threads(threads)
        sigma = self.conductivity = conductivity_of(mesh, conductivity)
        warn_of_contrast(sigma, mesh.tags)
        doubt_tissues(sigma, mesh.tags)
        sigma.flags.writeable = False  # the head is assembled from it, and recovery reads it later
        self._asked = device, threads
        on, self._head = on_device(device, repr(mesh), lambda on: DeviceHead(mesh, sigma, on, count))
        self._tables = CoilTables(mesh.nodes_mm, on)
        #: Seconds of the set-up, per stage.
        self.seconds = self._head.seconds

    @property
    def device(self) -> str:
        """The device in use, "cpu" or "cuda"."""
        return self.computes_on.name

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle mesh, conductivity and options; the head is built again when they are unpickled."""
        return _built, (type(self), self.mesh, self.conductivity, *self._asked)

    def __repr__(self) -> str:
        return f"<HeadModel: {self.mesh!r}, {self._head.n_levels} levels, on {self.device}>"

    def solve(
        self,
        coil: Coil,
        poses: ArrayLike,
        didt: ArrayLike = 1e6,
        *,
        elements: ArrayLike | None = None,
        roi: Region | None = None,
        recovery: str | None = None,
        tol: float | str = 1e-5,
        max_iterations: int = 200,
        batch: int | str = "auto",
        initial: ArrayLike | None = None,
        primary_error: float = 1e-3,
        progress: Callable[[int, int], None] | None = None,
    ) -> Field:
        """Compute the electric field of a coil at k poses.

        Parameters
        ----------
        coil : Coil
        poses : array_like (4, 4) or (k, 4, 4)
            Coil to head, mm; rigid and right-handed. As a CuPy array, with a model on a GPU, it asks for
            results as CuPy arrays, which stay on the device and on CuPy's current stream.
        didt : array_like, scalar or (k,); (k, s) or (1, s) for a coil with s > 1 stimulators
            Rate of change of the coil current, A/s; or a text with units, such as "50 A/µs" or "60 %MSO".
        elements : array_like (m,) bool or (e,) int, optional
            Only these tetrahedra; the potential is then not kept.
        roi : Region, optional
            Only there, in place of `elements`: see `headfield.regions`. At the points of a region that has
            points, E is that of the tetrahedron around each, or recovered there.
        recovery : {None, "interface", "patch"}
            Also recover E from patches of tetrahedra, tissue by tissue, and estimate how far the field of
            linear elements is off (`field.local_error`, `field.report.discretisation_error`). "interface"
            keeps the conditions where tissues meet. In spheres it is several times as accurate as the
            elements; on heads it takes little of the error away and lowers |E| where it is strongest: see
            `zoom`. "patch" is the superconvergent patch recovery that others use. See `docs/numerics.md`. The
            operator is built when a region is first asked for, which takes as long as a few solves.
        tol : float or "auto"
            Relative residual ‖b − Kφ‖/‖b‖ at which a pose is done, between 1e-13 and 1e-1; E is then off by
            less than that in the head as a whole, by more where it is weak, and by up to r times as much
            where the head conducts r times less than at its best. "auto" stops each pose at a fiftieth of its
            discretisation error in the region (or gray and white matter); see the report.
        max_iterations : int, of each of the two solves with `tol="auto"`
        batch : int or "auto"
            Poses solved at a time, rounded down to 1, 4, 8, 16, 32 or, on a GPU, 64. "auto" takes 32, on
            a GPU 64, if they fit the free memory. Where memory runs out all the same, smaller batches are
            taken, and the report says so.
        initial : array_like (k, n), optional
            First guess of the potential, V, as `Field.potential`: pays where poses were solved before with
            a larger tolerance or lie within a fraction of a millimetre.
        primary_error : float
            Bound of the interpolation error of ∂A/∂t relative to its root mean square in the lattice that
            holds a node; 0 takes the direct sum over the sources at every node, which is slow.
        progress : callable, optional
            Called with (poses done, poses in all) after each batch.

        Returns
        -------
        Field

        Raises
        ------
        CoilError, PoseError, ArgumentError, MeshError, RegionError
            Bad input; the message says which pose and by how much, or what is wrong with an option, with
            `elements` or with `roi`. A pose that puts a source of the coil within 0.1 mm of a node is refused
            with its number, that of the element of the coil, and the node; of one that puts wire elsewhere
            inside the head there is a warning.
        ConvergenceError
            Some pose did not reach the tolerance; carries the report and the field as far as it got.
        DeviceError
            The result does not fit the memory: use `iter_solve` or `roi`.
        """
        options = SolveOptions(
            elements=elements, roi=roi, recovery=recovery, tol=tol, max_iterations=max_iterations, batch=batch
        )
        drive = self._drive(coil, poses, didt, primary_error)
        return self._batches(drive, options).together(initial, progress)

    def iter_solve(
        self,
        coil: Coil,
        poses: ArrayLike,
        didt: ArrayLike = 1e6,
        *,
        elements: ArrayLike | None = None,
        roi: Region | None = None,
        recovery: str | None = None,
        tol: float | str = 1e-5,
        max_iterations: int = 200,
        batch: int | str = "auto",
        primary_error: float = 1e-3,
        strict: bool = True,
        first: int = 0,
    ) -> Iterator[Field]:
        """Compute the fields of any number of poses, one batch at a time, in bounded memory.

        Parameters are those of `solve`, and `first`, the number that messages give the first of these poses,
        where they are a part of a longer list. Input is checked before the first batch is solved. A batch
        that does not converge raises ConvergenceError when its turn comes; those before it have been handed
        out.
        With `strict=False` the field of a pose that does not converge is NaN, `field.report.converged` says
        so, and the rest goes on.

        Yields
        ------
        Field
            Of up to `batch` poses, in order.

        Raises
        ------
        CoilError, PoseError, ArgumentError, MeshError, RegionError
            At once, before the first batch.
        ConvergenceError, DeviceError, PoseError
            When the turn of a batch comes; PoseError for a source of the coil on a node.
        """
        options = SolveOptions(
            elements=elements,
            roi=roi,
            recovery=recovery,
            tol=tol,
            max_iterations=max_iterations,
            batch=batch,
            strict=strict,
        )
        drive = self._drive(coil, poses, didt, primary_error, first)
        return self._batches(drive, options).one_by_one()

    def solve_sources(
        self,
        sources: ArrayLike | Drive,
        *,
        elements: ArrayLike | None = None,
        roi: Region | None = None,
        recovery: str | None = None,
        tol: float | str = 1e-5,
        max_iterations: int = 200,
        batch: int | str = "auto",
        initial: ArrayLike | None = None,
        progress: Callable[[int, int], None] | None = None,
    ) -> Field:
        """Compute the field of k sources that are not coils: currents that flow into nodes of the mesh.

        Solves −∇·(σ∇φ) = s, E = −∇φ, with the same certificate of the residual as for coils.

        Parameters
        ----------
        sources : array_like (n,) or (k, n), or Drive
            Current into each node, A: ∫ N s over the mesh for a density s, A/m³, of sources, N being the
            linear function of the node; or what flows in through the scalp. Nothing leaves a head, so the
            currents of each source sum to zero. As a CuPy array, with a model on a GPU, it asks for results
            that stay there. A `headfield.solve.drives.drive.Drive` fills right-hand sides by itself.
        elements, roi, recovery, tol, max_iterations, batch, initial, progress
            See `solve`. Fits of recovered E take the potential for harmonic where the conductivity is
            uniform, which it is not where s ≠ 0.

        Returns
        -------
        Field
            Its `poses` and `didt` are None.

        Raises
        ------
        ArgumentError
            Not finite, another shape, or currents that do not sum to zero.
        MeshError, RegionError
            What is wrong with `elements` or `roi`.
        ConvergenceError, DeviceError
            See `solve`.

        Examples
        --------
        One milliampere that flows in at one node of the scalp and out at another:

        >>> import numpy as np
        >>> import headfield as hf
        >>> mesh = hf.sphere_mesh(radii_mm=[80, 86, 92], tags=[3, 4, 5], edge_mm=14)
        >>> model = hf.HeadModel(mesh)
        >>> currents = np.zeros(mesh.n_nodes)
        >>> top, bottom = mesh.nodes_mm[:, 2].argmax(), mesh.nodes_mm[:, 2].argmin()
        >>> currents[[top, bottom]] = 1e-3, -1e-3
        >>> field = model.solve_sources(currents)
        >>> middle = np.linalg.norm(mesh.nodes_mm[mesh.tets].mean(axis=1), axis=1) < 20
        >>> bool((field.E[0, middle, 2] < 0).all())  # from the top to the bottom
        True
        """
        drive: Any = sources
        if not hasattr(sources, "load"):
            drive = NodalCurrents(sources, self.mesh.n_nodes, self.device)
        options = SolveOptions(
            elements=elements, roi=roi, recovery=recovery, tol=tol, max_iterations=max_iterations, batch=batch
        )
        return self._batches(drive, options).together(initial, progress)

    def zoom(
        self,
        roi: Region,
        coil: Coil,
        poses: ArrayLike,
        didt: ArrayLike = 1e6,
        *,
        error: float = 0.02,
        margin_mm: float | None = None,
        max_unknowns: int = 2_000_000,
        smooth: bool = False,
        potential: ArrayLike | None = None,
        primary_error: float = 1e-3,
        progress: Callable[[ZoomLevel], None] | None = None,
    ) -> Zoom:
        """Refine the head around a region until E there is as good as is asked for.

        Parameters
        ----------
        roi : Region
            Tetrahedra or points of the mesh: see `headfield.regions`.
        coil, poses, didt
            What it is refined for, see `solve`; of more than 16 poses 16, evenly spaced in the list.
        error : float
            Relative L2 error of E over the region, from 0.003 to 0.5.
        margin_mm : float, optional
            How far what is solved again reaches beyond the region, mm: 10; 15 below 1.5 %, 25 below 0.8 %.
        max_unknowns : int
            Refinement ends before there are more, with a warning.
        smooth : bool
            Put new nodes on interfaces onto a smooth surface through those of the mesh, not onto facets.
        potential : array_like (k, n), optional
            First guess of the potential of these poses in the whole head, V: `Field.potential`.
        primary_error, progress
            See `solve`; `progress` gets the `ZoomLevel` of each level.

        Returns
        -------
        Zoom
            Its `solve` and `iter_solve` give E in the region for any coil and poses.

        Raises
        ------
        RegionError
            Of another mesh, empty, or one that takes more than `max_unknowns` as it is.
        CoilError, PoseError, ArgumentError, DeviceError, MeshError
        """
        options = ZoomOptions(error=error, margin_mm=margin_mm, max_unknowns=max_unknowns, smooth=smooth)
        drive = self._drive(coil, poses, didt, primary_error)
        whole = Whole(self.mesh, self.conductivity, self._head, self._tables, self.threads, self._warn_of)
        return make_zoom(whole, roi, drive, options, potential, progress)

    def _warn_of(self, drive: CoilDrive) -> None:
        self._plausible.warn_of(drive.coil, drive.poses, drive.first)

    def _batches(self, drive: Drive, options: SolveOptions) -> Batches:
        """Return what solves a drive; warn of implausible poses once all arguments are known to be good."""
        record = recorder(self.mesh, self.conductivity, drive, options)
        batches = Batches(self.mesh, self._head, drive, options, record)
        if isinstance(drive, CoilDrive):
            self._warn_of(drive)
        return batches

    def _drive(
        self, coil: Coil, poses: ArrayLike, didt: ArrayLike, primary_error: float, first: int = 0
    ) -> CoilDrive:
        return CoilDrive(self._tables, coil, poses, didt, primary_error, first)

    @cached_property
    def _plausible(self) -> PlausiblePoses:
        return PlausiblePoses(self.mesh)


def _built(
    kind: type[HeadModel], mesh: TetMesh, conductivity: NDArray[np.float64], device: str, threads: int | None
) -> HeadModel:
    return kind(mesh, conductivity, device=device, threads=threads)
