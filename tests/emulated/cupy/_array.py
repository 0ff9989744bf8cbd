# SPDX-License-Identifier: BSD-3-Clause
"""An array of the emulated device: holds a NumPy array and refuses what the real one refuses."""

import functools
import operator as operators
from collections.abc import Callable
from typing import Any

import numpy as np

from . import _memory, cuda

SCALARS = (np.generic, bool, int, float, complex)


def check_dtype(dtype: np.dtype) -> np.dtype:
    if dtype.kind not in "biufc" or dtype.itemsize > (16 if dtype.kind == "c" else 8):
        raise ValueError(f"Unsupported dtype {dtype}")
    return dtype


def wrap(result: Any) -> Any:
    """What NumPy returned, as the device would: arrays, also of no dimension, instead of scalars."""
    if isinstance(result, np.ndarray | np.generic):
        a = np.asarray(result)
        check_dtype(a.dtype)
        owner = _memory.owner_of(a)
        if isinstance(owner, np.ndarray) and id(owner) not in _memory._live:
            _memory.check_room(owner.nbytes)
            _memory.count(owner, owner.nbytes)
        out = ndarray.__new__(ndarray)
        out._a = a
        return out
    if isinstance(result, tuple) and hasattr(result, "_fields"):
        return type(result)(*(wrap(r) for r in result))
    if isinstance(result, tuple | list):
        return type(result)(wrap(r) for r in result)
    return result


def unwrap(value: Any) -> Any:
    """Arguments of a function of the device: its own arrays, scalars, and what is no array at all."""
    if isinstance(value, ndarray):
        return value._a
    if isinstance(value, np.ndarray):
        raise TypeError(f"Unsupported type {np.ndarray}")
    if isinstance(value, tuple | list):
        return type(value)(unwrap(v) for v in value)
    return value


def call(function: Callable, *args: Any, **kwargs: Any) -> Any:
    # `out` comes back as the object it is.
    out = kwargs.get("out")
    out = out[0] if isinstance(out, tuple) and len(out) == 1 else out
    if out is not None and not isinstance(out, ndarray):
        raise TypeError(f"Unsupported type {type(out)}")
    inner = {k: unwrap(v) for k, v in kwargs.items()}
    try:
        result = function(*(unwrap(a) for a in args), **inner)
    except MemoryError as e:
        raise _memory.OutOfMemoryError(0, _memory.used_bytes()) from e
    return out if out is not None else wrap(result)


def index(key: Any) -> Any:
    """An index as NumPy wants it; host arrays are copied to the device, as the real one does."""
    if isinstance(key, tuple):
        return tuple(index(k) for k in key)
    return key._a if isinstance(key, ndarray) else key


class Flags:
    def __init__(self, a: np.ndarray) -> None:
        self.c_contiguous: bool = a.flags.c_contiguous
        self.f_contiguous: bool = a.flags.f_contiguous
        self.owndata: bool = a.flags.owndata or not isinstance(a.base, np.ndarray)
        self.fnc: bool = a.flags.fnc

    def __getitem__(self, name: str) -> bool:
        return getattr(self, name.lower())


