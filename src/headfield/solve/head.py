# SPDX-License-Identifier: BSD-3-Clause
"""A head on its device: operators, multigrid hierarchy and work space, and what they make of a batch."""

from __future__ import annotations

import functools
import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core.device import Device, cpu, using_threads
from ..core.locks import Lock
from ..core.memory import Reserve
from ..core.multigrid import hierarchy_of
from ..errors import ArgumentError
from ..fields.field import SolveReport
from ..heads.mesh import TetMesh
from ..heads.tissues import BRAIN
from .batch import Batch, Solved, inverse_of, reported
from .drives.functionals import Functionals
from .failure import likely_cause
from .iteration import iterated
from .mixed import MixedHead
from .operators import Operators
from .recovery import Recovery
from .transfers import Results
from .workspace import Clock, WorkSpace

__all__ = ["DeviceHead"]

_RECOVERIES_KEPT = 2  # of regions that were asked for last
_ROUGH_TOL = 1e-3  # of a first solution, good enough to see the discretisation error by
_TOL_SHARE = 0.02  # of the discretisation error that the solver may be off by
_LEAST_TOL = 1e-8
_SUMMED = 1 << 12  # products of ∂A/∂t that are added up in float32
_BALANCE = 1e-8  # of the sum of a right-hand side's sizes that may be left over: rounding


