# SPDX-License-Identifier: BSD-3-Clause
"""Write the results of many poses while they are solved: one growing .h5, or a .msh or .vtu per pose.

Poses that were written stay if a later one fails or the run is stopped: as finished .msh and .vtu files, or
in an unfinished .h5 called NAME.part.h5. A file under its final name is whole.
"""

from __future__ import annotations

import os
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import ArgumentError, FileFormatError, HeadfieldError
from ..heads.mesh import TetMesh
from ..io.atomic import check_folder
from ..io.regular import ending_of
from .arrays import FieldArrays
from .write import magnitude, write_results

__all__ = ["H5_ENDINGS", "MESH_ARRAYS", "FilePerPose", "GrowingH5", "open_results", "result_files"]

H5_ENDINGS = (".h5", ".hdf5")
#: Arrays of a mesh that an .h5 holds, in its group `mesh`.
MESH_ARRAYS = ("nodes_mm", "tets", "tags", "triangles", "triangle_tags", "node_ids")
_ENDINGS_PER_POSE = (".msh", ".vtu")


def open_results(
    path: str | os.PathLike[str], mesh: TetMesh, k: int, elements: NDArray[Any] | None = None
) -> FilePerPose | GrowingH5:
    """Return the writer for a path; raise at once every error that can be found before a long solve.

    Parameters
    ----------
    path : path
        `.h5`: one file for all poses. `.msh`, `.vtu`: one file per pose, `NAME_0000.msh`, `NAME_0001.msh`, …,
        or just `NAME.msh` if `k` is 1.
    mesh : TetMesh
    k : int
        How many poses will be written.
    elements : ndarray (e,) int32 or None
        The tetrahedra that the fields are given in; None for all.

    Returns
    -------
    GrowingH5 or FilePerPose
        A context manager with `write(field.arrays())`, and `files`, the names of what was written.

    Raises
    ------
    FileFormatError
        Another ending, or h5py is missing.
    OSError
        The folder doesn't exist or can't be written to, `path` is a folder, or an unfinished .h5 of a run
        that was stopped lies there.
    """
    target, ending = Path(path), ending_of(path)
    if ending not in _ENDINGS_PER_POSE + H5_ENDINGS:
        raise FileFormatError(f"{target}: results are written as .msh, .vtu or .h5, not {ending or 'this'}")
    check_folder(target)
    if ending in _ENDINGS_PER_POSE:
        return FilePerPose(target, k)
    return GrowingH5(target, mesh, k, elements)


def result_files(path: str | os.PathLike[str], k: int) -> list[Path]:
    """List every file that `open_results` would write for k poses, those under a temporary name last.

    Examples
    --------
    >>> [file.name for file in result_files("out/f.msh", 2)], [file.name for file in result_files("f.h5", 2)]
    (['f_0000.msh', 'f_0001.msh'], ['f.h5', 'f.part.h5'])
    """
    target = Path(path)
    if ending_of(path) in H5_ENDINGS:
        return [target, target.with_name(f"{target.stem}.part{target.suffix}")]
    if k == 1:
        return [target]
    return [target.with_name(f"{target.stem}_{number:04d}{target.suffix}") for number in range(k)]


class FilePerPose:
    """A .msh or .vtu for each pose; each appears whole or not at all."""

    def __init__(self, path: Path, k: int) -> None:
        self.files: list[str] = []
        self._paths = result_files(path, k)
        self._next = 0

    def __enter__(self) -> FilePerPose:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def write(self, field: FieldArrays) -> None:
        """Write the poses of a batch that have converged; the others keep their number and get no file."""
        _check_in_tetrahedra(field)
        for i, converged in enumerate(field.report.converged):
            if converged:
                self._write_pose(field, i, self._next + i)
        self._next += len(field)

    def _write_pose(self, field: FieldArrays, i: int, number: int) -> None:
        path, pose = self._paths[number], slice(i, i + 1)
        write_results(path, field.mesh, field.in_elements(pose), field.at_nodes(pose))
        self.files.append(str(path))


