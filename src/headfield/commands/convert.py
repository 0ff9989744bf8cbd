# SPDX-License-Identifier: BSD-3-Clause
"""Convert heads, coils and poses from one file format to another."""

from __future__ import annotations

import argparse
import os
from typing import Any

from ..coils.coil import Coil
from ..coils.endings import coil_ending
from ..coils.formats.casings import read_casing
from ..coils.read import read_coil
from ..coils.sources import Segments
from ..coils.write import write_coil
from ..core.messages import plural
from ..errors import FileFormatError
from ..heads.formats.meshio_write import SURFACE_FORMATS
from ..heads.mesh import TetMesh
from ..heads.skin import write_skin
from ..heads.wanted import HeadOptions, mesh_of
from ..heads.write import write_mesh
from ..io.regular import ending_of
from ..poses.read import read_pose_list
from ..poses.write import write_poses
from .convert_result import convert_result, is_for_results
from .kinds import kind_of
from .pose_options import pose_options

__all__ = ["convert", "options_of"]

_DIPOLES = 500  # that stand for wire in a .ccd unless another number is asked for
# Which options each kind of file takes.
_OPTIONS = {
    "coil": ("dipoles", "spacing_mm", "casing"),
    "poses": ("nearest_rotation", "which", "skip_bad", "scan"),
    "mesh": HeadOptions._fields,
    "result": ("spacing_mm", "pose", "quantity", "like", "surface"),
}


def convert(source: str | os.PathLike[str], target: str | os.PathLike[str], **options: Any) -> str:
    """Read a head, coil, poses or a result, and write them in the format that the ending of `target` says.

    Parameters
    ----------
    source : path
    target : path
        The file appears whole or not at all.
    **options
        None, False, an empty list and "all" count as not given. For a coil: `dipoles`, at most so many a
        stimulator, see `Coil.reduced` (wire that is written as .ccd, which holds dipoles only, becomes 500 if
        nothing is said); `spacing_mm`, to sample it on a grid, see `Coil.sampled`; and `casing`, the file of
        its housing, for .tcd. For poses: those of `headfield.read_pose_list`. For heads: those of
        `headfield.heads.wanted.HeadOptions`. For a result: those of `headfield.write_result`.

    Returns
    -------
    str
        What was written, in one line.

    Raises
    ------
    FileFormatError
        A format that can't be written, a kind of file that can't be converted, or an option for another kind.
    HeadfieldError, OSError
        See the readers and writers.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     np.save(folder + "/poses.npy", np.eye(4))
    ...     convert(folder + "/poses.npy", folder + "/poses.csv")
    '1 pose'
    """
    kind = kind_of(source)
    if is_for_results(kind, source, target):
        kind = "result"
    elif kind in ("result", "image"):  # a .msh or .vtu that becomes another mesh with fields; or no head yet
        kind = "mesh"
    given = {name: value for name, value in options.items() if _is_given(value)}
    wrong = sorted(set(given) - set(_OPTIONS.get(kind, ())))
    if wrong:
        raise FileFormatError(f"{os.fspath(source)}: {wrong[0]} is not an option for the kind {kind}")
    if kind == "result":
        return convert_result(source, target, **given)
    if kind == "coil":
        return _coil(source, target, **given)
    if kind == "poses":
        poses = read_pose_list(source, **given)
        write_poses(target, poses)
        return plural(len(poses), "pose", "poses")
    if kind == "mesh":
        return _head(target, mesh_of(source, HeadOptions(**given)))
    raise FileFormatError(f"{os.fspath(source)}: files of the kind {kind} can't be converted")


def options_of(args: argparse.Namespace) -> dict[str, Any]:
    """Return the options of `convert` that are in parsed arguments."""
    names = {name for names in _OPTIONS.values() for name in names}
    return {name: getattr(args, name) for name in names} | pose_options(args)


def _is_given(value: Any) -> bool:
    return value is not None and value is not False and value not in ([], (), "all")


def _coil(
    source: str | os.PathLike[str],
    target: str | os.PathLike[str],
    dipoles: int | None = None,
    spacing_mm: float | None = None,
    casing: str | os.PathLike[str] | None = None,
) -> str:
    coil = read_coil(source)
    if casing is not None:
        coil = _cased(coil, casing, target)
    if dipoles is None and spacing_mm is None and _is_wire_for_ccd(coil, target):
        dipoles = _DIPOLES
    coil, note = _changed(coil, dipoles, spacing_mm)
    write_coil(target, coil)
    return f"{coil!r}{note}"


def _cased(coil: Coil, casing: str | os.PathLike[str], target: str | os.PathLike[str]) -> Coil:
    if coil_ending(target, "written") != ".tcd":
        raise FileFormatError(f"{os.fspath(target)}: only a .tcd file holds a casing")
    return coil.with_casing(read_casing(casing))


def _is_wire_for_ccd(coil: Coil, target: str | os.PathLike[str]) -> bool:
    """Whether a coil of nothing but wire is to become a file that holds dipoles only."""
    wire = all(isinstance(element.source, Segments) for element in coil.elements)
    return wire and coil_ending(target, "written") == ".ccd"


def _head(target: str | os.PathLike[str], mesh: TetMesh) -> str:
    """Write a head, or its skin where the format holds surfaces."""
    if ending_of(target) in SURFACE_FORMATS:
        skin = write_skin(target, mesh)
        return f"the skin of {mesh!r}: {len(skin.nodes_mm):,} nodes, {len(skin.faces):,} triangles"
    write_mesh(target, mesh)
    return repr(mesh)


def _changed(coil: Coil, dipoles: int | None, spacing_mm: float | None) -> tuple[Coil, str]:
    note, flexible = "", bool(coil.deformations)
    if dipoles is not None:
        reduction = coil.reduced(dipoles)
        coil = reduction.coil
        note = f"; A is off by at most {100 * reduction.error:.2g} % from {reduction.distance_mm:.1f} mm on"
    if spacing_mm is not None:
        coil = coil.sampled(spacing_mm)
    if flexible and not coil.deformations:
        note += "; its parts can no longer be moved"
    return coil, note
