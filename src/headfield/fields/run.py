# SPDX-License-Identifier: BSD-3-Clause
"""What a run computes, in hashes: only a run of the same can go on in its file, or be joined to it."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..core.version import VERSION
from ..errors import ArgumentError, FileFormatError

__all__ = ["Run", "digest"]

_SAID = {
    "head": "head or its conductivity",
    "coil": "coil",
    "poses": "poses or their dI/dt",
    "options": "options",
    "version": "version of headfield",
}


@dataclass(frozen=True, kw_only=True)
class Run:
    """Hashes of what a run is given, and which of its poses a file is to hold.

    Attributes
    ----------
    head, coil, poses, options : str
        `digest` of the mesh with its conductivity, of the coil, of all poses with dI/dt, of the options.
    first, count : int
        The file holds the poses first … first + count − 1.
    total : int
        Poses of the whole run.
    version : str
        Of headfield, which may give other bits in another version.

    Examples
    --------
    >>> run = Run(head="a", coil="b", poses="c", options="d", first=0, count=5, total=9)
    >>> Run.parse(run.text(), "f.h5") == run
    True
    >>> run.check_same(dataclasses.replace(run, coil="other"), "f.h5")
    Traceback (most recent call last):
    ...
    headfield.errors.ArgumentError: f.h5 is of another run: the coil is not the same
    """

    head: str
    coil: str
    poses: str
    options: str
    first: int
    count: int
    total: int
    version: str = VERSION

    def text(self) -> str:
        """The record as it is kept in files, one line of JSON."""
        return json.dumps(dataclasses.asdict(self))

    @classmethod
    def parse(cls, text: str, path: str) -> Run:
        """Read a record; FileFormatError if it is not one."""
        try:
            values = json.loads(text)
            kinds = {field.name: int if field.type == "int" else str for field in dataclasses.fields(cls)}
            if values.keys() != kinds.keys():
                raise ValueError
            if not all(type(values[name]) is kind for name, kind in kinds.items()):
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
        different = [said for name, said in _SAID.items() if getattr(self, name) != getattr(other, name)]
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


def digest(*values: Any) -> str:
    """Hash arrays, numbers, texts, and records and sequences of them.

    Examples
    --------
    >>> digest(np.arange(3), 1.0, None) == digest(np.arange(3), 1.0, None)
    True
    >>> digest(np.arange(3)) == digest(np.arange(3.0))
    False
    """
    made = hashlib.blake2b(digest_size=16)
    _feed(made, values)
    return made.hexdigest()


def _feed(made: Any, value: Any) -> None:
    if isinstance(value, np.ndarray):
        made.update(f"array {value.dtype.str} {value.shape};".encode())
        made.update(np.ascontiguousarray(value).reshape(-1).view(np.uint8).data)
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        made.update(f"{type(value).__name__} ".encode())
        _feed(made, [(field.name, getattr(value, field.name)) for field in dataclasses.fields(value)])
    elif isinstance(value, (tuple, list)):
        made.update(f"{len(value)}[".encode())
        for one in value:
            _feed(made, one)
    else:
        made.update(f"{type(value).__name__} {value!r};".encode("utf-8", "backslashreplace"))
