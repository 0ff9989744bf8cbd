# SPDX-License-Identifier: BSD-3-Clause
"""What a result was computed from: hashes, settings, names of files. It is in every result file.

Only a run of the same can go on in a file, or be joined to it. There is no date in it, so that the same run
makes the same bytes.
"""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core.digest import digest
from ..core.version import VERSION
from ..errors import ArgumentError, FileFormatError
from ..heads.mesh import TetMesh

__all__ = ["MESH_ARRAYS", "Run", "run_of"]

#: Arrays of a mesh that a hash goes through, and that an .h5 holds in its group `mesh`.
MESH_ARRAYS = ("nodes_mm", "tets", "tags", "triangles", "triangle_tags", "node_ids")

_SAID = {
    "head": "head",
    "conductivity": "conductivity",
    "coil": "coil",
    "poses": "poses, their names or their dI/dt",
    "options": "options",
}


@dataclass(frozen=True, kw_only=True)
class Run:
    """What a run is given, in hashes and in words, and which of its poses a file is to hold.

    Attributes
    ----------
    head, conductivity, coil, poses, options : str
        `digest` of the mesh, of its conductivity, of the coil, of all poses with names and
        dI/dt, of the options.
    first, count : int
        The file holds the poses first … first + count − 1.
    total : int
        Poses of the whole run.
    version : str
        Of headfield, which may give other bits in another version.
    settings : dict of str to object
        The options, and `conductivity_S_per_m` of each tag, as far as it is one number.
    files : dict of str to str
        Names, without their folders, of the files of `head`, `coil` and `poses`, where they are known.

    Examples
    --------
    >>> same = {"conductivity": "s", "poses": "c", "options": "d", "first": 0, "count": 5, "total": 9}
    >>> run = Run(head="a", coil="b", **same)
    >>> Run.parse(run.text(), "f.h5") == run
    True
    >>> run.check_same(dataclasses.replace(run, coil="other"), "f.h5")
    Traceback (most recent call last):
    ...
    headfield.errors.ArgumentError: f.h5 is of another run: the coil is not the same
    """

    head: str
    conductivity: str
    coil: str
    poses: str
    options: str
    first: int
    count: int
    total: int
    version: str = VERSION
    settings: Mapping[str, Any] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)

    def text(self) -> str:
        """The record as it is kept in files, one line of JSON."""
        return json.dumps(dataclasses.asdict(self))

    @property
    def tag_names(self) -> dict[int, str]:
        """What the file of the head calls its tissues, by tag; empty if that is not on record."""
        names = self.settings.get("tag_names")
        if not isinstance(names, dict):
            return {}
        return {
            int(tag): str(name) for tag, name in names.items() if re.fullmatch(r"-?\d{1,9}", tag) and name
        }

    def part(self, first: int, count: int) -> Run:
        """The record of some of its poses."""
        return dataclasses.replace(self, first=first, count=count)

    @classmethod
    def parse(cls, text: str, path: str) -> Run:
        """Read a record; FileFormatError if it is not one."""
        try:
            values = json.loads(text)
            if "conductivity" not in values:  # before 0.1.0 was released it was hashed with the head
                values = {"conductivity": "", "settings": {}, "files": {}} | values
            if values.keys() != _KINDS.keys():
                raise ValueError
            if not all(type(values[name]) is kind for name, kind in _KINDS.items()):
                raise ValueError
            run = cls(**values)
        except (ValueError, TypeError, AttributeError, RecursionError):
            raise FileFormatError(f"{path}: its record of the run is damaged") from None
        if not (run.first >= 0 and run.count > 0 and run.first + run.count <= run.total):
            raise FileFormatError(f"{path}: its record of the run is damaged")
        return run

    def check_same(self, other: Run, path: str) -> None:
        """Raise ArgumentError unless `other`, which `path` is of, computes the same.

        Devices and instruction sets may differ: their fields agree to rounding.
        """
        versions = f"version of headfield ({other.version}, here {self.version})"
        said_of = _SAID | {"version": versions}
        different = [said for name, said in said_of.items() if getattr(self, name) != getattr(other, name)]
        if bool(self.conductivity) != bool(other.conductivity):  # one of the two hashed something else
            different = ["kind of record, of an earlier headfield,"]
        if not different and self.total != other.total:
            different = [_SAID["poses"]]
        if different:
            verb = "is" if len(different) == 1 and different[0] not in (_SAID["poses"], "options") else "are"
            raise ArgumentError(
                f"{path} is of another run: the {' and the '.join(different)} {verb} not the same"
            )

    def check_slice(self, other: Run, path: str) -> None:
        """Raise ArgumentError unless `other`, which `path` is of, is of the same poses of the run."""
        if (other.first, other.count) != (self.first, self.count):
            raise ArgumentError(f"{path} is of the slice {other.first}:{other.first + other.count}")


_KINDS = {one.name: {"int": int, "str": str}.get(str(one.type), dict) for one in dataclasses.fields(Run)}


def run_of(
    mesh: TetMesh,
    conductivity: NDArray[np.float64],
    sources: Any,
    poses: Any,
    didt: Any,
    settings: Mapping[str, Any],
    *,
    count: int,
    names: Sequence[str] = (),
) -> Run:
    """Make the record of a run of some poses.

    Parameters
    ----------
    mesh : TetMesh
    conductivity : ndarray (m,) or (m, 3, 3) float64, S/m
    sources : object
        What drives the head, for `digest`: the content of a coil.
    poses, didt : array_like, or None
    settings : dict of str to object
        Options that change numbers; what is not plain goes in as its `digest`.
    count : int
        Poses, or sources.
    names : sequence of str
        What the poses are called; empty if they have no names.

    Examples
    --------
    >>> mesh = TetMesh([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]], [[0, 1, 2, 3]], tags=[5])
    >>> run = run_of(mesh, np.array([0.465]), "a coil", [np.eye(4)], 1e6, {"tol": 1e-5}, count=1)
    >>> run.settings
    {'tol': 1e-05, 'conductivity_S_per_m': {'5': 0.465}}
    """
    return Run(
        head=digest([getattr(mesh, name) for name in MESH_ARRAYS]),
        conductivity=digest(conductivity),
        coil=digest(sources),
        poses=digest(
            *(None if one is None else np.asarray(one, np.float64) for one in (poses, didt)), *names
        ),
        options=digest(*sorted(settings.items())),
        first=0,
        count=count,
        total=count,
        settings=dict(settings) | _of_tissues(mesh, conductivity),
    )


def _of_tissues(mesh: TetMesh, conductivity: NDArray[np.float64]) -> dict[str, Any]:
    """Return what the tissues conduct, and what they are called in the file of the head."""
    said: dict[str, Any] = {"conductivity_S_per_m": _by_tag(conductivity, mesh.tags)}
    if mesh.tag_names:
        said["tag_names"] = {str(tag): name for tag, name in mesh.tag_names.items()}
    return said


def _by_tag(conductivity: NDArray[np.float64], tags: NDArray[np.int32]) -> dict[str, float] | str:
    """Return the conductivity of each tag, or say that it is not one number for each."""
    if conductivity.ndim > 1:
        return "tensors"
    present, first, which = np.unique(tags, return_index=True, return_inverse=True)
    values = conductivity[first]
    if (conductivity != values[which]).any():
        return "a number for each tetrahedron"
    return dict(zip(map(str, present.tolist()), values.tolist(), strict=True))
