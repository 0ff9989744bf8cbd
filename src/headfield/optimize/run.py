# SPDX-License-Identifier: BSD-3-Clause
"""A refinement step by step."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import ArgumentError
from ..poses.motions import along_motions, motions_between, moved, right_jacobians, rotations
from .clearance import Clearance, Contacts
from .landed import reduced
from .options import RefineOptions
from .quadratic import best_steps, learnt
from .refinement import Refinement

__all__ = ["Run"]

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]

_LARGEST, _LEAST = 3.0, 1e-3  # radii of trust, in those of the first step
_TOUCHING_MM = 0.1
_LEAST_BENT = 0.03
_AWAY_MM = 100.0  # off the scalp, where all fields are weak: there is no optimum that is worth it
_WEAK = 0.1  # curvature along z at first: what a coil that has landed loses with distance is all slope
_SHRUNK = 0.4
_PATIENCE = 4  # steps in a row of which no pose can be evaluated
_GOOD, _POOR = 0.75, 0.25  # shares of what was expected, from which the radius grows or shrinks


class Run:
    """The state of a refinement: of each start the best pose so far, and what is known around it.

    Motions are counted in `options.scales`, so that all six are alike.
    """

    def __init__(
        self,
        objective: Callable[[Floats], tuple[Any, Any]],
        starts: Floats,
        clearance: Clearance | None,
        options: RefineOptions,
    ) -> None:
        self._objective, self._clearance, self._options = objective, clearance, options
        self.poses = starts if clearance is None else clearance.landed(starts, np.zeros(len(starts), bool))
        k = len(starts)
        self.values, self.gradients = self._evaluated(self.poses)
        self.status = ["" if fine else "failed" for fine in self._are_finite(self.values, self.gradients)]
        self.history, self.n_solved, self.message = [self.values.copy()], k, ""
        self.radius = np.ones(k)
        self.curvature = np.zeros((k, 6, 6))
        self._is_new = np.ones(k, bool)
        self._refused = 0
        self.contacts = self._contacts(self.poses)
        self._model_anew(np.arange(k))

    def result(self) -> Refinement:
        """Take steps until all starts are done, or it is time to stop."""
        while len(self.history) < self._options.max_batches and not self.message:
            rows = np.flatnonzero([not status for status in self.status])
            if not len(rows):
                break
            self._step(rows)
        status = tuple(status or ("stopped" if self.message else "steps") for status in self.status)
        return Refinement(
            self.values,
            self.poses,
            self.gradients,
            status,
            np.array(self.history),
            self.n_solved,
            self.message,
        )

    def _step(self, rows: Ints) -> None:
        """Take one step of some starts together."""
        steps, expected = self._wanted(rows)
        rest = self._close(rows, steps, expected)
        rows, steps, expected = rows[rest], steps[rest], expected[rest]
        if not len(rows):
            return
        wanted = moved(self.poses[rows], steps * self._options.scales)
        try:
            poses, contacts, values, gradients = self._tried(rows, wanted)
        except Exception as error:  # steps that were too long, or an objective that is broken
            self._refused += 1
            self.radius[rows] *= _SHRUNK
            if self._refused == _PATIENCE:
                self.message = f"{type(error).__name__}: {error}"
            return
        self._refused = 0
        self.n_solved += len(rows)
        self._judge(rows, steps, expected, (poses, contacts, values, gradients))
        self.history.append(self.values.copy())

    def _wanted(self, rows: Ints) -> tuple[Floats, Floats]:
        """Return the best steps (r, 6) of the models, and what they are expected to add (r,)."""
        gradients = self.gradients[rows] * self._options.scales
        bounds = self.radius[rows, None] * self._options.is_free
        slopes = self.contacts.slopes[rows] * self._options.scales
        excess = np.maximum(self.contacts.excess_mm[rows], 0.0)
        # Steps far beyond the radius are of no interest, and constraints would take long to bring them back.
        least = _LEAST_BENT * np.linalg.norm(gradients * self._options.is_free, axis=1) / self.radius[rows]
        curvature = self.curvature[rows] + least[:, None, None] * np.eye(6)
        steps = best_steps(gradients, curvature, excess, slopes, bounds)
        bent = np.einsum("ki,kij,kj->k", steps, self.curvature[rows], steps)
        return steps, np.einsum("ki,ki->k", gradients, steps) - 0.5 * bent

    def _close(self, rows: Ints, steps: Floats, expected: Floats) -> NDArray[np.bool_]:
        """Note which starts are done; return (r,) which are not."""
        little = expected <= self._options.tolerance * np.abs(self.values[rows])
        inside = np.abs(steps).max(axis=1) < 0.99 * self.radius[rows]
        excess = self.contacts.excess_mm[rows, 0]
        away = np.isfinite(excess) & (excess > _AWAY_MM)
        ends = {"converged": little & inside, "away": away, "stalled": self.radius[rows] < _LEAST}
        for name, ended in ends.items():
            for row in rows[ended]:
                self.status[row] = self.status[row] or name
        return np.array([not self.status[row] for row in rows])

    def _tried(self, rows: Ints, wanted: Floats) -> tuple[Floats, Contacts, Floats, Floats]:
        """Land and evaluate poses together; where one of them can't be, each by itself.

        What can't be evaluated has no value, which is a step that was too long.

        Raises
        ------
        Exception
            None of them can be evaluated.
        """
        try:
            poses, contacts = self._landed(rows, wanted)
            return poses, contacts, *self._evaluated(poses)
        except Exception:  # an objective may raise anything, and what was found is not to be lost
            if len(rows) == 1:
                raise
        poses, contacts = self.poses[rows], _some(self.contacts, rows)
        values, gradients, problem = np.full(len(rows), np.nan), np.zeros((len(rows), 6)), None
        for i in range(len(rows)):
            one = slice(i, i + 1)
            try:
                poses[one], there = self._landed(rows[one], wanted[one])
                values[one], gradients[one] = self._evaluated(poses[one])
            except Exception as error:
                problem = error
                continue
            for held, new in zip(contacts, there, strict=True):
                held[one] = new
        if problem is not None and np.isnan(values).all():
            raise problem
        return poses, contacts, values, gradients

    def _judge(self, rows: Ints, steps: Floats, expected: Floats, found: Any) -> None:
        """Learn from what the steps have led to, keep those that are better, and choose the next radii."""
        poses, contacts, values, gradients = found
        fine = self._are_finite(values, gradients)
        gain = np.where(fine, values - self.values[rows], -np.inf)
        share = gain / np.maximum(expected, 1e-300)
        size = np.abs(steps).max(axis=1)
        grown = np.where(size > 0.8 * self.radius[rows], np.minimum(2.0 * self.radius[rows], _LARGEST), 0.0)
        radius = np.where(share > _GOOD, np.maximum(self.radius[rows], grown), self.radius[rows])
        self.radius[rows] = np.where(share < _POOR, _SHRUNK * size, radius)
        self._learn(rows[fine], poses[fine], _some(contacts, fine), gradients[fine])
        better = fine & (gain > 0.0)
        at = rows[better]
        turn = motions_between(self.poses[at], poses[better])
        self.curvature[at] = _carried(self.curvature[at], turn)
        self.poses[at], self.values[at] = poses[better], values[better]
        self.gradients[at] = gradients[better]
        for held, new in zip(self.contacts, contacts, strict=True):
            held[at] = new[better]

    def _learn(self, rows: Ints, poses: Floats, contacts: Contacts, gradients: Floats) -> None:
        """Improve the models by the change of the gradient of what a landed coil gets."""
        scales = self._options.scales
        motions = motions_between(self.poses[rows], poses)
        before, old_land = self._reduced(self.gradients[rows], _some(self.contacts, rows))
        after, new_land = self._reduced(gradients, contacts)
        steps = motions / scales
        steps[old_land & new_land, 2] = 0.0
        changes = (before - along_motions(after, motions)) * scales
        changes[old_land & new_land, 2] = 0.0
        told, length = np.einsum("ki,ki->k", steps, changes), np.einsum("ki,ki->k", steps, steps)
        known = self._is_new[rows] & (told > 0.0) & (length > 0.0)
        for row, curvature in zip(rows[known], (told / np.maximum(length, 1e-300))[known], strict=True):
            self.curvature[row] *= curvature / self.curvature[row, 0, 0]
        self._is_new[rows[known]] = False
        self.curvature[rows] = learnt(self.curvature[rows], steps, changes)

    def _model_anew(self, rows: Ints) -> None:
        """Begin with models whose best step is as long as the radius."""
        reduced, _ = self._reduced(self.gradients[rows], _some(self.contacts, rows))
        size = np.linalg.norm(reduced * self._options.scales * self._options.is_free, axis=1)
        shape = np.diag([1.0, 1.0, _WEAK, 1.0, 1.0, 1.0])
        self.curvature[rows] = np.maximum(size, 1e-12)[:, None, None] * shape

    def _reduced(self, gradients: Floats, contacts: Contacts) -> tuple[Floats, NDArray[np.bool_]]:
        """Return gradients (r, 6) of what a coil gets that is landed after each motion, and which ones are.

        That is where it touches, and is better the closer it is. Its motion along z follows from the others.
        """
        of_landed, facing = reduced(gradients, contacts)
        touching = (contacts.excess_mm[:, 0] < _TOUCHING_MM) & self._options.is_free[2]
        landed = touching & facing & (gradients[:, 2] > 0.0)
        return np.where(landed[:, None], of_landed, gradients), landed

    def _landed(self, rows: Ints, poses: Floats) -> tuple[Floats, Contacts]:
        if self._clearance is None:
            return poses, self._contacts(poses)
        _, land = self._reduced(self.gradients[rows], _some(self.contacts, rows))
        where = self._clearance.landed(poses, land)
        return where, self._contacts(where)

    def _contacts(self, poses: Floats) -> Contacts:
        if self._clearance is None:
            return Contacts(np.full((len(poses), 1), np.inf), np.zeros((len(poses), 1, 6)))
        return self._clearance.contacts(poses)

    def _evaluated(self, poses: Floats) -> tuple[Floats, Floats]:
        """Ask the objective; what it returns must have the right shapes."""
        found = self._objective(poses.copy())  # which a function may write to
        if not isinstance(found, (tuple, list)) or len(found) != 2:
            raise ArgumentError("an objective must return values and gradients, a pair of arrays")
        values, gradients = found
        v, g = np.array(values, np.float64), np.array(gradients, np.float64)
        if v.shape != (len(poses),) or g.shape != (len(poses), 6):
            raise ArgumentError(
                f"an objective must return values ({len(poses)},) and gradients ({len(poses)}, 6), not "
                f"{v.shape} and {g.shape}"
            )
        return v, g

    @staticmethod
    def _are_finite(values: Floats, gradients: Floats) -> NDArray[np.bool_]:
        return np.asarray(np.isfinite(values) & np.isfinite(gradients).all(axis=1))


def _some(contacts: Contacts, rows: Any) -> Contacts:
    return Contacts(contacts.excess_mm[rows], contacts.slopes[rows])


def _carried(curvatures: Floats, motions: Floats) -> Floats:
    """Express curvatures (k, 6, 6) in the frames of poses that have moved: their axes have turned."""
    frame = np.zeros(curvatures.shape)
    frame[:, :3, :3] = rotations(motions[:, 3:])
    frame[:, 3:, 3:] = np.linalg.inv(right_jacobians(motions[:, 3:]))
    return np.asarray(np.swapaxes(frame, 1, 2) @ curvatures @ frame)
