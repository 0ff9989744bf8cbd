# SPDX-License-Identifier: BSD-3-Clause
"""One call of `HeadModel.gradient`: solves and adjoint solves, one batch after the other, and what follows.

With Q(E) a measure and w = ∂Q/∂E, E = −∇φ − Ȧ, Kφ = b and Kψ = l, l being how w · E depends on φ: any change
of Ȧ changes Q by c · dȦ, summed over the nodes, c being the currents that ψ and w drive, and any change of a
conductivity by V ∇ψ · E dσ. So a solve and an adjoint solve for each pose give the derivatives by everything.
Where Q is linear in E, w and ψ are those of all poses, and Q itself is c · Ȧ: nothing is solved for a pose.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...core.device import on_host
from ...fields.report import SolveReport
from ...heads.mesh import TetMesh
from ...measures.checked import constant_of, derivatives_of, values_of
from ...measures.measure import Measure
from ..batch import Batch, Solved, reported
from ..batches import Batches
from ..drives.coil import CoilDrive
from ..drives.functionals import Functionals
from ..head import DeviceHead
from ..options import SolveOptions
from .coils import CoilSlopes
from .folded import Folded
from .gradient import BY_MEDIA, BY_SOURCES, Gradient
from .media import Media

__all__ = ["Reverse"]

Floats = NDArray[np.float64]

_MM = np.repeat([1e-3, 1.0], 3)  # m per mm, and rad


class _Shared(NamedTuple):
    """The adjoint of all poses: ψ (n, 1) and currents (n, 3, 1), without their factor."""

    psi: Any
    currents: Any
    factor: float
    constant: float  #: the value of the measure where E is 0
    report: SolveReport


class Reverse:
    """Values and derivatives of a measure for the poses of a drive; `result` does all of it."""

    def __init__(
        self,
        mesh: TetMesh,
        conductivity: Floats,
        head: DeviceHead,
        drive: CoilDrive,
        measure: Measure,
        *,
        wrt: tuple[str, ...],
        options: SolveOptions,
    ) -> None:
        self._mesh, self._head, self._drive, self._measure = mesh, head, drive, measure
        self._wrt, self._options = wrt, options
        self._folded = Folded(measure.regions)
        self._coil: CoilSlopes | None = None
        if any(name in BY_SOURCES for name in wrt):
            exact = drive.bound == 0.0
            self._coil = CoilSlopes(drive.coil, wrt, head.device, exact=exact)
        self._media: Media | None = None
        if any(name in BY_MEDIA for name in wrt):
            self._media = Media(head.operators, conductivity, each="elements" in wrt)
        self._wide: Any = None  # the currents of all poses, once for each column
        self._rows: list[dict[str, Any]] = []
        self._reports: list[SolveReport] = []
        self._adjoints: list[SolveReport] = []
        self._batches = Batches(mesh, head, drive, options)

    def result(self) -> Gradient:
        """Solve, and return values and derivatives.

        Raises
        ------
        ConvergenceError, MeasureError
        """
        if not self._measure.is_linear:
            self._batches.each(self._both)
        else:
            shared = self._shared()
            self._adjoints.append(shared.report)
            self._batches.each(lambda batch: self._forward(batch, shared))
        made = {name: np.concatenate([row[name] for row in self._rows]) for name in self._rows[0]}
        if self._media is not None and "conductivity" in self._wrt:
            made["tags"] = self._media.tags
        adjoint = SolveReport.joined(self._adjoints)
        return Gradient(
            **made, report=SolveReport.joined(self._reports) if self._reports else adjoint, adjoint=adjoint
        )

    def _both(self, batch: Batch) -> None:
        """Solve a batch, then its adjoint."""
        head = self._head
        with head.solved(batch, None) as s:
            report = self._reported(batch, s)
            field = self._field(batch, s)
            first = self._drive.first + batch.part.start
            values = values_of(self._measure, field, first)
            weights = self._folded.sums(derivatives_of(self._measure, field, first))
            factor = np.abs(weights).max(axis=(1, 2), initial=0.0)
            factor[factor == 0.0] = 1.0
            weights = (weights / factor[:, None, None]).astype(np.float32)
            phi = s.work.phi.copy() if self._media is not None else None
            report_of_adjoint = head.solve_adjoint(batch, s, lambda b: self._load(weights, b))
            self._batches.check_converged(report_of_adjoint, "the adjoint of pose", first)
            row = self._by_media(batch, phi, s.work.phi, s.adot, factor)
            # ∂A/∂t is needed no more, and touching fresh memory would take as long as an iteration.
            currents = self._currents(s.work.phi, weights, s.work.adot)
            row |= self._by_coil(batch, currents, factor)
        self._rows.append({"values": on_host(values)} | row)
        self._reports.append(report)
        self._adjoints.append(report_of_adjoint)

    def _shared(self) -> _Shared:
        """Solve the adjoint of a linear measure, which is that of all poses."""
        nothing = np.zeros((1, self._folded.count, 3))
        slopes = derivatives_of(self._measure, nothing)
        constant = constant_of(self._measure, slopes)
        weights = self._folded.sums(slopes)
        drive = Functionals(self._folded.elements, weights)
        batches = Batches(self._mesh, self._head, drive, self._options)
        found: list[_Shared] = []

        def solve(batch: Batch) -> None:
            with self._head.solved(batch, None) as s:
                report = reported(batch, s, self._head.device, None)
                batches.check_converged(report, "the adjoint of the measure", 0)
                psi = s.work.phi.copy()
                room = self._head.device.xp.empty((*psi.shape[:1], 3, batch.width), np.float32)
                currents = self._currents(psi, drive.weights, room)
                found.append(_Shared(psi, currents, float(drive.scale[0]), constant, report))

        batches.each(solve)
        return found[0]

    def _forward(self, batch: Batch, shared: _Shared) -> None:
        """Find values and derivatives of a batch by the adjoint of all; solve it where φ is needed."""
        factor = np.full(len(batch.scale), shared.factor)
        if self._media is None:
            with self._head.driven(batch):  # which looks at the poses
                row = self._by_coil(batch, self._for_each(shared.currents, batch.width), factor)
        else:
            with self._head.solved(batch, None) as s:
                report = self._reported(batch, s)
                xp = self._head.device.xp
                psi = xp.ascontiguousarray(xp.broadcast_to(shared.psi, s.work.phi.shape))
                row = self._by_media(batch, s.work.phi, psi, s.adot, factor)
                row |= self._by_coil(batch, self._for_each(shared.currents, batch.width), factor)
            self._reports.append(report)
        row["values"] = row["values"] + shared.constant
        self._rows.append(row)

    def _for_each(self, currents: Any, width: int) -> Any:
        """Return the currents (n, 3, 1) of all poses once for each column; the last ones are kept."""
        if self._wide is None or self._wide.shape[2] != width:
            xp = self._head.device.xp
            self._wide = xp.ascontiguousarray(xp.broadcast_to(currents, (*currents.shape[:2], width)))
        return self._wide

    def _reported(self, batch: Batch, s: Solved) -> SolveReport:
        report = reported(batch, s, self._head.device, None)
        self._batches.check_converged(report, "pose", self._drive.first + batch.part.start)
        return report

    def _field(self, batch: Batch, s: Solved) -> Any:
        """Return E (k, P, 3) float64 in the regions of the measure; on the device if the measure takes it."""
        device, every = self._head.device, self._folded.every
        there = device.indices(every, self._mesh.n_tets, own=True)
        field = device.xp.empty((len(batch.scale), len(every), 3), np.float32)
        self._head.operators.electric_field(s.work.phi, s.adot, device.put(batch.scale), there, field)
        if not getattr(self._measure, "on_gpu", False):
            field = device.get(field)
        return field.astype(np.float64)

    def _load(self, weights: NDArray[np.float32], b: Any) -> None:
        """Fill how sums Σ w · E depend on φ, for weights (k, e, 3)."""
        self._head.operators.element_loads(self._head.device.put(weights), self._folded.elements, b)

    def _currents(self, psi: Any, weights: NDArray[np.float32], room: Any) -> Any:
        """Return the currents (n, 3, W) at the nodes that stand for these sums, in a room of that shape."""
        operators, device = self._head.operators, self._head.device
        operators.nodal_flux(psi, room)
        operators.add_element_shares(device.put(weights), self._folded.elements, room)
        return room

    def _by_media(self, batch: Batch, phi: Any, psi: Any, adot: Any, factor: Floats) -> dict[str, Any]:
        """Return derivatives by conductivities that were asked for, by name."""
        if self._media is None:
            return {}
        tissues, each = self._media.slopes(phi, psi, adot, batch.scale, factor)
        row: dict[str, Any] = {} if each is None else {"element_conductivity": each}
        return row | ({"conductivity": tissues} if "conductivity" in self._wrt else {})

    def _by_coil(self, batch: Batch, currents: Any, factor: Floats) -> dict[str, Any]:
        """Return derivatives by poses, dI/dt and parts of the coil that were asked for, by name.

        Those by parts take a pass over the sources of the coil for each node.
        """
        drive, nodes_m, wrt = self._drive, self._head.operators.nodes_m, self._wrt
        didt = drive.didt[batch.part].reshape(len(batch.scale), -1)
        row: dict[str, Any] = {}
        if "pose" in wrt or "didt" in wrt or self._measure.is_linear:
            pulls = drive.pull(nodes_m, batch.part, currents) * factor[:, None]
            if self._measure.is_linear:
                row["values"] = np.asarray((didt * pulls[:, :, 0].T).sum(axis=1))
            if "pose" in wrt:
                row["pose"] = (didt.T[:, :, None] * pulls[:, :, 1:]).sum(axis=0) * _MM
            if "didt" in wrt:
                row["didt"] = pulls[:, :, 0].T.reshape(drive.didt[batch.part].shape)
        if self._coil is None:
            return row
        rates, rows = didt * factor[:, None], []
        for column, pose in enumerate(drive.poses[batch.part]):
            own = np.ascontiguousarray(self._head.device.get(currents[:, :, column]))
            rows.append(self._coil.at(nodes_m, own, pose, rates[column]))
        return row | {name: np.stack([one[name] for one in rows]) for name in rows[0]}
