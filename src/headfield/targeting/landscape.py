# SPDX-License-Identifier: BSD-3-Clause
"""The value of a target over positions and angles of a coil."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..core.device import cpu
from ..poses.pose import turns
from .lifting import Lifting
from .outputs import Outputs
from .rings import lagrange, trigonometric
from .sweep import OnRings, Scheme

__all__ = ["WHOLE_TURN_DEG", "Landscape"]

Floats = NDArray[np.float64]

_CONFIGURATIONS = 100_000  # that are looked at together
_EACH = 100_000  # poses: lifts of more are found at some angles, and interpolated linearly
_STEEP_ANGLES = 72  # of casings that reach around the head: their lifts change faster than those of flat ones
_FINE_DEG = 1.0
_HAIR_MM = 1e-6

#: The angles that `best_angles` looks at.
WHOLE_TURN_DEG = np.arange(0.0, 360.0, _FINE_DEG)


class Landscape:
    """What a target gets from a coil, as a function of where that is.

    Parameters
    ----------
    scheme : Scheme
    outputs : Outputs
    tilt : ndarray (4, 4)
        Of the coil in its frame, before it is turned.
    lifting : Lifting, optional
    """

    def __init__(self, scheme: Scheme, outputs: Outputs, tilt: Floats, lifting: Lifting | None) -> None:
        self.scheme, self._outputs, self.tilt, self._lifting = scheme, outputs, tilt, lifting
        n = scheme.n_angles if isinstance(scheme, OnRings) else max(scheme.n_angles, _STEEP_ANGLES)
        self._turns = turns(360.0 * np.arange(n) / n)

    def at(
        self,
        poses: Floats,
        angles_deg: Floats,
        *,
        exact: bool = False,
        wanted: NDArray[np.bool_] | None = None,
    ) -> Floats:
        """Return values (p, a) at poses (p, 4, 4), turned by angles (a,); nan where no pose is possible.

        `exact` takes all tetrahedra of a target whose value is of |E|, not some that stand for them. Of few
        poses those that are not `wanted` (p, a) are not lifted, which takes longest, and may be nan.
        """
        step = max(1, _CONFIGURATIONS // len(angles_deg))
        result = np.empty((len(poses), len(angles_deg)))
        each = result.size <= _EACH
        for start in range(0, len(poses), step):
            rows = slice(start, start + step)
            part = poses[rows]
            lifts = self._lifts(part, angles_deg, each, None if wanted is None else wanted[rows])
            sums = self._sums(part, angles_deg, lifts)
            values = self._outputs.values(sums.reshape(-1, sums.shape[2]), exact=exact)
            values = values.reshape(len(part), -1)
            if lifts is not None:
                values[np.isnan(lifts)] = np.nan
            result[rows] = values
        return result

    def _sums(self, poses: Floats, angles_deg: Floats, lifts: Floats | None) -> NDArray[np.float32]:
        """Return sums (p, a, k): band-limited in the angle at each height, and polynomials in the height."""
        if lifts is None:
            return self._at_heights(poses, angles_deg, lifted=False)[:, :, 0]
        heights = np.nan_to_num(lifts)
        needed = (heights > 0.0).any(axis=1)  # at most positions nothing is in the way
        result = np.empty((*lifts.shape, self._outputs.weights.shape[0]), np.float32)
        if not needed.all():
            result[~needed] = self._at_heights(poses[~needed], angles_deg, lifted=False)[:, :, 0]
        if needed.any():
            there = self._at_heights(poses[needed], angles_deg, lifted=True)
            share = lagrange(self.scheme.heights_mm, heights[needed].ravel()).astype(np.float32)
            result[needed] = np.einsum("pahk,pah->pak", there, share.reshape(there.shape[:3]))
        return result

    def _at_heights(self, poses: Floats, angles_deg: Floats, *, lifted: bool) -> NDArray[np.float32]:
        """Return sums (p, a, h, k) on the spot, h = 1, or at all heights of the scheme."""
        sums = self.scheme.sums(poses, lifted)
        p, n, h, k = sums.shape
        waves = trigonometric(n, np.radians(angles_deg)).T.astype(np.float32, order="C")
        rows = np.ascontiguousarray(np.moveaxis(sums, 1, 3)).reshape(-1, n)
        return np.moveaxis(cpu.product(rows, waves).reshape(p, h, k, -1), 3, 1)  # one product for all

    def _lifts(
        self, poses: Floats, angles_deg: Floats, each: bool, wanted: NDArray[np.bool_] | None
    ) -> Floats | None:
        """Return how far coils have to be lifted (p, a), mm; nan where that is too far, None if nobody asks.

        Found at each of the angles, and nan where they are not wanted; or at some, linear between two of them
        and nan beside a nan.
        """
        if self._lifting is None:
            return None
        motions = turns(angles_deg) if each else self._turns
        n = len(motions)
        placed = poses[:, None] @ motions @ self.tilt
        known = np.full((len(poses), n), np.nan)
        asked = wanted if each and wanted is not None else np.ones(known.shape, bool)
        if asked.any():
            known[asked] = self._lifting.lifts(placed[asked])
        known[known > self.scheme.heights_mm[-1] + _HAIR_MM] = np.nan
        if each:
            return known
        at = (np.asarray(angles_deg) / 360.0 * n) % n
        low = np.floor(at + 1e-9).astype(int)
        share = np.maximum(at - low, 0.0)
        between = known[:, low % n] * (1.0 - share)
        beside = share > 1e-9
        between[:, beside] += known[:, (low[beside] + 1) % n] * share[beside]
        return np.asarray(between)

    def best_angles(self, poses: Floats, allowed: NDArray[np.bool_] | None = None) -> tuple[Floats, Floats]:
        """Return the best angle (p,), degrees, at each pose, and the values (p,) there.

        Of angles in steps of a degree, and by a parabola between them. `allowed` (p, 360) rules others out.
        """
        angles = WHOLE_TURN_DEG
        values = self.at(poses, angles, wanted=allowed)
        if allowed is not None:
            values = np.where(allowed, values, np.nan)
        values = np.where(np.isnan(values), -np.inf, values)
        rows, top = np.arange(len(values)), values.argmax(axis=1)
        before, here, after = (values[rows, (top + shift) % len(angles)] for shift in (-1, 0, 1))
        with np.errstate(invalid="ignore"):
            bend = before - 2.0 * here + after
            shift = np.where(np.isfinite(bend) & (bend < 0.0), 0.5 * (before - after) / bend, 0.0)
            height = np.where(shift != 0.0, here - 0.25 * (before - after) * shift, here)
        return angles[top] + _FINE_DEG * np.clip(shift, -0.5, 0.5), np.asarray(height)
