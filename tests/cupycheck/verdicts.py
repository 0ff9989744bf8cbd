# SPDX-License-Identifier: BSD-3-Clause
"""What a package named cupy says to calls: each as headfield makes it, and with arguments of other kinds.

    python verdicts.py real|stand-in CALLS

prints, as JSON, "accepted" or why refused, by call.
"""

import json
import pickle
import sys
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from kinds import Call, OnDevice, Thing

if __name__ == "__main__" and sys.argv[1] == "real":
    import driver

    driver.install()

import cupy
import cupyx

_HERE, _PLACES, _YES = (
    OnDevice(np.arange(6.0).reshape(2, 3)),
    OnDevice(np.array([1, 0])),
    OnDevice(np.eye(2, 3) > 0),
)
#: Calls that headfield doesn't make now: they differ from NumPy's, and are what one would reach for.
BESIDES = [
    Call("cupy.ascontiguousarray", None, (_HERE,), {}),
    Call("cupy.asfortranarray", None, (_HERE,), {}),
    Call("cupy.array", None, (_HERE,), {}),
    Call("cupy.copy", None, (_HERE,), {}),
    Call("cupy.zeros_like", None, (_HERE,), {}),
    Call("cupy.full", None, ((2, 3), 1.0), {}),
    Call("cupy.zeros", None, (3,), {"dtype": np.float32}),
    Call("cupy.concatenate", None, ((_HERE, _HERE),), {}),
    Call("cupy.where", None, (_YES, _HERE, _HERE), {}),
    Call("cupy.add", None, (_HERE, _HERE), {"out": _HERE}),
    Call("cupy.sqrt", None, (_HERE,), {}),
    Call("cupy.sum", None, (_HERE,), {}),
    Call("cupy.take", None, (_HERE, _PLACES), {}),
    Call("numpy.add", None, (_HERE, _HERE), {}),
    Call("numpy.abs", None, (_HERE,), {}),
    Call("numpy.concatenate", None, ((_HERE, _HERE),), {}),
    Call("numpy.asarray", None, (_HERE,), {}),
    Call("numpy.ascontiguousarray", None, (_HERE,), {}),
    Call(".__setitem__", _HERE, (slice(None), _HERE), {}),
    Call(".__setitem__", _HERE, (0, 1.0), {}),
    Call(".__getitem__", _HERE, ((_PLACES, slice(None)),), {}),
    Call(".__iadd__", _HERE, (_HERE,), {}),
    Call(".__matmul__", _HERE, (OnDevice(np.ones((3, 2))),), {}),
    Call(".__array__", _HERE, (), {}),
    Call(".dot", _HERE, (OnDevice(np.ones((3, 2))),), {}),
    Call(".set", _HERE, (np.ones((2, 3)),), {}),
    Call(".set", _HERE, (np.ones((2, 3), np.float32),), {}),
    Call(".set", _HERE, (np.ones((3, 2)),), {}),
    Call(".get", _HERE, (), {"out": np.ones((3, 2))}),
    Call(".get", _HERE, (), {"out": np.ones((2, 3), np.float32)}),
    Call(".get", _HERE, (), {"out": np.ones((2, 6))[:, ::2]}),
    Call(".get", _HERE, (Thing("stream"), "C", np.ones((2, 3)), False), {}),
    Call(".tolist", _HERE, (), {}),
    Call(".record", Thing("stream"), (Thing("event"),), {}),
    Call(".wait_event", Thing("stream"), (Thing("stream"),), {}),
    Call("cupy.asarray", None, (["text"],), {}),
    Call("cupy.asarray", None, (np.ones(3, np.longdouble),), {}),
    Call("cupy.cuda.Event", None, (), {"disable_timing": True}),
    Call(".status", Thing("error"), (), {}),
    Call("cupy.cuda.alloc_pinned_memory", None, (64,), {}),
    Call("cupyx.zeros_pinned", None, ((2, 3), np.float32), {}),
]

_LARGEST_LIST = 4000
_OF_THE_DRIVER, _NO_LIBRARY = {"CUDARuntimeError", "CUDADriverError", "MemoryError"}, "Failure finding"


