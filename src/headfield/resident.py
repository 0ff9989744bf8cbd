# SPDX-License-Identifier: BSD-3-Clause
"""A head on the device: operators, hierarchy and work space, and what they make of a batch of poses."""

from __future__ import annotations

import hashlib
import threading
import warnings
from collections import defaultdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import _backend
from .field import SolveReport
from .mesh import TetMesh
from .primary import Primary
from .recovery import Recovery
from .request import Request
from .reserve import Reserve
from .work import Clock, Results, WorkSpace

__all__ = ["ResidentHead"]

_STRENGTH = 0.04  # strong couplings of the aggregation, see docs/numerics.md
_COILS_KEPT = 4  # whose tables of ∂A/∂t stay in memory, about 10 MB each
_REACH_MM = 100.0  # how far from the head a coil may be before ∂A/∂t is summed directly
_RECOVERIES_KEPT = 2  # of regions that were asked for last
_BRAIN = (1, 2)  # tissues whose discretisation error decides where no others are asked for
_ROUGH_TOL = 1e-3  # of a first solution, good enough to see the discretisation error by
_TOL_SHARE = 0.02  # of the discretisation error that the solver may be off by
_LEAST_TOL = 1e-8


class ResidentHead:
    """The arrays of a head on one device, and the batches solved with them, one at a time.

    Attributes
    ----------
    device : Device
    seconds : dict of str to float
        Of the set-up, per stage.
    n_levels : int
        Levels of the multigrid hierarchy.
    """

    def __init__(
        self,
        mesh: TetMesh,
        conductivity: NDArray[np.float64],
        device: _backend.Device,
        threads: int,
    ) -> None:
        self.device, self._threads = device, threads
        self._mesh, self._n_nodes = mesh, mesh.n_nodes
        self._recoveries: dict[Any, Recovery] = {}  # the last asked for last
        self._lock = threading.Lock()
        self._primaries: list[Primary] = []
        self._work: WorkSpace | None = None
        self._reserves: dict[str, Reserve] = defaultdict(Reserve)  # of results by name
        with device.current(), _backend.using_threads(threads):
            clock = Clock(device)
            order = device.native.morton_order(mesh.nodes_mm)
            rank = np.empty_like(order)
            rank[order] = np.arange(len(order), dtype=np.int32)
            self._extent_m = float(np.linalg.norm(np.ptp(mesh.nodes_mm, axis=0))) * 1e-3
            self._node = device.indices(order, mesh.n_nodes, own=True)  # internal number -> mesh node
            self._nodes_m = device.put(mesh.nodes_mm[order] * 1e-3)
            self._tets = device.indices(rank[mesh.tets], mesh.n_nodes, own=True)
            self._sigma = device.put(conductivity)
            indptr, indices, stiffness, self._source = device.native.assemble(
                self._nodes_m, self._tets, self._sigma
            )
            self._indptr = device.indices(indptr, len(indices) + 1, row_pointer=True, own=True)
            self._indices = device.indices(indices, mesh.n_nodes, own=True)
            clock.lap("assemble")
            ground = device.put(np.arange(mesh.n_nodes) == 0)
            self._hierarchy = device.native.Hierarchy(
                self._indptr, self._indices, stiffness, fixed=ground, theta=_STRENGTH
            )
            clock.lap("hierarchy")
        self.seconds = clock.seconds
        self.n_levels = len(self._hierarchy.levels)

    def solve(self, request: Request, part: slice, room: Any) -> SolveReport:
        """Solve one batch of poses into `room` on the device: the potential (k, n) or E (k, elements, 3)."""
        device, scale = self.device, request.scale[part]
        with self._lock, device.current(), _backend.using_threads(self._threads) as threads:
            clock = Clock(device)
            work = self._work_space(request.width)
            primary = self._sample(request, part, work)
            clock.lap("primary")
            self._right_hand_side(work)
            clock.lap("right_hand_side")
            if request.initial is not None:
                self._load(request.initial[part], scale, work)
                work.phi -= work.phi[0]
            recovery = self._recovery_for(request)
            if recovery is not None:
                clock.lap("recovery")  # which is building it, if it is a new one
            columns, iterations, tolerance = self._iterate(request, recovery, len(scale), work)
            clock.lap("solve")
            if recovery is not None:
                recovery.evaluate(work.phi, work.adot)
                clock.lap("recovery")
            error = self._values(request, scale, work, room, recovery)
            recording_problem = work.solver.recording_problem
            clock.lap("field")
        return SolveReport(
            iterations=iterations,
            residual=np.array([c.residual for c in columns]),
            converged=np.array([c.converged for c in columns]),
            tolerance=tolerance,
            discretisation_error=error,
            primary_error=primary.error,
            device=device.name,
            threads=threads,
            batch=request.width,
            batch_asked=request.batch_asked,
            recording_problem=recording_problem,
            seconds=clock.seconds,
        )

    def evaluate(self, request: Request, part: slice, potential: Any, room: Any) -> None:
        """E (k, m, 3) of one batch in all tetrahedra from the potential (k, n), into `room` on the device."""
        scale = request.scale[part]
        with self._lock, self.device.current(), _backend.using_threads(self._threads):
            work = self._work_space(request.width)
            self._sample(request, part, work)
            self._load(potential, scale, work)
            recovery = None if request.recovery is None else self._recovery_for(request)
            if recovery is not None:
                recovery.evaluate(work.phi, work.adot)
            self._values(request, scale, work, room, recovery)
            self.device.wait()  # the work space is the next caller's

    def results(self, made: dict[str, tuple[tuple[int, ...], Any]], on_device: bool) -> Results:
        """Room for the results of some poses, shapes and dtypes by name."""
        return Results(self.device, self._reserves, made, on_device)

    @property
    def spare_bytes(self) -> int:
        """Memory of the host that is kept for results."""
        return sum(reserve.spare_bytes for reserve in list(self._reserves.values()))

    def release(self) -> None:
        """Give the work space back, and what is kept for results."""
        self._work = None
        self._recoveries.clear()
        self._reserves.clear()
        self.device.release()

    def _sample(self, request: Request, part: slice, work: WorkSpace) -> Primary:
        """∂A/∂t of a batch of poses at the nodes into the work space; says if the coil doesn't reach them."""
        primary = self._primary_for(request)
        poses = request.poses[part]
        outside = primary.sample(self._nodes_m, poses, request.rates[part], work.adot)
        if outside:
            warnings.warn(
                f"{outside / len(poses):.0f} of {self._n_nodes} nodes a pose lie outside the samples of "
                f"{request.coil!r}; A is taken as 0 there",
                stacklevel=7,
            )
        return primary

    def _load(self, potential: Any, scale: NDArray[np.float64], work: WorkSpace) -> None:
        """Potentials (k, n) of k poses into the block vector φ, for the rates that are solved for."""
        # 0 where a rate is so small that the factor is lost
        factor = np.divide(1.0, scale, out=np.zeros(len(scale)), where=np.abs(scale) > 1e-36)
        put = self.device.put
        self.device.native.pack(put(potential), self._node, put(factor), work.phi)

    def _iterate(
        self, request: Request, recovery: Recovery | None, k: int, work: WorkSpace
    ) -> tuple[list[Any], NDArray[np.int32], NDArray[np.float64]]:
        """Solve for φ; returns what the solver says of the k poses, their iterations and tolerances.

        Where the tolerance is to follow from the discretisation error, that is estimated from a first, rough
        solution. Every pose goes through both solves, so that it gets the same bits beside any others.
        """
        tolerance = np.full(request.width, _ROUGH_TOL if request.tol is None else request.tol)

        def solve(guessed: bool) -> list[Any]:
            limits, most = tolerance.tolist(), request.max_iterations
            return list(work.solver.solve(work.b, work.phi, limits, most, guessed)[:k])

        columns = solve(request.initial is not None)
        iterations = np.array([c.iterations for c in columns], np.int32)
        if request.tol is None and recovery is not None:
            recovery.evaluate(work.phi, work.adot)
            error = recovery.relative_errors(work.phi, work.adot, k)
            tolerance[:k] = np.clip(_TOL_SHARE * error, _LEAST_TOL, _ROUGH_TOL)
            self._right_hand_side(work)
            columns = solve(guessed=True)
            iterations += np.array([c.iterations for c in columns], np.int32)
        return columns, iterations, tolerance[:k]

    def _right_hand_side(self, work: WorkSpace) -> None:
        self.device.native.right_hand_side(self._indptr, self._indices, self._source, work.adot, work.b)

    def _values(
        self,
        request: Request,
        scale: NDArray[np.float64],
        work: WorkSpace,
        room: dict[str, Any],
        recovery: Recovery | None,
    ) -> NDArray[np.float64] | None:
        """What there is room for: the potential, or E in the places that were asked for.

        Returns the estimated discretisation error (k,), where there is a recovery that has been evaluated.
        """
        native, factors = self.device.native, self.device.put(scale)
        phi, adot = work.phi, work.adot
        if request.recovery is not None and recovery is not None and "E" in room:
            return recovery.values(phi, adot, factors, room)
        if "E" in room:
            there = request.elements_there
            native.electric_field(self._nodes_m, self._tets, phi, adot, factors, there, room["E"])
        else:
            native.unpack(phi, self._node, factors, room["potential"])
        return None if recovery is None else recovery.relative_errors(phi, adot, len(scale))

    def _recovery_for(self, request: Request) -> Recovery | None:
        """The operator for a request, built when it is first asked for; the last few are kept."""
        if request.recovery is None and request.tol is not None:
            return None
        elements, barycentric = request.elements, request.barycentric
        if request.recovery is None and elements is None:
            brain = np.isin(self._mesh.tags, _BRAIN)
            elements = np.flatnonzero(brain if brain.any() else ~brain).astype(np.int32)
        kind = request.recovery or "interface"
        key = kind, _digest(elements), _digest(barycentric)
        found = self._recoveries.pop(key, None)
        if found is None:
            if elements is None:
                elements = np.arange(self._mesh.n_tets, dtype=np.int32)
            tags = self.device.put(self._mesh.tags)
            head = self._nodes_m, self._tets, tags, self._sigma
            volumes = self._mesh.volumes_mm3()[elements]
            found = Recovery(self.device, head, kind, elements, volumes, barycentric)
        self._recoveries[key] = found
        if len(self._recoveries) > _RECOVERIES_KEPT:
            del self._recoveries[next(iter(self._recoveries))]
        return found

    def _work_space(self, width: int) -> WorkSpace:
        """Block vectors of so many columns, kept until another width is asked for."""
        if self._work is None or self._work.solver.width != width:
            self._work = None  # give the old ones back first
            self._work = WorkSpace(self.device, self._hierarchy, self._n_nodes, width)
        return self._work

    def _primary_for(self, request: Request) -> Primary:
        """∂A/∂t of the coil, tabulated when a coil is first used; the last few coils are kept."""
        for p in self._primaries:
            if p.coil is request.coil and p.bound == request.primary_error:
                return p
        reach = min(self._extent_m + _REACH_MM * 1e-3, 0.5)
        p = Primary.build(request.coil, reach, request.primary_error, self.device)
        self._primaries = [p, *self._primaries[: _COILS_KEPT - 1]]
        return p


def _digest(array: NDArray[Any] | None) -> bytes | None:
    return None if array is None else hashlib.blake2b(np.ascontiguousarray(array).data).digest()
