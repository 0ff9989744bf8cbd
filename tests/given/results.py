# SPDX-License-Identifier: BSD-3-Clause
"""Result files to write, to change and to damage."""

from collections.abc import Callable
from typing import Any

import h5py
import numpy as np

from headfield.fields.arrays import FieldArrays
from headfield.fields.h5.rows import FACTS, FIELDS, MARKS, checksum, mark_of
from headfield.fields.report import SolveReport
from headfield.fields.run import Run


def run(count: int, first: int = 0, total: int | None = None, **different: Any) -> Run:
    """The record of a run of so many poses."""
    same = {"head": "a head", "conductivity": "S/m", "coil": "a coil", "poses": "poses", "options": "options"}
    return Run(
        **(same | different), first=first, count=count, total=first + count if total is None else total
    )


def field_arrays(mesh: Any, e: Any, potential: Any, converged: bool = True) -> FieldArrays:
    """What a field of poses with these E (k, m, 3) and potentials (k, n) consists of."""
    k = len(e)
    report = SolveReport(
        iterations=np.full(k, 7, np.int32),
        residual=np.full(k, 1e-6),
        converged=np.full(k, converged),
        stopped=np.full(k, "converged" if converged else "iterations"),
        tolerance=np.full(k, 1e-5),
        discretisation_error=None,
        primary_error=0.0,
        device="cpu",
        threads=1,
        batch=k,
        batch_asked=k,
    )
    poses, didt = np.tile(np.eye(4), (k, 1, 1)), np.full(k, 1e6)
    rest = {"local_error": None, "elements": None, "region": None, "recovery": None}
    return FieldArrays(mesh=mesh, poses=poses, didt=didt, report=report, E=e, potential=potential, **rest)


def changed(path, change: Callable[[Any], None]) -> None:
    """Change an .h5, and seal it again: its check sums fit, as those of a file that was written so."""
    with h5py.File(path, "a") as file:
        change(file)
        for name in file["mesh"]:
            file["mesh"][name].attrs["crc32"] = np.uint32(checksum([file["mesh"][name][()]]))
        marks = file[MARKS]
        for i in range(len(marks)):
            for group, names in enumerate((FACTS, FIELDS)):
                there = [file[name] for name in names if name in file]
                if all(values.shape and len(values) > i for values in there):
                    marks[i, group] = mark_of(checksum(values[i : i + 1][0, ...] for values in there))
