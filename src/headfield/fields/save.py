# SPDX-License-Identifier: BSD-3-Clause
"""Write a result in any format, by the ending of the name."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from ..core.messages import plural
from ..errors import ArgumentError, FileFormatError
from ..io.atomic import check_folder, check_not_input
from ..io.regular import ending_of
from ..io.volume import NIFTI_ENDINGS
from ..regions.region import Region
from .arrays import FieldArrays
from .gifti import SURFACE_ENDING, write_on_surface
from .images import Like, grid_of, write_image
from .note import Note
from .result import Result, result_of
from .stream import H5_ENDINGS, save_h5
from .table import write_numbers, write_table
from .write import write_point_results, write_results

__all__ = ["MESHES", "NOT_MESHES", "format_of", "save_field", "write_result"]

#: Endings of the files that a result can be written to, besides .h5: those of meshes with fields, and others.
MESHES = (".msh", ".vtu")
NOT_MESHES = (".npy", ".csv", *NIFTI_ENDINGS, SURFACE_ENDING)

_QUANTITIES = ("magnE", "E", "v", "local_error", "normal", "tangential")

_SPACING_MM = 1.0  # of an image for which no grid is given: that of most T1 images


def write_result(
    path: str | os.PathLike[str],
    result: Result,
    *,
    pose: int | None = None,
    quantity: str | None = None,
    like: Like | None = None,
    spacing_mm: float | None = None,
    surface: str | os.PathLike[str] | Region | None = None,
) -> tuple[str, list[str]]:
    """Write a result in the format that the ending of the name says.

    Parameters
    ----------
    path : path
        `.msh`, `.vtu`: all fields, a file for each pose, NAME_0000.msh and so on, as `headfield solve` writes
        them; or one file of one pose. `.npy`: `headfield.fields.table.write_numbers`; `.csv`: `write_table`
        there; `.nii`, `.nii.gz`: `headfield.fields.images.write_image`; `.func.gii`:
        `headfield.fields.gifti.write_on_surface`.
    result : Result
    pose : int, optional
        Only this one, counted from 0.
    quantity : {"E", "magnE", "v", "local_error"}, optional
        Only this; by default E in a .npy, |E| in an image, and all in the others. A .func.gii has "magnE",
        "normal" and "tangential".
    like, spacing_mm
        Of images: see `headfield.fields.images.grid_of`; by default voxels of 1 mm.
    surface
        Of .func.gii: see `headfield.fields.gifti.write_on_surface`.

    Returns
    -------
    str
        What was written and what was left out, in words.
    list of str
        The files.

    Raises
    ------
    FileFormatError
        Another ending.
    ArgumentError
        An option for another format.
    HeadfieldError, OSError
        See the functions above.

    Examples
    --------
    >>> import tempfile, numpy as np, headfield as hf
    >>> model = hf.HeadModel(hf.sphere_mesh(radii_mm=[80, 86, 92], tags=[2, 4, 5], edge_mm=20))
    >>> coil = hf.circular_coil()
    >>> field = model.solve(coil, model.place(coil, [0, 0, 92], [0, 50, 92]))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     field.save(folder + "/field.h5")
    ...     said, files = write_result(folder + "/E.npy", hf.read_result(folder + "/field.h5"))
    ...     print(said, bool((np.load(files[0]) == field.E).all()))
    E (1, 4320, 3) float32, in all 4,320 tetrahedra; nothing else of the result is in it True
    """
    if quantity is not None and quantity not in _QUANTITIES:
        raise ArgumentError(f"quantity {quantity!r}: one of {', '.join(_QUANTITIES)} is needed")
    options = {"like": like is not None or spacing_mm is not None, "surface": surface is not None}
    ending, name = format_of(path), os.fspath(path)
    allowed = {".nii": "like", ".gii": "surface"}.get(ending)
    for option, given in options.items():
        if given and option != allowed:
            called = {"like": "a grid (like, spacing_mm)"}.get(option, option)
            raise ArgumentError(f"{name}: {called} is not an option for {ending}")
    check_folder(path)
    check_not_input(path, like, surface, result.path)
    if pose is not None:
        result.rows(pose)  # a pose that is not there is told before the work
    if ending in MESHES:
        return _save_meshes(Path(path), result, quantity, pose)
    if ending == ".gii":
        return write_on_surface(path, result, surface, quantity, pose)
    if ending == ".nii":
        if like is None and spacing_mm is None:
            spacing_mm = _SPACING_MM
        said = write_image(path, result, grid_of(result.mesh, like, spacing_mm), quantity or "magnE", pose)
        return said + (f"; spacing {spacing_mm:g} mm" if like is None else ""), [name]
    if ending == ".npy":
        return write_numbers(path, result, quantity or "E", pose), [name]
    return write_table(path, result, quantity, pose), [name]


def save_field(path: str | os.PathLike[str], arrays: FieldArrays, **options: Any) -> None:
    """Write a field that is in memory, see `Field.save`; `options` are those of `write_result`."""
    given = {name: value for name, value in options.items() if value is not None}
    ending, poses, note = ending_of(path), slice(0, len(arrays)), Note(arrays.run, arrays.names)
    if ending in H5_ENDINGS and not arrays.at_points:
        if given:
            raise ArgumentError(f"{os.fspath(path)}: {min(given)} is not an option for .h5")
        save_h5(path, arrays)
    elif given or (ending not in H5_ENDINGS and format_of(path) not in MESHES):
        write_result(path, result_of(arrays, os.fspath(path)), **given)
    elif arrays.region is not None and arrays.at_points:
        write_point_results(path, arrays.region, arrays.in_elements(poses), note)
    else:
        write_results(path, arrays.mesh, arrays.in_elements(poses), arrays.at_nodes(poses), note)


def format_of(path: str | os.PathLike[str]) -> str:
    """Return the format that a result is written in: the ending, without what says that it is compressed.

    Raises
    ------
    FileFormatError
        `write_result` writes no such files.

    Examples
    --------
    >>> format_of("E.NII.gz"), format_of("E.func.gii")
    ('.nii', '.gii')
    """
    ending = ".nii" if os.fspath(path).lower().endswith(NIFTI_ENDINGS) else ending_of(path)
    if ending in H5_ENDINGS:
        raise FileFormatError(
            f"{os.fspath(path)}: .h5 is written by `Field.save`, `headfield solve` and `merge` only"
        )
    if ending not in MESHES + NOT_MESHES:
        known = ", ".join((*MESHES, *NOT_MESHES, ".h5"))
        raise FileFormatError(f"{os.fspath(path)}: results are written as {known}, not {ending or 'this'}")
    return ending


def _save_meshes(path: Path, result: Result, quantity: str | None, pose: int | None) -> tuple[str, list[str]]:
    """Write a file for each pose that converged."""
    several = pose is None and result.n_poses > 1
    files: list[str] = []
    left: set[str] = set()
    for i in result.chosen(pose):
        if not result.has_field(i):
            continue
        target = path.with_name(f"{path.stem}_{i:04d}{path.suffix}") if several else path
        check_not_input(target, result.path)
        fields, nodes = result.everywhere(i)
        if quantity is not None:
            result.quantity(quantity, i)  # which says what there is, if it is not there
            left |= (fields.keys() | nodes.keys()) - {quantity}
            fields = {name: values for name, values in fields.items() if name == quantity}
            nodes = {name: values for name, values in nodes.items() if name == quantity}
        _save_pose(target, result, i, fields, nodes)
        files.append(os.fspath(target))
    lost = f"; left out: {', '.join(sorted(left))}" if left else ""
    bad = len(result.not_converged) if pose is None else 0
    lost += f"; {bad} did not converge and got no file" if bad else ""
    return f"{plural(len(files), 'pose', 'poses')}, {quantity or 'all fields'}{lost}", files


def _save_pose(target: Path, result: Result, i: int, fields: Any, nodes: Any) -> None:
    run = result.provenance
    if run is not None and i < run.count:
        run = run.part(run.first + i, 1)
    note = Note(run, result.names[i : i + 1])
    one = {name: values[None] for name, values in fields.items()}
    if result.region is not None:
        write_point_results(target, result.region, one, note)
    else:
        write_results(target, result.mesh, one, {name: values[None] for name, values in nodes.items()}, note)
