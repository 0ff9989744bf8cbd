# SPDX-License-Identifier: BSD-3-Clause
"""Read a results .h5 and believe nothing that the file does not show.

A file may come from anywhere: links to other files, arrays that lie outside of it and sizes that it can't
hold are refused before anything is read, and every array is held against its check sum.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...core.messages import printable
from ...errors import FileFormatError, HeadfieldError, MeshError
from ...heads.mesh import TetMesh
from ...io.growth import GROWTH
from ...io.hdf5 import bytes_read
from ..run import MESH_ARRAYS, Run
from .layout import Place, needed_h5py
from .rows import FACTS, FIELDS, HALF_SCALES, MARKS, checksum, mark_of, whole_rows
from .storage import read_fields

__all__ = ["ResultFile", "opened"]

# Arrays of which one has to be there, by what they have for each tetrahedron of each pose.
_OF_E: dict[str, tuple[int, ...]] = {
    "elements/E": (3,),
    "elements/magnE": (),
    "elements/magnE_float16": (),
    "elements/E_float16": (3,),
}
_SMALL = 1 << 16  # bytes of an array that may be larger than that
_KINDS = {
    "didt": "fiu",
    "converged": "b",
    "iterations": "iu",
    MARKS: "u",
    "device": "S",
    "names": "S",
} | dict.fromkeys(
    ("mesh/tets", "mesh/tags", "mesh/triangles", "mesh/triangle_tags", "mesh/node_ids", "elements/index"),
    "iu",
)


@contextmanager
def opened(path: str) -> Iterator[ResultFile]:
    """Open a results .h5 for reading; what HDF5 says against it becomes FileFormatError."""
    h5py = needed_h5py("reading")
    try:
        with h5py.File(path, "r", locking=False) as file:  # its writer holds the lock, and moves nothing
            yield ResultFile(path, file, h5py)
    except (HeadfieldError, FileNotFoundError, PermissionError):
        raise
    except (OSError, RuntimeError, ValueError, TypeError, KeyError, AttributeError, MemoryError) as error:
        raise FileFormatError(f"{path}: damaged .h5: {' '.join(str(error).split())[:200]}") from error


class ResultFile:
    """An open results .h5.

    Attributes
    ----------
    path : str
    n_rows : int
        Poses that are complete.
    shape : tuple of int
        Rows, complete or not, and tetrahedra that have a field.

    Raises
    ------
    FileFormatError
        It is something else, or damaged.
    """

    def __init__(self, path: str, file: Any, h5py: Any) -> None:
        self.path, self._file, self._h5py = path, file, h5py
        self._size = os.path.getsize(path)
        self._checked: dict[str, Any] = {}
        if str(file.attrs.get("format", "")) != "headfield":
            raise FileFormatError(f"{path}: an .h5, but not a result of headfield")
        self.shape = self._shape()
        if not self.has(MARKS):
            raise FileFormatError(f"{path}: it does not say which poses are complete")
        marks = self._dataset(MARKS)
        if marks.shape != (self.shape[0], 2):
            raise FileFormatError(f"{path}: {MARKS} has the shape {marks.shape} for {self.shape[0]} poses")
        self.n_rows = whole_rows(self.shape[0], lambda part: marks[part])

    def _shape(self) -> tuple[int, int]:
        """Return rows and tetrahedra of the arrays that have E or |E|, which agree on it."""
        there = [name for name in _OF_E if self.has(name)]
        if not there:
            raise FileFormatError(f"{self.path}: no E in it")
        rows, width = None, 0
        for name in there:
            shape = self._dataset(name).shape
            if len(shape) != len(_OF_E[name]) + 2 or shape[2:] != _OF_E[name]:
                fits = "poses by tetrahedra" + " by 3" * len(_OF_E[name])
                raise FileFormatError(f"{self.path}: {name} has the shape {shape}, where {fits} fits")
            if rows is not None and (rows, width) != shape[:2]:
                raise FileFormatError(
                    f"{self.path}: {name} has the shape {shape}, where ({rows}, {width}) fits"
                )
            rows, width = shape[:2]
        assert rows is not None
        return rows, width

    def has(self, name: str) -> bool:
        """Whether the file has an array of this name; a link that leaves the file is refused."""
        if name in self._checked:
            return True
        group, parts = self._file, name.split("/")
        for depth, part in enumerate(parts, 1):
            link = group.get(part, getlink=True)
            if link is None:
                return False
            if not isinstance(link, self._h5py.HardLink):
                raise FileFormatError(f"{self.path}: {name} is a link, which is not followed")
            group = group[part]
            if depth < len(parts) and not isinstance(group, self._h5py.Group):
                return False
        return True

    def array(self, name: str) -> NDArray[Any]:
        """Read an array whole; of an array of rows, those that are complete."""
        dataset = self._dataset(name)
        if name not in FACTS:
            values = np.asarray(dataset[()])
            if "crc32" in dataset.attrs and checksum([values]) != int(dataset.attrs["crc32"]):
                raise FileFormatError(f"{self.path}: damaged .h5: {name} does not fit its check sum")
            return values
        self._check_rows(name, dataset)
        return np.asarray(dataset[: self.n_rows])

    def row(self, name: str, i: int) -> NDArray[Any]:
        """Read row i of an array, after the whole pose was held against its check sum."""
        return self.rows([name], i)[name]

    def rows(self, names: list[str], i: int) -> dict[str, NDArray[Any]]:
        """Read row i of some arrays, after the whole pose was held against its check sum."""
        marks = self._dataset(MARKS)[i].tolist()
        read: dict[str, NDArray[Any]] = {}
        for group, mark in zip((FACTS, FIELDS), marks, strict=True):
            there = [name for name in group if self.has(name)]
            for name in there:
                self._check_rows(name, self._dataset(name))
            # A slice, as h5py strips a text that is taken out by itself.
            values = {name: np.asarray(self._dataset(name)[i : i + 1])[0, ...] for name in there}
            if mark_of(checksum(values.values())) != mark:
                raise FileFormatError(f"{self.path}: damaged .h5: pose {i} does not fit its check sum")
            read |= {name: values[name] for name in names if name in values}
        return read

    def fields(self, i: int) -> dict[str, NDArray[Any]]:
        """Read `E`, `magnE`, `local_error` and `v` of a pose, as far as they are there."""
        return read_fields(self.rows([*FIELDS, *HALF_SCALES], i))

    def names(self) -> list[str]:
        """The arrays of rows that the file has."""
        return [name for name in FACTS + FIELDS if self.has(name)]

    def mesh(self) -> TetMesh:
        """The mesh; MeshError if no field could be computed on it."""
        arrays: dict[str, Any] = {name: self.array(f"mesh/{name}") for name in MESH_ARRAYS}
        try:
            return TetMesh(**arrays, tag_names=self._tag_names())
        except MeshError as error:
            raise MeshError(f"{self.path}: {error}") from None

    def constants(self) -> dict[str, NDArray[Any]]:
        """What the file holds once for all poses: the mesh, and the tetrahedra that E is given in."""
        made = {f"mesh/{name}": self.array(f"mesh/{name}") for name in MESH_ARRAYS}
        return made | ({"elements/index": self.array("elements/index")} if self.has("elements/index") else {})

    def _tag_names(self) -> dict[int, str]:
        """What the file of the head called its tissues; none if the record of the run is damaged."""
        try:
            run = self.run()
        except FileFormatError:
            return {}
        return {} if run is None else run.tag_names

    def index(self, mesh: TetMesh) -> NDArray[Any] | None:
        """The tetrahedra that E is given in; None for all."""
        index = self.array("elements/index") if self.has("elements/index") else None
        if index is not None and (index.ndim != 1 or not ((index >= 0) & (index < mesh.n_tets)).all()):
            raise FileFormatError(f"{self.path}: elements/index has indices outside of the mesh")
        width = mesh.n_tets if index is None else len(index)
        if self.shape[1] != width:
            raise FileFormatError(f"{self.path}: E has the shape {self.shape}, where (k, {width}) fits")
        if not self.n_rows or not width:
            raise FileFormatError(f"{self.path}: no E in it: {self.n_rows} poses in {width} tetrahedra")
        return index

    def check_facts(self) -> None:
        """Hold the facts of all poses, which are read together, against their check sums."""
        tables = [self.array(name) for name in FACTS if self.has(name)]
        marks = self._dataset(MARKS)[: self.n_rows, 0].tolist()
        for i, mark in enumerate(marks):
            if mark_of(checksum(table[i, ...] for table in tables)) != mark:
                raise FileFormatError(f"{self.path}: damaged .h5: pose {i} does not fit its check sum")

    def texts(self, name: str) -> tuple[str, ...]:
        """Read an array of texts, without signs that a terminal might obey; none if it is absent."""
        found = self.array(name).tolist() if self.has(name) else []
        return tuple(printable(text.decode("utf-8", "replace")) for text in found)

    def not_converged(self) -> list[int]:
        """The rows, of those that are complete, of poses that did not converge."""
        if not self.has("converged"):
            return []
        found: list[int] = np.flatnonzero(~self.array("converged")).tolist()
        return found

    def run(self) -> Run | None:
        """What the run was that the file is of; None if a single field was saved."""
        text = self._file.attrs.get("run")
        return None if text is None else Run.parse(str(text), self.path)

    def attributes(self) -> dict[str, str]:
        """Attributes of the whole file besides its format and its run."""
        return {"recovery": str(self._file.attrs["recovery"])} if "recovery" in self._file.attrs else {}

    @property
    def is_packed(self) -> bool:
        """Whether its fields went through HDF5's filters."""
        return any(self._dataset(name).compression is not None for name in _OF_E if self.has(name))

    def places(self) -> dict[str, Place]:
        """Where the arrays of rows lie, so that more can be put in."""
        found = {}
        for name in (*self.names(), MARKS):
            dataset = self._dataset(name)
            offset = dataset.id.get_offset()
            if offset is None and dataset.size:
                raise FileFormatError(f"{self.path}: {name} is stored in pieces: nothing can be added to it")
            found[name] = Place(offset or 0, dataset.shape, dataset.dtype)
        return found

    def _check_rows(self, name: str, dataset: Any) -> None:
        if dataset.shape[:1] != self.shape[:1]:
            raise FileFormatError(
                f"{self.path}: {name} has the shape {dataset.shape} for {self.shape[0]} poses"
            )

    def _dataset(self, name: str) -> Any:
        """A dataset that lies in this file, and whose size its bytes there allow."""
        if name not in self._checked:
            self._checked[name] = self._check_dataset(name)
        return self._checked[name]

    def _check_dataset(self, name: str) -> Any:
        if not self.has(name):
            raise FileFormatError(f"{self.path}: damaged .h5: there is no {name}")
        dataset = self._file[name]
        kinds = _KINDS.get(name, "f")
        if not isinstance(dataset, self._h5py.Dataset) or dataset.dtype.kind not in kinds:
            raise FileFormatError(f"{self.path}: damaged .h5: {name} is not an array of the right kind")
        if dataset.is_virtual or dataset.external:
            raise FileFormatError(f"{self.path}: {name} lies in another file, which is not read")
        stored = dataset.id.get_storage_size()
        whole = dataset.id.get_offset() is not None and dataset.id.get_offset() + stored
        if bytes_read(dataset) > max(GROWTH * stored, _SMALL) or whole > self._size:
            raise FileFormatError(f"{self.path}: {name} of shape {dataset.shape} does not fit the file")
        return dataset
