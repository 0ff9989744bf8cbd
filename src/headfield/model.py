# SPDX-License-Identifier: BSD-3-Clause
"""HeadModel: one head, assembled and preconditioned once, then solved for any coil and many poses."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import _backend
from .coil import Coil
from .conductivity import resolve
from .errors import CoilError, ConvergenceError, DeviceError, MeshError
from .field import Field, SolveReport
from .mesh import TetMesh
from .pose import outer_faces, place_on_surface
from .primary import Primary
from .request import Request
from .work import Clock, WorkSpace

__all__ = ["HeadModel"]

_STRENGTH = 0.04  # strong couplings of the aggregation, see docs/numerics.md
_RATE = 1e6  # A/s; every solve is for this rate and scaled, so E is exactly linear in dI/dt
_COILS_KEPT = 4  # whose tables of ∂A/∂t stay in memory, about 10 MB each
_REACH_MM = 100.0  # how far from the head a coil may be before ∂A/∂t is summed directly


class HeadModel:
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
    threads : int, optional
        Threads of the CPU loops; by default all cores (or OMP_NUM_THREADS).

    Attributes
    ----------
    mesh : TetMesh
    conductivity : ndarray (m,) or (m, 3, 3) float64, S/m
    device : str
        The device in use.

    Raises
    ------
    MeshError, ConductivityError, DeviceError

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
        self.device, self._native = _backend.select(device)
        self._threads = _backend.check_threads(threads)
        self.conductivity = resolve(conductivity, mesh.tags)
        self._lock = threading.Lock()
        self._primaries: list[Primary] = []
        self._work: WorkSpace | None = None
        with _backend.using_threads(self._threads):
            self._set_up()

    def _set_up(self) -> None:
        mesh = self.mesh
        start = time.perf_counter()
        order = self._native.morton_order(mesh.nodes_mm)
        rank = np.empty_like(order)
        rank[order] = np.arange(len(order), dtype=np.int32)
        self._node = order  # internal number -> mesh node
        self._nodes_m = mesh.nodes_mm[order] * 1e-3
        self._tets = rank[mesh.tets]
        self._indptr, self._indices, stiffness, self._source = self._native.assemble(
            self._nodes_m, self._tets, self.conductivity
        )
        assembled = time.perf_counter()
        self._hierarchy = self._native.Hierarchy(
            self._indptr, self._indices, stiffness, ground=0, theta=_STRENGTH
        )
        done = time.perf_counter()
        #: Seconds of the set-up, per stage.
        self.seconds = {"assemble": assembled - start, "hierarchy": done - assembled}

    def __repr__(self) -> str:
        levels = len(self._hierarchy.levels)
        return f"<HeadModel: {self.mesh!r}, {levels} levels, on {self.device}>"

    def place(
        self, coil: Coil, centre_mm: ArrayLike, handle_mm: ArrayLike, distance_mm: float = 4.0
    ) -> NDArray[np.float64]:
        """Pose of a coil on the scalp.

        Parameters
        ----------
        coil : Coil
            Its casing face is the plane z = 0 of the coil frame.
        centre_mm : array_like (3,)
            Where the coil's centre goes; projected onto the closest point of the scalp. mm.
        handle_mm : array_like (3,)
            A point that the coil's +y axis (the prolongation of the handle) points to, seen from the
            centre. mm.
        distance_mm : float
            From scalp to casing along the normal.

        Returns
        -------
        ndarray (4, 4) float64, mm

        Raises
        ------
        CoilError
            Not a coil.
        PoseError
            A value is not finite, or the handle direction is parallel to the scalp's normal.
        """
        if not isinstance(coil, Coil):
            raise CoilError(f"coil must be a Coil (see read_coil), not {type(coil).__name__}")
        return place_on_surface(self.mesh.nodes_mm, self._scalp, centre_mm, handle_mm, distance_mm)

    @cached_property
    def _scalp(self) -> NDArray[np.int32]:
        """Outer faces of the head, a second's work on a large one: found once for all poses placed."""
        return outer_faces(self.mesh)

    def solve(
        self,
        coil: Coil,
        poses: ArrayLike,
        didt: ArrayLike = 1e6,
        *,
        elements: ArrayLike | None = None,
        tol: float = 1e-5,
        max_iterations: int = 200,
        batch: int | str = "auto",
        initial: ArrayLike | None = None,
        primary_error: float = 1e-3,
        progress: Callable[[int, int], None] | None = None,
    ) -> Field:
        """Electric field of a coil at k poses.

        Parameters
        ----------
        coil : Coil
        poses : array_like (4, 4) or (k, 4, 4)
            Coil to head, mm; rigid and right-handed.
        didt : array_like, scalar or (k,)
            Rate of change of the coil current, A/s.
        elements : array_like (m,) bool or (e,) int, optional
            Only these tetrahedra; the potential is then not kept.
        tol : float
            Relative residual ‖b − Kφ‖/‖b‖ at which a pose is done, between 1e-13 and 1e-1; E in gray matter
            is then off by about 0.7 of that.
        max_iterations : int
        batch : int or "auto"
            Poses solved at a time, rounded down to 1, 4, 8, 16 or 32. "auto" takes 32 if they fit the free
            memory.
        initial : array_like (k, n), optional
            First guess of the potential, V, as `Field.potential`: pays where poses were solved before with
            a larger tolerance or lie within a fraction of a millimetre.
        primary_error : float
            Bound of the interpolation error of ∂A/∂t relative to its size at the same distance from the
            coil; 0 takes the direct sum over the dipoles at every node, which is slow.
        progress : callable, optional
            Called with (poses done, poses in all) after each batch.

        Returns
        -------
        Field

        Raises
        ------
        CoilError, PoseError
            Bad input; the message says which pose and by how much.
        ConvergenceError
            Some pose did not reach the tolerance; carries the report and the field as far as it got.
        DeviceError
            The result does not fit the memory: use `iter_solve` or `elements`.
        """
        request = Request(
            self.mesh, coil, poses, didt, elements, tol, max_iterations, batch, initial, primary_error
        )
        k = len(request.poses)
        size = k * (8 * self.mesh.n_nodes if request.elements is None else 12 * request.n_elements)
        if size > _backend.free_memory():
            raise DeviceError(
                f"the result of {k} poses takes {size / 2**30:.1f} GiB, more than is free; "
                "use iter_solve or elements"
            )
        potential, e = self._results(request, k)
        reports = []
        for part in request.batches():
            reports.append(
                self._solve_batch(
                    request,
                    part,
                    None if potential is None else potential[part],
                    None if e is None else e[part],
                )
            )
            if progress is not None:
                progress(part.stop, k)
        return self._finish(request, slice(0, k), SolveReport.joined(reports), potential, e)

    def iter_solve(
        self,
        coil: Coil,
        poses: ArrayLike,
        didt: ArrayLike = 1e6,
        *,
        elements: ArrayLike | None = None,
        tol: float = 1e-5,
        max_iterations: int = 200,
        batch: int | str = "auto",
        primary_error: float = 1e-3,
    ) -> Iterator[Field]:
        """Electric fields of any number of poses, one batch at a time, in bounded memory.

        Parameters are those of `solve`. Input is checked before the first batch is solved. A batch that
        does not converge raises ConvergenceError when its turn comes; those before it have been handed out.

        Yields
        ------
        Field
            Of up to `batch` poses, in order.
        """
        request = Request(
            self.mesh, coil, poses, didt, elements, tol, max_iterations, batch, None, primary_error
        )

        return (self._solve_part(request, part) for part in request.batches())

    def _results(
        self, request: Request, k: int
    ) -> tuple[NDArray[np.float64] | None, NDArray[np.float32] | None]:
        """Room for what k poses leave behind: the potential, or E where elements were chosen."""
        if request.elements is None:
            return np.empty((k, self.mesh.n_nodes)), None
        return None, np.empty((k, request.n_elements, 3), np.float32)

    def _solve_part(self, request: Request, part: slice) -> Field:
        potential, e = self._results(request, part.stop - part.start)
        report = self._solve_batch(request, part, potential, e)
        return self._finish(request, part, report, potential, e)

    def _solve_batch(
        self,
        request: Request,
        part: slice,
        potential: NDArray[np.float64] | None,
        e: NDArray[np.float32] | None,
    ) -> SolveReport:
        """Solve one batch of poses into `potential` (k, n) or `e` (k, elements, 3)."""
        poses, didt = request.poses[part], request.didt[part]
        width = request.width
        with self._lock, _backend.using_threads(self._threads) as threads:
            clock = Clock()
            work = self._work_space(width)
            primary = self._primary_for(request)
            primary.sample(self._nodes_m, poses, work.adot)
            clock.lap("primary")
            self._native.right_hand_side(self._indptr, self._indices, self._source, work.adot, work.b)
            clock.lap("right_hand_side")
            if request.initial is None:
                work.phi.fill(0.0)
            else:
                self._native.pack(request.initial[part], self._node, _inverse(didt), work.phi)
                work.phi -= work.phi[0]
            columns = work.solver.solve(work.b, work.phi, request.tol, request.max_iterations)
            clock.lap("solve")
            if potential is not None:
                self._native.unpack(work.phi, self._node, didt / _RATE, potential)
            if e is not None:
                self._native.electric_field(
                    self._nodes_m, self._tets, work.phi, work.adot, didt / _RATE, request.elements, e
                )
            clock.lap("field")
        columns = columns[: len(poses)]
        return SolveReport(
            iterations=np.array([c.iterations for c in columns], np.int32),
            residual=np.array([c.residual for c in columns]),
            converged=np.array([c.converged for c in columns]),
            primary_error=primary.error,
            device=self.device,
            threads=threads,
            batch=width,
            seconds=clock.seconds,
        )

    def _finish(
        self,
        request: Request,
        part: slice,
        report: SolveReport,
        potential: NDArray[np.float64] | None,
        e: NDArray[np.float32] | None,
    ) -> Field:
        poses, didt = request.poses[part], request.didt[part]

        def evaluate() -> NDArray[np.float32]:
            return e if e is not None else self._evaluate(request, poses, didt, potential)

        field = Field(
            self.mesh, poses, didt, report, potential=potential, elements=request.elements, evaluate=evaluate
        )
        bad = np.flatnonzero(~report.converged)
        if len(bad):
            worst = bad[np.argmax(np.nan_to_num(report.residual[bad], nan=np.inf))]
            raise ConvergenceError(
                f"{len(bad)} of {len(poses)} poses did not reach a residual of {request.tol:g} in "
                f"{request.max_iterations} iterations; the worst is pose {part.start + worst} with "
                f"{report.residual[worst]:.2e} after {report.iterations[worst]}",
                report,
                field,
            )
        return field

    def _evaluate(
        self,
        request: Request,
        poses: NDArray[np.float64],
        didt: NDArray[np.float64],
        potential: NDArray[np.float64] | None,
    ) -> NDArray[np.float32]:
        """E (k, m, 3) in all tetrahedra from the potential (k, n)."""
        assert potential is not None  # a field without it comes with E
        size = 12.0 * len(poses) * self.mesh.n_tets
        if size > _backend.free_memory():
            raise DeviceError(
                f"E of {len(poses)} poses in {self.mesh.n_tets} tetrahedra takes {size / 2**30:.1f} GiB, "
                "more than is free; use iter_solve, or solve with elements"
            )
        e = np.empty((len(poses), self.mesh.n_tets, 3), np.float32)
        with self._lock, _backend.using_threads(self._threads):
            primary = self._primary_for(request)
            work = self._work_space(request.width)
            for start in range(0, len(poses), request.batch):
                part = slice(start, min(start + request.batch, len(poses)))
                primary.sample(self._nodes_m, poses[part], work.adot)
                self._native.pack(potential[part], self._node, _inverse(didt[part]), work.phi)
                self._native.electric_field(
                    self._nodes_m, self._tets, work.phi, work.adot, didt[part] / _RATE, None, e[part]
                )
        return e

    def _work_space(self, width: int) -> WorkSpace:
        """Block vectors of so many columns, kept until another width is asked for."""
        if self._work is None or self._work.solver.width != width:
            self._work = None  # give the old ones back first
            self._work = WorkSpace(self._native, self._hierarchy, self.mesh.n_nodes, width)
        return self._work

    def _primary_for(self, request: Request) -> Primary:
        """∂A/∂t of the coil, tabulated when a coil is first used; the last few coils are kept."""
        for p in self._primaries:
            if p.coil is request.coil and p.bound == request.primary_error:
                return p
        extent = float(np.linalg.norm(np.ptp(self._nodes_m, axis=0)))
        reach = min(extent + _REACH_MM * 1e-3, 0.5)
        p = Primary.build(request.coil, reach, request.primary_error)
        self._primaries = [p, *self._primaries[: _COILS_KEPT - 1]]
        return p


def _inverse(didt: NDArray[np.float64]) -> NDArray[np.float64]:
    """Factor from the potential of a pose to that of the rate that is solved for; 0 where that is lost."""
    return np.divide(_RATE, didt, out=np.zeros(len(didt)), where=np.abs(didt) > 1e-30)
