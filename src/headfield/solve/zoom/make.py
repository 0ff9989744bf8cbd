# SPDX-License-Identifier: BSD-3-Clause
"""Make a zoom: cut the part out, refine it for some poses, and say whether that was enough."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...core.arguments import finite_array
from ...core.device import on_host, using_threads
from ...core.messages import warn
from ...errors import ArgumentError, ConvergenceError, RegionError
from ...heads.refinement import Edges
from ...regions.region import Region, check_is_region
from ..batch import Batch, inverse_of
from ..drives.coil import CoilDrive
from ..options import SolveOptions
from ..places import Places, check_region
from ..workspace import Clock
from .adaptation import Design, adapted
from .options import ZoomOptions
from .part import Part, cut
from .report import ZoomLevel, ZoomReport
from .surroundings import Surroundings, around
from .whole import Whole
from .zoom import Zoom

Floats = NDArray[np.float64]

__all__ = ["DESIGN_POSES", "check_zoom", "make_zoom"]

#: Poses that a mesh is refined for, at most: of more, so many are taken, evenly spaced in the list.
DESIGN_POSES = 16
_TOL = 1e-5  # of their potentials in the head


def check_zoom(roi: Region, options: ZoomOptions) -> None:
    """Refuse a region that a zoom would refuse, without its head being assembled.

    Raises
    ------
    RegionError
        Without volume or area, or with more unknowns than allowed before anything is refined.

    Examples
    --------
    >>> from headfield import phantom_head, regions
    >>> gray = regions.tissue(phantom_head(edge_mm=8), 2)
    >>> check_zoom(gray, ZoomOptions(max_unknowns=1000))
    Traceback (most recent call last):
    ...
    headfield.errors.RegionError: the part around roi has 48,275 unknowns before it is refined, more \
than max_unknowns=1,000: take a smaller region or margin_mm, or allow more
    """
    _check_size(cut(roi.mesh, _tets_of(roi), options.reach_mm), options)


def make_zoom(
    head: Whole,
    roi: Region,
    drive: CoilDrive,
    options: ZoomOptions,
    potential: ArrayLike | None,
    progress: Callable[[ZoomLevel], None] | None = None,
) -> Zoom:
    """Refine a part of a head around a region until E is as good as was asked for, for some poses.

    Raises
    ------
    RegionError, ArgumentError, PoseError, DeviceError
    ConvergenceError
        The head was not solved for these poses.
    MeshError
        A level of its part could not be solved; a tetrahedron is too flat to be refined.
    """
    check_is_region(roi)
    check_region(head.mesh, roi)
    tets = _tets_of(roi)
    drive, known = _few(head, drive, potential)
    head.warn_of(drive)
    with head.device.current(), using_threads(head.threads):
        clock = Clock(head.device)
        part = cut(head.mesh, tets, options.reach_mm)
        _check_size(part, options)
        clock.lap("cut")
    rim, surroundings = _of_head(head, part, drive, known)
    with head.device.current(), using_threads(head.threads):
        clock.lap("head")
        found = adapted(head, part, roi, Design(drive, rim, surroundings, options), progress)
        clock.lap("refine")
        report = ZoomReport(
            asked=options.error,
            discretisation_error=float(found.errors.max()),
            levels=tuple(found.history),
            margin_mm=options.reach_mm,
            rim_error=found.rim_error,
            smooth=options.smooth,
            stopped=found.stopped,
            seconds=clock.seconds,
        )
        zoom = Zoom(head, roi, found, report)
        clock.lap("sampling")
    if not report.reached:
        warn(f"the zoom did not reach what was asked for: {report}")
    return zoom


def _few(head: Whole, drive: CoilDrive, potential: ArrayLike | None) -> tuple[CoilDrive, Floats | None]:
    """Return a drive of few poses of another one, evenly spaced, and their potentials."""
    k = len(drive)
    rows = None if potential is None else finite_array(on_host(potential), "potential", ArgumentError)
    if rows is not None and rows.shape != (k, head.mesh.n_nodes):
        raise ArgumentError(
            f"potential has shape {rows.shape}; it must be {(k, head.mesh.n_nodes)}, poses by nodes"
        )
    if k <= DESIGN_POSES:
        return drive, rows
    some = np.linspace(0, k - 1, DESIGN_POSES).round().astype(int)
    few = CoilDrive(head.tables, drive.coil, drive.poses[some], drive.didt[some], drive.bound)
    return few, None if rows is None else rows[some]


def _tets_of(roi: Region) -> NDArray[np.int32]:
    """Return the tetrahedra of a region, each once; RegionError if there is nothing in it."""
    check_region(roi.mesh, roi)
    if not roi.weights.sum() > 0.0:
        raise RegionError("roi has no volume or area: all its weights are 0")
    return np.unique(roi.elements).astype(np.int32)


def _check_size(part: Part, options: ZoomOptions) -> None:
    """Refuse a region that has more unknowns than allowed before anything is refined."""
    n = len(part.nodes_mm)
    count = n + len(Edges.of_tets(part.tets[part.touching], n).ends)
    if count > options.max_unknowns:
        raise RegionError(
            f"the part around roi has {count:,} unknowns before it is refined, more than max_unknowns="
            f"{options.max_unknowns:,}: take a smaller region or margin_mm, or allow more"
        )


def _of_head(head: Whole, part: Part, drive: CoilDrive, potential: Floats | None) -> tuple[Any, Surroundings]:
    """Return the potential (r, W) at the rim of a part, on the device, and what is around the region."""
    k, device = len(drive), head.device
    width = next(w for w in device.native.widths if w >= k)
    elements, volume = around(head.mesh, part.origin[part.core])
    options = SolveOptions(tol=_TOL, elements=elements, recovery="interface")
    places = Places.chosen(head.mesh, elements, None)
    with device.current():
        room = {
            name: device.xp.empty(shape, dtype) for name, (shape, dtype) in places.results(k, True).items()
        }
    batch = Batch(drive, options, places, slice(0, k), width, width)
    there, report = head.head.potentials(batch, potential, part.head_nodes[part.rim], room)
    if not report.converged.all():
        raise ConvergenceError(f"the head was not solved for the poses to refine for: {report}", report)
    weights, squares = volume / volume.sum(), inverse_of(drive.scale) ** 2
    field, error = (np.square(device.get(room[name]), dtype=np.float64) for name in ("E", "error"))
    return there, Surroundings(squares * (error @ weights), squares * (field.sum(axis=2) @ weights))
