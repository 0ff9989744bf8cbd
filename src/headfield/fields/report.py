# SPDX-License-Identifier: BSD-3-Clause
"""How a solve went: iterations, residuals, errors and times."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ..core.messages import plural

__all__ = ["SolveReport"]


@dataclass(frozen=True, kw_only=True, repr=False)
class SolveReport:
    """How a solve went.

    Attributes
    ----------
    iterations : ndarray (k,) int
        Iterations of conjugate gradients, per pose; of a zoom those on its part of the head.
    residual : ndarray (k,) float64
        ‖b − Kφ‖ / ‖b‖ evaluated in float64 from the returned potential, per pose; of a zoom the larger one of
        the head and its part.
    converged : ndarray (k,) bool
        Whether the residual is within the tolerance, per pose.
    stopped : ndarray (k,) of str
        Why the iteration ended, per pose: "converged"; "iterations", it was given no more of them;
        "stagnation", the residual no longer became smaller; or "breakdown" of conjugate gradients. What
        ended in one of the last two has been solved for again in float64.
    tolerance : ndarray (k,) float64
        The residual that was asked for, or chosen from the discretisation error, per pose.
    discretisation_error : ndarray (k,) float64, or None
        Of fields of a `Zoom`: the estimated error of E, relative L2 over the region, per pose. Of others: the
        estimated error of the E of linear elements, per pose: √(∫|E* − E|² / ∫|E*|²) over the tetrahedra of
        the region, with the recovered field E* (Zienkiewicz and Zhu 1987). It is not an error of E*: where
        `recovery` was asked for, E is the recovered field, and no estimate of its own error is made. None
        where neither `recovery` nor `tol="auto"` was asked for. Of a zoom that of its own E over the region,
        infinite where it is not known: see `HeadModel.zoom`.
    recovery : str or None
        How E was recovered; None where it is that of the elements.
    primary_error : float
        Bound of the error of ∂A/∂t by interpolation, as measured on this coil, or of sums over clusters of
        its sources; 0 for the sum over each source, and for sources that are not coils.
    seconds : dict of str to float
        Wall time per stage: `primary`, `right_hand_side`, `solve`, `recovery` (where E was recovered),
        `field`; of a zoom also `zoom primary` and so on, of its part of the head.
    device : str
    threads : int
    batch : int
        Poses solved at a time.
    batch_asked : int
        Poses that were to be solved at a time; `batch` is less where more did not fit the memory.
    basis_error : ndarray (k,) float64, or None
        Of fields from a real-time basis: the estimated relative L2 error of E over the region, per pose,
        against a solve of the same pose; not a number where no estimate was made. See `RealTime`.
    first_guess : str
        What the potential was guessed from: "basis" of a real-time basis; empty otherwise.
    recording_problem : str
        Why a GPU's launches of an iteration could not be recorded and were made one by one, which costs time
        where a batch is small; empty where they were recorded, and on the CPU.
    """

    iterations: NDArray[np.int32]
    residual: NDArray[np.float64]
    converged: NDArray[np.bool_]
    stopped: NDArray[np.str_]
    tolerance: NDArray[np.float64]
    discretisation_error: NDArray[np.float64] | None
    primary_error: float
    device: str
    threads: int
    batch: int
    batch_asked: int
    recovery: str | None = None
    basis_error: NDArray[np.float64] | None = None
    first_guess: str = ""
    recording_problem: str = ""
    seconds: dict[str, float] = field(default_factory=dict)

    @classmethod
    def joined(cls, reports: list[SolveReport]) -> SolveReport:
        """Make one report for several batches."""
        first = reports[0]
        if len(reports) == 1:
            return first
        errors = [r.discretisation_error for r in reports if r.discretisation_error is not None]
        of_basis = [r.basis_error for r in reports if r.basis_error is not None]
        return cls(
            iterations=np.concatenate([r.iterations for r in reports]),
            residual=np.concatenate([r.residual for r in reports]),
            converged=np.concatenate([r.converged for r in reports]),
            stopped=np.concatenate([r.stopped for r in reports]),
            tolerance=np.concatenate([r.tolerance for r in reports]),
            discretisation_error=np.concatenate(errors) if errors else None,
            primary_error=first.primary_error,
            device=first.device,
            threads=first.threads,
            batch=min(r.batch for r in reports),
            batch_asked=first.batch_asked,
            recovery=first.recovery,
            basis_error=np.concatenate(of_basis) if of_basis else None,
            first_guess=first.first_guess,
            recording_problem=next((r.recording_problem for r in reports if r.recording_problem), ""),
            seconds={name: sum(r.seconds[name] for r in reports) for name in first.seconds},
        )

    def __repr__(self) -> str:
        poses = plural(len(self.iterations), "pose", "poses")
        none = int((~self.converged).sum())
        bad = f", {none} did not converge" if none else ""
        return f"<SolveReport of {poses} on {self.device}: residual ≤ {self.residual.max():.1e}{bad}>"

    def __str__(self) -> str:
        stages = ", ".join(f"{name} {seconds:.3f} s" for name, seconds in self.seconds.items())
        short = f" ({self.batch_asked} did not fit the memory)" if self.batch < self.batch_asked else ""
        error = ""
        if self.discretisation_error is not None:
            largest = self.discretisation_error.max()
            most = f"{100 * largest:.2g} %" if np.isfinite(largest) else "an unknown one"
            error = f", discretisation error of E up to {most}"
            if self.recovery is not None:
                error = (
                    f", E recovered ({self.recovery}; that of linear elements would be off by up to {most})"
                )
        if self.basis_error is not None:
            return f"{self._of_basis(self.basis_error)}; {stages}"
        slow = f"; launched one by one ({self.recording_problem})" if self.recording_problem else ""
        guessed = f", first guess by a {self.first_guess}" if self.first_guess else ""
        return (
            f"{plural(len(self.iterations), 'pose', 'poses')} on {self.device}, "
            f"{plural(self.threads, 'thread', 'threads')}, "
            f"{self.batch} at a time{short}{guessed}: "
            f"{self.iterations.min()}–{self.iterations.max()} iterations, "
            f"residual ≤ {self.residual.max():.1e}{error}; {stages}{slow}"
        )

    def _of_basis(self, error: NDArray[np.float64]) -> str:
        """Return what there is to say of frames from a real-time basis."""
        solved, known = int((self.iterations > 0).sum()), error[np.isfinite(error)]
        text = f"{plural(len(error), 'pose', 'poses')} from a real-time basis"
        if solved:
            text += f", {solved} of them solved in full"
        if solved < len(error) and len(known):
            text += f", off by up to {100 * known.max():.2g} %"
        unknown = len(error) - len(known)
        return text + (f", {unknown} with an unknown error" if unknown else "")
