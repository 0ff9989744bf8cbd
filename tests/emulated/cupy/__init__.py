# SPDX-License-Identifier: BSD-3-Clause
"""A stand-in for cupy on a machine without a GPU, for tests: PYTHONPATH=tests/emulated.

Device pointers are host pointers. An array holds a NumPy array, but refuses what the real one refuses: to
become a NumPy array without `get`, and to be mixed with one.
"""

import types
from collections.abc import Callable
from typing import Any

import numpy as np

from . import _memory
from . import cuda as cuda
from ._array import SCALARS, call, check_dtype, ndarray, wrap

__version__ = "14.0.0+emulated"

_pool = _memory.MemoryPool()
_pinned_pool = _memory.PinnedMemoryPool()


def is_available() -> bool:
    return True


def get_default_memory_pool() -> _memory.MemoryPool:
    return _pool


def get_default_pinned_memory_pool() -> _memory.PinnedMemoryPool:
    return _pinned_pool


def get_array_module(*args: Any) -> types.ModuleType:
    import cupy

    return cupy if any(isinstance(a, ndarray) for a in args) else np


def asnumpy(
    a: Any, stream: Any = None, order: Any = "C", out: np.ndarray | None = None, *, blocking: bool = True
) -> np.ndarray:
    if isinstance(a, ndarray):
        return a.get(stream=stream, order=order, out=out, blocking=blocking)
    if hasattr(a, "__cuda_array_interface__"):
        return asarray(a).get(stream=stream, order=order, out=out, blocking=blocking)
    host = np.asarray(a, order=order)
    if out is None:
        return host
    out[...] = host
    return out


# New arrays. All memory comes from `_memory.Memory`, so it is counted before it is taken.
def empty(shape: Any, dtype: Any = float, order: str = "C") -> ndarray:
    return ndarray(shape, dtype, order=order)


def full(shape: Any, fill_value: Any, dtype: Any = None, order: str = "C") -> ndarray:
    if dtype is None:
        dtype = fill_value.dtype if isinstance(fill_value, ndarray) else np.array(fill_value).dtype
    out = empty(shape, dtype, order)
    out.fill(fill_value)
    return out


def zeros(shape: Any, dtype: Any = float, order: str = "C") -> ndarray:
    return full(shape, 0, dtype, order)


def ones(shape: Any, dtype: Any = float, order: str = "C") -> ndarray:
    return full(shape, 1, dtype, order)


def _like(make: Callable) -> Callable:
    def like(a: ndarray, *args: Any, dtype: Any = None, order: str = "C", shape: Any = None) -> ndarray:
        if not isinstance(a, ndarray):
            raise TypeError(f"Unsupported type {type(a)}")
        wanted = a.shape if shape is None else shape
        return make(
            wanted, *args, dtype=a.dtype if dtype is None else dtype, order="C" if order in "AK" else order
        )

    return like


empty_like, zeros_like, ones_like, full_like = (_like(f) for f in (empty, zeros, ones, full))


def _from_interface(a: Any) -> ndarray:
    about = a.__cuda_array_interface__
    dtype = check_dtype(np.dtype(about["typestr"]))
    strides, shape = about.get("strides"), tuple(about["shape"])
    extent = int(np.prod(shape)) * dtype.itemsize
    if strides is not None and extent:
        extent = sum((n - 1) * s for n, s in zip(shape, strides, strict=True)) + dtype.itemsize
    memory = _memory.UnownedMemory(about["data"][0], extent, a)
    return ndarray(shape, dtype, _memory.MemoryPointer(memory, 0), strides)


def _has_device(value: Any) -> bool:
    if isinstance(value, tuple | list):
        return any(_has_device(v) for v in value)
    return isinstance(value, ndarray)


def array(
    obj: Any,
    dtype: Any = None,
    copy: bool | None = True,
    order: Any = "K",
    subok: bool = False,
    ndmin: int = 0,
    *,
    blocking: bool = False,
) -> ndarray:
    if not isinstance(obj, ndarray) and hasattr(obj, "__cuda_array_interface__"):
        obj = _from_interface(obj)
    if isinstance(obj, ndarray):
        a = np.array(obj._a, dtype, copy=copy or None, order=order, ndmin=ndmin)
        return obj if a is obj._a else wrap(a)
    if isinstance(obj, tuple | list) and _has_device(obj):
        parts = [array(o, dtype) for o in obj]
        return array(call(np.stack, parts), dtype, ndmin=ndmin)
    host = np.array(obj, dtype, copy=None, order=order, ndmin=ndmin)
    out = empty(host.shape, host.dtype, "F" if host.flags.fnc and order != "C" else "C")
    out._a[...] = host
    return out


