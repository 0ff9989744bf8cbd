# SPDX-License-Identifier: BSD-3-Clause
"""Write the results of many poses while they are solved: one .h5 for all, or a .msh or .vtu per pose.

Poses that were written stay if a later one fails or the run is stopped, and a run of the same can go on after
them. A file under its final name is whole.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from types import TracebackType

from ..errors import ArgumentError, FileFormatError, HeadfieldError, StorageError
from ..heads.mesh import TetMesh
from ..io.atomic import check_folder, replacing
from ..io.locked import LockedFile
from ..io.regular import check_regular, ending_of
from ..io.room import check_room
from .arrays import FieldArrays
from .h5.layout import needed_h5py
from .h5.packing import pack
from .h5.reader import ResultFile, opened
from .h5.storage import Storage
from .h5.writer import AS_IT_IS, RowFile, constants_of, row_of
from .note import Note
from .run import Run
from .write import write_point_results, write_results

__all__ = ["H5_ENDINGS", "FilePerPose", "GrowingH5", "open_results", "result_files", "save_h5"]

H5_ENDINGS = (".h5", ".hdf5")
_ENDINGS_PER_POSE = (".msh", ".vtu")
_NO_FILE = " did not converge"
_COUNT = re.compile(rf"([0-9]{{1,9}})({_NO_FILE})?")
_MOST_RECORD = 1 << 26  # bytes, of some million poses
# Bytes of a pose, at least: of the mesh per tetrahedron and node, of E and |E| per tetrahedron that has them,
# and of the potential per node. In a .vtu all tetrahedra have E, and an .h5 has the mesh once.
_BYTES = {".h5": (0, 0, 16, 8), ".hdf5": (0, 0, 16, 8), ".msh": (28, 28, 40, 12), ".vtu": (45, 24, 0, 8)}


def open_results(
    path: str | os.PathLike[str],
    mesh: TetMesh,
    n_elements: int | None,
    run: Run,
    *,
    resume: bool = False,
    at_points: bool = False,
    storage: Storage = AS_IT_IS,
) -> FilePerPose | GrowingH5:
    """Return the writer for a path; raise at once every error that can be found before a long solve.

    Parameters
    ----------
    path : path
        `.h5`: one file for all poses. `.msh`, `.vtu`: one file per pose, `NAME_0000.msh`, `NAME_0001.msh`, …,
        or just `NAME.msh` if the run has one pose.
    mesh : TetMesh
    n_elements : int or None
        How many tetrahedra the fields are given in; None for all, with the potential.
    run : Run
        What is computed, and which of its poses.
    resume : bool
        Go on after the poses that a run of the same has written, if there was one: none are left to solve if
        an .h5 of it is whole.
    at_points : bool
        The fields are given at so many points, not in tetrahedra: only `.vtu`.
    storage : Storage
        How an .h5 stores E; of other endings there is one way only.

    Returns
    -------
    GrowingH5 or FilePerPose
        A context manager with `done`, how many poses are there already; `not_converged`, the numbers in the
        run of those of them that have no field; `write(field.arrays())`, and `files`, the names of what was
        written.

    Raises
    ------
    FileFormatError
        Another ending, or one that holds no fields at points; h5py is missing.
    ArgumentError
        What lies there is of another run.
    StorageError
        There is too little room, or another run writes there.
    OSError
        The folder doesn't exist or can't be written to, `path` is a folder, or results of a stopped run lie
        there and `resume` was not asked for.
    """
    target, ending = Path(path), ending_of(path)
    if ending not in _ENDINGS_PER_POSE + H5_ENDINGS:
        raise FileFormatError(
            f"{target}: results are written as .msh, .vtu or .h5, not {ending or 'this'}; "
            "`headfield convert` makes .nii.gz, .func.gii, .csv and .npy of them"
        )
    if at_points and ending != ".vtu":
        raise FileFormatError(f"{target}: a field at points is written as .vtu")
    for file in (target, *result_files(target, range(run.first, run.first + 1), run.total)):
        check_folder(file)
    if storage != AS_IT_IS and ending not in H5_ENDINGS:
        raise FileFormatError(f"{target}: E is stored in other ways (--keep, --compress) in an .h5 only")
    each = 16 * (n_elements or 0) if at_points else _pose_bytes(ending, mesh, n_elements, storage)
    if ending in _ENDINGS_PER_POSE:
        return FilePerPose(target, run, resume, each)
    needed_h5py("writing")
    return GrowingH5(target, run, resume, each, storage)


def _pose_bytes(ending: str, mesh: TetMesh, n_elements: int | None, storage: Storage) -> int:
    per_tet, per_node, per_field, per_potential = _BYTES[ending]
    if ending in H5_ENDINGS:
        per_field = storage.field_bytes
    fields = per_field * (mesh.n_tets if n_elements is None else n_elements)
    potential = per_potential * mesh.n_nodes if n_elements is None else 0
    return per_tet * mesh.n_tets + per_node * mesh.n_nodes + fields + potential


def result_files(path: str | os.PathLike[str], run_poses: range, total: int) -> list[Path]:
    """List every file that `open_results` would write for some poses of a run, those for its own use last.

    Examples
    --------
    >>> [file.name for file in result_files("out/f.msh", range(1, 3), 9)]
    ['f_0001.msh', 'f_0002.msh', 'f.msh.run']
    >>> [file.name for file in result_files("f.h5", range(9), 9)]
    ['f.h5', 'f.part.h5']
    """
    target = Path(path)
    if ending_of(path) in H5_ENDINGS:
        return list(_h5_files(target))
    numbered = [target.with_name(f"{target.stem}_{number:04d}{target.suffix}") for number in run_poses]
    return [*([target] if total == 1 else numbered), target.with_name(f"{target.name}.run")]


def _h5_files(path: Path) -> tuple[Path, Path]:
    """Return an .h5 and the name that it has until it is whole."""
    return path, path.with_name(f"{path.stem}.part{path.suffix}")


def save_h5(path: str | os.PathLike[str], arrays: FieldArrays) -> None:
    """Write one field as .h5, whole or not at all; StorageError if it can't be written."""
    _check_in_tetrahedra(arrays)
    with replacing(path) as temporary, open(temporary, "rb+", buffering=0) as file:
        rows = RowFile(file.fileno(), os.fspath(path), len(arrays), stays=False)
        _put(rows, arrays, {} if arrays.run is None else {"run": arrays.run.text()})
        rows.finish()


