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
from .by_tissue import ByTissue
from .differentiable import Differentiable
from .drives.coil import CoilDrive, CoilTables
from .drives.currents import NodalCurrents
from .drives.drive import Drive
from .first_guess import Guesser, first_guess
from .head import DeviceHead
from .on_scalp import OnScalp
from .options import SolveOptions, check_primary
from .record import recorder
from .selfcheck import on_device
from .uncertain import Uncertain
from .zooming import Zooming

__all__ = ["HeadModel"]


class HeadModel(OnScalp, Zooming, Adjoint, Differentiable, ByTissue, Uncertain):
    """A head, assembled and with its multigrid hierarchy built, ready for many solves.

    Solves ∇·(σ(∇φ + ∂A/∂t)) = 0 with n·σE = 0 on the scalp, E = −∇φ − ∂A/∂t, by linear tetrahedra and
    conjugate gradients with a smoothed-aggregation multigrid, many poses at a time. A pose gets the same
    bits in any batch, in any order and with any number of threads.

    Parameters
    ----------
    mesh : TetMesh
    conductivity : None, float, dict of int or str to float, or array_like (m,) or (m, 3, 3)
        S/m. None takes the standard value of each tag; a dict overrides tags; an array gives a number or a
        symmetric positive-definite tensor per tetrahedron.
    device : {"auto", "cpu", "cuda"}
        "cuda" is an NVIDIA GPU, reached through CuPy; "auto" takes it where it is usable, else the CPU, with
        a warning if a GPU fails. The environment variable HEADFIELD_DEVICE says what "auto" takes instead. A
        GPU is used only after it has given the CPU's field in a small sphere, once a process.
    threads : int, optional
        Threads of the loops on the host; by default all cores (or OMP_NUM_THREADS).
    primary : {"nodes", "edges"}
        How ∂A/∂t at nodes, the primary field, becomes that of a tetrahedron in right-hand sides and in E: the
        mean of its nodes, or that of the lowest edge element (Whitney), with ∂A/∂t along each edge from its
        ends. A gradient in ∂A/∂t induces nothing. Where edges are 5 mm long, "nodes" still gives an E of 5 %
        of it, "edges" one of 0.2 %. E of coils in elements is a little better by "nodes", recovered E as good
        with both: see `docs/numerics.md`.

    Attributes
    ----------
    mesh : TetMesh
    conductivity : ndarray (m,) or (m, 3, 3) float64, S/m
        Read-only.
    primary : str

    Raises
    ------
    MeshError, ConductivityError, DeviceError, ArgumentError

    Warns
    -----
    UserWarning
        A conductivity is given for a tag that no tetrahedron has. Conductivities differ by more than 1e10:
        no residual then says how good E is where the head conducts least. A tissue conducts ten times less
        or more than the table of tissues says (a PlausibilityWarning).

    Notes
    -----
    A model is pickled as mesh, conductivity and options as they were asked for; and built again.

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
        conductivity: float | Mapping[Any, float] | ArrayLike | None = None,
        *,
        device: str = "auto",
        threads: int | None = None,
        primary: str = "nodes",
    ) -> None:
        if not isinstance(mesh, TetMesh):
            raise MeshError(f"mesh must be a TetMesh (see read_mesh), not {type(mesh).__name__}")
        self.mesh = mesh
        self.threads = count = check_threads(threads)
        self.primary = by = check_primary(primary)
        sigma = self.conductivity = conductivity_of(mesh, conductivity)
        warn_of_contrast(sigma, mesh.tags)
        doubt_tissues(sigma, mesh.tags)
        sigma.flags.writeable = False  # the head is assembled from it, and recovery reads it later
        self._asked = {"device": device, "threads": threads, "primary": by}
        on, self._head = on_device(device, repr(mesh), lambda on: DeviceHead(mesh, sigma, on, count, by))
        self._tables = CoilTables(mesh.nodes_mm, on)
        #: Seconds of the set-up, per stage.
        self.seconds = self._head.seconds

    @property
    def device(self) -> str:
        """The device in use, "cpu" or "cuda"."""
        return self.computes_on.name

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle mesh, conductivity and options; the head is built again when they are unpickled."""
        return _built, (type(self), self.mesh, self.conductivity, self._asked)

    def __repr__(self) -> str:
        by = "" if self.primary == "nodes" else f", ∂A/∂t by {self.primary}"
        return f"<HeadModel: {self.mesh!r}, {self._head.n_levels} levels{by}, on {self.device}>"

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
        basis: Guesser | None = None,
        keep_potential: bool = False,
        primary_error: float | str = 1e-3,
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
            Only these tetrahedra; the potential is then not kept, but for `keep_potential`.
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
        basis : RealTime, optional
            A basis of this head with `potentials`, see `realtime_basis`: first guesses follow from it, and
            few iterations are left. Bits of the results then depend on it; the report says so.
        keep_potential : bool
            Keep the potential beside E in `elements` or `roi`.
        primary_error : float or "summed"
            Bound of the error of ∂A/∂t as it is interpolated in a table of the coil, relative to its root
            mean square in the lattice that holds a node. The table is made once per coil and model: "summed"
            makes none, and is faster for less than about eight poses of a new coil. It sums over clusters of
            sources, to 5e-5 or better. 0 sums over each source, in float64, which is slow. A single dipole
            is summed in float32 in both cases.
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
            elements=elements,
            roi=roi,
            recovery=recovery,
            tol=tol,
            max_iterations=max_iterations,
            batch=batch,
            keep_potential=keep_potential,
        )
        drive = self._drive(coil, poses, didt, primary_error)
        guess = first_guess(basis, self, drive, initial)
        return self._batches(drive, options).together(guess, progress)

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
        basis: Guesser | None = None,
        primary_error: float | str = 1e-3,
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
        return self._batches(drive, options).one_by_one(first_guess(basis, self, drive))

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

    def _warn_of(self, drive: CoilDrive) -> None:
        self._plausible.warn_of(drive.coil, drive.poses, drive.first)

    def _batches(self, drive: Drive, options: SolveOptions) -> Batches:
        """Return what solves a drive; warn of implausible poses once all arguments are known to be good."""
        record = recorder(self.mesh, self.conductivity, drive, options, {"primary": self.primary})
        batches = Batches(self.mesh, self._head, drive, options, record)
        if isinstance(drive, CoilDrive):
            self._warn_of(drive)
        return batches

    def _drive(
        self, coil: Coil, poses: ArrayLike, didt: ArrayLike, primary_error: float | str, first: int = 0
    ) -> CoilDrive:
        return CoilDrive(self._tables, coil, poses, didt, primary_error, first)

    @cached_property
    def _plausible(self) -> PlausiblePoses:
        return PlausiblePoses(self.mesh)


def _built(
    kind: type[HeadModel], mesh: TetMesh, conductivity: NDArray[np.float64], options: dict[str, Any]
) -> HeadModel:
    return kind(mesh, conductivity, **options)
