# SPDX-License-Identifier: BSD-3-Clause
"""Writes down what headfield asks of CuPy's stand-in: functions, methods and attributes, once each."""

import functools
import sys
from typing import Any

import cupy
import cupyx
import numpy as np
from kinds import Call, OnDevice, Thing

recorded: dict[str, Call] = {}

_THINGS = {
    "stream": cupy.cuda._BaseStream,
    "event": cupy.cuda.Event,
    "device": cupy.cuda.Device,
    "pool": cupy.cuda.MemoryPool,
    "pinned pool": cupy.cuda.PinnedMemoryPool,
    "place": cupy.cuda.MemoryPointer,
}
_OWN = ("__new__", "__class__", "__reduce__", "__repr__", "__hash__", "__eq__", "__getattribute__")


def install() -> None:
    _watch_module(cupy, "cupy")
    _watch_module(cupyx, "cupyx")
    _watch_module(cupy.cuda, "cupy.cuda")
    _watch_module(cupy.cuda.runtime, "cupy.cuda.runtime")
    look_up = cupy._look_up

    def look_up_and_watch(module: Any, name: str) -> Any:
        value = look_up(module, name)
        return _watched(value, f"cupy.{name}") if module is np and callable(value) else value

    cupy._look_up = look_up_and_watch
    for kind in [cupy.ndarray, cupy.cuda.Stream, cupy.cuda.ExternalStream, *_THINGS.values()]:
        _watch_class(kind)
    for kind, name in (
        (cupy.cuda.Device, "id"),
        (cupy.cuda._BaseStream, "ptr"),
        (cupy.cuda.MemoryPointer, "ptr"),
    ):
        _watch_attribute(kind, name)


def _watch_attribute(kind: Any, name: str) -> None:
    read = _watched(lambda self: vars(self)[name], f".{name}", method=True)
    setattr(kind, name, property(read, lambda self, value: vars(self).update({name: value})))


def _watch_module(module: Any, path: str) -> None:
    for name, value in list(vars(module).items()):
        if not name.startswith("_") and callable(value) and not isinstance(value, type):
            setattr(module, name, _watched(value, f"{path}.{name}"))


def _watch_class(kind: Any) -> None:
    for name, value in list(vars(kind).items()):
        if name == "__init__":
            kind.__init__ = _watched(value, f"cupy.cuda.{kind.__name__}", constructor=True)
        elif isinstance(value, property):
            setattr(kind, name, property(_watched(value.fget, f".{name}", method=True), value.fset))
        elif callable(value) and name not in _OWN:
            setattr(kind, name, _watched(value, f".{name}", method=True))


def _watched(function: Any, name: str, method: bool = False, constructor: bool = False) -> Any:
    @functools.wraps(function)
    def watched(*args: Any, **kwargs: Any) -> Any:
        if sys._getframe(1).f_globals.get("__name__", "").startswith("headfield"):
            owner = args[0] if method else None
            _record(name, owner, args[1:] if method or constructor else args, kwargs)
        return function(*args, **kwargs)

    return watched


def _record(name: str, owner: Any, args: tuple, kwargs: dict[str, Any]) -> None:
    if name == ".__array_function__":  # by it NumPy's functions hand arrays to CuPy's
        name, owner, args, kwargs = f"numpy.{args[0].__name__}", None, args[2], args[3]
    elif name == ".__array_ufunc__":
        name, owner, args = f"numpy.{args[0].__name__}", None, args[2:]
    call = Call(name, _as_data(owner), _as_data(args), _as_data(kwargs))
    recorded.setdefault(call.signature(), call)


def _as_data(value: Any) -> Any:
    if isinstance(value, cupy.ndarray):
        return OnDevice(np.array(value._a, copy=True, order="K"))
    if isinstance(value, np.ndarray):
        return value.copy(order="K")
    if isinstance(value, dict):
        return {k: _as_data(v) for k, v in value.items()}
    if isinstance(value, tuple | list):
        return type(value)(_as_data(v) for v in value)
    for kind, cls in _THINGS.items():
        if isinstance(value, cls):
            return Thing(kind)
    return value