def made(value: Any) -> Any:
    """The arguments that data stand for."""
    if isinstance(value, OnDevice):
        return cupy.asarray(np.asfortranarray(value.values) if _is_transposed(value) else value.values)
    if isinstance(value, Thing):
        return _things()[value.kind]()
    if isinstance(value, np.ndarray):
        return value.copy(order="K")
    if isinstance(value, dict):
        return {k: made(v) for k, v in value.items()}
    if isinstance(value, tuple | list):
        return type(value)(made(v) for v in value)
    return value


def _is_transposed(value: OnDevice) -> bool:
    return value.values.flags.f_contiguous and not value.values.flags.c_contiguous


def _things() -> dict[str, Callable[[], Any]]:
    return {
        "stream": lambda: cupy.cuda.Stream(non_blocking=True),
        "event": cupy.cuda.Event,
        "device": lambda: cupy.cuda.Device(0),
        "pool": cupy.get_default_memory_pool,
        "pinned pool": cupy.get_default_pinned_memory_pool,
        "place": lambda: cupy.cuda.alloc(64),
        "error": lambda: cupy.cuda.runtime.CUDARuntimeError(35),
    }


def others(call: Call) -> Iterator[tuple[str, Call]]:
    """The call with one of its arguments, or of what lies in a tuple of them, of another kind."""
    yield "", call
    for path in _paths(call.args):
        for kind, value in _kinds(_at(call.args, path)):
            yield (
                f"args{list(path)} = {kind}",
                Call(call.name, call.owner, _with(call.args, path, value), call.kwargs),
            )
    for name, value in call.kwargs.items():
        for kind, other in _kinds(value):
            changed = {**call.kwargs, name: other}
            yield f"{name} = {kind}", Call(call.name, call.owner, call.args, changed)


def _kinds(value: Any) -> Iterator[tuple[str, Any]]:
    host = value.values if isinstance(value, OnDevice) else value
    if isinstance(host, np.ndarray):
        yield "on the device", OnDevice(host)
        yield "of NumPy", host
        yield "of NumPy, no dimension", np.array(host.ravel()[0] if host.size else 1, host.dtype)
        yield "a number", (host.ravel()[0] if host.size else host.dtype.type(1)).item()
        yield "a number of NumPy", host.ravel()[0] if host.size else host.dtype.type(1)
        if host.size <= _LARGEST_LIST:
            yield "a list", host.tolist()
    elif isinstance(host, int | float | np.number) and not isinstance(host, bool):
        yield "of NumPy, no dimension", np.array(host)
        yield "on the device, no dimension", OnDevice(np.array(host))
        yield "of NumPy", np.array([host, host])
        yield "a list", [host, host]


def _paths(args: Any, path: tuple[int, ...] = ()) -> Iterator[tuple[int, ...]]:
    for i, value in enumerate(args):
        if isinstance(value, tuple | list):
            yield from (
                p
                for p in _paths(value, (*path, i))
                if isinstance(_at(args, p[len(path) :]), OnDevice | np.ndarray)
            )
        else:
            yield (*path, i)


def _at(args: Any, path: tuple[int, ...]) -> Any:
    return _at(args[path[0]], path[1:]) if path else args


def _with(args: Any, path: tuple[int, ...], value: Any) -> Any:
    if not path:
        return value
    return type(args)(_with(v, path[1:], value) if i == path[0] else v for i, v in enumerate(args))


def verdict(call: Call) -> str:
    try:
        owner, args, kwargs = made(call.owner), made(call.args), made(call.kwargs)
        if call.name.startswith("."):
            value = getattr(owner, call.name[1:])
            result = value(*args, **kwargs) if callable(value) else value
        else:
            package, *names = call.name.split(".")
            function: Any = {"cupy": cupy, "cupyx": cupyx, "numpy": np}[package]
            for name in names:
                function = getattr(function, name)
            result = function(*args, **kwargs)
    except Exception as problem:
        names = {kind.__name__ for kind in type(problem).__mro__}
        if names & _OF_THE_DRIVER or _NO_LIBRARY in str(problem):
            return "accepted"  # what is missing now is a driver, a compiler of kernels or cuBLAS
        return f"refused: {type(problem).__name__}: {str(problem)[:200]}"
    return "accepted" if result is not NotImplemented else "refused: NotImplemented"


def main(path: str) -> None:
    with open(path, "rb") as file:
        calls = pickle.load(file)
    found = {f"{c.signature()} | {how}": verdict(other) for c in calls + BESIDES for how, other in others(c)}
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main(sys.argv[2])
