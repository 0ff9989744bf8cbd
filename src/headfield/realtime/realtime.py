# SPDX-License-Identifier: BSD-3-Clause
"""E in a region of a head for one pose of a coil after the other, from a basis of the head."""

from __future__ import annotations

import time
from functools import partial
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..coils.coil import Coil
from ..core.arguments import positive
from ..core.device import cpu, using_threads
from ..errors import ArgumentError, PoseError
from ..fields.field import Field, SolveReport
from ..fields.run import Run, run_of
from ..heads.mesh import TetMesh
from ..placement.scalp_field import scalp_field
from ..poses.pose import check_poses
from ..regions.region import Region
from ..solve.drives.coil import CoilDrive, check_coil
from ..solve.drives.rates import checked_didt
from ..solve.first_guess import FirstGuess
from ..solve.model import HeadModel
from .basis import Basis
from .incident import RATE, Incident
from .potentials import Charges, Guesses
from .probes import Probes

__all__ = ["LEAST_MM", "RealTime", "check_by_edges"]

Floats = NDArray[np.float64]

#: From the scalp to the sources of a coil, mm.
LEAST_MM = 3.0
_SHARE, _LEAST_TOL, _MOST_TOL = 0.1, 1e-5, 1e-2  # of the error that is asked for: what a residual may leave
_AS_LONG_AS = 4  # poses: fewer take about as long
_FORGOTTEN = 0.9


def check_by_edges(model: HeadModel) -> None:
    """Raise ArgumentError for a model in which E depends on the gauge of A."""
    if model.primary != "edges":
        raise ArgumentError(
            "a real-time basis matches the B of a coil, so the model must not depend on the gauge of A: "
            'make it with HeadModel(…, primary="edges")'
        )