def _put(rows: RowFile, arrays: FieldArrays, attributes: dict[str, str], storage: Storage = AS_IT_IS) -> None:
    if not rows.laid_out:
        recovered = {} if arrays.local_error is None else {"recovery": str(arrays.recovery)}
        rows.create(constants_of(arrays), row_of(arrays, 0, storage), attributes | recovered)
    rows.put(len(arrays), (row_of(arrays, i, storage) for i in range(len(arrays))))


class GrowingH5:
    """One .h5 that every batch is added to; it gets its final name when all poses are in it.

    Until then it is called NAME.part.h5, in which nothing is packed yet. Its layout is described in
    docs/formats.md. A pose is in it when its mark says so, which is written last; readers take no others.
    """

    def __init__(self, path: Path, run: Run, resume: bool, row_bytes: int, storage: Storage) -> None:
        self.files: list[str] = []
        self.not_converged: list[int] = []
        self._run, self._is_whole, self._storage = run, False, storage
        self._path, self._part = _h5_files(path)
        self._file = LockedFile(self._part)
        try:
            self._rows = RowFile(self._file.descriptor, str(self._part), run.count)
            self._find_what_is_kept(resume)
            self._rows.check_room(row_bytes * (run.count - self.done))
        except BaseException:  # also an interrupt: no `with` block has begun that would close the file
            self._file.close(remove=self._file.created)
            raise

    @property
    def done(self) -> int:
        """Poses that are complete."""
        return self._run.count if self._is_whole else self._rows.done

    def _find_what_is_kept(self, resume: bool) -> None:
        count = 0
        if self._file.begins_with_data():
            with opened(str(self._part)) as there:
                count = there.n_rows
                if count and resume:
                    self._check_same(there)
                    self._rows.go_on(there.places(), count)
        if count and not resume:
            raise _kept_already(self._part, count)
        if not count and resume and os.path.exists(self._path):
            self._find_whole()

    def _find_whole(self) -> None:
        check_regular(self._path, FileFormatError)
        with opened(str(self._path)) as there:
            self._check_same(there)
            if there.n_rows != self._run.count:
                raise ArgumentError(
                    f"{self._path} is not whole, it holds {there.n_rows} of {self._run.count} poses: to go "
                    "on, give the name that the whole file is to have"
                )
        self._is_whole = True

    def _check_same(self, there: ResultFile) -> None:
        run = there.run()
        if run is None:
            raise FileFormatError(f"{there.path}: there is no record of the run in it")
        self._run.check_same(run, there.path)
        self._run.check_slice(run, there.path)
        self.not_converged = [run.first + i for i in there.not_converged()]

    def __enter__(self) -> GrowingH5:
        return self

    def write(self, field: FieldArrays) -> None:
        """Add the poses of a batch; they survive even if the process is killed afterwards."""
        _check_in_tetrahedra(field)
        _put(self._rows, field, {"run": self._run.text()}, self._storage)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # What the file says counts: an interrupt may have come between a mark and what is remembered of it.
        # One may come now as well: only a file that is known to hold nothing is removed.
        empty = self._is_whole
        try:
            empty = self._rows.complete() == 0
            if self._is_whole:
                self.files.append(str(self._path))
            elif kind is None:
                self._rows.finish()
                self._name_finally()
                self.files.append(str(self._path))
            elif not empty:
                self.files.append(str(self._part))
        finally:
            self._file.close(remove=empty)

    def _name_finally(self) -> None:
        if self._storage.compress != "lossless":
            self._file.rename(self._path)
            return
        pack(self._part, self._path)
        self._part.unlink()


