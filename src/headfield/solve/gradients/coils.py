# SPDX-License-Identifier: BSD-3-Clause
"""How measures of E change with a coil: its dipoles, its wire, and the parameters that it is bent by."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...coils.coil import Coil
from ...coils.pulls import in_frame, slopes_of_sources
from ...coils.sources import Dipoles, SampledPotential, Segments
from ...core.device import Device
from ...errors import CoilError

__all__ = ["CoilSlopes", "check_has"]

Floats = NDArray[np.float64]


def check_has(coil: Coil, wrt: tuple[str, ...]) -> None:
    """Raise CoilError for a coil that lacks what a derivative is asked by."""
    for name, count, what in (
        ("dipoles", coil.n_dipoles, "no dipoles"),
        ("wire", coil.n_segments, "no pieces of wire"),
        ("deformation", len(coil.deformation_ranges), "no parameters of deformations"),
    ):
        if name in wrt and not count:
            raise CoilError(f"wrt names {name!r}, but {coil!r} has {what}")


class CoilSlopes:
    """Derivatives by the parts of a coil, pose by pose.

    Sums over all pairs of a node and a source are taken for each pose, in float64 if they are to be `exact`.
    """

    def __init__(self, coil: Coil, wrt: tuple[str, ...], device: Device, *, exact: bool) -> None:
        check_has(coil, wrt)
        self._coil, self._wrt, self._device, self._exact = coil, wrt, device, exact

    def at(
        self, nodes_m: Any, currents: NDArray[np.float32], pose: Floats, rates: Floats
    ) -> dict[str, Floats]:
        """Return the derivatives at a pose (4, 4), by name, see `Gradient`.

        From currents (n, 3), and what Σ c · A is to be multiplied by for each stimulator (s,).
        """
        by_place: dict[type, list[Floats]] = {Dipoles: [], Segments: []}
        by_vector: dict[type, list[Floats]] = {Dipoles: [], Segments: []}
        bent = np.zeros(len(self._coil.deformation_ranges))
        for element in self._coil.elements:
            part, rate = self._coil.source(element), float(rates[element.stimulator])
            if isinstance(part, SampledPotential):
                pull = self._of_samples(part, nodes_m, currents, pose)
            else:
                slopes = slopes_of_sources(part, nodes_m, currents, pose, self._device, exact=self._exact)
                by_place[type(part)].append(1e-3 * rate * slopes.by_place)
                by_vector[type(part)].append(rate * slopes.by_vector)
                pull = slopes.pull()
            for parameter, motion in self._coil.motion_rates(element):
                bent[parameter] += rate * _moved(pull, motion)
        found: dict[str, Floats] = {}
        if "dipoles" in self._wrt:
            found["dipole_positions"] = np.concatenate(by_place[Dipoles])
            found["dipole_moments"] = np.concatenate(by_vector[Dipoles])
        if "wire" in self._wrt:
            found["wire_points"] = np.concatenate(by_place[Segments])
            found["wire_lengths"] = 1e-3 * np.concatenate(by_vector[Segments])
        if "deformation" in self._wrt:
            found["deformation"] = bent
        return found

    def _of_samples(
        self, part: SampledPotential, nodes_m: Any, currents: NDArray[np.float32], pose: Floats
    ) -> Floats:
        """Return the pull (7,) on a part that is known by samples of its A."""
        frame, grid = part.grid(self._device)
        placed = (pose @ frame)[None]
        placed[:, :3, 3] *= 1e-3
        put = self._device.put
        pulls = grid.pull(nodes_m, put(placed), put(np.ascontiguousarray(currents[:, :, None])))
        return in_frame(self._device.get(pulls), frame)[0]


def _moved(pull: Floats, motion: Floats) -> float:
    """Return how Σ c · A changes with a motion of its sources, from its rate (4, 4), mm."""
    turn = np.array([motion[2, 1], motion[0, 2], motion[1, 0]])
    return float(pull[1:4] @ motion[:3, 3] * 1e-3 + pull[4:] @ turn)