class ndarray:
    """As cupy.ndarray."""

    __array_priority__ = 100
    __hash__ = None  # type: ignore[assignment]
    _a: np.ndarray

    def __init__(
        self, shape: Any, dtype: Any = float, memptr: Any = None, strides: Any = None, order: str = "C"
    ) -> None:
        kind = check_dtype(np.dtype(dtype))
        shape = tuple(shape) if np.iterable(shape) else (operators.index(shape),)
        if memptr is None:
            memptr = _memory.alloc(int(np.prod(shape, dtype=object)) * kind.itemsize)
        self._a = _memory.array_on(memptr.mem, memptr.ptr - memptr.mem.ptr, shape, kind, strides, order)

    # What host code may not do without saying so.
    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
        raise TypeError(
            "Implicit conversion to a NumPy array is not allowed. "
            "Please use `.get()` to construct a NumPy array explicitly."
        )

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        for value in (*inputs, *kwargs.get("out", ())):
            if value is not None:
                operand(value)
        if method not in ("__call__", "reduce", "accumulate", "reduceat", "at", "outer"):
            return NotImplemented
        return call(getattr(ufunc, method), *inputs, **kwargs)

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        import cupy

        if not all(issubclass(t, ndarray) for t in types):
            return NotImplemented
        try:
            module = functools.reduce(getattr, function.__module__.split(".")[1:], cupy)
            own = getattr(module, function.__name__)
        except AttributeError:
            return NotImplemented
        return own(*args, **kwargs)

    @property
    def __cuda_array_interface__(self) -> dict[str, Any]:
        a = self._a
        return {
            "shape": a.shape,
            "typestr": a.dtype.str,
            "descr": a.dtype.descr,
            "stream": cuda.get_current_stream().ptr or 1,  # 1: the legacy default stream
            "version": 3,
            "strides": None if a.flags.c_contiguous else a.strides,
            "data": (self.data.ptr, False),
        }

    # Where it lies.
    @property
    def data(self) -> _memory.MemoryPointer:
        ptr = self._a.ctypes.data if self.size else 0
        return _memory.MemoryPointer(_memory.UnownedMemory(ptr, self._a.nbytes, self._a), 0)

    @property
    def device(self) -> Any:
        return cuda.Device(0)

    @property
    def base(self) -> Any:
        return wrap(self._a.base) if isinstance(self._a.base, np.ndarray) else None

    @property
    def flags(self) -> Flags:
        return Flags(self._a)

    @property
    def shape(self) -> tuple[int, ...]:
        return self._a.shape

    @shape.setter
    def shape(self, shape: Any) -> None:
        self._a.shape = shape

    @property
    def T(self) -> "ndarray":
        return wrap(self._a.T)

    @property
    def real(self) -> "ndarray":
        return wrap(self._a.real)

    @property
    def imag(self) -> "ndarray":
        return wrap(self._a.imag)

    # To and from the host.
    def get(self, stream: Any = None, order: Any = "C", out: Any = None, blocking: bool = True) -> np.ndarray:
        if out is None:
            return np.array(self._a, order=order, copy=True)
        if not isinstance(out, np.ndarray):
            raise TypeError("Only numpy.ndarray can be obtained from cupy.ndarray")
        if out.dtype != self.dtype:
            raise TypeError(f"{out.dtype.name} array cannot be obtained from {self.dtype.name} array")
        if out.shape != self.shape:
            raise ValueError(f"Shape mismatch. Expected shape: {self.shape}, actual shape: {out.shape}")
        if not (out.flags.c_contiguous or out.flags.f_contiguous):
            raise RuntimeError("`out` cannot be specified when copying to non-contiguous ndarray")
        out[...] = self._a
        return out

    def set(self, arr: np.ndarray, stream: Any = None) -> None:
        if not isinstance(arr, np.ndarray):
            raise TypeError("Only numpy.ndarray can be set to cupy.ndarray")
        if self.dtype != arr.dtype:
            raise TypeError(f"{arr.dtype.name} array cannot be set to {self.dtype.name} array")
        if self.shape != arr.shape:
            raise ValueError(f"Shape mismatch. Old shape: {self.shape}, new shape: {arr.shape}")
        if not (self._a.flags.c_contiguous or self._a.flags.f_contiguous):
            raise RuntimeError("Cannot set to non-contiguous array")
        self._a[...] = arr

    def item(self, *args: Any) -> Any:
        return self._a.item(*args)

    def tolist(self) -> Any:
        return self._a.tolist()

    def tobytes(self, order: Any = "C") -> bytes:
        return self._a.tobytes(order)

    def __getitem__(self, key: Any) -> "ndarray":
        key = index(key)
        result = self._a[key]
        if isinstance(result, np.generic):  # also one element is a view here
            result = self._a[(*key, ...) if isinstance(key, tuple) else (key, ...)]
        return wrap(result)

    def __setitem__(self, key: Any, value: Any) -> None:
        if isinstance(value, np.ndarray | list | tuple) and np.shape(value) != ():
            raise ValueError("non-scalar numpy.ndarray cannot be used for fill")
        self._a[index(key)] = value._a if isinstance(value, ndarray) else value

    def fill(self, value: Any) -> None:
        if isinstance(value, np.ndarray) and value.shape != ():
            raise ValueError("non-scalar numpy.ndarray cannot be used for fill")
        self._a.fill(value._a if isinstance(value, ndarray) else value)

    def __len__(self) -> int:
        return len(self._a)

    def __iter__(self) -> Any:
        if not self.ndim:
            raise TypeError("iteration over a 0-d array")
        return (self[i] for i in range(len(self)))

    def __bool__(self) -> bool:
        return bool(self._a)

    def __float__(self) -> float:
        return float(self._a.item())

    def __int__(self) -> int:
        return int(self._a.item())

    def __complex__(self) -> complex:
        return complex(self._a.item())

    def __repr__(self) -> str:
        return repr(self._a)

    def __str__(self) -> str:
        return str(self._a)

    def __format__(self, spec: str) -> str:
        return format(self._a, spec) if self.ndim else format(self._a.item(), spec)

    def __copy__(self) -> "ndarray":
        return wrap(self._a.copy())

    def __deepcopy__(self, memo: Any) -> "ndarray":
        return wrap(self._a.copy())

    def __reduce__(self) -> Any:
        import cupy

        return cupy.array, (self.get(),)