class FilePerPose:
    """A .msh or .vtu for each pose; each appears whole or not at all.

    NAME.msh.run beside them, or NAME.vtu.run, says what the run computes and how far it came: a line for each
    pose with how many there are, and whether it has no file. It is removed when all are there.
    """

    def __init__(self, path: Path, run: Run, resume: bool, pose_bytes: int) -> None:
        self.files: list[str] = []
        self.not_converged: list[int] = []
        self.done = 0
        self._run, self._pose_bytes = run, pose_bytes
        *self._paths, self._record = result_files(path, range(run.first, run.first + run.count), run.total)
        self._file = LockedFile(self._record)
        try:
            self._find_what_is_kept(resume)
            self._check_room(run.count - self.done)
        except BaseException:
            self._file.close(remove=self._file.created)
            raise

    def _check_room(self, poses: int) -> None:
        check_room(self._record, self._pose_bytes * poses, self._kept())

    def _kept(self) -> str:
        return f"{self.done} of {self._run.count} poses are there"

    def _find_what_is_kept(self, resume: bool) -> None:
        """Read the record; a last line without its end was torn, and is taken away."""
        found = self._file.read(_MOST_RECORD)
        whole = found[: found.rfind(b"\n") + 1]
        first, *lines = whole.decode("utf-8", "replace").split("\n")
        counts = [match for match in map(_COUNT.fullmatch, lines) if match]
        if not counts:
            return
        name, done = str(self._record), int(counts[-1][1])
        if not resume:
            raise _kept_already(self._record, done)
        there = Run.parse(first, name)
        self._run.check_same(there, name)
        self._run.check_slice(there, name)
        if [int(match[1]) for match in counts] != list(range(1, done + 1)) or done > there.count:
            raise FileFormatError(f"{name}: its record of the run is damaged")
        self._file.cut(len(whole))
        self.done = done
        self.files += [str(path) for path in self._paths[:done] if path.exists()]
        self.not_converged = [there.first + int(match[1]) - 1 for match in counts if match[2]]

    def __enter__(self) -> FilePerPose:
        return self

    def write(self, field: FieldArrays) -> None:
        """Write the poses of a batch that have converged; the others keep their number and get no file."""
        if ending_of(self._paths[0]) != ".vtu":
            _check_in_tetrahedra(field)
        self._check_room(int(field.report.converged.sum()))
        try:
            for i in range(len(field)):
                self._write_pose(field, i)
        except StorageError as error:
            raise StorageError(f"{error}; {self._kept()}") from error

    def _write_pose(self, field: FieldArrays, i: int) -> None:
        path, pose, good = self._paths[self.done], slice(i, i + 1), field.report.converged[i]
        if good:
            note = Note(self._run.part(self._run.first + self.done, 1), field.names[pose])
            if field.region is not None and field.at_points:
                write_point_results(path, field.region, field.in_elements(pose), note)
            else:
                write_results(path, field.mesh, field.in_elements(pose), field.at_nodes(pose), note)
            self.files.append(str(path))
        else:
            path.unlink(missing_ok=True)  # that of an earlier run would pass for the field of this pose
        if not self.done:
            self._file.write(f"{self._run.text()}\n".encode())
        self._file.append(f"{self.done + 1}{'' if good else _NO_FILE}\n".encode())
        self.done += 1

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        whole = kind is None and self.done == self._run.count
        self._file.close(remove=whole or not self.done)
        if kind is None and not whole:
            raise HeadfieldError(f"{self.done} of {self._run.count} poses were written")


def _check_in_tetrahedra(field: FieldArrays) -> None:
    if field.at_points:
        raise ArgumentError("a field at points can't be written as one in tetrahedra: see Field.save")


def _kept_already(path: Path, count: int) -> FileExistsError:
    return FileExistsError(
        f"{path} holds {count} poses of a run that was stopped: go on with --resume, or rename or remove it"
        if path.suffix != ".run"
        else f"{path} says that {count} poses of a run are there that was stopped: go on with --resume, or "
        "remove it"
    )
