# SPDX-License-Identifier: BSD-3-Clause
"""Calls of CuPy as data: written by a process with the stand-in, made again by one with either package."""

from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True, eq=False)
class OnDevice:
    """An array of the device, by its values."""

    values: np.ndarray


@dataclass(frozen=True)
class Thing:
    """A stream, an event, a device, a pool, or where in the memory of the device."""

    kind: str


@dataclass(frozen=True, eq=False)
class Call:
    """Of a function ("cupy.asarray", "numpy.stack"), or of a method or an attribute (".get") of its owner."""

    name: str
    owner: Any
    args: tuple
    kwargs: dict[str, Any]

    def signature(self) -> str:
        """The same for calls that differ in sizes and values only."""
        return f"{self.name} {_kind(self.owner)} {_kind(self.args)} {_kind(self.kwargs)}"


def _kind(value: Any) -> str:
    if isinstance(value, OnDevice):
        return f"on device {_kind(value.values)}"
    if isinstance(value, np.ndarray):
        return f"{value.ndim}-d {value.dtype} {'C' if value.flags.c_contiguous else 'any'} {value.size > 0}"
    if isinstance(value, dict):
        return str({k: _kind(v) for k, v in value.items()})
    if isinstance(value, tuple | list):
        return f"{type(value).__name__}{[_kind(v) for v in value]}"
    if isinstance(value, slice | str | bool | type | None):
        return repr(value)
    return type(value).__name__ if not isinstance(value, Thing) else value.kind
