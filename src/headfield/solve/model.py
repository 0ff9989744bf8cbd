# SPDX-License-Identifier: BSD-3-Clause
"""HeadModel: one head, assembled and preconditioned once, then solved for any coil and many poses."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from typing import Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..coils.coil import Coil
from ..core.device import check_threads
from ..core.memory import free_memory
from ..errors import CoilError, ConvergenceError, DeviceError, MeshError
from ..fields.field import Field, SolveReport
from ..geometry.surface import Surface, skin
from ..heads.conductivity import resolve
from ..heads.mesh import TetMesh
from ..placement.place import ScalpGrid, place, scalp_grid
from ..placement.plausible import PlausiblePoses
from ..regions.region import Region
from .head import ResidentHead
from .options import Request
from .selfcheck import on_device
from .workspace import Results

__all__ = ["HeadModel"]

T = TypeVar("T")


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
        "cuda" is an NVIDIA GPU, reached through CuPy; "auto" takes it where it is usable, else the CPU, with
        a warning if a GPU fails. The environment variable HEADFIELD_DEVICE says what "auto" takes instead. A
        GPU is used only after it has given the CPU's field in a small sphere, once a process.
    threads : int, optional
        Threads of the loops on the host; by default all cores (or OMP_NUM_THREADS).

    Attributes
    ----------
    mesh : TetMesh
    conductivity : ndarray (m,) or (m, 3, 3) float64, S/m

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
        of_host = check_threads(threads)
        sigma = self.conductivity = resolve(conductivity, mesh.tags)
        self._device, self._head = on_device(
            device, repr(mesh), lambda there: ResidentHead(mesh, sigma, there, of_host)
        )
        #: Seconds of the set-up, per stage.
        self.seconds = self._head.seconds

    @property
    def device(self) -> str:
        """The device in use, "cpu" or "cuda"."""
        return self._device.name

    def __repr__(self) -> str:
        return f"<HeadModel: {self.mesh!r}, {self._head.n_levels} levels, on {self.device}>"

    def place(
        self,
        coil: Coil,
        centre_mm: ArrayLike,
        handle_mm: ArrayLike,
        distance_mm: float = 4.0,
        *,
        rotation_deg: float = 0.0,
        tilt_deg: ArrayLike = (0.0, 0.0),
        offset_mm: ArrayLike = (0.0, 0.0),
        clear_mm: float | None = None,
    ) -> NDArray[np.float64]:
        """Pose of a coil on the scalp: `headfield.place` with the coil as its `casing`.

        Parameters
        ----------
        coil : Coil
            Its casing face is the plane z = 0 of the coil frame.
        centre_mm, handle_mm : array_like (3,)
            Where the coil's centre goes, and a point that its +y axis, the prolongation of the handle,
            points to from there, mm.
        distance_mm, rotation_deg, tilt_deg, offset_mm, clear_mm
            See `headfield.place`.

        Returns
        -------
        ndarray (4, 4) float64, mm

        Raises
        ------
        CoilError, PoseError
        """
        at = (self._scalp, centre_mm, handle_mm, distance_mm)
        turned: dict[str, Any] = {"rotation_deg": rotation_deg, "tilt_deg": tilt_deg, "offset_mm": offset_mm}
        return place(*at, **turned, casing=_coil(coil), clear_mm=clear_mm)

    def scalp_grid(
        self,
        coil: Coil,
        centre_mm: ArrayLike,
        handle_mm: ArrayLike,
        radius_mm: float = 20.0,
        spacing_mm: float = 5.0,
        angles_deg: ArrayLike = (0.0, 30.0, 60.0, 90.0, 120.0, 150.0),
        distance_mm: float = 4.0,
        *,
        clear_mm: float | None = None,
    ) -> ScalpGrid:
        """Candidate poses around a point of the scalp: see `headfield.scalp_grid`; `coil` as in `place`."""
        at = (self._scalp, centre_mm, handle_mm, radius_mm, spacing_mm, angles_deg)
        return scalp_grid(*at, distance_mm=distance_mm, casing=_coil(coil), clear_mm=clear_mm)

    @cached_property
    def _scalp(self) -> Surface:
        """Outer surface of the head, a second's work on a large one: found once for all poses placed."""
        return skin(self.mesh)

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
        """Electric field of a coil at k poses.

        Parameters
        ----------
        coil : Coil
        poses : array_like (4, 4) or (k, 4, 4)
            Coil to head, mm; rigid and right-handed. As a CuPy array, with a model on a GPU, it asks for
            results as CuPy arrays, which stay on the device and on CuPy's current stream.
        didt : array_like, scalar or (k,); (k, s) or (1, s) for a coil with s > 1 stimulators
            Rate of change of the coil current, A/s.
        elements : array_like (m,) bool or (e,) int, optional
            Only these tetrahedra; the potential is then not kept.
        roi : Region, optional
            Only there, in place of `elements`: see `headfield.regions`. At the points of a region that has
            points, E is that of the tetrahedron around each, or recovered there.
        recovery : {None, "interface", "patch"}
            Also recover E from patches of tetrahedra, tissue by tissue, and estimate how far the field of
            linear elements is off (`field.local_error`, `field.report.discretisation_error`). "interface"
            is several times as accurate as the elements, and keeps the conditions where tissues meet;
            "patch" is the superconvergent patch recovery that others use. See `docs/numerics.md`. The
            operator is built when a region is first asked for, which takes as long as a few solves.
        tol : float or "auto"
            Relative residual ‖b − Kφ‖/‖b‖ at which a pose is done, between 1e-13 and 1e-1; E is then off by
            less than that in the head as a whole, by more where it is weak. "auto" stops each pose at a
            fiftieth of its discretisation error in the region (or gray and white matter); see the report.
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
        CoilError, PoseError
            Bad input; the message says which pose and by how much.
        ConvergenceError
            Some pose did not reach the tolerance; carries the report and the field as far as it got.
        DeviceError
            The result does not fit the memory: use `iter_solve` or `roi`.
        """
        request = self._request(
            coil, poses, didt, elements, roi, recovery, tol, max_iterations, batch, initial, primary_error
        )
        k = len(request.poses)
        size = 8 * k * self.mesh.n_nodes if request.elements is None else request.bytes_evaluated(k)
        self._check_room(size, request, f"the result of {k} poses")
        try:
            results = self._results(request, k)
        except MemoryError as problem:
            raise DeviceError(f"the result of {k} poses does not fit the memory: {problem}") from None
        reports: list[SolveReport] = []
        done = 0
        while done < k:
            part, report, _ = self._solve_batch(request, done, results)
            reports.append(report)
            done = part.stop
            if progress is not None:
                progress(done, k)
        return self._finish(request, slice(0, k), SolveReport.joined(reports), results)

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
    ) -> Iterator[Field]:
        """Electric fields of any number of poses, one batch at a time, in bounded memory.

        Parameters are those of `solve`. Input is checked before the first batch is solved. A batch that
        does not converge raises ConvergenceError when its turn comes; those before it have been handed out.

        Yields
        ------
        Field
            Of up to `batch` poses, in order.
        """
        request = self._request(
            coil, poses, didt, elements, roi, recovery, tol, max_iterations, batch, None, primary_error
        )
        return self._iterate(request)

    def _request(self, *arguments: Any) -> Request:
        """The checked arguments of a solve; says what can't be meant."""
        request = Request(self._device, self.mesh, *arguments)
        self._plausible.warn_of(request.coil, request.poses)
        return request

    @cached_property
    def _plausible(self) -> PlausiblePoses:
        return PlausiblePoses(self.mesh)

    def _iterate(self, request: Request) -> Iterator[Field]:
        """Fields batch by batch. While one is on its way from a GPU to the host, the next is solved."""
        waiting: tuple[slice, SolveReport, Results] | None = None
        done = 0
        while done < len(request.poses):
            try:
                solved = self._solve_batch(request, done, None)
            except BaseException:
                if waiting is not None:  # what is finished is not lost
                    yield self._finish(request, *waiting)
                raise
            if waiting is not None:
                yield self._finish(request, *waiting)
            waiting, done = solved, solved[0].stop
            if not waiting[2].under_way:
                yield self._finish(request, *waiting)
                waiting = None
        if waiting is not None:
            yield self._finish(request, *waiting)

    def _results(self, request: Request, k: int) -> Results:
        """Room for what k poses leave behind: the potential, or E where elements were chosen."""
        if request.elements is not None:
            return self._head.results(request.evaluated(k), request.on_gpu)
        return self._head.results({"potential": ((k, self.mesh.n_nodes), np.float64)}, request.on_gpu)

    def _solve_batch(
        self, request: Request, start: int, results: Results | None
    ) -> tuple[slice, SolveReport, Results]:
        """Solve the batch of poses from `start` on into `results` of all poses, or into its own."""

        def solve() -> tuple[slice, SolveReport, Results]:
            part = request.part(start)
            target = self._results(request, part.stop - start) if results is None else results
            within = slice(0, part.stop - start) if results is None else part
            room = target.room(within)
            report = self._head.solve(request, part, room)
            target.filled(within, room)
            return part, report, target

        return self._fitting(request, solve)

    def _fitting(self, request: Request, step: Callable[[], T]) -> T:
        """What `step` returns; with smaller batches where the memory does not hold the block vectors."""
        while True:
            try:
                return step()
            except MemoryError as problem:
                what = str(problem)
            except Exception as problem:
                failure = self._head.device.failure(problem)
                if failure is None:
                    raise
                raise failure from problem
            self._head.release()
            if not request.use_smaller_batch():
                raise DeviceError(f"one pose at a time does not fit the memory of the {self.device}: {what}")

    def _finish(self, request: Request, part: slice, report: SolveReport, results: Results) -> Field:
        poses, values = request.poses[part], results.finished()
        potential = values.get("potential")

        def evaluate() -> Any:
            return values if potential is None else self._evaluate(request, part, potential)

        wanted: dict[str, Any] = {
            "elements": request.elements,
            "region": request.roi,
            "recovery": request.recovery,
        }
        field = Field(
            self.mesh, poses, request.didt[part], report, potential=potential, evaluate=evaluate, **wanted
        )
        bad = np.flatnonzero(~report.converged)
        if len(bad):
            worst = bad[np.argmax(np.nan_to_num(report.residual[bad], nan=np.inf))]
            raise ConvergenceError(
                f"{len(bad)} of {len(poses)} poses did not reach a residual of {report.tolerance[worst]:g} "
                f"in {request.max_iterations} iterations; the worst is pose {part.start + worst} with "
                f"{report.residual[worst]:.2e} after {report.iterations[worst]}",
                report,
                field,
            )
        return field

    def _evaluate(self, request: Request, whole: slice, potential: Any) -> Any:
        """E (k, m, 3), and its error if recovered, of some poses in all tetrahedra from φ (k, n)."""
        k, m = len(potential), self.mesh.n_tets
        self._check_room(request.bytes_evaluated(k), request, f"E of {k} poses in {m} tetrahedra")
        results = self._head.results(request.evaluated(k), request.on_gpu)

        def evaluate(start: int) -> int:
            part = slice(start, min(start + request.batch, k))
            room = results.room(part)
            poses = slice(whole.start + part.start, whole.start + part.stop)
            self._head.evaluate(request, poses, potential[part], room)
            results.filled(part, room)
            return part.stop

        done = 0
        while done < k:
            done = self._fitting(request, functools.partial(evaluate, done))
        return results.finished()

    def _check_room(self, size: float, request: Request, what: str) -> None:
        """Refuse a result that does not fit the memory it is to lie in."""
        on_host = free_memory() + self._head.spare_bytes
        free = self._device.free_memory() if request.on_gpu else on_host
        if size > free:
            raise DeviceError(f"{what} takes {size / 2**30:.1f} GiB, more than is free: try iter_solve, roi")


def _coil(coil: Coil) -> Coil:
    if not isinstance(coil, Coil):
        raise CoilError(f"coil must be a Coil (see read_coil), not {type(coil).__name__}")
    return coil
