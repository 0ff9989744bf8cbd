# SPDX-License-Identifier: BSD-3-Clause
"""Solve a drive batch by batch: how many sources at a time, in what memory, and the fields in order."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, Protocol, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..core.arguments import finite_array
from ..core.device import Device, is_on_gpu, on_host
from ..core.memory import free_memory
from ..errors import ArgumentError, ConvergenceError, DeviceError
from ..fields.field import Field, SolveReport
from ..fields.run import Run
from ..heads.mesh import TetMesh
from .batch import Batch
from .drives.drive import Drive
from .failure import how_it_ended
from .first_guess import FirstGuess
from .head import DeviceHead
from .options import SolveOptions
from .places import Places
from .transfers import Results

__all__ = ["BatchSolver", "Batches"]

T = TypeVar("T")

_AUTO_BATCH = {
    "cpu": 32,
    "cuda": 64,
}  # sources at a time where all fit; the matrices' cost is then spread thin
_BYTES_PER_NODE_AND_COLUMN = 60  # work vectors of the solver, ∂A/∂t, b and φ
_BYTES_RECOVERED = 24  # the same of recovered E, with two tissues at a node
# Bytes on the host that are taken without a look at the free memory: that would take a twentieth of a small
# solve, and a MemoryError says where even these are missing.
_SMALL = 1 << 24


class BatchSolver(Protocol):
    """What solves batches, see `DeviceHead`, if E is all that is wanted of it, and at once."""

    device: Device
    unknowns: int

    @property
    def spare_bytes(self) -> int: ...
    def solve(self, batch: Batch, initial: Any, room: dict[str, Any]) -> SolveReport: ...
    def results(self, made: dict[str, tuple[tuple[int, ...], Any]], on_device: bool) -> Results: ...
    def likely_cause(self) -> str: ...
    def release(self) -> None: ...


class Batches:
    """The sources of a drive, which are solved for in a head some at a time.

    `record` makes the record of some of the sources, which their field then has; it must hold no model.

    Attributes
    ----------
    batch : int
        Sources at a time; made smaller where the memory does not hold them.

    Raises
    ------
    ArgumentError, MeshError, RegionError
    """

    def __init__(
        self,
        mesh: TetMesh,
        head: DeviceHead | BatchSolver,
        drive: Drive,
        options: SolveOptions,
        record: Callable[[slice], Run] | None = None,
    ) -> None:
        self._mesh, self._head, self._drive, self._options = mesh, head, drive, options
        self._record = record
        if not len(drive) or drive.scale.shape != (len(drive),):
            raise ArgumentError(
                f"a drive needs a source, and a scale for each: it has {len(drive)}, and {drive.scale.shape}"
            )
        self._places = Places.chosen(mesh, options.elements, options.roi)
        self._widths: tuple[int, ...] = head.device.native.widths
        self._on_gpu = head.device.name != "cpu"
        self.batch = self._first_batch()
        self._width_asked = self._width_of(self.batch)

    def together(
        self,
        initial: ArrayLike | FirstGuess | None,
        progress: Callable[[int, int], None] | None,
        name: str = "initial",
    ) -> Field:
        """Return the fields of all sources as one; `name` is what messages call `initial`.

        Raises
        ------
        DeviceError
            The result does not fit the memory.
        ConvergenceError
        """
        k = len(self._drive)
        guess: Any = initial
        if initial is not None and not isinstance(initial, FirstGuess):
            guess = self._check_initial(initial, name)
        made = self._result(k)
        self._check_room(made, f"the result of {k} {self._sources}")
        try:
            results = self._head.results(made, self._drive.on_gpu)
        except MemoryError as problem:
            problem_said = f"the result of {k} {self._sources} does not fit the memory: {problem}"
            raise DeviceError(problem_said) from None
        reports: list[SolveReport] = []
        done = 0
        while done < k:
            part, report, _ = self._solve(done, guess, results)
            reports.append(report)
            done = part.stop
            if progress is not None:
                progress(done, k)
        return self._field(slice(0, k), SolveReport.joined(reports), results)

    def one_by_one(self, initial: FirstGuess | None = None) -> Iterator[Field]:
        """Yield fields batch by batch. While one is on its way from a GPU to the host, the next is solved."""
        waiting: tuple[slice, SolveReport, Results] | None = None
        done = 0
        while done < len(self._drive):
            try:
                solved = self._solve(done, initial, None)
            except BaseException:
                if waiting is not None:  # what is finished is not lost
                    yield self._field(*waiting)
                raise
            if waiting is not None:
                yield self._field(*waiting)
            waiting, done = solved, solved[0].stop
            if not waiting[2].under_way:
                yield self._field(*waiting)
                waiting = None
        if waiting is not None:
            yield self._field(*waiting)

    def currents(self) -> tuple[NDArray[np.float32], SolveReport]:
        """Return the currents c (k, n, 3) at the nodes that stand for functionals of E, each Σ c · ∂A/∂t.

        Raises
        ------
        ConvergenceError
            Without a partial result: nothing follows from an adjoint that is not solved.
        """
        assert isinstance(self._head, DeviceHead)
        head = self._head
        made: list[NDArray[np.float32]] = []
        reports: list[SolveReport] = []

        def solve(batch: Batch) -> None:
            rows, report = head.currents(batch)
            made.append(rows * self._drive.scale[batch.part, None, None].astype(np.float32))
            reports.append(report)

        self.each(solve)
        report = SolveReport.joined(reports)
        self.check_converged(report, "the adjoint of functional", 0)
        return np.concatenate(made), report

    def check_converged(self, report: SolveReport, what: str, first: int) -> None:
        """Raise ConvergenceError, without a partial result, unless all is solved; it names the worst."""
        if report.converged.all():
            return
        worst = int(np.nan_to_num(report.residual, nan=np.inf).argmax())
        raise ConvergenceError(
            f"{what} {first + worst} did not reach a residual of {report.tolerance[worst]:g}: "
            f"{how_it_ended(report, worst, self._options.max_iterations)}.{self._head.likely_cause()}",
            report,
        )

    def primary_sums(self, currents: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return Σ c · ∂A/∂t (k, f) of all sources over the nodes for currents c (f, n, 3); solve nothing."""
        assert isinstance(self._head, DeviceHead)
        head, made, rows = self._head, list[NDArray[np.float64]](), self._head.ordered(currents)
        self.each(lambda batch: made.append(head.primary_sums(batch, rows)))
        return np.concatenate(made)

    def each(self, step: Callable[[Batch], None]) -> None:
        """Do a step for one batch after the other, with smaller ones where the memory does not hold them."""
        done = 0

        def one() -> int:
            part = slice(done, min(done + self.batch, len(self._drive)))
            step(self._batch_of(part, self.batch))
            return part.stop

        while done < len(self._drive):
            done = self._fitting(one)

    @property
    def _sources(self) -> str:
        return "poses" if self._drive.poses is not None else "sources"

    def _width_of(self, batch: int) -> int:
        """Return the native loops' columns for a batch; the last, smaller one uses the same work space."""
        k = min(batch, len(self._drive))
        return next(w for w in self._widths if w >= k)

    def _first_batch(self) -> int:
        if self._options.batch != "auto":
            return max(w for w in self._widths if w <= int(self._options.batch))
        # What a source takes: the work vectors, and E with |E| as they will be asked for, or E three times
        # where it is copied from a GPU while others are solved.
        per_element = 36 if self._on_gpu and not self._drive.on_gpu else 16
        per_node = _BYTES_PER_NODE_AND_COLUMN
        if self._options.recovery is not None or self._options.tolerance_follows:
            per_element, per_node = per_element + per_element // 4, per_node + _BYTES_RECOVERED
        each = self._head.unknowns * per_node + per_element * self._places.count
        most: float = _AUTO_BATCH[self._head.device.name]
        if self._on_gpu or each * self._width_of(int(most)) > _SMALL:
            most = min(self._head.device.free_memory() / each, most)
        return max(w for w in self._widths if w == 1 or w <= most)

    def _batch_of(self, part: slice, batch: int) -> Batch:
        width = self._width_of(batch)
        return Batch(self._drive, self._options, self._places, part, width, self._width_asked)

    def _result(self, k: int) -> dict[str, tuple[tuple[int, ...], Any]]:
        """Return shapes and dtypes of what k sources leave: E where places were chosen, φ, or both."""
        made = {} if self._places.elements is None else self._evaluated(k)
        if not made or self._options.keep_potential:
            made["potential"] = (k, self._mesh.n_nodes), np.float64
        return made

    def _evaluated(self, k: int) -> dict[str, tuple[tuple[int, ...], Any]]:
        return self._places.results(k, self._options.recovery is not None)

    def _solve(self, start: int, initial: Any, results: Results | None) -> tuple[slice, SolveReport, Results]:
        """Solve the batch that begins at `start`, into the `results` of all sources or into its own."""

        def solve() -> tuple[slice, SolveReport, Results]:
            batch = self.batch  # another thread may make it smaller meanwhile
            part = slice(start, min(start + batch, len(self._drive)))
            target, within = results, part
            if target is None:
                k = part.stop - start
                target, within = self._head.results(self._result(k), self._drive.on_gpu), slice(0, k)
            room = target.room(within)
            guess = None if initial is None else initial[part]
            report = self._head.solve(self._batch_of(part, batch), guess, room)
            if isinstance(initial, FirstGuess):
                report = replace(report, first_guess=initial.name)
            target.filled(within, room)
            return part, report, target

        return self._fitting(solve)

    def _fitting(self, step: Callable[[], T]) -> T:
        """Return what `step` does; make batches smaller where the memory does not hold the block vectors."""
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
            smaller = [w for w in self._widths if w < self._width_of(self.batch)]
            if not smaller:
                device = self._head.device.name
                one = self._sources[:-1]
                raise DeviceError(f"one {one} at a time does not fit the memory of the {device}: {what}")
            self.batch = smaller[-1]

    def _field(self, part: slice, report: SolveReport, results: Results) -> Field:
        """Return the field of some sources, NaN in those that did not converge.

        With strict options raise ConvergenceError instead, with the field as far as it got.
        """
        values, drive = results.finished(), self._drive
        bad = (~report.converged).nonzero()[0]
        if len(bad) and not self._options.strict:
            for array in values.values():
                array[bad] = np.nan
        potential = values.get("potential")

        def evaluate() -> Any:
            return self._evaluate(part, potential)

        field = Field(
            self._mesh,
            None if drive.poses is None else drive.poses[part],
            None if drive.didt is None else drive.didt[part],
            report,
            potential=potential,
            elements=self._places.elements,
            region=self._options.roi,
            recovery=self._options.recovery,
            run=None if self._record is None else functools.partial(self._record, part),
            evaluate=evaluate if "E" not in values else values.copy,
        )
        if len(bad) and self._options.strict:
            worst = bad[np.argmax(np.nan_to_num(report.residual[bad], nan=np.inf))]
            number = drive.first + part.start + worst
            raise ConvergenceError(
                f"{len(bad)} of {len(report.residual)} {self._sources} did not reach a residual of "
                f"{report.tolerance[worst]:g}; the worst is {self._sources[:-1]} {number} with "
                f"{report.residual[worst]:.2e}: {how_it_ended(report, worst, self._options.max_iterations)}."
                f"{self._head.likely_cause()}",
                report,
                field,
            )
        return field

    def _evaluate(self, whole: slice, potential: Any) -> Any:
        """Return E (k, m, 3), and its error if recovered, of some sources in all tetrahedra from φ (k, n)."""
        assert isinstance(self._head, DeviceHead)  # others leave no potential
        head, k, m = self._head, len(potential), self._mesh.n_tets
        made = self._evaluated(k)
        self._check_room(made, f"E of {k} {self._sources} in {m} tetrahedra")
        results = self._head.results(made, self._drive.on_gpu)

        def evaluate(start: int) -> int:
            batch = self.batch
            part = slice(start, min(start + batch, k))
            room = results.room(part)
            sources = slice(whole.start + part.start, whole.start + part.stop)
            head.evaluate(self._batch_of(sources, batch), potential[part], room)
            results.filled(part, room)
            return part.stop

        done = 0
        while done < k:
            done = self._fitting(functools.partial(evaluate, done))
        return results.finished()

    def _check_room(self, made: dict[str, tuple[tuple[int, ...], Any]], what: str) -> None:
        """Refuse a result that does not fit into memory."""
        size = sum(math.prod(shape) * np.dtype(dtype).itemsize for shape, dtype in made.values())
        if size <= _SMALL and not self._drive.on_gpu:
            return
        if self._drive.on_gpu:
            free = self._head.device.free_memory()
        else:
            free = free_memory() + self._head.spare_bytes
        if size > free:
            advice = "try iter_solve, roi" if self._drive.poses is not None else "try fewer at a time, roi"
            raise DeviceError(f"{what} takes {size / 2**30:.1f} GiB, more than is free: {advice}")

    def _check_initial(self, initial: Any, name: str) -> Any:
        """Return first guesses of the potential (k, n), on the host, or on the GPU if they are there."""
        shape, device = (len(self._drive), self._mesh.n_nodes), self._head.device
        values: NDArray[np.float64]
        if is_on_gpu(initial) and device.name == "cuda":
            values = device.put(initial)
            if values.dtype != np.float64 or not bool(device.xp.isfinite(values).all()):
                raise ArgumentError(f"{name} must be finite float64 numbers, not {values.dtype}")
        else:
            values = finite_array(on_host(initial), name, ArgumentError)
        if values.shape != shape:
            raise ArgumentError(
                f"{name} has shape {values.shape}; it must be {shape}, {self._sources} by nodes"
            )
        return values
