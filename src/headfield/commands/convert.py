# SPDX-License-Identifier: BSD-3-Clause
"""Convert heads, coils, poses and results from one file format to another."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from ..coils.coil import Coil
from ..coils.read import read_coil
from ..coils.write import write_coil
from ..errors import FileFormatError
from ..heads.read import read_mesh
from ..heads.write import write_mesh
from ..poses.read import read_pose_list
from ..poses.write import write_poses
from .convert_result import convert_result, is_for_results
from .kinds import kind_of

__all__ = ["convert"]

# Which options each kind of file takes.
_OPTIONS = {
    "coil": ("dipoles", "spacing_mm"),
    "poses": ("nearest_rotation",),
    "result": ("spacing_mm", "pose", "quantity", "like", "surface"),
}


def convert(
    source: str | os.PathLike[str],
    target: str | os.PathLike[str],
    *,
    dipoles: int | None = None,
    spacing_mm: float | None = None,
    nearest_rotation: bool = False,
    of_result: Mapping[str, Any] | None = None,
) -> str:
    """Read a head, coil, poses or a result, and write them in the format that the ending of `target` says.

    Parameters
    ----------
    source : path
    target : path
        The file appears whole or not at all.
    dipoles : int, optional
        For a coil: reduce it to at most this many dipoles per stimulator, see `Coil.reduced`.
    spacing_mm : float, optional
        For a coil: sample it on a grid with these steps, see `Coil.sampled`.
    nearest_rotation : bool
        For poses: replace axes that are scaled or sheared by the nearest rotation.
    of_result : dict of str to object, optional
        For a result: options of `headfield.write_result`, None where they are not given.

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
    '1 poses'
    """
    kind = kind_of(source)
    if is_for_results(kind, source, target):
        kind = "result"
    elif kind == "result":  # a .msh or .vtu that becomes another mesh with fields
        kind = "mesh"
    chosen = {name: value for name, value in (of_result or {}).items() if value is not None}
    options = {"dipoles": dipoles is not None, "spacing_mm": spacing_mm is not None}
    options |= {"nearest_rotation": nearest_rotation} | dict.fromkeys(chosen, True)
    allowed = _OPTIONS.get(kind, ())
    wrong = [name for name, given in options.items() if given and name not in allowed]
    if wrong:
        raise FileFormatError(f"{os.fspath(source)}: {wrong[0]} is not an option for the kind {kind}")
    if kind == "result":
        return convert_result(source, target, spacing_mm=spacing_mm, **chosen)
    if kind == "coil":
        coil, note = _changed(read_coil(source), dipoles, spacing_mm)
        write_coil(target, coil)
        return f"{coil!r}{note}"
    if kind == "poses":
        poses = read_pose_list(source, nearest_rotation=nearest_rotation)
        write_poses(target, poses.poses, poses.names, poses.didt)
        return f"{len(poses)} poses"
    if kind == "mesh":
        mesh = read_mesh(source)
        write_mesh(target, mesh)
        return repr(mesh)
    raise FileFormatError(f"{os.fspath(source)}: files of the kind {kind} can't be converted")


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