class DeviceHead:
    """The arrays of a head on one device, and the batches solved with them, one at a time.

    Attributes
    ----------
    device : Device
    operators : Operators
        What the head does to block vectors.
    seconds : dict of str to float
        Of the set-up, per stage.
    n_levels : int
        Levels of the multigrid hierarchy.
    unknowns : int
    primary : str
        "nodes" or "edges": see `HeadModel`.
    """

    def __init__(
        self,
        mesh: TetMesh,
        conductivity: NDArray[np.float64],
        device: Device,
        threads: int,
        primary: str = "nodes",
    ) -> None:
        self.device, self._threads, self.primary = device, threads, primary
        self._mesh, self.unknowns = mesh, mesh.n_nodes
        self._recoveries: dict[Any, Recovery] = {}  # the last asked for last
        self._lock = Lock("a head solves")
        self._work: WorkSpace | None = None
        self._last_elements: tuple[NDArray[np.int32], Any] | None = None
        self._reserves: dict[str, Reserve] = defaultdict(Reserve)  # of results by name
        with device.current(), using_threads(threads):
            clock = Clock(device)
            self.operators = Operators(mesh, conductivity, device, edges=primary == "edges")
            clock.lap("assemble")
            fixed = np.arange(mesh.n_nodes) == self.operators.ground
            self._hierarchy = hierarchy_of(device, self.operators.matrix, fixed)
            clock.lap("hierarchy")
        self.seconds = clock.seconds
        self.n_levels = len(self._hierarchy.levels)

    def solve(self, batch: Batch, initial: Any, room: dict[str, Any]) -> SolveReport:
        """Solve a batch, from `initial` potentials (k, n) if given, into `room` on the device.

        The room is for the potential (k, n), for E (k, e, 3), or both.
        """
        with self.solved(batch, initial) as s:
            error = self._fill(batch, s, room)
            s.clock.lap("field")
            return reported(batch, s, self.device, error)

    def potentials(
        self, batch: Batch, initial: Any, nodes: NDArray[np.int32], room: dict[str, Any] | None = None
    ) -> tuple[Any, SolveReport]:
        """Solve a batch as `solve` does; return its potential (r, W) at nodes (r,) of the mesh.

        It lies on the device, and is that of the rates that the drive is solved for, without its `scale`.
        `room`, if it is given, is filled.
        """
        with self.solved(batch, initial) as s:
            there = s.work.phi[self.device.put(self.operators.rank[nodes])]
            if room is not None:
                self._fill(batch, s, room)
            s.clock.lap("field")
            return there, reported(batch, s, self.device, None)

    def currents(self, batch: Batch) -> tuple[NDArray[np.float32], SolveReport]:
        """Solve a batch of `Functionals`; return the currents c (k, n, 3) at the nodes of the mesh.

        Each functional is Σ c · ∂A/∂t over the nodes, without the factor that is its `scale`.
        """
        k, drive = len(batch.scale), batch.drive
        assert isinstance(drive, Functionals)
        with self.solved(batch, None) as s:
            flux = self.device.xp.empty((self._mesh.n_nodes, 3, batch.width), np.float32)
            self.operators.nodal_flux(s.work.phi, flux)
            drive.add_currents(self.operators, batch.part, flux)
            rows = self.device.get(flux)[self.operators.rank]
            s.clock.lap("field")
            report = reported(batch, s, self.device, None)
        return np.ascontiguousarray(np.moveaxis(rows, 2, 0)[:k]), report

    def ordered(self, currents: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return currents (f, n, 3) at nodes of the mesh as rows (f, 3 n) in the order of block vectors."""
        return np.ascontiguousarray(currents[:, self.operators.order]).reshape(len(currents), -1)

    def primary_sums(self, batch: Batch, currents: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return Σ c · ∂A/∂t (k, f) of the k sources of a batch, for `ordered` currents (f, 3 n)."""
        with self.driven(batch) as rates:
            adot = self.device.get(rates).reshape(-1, batch.width)
            total = np.zeros((len(currents), batch.width))
            for start in range(0, len(adot), _SUMMED):  # in pieces: float32 holds no more
                part = np.ascontiguousarray(currents[:, start : start + _SUMMED])
                total += cpu.product(part, adot[start : start + _SUMMED])
        return np.asarray(total.T[: len(batch.scale)] * batch.scale[:, None])

    def mixed(self, part: NDArray[np.int32]) -> MixedHead:
        """Return what solves this head for conductivities of its parts (m,) that differ by column."""
        return MixedHead(self.operators, self._hierarchy, self._working, part)

    @contextmanager
    def driven(self, batch: Batch) -> Iterator[Any]:
        """Fill ∂A/∂t (n, 3, W) of a batch, and solve nothing; yield what there is until another one is."""
        with self._working():
            yield self._primary(batch, self._work_space(batch.width))

    def solve_adjoint(self, batch: Batch, s: Solved, load: Callable[[Any], None]) -> SolveReport:
        """Solve for other right-hand sides of a batch that was solved; `load` fills them.

        The work space then holds their solution as its φ.
        """
        load(s.work.b)
        columns = iterated(
            self.device,
            s.work,
            np.full(len(batch.scale), float(batch.options.tol)),
            batch.options.max_iterations,
            False,
            functools.partial(load, s.work.b),
        )
        iterations = np.array([c.iterations for c in columns], np.int32)
        s.clock.lap("adjoint")
        return reported(batch, replace(s, columns=columns, iterations=iterations), self.device, None)

    @contextmanager
    def solved(self, batch: Batch, initial: Any) -> Iterator[Solved]:
        """Solve a batch; yield what there is until another one is solved."""
        with self._working() as threads:
            clock, work = Clock(self.device), self._work_space(batch.width)
            adot = self._primary(batch, work)
            clock.lap("primary")
            batch.drive.load(self.operators, batch.part, adot, work.b)
            if not batch.drive.has_primary:
                self._check_balance(work.b[:, : len(batch.scale)])
            clock.lap("right_hand_side")
            if initial is not None:
                self._guess(initial, batch.scale, work)
            recovery = self._recovery_for(batch)
            if recovery is not None:
                clock.lap("recovery")  # which is building it, if it is a new one
            guessed = initial is not None
            columns, iterations, tolerance = self._iterate(batch, work, adot, recovery, guessed)
            clock.lap("solve")
            yield Solved(threads, clock, work, adot, recovery, columns, iterations, tolerance)

    def _fill(self, batch: Batch, s: Solved, room: dict[str, Any]) -> NDArray[np.float64] | None:
        """Fill the room of a batch that was solved; return the estimated discretisation error, if any."""
        if s.recovery is not None:
            s.recovery.evaluate(s.work.phi, s.adot)
            s.clock.lap("recovery")
        return self._values(batch, s.work, s.adot, s.recovery, room)

    def evaluate(self, batch: Batch, potential: Any, room: dict[str, Any]) -> None:
        """Compute E (k, e, 3) of a batch from its potential (k, n), into `room` on the device."""
        with self._working():
            work = self._work_space(batch.width)
            adot = self._primary(batch, work)
            self._load_potential(potential, batch.scale, work)
            recovery = None if batch.options.recovery is None else self._recovery_for(batch)
            if recovery is not None:
                recovery.evaluate(work.phi, adot)
            self._values(batch, work, adot, recovery, room)
            self.device.wait()  # the work space is the next caller's

    def results(self, made: dict[str, tuple[tuple[int, ...], Any]], on_device: bool) -> Results:
        """Make the `Results` of some sources, of these shapes and dtypes by name."""
        return Results(self.device, self._reserves, made, on_device)

    def likely_cause(self) -> str:
        """Say what in the head may be why a source did not converge; "" if nothing stands out."""
        with self.device.current():
            return likely_cause(self._mesh, self.device.get(self.operators.sigma))

    @property
    def spare_bytes(self) -> int:
        """Memory of the host that is kept for results."""
        return sum(reserve.spare_bytes for reserve in list(self._reserves.values()))

    def release(self) -> None:
        """Free the work space, and what is kept for results."""
        with self._lock.held():
            self._work = self._last_elements = None
            self._recoveries.clear()
            self._reserves.clear()
            self.device.release()

    @contextmanager
    def _working(self) -> Iterator[int]:
        """Take the head, its device and its threads for one batch; yield the number of threads."""
        with self._lock.held() as left_behind:
            if left_behind:  # the work space by a thread in the midst of a solve, which this process lacks
                self._work = self._last_elements = None
                self._recoveries.clear()
            with self.device.current(), using_threads(self._threads) as threads:
                yield threads

    def _work_space(self, width: int) -> WorkSpace:
        """Return block vectors of so many columns, kept until another width is asked for."""
        if self._work is None or self._work.solver.width != width:
            self._work = None  # give the old ones back first
            self._work = WorkSpace(self.device, self._hierarchy, self._mesh.n_nodes, width)
        return self._work

    def _primary(self, batch: Batch, work: WorkSpace) -> Any:
        """Return ∂A/∂t of a batch at the nodes; None if its sources have none."""
        if not batch.drive.has_primary:
            return None
        batch.drive.primary(self.operators, batch.part, work.adot)
        return work.adot

    def _check_balance(self, b: Any) -> None:
        """Refuse currents that don't sum to zero: the rest would flow out through the node held at zero."""
        total, size = (self.device.get(sums) for sums in (b.sum(axis=0), np.abs(b).sum(axis=0)))
        bad = np.flatnonzero(~(np.abs(total) <= _BALANCE * size))
        if len(bad):
            raise ArgumentError(
                f"the right-hand sides of {len(bad)} sources of a batch do not sum to zero; the first is its "
                f"source {bad[0]} with {total[bad[0]]:.3g} of {size[bad[0]]:.3g} in all"
            )

    def _load_potential(self, potential: Any, scale: NDArray[np.float64], work: WorkSpace) -> None:
        """Put potentials (k, n) of k sources into the block vector φ, with their scale taken out."""
        self.operators.to_columns(potential, inverse_of(scale), work.phi)

    def _guess(self, initial: Any, scale: NDArray[np.float64], work: WorkSpace) -> None:
        """Make the first guess of φ, zero at the grounded node as the solver demands."""
        self._load_potential(initial, scale, work)
        work.phi -= work.phi[self.operators.ground].copy()

    def _iterate(
        self, batch: Batch, work: WorkSpace, adot: Any, recovery: Recovery | None, guessed: bool
    ) -> tuple[list[Any], NDArray[np.int32], NDArray[np.float64]]:
        """Solve for φ; return the solver's reports on the k sources, their iterations and tolerances.

        Where the tolerance is to follow from the discretisation error, that is estimated from a first, rough
        solution. Every source goes through both solves, so that it gets the same bits beside any others.
        """
        k, options = len(batch.scale), batch.options
        follows = options.tolerance_follows
        tolerance = np.full(batch.width, _ROUGH_TOL if follows else options.tol, np.float64)

        def solve(guessed: bool) -> list[Any]:
            return iterated(
                self.device,
                work,
                tolerance[:k],
                options.max_iterations,
                guessed,
                functools.partial(batch.drive.load, self.operators, batch.part, adot, work.b),
            )

        columns = solve(guessed)
        iterations = np.array([c.iterations for c in columns], np.int32)
        if follows and recovery is not None:
            recovery.evaluate(work.phi, adot)
            error = recovery.relative_errors(work.phi, adot, k)
            tolerance[:k] = np.clip(_TOL_SHARE * error, _LEAST_TOL, _ROUGH_TOL)
            batch.drive.load(self.operators, batch.part, adot, work.b)
            columns = solve(guessed=True)
            iterations += np.array([c.iterations for c in columns], np.int32)
        return columns, iterations, tolerance[:k]

    def _values(
        self, batch: Batch, work: WorkSpace, adot: Any, recovery: Recovery | None, room: dict[str, Any]
    ) -> NDArray[np.float64] | None:
        """Fill the room of a batch: with the potential, with E in the places that were asked for, or both.

        Returns the estimated discretisation error (k,), where there is a recovery that has been evaluated.
        """
        phi, factors = work.phi, self.device.put(batch.scale)
        if "potential" in room:
            self.operators.to_rows(phi, factors, room["potential"])
        if "E" in room and batch.options.recovery is not None and recovery is not None:
            return recovery.values(phi, adot, factors, room)
        if "E" in room:
            elements = batch.places.elements
            there = None if elements is None else self._elements(elements)
            self.operators.electric_field(phi, adot, factors, there, room["E"])
        return None if recovery is None else recovery.relative_errors(phi, adot, len(batch.scale))

    def _elements(self, elements: NDArray[np.int32]) -> Any:
        """Return chosen elements on the device; the last ones are kept for the batches that follow."""
        if self._last_elements is None or self._last_elements[0] is not elements:
            self._last_elements = elements, self.device.indices(elements, self._mesh.n_tets)
        return self._last_elements[1]

    def _recovery_for(self, batch: Batch) -> Recovery | None:
        """Return the operator for a batch, built when it is first asked for; the last few are kept."""
        options, elements, barycentric = batch.options, batch.places.elements, batch.places.barycentric
        if options.recovery is None and not options.tolerance_follows:
            return None
        if options.recovery is None and elements is None:
            # Where no tissues are asked for, the error in the brain decides.
            brain = np.isin(self._mesh.tags, BRAIN)
            elements = np.flatnonzero(brain if brain.any() else ~brain).astype(np.int32)
        kind = options.recovery or "interface"
        key = kind, _digest(elements), _digest(barycentric)
        found = self._recoveries.pop(key, None)
        if found is None:
            if elements is None:
                elements = np.arange(self._mesh.n_tets, dtype=np.int32)
            found = Recovery(self.operators, kind, elements, barycentric)
        self._recoveries[key] = found
        if len(self._recoveries) > _RECOVERIES_KEPT:
            del self._recoveries[next(iter(self._recoveries))]
        return found


def _digest(array: NDArray[Any] | None) -> bytes | None:
    return None if array is None else hashlib.blake2b(np.ascontiguousarray(array).data).digest()
