# SPDX-License-Identifier: BSD-3-Clause
"""The record of what a field was computed from, made when somebody asks for it: hashes take a while."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core.device import on_host
from ..core.digest import digest
from ..fields.run import Run, run_of
from ..heads.mesh import TetMesh
from .drives.coil import CoilDrive
from .drives.currents import NodalCurrents
from .drives.drive import Drive
from .options import SolveOptions

__all__ = ["recorder"]


def recorder(
    mesh: TetMesh,
    conductivity: NDArray[np.float64],
    drive: Drive,
    options: SolveOptions,
    more: Mapping[str, Any],
) -> Callable[[slice], Run] | None:
    """Return what makes the record of some of the sources of a drive; None for drives of other programs.

    A field keeps it, so it holds no model, and no tables of one. `more` says how the head takes ∂A/∂t, and
    what a refined part of it was made for, where E is of one.
    """
    if isinstance(drive, NodalCurrents):
        rows, scale = drive.rows, drive.scale

        def of_currents(part: slice) -> Run:
            sources, count = ("currents", rows[part], scale[part]), len(scale[part])
            return run_of(mesh, conductivity, sources, None, None, _settings(options), count=count)

        return of_currents
    if not isinstance(drive, CoilDrive):
        return None
    coil, poses, didt, bound = drive.coil, drive.poses, drive.didt, drive.bound

    def of_poses(part: slice) -> Run:
        some, settings = poses[part], _settings(options) | {"primary_error": bound, **more}
        return run_of(mesh, conductivity, coil.content(), some, didt[part], settings, count=len(some))

    return of_poses


def _settings(options: SolveOptions) -> dict[str, Any]:
    """Return the options that change numbers, those that are arrays as their hashes."""
    region = options.roi
    where: Any = None if options.elements is None else digest(on_host(options.elements))
    if region is not None:
        where = digest(region.elements, region.barycentric)
    return {
        "recovery": options.recovery,
        "tol": options.tol,
        "max_iterations": options.max_iterations,
        "elements": where,
    }