# The rest does what NumPy's does, with arguments and results of the device.
METHODS = """
all any argmax argmin argpartition argsort astype choose clip compress conj conjugate copy cumprod cumsum
diagonal dot flatten max mean min nonzero partition prod put ravel repeat reshape round searchsorted sort
squeeze std sum swapaxes take trace transpose var view
"""
ATTRIBUTES = "dtype itemsize nbytes ndim size strides"
UNARY = "neg pos abs invert"
BINARY = "add sub mul truediv floordiv mod pow divmod matmul lshift rshift and or xor"
COMPARE = "lt le eq ne gt ge"


def operand(value: Any) -> Any:
    if not isinstance(value, SCALARS + (ndarray,)):
        raise TypeError(f"Unsupported type {type(value)}")
    return unwrap(value)


def _method(name: str) -> Callable:
    def method(self: ndarray, *args: Any, **kwargs: Any) -> Any:
        if name == "dot" and not all(isinstance(a, ndarray) for a in args):
            raise TypeError("Argument 'b' has incorrect type (expected ndarray)")
        return call(getattr(self._a, name), *args, **kwargs)

    return method


def _comparison(name: str) -> Callable:
    def comparison(self: ndarray, other: Any) -> Any:
        single = isinstance(other, np.ndarray) and not other.ndim  # which only comparisons take
        return wrap(getattr(self._a, name)(other if single else operand(other)))

    return comparison


def _operator(name: str) -> Callable:
    def operator(self: ndarray, *others: Any) -> Any:
        return wrap(getattr(self._a, name)(*(operand(o) for o in others)))

    return operator


def _in_place(name: str) -> Callable:
    def operator(self: ndarray, other: Any) -> ndarray:
        getattr(self._a, name)(operand(other))
        return self

    return operator


for _name in METHODS.split():
    setattr(ndarray, _name, _method(_name))
for _name in ATTRIBUTES.split():
    setattr(ndarray, _name, property(lambda self, _n=_name: getattr(self._a, _n)))
for _name in COMPARE.split():
    setattr(ndarray, f"__{_name}__", _comparison(f"__{_name}__"))
for _name in UNARY.split() + BINARY.split():
    setattr(ndarray, f"__{_name}__", _operator(f"__{_name}__"))
for _name in BINARY.split():
    setattr(ndarray, f"__r{_name}__", _operator(f"__r{_name}__"))
    if _name not in ("divmod", "matmul"):
        setattr(ndarray, f"__i{_name}__", _in_place(f"__i{_name}__"))
