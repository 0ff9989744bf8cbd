# SPDX-License-Identifier: BSD-3-Clause
"""Make a zoom: cut the part out, refine it for some poses, and say whether that was enough."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...core.arguments import finite_array, whole, within
from ...core.device import on_host, using_threads
from ...core.messages import warn
from ...errors import ArgumentError, MeshError, RegionError
from ...heads.selection import same_mesh
from ...regions.region import Region
from ..drives.coil import CoilDrive
from ..head import Batch
from ..options import SolveOptions
from ..places import Places
from ..workspace import Clock
from .adaptation import Design, adapted
from .part import Part, cut
from .report import ZoomLevel, ZoomReport
from .whole import Whole
from .zoom import Zoom

Floats = NDArray[np.float64]

__all__ = ["DESIGN_POSES", "ZoomOptions", "check_zoom", "make_zoom"]

#: Poses that a mesh is refined for, at most: of more, so many are taken, evenly spaced in the list.
DESIGN_POSES = 16
_TOL = 1e-5  # of their potentials in the head
# What the potential at the rim is off by in a head of linear elements costs E in gray matter: 0.4 % with a
# margin of 10 mm, 0.27 with 15, 0.15 with 25.
_MARGINS_MM = ((0.015, 10.0), (0.008, 15.0), (0.0, 25.0))
_LEAST_MARGIN_MM, _MOST_MARGIN_MM = 2.0, 200.0
_MOST_UNKNOWNS = 50_000_000


@dataclass(frozen=True, kw_only=True)
class ZoomOptions:
    """What a zoom is asked for: see `HeadModel.zoom`.

    Raises
    ------
    ArgumentError

    Examples
    --------
    >>> ZoomOptions(error=0.01).margin_mm
    15.0
    >>> ZoomOptions(error=2)
    Traceback (most recent call last):
    ...
    headfield.errors.ArgumentError: error must lie between 0.001 and 0.5, not 2
    """

    error: float = 0.02
    margin_mm: float | None = None
    max_unknowns: int = 2_000_000
    smooth: bool = False

    def __post_init__(self) -> None:
        error = within(self.error, "error", ArgumentError, 1e-3, 0.5)
        margin: Any = self.margin_mm
        if margin is None:
            margin = next(mm for least, mm in _MARGINS_MM if error >= least)
        limits = _LEAST_MARGIN_MM, _MOST_MARGIN_MM
        object.__setattr__(self, "error", error)
        object.__setattr__(self, "margin_mm", within(margin, "margin_mm", ArgumentError, *limits))
        most = whole(self.max_unknowns, "max_unknowns", ArgumentError, _MOST_UNKNOWNS)
        object.__setattr__(self, "max_unknowns", most)
        if not isinstance(self.smooth, bool):
            raise ArgumentError(f"smooth must be True or False, not {self.smooth!r}")


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
    headfield.errors.RegionError: the part around roi has about 38,799 unknowns before it is refined, more \
than max_unknowns=1,000: take a smaller region or margin_mm, or allow more
    """
    assert options.margin_mm is not None
    _check_size(cut(roi.mesh, _tets_of(roi), options.margin_mm), options)


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
    RegionError, ArgumentError, PoseError, ConvergenceError, DeviceError
    """
    tets = _check_region(head, roi)
    drive, known = _few(head, drive, potential)
    assert options.margin_mm is not None
    with head.device.current(), using_threads(head.threads):
        clock = Clock(head.device)
        part = cut(head.mesh, tets, options.margin_mm)
        _check_size(part, options)
        clock.lap("cut")
    rim = _rim(head, part, drive, known)
    with head.device.current(), using_threads(head.threads):
        clock.lap("head")
        told = {} if progress is None else {"progress": progress}
        design = Design(drive, rim, options.error, options.max_unknowns, options.smooth, **told)
        found = adapted(head, part, roi, design)
        clock.lap("refine")
        report = ZoomReport(
            asked=options.error,
            discretisation_error=found.error,
            levels=tuple(found.history),
            margin_mm=options.margin_mm,
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


def _check_region(head: Whole, roi: Any) -> NDArray[np.int32]:
    """Return the tetrahedra of a region of the head, each once."""
    if not isinstance(roi, Region):
        raise RegionError(f"roi must be a Region (see headfield.regions), not {type(roi).__name__}")
    if not same_mesh(roi.mesh, head.mesh):
        raise RegionError(f"roi is a region of another mesh, {roi.mesh!r}; the model's is {head.mesh!r}")
    return _tets_of(roi)


def _tets_of(roi: Region) -> NDArray[np.int32]:
    """Return the tetrahedra of a region, each once; RegionError if there is nothing in it."""
    if not len(roi):
        raise RegionError("roi holds nothing")
    if not roi.weights.sum() > 0.0:
        raise RegionError("roi has no volume or area: all its weights are 0")
    return np.unique(roi.elements).astype(np.int32)


def _check_size(part: Part, options: ZoomOptions) -> None:
    """Refuse a region that has more unknowns than allowed before anything is refined."""
    near = part.tets[part.touching]
    least = len(part.nodes_mm) + len(near)  # a mesh has about seven edges for six tetrahedra
    if least > options.max_unknowns:
        raise RegionError(
            f"the part around roi has about {least:,} unknowns before it is refined, more than max_unknowns="
            f"{options.max_unknowns:,}: take a smaller region or margin_mm, or allow more"
        )


def _rim(head: Whole, part: Part, drive: CoilDrive, potential: Floats | None) -> Any:
    """Return the potential (r, W) at the rim of a part for the sources of a drive, on the device."""
    nodes, k = part.head_nodes[part.rim], len(drive)
    width = next(w for w in head.device.native.widths if w >= k)
    if potential is None:
        places = Places.chosen(head.mesh, None, None)
        batch = Batch(drive, SolveOptions(tol=_TOL), places, slice(0, k), width, width)
        there, report = head.head.potentials(batch, nodes)
        if not report.converged.all():
            raise MeshError(f"the head could not be solved for the poses to refine for: {report}")
        return there
    columns = np.zeros((len(nodes), width))
    scale = drive.scale[:, None]
    columns[:, :k] = np.divide(
        potential[:, nodes], scale, out=np.zeros((k, len(nodes))), where=scale != 0.0
    ).T
    with head.device.current():
        return head.device.put(columns)
