# SPDX-License-Identifier: BSD-3-Clause
"""Write results as plain numbers: a table (.csv), or an array (.npy)."""

from __future__ import annotations

import csv
import io
import os
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core.messages import plural, printable
from ..errors import HeadfieldError
from ..io.atomic import replacing
from .result import Result

__all__ = ["write_numbers", "write_table"]

_COLUMNS = {"magnE": ("magnE",), "E": ("Ex", "Ey", "Ez"), "local_error": ("local_error",), "v": ("v",)}
_AT_A_TIME = 1 << 16  # rows


def write_numbers(
    path: str | os.PathLike[str], result: Result, quantity: str = "E", pose: int | None = None
) -> str:
    """Write a quantity of one or all poses as .npy: only the numbers, in the order of the result.

    Parameters
    ----------
    path : path
        The file appears whole or not at all.
    result : Result
    quantity : {"E", "magnE", "v", "local_error"}
        E is (k, e, 3) float32, V/m, magnE and local_error (k, e), v (k, n) float64, V. The e tetrahedra are
        those of `result.elements`, in its order, or all of the mesh; or the points of a field at points.
    pose : int, optional
        By default all; one pose is an array with k = 1.

    Returns
    -------
    str
        What was written, in words.

    Raises
    ------
    HeadfieldError
        The result has no such quantity, or the pose did not converge; of all poses, such are NaN.
    OSError
        The file can't be written.
    """
    poses = list(result.chosen(pose))
    good = [i for i in poses if result.has_field(i)]
    first = result.quantity(quantity, (good or poses)[0])
    shape, dtype = (len(poses), *first.shape), first.dtype.newbyteorder("<")
    head = {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": shape}
    with replacing(path) as temporary, open(temporary, "wb") as file:
        np.lib.format.write_array_header_1_0(file, head)
        for i in poses:
            row = result.quantity(quantity, i) if i in good else np.full_like(first, np.nan)
            file.write(np.ascontiguousarray(row, dtype).data)
    return f"{quantity} {shape} {dtype.name}, {_where(result, quantity)}; nothing else of the result is in it"


def write_table(
    path: str | os.PathLike[str], result: Result, quantity: str | None = None, pose: int | None = None
) -> str:
    """Write a table (.csv) with a row for each tetrahedron that has a field, pose after pose.

    The columns are `pose`, `name` where poses have names, `tetrahedron` (from 0), `tag`, the barycentre
    `x_mm`, `y_mm`, `z_mm`, and `magnE`, `Ex`, `Ey`, `Ez` and `local_error` (V/m), as far as they are there.
    Of a field at points there is a row for each point. The potential (V) is at nodes: of it there is a table
    by itself. Poses that did not converge have no rows.

    Parameters
    ----------
    path : path
        The file appears whole or not at all.
    result : Result
    quantity : {"magnE", "E", "local_error", "v"}, optional
        Only that.
    pose : int, optional
        By default all.

    Returns
    -------
    str
        What was written, in words.

    Raises
    ------
    HeadfieldError
        See `write_numbers`.
    OSError
        The file can't be written.
    """
    poses = [i for i in result.chosen(pose) if pose is not None or result.has_field(i)]
    if not poses:
        raise HeadfieldError(f"{result.path}: none of its poses converged")
    there = result.rows(poses[0])
    names = [n for n in ("magnE", "E", "local_error") if n in there] if quantity is None else [quantity]
    places, keys, chosen = _places(result, quantity)
    named = ["pose", *(["name"] if result.names else [])]
    with replacing(path) as temporary, open(temporary, "w", encoding="utf-8", newline="\n") as file:
        print(",".join([*named, *keys, *(c for n in names for c in _COLUMNS[n])]), file=file)
        for i in poses:
            values = [result.quantity(name, i).reshape(len(places), -1) for name in names]
            _write_rows(file, _label(result, i), places, np.concatenate(values, axis=1), chosen)
    left = "" if quantity == "v" or "v" not in there else "; the potential is left out (quantity v)"
    return f"{plural(len(poses), 'pose', 'poses')}, {_where(result, quantity or 'E')}{left}"


def _places(result: Result, quantity: str | None) -> tuple[NDArray[Any], list[str], int]:
    """Return the columns that say where a row is, their names, and how many of them are whole numbers."""
    mesh, xyz = result.mesh, ["x_mm", "y_mm", "z_mm"]
    if quantity == "v":
        return np.column_stack([np.arange(mesh.n_nodes), mesh.nodes_mm]), ["node", *xyz], 1
    if result.region is not None:
        points = result.region.centres_mm
        tags = mesh.tags[result.region.elements]
        return np.column_stack([np.arange(len(points)), tags, points]), ["point", "tag", *xyz], 2
    chosen = np.arange(mesh.n_tets) if result.elements is None else result.elements
    columns = np.column_stack([chosen, mesh.tags[chosen], mesh.barycentres_mm()[chosen]])
    return columns, ["tetrahedron", "tag", *xyz], 2


def _write_rows(file: Any, label: str, places: NDArray[Any], values: NDArray[Any], whole: int) -> None:
    """Write the rows of a pose that are known, with as many digits as it takes to read the same numbers."""
    known = np.isfinite(values).all(axis=1)
    table = np.column_stack([places, values])[known]
    digits = "%.9g" if values.dtype == np.float32 else "%.17g"
    form = label.replace("%", "%%") + ",".join(
        ["%d"] * whole + ["%.6f"] * (places.shape[1] - whole) + [digits] * values.shape[1]
    )
    for start in range(0, len(table), _AT_A_TIME):
        rows = table[start : start + _AT_A_TIME]
        file.write("\n".join([form] * len(rows)) % tuple(rows.ravel().tolist()) + "\n")


def _label(result: Result, pose: int) -> str:
    """Return the first columns of the rows of a pose, with a comma at their end."""
    text = io.StringIO()
    csv.writer(text, lineterminator="").writerow(
        [pose, *([printable(result.names[pose])] if result.names else [])]
    )
    return text.getvalue() + ","


def _where(result: Result, quantity: str) -> str:
    if quantity == "v":
        return f"at the {result.mesh.n_nodes:,} nodes"
    if result.region is not None:
        return f"at the {len(result.region):,} points"
    if result.elements is None:
        return f"in all {result.mesh.n_tets:,} tetrahedra"
    return f"in {len(result.elements):,} of {result.mesh.n_tets:,} tetrahedra"