class RealTime:
    """E in a region of a head for any coil outside of it, frame by frame.

    `realtime_basis` makes one, `write_realtime` and `read_realtime` keep it in a file.

    Attributes
    ----------
    mesh : TetMesh
    region : Region
        Where frames have E: tetrahedra, or points.
    basis : Basis
    """

    def __init__(self, model: HeadModel, region: Region, basis: Basis) -> None:
        check_by_edges(model)
        self.model, self.mesh, self.region, self.basis = model, model.mesh, region, basis
        self._probes = Probes(basis.probe_tables, basis.probe_rows)
        self._share = region.weights / region.weights.sum()
        self._scalp = scalp_field(model.scalp)
        self._coils: WeakKeyDictionary[Coil, Incident] = WeakKeyDictionary()
        self._seconds: WeakKeyDictionary[Coil, float] = WeakKeyDictionary()  # of a solve, a pose
        known = basis.potentials
        self._charges = None if known is None else Charges(model.mesh, known.charges_mm)

    mesh: TetMesh

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle model, region and basis; what is native is made again."""
        return type(self), (self.model, self.region, self.basis)

    def __repr__(self) -> str:
        return (
            f"<RealTime: {self.region!r} from {self.basis.n_sources} sources; a figure-8 that was held out "
            f"is off by {self.basis.held_out}>"
        )

    def field(
        self,
        coil: Coil,
        poses: ArrayLike,
        didt: ArrayLike = 1e6,
        *,
        error: float | None = None,
        deadline_ms: float | None = None,
        estimate: bool = True,
    ) -> Field:
        """Compute E in the region for a coil at k poses, without a solve.

        A pose gets the same bits beside any others, and E is exactly linear in dI/dt.

        Parameters
        ----------
        coil : Coil
            Of dipoles or wire; the first frame of a coil takes some tenths of a second longer.
        poses : array_like (4, 4) or (k, 4, 4)
            Coil to head, mm.
        didt : array_like
            A/s, see `HeadModel.solve`.
        error : float, optional
            Poses whose estimated error is larger, or not known, are solved in full, from the basis as first
            guess if it has potentials, to a residual of a tenth of it. `report.iterations` says which; their
            `basis_error` is 0.
        deadline_ms : float, optional
            Milliseconds that the call may take: poses are only solved if that is likely to fit, by how long
            solves of this coil took. The error that is left stands in the report. Without `error`, all are
            solved that fit.
        estimate : bool
            Whether errors are estimated, which takes half the time of a frame and more for coils of many
            sources. False leaves nan in `basis_error`.

        Returns
        -------
        Field
            `report.basis_error` (k,) is the estimated relative L2 error of E over the region against a solve,
            by random sums of E whose exact values reciprocity gives (see `docs/realtime.md`). It is one
            to five times the error, and below it for very few poses.

        Raises
        ------
        PoseError
            A source of the coil is closer to the scalp than 3 mm, or inside the head.
        CoilError
            A part of the coil is A on a grid.
        ArgumentError
            dI/dt that `HeadModel.solve` refuses, or limits that are not positive.
        ConvergenceError
            A pose that was to be solved in full did not converge.

        Warns
        -----
        PlausibilityWarning
            A pose that is not plausible, as of `HeadModel.solve`.
        """
        started = time.perf_counter()
        places = check_poses(poses)
        rates = checked_didt(didt, len(places), check_coil(coil))
        limit = None if error is None else positive(error, "error", ArgumentError)
        left = np.inf
        if deadline_ms is not None:
            left = 1e-3 * positive(deadline_ms, "deadline_ms", ArgumentError)
            limit = 0.0 if limit is None else limit
        with using_threads(self.model.threads):
            E, off = self._frames(coil, places, rates.reshape(len(places), -1), estimate)
        self.model.doubt_poses(coil, places)
        report = _report(off, self.model.threads)
        report.seconds["frames"] = time.perf_counter() - started
        if limit is not None:
            bad = np.flatnonzero(~(off <= limit))  # what is not known counts as too much
            if len(bad) and self._time_left(coil, len(bad), left - report.seconds["frames"]):
                solved = self._solved(coil, places[bad], rates[bad], limit)
                E[bad] = solved.E
                _put(report, bad, solved.report)
        return Field(
            self.mesh,
            places,
            rates,
            report,
            elements=self.region.elements,
            region=self.region,
            run=partial(self._run, coil.content(), places, rates),
            evaluate=lambda: {"E": E},
        )

    def _run(self, coil: Any, poses: Floats, didt: Floats) -> Run:
        """Return the record of frames."""
        basis = {"sources": self.basis.n_sources, "region": self.basis.region}
        settings = {"primary": self.model.primary, "basis": basis}
        return run_of(self.mesh, self.model.conductivity, coil, poses, didt, settings, count=len(poses))

    def _time_left(self, coil: Coil, k: int, seconds: float) -> bool:
        """Say whether full solves of k poses are likely to fit some seconds.

        By how long those of this coil took, or such as the basis was held against. What was too long is taken
        for a little shorter each time, so that one slow solve does not end all that could follow.
        """
        each = self._seconds.get(coil, self.basis.seconds_per_pose)
        if max(k, _AS_LONG_AS) * each <= seconds:
            return True
        self._seconds[coil] = _FORGOTTEN * each
        return False

    def _solved(self, coil: Coil, poses: Floats, rates: Floats, limit: float) -> Field:
        """Solve poses in full, to a share of the error that is asked for, and keep how long that took."""
        started = time.perf_counter()
        solved = self.model.solve(
            coil,
            poses,
            rates,
            roi=self.region,
            basis=None if self.basis.potentials is None else self,
            tol=float(np.clip(_SHARE * limit, _LEAST_TOL, _MOST_TOL)),
        )
        took = (time.perf_counter() - started) / max(len(poses), _AS_LONG_AS)
        first = coil not in self._seconds  # with tables of the coil, which are made once
        self._seconds[coil] = min(took, self.basis.seconds_per_pose) if first else took
        return solved

    def first_guess(self, model: HeadModel, drive: CoilDrive) -> FirstGuess:
        """Return first guesses of the potential for a coil at poses: see `basis` of `HeadModel.solve`.

        Raises
        ------
        ArgumentError
            The basis is of another model, or was made without potentials.
        """
        known = self.basis.potentials
        if model is not self.model:
            raise ArgumentError("the basis is of another model than the one that solves")
        if known is None:
            raise ArgumentError(
                "the basis has no potentials: make it with realtime_basis(…, potentials=True)"
            )
        assert self._charges is not None
        incident = self._incident(drive.coil)

        def weights(poses: Floats, rates: Floats) -> NDArray[np.float32]:
            return self._weights(incident, rates / RATE, poses, known.project)

        return Guesses(known, self._charges, drive, self.basis.inner_mm, weights)

    def norms(self, E: NDArray[np.float32]) -> Floats:
        """Return the mean (k,) of |E|² over the region, for E (k, p, 3)."""
        square = [np.einsum("pd,pd->p", one, one, dtype=np.float64) for one in E]
        return np.array([float(self._share @ one) for one in square])

    def _frames(
        self, coil: Coil, poses: Floats, rates: Floats, estimate: bool
    ) -> tuple[NDArray[np.float32], Floats]:
        """Return E (k, p, 3), and its estimated error (k,)."""
        leading = np.take_along_axis(rates, np.abs(rates).argmax(axis=1)[:, None], axis=1)
        shares = np.divide(rates, leading, out=np.zeros_like(rates), where=leading != 0.0)
        incident = self._incident(coil)
        self._check_margin(incident, poses)
        weights = self._weights(incident, shares, poses, self.basis.project)
        E = self.basis.modes.sums(weights).reshape(len(poses), -1, 3)
        error = np.full(len(poses), np.nan)
        if estimate:
            off = self._probes.errors(incident.kinds, shares, poses, weights)
            size = np.sqrt([max(float(own @ self.basis.gram @ own), 0.0) for own in weights])
            error = np.divide(off, size, out=np.where(off > 0.0, np.inf, off), where=size > 0.0)
        E *= (leading / RATE)[:, :, None].astype(np.float32)
        return E, error

    def _weights(
        self, incident: Incident, shares: Floats, poses: Floats, project: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """Return the weights (k, n) of modes, for shares (k, s) of the rate of each stimulator."""
        total = np.zeros((len(poses), project.shape[1]), np.float32)
        for share, b in zip(shares.T, incident.field(self.basis.inner_mm, poses), strict=True):
            own = cpu.product(b.reshape(len(poses), -1).astype(np.float32), project)
            total += share.astype(np.float32)[:, None] * own
        return total

    def _incident(self, coil: Coil) -> Incident:
        """Return what a coil makes, kept from an earlier frame."""
        found = self._coils.get(coil)
        if found is None:
            found = self._coils[coil] = Incident(coil)
        return found

    def _check_margin(self, incident: Incident, poses: Floats) -> None:
        """Raise PoseError for sources closer to the scalp than a basis is good for."""
        gap = self._scalp.clearance(incident.points_mm, poses)
        if (gap < LEAST_MM).any():
            worst = int(gap.argmin())
            where = "inside the head" if gap[worst] < 0.0 else f"{gap[worst]:.1f} mm from the scalp"
            raise PoseError(
                f"pose {worst}: a source of the coil is {where}; a real-time basis takes {LEAST_MM:g} mm at "
                "least: use HeadModel.solve"
            )


def _report(error: Floats, threads: int) -> SolveReport:
    """Report on frames: nothing was iterated."""
    k = len(error)
    return SolveReport(
        iterations=np.zeros(k, np.int32),
        residual=np.full(k, np.nan),
        converged=np.ones(k, bool),
        stopped=np.full(k, "basis", "U10"),
        tolerance=np.full(k, np.nan),
        discretisation_error=None,
        primary_error=0.0,
        device="cpu",
        threads=threads,
        batch=k,
        batch_asked=k,
        basis_error=error,
    )


def _put(report: SolveReport, which: NDArray[np.intp], solved: SolveReport) -> None:
    """Put what is to be said of some poses that were solved in full into the report on all."""
    for name in ("iterations", "residual", "converged", "stopped", "tolerance"):
        getattr(report, name)[which] = getattr(solved, name)
    assert report.basis_error is not None
    report.basis_error[which] = 0.0
    report.seconds["solve"] = sum(solved.seconds.values())