class GrowingH5:
    """One .h5 that every batch is added to; it gets its final name when all poses are in it.

    Layout: `mesh/…` as `TetMesh`; `elements/E` (k, e, 3) and `elements/magnE` (k, e) float32, V/m;
    `elements/index` (e,) if not all tetrahedra were asked for, else `nodes/v` (k, n) float64, V; of coils
    `poses` (k, 4, 4), `didt` (k,) or (k, s), A/s; `residual`, `tolerance`, `iterations`, `converged` (k,),
    and `discretisation_error` (k,) where it was estimated. A recovered E comes with `elements/local_error`
    (k, e) float32, V/m, and the attribute `recovery`. Poses that did not converge are NaN. The arrays carry
    HDF5's checksums, so that a damaged file is refused and not read as another field.
    """

    def __init__(self, path: Path, mesh: TetMesh, k: int, elements: NDArray[Any] | None) -> None:
        try:
            import h5py  # type: ignore[import-untyped]  # an optional package, which only .h5 needs
        except ImportError as error:
            raise FileFormatError("writing .h5 needs h5py: pip install 'headfield[hdf5]'") from error
        self.files: list[str] = []
        self._k = k
        self._path, self._part = result_files(path, k)
        _check_nothing_kept(self._part, h5py)
        self._file = h5py.File(self._part, "w")
        self._done = 0
        try:
            self._create(mesh, elements)
        except BaseException:  # also an interrupt: no `with` block has begun that would close the file
            self._file.close()
            self._part.unlink(missing_ok=True)
            raise

    def _create(self, mesh: TetMesh, elements: NDArray[Any] | None) -> None:
        count = mesh.n_tets if elements is None else len(elements)
        self._file.attrs["format"] = "headfield"
        for name in MESH_ARRAYS:
            self._keep(f"mesh/{name}", getattr(mesh, name))
        self._add("elements/E", (count, 3), np.float32)
        self._add("elements/magnE", (count,), np.float32)
        if elements is None:
            self._add("nodes/v", (mesh.n_nodes,), np.float64)
        else:
            self._keep("elements/index", elements)
        self._add("residual", (), np.float64)
        self._add("tolerance", (), np.float64)
        self._add("iterations", (), np.int32)
        self._add("converged", (), np.bool_)

    def _keep(self, name: str, values: NDArray[Any]) -> None:
        self._file.create_dataset(name, data=values, fletcher32=values.size > 0)

    def _add(self, name: str, shape: tuple[int, ...], dtype: Any) -> None:
        # A chunk is one pose, at most 4 million rows of it (HDF5 allows 4 GiB).
        chunk = (1, *(min(n, 1 << 22) for n in shape)) if shape else (max(1, min(self._k, 1024)),)
        most = (self._k, *shape)
        self._file.create_dataset(name, (0, *shape), dtype, maxshape=most, chunks=chunk, fletcher32=True)

    def __enter__(self) -> GrowingH5:
        return self

    def write(self, field: FieldArrays) -> None:
        """Add the poses of a batch; what is flushed survives even if the process is killed."""
        _check_in_tetrahedra(field)
        if self._done == 0:
            for name, values in _of_coils(field).items():
                self._add(name, values.shape[1:], np.float64)
            if field.report.discretisation_error is not None:
                self._add("discretisation_error", (), np.float64)
            if field.local_error is not None:
                self._file.attrs["recovery"] = field.recovery
                self._add("elements/local_error", (field.E.shape[1],), np.float32)
        for i in range(len(field)):
            self._write_pose(field, i)
        self._file.flush()

    def _write_pose(self, field: FieldArrays, i: int) -> None:
        report = field.report
        row: dict[str, Any] = {name: values[i] for name, values in _of_coils(field).items()}
        for name in ("residual", "tolerance", "iterations", "converged", "discretisation_error"):
            if name in self._file:
                row[name] = getattr(report, name)[i]
        keep = report.converged[i]
        row["elements/E"] = field.E[i] if keep else np.nan
        row["elements/magnE"] = magnitude(field.E[i]) if keep else np.nan
        if field.local_error is not None:
            row["elements/local_error"] = field.local_error[i] if keep else np.nan
        if field.potential is not None:
            row["nodes/v"] = field.potential[i] if keep else np.nan
        for name, values in row.items():
            dataset = self._file[name]
            dataset.resize(self._done + 1, axis=0)
            dataset[self._done] = values
        self._done += 1

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()
        if kind is None and self._done != self._k:
            raise HeadfieldError(f"{self._done} of {self._k} poses were written to {self._part}")
        if kind is None:
            os.replace(self._part, self._path)
            self.files.append(str(self._path))
        elif self._done:
            self.files.append(str(self._part))
        else:
            self._part.unlink(missing_ok=True)


def _of_coils(field: FieldArrays) -> dict[str, NDArray[np.float64]]:
    """Poses and dI/dt, which fields of other sources than coils don't have."""
    known = {"poses": field.poses, "didt": field.didt}
    return {name: values for name, values in known.items() if values is not None}


def _check_in_tetrahedra(field: FieldArrays) -> None:
    if field.at_points:
        raise ArgumentError("a field at points can't be written as one in tetrahedra: see Field.save")


def _check_nothing_kept(part: Path, h5py: Any) -> None:
    """Raise an error rather than write over poses that a stopped run has solved."""
    if not part.exists():
        return
    try:
        with h5py.File(part, "r") as file:
            count = int(file["converged"][...].sum())
    except (OSError, KeyError, RuntimeError):
        count = -1
    if count:
        held = f"{count} poses" if count > 0 else "what can't be read"
        raise FileExistsError(f"{part} holds {held}, of a run that was stopped: rename or remove it first")
