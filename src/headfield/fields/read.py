# SPDX-License-Identifier: BSD-3-Clause
"""Read result files: facts and mesh at once, fields one pose at a time."""

from __future__ import annotations

import os
import re
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core.messages import printable
from ..errors import FileFormatError, PoseError
from ..heads.mesh import TetMesh
from ..heads.read import read_mesh
from ..io.regular import check_regular, ending_of
from ..poses.pose import check_poses
from .h5.reader import opened
from .h5.rows import HALF_ERRORS, REPORTED
from .note import note_in
from .result import Result
from .stream import H5_ENDINGS
from .write import magnitude

__all__ = ["read_result"]

_FIELDS = {"E": (3,), "magnE": (), "local_error": ()}


def read_result(path: str | os.PathLike[str]) -> Result:
    """Read what `Field.save` and `headfield solve` write: .h5, .msh or .vtu.

    From an .h5 only the mesh and facts of the poses are read at once; fields are read pose by pose. A .msh or
    .vtu from other programs will do if it has `magnE` or `E` on its tetrahedra.

    Parameters
    ----------
    path : path

    Returns
    -------
    Result

    Raises
    ------
    FileFormatError
        A file that is not a result or has no E, a damaged .h5, or h5py is missing.
    MeshError
        A damaged .msh or .vtu, or a mesh that no field can be computed on.
    PoseError
        The file has poses that are not rigid placements.
    OSError
        The file can't be read.

    Examples
    --------
    >>> import tempfile, headfield as hf
    >>> model = hf.HeadModel(hf.sphere_mesh(radii_mm=[80, 86, 92], tags=[2, 4, 5], edge_mm=20))
    >>> coil = hf.circular_coil()
    >>> field = model.solve(coil, model.place(coil, [0, 0, 92], [0, 50, 92]), didt=1e6)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     field.save(folder + "/out.msh")
    ...     back = read_result(folder + "/out.msh")
    ...     back.n_poses, back.poses, bool((back.magnitude() == field.magnitude[0]).all())
    (1, None, True)
    >>> back.E().shape == (model.mesh.n_tets, 3), back.provenance == field.provenance
    (True, True)
    """
    check_regular(path, FileFormatError)
    if ending_of(path) in H5_ENDINGS:
        return _read_h5(os.fspath(path))
    mesh = read_mesh(path, check=False)  # it was checked when it was solved
    name, steps = os.fspath(path), _steps(mesh)
    if not steps:
        there = ", ".join(mesh.element_data) or "none"
        raise FileFormatError(f"{name}: no E in it; fields on its tetrahedra: {there}")
    note = note_in(path)
    names = () if note is None or len(note.names) != len(steps) else tuple(map(printable, note.names))
    return Result(
        path=name,
        mesh=mesh,
        n_poses=len(steps),
        read=lambda i: _of_fields(mesh, steps[i]),
        record=lambda: None if note is None else note.run,
        names=names,
        recovery=None if note is None or note.run is None else note.run.settings.get("recovery"),
        facts={"converged": np.array([_has_values(mesh, step) for step in steps])},
    )


def _steps(mesh: TetMesh) -> list[str]:
    """Return what ends the names of each pose's fields: those of magnE, or else those of E."""
    for name in ("magnE", "E"):
        fits = {n for n, values in mesh.element_data.items() if values.shape[1:] == _FIELDS[name]}
        steps = [n for n in fits if re.fullmatch(rf"{name}_[0-9]{{4,9}}", n)]
        if name in fits:
            return [""]
        if steps:
            return [n.removeprefix(name) for n in sorted(steps, key=lambda n: int(n.rpartition("_")[2]))]
    return []


def _has_values(mesh: TetMesh, step: str) -> bool:
    """Tell whether a pose has a field; one that did not converge has none."""
    names = [name + step for name in ("magnE", "E") if name + step in mesh.element_data]
    return bool(np.isfinite(mesh.element_data[names[0]]).any())


def _of_fields(mesh: TetMesh, step: str) -> dict[str, NDArray[Any]]:
    """Return the fields of one pose; |E| is that of E where the file has only E."""
    there = mesh.element_data
    found = {name: there[name + step] for name in _FIELDS if name + step in there}
    made: dict[str, NDArray[Any]] = {
        name: values for name, values in found.items() if values.shape[1:] == _FIELDS[name]
    }
    if "magnE" not in made:
        made["magnE"] = magnitude(made["E"])
    if "v" + step in mesh.node_data and mesh.node_data["v" + step].ndim == 1:
        made["v"] = mesh.node_data["v" + step]
    return {name: values if name == "v" else values.astype("f4") for name, values in made.items()}


def _read_h5(path: str) -> Result:
    with opened(path) as file:
        mesh = file.mesh()
        index = file.index(mesh)
        file.check_facts()
        poses, didt = (file.array(name) if file.has(name) else None for name in ("poses", "didt"))
        facts = {name: file.array(name) for name in (*REPORTED, "device", *HALF_ERRORS) if file.has(name)}
        count, names, recovery = file.n_rows, file.texts("names"), file.attributes().get("recovery")
    if poses is not None:
        try:
            poses = check_poses(poses)
        except PoseError as error:
            raise PoseError(f"{path}: {error}") from None

    def read(i: int) -> dict[str, NDArray[Any]]:
        with opened(path) as file:
            return file.fields(i)

    def run() -> Any:
        with opened(path) as file:
            return file.run()

    return Result(
        path=path,
        mesh=mesh,
        n_poses=count,
        read=read,
        record=run,
        poses=poses,
        didt=None if didt is None else didt.reshape(count, -1),
        names=names,
        elements=index,
        recovery=recovery,
        facts=facts,
    )
