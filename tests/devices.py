# SPDX-License-Identifier: BSD-3-Clause
"""Native modules for tests that are written once, and run on every device there is: NumPy in and out.

`native` is the module of the device in $HEADFIELD_DEVICE, the CPU's if that is not set; the fixture
`each_device` sets it to one after the other. For "cuda" arrays go to the device for each call, and what the
call wrote to them comes back.
"""

from __future__ import annotations

import functools
import importlib
import os
from typing import Any

import numpy as np

# Functions that take NumPy arrays in every module.
ON_HOST = (
    "node_parts",
    "boundary_faces",
    "morton_order",
    "mesh_edges",
    "refine_edges",
    "assemble_quadratic",
    "sampling",
    "Triangles",
    "DistanceLattice",
    "thinned",
    "CurrentTree",
    "product",
    "mode_sums",
    "table_sums",
)


def module_of(device: str) -> Any:
    """The native module of a device, taking NumPy arrays."""
    module = importlib.import_module(f"headfield.core._{device}")
    return module if device == "cpu" else OnDevice(module)


class _Current:
    def __getattr__(self, name: str) -> Any:
        return getattr(module_of(os.environ.get("HEADFIELD_DEVICE") or "cpu"), name)


native: Any = _Current()


class OnDevice:
    """A module, or an object of one, whose arrays lie on a GPU."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._inner, name)
        if not callable(value) or name in ON_HOST:
            return value
        return functools.partial(_call, value)


def _call(function: Any, *args: Any, **kwargs: Any) -> Any:
    import cupy

    sent: list[tuple[np.ndarray, Any]] = []

    def put(value: Any) -> Any:
        if isinstance(value, OnDevice):
            return value._inner
        if isinstance(value, (list, tuple)):
            return type(value)(put(v) for v in value)
        if not isinstance(value, np.ndarray):
            return value
        there = cupy.asarray(value) if value.flags.c_contiguous else cupy.asarray(value.T).T
        if not value.flags.writeable:
            return _ReadOnly(there)
        sent.append((value, there))
        return there

    result = function(*(put(a) for a in args), **{k: put(v) for k, v in kwargs.items()})
    for here, there in sent:
        here[...] = there.get()
    return _get(result)


class _ReadOnly:
    def __init__(self, array: Any) -> None:
        self._array = array

    @property
    def __cuda_array_interface__(self) -> dict[str, Any]:
        facts = self._array.__cuda_array_interface__
        return {**facts, "data": (facts["data"][0], True)}


def _get(value: Any) -> Any:
    import cupy

    if isinstance(value, cupy.ndarray):
        return value.get()
    if isinstance(value, tuple):
        return tuple(_get(v) for v in value)
    return (
        OnDevice(value)
        if type(value).__module__ == "headfield.core._cuda" and _holds_arrays(value)
        else value
    )


def _holds_arrays(value: Any) -> bool:
    return type(value).__name__ in ("Grid", "Hierarchy", "Indices", "Mixture", "Solver", "Sources")
