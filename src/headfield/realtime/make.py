# SPDX-License-Identifier: BSD-3-Clause
"""Make a real-time basis of a head: place its sources, solve them, and see how good it is."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..coils.coil import Coil
from ..coils.layouts import figure_of_eight
from ..core.arguments import finite_array, whole, within
from ..core.digest import digest
from ..core.memory import free_memory
from ..core.messages import doubt, warn
from ..errors import ArgumentError, DeviceError, MeshError, PoseError, RegionError
from ..placement.positions import scalp_positions
from ..placement.scalp import Scalp
from ..placement.scalp_field import scalp_field
from ..placement.sites import tangential_poses
from ..poses.pose import turns
from ..regions.region import Region, check_is_region
from ..solve.model import HeadModel
from ..solve.places import check_region
from .basis import Basis, HeldOut, head_digest, region_digest
from .incident import RATE
from .leading import leading
from .matching import matching_of, source, source_poses
from .modes import Modes
from .potentials import potentials_of
from .probes import ProbeTables, probe_tables, probe_weights
from .realtime import LEAST_MM, RealTime, check_by_edges
from .shell import Patch, Shell, around

__all__ = ["realtime_basis"]

Floats = NDArray[np.float64]

_OFF_MM, _DEPTH_MM = 30.0, 18.0
_INNER_SHARE = 0.45  # of the spacing: more points than sources, which three numbers each tell apart
_SPACING_MM = 20.0  # of sources: 340 to 400 around a head
_FINER = 0.8  # the spacing of the sources that are added where an error asks for more
_MOST_ROUNDS = 4
_LEAST_SOURCES, _MOST_SOURCES = 20, 4000
_AT_ONCE = 128  # sources whose potentials in the whole head are held in float64
# Of each source: E as it is solved and as it is kept, and the same of potentials.
_BYTES_PER_PLACE, _BYTES_PER_NODE, _SMALL = 12 + 6, 4 + 2, 1 << 28
_POOR = 0.1  # an error that brings a warning in any case
_LEFT_OUT = 0.02  # of the error that is asked for: what modes that are left out may add
_RADIUS_MM = 30.0
_FAR_MM = 50.0  # from a centre to the scalp, at most
_WINGS_MM = 50.0  # from the centre of a coil to its sources
_HELD_OUT = 8  # poses of a figure-8 by which a basis is judged
_HAIR_MM, _SMOOTH_MM = 4.0, 10.0
_SHALLOW_MM = 5.0  # below the scalp: E there depends on more than the sources of a basis tell
_SHARE = 0.4  # of the width of the head: between places where a basis is judged


class _Solved(NamedTuple):
    """Sources of a shell, and their E in the region."""

    shell: Shell
    fields: list[NDArray[np.float32]]  # (…, p, 3) each, V/m, in the order of the shell
    potentials: list[NDArray[np.float32]]  # (…, nodes) each, V, if they are wanted


def realtime_basis(
    model: HeadModel,
    roi: Region,
    *,
    centre_mm: ArrayLike | None = None,
    radius_mm: float | None = None,
    size: int | str = "auto",
    error: float = 5e-3,
    potentials: bool = False,
    tol: float = 1e-4,
    progress: Callable[[str], None] | None = None,
) -> RealTime:
    """Make what gives E in a region for any coil at any pose within milliseconds: a basis of the head.

    The field that a coil outside makes in a head is that of sources on a surface between them (Huygens; Hasan
    et al., Imaging Neuroscience 2025, doi 10.1162/imag_a_00412, for TMS), and nearly that of a few hundred on
    one farther off: here magnetic dipoles 30 mm off the head, which are solved once. A coil is known by its
    own B inside the head, without the head: the sources are weighted so that theirs is the same there, and
    their solutions add up to its E. That takes neither training nor an integral over the head, and a coil
    that was never seen is ready at once.

    Parameters
    ----------
    model : HeadModel
        With `primary="edges"`: sources are told by B, so gradients in A must not count.
    roi : Region
        Tetrahedra or points, below the scalp: E in the scalp itself depends on more than the sources tell.
    centre_mm : array_like (3,), optional
        Make a basis for coils around this point of the scalp: of fewer sources, which lie closer together
        there, so that frames are better. Elsewhere frames are worse, and say so.
    radius_mm : float, optional
        How far from it the centres of coils will be, 1 to 200 mm; 30 by default.
    size : int or "auto"
        About how many sources; "auto" begins with sources 20 mm apart, some 350, and adds more between them
        until the largest of the errors that are held out is below `error`.
    error : float
        Relative L2 error of E over the region, for a figure-8 at places on the scalp, from 1e-4 to 0.1. A
        larger one brings a warning, with a `size` that is given only above 10 %. Modes whose part in E is 2 %
        of it are left out.
    potentials : bool
        Keep potentials in the whole head too, for first guesses: see `basis` of `HeadModel.solve`. They take
        700 bytes a node.
    tol : float
        Of the solves.
    progress : callable, optional
        Called with a line on each stage.

    Returns
    -------
    RealTime

    Raises
    ------
    ArgumentError
        A model with another rule for ∂A/∂t, or options out of range.
    PoseError
        `centre_mm` is far from the scalp.
    RegionError
        A region of another mesh, without weight, or within 5 mm of the scalp.
    MeshError
        A head that is not in mm, so that nothing finds room around it.
    DeviceError
        The basis does not fit the memory while it is made.
    ConvergenceError

    Warns
    -----
    UserWarning
        The error is not reached, or a part of the region is close to the scalp.

    Examples
    --------
    >>> import headfield as hf
    >>> head = hf.phantom_head(edge_mm=8)
    >>> model = hf.HeadModel(head, primary="edges")
    >>> knob = hf.regions.sphere(head, [-40, -8, 50], 15, 2)
    >>> rt = hf.realtime_basis(model, knob, size=120)
    >>> coil = hf.figure_of_eight()
    >>> pose = model.place(coil, [-46, -8, 70], [-46, 42, 70], 8.0)
    >>> frame, solved = rt.field(coil, pose, 50e6), model.solve(coil, pose, 50e6, roi=knob)
    >>> float(abs(frame.E - solved.E).max()) < 0.03 * float(solved.magnitude.max())
    True
    """
    start = time.perf_counter()

    def said(what: str) -> None:
        if progress is not None:
            progress(f"{what}, {time.perf_counter() - start:.1f} s")

    most = within(error, "error", ArgumentError, 1e-4, 0.1)
    within(tol, "tol", ArgumentError, 1e-13, 0.1)
    automatic = isinstance(size, str)
    if automatic and size != "auto":
        raise ArgumentError(f'size must be a number of sources or "auto", not {size!r}')
    count = 0 if automatic else whole(size, "size", ArgumentError, _MOST_SOURCES, _LEAST_SOURCES)
    _check(model, roi)
    patch = _patch(model, centre_mm, radius_mm)
    maker = _Maker(model, roi, patch, most, tol, potentials)
    spacing = _SPACING_MM if automatic else maker.spacing_for(count)
    solved = maker.solve(spacing, None)  # first, because it may not fit the memory
    tables = maker.probe_tables()
    said(f"{len(maker.probes)} random sums of E solved, for error estimates")
    while True:
        said(f"{len(solved.shell.points_mm)} sources solved")
        found = maker.judged(solved, tables)
        said(f"E of a figure-8 off by {found.basis.held_out}")
        largest = float(found.basis.held_out.errors.max())
        if largest <= (most if automatic else max(most, _POOR)):
            return found
        if not automatic or spacing <= _SPACING_MM * _FINER**_MOST_ROUNDS:
            warn(
                f"the basis is off by up to {100 * largest:.2g} % in the region, where {100 * most:.2g} % "
                "was asked for: take more sources, a smaller or deeper region, or full solves"
            )
            return found
        spacing *= _FINER
        solved = maker.solve(spacing, solved)


def _check(model: HeadModel, roi: Region) -> None:
    """Refuse what no basis can be made for; doubt a region that is shallow."""
    if not isinstance(model, HeadModel):
        raise ArgumentError(f"model must be a HeadModel, not {type(model).__name__}")
    check_is_region(roi)
    check_region(model.mesh, roi)
    check_by_edges(model)
    if not roi.weights.sum() > 0.0:
        raise RegionError("the weights of the region are all 0: nothing says what an error in it is")
    depth = -model.scalp.signed_distance(roi.centres_mm)
    shallow = int((depth < _SHALLOW_MM).sum())
    if shallow == len(roi):
        raise RegionError(
            f"all of the region lies within {_SHALLOW_MM:g} mm of the scalp, where a basis is rough"
        )
    if shallow:
        doubt(
            f"{shallow:,} of {len(roi):,} places of the region lie within {_SHALLOW_MM:g} mm of the scalp, "
            "where frames from a basis are rough: off by several per cent"
        )


def _patch(model: HeadModel, centre_mm: ArrayLike | None, radius_mm: float | None) -> Patch | None:
    """Return where coils will reach whose centres are near a point of the scalp."""
    if centre_mm is None:
        if radius_mm is not None:
            raise ArgumentError("radius_mm is around a centre: give centre_mm too")
        return None
    centre = finite_array(centre_mm, "centre_mm", PoseError)
    if centre.shape != (3,):
        raise PoseError(f"centre_mm must have the shape (3,), not {centre.shape}")
    radius = within(_RADIUS_MM if radius_mm is None else radius_mm, "radius_mm", ArgumentError, 1.0, 200.0)
    on_scalp = model.scalp.closest(centre[None])
    if on_scalp.distance_mm[0] > _FAR_MM:
        raise PoseError(f"centre_mm is {on_scalp.distance_mm[0]:.0f} mm from the scalp")
    return Patch(on_scalp.point_mm[0], radius + _WINGS_MM)


class _Maker:
    """The making of a basis for one head and region."""

    def __init__(
        self,
        model: HeadModel,
        roi: Region,
        patch: Patch | None,
        error: float,
        tol: float,
        potentials: bool,
    ) -> None:
        self._model, self._roi, self._patch, self._error = model, roi, patch, error
        self._tol, self._potentials = tol, potentials
        self.probes = probe_weights(roi)
        self._around = around(model.scalp, _OFF_MM, _DEPTH_MM)
        self._hashes = {
            "head": head_digest(model.mesh),
            "conductivity": digest(model.conductivity),
            "region": region_digest(roi),
        }
        self._held_out: tuple[Floats, NDArray[np.float32], float] | None = None

    def probe_tables(self) -> ProbeTables:
        return probe_tables(self._model, self._roi)

    def shell(self, spacing_mm: float) -> Shell:
        return self._around.shell(spacing_mm, _INNER_SHARE * spacing_mm, self._patch)

    def spacing_for(self, count: int) -> float:
        """Return the spacing at which there are about so many sources."""
        spacing = _SPACING_MM
        for _ in range(3):
            spacing *= (len(self.shell(spacing).points_mm) / count) ** 0.5
        return spacing

    def solve(self, spacing_mm: float, before: _Solved | None) -> _Solved:
        """Solve the sources at a spacing; those of a coarser spacing stay, and others come between."""
        shell = self.shell(spacing_mm)
        new = shell
        if before is not None:
            near = np.linalg.norm(shell.points_mm[:, None] - before.shell.points_mm, axis=2).min(axis=1)
            apart = near >= 0.5 * spacing_mm
            new = Shell(shell.points_mm[apart], shell.normals[apart], shell.inner_mm)
        self._check_room(
            len(shell.points_mm) if before is None else len(before.shell.points_mm) + len(new.points_mm)
        )
        fields, potentials = self._fields(source_poses(new))
        if before is None:
            return _Solved(new, fields, potentials)
        points, normals = (np.concatenate(pair) for pair in zip(before.shell[:2], new[:2], strict=True))
        shell = Shell(points, normals, shell.inner_mm)
        return _Solved(shell, before.fields + fields, before.potentials + potentials)

    def _check_room(self, sources: int) -> None:
        """Raise DeviceError for a basis that does not fit the memory while it is made."""
        nodes = self._model.mesh.n_nodes if self._potentials else 0
        size = sources * (_BYTES_PER_PLACE * len(self._roi) + _BYTES_PER_NODE * nodes)
        if size > _SMALL and size > free_memory():
            raise DeviceError(
                f"a basis of {sources} sources for {len(self._roi):,} places takes {size / 2**30:.1f} GiB "
                "while it is made, more than is free: take a smaller region, or fewer sources"
            )

    def _fields(self, poses: Floats) -> tuple[list[NDArray[np.float32]], list[NDArray[np.float32]]]:
        """Return E (…, p, 3) of sources, in parts, and their potentials (…, nodes) if they are wanted."""
        fields, potentials = [], []
        for start in range(0, len(poses), _AT_ONCE):
            some = poses[start : start + _AT_ONCE]
            field = self._model.solve(
                source(),
                some,
                RATE,
                roi=self._roi,
                tol=self._tol,
                keep_potential=self._potentials,
                primary_error=0.0,
            )
            fields.append(field.E)
            if self._potentials:
                potentials.append(field.potential.astype(np.float32))
        return fields, potentials

    def judged(self, solved: _Solved, tables: ProbeTables) -> RealTime:
        """Make a basis of sources that are solved, and hold it against full solves of a coil."""
        matching, shares = matching_of(solved.shell), self._roi.weights / self._roi.weights.sum()
        few = leading(matching, solved.shell, _OFF_MM, solved.fields, shares, _LEFT_OUT * self._error)
        fields = [some.reshape(len(some), -1) for some in solved.fields]
        modes = Modes.mixed(few.mix.T.astype(np.float32), fields)
        made: dict[str, Any] = {"inner_mm": solved.shell.inner_mm, "project": few.project}
        made |= {"gram": few.gram}
        made |= {"modes": modes, "probe_rows": modes.products(self.probes.reshape(len(self.probes), -1))}
        made |= {"probe_tables": tables, "n_sources": len(matching.mix), **self._hashes}
        if self._potentials:
            mesh = self._model.mesh
            made["potentials"] = potentials_of(mesh, solved.shell, matching, solved.potentials)
        return self._held(made)

    def _held(self, made: dict[str, Any]) -> RealTime:
        """Return the basis, with how far it is off for a coil at poses that were solved for that."""
        coil = figure_of_eight()
        if self._held_out is None:
            start, poses = time.perf_counter(), self._places(coil)
            exact = self._model.solve(
                coil, poses, RATE, roi=self._roi, tol=self._tol, primary_error="summed"
            ).E
            self._held_out = poses, exact, (time.perf_counter() - start) / len(poses)
        poses, exact, seconds = self._held_out
        made |= {"seconds_per_pose": seconds}
        found = RealTime(self._model, self._roi, Basis(**made, held_out=HeldOut(*np.zeros((2, 0)))))
        frame = found.field(coil, poses, RATE)
        errors = np.sqrt(found.norms(frame.E - exact) / found.norms(exact))
        assert frame.report.basis_error is not None
        found.basis = Basis(**made, held_out=HeldOut(errors, frame.report.basis_error))
        return found

    def _places(self, coil: Coil) -> Floats:
        """Return poses (k, 4, 4) of a coil, spread over the scalp, its casing off it."""
        surface = self._model.scalp
        scalp, patch = Scalp(surface, _SMOOTH_MM), self._patch
        if patch is None:
            spacing = _SHARE * float(np.ptp(surface.nodes_mm, axis=0).min())
            sites = scalp_positions(scalp, spacing_mm=spacing)
        else:
            radius = patch.reach_mm - _WINGS_MM
            sites = scalp_positions(scalp, patch.centre_mm, radius, _SHARE * 2.0 * radius)
        poses = tangential_poses(sites, _HAIR_MM) @ turns(137.5 * np.arange(len(sites.point)))
        lifts = scalp_field(surface).lifts(coil, poses, LEAST_MM)
        poses, lifts = poses[~np.isnan(lifts)], lifts[~np.isnan(lifts)]
        if not len(poses):
            raise MeshError(
                "no figure-8 can be placed on the scalp to see how good the basis is: is the head in mm?"
            )
        poses[:, :3, 3] -= lifts[:, None] * poses[:, :3, 2]
        return poses[np.linspace(0, len(poses) - 1, min(_HELD_OUT, len(poses))).astype(int)]