def asarray(a: Any, dtype: Any = None, order: Any = None, *, blocking: bool = False) -> ndarray:
    return array(a, dtype, copy=None, order=order or "K")


def asanyarray(a: Any, dtype: Any = None, order: Any = None, *, blocking: bool = False) -> ndarray:
    return array(a, dtype, copy=None, order=order or "K")


def _need_array(a: Any) -> None:
    if not isinstance(a, ndarray):  # unlike asarray
        raise TypeError(f"Argument 'a' has incorrect type (expected ndarray, got {type(a).__name__})")


def ascontiguousarray(a: ndarray, dtype: Any = None) -> ndarray:
    _need_array(a)
    return array(a, dtype, copy=None, order="C", ndmin=1)


def asfortranarray(a: ndarray, dtype: Any = None) -> ndarray:
    _need_array(a)
    return array(a, dtype, copy=None, order="F", ndmin=1)


def copy(a: ndarray, order: Any = "K") -> ndarray:
    _need_array(a)
    return array(a, order=order)


# Everything else is NumPy's, on arrays of the device.
_ON_THE_HOST = """
dtype finfo iinfo issubdtype promote_types result_type can_cast min_scalar_type isscalar shape ndim size
broadcast_shapes printoptions set_printoptions get_printoptions
"""
_NEW = """
arange linspace logspace eye identity tri indices
"""
_NOT_THERE = """
insert ma rec char strings ctypeslib memmap matrix asmatrix bmat recarray chararray nditer nested_iters
ndenumerate fromiter fromregex genfromtxt datetime64 timedelta64 busday_count busday_offset busdaycalendar
is_busday datetime_as_string datetime_data object_ void str_ bytes_ longdouble clongdouble flexible character
test testing typing f2py seterr geterr errstate lib
"""


_JOINING = """
concatenate stack hstack vstack dstack column_stack
"""


def _refuse_lists(name: str, function: Callable, args: tuple) -> None:
    """Lists and numbers are no arrays, and what joins arrays takes nothing else."""
    if not args:
        return
    operands = args if isinstance(function, np.ufunc) or name == "where" else args[:1]
    if name in _JOINING.split():
        operands = args[0]
    elif name == "where":
        _need_array(args[0])
    for a in operands:
        if isinstance(a, list) or (name in _JOINING.split() and not isinstance(a, ndarray)):
            raise TypeError(f"Unsupported type {type(a)}: cupy.{name} takes cupy arrays")


def _device_function(name: str, function: Callable, new: bool) -> Callable:
    def on_device(*args: Any, **kwargs: Any) -> Any:
        if not new:
            _refuse_lists(name, function, args)
        if not new and not _has_device([*args, *kwargs.values()]):
            scalars = args and all(isinstance(a, SCALARS) for a in args)
            if not (isinstance(function, np.ufunc) and scalars):
                raise TypeError(
                    f"Unsupported type {type(args[0]) if args else None}: cupy.{name} takes cupy arrays"
                )
        return call(function, *args, **kwargs)

    on_device.__name__ = name
    return on_device


def _look_up(module: Any, name: str) -> Any:
    if name.startswith("_") or name in _NOT_THERE.split() or not hasattr(module, name):
        raise AttributeError(f"module 'cupy' has no attribute {name!r}")
    value = getattr(module, name)
    if name in _ON_THE_HOST.split():
        if name in ("shape", "ndim", "size", "result_type", "can_cast"):
            return lambda *args, **kwargs: value(
                *(a._a if isinstance(a, ndarray) else a for a in args), **kwargs
            )
        return value
    if isinstance(value, types.ModuleType):
        if name not in ("linalg", "random", "fft"):
            raise AttributeError(f"module 'cupy' has no attribute {name!r}")
        return _Submodule(value)
    if callable(value) and not isinstance(value, type):
        return _device_function(name, value, name in _NEW.split() or module is np.random)
    return value


class _Submodule:
    def __init__(self, module: types.ModuleType) -> None:
        self._module = module

    def __getattr__(self, name: str) -> Any:
        return _look_up(self._module, name)


def __getattr__(name: str) -> Any:
    return _look_up(np, name)
